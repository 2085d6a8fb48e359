"""The worker: takes the head event of a lane and hands it to aiogram inside one transaction.

Rows, conversation state, outgoing effects and "this event is done" commit together or not at all. A failing
event is tried again with growing pauses, during which its lane waits; then it is parked as dead with the
error's type, and the person is told. What cannot be read is done with a note, and nobody is told.

What has just arrived need not come by here: `bot.at_once`. The worker has what was stored: the rest of a full
batch, what failed, and all events where receiver and worker are processes of their own.

On SQLite, where writers queue anyway and a commit waits for the disk, the heads of several lanes share a
transaction. When it fails, each of them is handled again in one of its own: one event takes no other along.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, NamedTuple

import structlog
from sqlalchemy import Executable, bindparam, exists, select, update
from sqlmodel import col

from bot.bell import Bell
from bot.database import Resources
from bot.deaths import tell_of_death
from bot.handling import SIDE_BY_SIDE, TOGETHER, TOGETHER_SECONDS, Handling
from bot.inbox import blank, event_place
from bot.metrics import Metrics
from models.base import table_of
from models.mail import EventStatus, InboxEvent
from models.unit import Unit
from services.speak import CHECKOUT_LANES
from vault.types import SealedBytes

ATTEMPTS: Final = 6
"""Tries of one event before it is parked."""

FIRST_PAUSE: Final = timedelta(seconds=1)
"""Pause after the first failure; doubles with each."""

FALLBACK_SECONDS: Final = 1.0
"""How often the inbox is looked at without a ring: for events stored by another process, and for retries."""

log = structlog.get_logger()


class Event(NamedTuple):
    """What the worker reads of an event."""

    id: int
    source: str
    external_id: str
    payload: SealedBytes | None
    attempts: int
    received_at: datetime


class Worker:
    """Works off the inbox until it is cancelled."""

    def __init__(
        self,
        resources: Resources,
        handling: Handling,
        *,
        done: Callable[[], None],
        metrics: Metrics,
        together_seconds: float = TOGETHER_SECONDS,
    ) -> None:
        """`done` is called after each commit: it wakes the sender."""
        self.bell = Bell()
        self._resources = resources
        self._handling = handling
        self._done = done
        self._metrics = metrics
        self._together_seconds = together_seconds
        self._idle = asyncio.Lock()
        self._alone = 0
        """How many of the next events get a transaction of their own."""
        self._stopping = False

    async def run(self) -> None:
        """Serve all lanes; on PostgreSQL several side by side."""
        async with asyncio.TaskGroup() as group:
            for _ in range(1 if self._resources.is_sqlite else SIDE_BY_SIDE):
                group.create_task(self._serve())

    def stop(self) -> None:
        """Finish what is under way and return from `run`."""
        self._stopping = True
        self.bell.ring()

    async def _serve(self) -> None:
        while not self._stopping:
            try:
                found = await self.handle_next()
            except Exception:
                log.exception("worker_failed")
                found = 0
            if not found and not self._stopping:
                await self._rest()

    async def _rest(self) -> None:
        """Wait for the bell, one at a time: the ring for one event must not wake all of them to look for it."""
        async with self._idle:
            if not self._stopping:
                await self.bell.wait(FALLBACK_SECONDS)

    async def handle_next(self) -> int:
        """Handle the next events that are due, if there are any; returns how many."""
        alone = self._alone > 0 or not self._resources.is_sqlite
        taken: Sequence[Event] = []
        try:
            async with self._resources.unit() as unit:
                taken = await claim(unit, 1 if alone else TOGETHER)
                if taken and not self._resources.is_sqlite:
                    self.bell.ring()  # there may be more: whoever is idle looks too
                outcomes = await self._handle_all(unit, taken)
        except Exception as error:
            if not taken:
                raise
            if len(taken) > 1:
                self._alone = len(taken)
                return await self.handle_next()
            log.exception("event_failed", attempt=taken[0].attempts + 1)
            outcomes = [await self._failed(taken[0], error)]
        self._alone = max(0, self._alone - 1)
        for event, outcome in zip(taken, outcomes, strict=False):
            self._metrics.handled.labels(outcome).inc()
            self._metrics.seconds.observe((self._resources.clock.now() - event.received_at).total_seconds())
        if outcomes:
            self._done()
        return len(outcomes)

    async def _handle_all(self, unit: Unit, taken: Sequence[Event]) -> list[str]:
        """Handle as many as time allows; the rest stays in the inbox."""
        seconds = asyncio.get_running_loop().time
        end = seconds() + self._together_seconds
        ended: list[dict[str, Any]] = []
        for event in taken:
            if ended and seconds() > end:
                break
            unread = await self._handling.handle(unit, event.source, _opened(unit, event))
            ended.append(_ended(unit, event, EventStatus.DONE, unread))
            await unit.forget()
        if ended:
            await unit.run(_ending(), ended)
        return ["unread" if row["error"] else "done" for row in ended]

    async def _failed(self, event: Event, error: Exception) -> str:
        name = type(error).__name__
        attempts = event.attempts + 1
        async with self._resources.unit() as unit:
            if not await _stands(unit, event):
                return "done"
            if attempts < ATTEMPTS:
                pause = FIRST_PAUSE * 2**event.attempts
                changed = {"attempts": attempts, "error": name, "next_try_at": unit.now + pause}
                await unit.session.exec(update(InboxEvent).where(col(InboxEvent.id) == event.id).values(changed))
                return "failed"
            with suppress(Exception):
                async with unit.attempt():
                    await tell_of_death(unit, _opened(unit, event))
            await unit.run(_ending(), _ended(unit, event._replace(attempts=attempts), EventStatus.DEAD, name))
        return "dead"


async def _stands(unit: Unit, event: Event) -> bool:
    """Whether an event is still to be handled: its commit may have come through, or another worker handled it."""
    stood = await unit.run(_standing(), {"event": event.id})
    return stood.scalar() is EventStatus.NEW


@cache
def _standing() -> Executable:
    table = table_of(InboxEvent)
    return select(table.c.status).where(table.c.id == bindparam("event")).with_for_update()


async def claim(unit: Unit, most: int) -> list[Event]:
    """The oldest due events that are heads of their lanes; on PostgreSQL locked, passing over locked ones.

    A head is locked until its unit ends and counts as new meanwhile, so no other worker sees a second event
    of the lane as its head.
    """
    due = {"now": unit.now, "most": most}
    rows = (await unit.run(_checkouts(), due)).all() or (await unit.run(_heads(), due)).all()
    return [Event._make(row) for row in rows]


@cache
def _heads() -> Executable:
    """Built once: building it takes as long as running it."""
    event, earlier = table_of(InboxEvent), table_of(InboxEvent).alias()
    head = ~exists().where(
        earlier.c.lane == event.c.lane, earlier.c.status == EventStatus.NEW, earlier.c.id < event.c.id
    )
    return (
        select(*(event.c[name] for name in Event._fields))
        .where(event.c.status == EventStatus.NEW, event.c.next_try_at <= bindparam("now"), head)
        .order_by(event.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True, of=event)
    )


@cache
def _checkouts() -> Executable:
    """Questions before a payment, which come before everything: Telegram waits ten seconds for an answer."""
    event = table_of(InboxEvent)
    return (
        select(*(event.c[name] for name in Event._fields))
        .where(
            event.c.lane.in_(CHECKOUT_LANES),
            event.c.status == EventStatus.NEW,
            event.c.next_try_at <= bindparam("now"),
        )
        .order_by(event.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True, of=event)
    )


def _opened(unit: Unit, event: Event) -> object:
    if event.payload is None:
        raise LookupError("a new event without a payload")
    opened: object = json.loads(
        unit.vault.open_server(event.payload, event_place(event.source, event.external_id))
    )
    return opened


def _ended(unit: Unit, event: Event, status: EventStatus, error: str | None) -> dict[str, Any]:
    became = {"status": status, "payload": None, "attempts": event.attempts, "error": error}
    return {"event": event.id} | became | blank(unit.now)


@cache
def _ending() -> Executable:
    table = table_of(InboxEvent)
    names = ("status", "payload", "attempts", "error", "lane", "next_try_at", "received_at")
    return update(table).where(table.c.id == bindparam("event")).values({name: bindparam(name) for name in names})
