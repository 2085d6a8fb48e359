"""The world of every flow, on SQLite and PostgreSQL, by polling unless a test asks for more.

`worlds` says in which worlds the main paths are played.
"""

from collections.abc import AsyncIterator

import pytest

from bot.database import Resources
from sandbox.clock import TravelClock
from tests.flows.harness import World, open_world


@pytest.fixture
def receiving(request: pytest.FixtureRequest) -> str:
    """How the bot hears: `polling`, or `webhook`."""
    return str(getattr(request, "param", "polling"))


@pytest.fixture
async def world(resources: Resources, clock: TravelClock, receiving: str) -> AsyncIterator[World]:
    """Telegram, people, and the fund running, without rates."""
    async with open_world(resources, clock, receiving) as opened:
        yield opened
