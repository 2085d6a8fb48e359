"""Possible matches with sanctions lists, decided by people; and the alarm when a list is too old.

- A coordinator or a treasurer decides who has no part in what it is about: not their own case, not one whose
  panel they sat on or whose payout they hold, not what they are barred from. Only they read the subject, and each
  reading is on the record.
- A decision needs a reason in words. It is on the record without them; it holds for that subject and that entry
  until the entry changes.
- While a list is missing or too old, screened rails rest, and so does what is paid by hand to somebody who is
  screened; treasurers are told, once and then daily. Nothing else stops.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, delete, func, or_, select

from models.audit import about, hold, record
from models.case import Case
from models.errors import BadInput, ButtonGone, NotAllowed, OwnCase
from models.grant import Grant, Payout
from models.policy import ListSource
from models.screening import (
    QuestionStatus,
    SanctionsList,
    ScreeningAlarm,
    ScreeningBar,
    ScreeningQuestion,
    SubjectKind,
)
from models.unit import Unit
from models.volunteer import Role, Volunteer
from payments import compliance
from payments.screening import givers as giver_checks
from payments.screening import lists, questions
from services import givers
from services.access import Act, Actor, require
from services.contact import volunteer_recipient
from services.jobs import Job
from services.roles import holders, on_duty
from services.speak import Button, Screen, notify
from services.treasury_rights import is_involved
from services.typed import clean

SHORTEST_REASON, LONGEST_REASON = 10, 1000
"""Characters. A word is no reason."""

AGAIN: Final = timedelta(days=1)
"""What waits is spoken of again after so long."""

DECIDERS: Final = (Role.TREASURER, Role.COORDINATOR)

QUESTIONS, RECORDS, GIVERS = "questions", "records", "givers"


async def to_decide(unit: Unit, actor: Actor) -> list[ScreeningQuestion]:
    """The open questions that this actor may decide, oldest first."""
    volunteer = require(actor, Act.DECIDE_MATCH)
    return [question for question in await _open(unit) if await _may(unit, volunteer, question)]


async def decided(unit: Unit, actor: Actor, limit: int) -> list[tuple[ScreeningQuestion, str, str]]:
    """The latest decisions that this actor may see, each with its subject's words and its reason. Audited each."""
    volunteer = require(actor, Act.DECIDE_MATCH)
    found = await unit.session.exec(
        select(ScreeningQuestion)
        .where(col(ScreeningQuestion.status).in_((QuestionStatus.SAME, QuestionStatus.NOT_SAME)))
        .order_by(col(ScreeningQuestion.decided_at).desc(), col(ScreeningQuestion.id))
    )
    seen: list[tuple[ScreeningQuestion, str, str]] = []
    for question in found.all():
        if len(seen) < limit and await _may(unit, volunteer, question):
            await record(unit, actor.name, "screening_question.read", about("screening_question", question.id))
            words, reason = await questions.words_of(unit, question), await questions.reason_of(unit, question)
            seen.append((question, words, reason))
    return seen


async def count_open(unit: Unit) -> int:
    """How many questions are open, whoever may decide them."""
    query = select(func.count()).where(col(ScreeningQuestion.status) == QuestionStatus.OPEN)
    return (await unit.session.exec(query)).one()


async def read(unit: Unit, actor: Actor, question_id: UUID) -> tuple[ScreeningQuestion, str]:
    """A question and its subject's own words, for who may decide it. Each reading is audited."""
    question = await _askable(unit, actor, question_id)
    await record(unit, actor.name, "screening_question.read", about("screening_question", question.id))
    return question, await questions.words_of(unit, question)


async def decide(unit: Unit, actor: Actor, question_id: UUID, typed: str, *, same: bool) -> None:
    """Decide with a reason. Raises `BadInput` for too short or too long a one, `ButtonGone` when it is decided."""
    volunteer = require(actor, Act.DECIDE_MATCH)
    question = await _askable(unit, actor, question_id)
    reason = clean(typed)
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise BadInput("screening.bad.reason", least=SHORTEST_REASON, most=LONGEST_REASON)
    await questions.decide(unit, question, volunteer.id, reason, same=same)
    if question.kind is SubjectKind.DONOR:
        await givers.decided(unit, question.subject)
        return
    others = [other for other in await holders(unit, Role.TREASURER) if other.id != volunteer.id]
    for other in on_duty(others):
        to = await volunteer_recipient(unit, other)
        desk = Button(unit.texts.render("treasury.button.desk", to.language), "treasury.desk")
        await notify(unit, to, Screen(unit.texts.render("screening.told.decided", to.language), [[desk]]))


async def check_may(unit: Unit, actor: Actor, question_id: UUID) -> None:
    """Raise the refusal that `decide` would: before somebody is asked for their reason."""
    await _askable(unit, actor, question_id)


async def _askable(unit: Unit, actor: Actor, question_id: UUID) -> ScreeningQuestion:
    volunteer = require(actor, Act.DECIDE_MATCH)
    await hold(unit)  # before the row: whoever asks comes to it with the chain's lock
    question = await unit.session.get(ScreeningQuestion, question_id, with_for_update=True, populate_existing=True)
    if question is None or question.status is not QuestionStatus.OPEN:
        raise ButtonGone
    case = await unit.session.get(Case, question.case_id) if question.case_id else None
    if case is not None and case.chat == actor.chat:
        raise OwnCase
    if not await _may(unit, volunteer, question):
        raise NotAllowed("screening.refused.involved")
    return question


async def _open(unit: Unit) -> Sequence[ScreeningQuestion]:
    found = await unit.session.exec(
        select(ScreeningQuestion)
        .where(ScreeningQuestion.status == QuestionStatus.OPEN)
        .order_by(col(ScreeningQuestion.asked_at), col(ScreeningQuestion.score).desc(), col(ScreeningQuestion.id))
    )
    return found.all()


async def _may(unit: Unit, volunteer: Volunteer, question: ScreeningQuestion) -> bool:
    """Whether a volunteer has no part in what a question is about."""
    if await unit.session.get(ScreeningBar, (question.id, volunteer.id)) is not None:
        return False
    case = await unit.session.get(Case, question.case_id) if question.case_id else None
    if case is None:
        return True
    if case.chat == volunteer.chat or await is_involved(unit, case, volunteer.id):
        return False
    paid = await unit.session.exec(
        select(Payout.id)
        .join(Grant, col(Grant.id) == Payout.grant_id)
        .where(Grant.case_id == case.id, or_(*(col(by) == volunteer.id for by in _PAYERS)))
        .limit(1)
    )
    return paid.first() is None


_PAYERS = (Payout.claimed_by, Payout.confirmed_by)


async def _deciders(unit: Unit) -> list[Volunteer]:
    found = {volunteer.id: volunteer for role in DECIDERS for volunteer in await holders(unit, role)}
    return sorted(found.values(), key=lambda volunteer: volunteer.call_sign)


async def _find_untold(unit: Unit) -> Sequence[str]:
    return [QUESTIONS] if await _untold(unit) else []


async def _untold(unit: Unit) -> list[ScreeningQuestion]:
    return [one for one in await _open(unit) if one.told_at is None or one.told_at + AGAIN <= unit.now]


async def _tell_untold(unit: Unit, _: str) -> None:
    """One notice to each who is to decide something, however many questions there are."""
    due, deciders = await _untold(unit), await _deciders(unit)
    asked: Counter[UUID] = Counter()
    for question in due:
        asked.update(one.id for one in on_duty([one for one in deciders if await _may(unit, one, question)]))
        question.told_at = unit.now
    for volunteer in deciders:
        if count := asked[volunteer.id]:
            to = await volunteer_recipient(unit, volunteer)
            button = Button(unit.texts.render("screening.button.open", to.language), "screening.show")
            text = unit.texts.render("screening.told.questions", to.language, n=count)
            await notify(unit, to, Screen(text, [[button]]))


async def _find_alarms(unit: Unit) -> Sequence[str]:
    """Sources to raise or to end an alarm about."""
    stale = set(await lists.stale(unit)) if await _matters(unit) else set[ListSource]()
    told = {alarm.source: alarm.told_at for alarm in (await unit.session.exec(select(ScreeningAlarm))).all()}
    ended = [source for source in told if source not in stale]
    return [
        *ended,
        *(source for source in sorted(stale) if source not in told or told[source] + AGAIN <= unit.now),
    ]


async def _alarm(unit: Unit, source: str) -> None:
    if source not in await _find_alarms(unit):
        return
    if source not in await lists.stale(unit):
        await unit.session.exec(delete(ScreeningAlarm).where(col(ScreeningAlarm.source) == source))
        return
    alarm = await unit.session.get(ScreeningAlarm, source) or ScreeningAlarm(source=source, told_at=unit.now)
    alarm.told_at = unit.now
    unit.session.add(alarm)
    for volunteer in on_duty(await holders(unit, Role.TREASURER)):
        to = await volunteer_recipient(unit, volunteer)
        button = Button(unit.texts.render("screening.button.open", to.language), "screening.show")
        text = unit.texts.render(
            "screening.told.stale", to.language, name=unit.texts.render(f"screening.list.{source}", to.language)
        )
        await notify(unit, to, Screen(text, [[button]]))


async def _matters(unit: Unit) -> bool:
    """Whether anything rests while a list is stale: a screened rail is open, or a list has ever been in use."""
    screened = [rail for name in unit.policy.rails if (rail := unit.rails.get(name)) is not None and rail.screened]
    return bool(screened) or (await unit.session.exec(select(SanctionsList.id).limit(1))).first() is not None


async def _find_old(unit: Unit) -> Sequence[str]:
    due = [RECORDS] if await compliance.count_old(unit) else []
    query = select(func.count()).where(*_kept_long_enough(unit))
    due += [QUESTIONS] if (await unit.session.exec(query)).one() else []
    return [*due, *([GIVERS] if await giver_checks.count_old(unit, _years_ago(unit)) else [])]


async def _remove_old(unit: Unit, what: str) -> None:
    if what == RECORDS:
        await compliance.remove_old(unit)
        return
    if what == GIVERS:
        await giver_checks.remove_old(unit, _years_ago(unit))
        return
    old = select(ScreeningQuestion.id).where(*_kept_long_enough(unit))
    await unit.session.exec(delete(ScreeningBar).where(col(ScreeningBar.question_id).in_(old)))
    await unit.session.exec(delete(ScreeningQuestion).where(*_kept_long_enough(unit)))


def _kept_long_enough(unit: Unit) -> tuple[ColumnElement[bool], ...]:
    """Conditions of a question that is not open and has been kept for the policy's years."""
    is_over = col(ScreeningQuestion.status) != QuestionStatus.OPEN
    return (is_over, col(ScreeningQuestion.asked_at) <= _years_ago(unit))


def _years_ago(unit: Unit) -> datetime:
    return datetime.combine(compliance.oldest(unit), time(), UTC)


JOBS: tuple[Job, ...] = (
    Job("screening.tell", timedelta(minutes=1), _find_untold, _tell_untold),
    Job("screening.alarm", timedelta(minutes=10), _find_alarms, _alarm),
    Job("screening.remove", timedelta(days=1), _find_old, _remove_old),
    *givers.JOBS,
)
