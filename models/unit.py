"""One unit of work: the open transaction and what a service needs in it.

It is made at the edge (worker, clock, command line), which alone commits or rolls back. Services flush.

Statements that every event runs are built once and run past the ORM's session, which would take several times
as long (`run`). What is said waits in `said`; it is written before the session reads, at a savepoint, and at the
end.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import CursorResult, Executable, Insert, event, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import ORMExecuteState
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from models.base import table_of
from models.mail import Effect
from models.policy import Policy
from texts.catalogue import Catalogue
from vault.types import BlindIndex
from vault.vault import Vault

SAID: Final = "said"
"""Under which name the session knows `Unit.said`."""


@dataclass(slots=True)
class Pressing:
    """The press that an event is about: which button of which keyboard, and whose."""

    token: str
    position: int
    person: BlindIndex
    kept: bool = False
    """Its keyboard has gone, and is remembered for a second press."""


@dataclass(slots=True)
class Unit:
    """What one event, tick or command may use. `now` stands still within one unit."""

    session: AsyncSession
    vault: Vault
    policy: Policy
    texts: Catalogue
    files: Path
    """Directory of sealed attachments."""
    now: datetime
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    """What may only happen once the commit is in, such as unlinking a shredded file."""
    rails: Mapping[str, Any] = field(default_factory=dict)
    """The ways to pay by name (`payments.rails.base.Rail`, which is above this layer)."""
    said: list[dict[str, Any]] = field(default_factory=list)
    """Rows of `outbox_effect` that are not written yet, in order."""
    pressing: Pressing | None = None
    to_bottom: bool = False
    """Whoever acts looks below the one screen, where they typed a command or pressed a notice: it goes there."""
    _connection: AsyncConnection | None = field(default=None, init=False)

    async def run(
        self, statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Run a statement of SQLAlchemy Core. What the session holds is neither flushed before nor refreshed."""
        if self._connection is None:
            self._connection = await self.session.connection()
        return await self._connection.execute(statement, values)

    async def write(self) -> None:
        """Write what was said."""
        if self.said:
            rows = list(self.said)
            self.said.clear()
            await self.run(_effects(), rows)

    async def forget(self) -> None:
        """Write everything and know no rows: what comes next in this transaction reads them anew."""
        await self.write()
        await self.session.flush()
        self.session.expunge_all()

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """A savepoint: what was done and said in this block goes when it raises."""
        await self.write()
        try:
            async with self.session.begin_nested():
                await self.session.connection()  # sets the savepoint, which the session would put off
                yield
        except BaseException:
            self.said.clear()
            raise


class UnitSession(Session):
    """The session of a unit. Its queries find in the outbox what the unit has said so far."""


@event.listens_for(UnitSession, "do_orm_execute")
def _write_said(query: ORMExecuteState) -> None:
    said = query.session.info[SAID]
    if said:
        rows = list(said)
        said.clear()
        query.session.connection().execute(_effects(), rows)


@cache
def _effects() -> Insert:
    return insert(table_of(Effect))
