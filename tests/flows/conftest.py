"""The world of every flow, by polling unless a test asks for more; `worlds` says in which worlds one is played.

A flow that asks for no other database is played on SQLite, and by `make soak` on PostgreSQL too. The main paths
are played on both each time, and so is every unit that a flow goes through.
"""

from collections.abc import AsyncIterator

import pytest

from bot.database import Resources
from sandbox.clock import TravelClock
from tests.flows.harness import World, open_world


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.soak)])
def database(request: pytest.FixtureRequest) -> str:
    """Which database the flow is played on."""
    return str(request.param)


@pytest.fixture
def receiving(request: pytest.FixtureRequest) -> str:
    """How the bot hears: `polling`, or `webhook`."""
    return str(getattr(request, "param", "polling"))


@pytest.fixture
async def world(resources: Resources, clock: TravelClock, receiving: str) -> AsyncIterator[World]:
    """Telegram, people, and the fund running, without rates."""
    async with open_world(resources, clock, receiving) as opened:
        yield opened
