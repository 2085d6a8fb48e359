"""How often one account may do what costs others work: call a panel together, change what it reads, have files
rebuilt, write in danger.

The count is kept by the account, not by the case: taking a request back, or erasing it, begins nothing anew. It is
kept for the span of the limit alone. Calling for help is not limited by anything; only lines after a call are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlmodel import col, delete, select

from models.allowance import Allowance
from models.errors import BadInput
from models.unit import Unit
from services.jobs import Job
from vault.types import BlindIndex

MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """So many within a span, and the key of the text that refuses more; it is told how many minutes to wait."""

    name: str
    most: int
    within: timedelta
    key: str


SENDINGS: Final = Limit("sending", 5, timedelta(days=1), "intake.bad.sendings")
"""Each sending draws three people and tells them."""

FILES: Final = Limit("file", 90, timedelta(days=1), "intake.bad.files-today")
"""Each file is a download of up to 20 MB and a rebuilding."""

CHANGES: Final = Limit("change", 30, timedelta(days=1), "intake.bad.changes")
"""Each change of a case that is read tells its panel and asks for every vote anew."""

WAYS: Final = Limit("way", 10, timedelta(days=1), "treasury.bad.ways")
"""Each time that a person agrees to a way, treasurers are called."""

MISSING: Final = Limit("missing", 1, timedelta(days=1), "treasury.bad.missing")
"""Each time that a person says by themselves that nothing has arrived, a treasurer looks the payment up."""

LINES: Final = Limit("line", 20, timedelta(minutes=10), "danger.refused.many")
"""Each line is an urgent message to every coordinator until one has taken the call."""


async def spend(unit: Unit, person: BlindIndex, limit: Limit) -> None:
    """Count one more. Raises `BadInput` with the limit's text when that is one too many."""
    row = await unit.session.get(Allowance, (person, limit.name), with_for_update=True)
    if row is None:
        row = Allowance(person=person, kind=limit.name, until=unit.now + limit.within)
        unit.session.add(row)
    elif row.until <= unit.now:
        row.count, row.until = 0, unit.now + limit.within
    if row.count >= limit.most:
        raise BadInput(limit.key, minutes=-(-(row.until - unit.now) // MINUTE))
    row.count += 1
    await unit.session.flush()


async def is_spent(unit: Unit, person: BlindIndex, limit: Limit) -> bool:
    """Whether one more would be one too many."""
    row = await unit.session.get(Allowance, (person, limit.name))
    return row is not None and row.until > unit.now and row.count >= limit.most


async def _find_old(unit: Unit) -> Sequence[str]:
    found = await unit.session.exec(select(Allowance.person).where(Allowance.until <= unit.now).distinct())
    return found.all()


async def _forget(unit: Unit, person: str) -> None:
    await unit.session.exec(
        delete(Allowance).where(col(Allowance.person) == person, col(Allowance.until) <= unit.now)
    )


JOBS: tuple[Job, ...] = (Job("limits.forget", timedelta(hours=1), _find_old, _forget),)
