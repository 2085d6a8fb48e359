"""Updates reach the bot's webhook as Telegram delivers them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from telegram.ext import ExtBot

from sandbox.clock import TravelClock
from sandbox.telegram.client import Person, Town
from sandbox.telegram.limits import Limits

Api = Callable[..., Awaitable[dict[str, Any]]]


@dataclass
class Hook:
    """A bot's web server: answers with `statuses` in turn, then with 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    got: asyncio.Queue[tuple[str | None, dict[str, Any]]] = field(default_factory=asyncio.Queue)

    async def take(self, request: web.Request) -> web.Response:
        """Note the secret and the update."""
        secret = request.headers.get("X-Telegram-Bot-Api-Secret-Token")
        self.got.put_nowait((secret, await request.json()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    async def text(self) -> str:
        """Return the text of the next message that arrives."""
        async with asyncio.timeout(60):
            return str((await self.got.get())[1]["message"]["text"])


@pytest.fixture
def limits() -> Limits:
    """Retries without long pauses."""
    quick = timedelta(milliseconds=5)
    return replace(Limits.unthrottled(), webhook_first_retry=quick, webhook_last_retry=quick)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    """A listening web server."""
    hook = Hook()
    app = web.Application()
    app.router.add_post("/hook", hook.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield hook
    await runner.cleanup()


async def test_updates_come_with_the_secret(mouth: ExtBot[None], hook: Hook, anna: Person) -> None:
    """Pending and new updates are posted with the secret token, and confirmed by a 200."""
    await mouth.set_webhook(hook.url, secret_token="s3cret_")
    secret, update = await hook.got.get()
    assert (secret, update["message"]["text"]) == ("s3cret_", "/start")
    await anna.send("hello")
    assert await hook.text() == "hello"
    await mouth.delete_webhook()
    assert (await mouth.get_webhook_info()).url == ""


async def test_failures_are_repeated_in_order(mouth: ExtBot[None], hook: Hook, anna: Person) -> None:
    """An update is posted until it is accepted, and later ones of the chat wait for it."""
    hook.statuses = [500, 302, 404]
    await mouth.set_webhook(hook.url)
    await anna.send("second")
    assert [await hook.text() for _ in range(5)] == ["/start"] * 4 + ["second"]
    info = await mouth.get_webhook_info()
    assert info.last_error_message
    assert "404" in info.last_error_message


async def test_one_chat_does_not_hold_up_another(
    mouth: ExtBot[None], hook: Hook, anna: Person, town: Town
) -> None:
    """While one chat's update fails, another's arrives."""
    boris = await town.person("Boris")
    hook.statuses = [500] * 50
    await mouth.set_webhook(hook.url)
    assert await hook.text() == "/start"
    await boris.send("me too")
    async with asyncio.timeout(60):
        while await hook.text() != "me too":
            pass
    assert anna.id != boris.id


async def test_pending_updates_can_be_dropped(mouth: ExtBot[None], hook: Hook, anna: Person) -> None:
    """drop_pending_updates forgets what was there."""
    await mouth.set_webhook(hook.url, drop_pending_updates=True)
    await anna.send("fresh")
    assert await hook.text() == "fresh"


async def test_undelivered_updates_expire(
    mouth: ExtBot[None], hook: Hook, anna: Person, clock: TravelClock
) -> None:
    """After 24 hours without success an update is given up."""
    hook.statuses = [500] * 10_000
    await mouth.set_webhook(hook.url)
    assert await hook.text() == "/start"
    clock.advance(timedelta(hours=24, seconds=1))
    await anna.send("next day")
    async with asyncio.timeout(60):
        while await hook.text() != "next day":
            pass
    assert (await mouth.get_webhook_info()).pending_update_count == 1
