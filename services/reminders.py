"""Reminding who has been granted money and never said how it is to reach them.

- Two reminders, both the neutral line of `services.news`, within the person's hours; none for who wants no
  messages. After that nobody writes any more, and the desk counts such cases.
- After the policy's `unclaimed_days` the case ends as if it had been taken back: its money is free for others, and
  what was written in it is erased in time.
- A wait begins when the clock first sees it, and ends, with its row, as soon as the person has confirmed a way or
  the grant is gone. Money that came back begins it anew.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlmodel import col, func, select

from models.case import Case, CaseStatus
from models.grant import PAYOUT_OVER, Grant, GrantStatus, Payout
from models.panel import RailWait
from models.unit import Unit
from models.volunteer import Role
from services import news, submission
from services.jobs import Job
from services.roles import tell_role
from services.treasury_returns import PERSON

PAUSES: Final = (timedelta(days=3), timedelta(days=7))
"""How long before the first reminder, and from it to the last."""


async def count_silent(unit: Unit) -> int:
    """How many people have been reminded as often as they will be, and have not confirmed a way."""
    silent = select(func.count()).select_from(RailWait).where(col(RailWait.reminded) >= len(PAUSES))
    return (await unit.session.exec(silent.where(col(RailWait.case_id).in_(_waiting())))).one()


def _waiting() -> Any:  # noqa: ANN401 - a subquery of SQLAlchemy
    """Cases with money set aside and no payout under way."""
    alive = select(Payout.grant_id).where(col(Payout.status).not_in(PAYOUT_OVER))
    return (
        select(Case.id)
        .join(Grant, col(Grant.case_id) == Case.id)
        .where(Case.status == CaseStatus.APPROVED, Grant.status == GrantStatus.RESERVED)
        .where(col(Grant.id).not_in(alive))
    )


async def _find_due(unit: Unit) -> Sequence[UUID]:
    """Waits that begin, that have ended, and whose next reminder is due."""
    waiting = set((await unit.session.exec(_waiting())).all())
    known = {row.case_id: row for row in (await unit.session.exec(select(RailWait))).all()}
    due = {key for key, row in known.items() if row.due_at <= unit.now}
    return sorted((waiting ^ known.keys()) | due)


async def _handle_due(unit: Unit, case_id: UUID) -> None:
    case = await unit.session.get_one(Case, case_id, with_for_update=True)
    row = await unit.session.get(RailWait, case_id)
    waits = (await unit.session.exec(_waiting().where(Case.id == case_id))).first() is not None
    if row is None and waits:
        unit.session.add(RailWait(case_id=case_id, due_at=unit.now + PAUSES[0]))
    elif row is not None and not waits:
        await unit.session.delete(row)
    elif row is not None and row.due_at <= unit.now:
        await _go_on(unit, case, row)


async def _go_on(unit: Unit, case: Case, row: RailWait) -> None:
    """Remind once more, or end the case."""
    if row.reminded < len(PAUSES):
        row.reminded += 1
        last = row.reminded == len(PAUSES)
        left = timedelta(days=unit.policy.retention.unclaimed_days) - sum(PAUSES, timedelta())
        row.due_at = unit.now + (left if last else PAUSES[row.reminded])
        await news.tell(unit, case, PERSON)
        return
    await unit.session.delete(row)
    await submission.lapse(unit, case)
    days = unit.policy.retention.unclaimed_days
    await tell_role(unit, Role.COORDINATOR, "desk.lapsed", code=case.code, days=days)


JOBS: tuple[Job, ...] = (Job("reminders.rail", timedelta(minutes=1), _find_due, _handle_due),)
