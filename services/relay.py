"""Questions of the panel and answers of the applicant, passed on without names.

- One question of a case waits for its answer at a time, whoever asked it.
- An answer is new content: the version rises, and every vote is asked anew.
- While a question waits nobody is replaced for silence, but a panel that needs no answer may still decide.
"""

from sqlmodel import col, select

from models.audit import about, record
from models.case import ALLOWED, Case, CaseStatus, Question
from models.errors import Refused, Stale
from models.states import move
from models.unit import Unit
from services import card, news, review
from services.access import Act, Actor, applicant_of, require_seat
from services.messages import erase_too_long
from services.seats import lock_open
from services.typed import read_text
from vault.seal import Place
from vault.types import Compartment, SealedBytes

LONGEST = 1500
"""Most characters of a question or an answer."""


async def ask(unit: Unit, actor: Actor, case: Case, text: str) -> Question:
    """Put a question to the applicant. Raises `Refused` when one is waiting, `BadInput` when empty or too long."""
    words = read_text(text, LONGEST)
    await lock_open(unit, case)
    volunteer, _ = await require_seat(unit, actor, Act.ASK, case)
    if case.status != CaseStatus.IN_REVIEW:
        raise Refused("relay.waiting")
    question = Question(case_id=case.id, volunteer_id=volunteer.id, text=SealedBytes(b""), asked_at=unit.now)
    question.text = await unit.vault.seal(
        case.id, Compartment.story, words.encode(), Place("question", "text", str(question.id))
    )
    unit.session.add(question)
    await unit.session.flush()
    await move(unit, case, CaseStatus.NEEDS_ANSWER, ALLOWED, actor.name)
    await record(unit, actor.name, "question.asked", about("case", case.id))
    await card.post(unit, case)
    await news.tell(unit, case, "relay.open")
    return question


async def waiting_question(unit: Unit, case: Case) -> Question | None:
    """The question that waits for the applicant's answer."""
    found = await unit.session.exec(
        select(Question).where(Question.case_id == case.id, col(Question.answer).is_(None))
    )
    return found.first() if case.status == CaseStatus.NEEDS_ANSWER else None


async def read_question(unit: Unit, actor: Actor) -> str:
    """The words of the question that waits for the actor's own answer. Raises `Stale` when none does."""
    case = review.own_case(actor)
    question = await waiting_question(unit, case)
    if question is None:
        raise Stale("relay.nothing-waits")
    place = Place("question", "text", str(question.id))
    return (await unit.vault.open(case.id, Compartment.story, question.text, place)).decode()


async def answer_question(unit: Unit, actor: Actor, case: Case, text: str) -> None:
    """Take the applicant's answer. Raises `Stale` when no question waits, `BadInput` when empty or too long."""
    words = read_text(text, LONGEST)
    await lock_open(unit, case)
    question = await waiting_question(unit, case)
    if question is None or review.own_case(actor).id != case.id:
        raise Stale("relay.nothing-waits")
    place = Place("question", "answer", str(question.id))
    question.answer = await unit.vault.seal(case.id, Compartment.story, words.encode(), place)
    question.answered_at = unit.now
    await erase_too_long(unit, actor.chat)
    case.version += 1
    await unit.session.flush()
    await move(unit, case, CaseStatus.IN_REVIEW, ALLOWED, applicant_of(case))
    await record(unit, applicant_of(case), "question.answered", about("case", case.id), version=case.version)
    await news.drop(unit, case, "relay.open")
    await review.case_changed(unit, case)
