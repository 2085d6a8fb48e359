"""How long a case is likely to wait: from the live queue, or an honest word that too little is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from sqlmodel import col, func, select

from models.case import OPEN, Case
from models.unit import Unit

LATEST: Final = 20
"""How many of the latest decisions count."""

ENOUGH: Final = 5
"""With fewer decisions than this there is no estimate."""


@dataclass(frozen=True, slots=True)
class Wait:
    """How many cases are ahead, and how long a decision has lately taken; none when too few were made."""

    ahead: int
    usual: timedelta | None


async def estimate_wait(unit: Unit, case: Case) -> Wait:
    """The wait of a case under review."""
    since = case.submitted_at or unit.now
    ahead = await unit.session.exec(
        select(func.count()).select_from(Case).where(col(Case.status).in_(OPEN), col(Case.submitted_at) < since)
    )
    decided = await unit.session.exec(
        select(Case.submitted_at, Case.decided_at)
        .where(col(Case.submitted_at).is_not(None), col(Case.decided_at).is_not(None))
        .order_by(col(Case.decided_at).desc())
        .limit(LATEST)
    )
    pairs = [(start, end) for start, end in decided.all() if start is not None and end is not None]
    return Wait(ahead.one(), usual_wait(pairs))


def usual_wait(decided: Sequence[tuple[datetime, datetime]]) -> timedelta | None:
    """The median time from sending to decision; none for fewer than `ENOUGH`."""
    if len(decided) < ENOUGH:
        return None
    return timedelta(seconds=median((end - start).total_seconds() for start, end in decided))
