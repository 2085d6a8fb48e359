"""Follow-ups: when the fund asks, how it asks, and how it stops.

- Scheduled at payout and around the court date, within the person's hours; never for somebody who does not want
  messages. What is due in quiet hours waits for the next allowed hour, also when the clock has jumped.
- The words are neutral: they stand on a phone that others may look at. Nothing is asked twice at once: each
  question has one message, and a repeat moves it to the end.
- Whoever allows messages again after the payout is asked what still lies ahead.
- Silence is an answer: after the policy's repeats nothing more is sent for that question.
- "Never write again" holds until the person themselves allows it, and an erased case is never written to.
- Courts publish their calendars, so a day in court names its person: the questions around it become rows only two
  days ahead, and the rows go soon after. Until then the day stands sealed in the answer alone.
- A question that waits is offered wherever the person looks: its message is deleted before Telegram's limit.

What a person answers is in `services.followup_answers`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, delete, select

from models.audit import about, record
from models.case import ALLOWED as CASE_ALLOWED
from models.case import Answer, Case, CaseStatus
from models.errors import Stale
from models.followup import ALLOWED, FollowUp, FollowUpKind, FollowUpStatus, UnreadWords
from models.grant import Grant
from models.states import move
from models.unit import Unit
from services import intake
from services.access import Actor
from services.contact import SafeContact, To, read_contact, write_contact
from services.hours import Hours, hours_of
from services.jobs import Job
from services.speak import Button, Screen, clear_slot, show, unfading
from vault.errors import CompartmentShredded
from vault.seal import Place

AFTER_PAYOUT = (FollowUpKind.ARRIVED, FollowUpKind.MONTH, FollowUpKind.QUARTER)
"""In the order of the policy's days."""

AROUND_COURT = (FollowUpKind.COURT_BEFORE, FollowUpKind.COURT_AFTER)
"""Questions whose times tell the day in court."""

NEAR = timedelta(days=2)
"""How long before it is asked a question around the day in court becomes a row, and how long after it goes."""

COURT = "court"
"""The question of the interview whose answer is the day in court, as an ISO date."""

MESSAGES = "messages"
"""The question of the interview whose answer says whether a message may arrive at all."""

WAITING = (FollowUpStatus.SCHEDULED, FollowUpStatus.ASKED)

ASKABLE = frozenset({CaseStatus.PAID, CaseStatus.FOLLOWED_UP})
POSTPONED = frozenset({CaseStatus.APPROVED, CaseStatus.PAYING})
"""The money came back and is being paid anew: what is due waits a day."""

AT_ONCE = 100
"""Rows that one tick of the clock takes."""


async def schedule(unit: Unit, case: Case) -> int:
    """Plan what is to be asked after a payout, in place of what was planned before; returns how many.

    Plans nothing when messages may not be sent.
    """
    contact = await read_contact(unit, case)
    await cancel(unit, case)
    if not contact.may_write:
        return 0
    hours = hours_of(contact, unit.policy.followups)
    planned = list(_after_payout(unit, hours, unit.now))
    await _add(unit, case, planned)
    return len(planned) + await plan_court(unit, case)


async def resume(unit: Unit, case: Case) -> int:
    """Messages may be sent again: plan what was not asked and still lies ahead; returns how many."""
    contact = await _reachable(unit, case)
    if contact is None:
        return 0
    hours, paid_at = hours_of(contact, unit.policy.followups), await _paid_at(unit, case)
    known = {row.kind for row in await _of_case(unit, case) if row.status is not FollowUpStatus.CANCELLED}
    ahead = [
        (kind, due) for kind, due in _after_payout(unit, hours, paid_at) if due > unit.now and kind not in known
    ]
    await _add(unit, case, ahead)
    return len(ahead) + await plan_court(unit, case)


async def plan_court(unit: Unit, case: Case) -> int:
    """Plan the questions around the day in court that come within two days; returns how many. Safe to repeat."""
    near = await _near_court(unit, case)
    await _add(unit, case, near)
    return len(near)


async def put_off_court(unit: Unit, case: Case) -> None:
    """The day in court is another one: what is not answered yet of the old one goes."""
    await _cancel(unit, case, [row for row in await _of_case(unit, case) if row.kind in AROUND_COURT])
    if case.status in ASKABLE:
        await plan_court(unit, case)


async def cancel(unit: Unit, case: Case, actor: str = "system", keep: UUID | None = None) -> int:
    """Cancel all that is still to be asked or unanswered, and clear it from the chat; returns how many.

    The message of the question `keep` is left to whoever shows something else in its place.
    """
    return await _cancel(unit, case, await _of_case(unit, case), actor, keep)


async def _cancel(
    unit: Unit, case: Case, rows: Sequence[FollowUp], actor: str = "system", keep: UUID | None = None
) -> int:
    waiting = [row for row in rows if row.status in WAITING]
    for row in waiting:
        await move(unit, row, FollowUpStatus.CANCELLED, ALLOWED, actor)
        if case.chat is not None and row.id != keep:
            await clear_slot(unit, case.chat, slot_of(row))
    return len(waiting)


async def stop(unit: Unit, case: Case, actor: str, keep: UUID | None = None) -> None:
    """Never write unasked again, and cancel everything planned (`keep` as in `cancel`).

    It stays so, whatever else the person corrects, until they themselves answer the question `messages` anew.
    The case is held first: one that moves to another account at the same moment keeps its new address.
    """
    await unit.session.refresh(case, with_for_update=True)
    contact = await read_contact(unit, case)
    await write_contact(unit, case, replace(contact, may_write=False))
    await intake.write_answer(unit, case, MESSAGES, "no")
    await record(unit, actor, "case.silenced", about("case", case.id))
    await cancel(unit, case, actor, keep)
    await settle(unit, case)


async def ask(unit: Unit, row: FollowUp) -> None:
    """Ask what is due, ask it again, or take it for silent. Does nothing when it is not due any more."""
    case = await unit.session.get_one(Case, row.case_id)
    if row.status not in WAITING or row.due_at > unit.now:
        return
    if case.status in POSTPONED:
        row.due_at = unit.now + timedelta(days=1)
        return
    contact = await _reachable(unit, case)
    if contact is None:
        await cancel(unit, case)
        return
    hours = hours_of(contact, unit.policy.followups)
    if not hours.allow(unit.now):
        row.due_at = hours.next(unit.now)
    elif row.status is FollowUpStatus.ASKED and row.repeats >= unit.policy.followups.repeats:
        await move(unit, row, FollowUpStatus.SILENT, ALLOWED, "system")
        await settle(unit, case)
    else:
        await _say(unit, case, row, To(contact.address, case.language), hours)


async def open_question(unit: Unit, case: Case) -> FollowUp | None:
    """The question that a case has been asked last and that still waits for its answer."""
    asked = [row for row in await _of_case(unit, case) if row.status is FollowUpStatus.ASKED]
    return asked[-1] if asked else None


async def lies_ahead(unit: Unit, case: Case) -> bool:
    """Whether the person is going to be asked something yet."""
    planned = any(row.status is FollowUpStatus.SCHEDULED for row in await _of_case(unit, case))
    return planned or await _court_to_come(unit, case)


async def show_open(unit: Unit, actor: Actor) -> None:
    """Show the actor's open question at the end of their chat: its message goes long before the next repeat.

    Raises `Stale` when nothing waits for an answer any more.
    """
    row = await open_question(unit, actor.case) if actor.case else None
    if row is None:
        raise Stale
    screen = question(unit, row, actor.language)
    await show(unit, actor.to, screen, slot=slot_of(row), case=actor.case, life=unfading(unit), anew=True)


async def settle(unit: Unit, case: Case) -> None:
    """Move a paid case on when nothing is left to ask, and close it when that is some days ago."""
    while (target := await _onward(unit, case)) is not None:
        if target is CaseStatus.CLOSED:
            case.closed_at = unit.now
        await move(unit, case, target, CASE_ALLOWED, "system")


def slot_of(row: FollowUp) -> str:
    """The slot of a question's one message."""
    return f"followup:{row.id}"


def question(unit: Unit, row: FollowUp, language: str, *, again: bool = False) -> Screen:
    """A question with its buttons."""
    texts, which = unit.texts, {"followup": str(row.id)}
    asked = texts.render(f"followup.ask.{row.kind}", language)
    text = f"{texts.render('followup.again', language)}\n\n{asked}" if again else asked
    arrived = row.kind is FollowUpKind.ARRIVED
    answers = (("yes", "good"), ("not-yet", "not_arrived")) if arrived else (("good", "good"), ("bad", "bad"))
    rows = [
        [
            Button(
                texts.render(f"followup.button.{label}", language), "followup.answer", which | {"outcome": value}
            )
            for label, value in answers
        ],
        *(
            [Button(texts.render(f"followup.button.{label}", language), act, which)]
            for label, act in (
                ("words", "followup.words"),
                ("danger", "followup.danger"),
                ("never", "followup.never"),
            )
        ),
    ]
    return Screen(text, rows)


async def _say(unit: Unit, case: Case, row: FollowUp, to: To, hours: Hours) -> None:
    again = row.status is FollowUpStatus.ASKED
    screen = question(unit, row, case.language, again=again)
    await show(unit, to, screen, slot=slot_of(row), case=case, life=unfading(unit), anew=True)
    row.due_at = hours.next(unit.now + timedelta(days=unit.policy.followups.repeat_days))
    if again:
        row.repeats += 1
    else:
        await move(unit, row, FollowUpStatus.ASKED, ALLOWED, "system")


async def _reachable(unit: Unit, case: Case) -> SafeContact | None:
    """The contact of a case that may be written to now; none when it is over, erased or wants no messages."""
    if case.status not in ASKABLE or case.chat is None:
        return None
    try:
        contact = await read_contact(unit, case)
    except (CompartmentShredded, LookupError):
        return None
    return contact if contact.may_write else None


async def _add(unit: Unit, case: Case, planned: Sequence[tuple[FollowUpKind, datetime]]) -> None:
    taken = {(row.kind, row.due_at) for row in await _of_case(unit, case)}
    for kind, due in planned:
        # A payout made anew may come to the very moment of a cancelled question.
        later = next(
            due + timedelta(seconds=n) for n in count() if (kind, due + timedelta(seconds=n)) not in taken
        )
        unit.session.add(FollowUp(case_id=case.id, kind=kind, due_at=later))
    await unit.session.flush()


def _after_payout(unit: Unit, hours: Hours, paid_at: datetime) -> Iterator[tuple[FollowUpKind, datetime]]:
    for kind, days in zip(AFTER_PAYOUT, unit.policy.followups.days, strict=True):
        yield kind, hours.next(paid_at + timedelta(days=days))


def _around(court: date | None, hours: Hours, now: datetime) -> Iterator[tuple[FollowUpKind, datetime]]:
    """The day before and the day after, as far as they are still to come."""
    if court is None:
        return
    for kind, days in ((FollowUpKind.COURT_BEFORE, -1), (FollowUpKind.COURT_AFTER, 1)):
        day = court + timedelta(days=days)
        due = hours.next(max(now, hours.opening(day)))
        if hours.local(due).date() == day:
            yield kind, due


async def _near_court(unit: Unit, case: Case) -> list[tuple[FollowUpKind, datetime]]:
    """What is to be planned around the day in court now."""
    contact = await _reachable(unit, case)
    if contact is None:
        return []
    known = {row.kind for row in await _of_case(unit, case) if row.status is not FollowUpStatus.CANCELLED}
    hours = hours_of(contact, unit.policy.followups)
    around = _around(await _court_day(unit, case), hours, unit.now)
    return [(kind, due) for kind, due in around if due <= unit.now + NEAR and kind not in known]


async def _court_day(unit: Unit, case: Case) -> date | None:
    found = await unit.session.exec(select(Answer).where(Answer.case_id == case.id, Answer.question == COURT))
    answer = found.first()
    if answer is None:
        return None
    place = Place("answer", "text", str(answer.id))
    text = (await unit.vault.open(case.id, answer.compartment, answer.text, place)).decode()
    return date.fromisoformat(text) if text else None


async def _onward(unit: Unit, case: Case) -> CaseStatus | None:
    """The state to which a paid case may move now, if any."""
    rows = await _of_case(unit, case)
    if case.status not in ASKABLE or any(row.status in WAITING for row in rows):
        return None
    if await _court_to_come(unit, case):
        return None
    rules = unit.policy.followups
    heard = [row.answered_at or row.due_at for row in rows if row.status is not FollowUpStatus.CANCELLED]
    if heard and case.status is CaseStatus.PAID:
        return CaseStatus.FOLLOWED_UP
    since, days = (max(heard), rules.repeat_days) if heard else (await _paid_at(unit, case), rules.days[-1])
    return CaseStatus.CLOSED if since + timedelta(days=days) <= unit.now else None


async def _court_to_come(unit: Unit, case: Case) -> bool:
    """Whether something is still to be asked around a day in court."""
    contact = await _reachable(unit, case)
    if contact is None:
        return False
    hours = hours_of(contact, unit.policy.followups)
    known = {row.kind for row in await _of_case(unit, case)}
    return any(kind not in known for kind, _ in _around(await _court_day(unit, case), hours, unit.now))


async def _paid_at(unit: Unit, case: Case) -> datetime:
    paid = await unit.session.exec(select(func.max(Grant.paid_at)).where(Grant.case_id == case.id))
    return paid.one() or case.created_at


async def _of_case(unit: Unit, case: Case) -> Sequence[FollowUp]:
    found = await unit.session.exec(
        select(FollowUp).where(FollowUp.case_id == case.id).order_by(col(FollowUp.due_at))
    )
    return found.all()


async def _due(unit: Unit) -> Sequence[UUID]:
    query = (
        select(FollowUp.id)
        .where(col(FollowUp.status).in_(WAITING), FollowUp.due_at <= unit.now)
        .order_by(col(FollowUp.due_at))
        .limit(AT_ONCE)
    )
    return (await unit.session.exec(query)).all()


async def _ask_due(unit: Unit, key: UUID) -> None:
    row = await unit.session.get(FollowUp, key)
    if row is not None:
        await ask(unit, row)


async def _restful(unit: Unit) -> Sequence[UUID]:
    """Paid cases about which nothing is left to ask, and whose time to move on has come."""
    open_ones = select(FollowUp.case_id).where(col(FollowUp.status).in_(WAITING))
    query = select(Case).where(col(Case.status).in_(ASKABLE), col(Case.id).not_in(open_ones))
    cases = (await unit.session.exec(query)).all()
    return [case.id for case in cases if await _onward(unit, case)]


async def _settle_due(unit: Unit, key: UUID) -> None:
    await settle(unit, await unit.session.get_one(Case, key))


async def _with_court(unit: Unit) -> Sequence[UUID]:
    """Cases that have been paid and whose day in court is near; only opening it tells that.

    One with nothing to plan is left out: a key that is found again after it was handled keeps the clock busy.
    """
    query = select(Case).join(Answer, col(Case.id) == Answer.case_id)
    found = await unit.session.exec(
        query.where(Answer.question == COURT, col(Case.status).in_(ASKABLE), col(Case.chat).is_not(None))
    )
    return [case.id for case in found.all() if await _near_court(unit, case)]


async def _plan_court(unit: Unit, key: UUID) -> None:
    await plan_court(unit, await unit.session.get_one(Case, key))


async def _past_court(unit: Unit) -> Sequence[UUID]:
    ended = col(FollowUp.status).not_in(WAITING) & (col(FollowUp.due_at) < unit.now - NEAR)
    query = select(FollowUp.id).where(ended, col(FollowUp.kind).in_(AROUND_COURT)).limit(AT_ONCE)
    return (await unit.session.exec(query)).all()


async def _forget(unit: Unit, key: UUID) -> None:
    row = await unit.session.get(FollowUp, key)
    if row is not None:
        await unit.session.exec(delete(UnreadWords).where(col(UnreadWords.follow_up_id) == key))
        await unit.session.delete(row)


JOBS: tuple[Job, ...] = (
    Job("followup.ask", timedelta(minutes=1), _due, _ask_due),
    Job("followup.settle", timedelta(hours=1), _restful, _settle_due),
    Job("followup.court", timedelta(hours=1), _with_court, _plan_court),
    Job("followup.forget", timedelta(hours=1), _past_court, _forget),
)
