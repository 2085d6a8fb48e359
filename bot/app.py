"""One process: its parts are built here, wired by bells, started, and stopped in order.

`async with App(resources, setup) as app: await app.wait()`. All parts run in one process, or one of them with
`only`, beside other processes on the same PostgreSQL. The end is graceful: what is under way is finished.
"""

import asyncio
import hashlib
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, Self
from urllib.parse import urlsplit
from uuid import UUID

from aiogram import Bot
from aiohttp import web
from sqlalchemy import text

from bot.at_once import AtOnce
from bot.bell import Bell
from bot.clock import JobClock
from bot.database import Resources
from bot.errands import Errands
from bot.handling import Handling
from bot.inbox import Inbox, telegram_arrival
from bot.listening import listening_bot
from bot.metrics import Metrics
from bot.parts import ERRANDS, JOBS, build_routers
from bot.rates import Rates
from bot.receiver import Poller, register_webhook
from bot.sender import Sender
from bot.stripe_parts import StripeParts
from bot.stripe_setup import StripeSetup
from bot.telegram_calls import TelegramCalls
from bot.wal import keep_empty
from bot.wire import Ring, Wire
from bot.worker import Worker
from handlers.edge import build_dispatcher
from services import attachments
from web.app import build_app, make_runner
from web.webhook import Webhook

TELEGRAM_RATES: Final = Rates()

WEBHOOK_PATH: Final = "/telegram"
"""Below the webhook's public address."""

ERRANDS_PART: Final = "errands"
"""Runs with the clock."""

STRIPE_PART: Final = "stripe"
"""Polls Stripe's events, with the receiver."""

WIRE_PART: Final = "wire"
LOG_PART: Final = "log"
"""Runs where the parts are processes of their own."""

PATIENCE: Final = 10.0
"""Seconds that a part may take to finish what is under way."""


class Part(StrEnum):
    """What a process may run alone.

    One address is served, by one part: with a webhook `web` takes what Telegram sends, and `receiver` has Telegram
    told where that is.
    """

    RECEIVER = "receiver"
    WORKER = "worker"
    SENDER = "sender"
    CLOCK = "clock"
    WEB = "web"


@dataclass(frozen=True, slots=True)
class Setup:
    """How a process is to run. `webhook_url` none: long polling. `clock_every` shortens the jobs' intervals."""

    token: str = field(repr=False)
    api_url: str
    web_bind: str
    webhook_url: str | None = None
    proxy: str | None = field(default=None, repr=False)
    rates: Rates = TELEGRAM_RATES
    only: Part | None = None
    clock_every: timedelta | None = None
    stripe: StripeSetup | None = None

    def runs(self, part: Part) -> bool:
        """Whether this process runs a part."""
        return self.only in {None, part}


class App:
    """The parts of one process."""

    def __init__(self, resources: Resources, setup: Setup) -> None:
        self.resources = resources
        self.setup = setup
        self.metrics = Metrics()
        self.progress = Bell()
        """Rung whenever anything was stored, handled or recorded."""
        dispatcher = build_dispatcher(*build_routers())
        dispatcher["card"] = setup.stripe is not None
        handling = Handling(dispatcher)
        self.worker = Worker(resources, handling, done=self._worked, metrics=self.metrics)
        self.at_once = AtOnce(resources, handling, done=self._worked, metrics=self.metrics)
        self.inbox = Inbox(resources, self._stored, self.metrics)
        self.stripe = StripeParts(setup.stripe, resources, self.inbox, self.metrics) if setup.stripe else None
        self.clock = JobClock(resources, JOBS, self.metrics, handled=self._worked, at_most=setup.clock_every)
        self.sender: Sender | None = None
        self.errands: Errands | None = None
        self.wire: Wire | None = None
        self.web_port: int | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start the parts."""
        setup = self.setup
        bot = listening_bot(setup.token, setup.api_url, setup.proxy)
        self._stack.push_async_callback(bot.session.close)
        if self.stripe is not None:
            self._stack.push_async_callback(self.stripe.close)
        try:
            if setup.runs(Part.SENDER):
                await self._start_sender()
            if setup.runs(Part.WORKER):
                self._start(Part.WORKER, self.worker.run())
            if setup.runs(Part.CLOCK):
                self._start_clock(bot)
                if self.resources.is_sqlite:
                    self._start(LOG_PART, keep_empty(self.resources))
            if setup.runs(Part.WEB):
                await self._start_web()
            if setup.runs(Part.RECEIVER):
                self._start_receiver(bot)
            if setup.only is not None and not self.resources.is_sqlite:
                self._start_wire()
        except BaseException:
            await self.kill()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hear nothing more, finish what is under way, and close everything."""
        await self._cancel(Part.RECEIVER)
        await self._cancel(STRIPE_PART)
        self.clock.stop()
        if self.errands is not None:
            self.errands.stop()
        await self._finish(Part.CLOCK)
        await self._finish(ERRANDS_PART)
        self.worker.stop()
        await self._finish(Part.WORKER)
        if self.sender is not None:
            self.sender.stop()
        await self._finish(Part.SENDER)
        await self._cancel(WIRE_PART)
        await self._cancel(LOG_PART)
        await self._stack.aclose()

    async def wait(self) -> None:
        """Return when a part has ended, which none does by itself; raises what ended it."""
        done, _ = await asyncio.wait(self._tasks.values(), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def kill(self) -> None:
        """Cut everything off where it stands, as a crash would. Only what is committed remains."""
        for part in list(self._tasks):
            await self._cancel(part)
        await self._stack.aclose()

    async def health(self) -> Mapping[str, bool]:
        """Which parts run, and whether the database answers."""
        state = {part: not task.done() for part, task in self._tasks.items()}
        try:
            async with self.resources.unit() as unit:
                await (await unit.session.connection()).execute(text("SELECT 1"))
        except Exception:  # noqa: BLE001 - whatever it is, the answer is no
            return state | {"database": False}
        return state | {"database": True}

    def _stored(self) -> None:
        self._ring(Ring.INBOX)

    def _worked(self) -> None:
        self._ring(Ring.OUTBOX)  # first: somebody waits for an answer
        self._ring(Ring.ERRANDS)

    def _told(self) -> None:
        self._ring(Ring.OUTBOX)

    def _ring(self, ring: Ring) -> None:
        """Wake who waits for it, here and in the other processes."""
        self._hear(ring)
        if self.wire is not None:
            self.wire.ring(ring)
        self.progress.ring()

    def _hear(self, ring: Ring) -> None:
        if ring is Ring.INBOX:
            self.worker.bell.ring()
        elif ring is Ring.ERRANDS and self.errands is not None:
            self.errands.bell.ring()
        elif ring is Ring.OUTBOX and self.sender is not None:
            self.sender.bell.ring()

    def _start_wire(self) -> None:
        self.wire = Wire(self.resources.engine, self._hear)
        self._start(WIRE_PART, self.wire.run())

    def _start(self, part: str, run: Coroutine[Any, Any, None]) -> None:
        self._tasks[part] = asyncio.create_task(run, name=part)

    async def _start_sender(self) -> None:
        setup = self.setup
        calls = TelegramCalls(setup.token, setup.api_url, setup.rates, setup.proxy)
        await self._stack.enter_async_context(calls)
        self.sender = Sender(
            self.resources, calls, setup.rates, self.metrics, pictures=self._picture, recorded=self.progress.ring
        )
        self._start(Part.SENDER, self.sender.run())

    def _start_receiver(self, bot: Bot) -> None:
        if self.stripe is not None:
            self._start(STRIPE_PART, self.stripe.poller.run())
        if self.setup.webhook_url is None:
            at_once = self.at_once if self.setup.runs(Part.WORKER) else None
            poller = Poller(self.resources, bot, self.inbox, self.metrics, at_once)
            self._start(Part.RECEIVER, poller.run())
        else:
            url = self.setup.webhook_url + WEBHOOK_PATH
            secret = webhook_secret(self.setup.token)
            self._start(Part.RECEIVER, register_webhook(bot, url, secret, self.resources.texts))

    def _busy(self) -> bool:
        return self.at_once.busy or (self.sender is not None and self.sender.busy)

    def _start_clock(self, bot: Bot) -> None:
        errands = (*ERRANDS, *(self.stripe.errands if self.stripe else ()))
        self.errands = Errands(self.resources, bot, errands, self.metrics, ran=self._told, busy=self._busy)
        self._start(Part.CLOCK, self.clock.run())
        self._start(ERRANDS_PART, self.errands.run())

    async def _start_web(self) -> None:
        app = build_app(
            self.health, self.metrics.text, self._webhook(), self.stripe.routes() if self.stripe else ()
        )
        runner = make_runner(app)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        host, _, port = self.setup.web_bind.rpartition(":")
        await web.TCPSite(runner, host.strip("[]"), int(port)).start()
        self.web_port = runner.addresses[0][1]

    def _webhook(self) -> Webhook | None:
        url = self.setup.webhook_url
        if url is None:
            return None

        async def store(update: object) -> None:
            await self.inbox.store([telegram_arrival(self.resources, update)])

        path = urlsplit(url).path.rstrip("/") + WEBHOOK_PATH
        return Webhook(
            path,
            webhook_secret(self.setup.token),
            store,
            lambda status: self.metrics.refused_hooks.labels(status).inc(),
        )

    async def _picture(self, attachment: UUID) -> bytes:
        async with self.resources.glance() as unit:
            return await attachments.read(unit, attachment)

    async def _finish(self, part: str) -> None:
        task = self._tasks.get(part)
        if task is not None:
            await asyncio.wait([task], timeout=PATIENCE)
            await self._cancel(part)

    async def _cancel(self, part: str) -> None:
        task = self._tasks.pop(part, None)
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(task, return_exceptions=True)


def webhook_secret(token: str) -> str:
    """The secret that Telegram repeats with each call: the same in every process that knows the token."""
    return hashlib.blake2b(b"webhook", key=hashlib.sha256(token.encode()).digest(), digest_size=32).hexdigest()
