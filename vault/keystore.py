"""Key grants in their own database, so that a data backup holds no key and shredding is final.

Beside them lies what else a restored backup must not undo: to whom a case was moved, whose access has ended, and
how long the log of acts was when it was last signed.

- A grant is one compartment key wrapped for one holder. This module stores wrapped bytes; it can open none.
- The database is apart from the data (and from its backups): `keys.db`, or a PostgreSQL of its own. Its four
  tables are created when missing; there are no migrations, because there is nothing to migrate but keys.
- Shredding deletes grants, commits, and only then empties the write-ahead log. When all compartments of a
  subject go, its id stays as a tombstone: it is never granted again, and rows that a restored backup brings
  back can be found by `shredded` and swept.
- On SQLite a key is looked up by a plain connection on the event loop, not through the pool's threads: a turn
  of conversation does it once or twice, it reads one page and waits for no writer (WAL), and takes a tenth of
  the time. It sees every commit of every process, as the pool would.
- What is left on a disk's spare blocks, or in PostgreSQL's own log, is a wrapped key. It becomes unreadable
  once the master key it was wrapped with is rotated out and pruned.
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Self
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from vault.errors import CompartmentShredded, ShredIncomplete
from vault.types import BlindIndex, Compartment, SealedBytes

SERVER: Final = "server"
"""The holder whose grants are wrapped under the keyring's master keys."""

_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON",
    "PRAGMA temp_store=MEMORY",
)
_BATCH: Final = 500
_GRANT_ON_SQLITE: Final = (
    "SELECT wrapped, master_version FROM key_grant WHERE subject = ? AND compartment = ? AND holder = ?"
)

_metadata: Final = sa.MetaData()

_grants: Final = sa.Table(
    "key_grant",
    _metadata,
    sa.Column("subject", sa.Uuid, primary_key=True),
    sa.Column("compartment", sa.String(16), primary_key=True),
    sa.Column("holder", sa.String(128), primary_key=True),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
    sa.Column("master_version", sa.BigInteger, nullable=False, index=True),
    sa.Column("created_at", sa.BigInteger, nullable=False, comment="seconds since the epoch, UTC"),
)
_tombstones: Final = sa.Table(
    "shredded_subject",
    _metadata,
    sa.Column("subject", sa.Uuid, primary_key=True),
)
_last_holders: Final = sa.Table(
    "last_holder",
    _metadata,
    sa.Column("subject", sa.Uuid, primary_key=True),
    sa.Column("chat", sa.String(64), comment="blind index of the chat; none: nobody may act for the subject"),
    sa.Column("contact", sa.LargeBinary, comment="sealed in the subject's compartment"),
)
_log_ends: Final = sa.Table(
    "log_end",
    _metadata,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("root", sa.LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True)
class LastHolder:
    """Who holds a subject now: the chat of a case that was moved, with its sealed contact; none for nobody."""

    chat: BlindIndex | None
    contact: SealedBytes | None = None


@dataclass(frozen=True, slots=True)
class LogEnd:
    """How many entries the log of acts had when it was last signed, and their Merkle root."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class KeyGrant:
    """One wrapped compartment key and under which master key it is wrapped."""

    subject: UUID
    compartment: Compartment
    wrapped: bytes = field(repr=False)
    master_version: int
    holder: str = SERVER


class KeyStore:
    """The database of key grants. Make it with `open`, give it back with `close`."""

    def __init__(self, engine: AsyncEngine, now: Callable[[], datetime]) -> None:
        """Take an engine; `now` must return aware times. Use `open`, which makes the tables too."""
        self._engine = engine
        self._now = now
        self._on_sqlite = engine.dialect.name == "sqlite"
        self._reader: sqlite3.Connection | None = None
        self._writer = asyncio.Lock()

    @classmethod
    async def open(cls, url: str, now: Callable[[], datetime] | None = None, busy_seconds: float = 5.0) -> Self:
        """Connect (`sqlite+aiosqlite:///...` or `postgresql+asyncpg://...`), create the tables when missing.

        SQLite waits `busy_seconds` for another process. Raises ValueError for a database in memory, which would
        lose every key, and SQLAlchemy's errors when the database cannot be reached.
        """
        store = cls(_engine(url, busy_seconds), now or _utc_now)
        try:
            async with store._writing(None) as connection:
                await connection.run_sync(_metadata.create_all)
            if store._on_sqlite:
                store._reader = sqlite3.connect(str(store._engine.url.database), timeout=busy_seconds)
                prepare_sqlite(store._reader)
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Close all connections."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        await self._engine.dispose()

    async def add(self, subject: UUID, grants: Collection[KeyGrant]) -> None:
        """Store grants of one subject; pairs that already have one keep it.

        Raises CompartmentShredded when the subject was shredded.
        """
        tombstone = sa.select(_tombstones.c.subject).where(_tombstones.c.subject == subject)
        async with self._writing(subject) as connection:
            if (await connection.execute(tombstone)).first():
                raise CompartmentShredded(subject, ",".join(grant.compartment for grant in grants))
            rows = [self._row(grant) for grant in grants]
            await connection.execute(self._insert(_grants).on_conflict_do_nothing(), rows)

    async def grant(self, subject: UUID, compartment: Compartment) -> KeyGrant:
        """Return the server's grant; raise CompartmentShredded when there is none."""
        if self._reader is not None:
            # All rows are fetched, so that no open statement keeps the log from being emptied.
            rows = self._reader.execute(_GRANT_ON_SQLITE, (subject.hex, compartment, SERVER)).fetchall()
        else:
            query = sa.select(_grants.c.wrapped, _grants.c.master_version).where(
                _grants.c.subject == subject, _grants.c.compartment == compartment, _grants.c.holder == SERVER
            )
            async with self._engine.connect() as connection:
                rows = [tuple(row) for row in await connection.execute(query)]
        for wrapped, master_version in rows:
            return KeyGrant(subject, compartment, bytes(wrapped), master_version)
        raise CompartmentShredded(subject, compartment)

    async def compartments(self, subject: UUID) -> set[Compartment]:
        """Return the compartments of the subject for which the server holds a key."""
        query = sa.select(_grants.c.compartment).where(_grants.c.subject == subject, _grants.c.holder == SERVER)
        async with self._engine.connect() as connection:
            return {Compartment(name) for name in await connection.scalars(query)}

    async def shred(self, subject: UUID, compartments: Collection[Compartment] | None = None) -> None:
        """Delete every holder's grants of these compartments, of all when None; safe to repeat.

        All compartments: the subject gets a tombstone. Some: the rest stays, and a shredded one may be made
        anew (another payout destination after a returned payment).
        Raises ShredIncomplete when the deletion is committed but SQLite's log could not be emptied.
        """
        chosen = set(Compartment) if compartments is None else set(compartments)
        doomed = sa.delete(_grants).where(_grants.c.subject == subject, _grants.c.compartment.in_(chosen))
        async with self._writing(subject) as connection:
            if chosen == set(Compartment):
                await connection.execute(
                    self._insert(_tombstones).on_conflict_do_nothing(), [{"subject": subject}]
                )
                await connection.execute(sa.delete(_last_holders).where(_last_holders.c.subject == subject))
            await connection.execute(doomed)
        if not await self.empty_log():
            raise ShredIncomplete(subject)

    async def shredded(self, subjects: Iterable[UUID]) -> set[UUID]:
        """Return those of `subjects` that have been shredded whole."""
        asked = list(subjects)
        found: set[UUID] = set()
        async with self._engine.connect() as connection:
            for start in range(0, len(asked), _BATCH):
                batch = asked[start : start + _BATCH]
                query = sa.select(_tombstones.c.subject).where(_tombstones.c.subject.in_(batch))
                found.update(await connection.scalars(query))
        return found

    async def note_holder(self, subject: UUID, holder: LastHolder) -> None:
        """Remember who holds a subject from now on."""
        row = {"subject": subject, "chat": holder.chat, "contact": holder.contact}
        async with self._writing(subject) as connection:
            await connection.execute(sa.delete(_last_holders).where(_last_holders.c.subject == subject))
            await connection.execute(sa.insert(_last_holders), row)

    async def forget_holder(self, subject: UUID) -> None:
        """Whatever the data say of the subject is right again."""
        async with self._writing(subject) as connection:
            await connection.execute(sa.delete(_last_holders).where(_last_holders.c.subject == subject))

    async def last_holders(self) -> dict[UUID, LastHolder]:
        """Return all that were noted."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(sa.select(_last_holders))).all()
        return {
            row.subject: LastHolder(
                None if row.chat is None else BlindIndex(row.chat),
                None if row.contact is None else SealedBytes(bytes(row.contact)),
            )
            for row in rows
        }

    async def note_log_end(self, end: LogEnd | None) -> None:
        """Remember how long the log of acts is in place of what was noted before; none after a restore of none."""
        async with self._writing(None) as connection:
            await connection.execute(sa.delete(_log_ends))
            if end is not None:
                await connection.execute(sa.insert(_log_ends), {"size": end.size, "root": end.root})

    async def log_end(self) -> LogEnd | None:
        """Return what was noted last."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(sa.select(_log_ends))).first()
        return None if row is None else LogEnd(row.size, bytes(row.root))

    async def subjects_before(self, moment: datetime) -> set[UUID]:
        """Return the subjects all of whose grants were made before `moment`."""
        query = (
            sa.select(_grants.c.subject)
            .group_by(_grants.c.subject)
            .having(sa.func.max(_grants.c.created_at) < int(moment.timestamp()))
        )
        async with self._engine.connect() as connection:
            return set(await connection.scalars(query))

    async def wrapped_before(self, master_version: int, limit: int) -> list[KeyGrant]:
        """Return up to `limit` of the server's grants wrapped under an older master key than this version."""
        columns = (_grants.c.subject, _grants.c.compartment, _grants.c.wrapped, _grants.c.master_version)
        old = sa.and_(_grants.c.holder == SERVER, _grants.c.master_version < master_version)
        query = sa.select(*columns).where(old).limit(limit)
        async with self._engine.connect() as connection:
            return [
                KeyGrant(subject, Compartment(compartment), bytes(wrapped), version)
                for subject, compartment, wrapped, version in await connection.execute(query)
            ]

    async def rewrap(self, changes: Collection[tuple[KeyGrant, KeyGrant]]) -> None:
        """Put the second of each pair in the place of the first, unless that is gone or changed meanwhile."""
        change = (
            sa.update(_grants)
            .where(
                _grants.c.subject == sa.bindparam("old_subject"),
                _grants.c.compartment == sa.bindparam("old_compartment"),
                _grants.c.holder == sa.bindparam("old_holder"),
                _grants.c.wrapped == sa.bindparam("old_wrapped"),
            )
            .values(wrapped=sa.bindparam("new_wrapped"), master_version=sa.bindparam("new_version"))
        )
        rows = [
            {
                "old_subject": old.subject,
                "old_compartment": old.compartment.value,
                "old_holder": old.holder,
                "old_wrapped": old.wrapped,
                "new_wrapped": new.wrapped,
                "new_version": new.master_version,
            }
            for old, new in changes
        ]
        async with self._writing(None) as connection:
            await connection.execute(change, rows)

    async def empty_log(self) -> bool:
        """Move SQLite's write-ahead log into the database and truncate it; tell whether it is empty now.

        PostgreSQL recycles its log by itself and has no such act: always true there.
        """
        if not self._on_sqlite:
            return True
        async with self._engine.connect() as connection:
            row = (await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")).one()
        busy: int = row[0]
        return busy == 0

    @asynccontextmanager
    async def _writing(self, subject: UUID | None) -> AsyncIterator[AsyncConnection]:
        """One write transaction, alone for this subject: granting and shredding must not pass each other.

        SQLite has one writer; those of this process queue for it here rather than poll the file's lock.
        """
        if self._on_sqlite:
            async with self._writer, self._engine.begin() as connection:
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
            return
        number = 0 if subject is None else int.from_bytes(subject.bytes[:8], "big", signed=True)
        async with self._engine.begin() as connection:
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))
            yield connection

    def _insert(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        return sqlite.insert(table) if self._on_sqlite else postgresql.insert(table)

    def _row(self, grant: KeyGrant) -> dict[str, Any]:
        return {
            "subject": grant.subject,
            "compartment": grant.compartment.value,
            "holder": grant.holder,
            "wrapped": grant.wrapped,
            "master_version": grant.master_version,
            "created_at": int(self._now().timestamp()),
        }


def prepare_sqlite(connection: sqlite3.Connection, _record: object = None) -> None:
    """Set the pragmas, and leave transactions to us: the driver must not begin them behind our back.

    Called for every connection to the key database: synchronous and secure_delete are not kept in the file.
    """
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _engine(url: str, busy_seconds: float) -> AsyncEngine:
    if not url.startswith("sqlite"):
        return create_async_engine(url, pool_pre_ping=True, hide_parameters=True)
    database = sa.make_url(url).database
    if not database or database.startswith((":memory:", "file:")):
        raise ValueError("the key database must be a file")
    # Made here, so that it is private from its first byte on; the log takes the file's mode.
    os.close(os.open(database, os.O_RDWR | os.O_CREAT, 0o600))
    engine = create_async_engine(url, connect_args={"timeout": busy_seconds}, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", prepare_sqlite)
    return engine


def _utc_now() -> datetime:
    return datetime.now(UTC)
