"""An outbox that sends to a stand-in, and somebody who reads."""

from collections.abc import AsyncIterator

import pytest

from bot.database import Resources
from sandbox.clock import TravelClock
from sandbox.telegram.client import Person, Town
from sandbox.telegram.limits import Limits
from sandbox.telegram.server import TelegramServer
from tests.unit.bot.post import Post


@pytest.fixture
def limits() -> Limits:
    """Telegram's limits without rates."""
    return Limits.unthrottled()


@pytest.fixture
async def post(resources: Resources, clock: TravelClock, limits: Limits) -> AsyncIterator[Post]:
    """An empty outbox and a stand-in on the same clock."""
    async with TelegramServer(clock=clock, limits=limits) as server, Town(server.url) as town:
        yield Post(resources, server, town)


@pytest.fixture
async def anna(post: Post) -> Person:
    """Somebody who has started the bot and cleared the chat."""
    person = await post.town.person("Anna")
    await person.delete(await person.send("/start"))
    return person
