"""One migrated PostgreSQL database for all tests of a process, emptied in between.

A database of each test's own is dear: it is copied, its first connection reads the whole catalogue anew, and it is
dropped. Emptying takes a few milliseconds and leaves just what a migration leaves; the room of what was deleted is
given back now and then. A test that has changed the schema costs the next one a new database.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import asyncpg

T = TypeVar("T")

driver: Any = asyncpg  # it has no types

SHAPE: Final = """
SELECT md5(string_agg(line, ';' ORDER BY line)) FROM (
    SELECT concat_ws(' ', 'table', oid, relname, relnatts) AS line FROM pg_class
    WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', 'trigger', oid, tgname, tgenabled) FROM pg_trigger
    UNION ALL SELECT concat_ws(' ', 'function', oid, prosrc) FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', 'revision', version_num) FROM alembic_version
) AS shape
"""
"""What a test must leave as it was: tables, columns, triggers, functions, the schema's revision."""

OTHERS: Final = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""

TABLES: Final = """
SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'
"""

USES: Final = 50
"""How often it is emptied before the room of what was deleted is given back, which takes longer."""

SEQUENCES: Final = "SELECT quote_ident(sequencename) FROM pg_sequences WHERE schemaname = 'public'"


class EmptiedDatabase:
    """The database. Its one connection lives in a thread with a loop of its own, away from the tests' loops."""

    def __init__(self, make: Callable[[], str]) -> None:
        """`make` makes a migrated database and returns its address without a driver."""
        self._make = make
        self._thread = ThreadPoolExecutor(1)
        self._runner = asyncio.Runner()
        self._connection: Any = None
        self._shape = ""
        self._emptying = ""
        self._uses = 0

    def take(self) -> str:
        """Empty it, whoever is still connected, and return its address without a driver."""
        if self._connection is None or not self._run(self._empty):
            self.close()
            self._address = self._make()
            self._run(self._open)
        return self._address

    def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            self._run(self._leave)

    def _run(self, act: Callable[[], Awaitable[T]]) -> T:
        async def run() -> T:
            return await act()

        return self._thread.submit(lambda: self._runner.run(run())).result()

    async def _open(self) -> None:
        await self._connect()
        tables = [row[0] for row in await self._connection.fetch(TABLES)]
        sequences = [row[0] for row in await self._connection.fetch(SEQUENCES)]
        self._emptying = "; ".join(
            [f"DELETE FROM {name}" for name in tables]  # noqa: S608 - names that PostgreSQL has quoted
            + [f"ALTER SEQUENCE {name} RESTART" for name in sequences]
        )
        self._shape = await self._connection.fetchval(SHAPE)

    async def _connect(self) -> None:
        self._connection = await driver.connect(self._address)
        # The books' own triggers let nothing be deleted.
        await self._connection.execute("SET session_replication_role = replica")

    async def _empty(self) -> bool:
        """Whether it could be emptied: not when its schema is another by now."""
        try:
            await self._connection.execute(OTHERS)
        except (driver.PostgresError, driver.InterfaceError):  # a test has ended all connections
            await self._connect()
            await self._connection.execute(OTHERS)
        if await self._connection.fetchval(SHAPE) != self._shape:
            return False
        await self._connection.execute(self._emptying)
        self._uses += 1
        if self._uses % USES == 0:
            await self._connection.execute("VACUUM")
        return True

    async def _leave(self) -> None:
        self._connection.terminate()
        self._connection = None
