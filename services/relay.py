"""Questions of the panel and answers of the applicant, passed on without names.

- One question of a case waits for its answer at a time, whoever asked it.
- Nobody holds a case up by asking: each reviewer asks at most `MOST` times, their own time does not begin anew
  with the answer (`services.panel`), and the coordinators are told of the `MANY`th question of a case.
- An answer is new content: the version rises, and every vote is asked anew.
- While a question waits nobody is replaced for silence, but a panel that needs no answer may still decide.
- Who does not answer is reminded twice, by the neutral line and within their hours. After the policy's days the
  panel goes on without: votes stand, silence counts again. An answer that comes later is taken all the same.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, func, or_, select

from models.audit import about, record
from models.case import ALLOWED, OPEN, Case, CaseStatus, Question
from models.errors import Refused, Stale
from models.states import move
from models.unit import Unit
from models.volunteer import Role, Volunteer
from services import card, news, panel, review, silence
from services.access import Act, Actor, applicant_of, require_seat
from services.jobs import Job
from services.messages import erase_too_long
from services.roles import tell_role
from services.seats import lock_open
from services.typed import read_text
from vault.seal import Place
from vault.types import Compartment, SealedBytes

LONGEST = 1500
"""Most characters of a question or an answer."""

MOST = 2
"""Questions that one reviewer may ask about one case."""

MANY = 3
"""The question of a case of which coordinators are told: each may hold the decision up for days."""


async def ask(unit: Unit, actor: Actor, case: Case, text: str) -> Question:
    """Put a question to the applicant. Raises as `require_may_ask`, and `BadInput` when empty or too long."""
    words = read_text(text, LONGEST)
    await lock_open(unit, case)
    volunteer = await require_may_ask(unit, actor, case)
    question = Question(case_id=case.id, volunteer_id=volunteer.id, text=SealedBytes(b""), asked_at=unit.now)
    question.text = await unit.vault.seal(
        case.id, Compartment.story, words.encode(), Place("question", "text", str(question.id))
    )
    unit.session.add(question)
    await unit.session.flush()
    await move(unit, case, CaseStatus.NEEDS_ANSWER, ALLOWED, actor.name)
    await record(unit, actor.name, "question.asked", about("case", case.id))
    silence.ends(volunteer)
    if await _count(unit, case) == MANY:
        await tell_role(unit, Role.COORDINATOR, "relay.many", code=case.code)
    await card.post(unit, case)
    await news.tell(unit, case, "relay.open")
    return question


async def require_may_ask(unit: Unit, actor: Actor, case: Case) -> Volunteer:
    """Whoever may ask now. Raises `Refused` when a question is waiting, or they have asked often enough."""
    if case.status not in OPEN:
        raise Stale("review.closed")
    volunteer, _ = await require_seat(unit, actor, Act.ASK, case)
    if case.status != CaseStatus.IN_REVIEW:
        raise Refused("relay.waiting")
    if await _count(unit, case, col(Question.volunteer_id) == volunteer.id) >= MOST:
        raise Refused("relay.enough", most=MOST)
    return volunteer


async def waiting_question(unit: Unit, case: Case) -> Question | None:
    """The question asked last, while the applicant may still answer it."""
    asked = select(Question).where(Question.case_id == case.id).order_by(col(Question.asked_at).desc())
    question = (await unit.session.exec(asked.limit(1))).first()
    return question if question is not None and question.answer is None and case.status in OPEN else None


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
    if case.status == CaseStatus.NEEDS_ANSWER:
        await move(unit, case, CaseStatus.IN_REVIEW, ALLOWED, applicant_of(case))
    await record(unit, applicant_of(case), "question.answered", about("case", case.id), version=case.version)
    await news.drop(unit, case, "relay.open")
    await review.case_changed(unit, case, question)


async def _find_unanswered(unit: Unit) -> Sequence[UUID]:
    """Questions that wait, a third of whose time has passed without a word from either side, or all of it."""
    since = func.coalesce(Question.reminded_at, Question.asked_at)
    found = await unit.session.exec(
        select(Question.id)
        .join(Case, col(Case.id) == Question.case_id)
        .where(Case.status == CaseStatus.NEEDS_ANSWER, col(Question.answer).is_(None))
        .where(or_(since <= unit.now - _patience(unit) / 3, Question.asked_at <= unit.now - _patience(unit)))
    )
    return found.all()


async def _remind_or_go_on(unit: Unit, question_id: UUID) -> None:
    question = await unit.session.get(Question, question_id)
    case = await unit.session.get(Case, question.case_id, with_for_update=True) if question else None
    if question is None or case is None or await waiting_question(unit, case) != question:
        return
    if question_id not in await _find_unanswered(unit):
        return
    if question.asked_at <= unit.now - _patience(unit):
        await move(unit, case, CaseStatus.IN_REVIEW, ALLOWED, "system")
        await record(unit, "system", "question.unanswered", about("case", case.id))
        await panel.go_on(unit, case, question)
    else:
        question.reminded_at = unit.now
        await news.tell(unit, case, "relay.open")


async def _count(unit: Unit, case: Case, *whose: ColumnElement[bool]) -> int:
    return (await unit.session.exec(select(func.count()).where(Question.case_id == case.id, *whose))).one()


def _patience(unit: Unit) -> timedelta:
    return timedelta(days=unit.policy.panel.answer_days)


JOBS: tuple[Job, ...] = (Job("relay.unanswered", timedelta(minutes=1), _find_unanswered, _remind_or_go_on),)
