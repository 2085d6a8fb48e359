"""What reads the whole books lets others on the event loop have their turn: on SQLite no await does by itself."""

import asyncio
from collections.abc import Awaitable

import pytest

from bot.database import Resources
from models.donation import Provider
from payments import reconcile, trace
from tests.unit.payments.test_cash import cash, given, paid
from tests.unit.services.desk import make_desk

__all__ = ["cash"]

COUNT = 4


async def turns_during(act: Awaitable[object]) -> int:
    """How often somebody else has their turn meanwhile."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(others())
    await act
    other.cancel()
    return turns


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_comparing_stops_nobody(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each page of payouts every conversation goes on."""
    monkeypatch.setattr(reconcile, "PAGE", 1)
    desk = await make_desk(resources)
    for number in range(COUNT):
        await desk.paid(f"Person {number}")
    async with resources.glance() as unit:
        assert await turns_during(reconcile.compare(unit)) >= COUNT


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_following_a_gift_stops_nobody(cash: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each page of what came in and went out every conversation goes on."""
    monkeypatch.setattr(trace, "PAGE", 1)
    async with cash.unit() as unit:
        gift = await given(unit, Provider.HAND, 4_000)
        for number in range(COUNT):
            await paid(unit, f"G-{number}", 1_000)
    async with cash.glance() as unit:
        assert await turns_during(trace.follow(unit, gift)) >= COUNT
