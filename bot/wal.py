"""Empties SQLite's write-ahead log: what was deleted must not lie there for as long as the fund is quiet.

A deletion overwrites the pages of the database itself (`secure_delete`), but the log keeps what stood in them
until it is written over, which takes megabytes of other work. An erasure is promised within a minute, so the log
is moved into the database and cut to nothing several times a minute. PostgreSQL has no such act (docs/THREATS.md).
"""

import asyncio
import sqlite3
from typing import Final

import structlog

from bot.database import Resources

EVERY: Final = 20.0
"""Seconds from one emptying to the next."""

AGAIN: Final = 1.0
"""Seconds after which it is tried again when somebody was reading."""

PATIENCE_MS: Final = 200
"""How long readers are waited for, in milliseconds: writers wait meanwhile."""

log = structlog.get_logger()


async def keep_empty(resources: Resources, every: float = EVERY) -> None:
    """Empty the log again and again, until cancelled."""
    while True:
        try:
            emptied = await empty(resources)
        except sqlite3.Error:
            log.exception("log_not_emptied")
            emptied = False
        await asyncio.sleep(every if emptied else min(AGAIN, every))


async def empty(resources: Resources) -> bool:
    """Move the log into the database and cut it; tell whether it is empty now."""
    path = str(resources.engine.url.database)
    await asyncio.to_thread(_checkpoint, path, "PASSIVE")  # most of the work, while others write
    async with resources.writer:
        return await asyncio.to_thread(_checkpoint, path, "TRUNCATE")


def _checkpoint(path: str, kind: str) -> bool:
    connection = sqlite3.connect(path, timeout=PATIENCE_MS / 1000)
    try:
        connection.execute("PRAGMA synchronous=FULL")
        (busy, _, _) = connection.execute(f"PRAGMA wal_checkpoint({kind})").fetchone()
    finally:
        connection.close()
    return not busy
