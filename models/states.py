"""State machines as data, and the one mover for all of them.

A move is checked against the table of its kind, made by a conditional UPDATE (two workers may race for the
same row, and exactly one wins), and written to the audit log by the same call.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import update

from models import audit
from models.errors import MoveRefused
from models.unit import Unit

Allowed = Mapping[Any, frozenset[Any]]
"""From each state, the states it may lead to."""


MONEY = frozenset({"fund_grant", "payout", "attempt", "chain_transfer", "finding", "incident"})
"""Tables whose rows outlive their case: the log names them by `audit.about_money`."""


class Stateful(Protocol):
    """A table row with an id and a state."""

    id: UUID
    status: Any


async def move(
    unit: Unit,
    row: Stateful,
    target: StrEnum,
    allowed: Allowed,
    actor: str,
    **facts: Any,  # noqa: ANN401 - JSON
) -> None:
    """Move a row to a state, or raise `MoveRefused` and change nothing.

    `facts` go to the audit log beside the states. The row in memory is refreshed.
    """
    table: Any = type(row)
    kind = str(table.__tablename__)
    source: StrEnum = row.status
    if target not in allowed[source]:
        raise MoveRefused(kind, row.id, source, target)
    await unit.session.flush()
    connection = await unit.session.connection()
    moved = await connection.execute(
        update(table).where(table.id == row.id, table.status == source).values(status=target)
    )
    if moved.rowcount != 1:
        raise MoveRefused(kind, row.id, source, target)
    await unit.session.refresh(row, ["status"])
    subject = audit.about_money(unit, kind, row.id) if kind in MONEY else audit.about(kind, row.id)
    await audit.record(unit, actor, f"{kind}.{target}", subject, source=str(source), **facts)
