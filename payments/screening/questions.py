"""Possible matches as questions: asked once for a subject and an entry, and answered by a human.

The subject's words are sealed: with the case where there is one, so that erasing the case erases them, and by the
server otherwise. An entry whose content changes is a new question; the old decision stays with the old content.
"""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlmodel import col, delete, select

from models.audit import about, record
from models.screening import QUESTION_ALLOWED, ListedEntry, QuestionStatus, ScreeningBar, ScreeningQuestion
from models.states import move
from models.unit import Unit
from payments.screening.entries import Facts, Shown
from payments.screening.search import Near
from vault.seal import Place
from vault.types import BlindIndex, Compartment, IndexName, SealedBytes

if TYPE_CHECKING:
    from payments.screening.checking import Subject


GONE: Final = "—"
"""Stands for words that were forgotten."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How the questions about a subject stand."""

    open: tuple[UUID, ...]
    same: bool
    """A human decided that it is a listed one."""
    other: bool
    """A human decided that it is not."""


async def ask(unit: Unit, subject: "Subject", found: Sequence[Near], versions: str) -> Asked:
    """Find the decision about each near entry, and make a question of each that nobody has asked yet."""
    index = index_of(unit, subject)
    still: list[UUID] = []
    decided: set[QuestionStatus] = set()
    for near in found:
        question = await _existing(unit, index, near.entry, near.listed.source)
        if question is None:
            question = await _new(unit, subject, index, near, versions)
        elif question.status is QuestionStatus.LAPSED:
            await move(unit, question, QuestionStatus.OPEN, QUESTION_ALLOWED, "system")
            question.told_at = None
            question.words = await _seal(unit, question, "words", subject.text)
        if question.status is QuestionStatus.OPEN:
            await _bar(unit, question, subject.involved)
            still.append(question.id)
        decided.add(question.status)
    return Asked(tuple(still), QuestionStatus.SAME in decided, QuestionStatus.NOT_SAME in decided)


async def decide(unit: Unit, question: ScreeningQuestion, decider: UUID, reason: str, *, same: bool) -> None:
    """Write a decision down with its reason. Raises `MoveRefused` when somebody else was faster."""
    target = QuestionStatus.SAME if same else QuestionStatus.NOT_SAME
    question.reason = await _seal(unit, question, "reason", reason)
    question.decided_by, question.decided_at = decider, unit.now
    await move(
        unit, question, target, QUESTION_ALLOWED, str(decider),
        kind=question.kind, list=question.source, ref=question.ref, version=question.list_version,
    )  # fmt: skip
    await unit.session.flush()


async def words_of(unit: Unit, question: ScreeningQuestion) -> str:
    """The subject in its own words. Raises `CompartmentShredded` once its case is erased."""
    return await _open(unit, question, "words", question.words)


async def reason_of(unit: Unit, question: ScreeningQuestion) -> str:
    """Why it was decided so; empty while it is open."""
    return await _open(unit, question, "reason", question.reason) if question.reason else ""


async def bar(unit: Unit, question_ids: Sequence[UUID], volunteers: frozenset[UUID]) -> None:
    """Keep volunteers from deciding: they have got a part in what the questions are about."""
    for question_id in question_ids:
        await _bar(unit, await unit.session.get_one(ScreeningQuestion, question_id), volunteers)


async def forget(unit: Unit, case_id: UUID) -> None:
    """Remove all questions about a case: it is being erased."""
    of_case = select(ScreeningQuestion.id).where(ScreeningQuestion.case_id == case_id)
    await unit.session.exec(delete(ScreeningBar).where(col(ScreeningBar.question_id).in_(of_case)))
    await unit.session.exec(delete(ScreeningQuestion).where(col(ScreeningQuestion.case_id) == case_id))


async def drop_words(unit: Unit, subject: BlindIndex) -> None:
    """Forget what a subject is called that nobody needs to know any more. Decisions and their reasons stay."""
    over = (QuestionStatus.NOT_SAME, QuestionStatus.LAPSED)
    found = await unit.session.exec(
        select(ScreeningQuestion).where(
            ScreeningQuestion.subject == subject, col(ScreeningQuestion.status).in_(over)
        )
    )
    for question in found.all():
        question.words = await _seal(unit, question, "words", GONE)
    await unit.session.flush()


def index_of(unit: Unit, subject: "Subject") -> BlindIndex:
    """The blind index of a subject: its kind, whose it is, its case, and its words, case and spaces folded."""
    folded = " ".join(unicodedata.normalize("NFKC", subject.text).casefold().split())
    return unit.vault.index(
        IndexName.subject, json.dumps([subject.kind, subject.whose, str(subject.case_id or ""), folded])
    )


async def _existing(unit: Unit, index: BlindIndex, entry: ListedEntry, source: Any) -> ScreeningQuestion | None:  # noqa: ANN401 - an enum of the models
    found = await unit.session.exec(
        select(ScreeningQuestion).where(
            ScreeningQuestion.subject == index,
            ScreeningQuestion.source == source,
            ScreeningQuestion.ref == entry.ref,
            ScreeningQuestion.digest == entry.digest,
        )
    )
    return found.first()


async def _new(unit: Unit, subject: "Subject", index: BlindIndex, near: Near, versions: str) -> ScreeningQuestion:
    entry = near.entry
    shown = Shown(entry.name, entry.programmes, Facts.unpacked(entry.facts))
    question = ScreeningQuestion(
        kind=subject.kind, subject=index, words=SealedBytes(b""), case_id=subject.case_id,
        source=near.listed.source, ref=entry.ref, digest=entry.digest, listed_as=near.name,
        facts=shown.packed(), score=near.score, list_version=versions, asked_at=unit.now,
    )  # fmt: skip
    question.words = await _seal(unit, question, "words", subject.text)
    unit.session.add(question)
    await unit.session.flush()
    await record(
        unit, "system", "screening_question.open", about("screening_question", question.id),
        kind=subject.kind, list=question.source, ref=entry.ref, score=near.score,
    )  # fmt: skip
    return question


async def _bar(unit: Unit, question: ScreeningQuestion, volunteers: frozenset[UUID]) -> None:
    for volunteer_id in sorted(volunteers):
        if await unit.session.get(ScreeningBar, (question.id, volunteer_id)) is None:
            unit.session.add(ScreeningBar(question_id=question.id, volunteer_id=volunteer_id))
    await unit.session.flush()


async def _seal(unit: Unit, question: ScreeningQuestion, column: str, words: str) -> SealedBytes:
    place = Place("screening_question", column, str(question.id))
    if question.case_id is None:
        return unit.vault.seal_server(words.encode(), place)
    return await unit.vault.seal(question.case_id, Compartment.payout, words.encode(), place)


async def _open(unit: Unit, question: ScreeningQuestion, column: str, sealed: SealedBytes) -> str:
    place = Place("screening_question", column, str(question.id))
    if question.case_id is None:
        return unit.vault.open_server(sealed, place).decode()
    return (await unit.vault.open(question.case_id, Compartment.payout, sealed, place)).decode()
