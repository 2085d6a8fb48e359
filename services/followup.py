"""Follow-ups: when the fund asks, how it asks, and how it stops.

- Scheduled at payout and around the court date, within the person's hours; never for somebody who does not want
  messages. What is due in quiet hours waits for the next allowed hour, also when the clock has jumped.
- The words are neutral: they stand on a phone that others may look at. Nothing is asked twice at once: each
  question has one message, and a repeat moves it to the end.
- Whoever allows messages again after the payout is asked what still lies ahead.
- Silence is an answer: after the policy's repeats nothing more is sent for that question.
- "Never write again" holds until the person themselves allows it, and an erased case is never written to.
- A case whose person calls for help is not closed before that call has ended: what they write would reach nobody.
- A question that waits is offered wherever the person looks: its message is deleted before Telegram's limit.

What a person answers is in `services.followup_answers`, what is asked around a day in court in
`services.followup_court`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select

from models.audit import about, record
from models.case import ALLOWED as CASE_ALLOWED
from models.case import Case, CaseStatus
from models.errors import Stale
from models.followup import ALLOWED, FollowUp, FollowUpKind, FollowUpStatus
from models.grant import Grant
from models.states import move
from models.unit import Unit
from payments import grants
from services import followup_court, intake
from services.access import Actor
from services.calls import open_call
from services.contact import To, read_contact, write_contact
from services.followup_rows import ASKABLE, AT_ONCE, WAITING, add, cancel, cancel_rows, of_case, reachable, slot_of
from services.hours import Hours, hours_of
from services.jobs import Job
from services.speak import Button, Screen, show, unfading

AFTER_PAYOUT = (FollowUpKind.ARRIVED, FollowUpKind.MONTH, FollowUpKind.QUARTER)
"""In the order of the policy's days."""

MESSAGES = "messages"
"""The question of the interview whose answer says whether a message may arrive at all."""

POSTPONED = frozenset({CaseStatus.APPROVED, CaseStatus.PAYING})
"""The money came back and is being paid anew: what is due waits a day."""


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
    await add(unit, case, planned)
    return len(planned) + await followup_court.plan(unit, case)


async def resume(unit: Unit, case: Case) -> int:
    """Messages may be sent again: plan what was not asked and still lies ahead; returns how many."""
    contact = await reachable(unit, case)
    if contact is None:
        return 0
    hours, paid_at = hours_of(contact, unit.policy.followups), await _paid_at(unit, case)
    known = {row.kind for row in await of_case(unit, case) if row.status is not FollowUpStatus.CANCELLED}
    ahead = [
        (kind, due) for kind, due in _after_payout(unit, hours, paid_at) if due > unit.now and kind not in known
    ]
    await add(unit, case, ahead)
    return len(ahead) + await followup_court.plan(unit, case)


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
    contact = await reachable(unit, case)
    if contact is None:
        await cancel(unit, case)
        return
    hours = hours_of(contact, unit.policy.followups)
    if await followup_court.is_over(unit, case, row, hours):
        await _end(unit, case, row)
    elif not hours.allow(unit.now):
        row.due_at = hours.next(unit.now)
    elif row.status is FollowUpStatus.ASKED and row.repeats >= unit.policy.followups.repeats:
        await _end(unit, case, row)
    else:
        await _say(unit, case, row, To(contact.address, case.language), hours)


async def open_question(unit: Unit, case: Case) -> FollowUp | None:
    """The question that a case has been asked last and that still waits for its answer."""
    asked = [row for row in await of_case(unit, case) if row.status is FollowUpStatus.ASKED]
    return asked[-1] if asked else None


async def lies_ahead(unit: Unit, case: Case) -> bool:
    """Whether the person is going to be asked something yet."""
    planned = any(row.status is FollowUpStatus.SCHEDULED for row in await of_case(unit, case))
    return planned or await followup_court.is_to_come(unit, case)


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


async def _end(unit: Unit, case: Case, row: FollowUp) -> None:
    """Ask no more: whoever was asked has been silent, and what was not asked yet is not asked at all."""
    if row.status is FollowUpStatus.ASKED:
        await move(unit, row, FollowUpStatus.SILENT, ALLOWED, "system")
    else:
        await cancel_rows(unit, case, [row])
    await settle(unit, case)


async def _say(unit: Unit, case: Case, row: FollowUp, to: To, hours: Hours) -> None:
    again = row.status is FollowUpStatus.ASKED
    screen = question(unit, row, case.language, again=again)
    await show(unit, to, screen, slot=slot_of(row), case=case, life=unfading(unit), anew=True)
    if row.kind is FollowUpKind.COURT_BEFORE:
        row.due_at = followup_court.end_of_day(hours, unit.now)
    else:
        row.due_at = hours.next(unit.now + timedelta(days=unit.policy.followups.repeat_days))
    if again:
        row.repeats += 1
    else:
        await move(unit, row, FollowUpStatus.ASKED, ALLOWED, "system")


def _after_payout(unit: Unit, hours: Hours, paid_at: datetime) -> Iterator[tuple[FollowUpKind, datetime]]:
    for kind, days in zip(AFTER_PAYOUT, unit.policy.followups.days, strict=True):
        yield kind, hours.next(paid_at + timedelta(days=days))


async def _onward(unit: Unit, case: Case) -> CaseStatus | None:
    """The state to which a paid case may move now, if any."""
    rows = await of_case(unit, case)
    if case.status not in ASKABLE or any(row.status in WAITING for row in rows):
        return None
    if await followup_court.is_to_come(unit, case) or await grants.is_disputed(unit, case):
        return None
    rules = unit.policy.followups
    heard = [row.answered_at or row.due_at for row in rows if row.status is not FollowUpStatus.CANCELLED]
    if heard and case.status is CaseStatus.PAID:
        return CaseStatus.FOLLOWED_UP
    since, days = (max(heard), rules.repeat_days) if heard else (await _paid_at(unit, case), rules.days[-1])
    if since + timedelta(days=days) > unit.now or await open_call(unit, case) is not None:
        return None
    return CaseStatus.CLOSED


async def _paid_at(unit: Unit, case: Case) -> datetime:
    paid = await unit.session.exec(select(func.max(Grant.paid_at)).where(Grant.case_id == case.id))
    return paid.one() or case.created_at


async def _due(unit: Unit) -> Sequence[UUID]:
    due = col(FollowUp.status).in_(WAITING) & (col(FollowUp.due_at) <= unit.now)
    query = select(FollowUp.id).where(due).order_by(col(FollowUp.due_at)).limit(AT_ONCE)
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


JOBS: tuple[Job, ...] = (
    Job("followup.ask", timedelta(minutes=1), _due, _ask_due),
    Job("followup.settle", timedelta(hours=1), _restful, _settle_due),
    *followup_court.JOBS,
)
