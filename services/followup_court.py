"""The questions around a day in court: the day before, and the day after.

- Courts publish their calendars, so a day in court names its person: the questions around it become rows only two
  days ahead, and the rows go soon after. Until then the day stands sealed in the answer alone.
- A question belongs to the day it was planned for: when the person names another one, what was asked or cancelled
  around the old one does not stand for what is to be asked around the new.
- The question of the day before ends with that day, whatever is left of its repeats.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlmodel import col, delete, select

from models.case import Answer, Case
from models.followup import FollowUp, FollowUpKind, FollowUpStatus, UnreadWords
from models.unit import Unit
from services.followup_rows import ASKABLE, AT_ONCE, WAITING, add, cancel_rows, of_case, reachable
from services.hours import Hours, hours_of
from services.jobs import Job
from vault.seal import Place

AROUND_COURT = (FollowUpKind.COURT_BEFORE, FollowUpKind.COURT_AFTER)
"""Questions whose times tell the day in court."""

NEAR = timedelta(days=2)
"""How long before it is asked a question around the day in court becomes a row, and how long after it goes."""

COURT = "court"
"""The question of the interview whose answer is the day in court, as an ISO date."""


async def plan(unit: Unit, case: Case) -> int:
    """Plan the questions around the day in court that come within two days; returns how many. Safe to repeat."""
    near = await _near(unit, case)
    await add(unit, case, near)
    return len(near)


async def put_off(unit: Unit, case: Case) -> None:
    """The day in court is another one: what is not answered yet of the old one goes, the rest is marked as its."""
    rows = [row for row in await of_case(unit, case) if row.kind in AROUND_COURT]
    await cancel_rows(unit, case, rows)
    for row in rows:
        row.put_off = True
    if case.status in ASKABLE:
        await plan(unit, case)


async def is_to_come(unit: Unit, case: Case) -> bool:
    """Whether something is still to be asked around a day in court."""
    return bool(await _open(unit, case))


async def is_over(unit: Unit, case: Case, row: FollowUp, hours: Hours) -> bool:
    """Whether a question makes no sense any more: it is of the day before, and that day has passed."""
    if row.kind is not FollowUpKind.COURT_BEFORE:
        return False
    court = await _day(unit, case)
    return court is None or hours.local(unit.now).date() >= court


def end_of_day(hours: Hours, moment: datetime) -> datetime:
    """When the person's day ends; the question of the day before is over then."""
    return datetime.combine(hours.local(moment).date() + timedelta(days=1), time(), hours.zone)


def _around(court: date | None, hours: Hours, now: datetime) -> Iterator[tuple[FollowUpKind, datetime]]:
    """The day before and the day after, as far as they are still to come."""
    if court is None:
        return
    for kind, days in ((FollowUpKind.COURT_BEFORE, -1), (FollowUpKind.COURT_AFTER, 1)):
        day = court + timedelta(days=days)
        due = hours.next(max(now, hours.opening(day)))
        if hours.local(due).date() == day:
            yield kind, due


async def _open(unit: Unit, case: Case) -> list[tuple[FollowUpKind, datetime]]:
    """What is still to be asked around the day in court, and has no row yet."""
    contact = await reachable(unit, case)
    if contact is None:
        return []
    rows = [row for row in await of_case(unit, case) if not row.put_off]
    known = {row.kind for row in rows if row.status is not FollowUpStatus.CANCELLED}
    hours = hours_of(contact, unit.policy.followups)
    around = _around(await _day(unit, case), hours, unit.now)
    return [(kind, due) for kind, due in around if kind not in known]


async def _near(unit: Unit, case: Case) -> list[tuple[FollowUpKind, datetime]]:
    """What of it is to be planned now."""
    return [(kind, due) for kind, due in await _open(unit, case) if due <= unit.now + NEAR]


async def _day(unit: Unit, case: Case) -> date | None:
    found = await unit.session.exec(select(Answer).where(Answer.case_id == case.id, Answer.question == COURT))
    answer = found.first()
    if answer is None:
        return None
    place = Place("answer", "text", str(answer.id))
    text = (await unit.vault.open(case.id, answer.compartment, answer.text, place)).decode()
    return date.fromisoformat(text) if text else None


async def _with_court(unit: Unit) -> Sequence[UUID]:
    """Cases that have been paid and whose day in court is near; only opening it tells that.

    One with nothing to plan is left out: a key that is found again after it was handled keeps the clock busy.
    """
    query = select(Case).join(Answer, col(Case.id) == Answer.case_id)
    found = await unit.session.exec(
        query.where(Answer.question == COURT, col(Case.status).in_(ASKABLE), col(Case.chat).is_not(None))
    )
    return [case.id for case in found.all() if await _near(unit, case)]


async def _plan(unit: Unit, key: UUID) -> None:
    await plan(unit, await unit.session.get_one(Case, key))


async def _past(unit: Unit) -> Sequence[UUID]:
    ended = col(FollowUp.status).not_in(WAITING) & (col(FollowUp.due_at) < unit.now - NEAR)
    query = select(FollowUp.id).where(ended, col(FollowUp.kind).in_(AROUND_COURT)).limit(AT_ONCE)
    return (await unit.session.exec(query)).all()


async def _forget(unit: Unit, key: UUID) -> None:
    row = await unit.session.get(FollowUp, key)
    if row is not None:
        await unit.session.exec(delete(UnreadWords).where(col(UnreadWords.follow_up_id) == key))
        await unit.session.delete(row)


JOBS: tuple[Job, ...] = (
    Job("followup.court", timedelta(hours=1), _with_court, _plan),
    Job("followup.forget", timedelta(hours=1), _past, _forget),
)
