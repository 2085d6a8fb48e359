"""Reading a case: only the panel, only while it is open, page by page, every page on the record.

After an emergency those who sat on the panel read it until they have said what they think of it.

What is read stands in a message of its own with protected content, and is erased minutes later, and at once when
its reader leaves the case. Payout and contact are never shown here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select

from models.audit import about, record
from models.case import OPEN, Answer, Case, Question
from models.errors import Stale
from models.unit import Unit
from services import emergency
from services.access import Act, Actor, require_seat
from services.attachments import pages_of
from services.questions import QUESTIONS, SKIPPED, Kind, shown
from services.speak import units
from vault.seal import Place, SealingKey, open_sealed
from vault.types import Compartment

PAGE = 3600
"""UTF-16 units on a page, below the 4096 of a message (Bot API) with room for its title."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a case, numbered from 0: words, or a picture."""

    number: int
    count: int
    text: str
    picture: UUID | None


async def read(unit: Unit, actor: Actor, case: Case, number: int) -> Page:
    """Open one page; a number past the end gives the last. Raises as `require_seat`, `Stale` once closed."""
    await _require_reader(unit, actor, case)
    texts = await _texts(unit, case, actor.language)
    pictures = await pages_of(unit, case)
    count = len(texts) + len(pictures)
    number = max(0, min(number, count - 1))
    await record(unit, actor.name, "case.read", about("case", case.id), page=number, version=case.version)
    if number < len(texts):
        return Page(number, count, texts[number], None)
    return Page(number, count, "", pictures[number - len(texts)].id)


async def _require_reader(unit: Unit, actor: Actor, case: Case) -> None:
    await unit.session.refresh(case, with_for_update=True)
    if case.status in OPEN:
        await require_seat(unit, actor, Act.READ, case)
    elif await emergency.find(unit, case) is not None:
        await emergency.require_asked(unit, actor, Act.READ, case)
    else:
        raise Stale("review.closed")


def paged(parts: list[str]) -> list[str]:
    """Put parts together into pages, splitting only what does not fit on one."""
    pages: list[str] = [""]
    for part in parts:
        for piece in _pieces(part):
            if units(pages[-1]) + units(piece) + 2 > PAGE:
                pages.append("")
            pages[-1] = f"{pages[-1]}\n\n{piece}" if pages[-1] else piece
    return pages


def _pieces(part: str) -> Iterator[str]:
    """A part cut into what fits on a page."""
    start = length = 0
    for place, sign in enumerate(part):
        if length + units(sign) > PAGE:
            yield part[start:place]
            start, length = place, 0
        length += units(sign)
    if part:
        yield part[start:]


async def _texts(unit: Unit, case: Case, language: str) -> list[str]:
    key = await unit.vault.unlock(case.id, Compartment.story)
    return paged([*await _answers(unit, case, key, language), *await _relayed(unit, case, key, language)])


async def _answers(unit: Unit, case: Case, key: SealingKey, language: str) -> list[str]:
    found = await unit.session.exec(
        select(Answer).where(Answer.case_id == case.id, Answer.compartment == Compartment.story)
    )
    values = {
        row.question: open_sealed(key, row.text, Place("answer", "text", str(row.id))).decode()
        for row in found.all()
    }
    return [
        unit.texts.render(f"intake.title.{asked.key}", language)
        + "\n"
        + shown(asked, values[asked.key], unit.texts, language)
        for asked in QUESTIONS
        if values.get(asked.key, SKIPPED) != SKIPPED and asked.kind is not Kind.DOCUMENTS  # they are pages
    ]


async def _relayed(unit: Unit, case: Case, key: SealingKey, language: str) -> list[str]:
    found = await unit.session.exec(
        select(Question).where(Question.case_id == case.id).order_by(col(Question.asked_at))
    )
    parts = []
    for row in found.all():
        asked = open_sealed(key, row.text, Place("question", "text", str(row.id))).decode()
        parts.append(unit.texts.render("relay.asked", language) + "\n" + asked)
        if row.answer is not None:
            answered = open_sealed(key, row.answer, Place("question", "answer", str(row.id))).decode()
            parts.append(unit.texts.render("relay.answered", language) + "\n" + answered)
    return parts
