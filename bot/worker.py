"""The worker: takes the head event of a lane and hands it to aiogram inside one transaction.

Rows, conversation state, outgoing effects and "this event is done" commit together or not at all. A failing
event is tried again with growing pauses, during which its lane waits; then it is parked as dead with the
error's type, and the person is told. What cannot be read is done with a note, and nobody is told.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import cache
from typing import Any, Final, NoReturn

import structlog
from aiogram import Bot, Dispatcher
from aiogram.client.session.base import BaseSession
from aiogram.types import Update
from aiogram.types.update import UpdateTypeLookupError
from pydantic import ValidationError
from sqlalchemy import Executable, bindparam
from sqlalchemy.orm import aliased
from sqlmodel import col, exists, select, update
from sqlmodel.sql.expression import SelectOfScalar

from bot.bell import Bell
from bot.database import Resources
from bot.deaths import tell_of_death
from bot.inbox import STRIPE, event_place
from bot.metrics import Metrics
from models.mail import EventStatus, InboxEvent
from models.unit import Unit
from services.donate_stripe import stripe_event

ATTEMPTS: Final = 6
"""Tries of one event before it is parked."""

FIRST_PAUSE: Final = timedelta(seconds=1)
"""Pause after the first failure; doubles with each."""

FALLBACK_SECONDS: Final = 1.0
"""How often the inbox is looked at without a ring: for events stored by another process, and for retries."""

SIDE_BY_SIDE: Final = 8
"""Lanes worked on at once on PostgreSQL; SQLite has one writer."""

log = structlog.get_logger()


class HandlerTouchedNetwork(Exception):
    """A handler called Telegram; it must put an effect into the outbox instead."""


class NoNetwork(BaseSession):
    """The session of the bot object that handlers see: it refuses every call."""

    async def close(self) -> None:
        """Nothing is open."""

    async def make_request(self, bot: Bot, method: Any, timeout: int | None = None) -> NoReturn:  # noqa: ANN401, ARG002, ASYNC109 - aiogram's signature
        """Refuse."""
        raise HandlerTouchedNetwork

    async def stream_content(self, *_: Any, **__: Any) -> Any:  # noqa: ANN401 - aiogram's signature
        """Refuse."""
        raise HandlerTouchedNetwork
        yield b""


class Worker:
    """Works off the inbox until it is cancelled."""

    def __init__(
        self, resources: Resources, dispatcher: Dispatcher, *, done: Callable[[], None], metrics: Metrics
    ) -> None:
        """`done` is called after each commit: it wakes the sender."""
        self.bell = Bell()
        self._resources = resources
        self._dispatcher = dispatcher
        self._done = done
        self._metrics = metrics
        self._bot = Bot("1:no-network", session=NoNetwork())
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
                found = False
            if not found and not self._stopping:
                await self.bell.wait(FALLBACK_SECONDS)

    async def handle_next(self) -> bool:
        """Handle the next event that is due, if there is one; returns whether there was."""
        taken: InboxEvent | None = None
        try:
            async with self._resources.unit() as unit:
                taken = await claim(unit)
                if taken is None:
                    return False
                outcome = await self._handle(unit, taken)
        except Exception as error:
            if taken is None:
                raise
            log.exception("event_failed", attempt=taken.attempts + 1)
            outcome = await self._failed(taken, error)
        self._metrics.handled.labels(outcome).inc()
        self._metrics.seconds.observe((self._resources.clock.now() - taken.received_at).total_seconds())
        self._done()
        return True

    async def _handle(self, unit: Unit, event: InboxEvent) -> str:
        unread: str | None = None
        raw = _opened(unit, event)
        if event.source == STRIPE:
            known = await stripe_event(unit, raw)
            await _finish(unit, event, EventStatus.DONE, None if known else "Unknown")
            return "done" if known else "unread"
        try:
            read = Update.model_validate(raw, context={"bot": self._bot})
            _ = read.event_type
        except (ValidationError, UpdateTypeLookupError) as error:
            unread = type(error).__name__
        else:
            await self._dispatcher.feed_update(self._bot, read, unit=unit)
        await _finish(unit, event, EventStatus.DONE, unread)
        return "unread" if unread else "done"

    async def _failed(self, event: InboxEvent, error: Exception) -> str:
        name = type(error).__name__
        attempts = event.attempts + 1
        async with self._resources.unit() as unit:
            if attempts < ATTEMPTS:
                pause = FIRST_PAUSE * 2**event.attempts
                changed = {"attempts": attempts, "error": name, "next_try_at": unit.now + pause}
                await unit.session.exec(update(InboxEvent).where(col(InboxEvent.id) == event.id).values(changed))
                return "failed"
            with suppress(Exception):
                async with unit.session.begin_nested():
                    await tell_of_death(unit, _opened(unit, event))
            event.attempts = attempts
            await _finish(unit, event, EventStatus.DEAD, name)
        return "dead"


async def claim(unit: Unit) -> InboxEvent | None:
    """The oldest due event that is the head of its lane; on PostgreSQL locked, passing over locked ones.

    The head is locked until its unit ends and counts as new meanwhile, so no other worker sees a second event
    of the lane as its head.
    """
    event = (await unit.session.exec(_heads(), params={"now": unit.now})).first()
    if event is not None:
        unit.session.expunge(event)
    return event


@cache
def _heads() -> SelectOfScalar[InboxEvent]:
    """Built once: building it takes as long as running it."""
    earlier = aliased(InboxEvent)
    head = ~exists().where(
        col(earlier.lane) == col(InboxEvent.lane),
        col(earlier.status) == EventStatus.NEW,
        col(earlier.id) < col(InboxEvent.id),
    )
    return (
        select(InboxEvent)
        .where(InboxEvent.status == EventStatus.NEW, col(InboxEvent.next_try_at) <= bindparam("now"), head)
        .order_by(col(InboxEvent.id))
        .limit(1)
        .with_for_update(skip_locked=True, of=InboxEvent)
    )


def _opened(unit: Unit, event: InboxEvent) -> object:
    if event.payload is None:
        raise LookupError("a new event without a payload")
    opened: object = json.loads(
        unit.vault.open_server(event.payload, event_place(event.source, event.external_id))
    )
    return opened


async def _finish(unit: Unit, event: InboxEvent, status: EventStatus, error: str | None) -> None:
    changed = {"status": status, "payload": None, "attempts": event.attempts, "error": error}
    connection = await unit.session.connection()
    await connection.execute(_ending(), changed | {"event": event.id})


@cache
def _ending() -> Executable:
    table = InboxEvent.__table__  # type: ignore[attr-defined] # SQLModel does not declare it
    names = ("status", "payload", "attempts", "error")
    return update(table).where(table.c.id == bindparam("event")).values({name: bindparam(name) for name in names})
