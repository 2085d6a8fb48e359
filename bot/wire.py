"""Bells between processes: what one process has committed on PostgreSQL wakes the parts in the others at once.

A ring is a NOTIFY on a connection of its own, after the commit and with no content. It is a hint and nothing
more: one that is lost with its connection costs a second, after which each part looks by itself.
"""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.bell import Bell

CHANNEL: Final = "plecho"

CHECK_SECONDS: Final = 30.0
"""How often a connection that has nothing to say is asked whether it still stands."""

PAUSE_SECONDS: Final = 1.0
"""Pause before the next connection after one that broke."""

log = structlog.get_logger()


class Ring(StrEnum):
    """What may have come."""

    INBOX = "inbox"
    """Events, for a worker."""
    ERRANDS = "errands"
    """Rows that something is to be asked about, beside the clock."""
    OUTBOX = "outbox"
    """Effects, for the sender."""


class Wire:
    """Rings in other processes, and hears theirs, until it is cancelled."""

    def __init__(self, engine: AsyncEngine, heard: Callable[[Ring], None]) -> None:
        """`heard` is called for each ring of another process, and once for every kind after a silence."""
        self._engine = engine
        self._heard = heard
        self._bell = Bell()
        self._rung: set[Ring] = set()

    def ring(self, ring: Ring) -> None:
        """Have the others woken; several rings count as one."""
        self._rung.add(ring)
        self._bell.ring()

    async def run(self) -> None:
        """Connect, again and again."""
        while True:
            try:
                await self._hold()
            except Exception as error:  # noqa: BLE001 - the database is away; the parts say so by themselves
                log.warning("wire_broke", error=error)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _hold(self) -> None:
        connection = await self._engine.connect()
        try:
            wire: Any = (await connection.get_raw_connection()).driver_connection
            await wire.add_listener(CHANNEL, self._hear)
            for ring in Ring:
                self._heard(ring)
            while True:
                rung, self._rung = self._rung, set()
                for ring in rung:
                    await wire.execute("SELECT pg_notify($1, $2)", CHANNEL, ring.value)
                if not rung:
                    await wire.execute("SELECT 1")
                await self._bell.wait(CHECK_SECONDS)
        finally:
            await connection.invalidate()
            await connection.close()

    def _hear(self, wire: Any, process: int, _channel: str, ring: str) -> None:  # noqa: ANN401 - asyncpg's connection
        if process != wire.get_server_pid() and ring in set(Ring):
            self._heard(Ring(ring))
