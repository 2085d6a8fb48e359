"""A fund made once and had again: making it by services takes longer than most tests of it.

The first test of a process that asks for a fund makes it, by services as ever; what lies in both databases then is
kept, and the next one begins with it. It is had again under the same keyring only, and made anew when it is older
than a minute by the test's own clock (the tests of services all begin at the same moment).
"""

import io
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Select, exists, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import SQLModel

from bot.database import Resources
from models.volunteer import Role
from tests.unit.services.fund import Fund
from vault.types import IndexName

F = TypeVar("F", bound=Fund)

FRESH: Final = timedelta(minutes=1)
"""How long before a test its fund may have been made."""

SEQUENCES: Final = text("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'")

TABLES: Final = text(
    "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
)

EMPTY: Final = 21
"""Bytes of PostgreSQL's binary copy of no row: its header and its end."""


@dataclass(frozen=True)
class Founded:
    """What lay in both databases, who is who, and when that was."""

    data: "sqlite3.Connection | Tables"
    keys: sqlite3.Connection
    people: dict[str, int]
    at: datetime


@dataclass(frozen=True)
class Tables:
    """PostgreSQL's own copies of tables, and where its sequences stood."""

    rows: dict[str, bytes]
    sequences: dict[str, int]


async def peopled(
    resources: Resources, *reviewers: str, treasurers: Sequence[str] = (), group: bool = True
) -> Fund:
    """A fund with two coordinators, and these; its group is bound unless told otherwise."""

    async def make(fund: Fund) -> None:
        await fund.coordinators()
        await fund.reviewers(*reviewers)
        for sign in treasurers:
            await fund.confirmed(sign, Role.TREASURER)
        if group:
            await fund.bound()

    return await founded(Fund(resources), f"{reviewers} {treasurers} {group}", make)


async def founded(fund: F, kind: str, make: Callable[[F], Awaitable[object]]) -> F:
    """The fund after `make`, which is called when none of this kind is kept, or something is there already."""
    resources = fund.resources
    if not await _empty(resources.engine):
        await make(fund)
        return fund
    known = _kept()
    # Whoever has another keyring finds nobody by the blind indexes of this one.
    whose = resources.vault.index(IndexName.chat, resources.policy.model_dump_json())
    key = (kind, resources.engine.dialect.name, whose)
    kept = known.get(key)
    if kept is None or resources.clock.now() - kept.at > FRESH:
        await make(fund)
        known[key] = await _keep(fund)
        return fund
    await _put(resources, kept)
    fund.people.update(kept.people)
    if (behind := kept.at - resources.clock.now()) > timedelta():
        fund.later(seconds=behind.total_seconds())
    return fund


@cache
def _kept() -> dict[tuple[object, ...], Founded]:
    """All of this process."""
    return {}


async def _empty(engine: AsyncEngine) -> bool:
    async with engine.connect() as connection:
        return not (await connection.execute(_anything())).scalar_one()


@cache
def _anything() -> Select[tuple[bool]]:
    """Whether any table has a row."""
    return select(or_(*(exists().select_from(table) for table in SQLModel.metadata.sorted_tables)))


async def _keep(fund: Fund) -> Founded:
    resources = fund.resources
    data: Any = _read(_path(resources.engine)) if resources.is_sqlite else await _copied(resources.engine)
    return Founded(data, _read(_keys(resources)), dict(fund.people), resources.clock.now())


async def _put(resources: Resources, kept: Founded) -> None:
    if isinstance(kept.data, Tables):
        await _fill(resources.engine, kept.data)
    else:
        _write(kept.data, _path(resources.engine))
    _write(kept.keys, _keys(resources))


def _path(engine: AsyncEngine) -> Path:
    return Path(str(engine.url.database))


def _keys(resources: Resources) -> Path:
    """The tests' key store, which lies beside their files."""
    return resources.files.parent / "keys.db"


def _read(path: Path) -> sqlite3.Connection:
    memory = sqlite3.connect(":memory:")
    with closing(sqlite3.connect(path)) as source:
        source.backup(memory)
    return memory


def _write(memory: sqlite3.Connection, path: Path) -> None:
    with closing(sqlite3.connect(path)) as target:
        target.execute("PRAGMA synchronous=OFF")
        memory.backup(target)


async def _copied(engine: AsyncEngine) -> Tables:
    rows = {}
    async with engine.connect() as connection:
        driver = await _driver(connection)
        for (name,) in await connection.execute(TABLES):
            copy = io.BytesIO()
            await driver.copy_from_table(name, output=copy, format="binary")
            if len(copy.getvalue()) > EMPTY:
                rows[name] = copy.getvalue()
        stood = {name: last for name, last in await connection.execute(SEQUENCES) if last is not None}
    return Tables(rows, stood)


async def _fill(engine: AsyncEngine, kept: Tables) -> None:
    async with engine.begin() as connection:
        # Neither foreign keys nor the books' triggers look at what they have seen before.
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        driver = await _driver(connection)
        for name, copy in kept.rows.items():
            await driver.copy_to_table(name, source=io.BytesIO(copy), format="binary")
        for name, last in kept.sequences.items():
            await connection.execute(text("SELECT setval(:name, :last)"), {"name": f'"{name}"', "last": last})


async def _driver(connection: AsyncConnection) -> Any:  # noqa: ANN401 - asyncpg has no types
    return (await connection.get_raw_connection()).driver_connection
