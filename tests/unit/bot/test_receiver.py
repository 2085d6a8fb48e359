"""Long polling acknowledges only what is stored, and outlives what Telegram and the network do."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiogram import Bot, Router
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiohttp import web
from sqlmodel import col, select

from bot.at_once import AtOnce
from bot.bell import Bell
from bot.database import Resources
from bot.handling import Handling
from bot.inbox import Inbox
from bot.metrics import Metrics
from bot.profile import describe
from bot.receiver import KINDS, Poller, register_webhook
from handlers.edge import build_dispatcher
from models.mail import EventStatus, InboxEvent
from models.unit import Unit
from sandbox.clock import TravelClock
from sandbox.telegram.client import Town
from sandbox.telegram.limits import Limits
from sandbox.telegram.server import TelegramServer
from texts.catalogue import Catalogue


class Full(Resources):
    """Resources whose disk is full: no unit commits."""

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Unit]:
        """Fail at the end, as a commit does."""
        async with super().unit() as unit:
            yield unit
            raise OSError("no space left on device")


@dataclass
class Ear:
    """A poller on the stand-in."""

    resources: Resources
    server: TelegramServer
    town: Town
    bot: Bot
    rung: Bell = field(default_factory=Bell)

    def poller(self, resources: Resources | None = None, *, at_once: bool = False) -> Poller:
        """A fresh poller, as after a restart."""
        chosen = resources or self.resources
        inbox = Inbox(chosen, self.rung.ring, Metrics())
        handling = Handling(build_dispatcher(Router()))
        handler = AtOnce(chosen, handling, done=self.rung.ring, metrics=Metrics()) if at_once else None
        return Poller(chosen, self.bot, inbox, Metrics(), handler)

    async def heard(self) -> Sequence[str]:
        """The numbers of stored updates."""
        async with self.resources.unit() as unit:
            return (await unit.session.exec(select(InboxEvent.external_id).order_by(col(InboxEvent.id)))).all()

    async def until_heard(self, count: int) -> None:
        """Wait until so many are stored."""
        async with asyncio.timeout(60):
            while len(await self.heard()) < count:
                await self.rung.wait(1)


@pytest.fixture
async def ear(resources: Resources, clock: TravelClock) -> AsyncIterator[Ear]:
    """The stand-in, its town, and aiogram's bot."""
    server = TelegramServer(clock=clock, limits=Limits.unthrottled())
    async with server, Town(server.url) as town, hearing(server.url, server.token) as bot:
        yield Ear(resources, server, town, bot)


@asynccontextmanager
async def hearing(url: str, token: str) -> AsyncIterator[Bot]:
    """A bot with the network."""
    session = AiohttpSession(api=TelegramAPIServer.from_base(url))
    yield Bot(token, session=session)
    await session.close()


@asynccontextmanager
async def running(poller: Poller) -> AsyncIterator[None]:
    """A poller at work."""
    task = asyncio.create_task(poller.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_was_stored_is_acknowledged_by_the_next_poll(ear: Ear) -> None:
    """An update leaves Telegram's queue only after it is in the inbox."""
    anna = await ear.town.person("Anna")
    await anna.send("раз")
    poller = ear.poller()
    assert await poller.poll(0) == 1
    assert len(ear.server.telegram.queue.pending) == 1
    assert await poller.poll(0) == 0
    assert len(ear.server.telegram.queue.pending) == 0
    assert len(await ear.heard()) == 1


async def test_what_could_not_be_stored_is_not_acknowledged(ear: Ear) -> None:
    """A full disk loses nothing: Telegram sends the update again to the next poller."""
    anna = await ear.town.person("Anna")
    await anna.send("раз")
    have = ear.resources
    full = Full(have.engine, have.vault, have.policy, have.texts, have.files, have.clock, have.writer)
    failing = ear.poller(full)
    for _ in range(2):
        with pytest.raises(OSError, match="no space"):
            await failing.poll(0)
    assert await ear.heard() == []
    await ear.poller().poll(0)
    assert len(await ear.heard()) == 1


async def test_what_could_neither_be_handled_nor_stored_is_not_acknowledged(ear: Ear) -> None:
    """A full disk loses nothing of what was to be handled at once either."""
    anna = await ear.town.person("Anna")
    await anna.send("раз")
    have = ear.resources
    full = Full(have.engine, have.vault, have.policy, have.texts, have.files, have.clock, have.writer)
    with pytest.raises(OSError, match="no space"):
        await ear.poller(full, at_once=True).poll(0)
    assert await ear.heard() == []
    poller = ear.poller(at_once=True)
    assert await poller.poll(0) == 1
    assert await poller.poll(0) == 0
    async with ear.resources.unit() as unit:
        assert (await unit.session.exec(select(InboxEvent.status))).all() == [EventStatus.DONE]


async def test_a_restart_and_a_repeat_store_nothing_twice(ear: Ear) -> None:
    """An update that was stored and not yet acknowledged comes again, and is known."""
    anna = await ear.town.person("Anna")
    await anna.send("раз")
    await ear.poller().poll(0)
    await ear.poller().poll(0)
    await ear.town.repeat()
    await ear.poller().poll(0)
    assert len(await ear.heard()) == 1


async def test_an_update_of_any_shape_does_not_lose_its_batch(ear: Ear) -> None:
    """A kind that nobody knows, between two that are known, is stored with them."""
    anna = await ear.town.person("Anna")
    await anna.send("раз")
    await ear.town.inject({"from_the_future": {"x": 1}})
    await ear.town.inject({"message": "not an object"})
    await anna.send("два")
    poller = ear.poller()
    assert await poller.poll(0) == 4
    assert len(await ear.heard()) == 4
    assert await poller.poll(0) == 0


@pytest.mark.parametrize("kind", ["hang_up", "server_error", "garbage", "retry_after"])
async def test_polling_goes_on_after_a_failure(ear: Ear, kind: str) -> None:
    """Whatever one poll meets, the next one takes what is there."""
    anna = await ear.town.person("Anna")
    await ear.town.fault(kind, "getUpdates")  # type: ignore[arg-type] # one of the kinds
    await anna.send("раз")
    async with running(ear.poller()):
        await ear.until_heard(1)


async def test_a_webhook_in_the_way_is_ended(ear: Ear) -> None:
    """Polling begins by ending a webhook, and ends one that is set meanwhile."""
    anna = await ear.town.person("Anna")
    await ear.bot.set_webhook("http://127.0.0.1:9/telegram")
    async with running(ear.poller()):
        await anna.send("раз")
        await ear.until_heard(1)
        await ear.bot.set_webhook("http://127.0.0.1:9/telegram")
        await anna.send("два")
        await ear.until_heard(2)


async def test_polling_asks_for_what_handlers_hear(ear: Ear) -> None:
    """Changes of members come only to those who ask for them."""
    anna = await ear.town.person("Anna")
    poller = ear.poller()
    await poller.poll(0)
    group = await ear.town.group("Щит", anna)
    await group.add_bot(admin=True)
    await group.join(await ear.town.person("Boris"))
    assert ear.server.telegram.queue.allowed == frozenset(KINDS)
    kinds = [next(key for key in each.body if key != "update_id") for each in ear.server.telegram.queue.pending]
    assert {"my_chat_member", "chat_member"} <= set(kinds)


async def test_the_webhook_is_registered_with_its_secret(ear: Ear) -> None:
    """Telegram is told where to call, with which secret, and about what."""
    await ear.town.fault("server_error", "setWebhook")
    task = asyncio.create_task(
        register_webhook(ear.bot, "http://127.0.0.1:9/telegram", "secret", ear.resources.texts)
    )
    await ear.town.wait_call("setMyShortDescription")
    task.cancel()
    target = ear.server.telegram.webhook.target
    assert target is not None
    assert (target.url, target.secret_token) == ("http://127.0.0.1:9/telegram", "secret")


async def test_a_server_that_knows_no_profile_methods_is_no_obstacle(catalogue: Catalogue) -> None:
    """A method that the Bot API server does not know is a warning."""
    asked = []

    async def not_found(request: web.Request) -> web.Response:
        asked.append(request.path.rpartition("/")[2])
        return web.json_response({"ok": False, "error_code": 404, "description": "Not Found"}, status=404)

    app = web.Application()
    app.router.add_post("/{rest:.+}", not_found)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with hearing(f"http://127.0.0.1:{port}", "12345:" + "x" * 30) as bot:
        await describe(bot, catalogue)
    await runner.cleanup()
    assert set(asked) == {"setMyCommands", "setMyDescription", "setMyShortDescription"}
