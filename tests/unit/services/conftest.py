"""The fund that most tests of services begin with; a module that needs another overrides it."""

import pytest

from bot.database import Resources
from tests.unit.services.fund import Fund


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """A fund with two coordinators, four reviewers and a bound group."""
    made = Fund(resources)
    await made.coordinators()
    await made.reviewers("Heron", "Otter", "Raven", "Swift")
    await made.bound()
    return made
