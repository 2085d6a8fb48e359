"""SQLite for an asyncio program without a thread for each step: statements run on the event loop, waits do not.

A statement of a turn reads or writes a few pages in some tens of microseconds, less than handing it to a thread
and back. What may take long goes to a thread: the commit, which waits for the disk, and the beginning of a
transaction while another process writes. Within a process writers queue before they begin (`Resources.writer`).
"""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import pool
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import URL
from sqlalchemy.util import await_only

DRIVER: Final = "sqlite+loop"

PATIENCE_MS: Final = 10_000
"""How long a writer waits for another process, in milliseconds."""


class LoopCursor(sqlite3.Cursor):
    """A cursor that SQLAlchemy's async results can close."""

    async def _async_soft_close(self) -> None:
        """Rows are fetched as they are read; the cursor goes with its last reference."""


class LoopConnection(sqlite3.Connection):
    """A connection whose commit may run in another thread than its statements, never beside them."""

    def cursor(self, factory: Any = LoopCursor) -> Any:  # noqa: ANN401 - sqlite3's signature
        """A cursor of our kind."""
        return super().cursor(factory)


CONNECT: Final = {"check_same_thread": False, "factory": LoopConnection}
"""Arguments for `sqlite3.connect`."""


class LoopDialect(SQLiteDialect_pysqlite):
    """Python's sqlite3 under SQLAlchemy's async engine."""

    driver = "loop"
    is_async = True
    supports_statement_cache = True

    @classmethod
    def get_pool_class(cls, url: URL) -> type[pool.Pool]:  # noqa: ARG003 - SQLAlchemy's signature
        """A pool whose waits are awaited."""
        return pool.AsyncAdaptedQueuePool

    def do_execute(self, cursor: Any, statement: str, parameters: Any, _context: Any = None) -> None:  # noqa: ANN401 - DBAPI types
        """Execute at once; SQLAlchemy's async engine insists on an awaited step in between."""
        await_only(_at_once())
        cursor.execute(statement, parameters)

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, _context: Any = None) -> None:  # noqa: ANN401 - DBAPI types
        """The same for many rows."""
        await_only(_at_once())
        cursor.executemany(statement, parameters)

    def do_commit(self, dbapi_connection: Any) -> None:  # noqa: ANN401 - a DBAPI connection
        """Commit in a thread: the disk takes its time."""
        await_only(_to_its_end(dbapi_connection.commit))


def use_loop_driver(url: URL) -> URL:
    """The address of the same database under this driver."""
    registry.register("sqlite.loop", __name__, LoopDialect.__name__)
    return url.set(drivername=DRIVER)


def begin_immediate(connection: sqlite3.Connection) -> None:
    """Begin as a writer: one that reads first and writes later could fail under load. Called within SQLAlchemy."""
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        await_only(_to_its_end(lambda: _begin_patiently(connection)))


def _begin_patiently(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")
    try:
        connection.execute("BEGIN IMMEDIATE")
    finally:
        connection.execute("PRAGMA busy_timeout=0")


async def _at_once() -> None:
    """Nothing to wait for."""


async def _to_its_end(act: Callable[[], None]) -> None:
    """Run in a thread; when cancelled, wait for its end first, for nobody else may touch the connection before."""
    running = asyncio.get_running_loop().run_in_executor(None, act)
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
