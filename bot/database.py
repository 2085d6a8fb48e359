"""Engines and transactions: SQLite for one process, PostgreSQL for several.

A unit of work is opened here and nowhere else, and here it commits or rolls back.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.rails import build_rails
from bot.sqlite import CONNECT, begin_immediate, use_loop_driver
from models.clock import Clock
from models.policy import Policy
from models.unit import SAID, Unit, UnitSession
from payments.rails.base import Rail
from texts.catalogue import Catalogue
from vault.vault import Vault

SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # a commit that was acknowledged to Telegram survives a power cut
    "secure_delete=ON",  # a deleted row leaves no readable page
    "foreign_keys=ON",
    "temp_store=MEMORY",  # no temporary file holds a row
    "busy_timeout=0",  # a wait for another process must not stop the event loop: bot.sqlite waits in a thread
)


log = structlog.get_logger()

READING: Final = "plecho_reading"
"""The option of a connection that only reads: on SQLite its transaction takes no lock."""

KEPT: Final = "kept"
"""Its value where the connection is kept: each statement reads what is committed by then, as in AUTOCOMMIT."""

SNAPSHOT: Final = {READING: True, "isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
"""On PostgreSQL each statement of such a transaction reads what was committed when the first one ran. Its BEGIN
says so: nothing more is asked of the server."""


def make_engine(url: str) -> AsyncEngine:
    """An async engine for `sqlite+aiosqlite:///...` or `postgresql+asyncpg://...`."""
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        return create_async_engine(address, pool_size=10, max_overflow=10)
    engine = create_async_engine(use_loop_driver(address), connect_args=CONNECT)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_immediate)
    return engine


def kept_options(engine: AsyncEngine) -> dict[str, Any]:
    """The options of a connection that is kept for glances: nothing begins or ends a transaction on it."""
    return {READING: KEPT} if engine.dialect.name == "sqlite" else {"isolation_level": "AUTOCOMMIT"}


def _prepare_sqlite(connection: Any, _: object) -> None:  # noqa: ANN401 - a DBAPI connection
    connection.isolation_level = None  # SQLAlchemy's recipe: the driver must not begin by itself
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Any) -> None:  # noqa: ANN401 - a SQLAlchemy connection
    raw = connection.connection.dbapi_connection
    reading = connection.get_execution_options().get(READING)
    if not reading:
        begin_immediate(raw)
    elif reading != KEPT:
        raw.execute("BEGIN")


@dataclass(slots=True)
class Resources:
    """What one process holds for its whole life, and hands to every unit."""

    engine: AsyncEngine
    vault: Vault
    policy: Policy
    texts: Catalogue
    files: Path
    clock: Clock
    writer: asyncio.Lock
    """On SQLite writers of one process queue here, instead of polling the database's lock."""
    rails: Mapping[str, Rail] = field(default_factory=build_rails)
    """The ways to pay, by name."""

    @property
    def is_sqlite(self) -> bool:
        """Whether there is one writer at a time."""
        return self.engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Unit]:
        """One transaction: commits when the block ends, rolls back when it raises.

        What may only happen after the commit cannot undo it: an error of that is logged, and is nobody's failure.
        """
        if self.is_sqlite:
            async with self.writer, self._open() as unit:
                yield unit
        else:
            async with self._open() as unit:
                yield unit
        for act in unit.after_commit:
            try:
                act()
            except Exception:
                log.exception("after_commit_failed")

    @asynccontextmanager
    async def glance(self, connection: AsyncConnection | None = None) -> AsyncIterator[Unit]:
        """A transaction that only reads what is committed: it waits for no writer, and ends without a commit.

        All that it reads is of one moment. On a `connection` in AUTOCOMMIT that the caller keeps there is neither
        beginning nor end to wait for, and each statement reads what is committed by then.
        """
        reading = connection or self.engine.execution_options(**({READING: True} if self.is_sqlite else SNAPSHOT))
        async with AsyncSession(reading, expire_on_commit=False, sync_session_class=UnitSession) as session:
            yield self._unit(session)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[AsyncConnection]:
        """A connection for several glances in a row, each of which reads what is committed by then."""
        async with self.engine.connect() as connection:
            yield await connection.execution_options(**kept_options(self.engine))

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Unit]:
        async with (
            AsyncSession(self.engine, expire_on_commit=False, sync_session_class=UnitSession) as session,
            session.begin(),
        ):
            unit = self._unit(session)
            yield unit
            await unit.write()

    def _unit(self, session: AsyncSession) -> Unit:
        now = self.clock.now()
        unit = Unit(session, self.vault, self.policy, self.texts, self.files, now, rails=self.rails)
        session.info[SAID] = unit.said
        return unit


async def insert_new(unit: Unit, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, leaving out those that break a unique constraint."""
    if not rows:
        return
    connection = await unit.session.connection()
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    await connection.execute(dialect.insert(table).on_conflict_do_nothing(), list(rows))


SENDER_LOCK = 0x506C656E
"""PostgreSQL advisory lock of the one sender; SQLite serves one process, so it needs none."""


class SenderLock:
    """One sender at a time over all processes: held by a session of the database, lost with it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.connection: AsyncConnection | None = None
        """The session that holds the lock. What is due is read through it: who can read it still has the lock."""

    async def hold(self) -> bool:
        """Whether this process is the sender now: it has the lock, or takes it. After an error, `release`."""
        return self.connection is not None or await self._take()

    async def release(self) -> None:
        """Let another process send."""
        connection, self.connection = self.connection, None
        if connection is not None:
            await connection.invalidate()
            await connection.close()

    async def _take(self) -> bool:
        connection = await self._engine.connect()
        connection = await connection.execution_options(**kept_options(self._engine))
        if self._engine.dialect.name == "sqlite":
            self.connection = connection
            return True
        taken = await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": SENDER_LOCK})
        if taken:
            self.connection = connection
        else:
            await connection.close()
        return bool(taken)
