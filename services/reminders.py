"""Reminding who has been granted money and never said how it is to reach them.

- Two reminders, both the neutral line of `services.news`, within the person's hours; none for who wants no
  messages. After that nobody writes any more, and the desk counts such cases.
- After the policy's `unclaimed_days` the case ends as if it had been taken back: its money is free for others, and
  what was written in it is erased in time.
- While no open way pays the grant nobody is reminded, and the days stand still (`services.treasury_no_way`).
  Should there be none for `LONGEST` times as many, the case ends all the same: it is not kept for ever.
- A wait begins when the clock first sees it, and ends, with its row, as soon as the person has confirmed a way or
  the grant is gone. Money that came back begins it anew.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlmodel import col, func, select

from models.case import Case
from models.panel import RailWait
from models.unit import Unit
from models.volunteer import Role
from services import news, submission
from services.jobs import Job
from services.roles import tell_role
from services.treasury_no_way import end_call, waiting
from services.treasury_returns import PERSON

PAUSES: Final = (timedelta(days=3), timedelta(days=7))
"""How long before the first reminder, and from it to the last."""


LONGEST: Final = 2
"""How many times the unclaimed days a case waits for any way at all: by the policy's 180, about a year."""


async def count_silent(unit: Unit) -> int:
    """How many people have been reminded as often as they will be, and have not confirmed a way."""
    silent = select(func.count()).select_from(RailWait).where(col(RailWait.reminded) >= len(PAUSES))
    silent = silent.where(col(RailWait.no_way_since).is_(None))
    return (await unit.session.exec(silent.where(col(RailWait.case_id).in_(waiting())))).one()


def _is_due(unit: Unit, row: RailWait) -> bool:
    if row.no_way_since is None:
        return row.due_at <= unit.now
    return row.no_way_since + LONGEST * timedelta(days=unit.policy.retention.unclaimed_days) <= unit.now


async def _find_due(unit: Unit) -> Sequence[UUID]:
    """Waits that begin, that have ended, and whose next reminder is due."""
    those = set((await unit.session.exec(waiting())).all())
    known = {row.case_id: row for row in (await unit.session.exec(select(RailWait))).all()}
    due = {key for key, row in known.items() if _is_due(unit, row)}
    return sorted((those ^ known.keys()) | due)


async def _handle_due(unit: Unit, case_id: UUID) -> None:
    case = await unit.session.get_one(Case, case_id, with_for_update=True)
    row = await unit.session.get(RailWait, case_id)
    waits = (await unit.session.exec(waiting().where(Case.id == case_id))).first() is not None
    if row is None and waits:
        unit.session.add(RailWait(case_id=case_id, due_at=unit.now + PAUSES[0]))
    elif row is not None and not waits:
        await _end(unit, row)
    elif row is not None and _is_due(unit, row):
        await _go_on(unit, case, row)


async def _go_on(unit: Unit, case: Case, row: RailWait) -> None:
    """Remind once more, or end the case."""
    if row.no_way_since is None and row.reminded < len(PAUSES):
        row.reminded += 1
        last = row.reminded == len(PAUSES)
        left = timedelta(days=unit.policy.retention.unclaimed_days) - sum(PAUSES, timedelta())
        row.due_at = unit.now + (left if last else PAUSES[row.reminded])
        await news.tell(unit, case, PERSON)
        return
    days = unit.policy.retention.unclaimed_days
    key, days = ("desk.lapsed", days) if row.no_way_since is None else ("desk.lapsed-no-way", LONGEST * days)
    await _end(unit, row)
    await submission.lapse(unit, case)
    await tell_role(unit, Role.COORDINATOR, key, code=case.code, days=days)


async def _end(unit: Unit, row: RailWait) -> None:
    if row.no_way_since is not None:
        await end_call(unit, row.case_id)
    await unit.session.delete(row)


JOBS: tuple[Job, ...] = (Job("reminders.rail", timedelta(minutes=1), _find_due, _handle_due),)
