"""Engines and transactions: SQLite for one process, PostgreSQL for several.

A unit of work is opened here and nowhere else, and here it commits or rolls back.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from models.clock import Clock
from models.policy import Policy
from models.unit import Unit
from texts.catalogue import Catalogue
from vault.vault import Vault

SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # a commit that was acknowledged to Telegram survives a power cut
    "secure_delete=ON",  # a deleted row leaves no readable page
    "foreign_keys=ON",
    "temp_store=MEMORY",  # no temporary file holds a row
    "busy_timeout=10000",
)


def make_engine(url: str) -> AsyncEngine:
    """An async engine for `sqlite+aiosqlite:///...` or `postgresql+asyncpg://...`."""
    if make_url(url).get_backend_name() != "sqlite":
        return create_async_engine(url, pool_size=10, max_overflow=10)
    engine = create_async_engine(url)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_immediate)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:  # noqa: ANN401 - a DBAPI connection
    connection.isolation_level = None  # SQLAlchemy's recipe: the driver must not begin by itself
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Any) -> None:  # noqa: ANN401 - a SQLAlchemy connection
    # A transaction that reads first and writes later would fail with "database is locked" under load.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


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

    @property
    def is_sqlite(self) -> bool:
        """Whether there is one writer at a time."""
        return self.engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Unit]:
        """One transaction: commits when the block ends, rolls back when it raises."""
        if self.is_sqlite:
            async with self.writer, self._open() as unit:
                yield unit
        else:
            async with self._open() as unit:
                yield unit
        for act in unit.after_commit:
            act()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Unit]:
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            yield Unit(session, self.vault, self.policy, self.texts, self.files, self.clock.now())
