"""The stand-ins for Telegram and Stripe, who acts in them, and the real libraries connected to them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from telegram.ext import ExtBot

from sandbox.clock import TravelClock
from sandbox.telegram.client import Person, Town
from sandbox.telegram.limits import Limits
from sandbox.telegram.server import TelegramServer
from tests.stripe_town import bank, hook, stripe_api, stripe_server

__all__ = ["bank", "hook", "stripe_api", "stripe_server"]


@pytest.fixture
def limits() -> Limits:
    """Telegram's limits without rates; a module overrides this where it tests the rates."""
    return Limits.unthrottled()


@pytest.fixture
def clock() -> TravelClock:
    """The stand-in's clock."""
    return TravelClock()


@pytest.fixture
async def server(limits: Limits, clock: TravelClock) -> AsyncIterator[TelegramServer]:
    """A running stand-in."""
    async with TelegramServer(limits=limits, clock=clock) as running:
        yield running


@pytest.fixture
async def town(server: TelegramServer) -> AsyncIterator[Town]:
    """The client API."""
    async with Town(server.url) as opened:
        yield opened


@pytest.fixture
async def ear(server: TelegramServer) -> AsyncIterator[Bot]:
    """The bot as aiogram."""
    session = AiohttpSession(api=TelegramAPIServer.from_base(server.url))
    bot = Bot(server.token, session=session)
    yield bot
    await session.close()


@pytest.fixture
async def mouth(server: TelegramServer) -> AsyncIterator[ExtBot[None]]:
    """The bot as python-telegram-bot."""
    base = f"{server.url}/bot"
    bot: ExtBot[None] = ExtBot(server.token, base_url=base, base_file_url=f"{server.url}/file/bot")
    async with bot:
        yield bot


@pytest.fixture
async def anna(town: Town) -> Person:
    """A person who has started the bot; her /start is the first pending update."""
    person = await town.person("Anna", username="anna_k")
    await person.send("/start")
    return person


Api = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def api(server: TelegramServer) -> AsyncIterator[Api]:
    """A bare call of the Bot API with a JSON body; returns the JSON answer, whatever its status."""
    async with aiohttp.ClientSession() as session:

        async def call(method: str, **parameters: object) -> dict[str, Any]:
            url = f"{server.url}/bot{server.token}/{method}"
            async with session.post(url, json=parameters) as response:
                body: dict[str, Any] = await response.json()
                assert response.status == (200 if body["ok"] else body["error_code"])
                return body

        yield call
