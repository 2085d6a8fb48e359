"""Processes on one PostgreSQL wake each other, also after the connection between them was lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.bell import Bell
from bot.wire import Ring, Wire

PATIENCE = 60.0


class Ear:
    """What one process hears."""

    def __init__(self) -> None:
        self.heard: list[Ring] = []
        self._bell = Bell()

    def hear(self, ring: Ring) -> None:
        """Note a ring."""
        self.heard.append(ring)
        self._bell.ring()

    async def until(self, fits: Callable[[list[Ring]], bool]) -> None:
        """Wait until what was heard fits."""
        async with asyncio.timeout(PATIENCE):
            while not fits(self.heard):
                await self._bell.wait()


@asynccontextmanager
async def listening(engine: AsyncEngine) -> AsyncIterator[tuple[Wire, Ear]]:
    """A wire that stands, and who hears by it."""
    ear = Ear()
    wire = Wire(engine, ear.hear)
    task = asyncio.create_task(wire.run())
    try:
        await ear.until(lambda heard: len(heard) == len(Ring))
        ear.heard.clear()
        yield wire, ear
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("ring", list(Ring))
async def test_a_ring_is_heard_by_the_others_only(engine: AsyncEngine, ring: Ring) -> None:
    """Who has stored something wakes the other processes, and not itself once more."""
    async with listening(engine) as (wire, own), listening(engine) as (other, ear):
        own.heard.clear()
        wire.ring(ring)
        await ear.until(lambda heard: ring in heard)
        other.ring(ring)
        await own.until(lambda heard: ring in heard)
        assert (own.heard, ear.heard) == ([ring], [ring])


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_after_a_lost_connection_everything_is_looked_at_once(engine: AsyncEngine) -> None:
    """Rings may have been lost with the connection, so the new one begins with a ring of each kind."""
    async with listening(engine) as (wire, ear):
        async with engine.connect() as connection:
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        wire.ring(Ring.INBOX)
        await ear.until(lambda heard: set(heard) == set(Ring))
