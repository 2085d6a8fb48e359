"""The fund that most tests of services begin with; a module that needs another overrides it."""

from datetime import UTC, datetime

import pytest

from bot.database import Resources
from sandbox.clock import TravelClock
from tests.unit.services.founding import peopled
from tests.unit.services.fund import Fund


@pytest.fixture(scope="session")
def morning() -> datetime:
    """When all tests of services begin, so that a fund made for one is as young in the next."""
    return datetime.now(UTC)


@pytest.fixture
def clock(morning: datetime) -> TravelClock:
    """A clock that can jump forward."""
    return TravelClock(morning - datetime.now(UTC))


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """A fund with two coordinators, four reviewers and a bound group."""
    return await peopled(resources, "Heron", "Otter", "Raven", "Swift")
