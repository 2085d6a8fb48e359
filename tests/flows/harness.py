"""A whole world for a flow: the stand-in for Telegram, its people, and the fund running against it.

`settle` returns when everything that was said has been heard, handled and answered. Nothing sleeps: it waits
for the app's own bells.
"""

import asyncio
import itertools
import os
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import bindparam, text
from sqlmodel import col, func, select

from bot.app import App, Setup
from bot.database import Resources
from bot.rates import Rates
from bot.stripe_setup import StripeSetup
from models.base import table_of
from models.mail import Effect, EffectStatus, EventStatus, InboxEvent, SentMessage
from models.unit import Unit
from sandbox.clock import TravelClock
from sandbox.telegram.client import Group, Person, Town
from sandbox.telegram.limits import Limits
from sandbox.telegram.server import TelegramServer

PATIENCE = 60.0
"""Real seconds after which a world that does not settle is a failure."""

PORTS = range(10_000, 32_768)
"""Below those that the kernel gives to whoever connects or asks for any: nobody else takes one in between."""

MOMENT = timedelta(seconds=1)
"""After what is due, so that it is."""

HEARD = select(InboxEvent.external_id)

SOON = bindparam("soon", type_=table_of(Effect).c.due_at.type)

UNDONE = select(
    select(func.count())
    .where(InboxEvent.status == EventStatus.NEW, col(InboxEvent.next_try_at) <= SOON)
    .label("events"),
    select(func.count()).where(Effect.status == EffectStatus.PENDING, col(Effect.due_at) <= SOON).label("effects"),
)
"""Events and effects whose time has come."""

WRITTEN = text("SELECT CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text)")

_tried = itertools.count(os.getpid() * 997)  # processes side by side begin far apart


class NotSettled(AssertionError):
    """Something was neither handled nor delivered in time."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is still to be done."""

    unheard: int
    unhandled: int
    undelivered: int

    @property
    def empty(self) -> bool:
        """Whether nothing is."""
        return not (self.unheard or self.unhandled or self.undelivered)


class Version:
    """A figure that is another one after whatever is written."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._sqlite: sqlite3.Connection | None = None

    async def read(self) -> str:
        """The figure."""
        if self._resources.is_sqlite:
            self._sqlite = self._sqlite or sqlite3.connect(str(self._resources.engine.url.database))
            return str(self._sqlite.execute("PRAGMA data_version").fetchone()[0])
        async with self._resources.glance() as unit:
            return str((await unit.run(WRITTEN)).scalar_one())

    def close(self) -> None:
        """Let go of the file."""
        if self._sqlite is not None:
            self._sqlite.close()


class World:
    """Telegram, people and the fund. `app` is replaced by `restart` and `kill`."""

    def __init__(self, resources: Resources, server: TelegramServer, town: Town, setup: Setup) -> None:
        self.resources = resources
        self.server = server
        self.town = town
        self.setup = setup
        self.app = App(resources, setup)
        self._version = Version(resources)
        self._settled: tuple[object, ...] = ()
        """What had been said, when, and how often something was written, as it last had settled."""

    @property
    def clock(self) -> TravelClock:
        """The one clock of the fund and of Telegram."""
        return self.server.clock

    async def person(self, name: str, language: str = "ru") -> Person:
        """Somebody with a Telegram account whose app speaks a language."""
        return await self.town.person(name, language_code=language)

    async def group(self, title: str, creator: Person, *people: Person, admin: bool = True) -> Group:
        """A supergroup with hidden history, the bot (as administrator) and these people in it."""
        made = await self.town.group(title, creator)
        await made.add_bot(admin=admin)
        for person in people:
            await made.join(person)
        return made

    async def settle(self, seconds: float = PATIENCE) -> None:
        """Wait until everything said is heard, every event handled, every effect delivered."""
        if self._settled == await self._moment():
            return
        end = asyncio.get_running_loop().time() + seconds
        while not (backlog := await self.backlog()).empty or await self._is_stirred_by_errands():
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                raise NotSettled(backlog)
            if not backlog.empty:
                await self.app.progress.wait(min(left, 1.0))
        self._settled = await self._moment()

    async def _moment(self) -> tuple[object, ...]:
        return self.app, self.server.telegram.queue.next_id, self.clock.offset, await self._version.read()

    async def _is_stirred_by_errands(self) -> bool:
        """Whether an errand was due, or has meanwhile brought something new, also one that the fund ran itself."""
        return bool(await self._run_errands()) or not (await self.backlog()).empty

    async def _run_errands(self) -> int:
        """What is to be asked of Telegram now, such as a file; returns how much that was."""
        return await self.app.errands.run_due_now() if self.app.errands else 0

    async def backlog(self) -> Backlog:
        """What is still to be done now. Retries that are not yet due do not count."""
        waiting = {str(update.id) for update in self.server.telegram.queue.pending}
        async with self.resources.glance() as unit:
            soon = unit.now + timedelta(seconds=0.5)  # units that began after this one count too
            heard = set((await unit.run(HEARD)).scalars()) if waiting else set()
            undone = (await unit.run(UNDONE, {"soon": soon})).one()
        return Backlog(len(waiting - heard), undone.events, undone.effects)

    async def jump(self, **step: float) -> None:
        """Let time pass, as `timedelta` takes it, do what is due by then, and settle."""
        self.clock.advance(timedelta(**step))
        self.app.worker.bell.ring()
        await self.app.clock.run_due_now()
        await self.settle()

    async def _stop_at(self, seconds: float) -> None:
        """The same on the way to a later moment: each job runs once, as a clock that ticks would run it."""
        self.clock.advance(timedelta(seconds=seconds))
        self.app.worker.bell.ring()
        await self.app.clock.run_due_now(rounds=1)
        await self.settle()

    async def live(self, **span: float) -> None:
        """Let much time pass, as `timedelta` takes it, with a stop whenever a message is to fade or to go."""
        end = self.clock.now() + timedelta(**span)
        while (left := end - self.clock.now()) > timedelta():
            async with self.resources.unit() as unit:
                query = select(func.min(SentMessage.erase_at), func.min(SentMessage.fade_at))
                stops = [moment for moment in (await unit.session.exec(query)).one() if moment is not None]
                wait = max(min((moment - unit.now for moment in stops), default=left), timedelta()) + MOMENT
            if wait < left:
                await self._stop_at(wait.total_seconds())
            else:
                await self.jump(seconds=left.total_seconds())

    def close(self) -> None:
        """Look no more."""
        self._version.close()

    async def kill(self) -> None:
        """End the fund without grace: only what is committed remains."""
        await self.app.kill()

    async def start(self) -> None:
        """Start the fund anew on what is there."""
        self.app = App(self.resources, self.setup)
        await self.app.__aenter__()

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Unit]:
        """A transaction, to look at what is stored."""
        async with self.resources.unit() as unit:
            yield unit


@asynccontextmanager
async def open_world(
    resources: Resources,
    clock: TravelClock,
    receiving: str,
    *,
    limits: Limits | None = None,
    rates: Rates | None = None,
    running: bool = True,
    stripe: StripeSetup | None = None,
) -> AsyncIterator[World]:
    """A world whose bot hears by `polling` or `webhook`; without rates unless some are given."""
    server = TelegramServer(clock=clock, limits=limits or Limits.unthrottled())
    async with server, Town(server.url) as town:
        port = free_port()
        setup = Setup(
            token=server.token,
            api_url=server.url,
            web_bind=f"127.0.0.1:{port}",
            webhook_url=f"http://127.0.0.1:{port}" if receiving == "webhook" else None,
            rates=rates or Rates.loose(),
            stripe=stripe,
        )
        world = World(resources, server, town, setup)
        if running:
            await world.app.__aenter__()
        try:
            yield world
        finally:
            await world.app.__aexit__(None, None, None)
            world.close()


def free_port() -> int:
    """A port of loopback that nobody listens on, and that stays free until it is bound."""
    while True:
        port = PORTS[next(_tried) % len(PORTS)]
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
