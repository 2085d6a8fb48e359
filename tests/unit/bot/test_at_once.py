"""What is handled as it arrives is handled once, in order, wholly or not at all; the rest is left to the inbox."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from math import inf

import pytest
from aiogram import Router
from aiogram.types import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from bot.at_once import AtOnce
from bot.database import Resources
from bot.handling import SIDE_BY_SIDE, TOGETHER, Handling
from bot.inbox import Arrival, Inbox, telegram_arrival
from bot.metrics import Metrics
from bot.worker import FIRST_PAUSE, Worker
from handlers.edge import build_dispatcher
from models.mail import Effect, EventStatus, InboxEvent
from models.unit import Unit
from sandbox.clock import TravelClock
from services.access import Actor
from services.speak import Screen, effect_place, show

Handle = Callable[[Message, Unit, Actor], Awaitable[None]]


class Broken(Exception):
    """What a handler may raise by mistake."""


class Desk:
    """Everything that has to do with events, around one handler of messages."""

    def __init__(self, resources: Resources, handle: Handle, together_seconds: float = inf) -> None:
        router = Router()
        router.message.register(handle)
        handling = Handling(build_dispatcher(router))
        self.resources = resources
        self.rings: list[str] = []
        self.at_once = AtOnce(
            resources,
            handling,
            done=lambda: self.rings.append("done"),
            metrics=Metrics(),
            together_seconds=together_seconds,
        )
        self.worker = Worker(resources, handling, done=lambda: None, metrics=Metrics(), together_seconds=inf)
        self.inbox = Inbox(resources, lambda: None, Metrics())

    def arrivals(self, *updates: object) -> list[Arrival]:
        """Updates as the receiver hands them on."""
        return [telegram_arrival(self.resources, update) for update in updates]

    async def take(self, *updates: object) -> list[str]:
        """Have updates handled as they arrive; returns the numbers of those that are to be stored."""
        return [left.external_id for left in await self.at_once.take(self.arrivals(*updates))]

    async def receive(self, *updates: object) -> None:
        """Do what the receiver does."""
        await self.inbox.store(await self.at_once.take(self.arrivals(*updates)))

    async def work_off(self) -> None:
        """Handle what waits and is due."""
        while await self.worker.handle_next():
            pass

    async def events(self) -> Sequence[InboxEvent]:
        """All events in order."""
        async with self.resources.unit() as unit:
            return (await unit.session.exec(select(InboxEvent).order_by(col(InboxEvent.id)))).all()

    async def said(self) -> list[str]:
        """All texts in the outbox, sorted: whoever works side by side ends in any order."""
        async with self.resources.unit() as unit:
            rows = (await unit.session.exec(select(Effect))).all()
            sealed = [(row.payload, effect_place(row)) for row in rows]
            opened = [json.loads(unit.vault.open_server(payload, place)) for payload, place in sealed if payload]
            return sorted(payload["text"] for payload in opened)


def said(number: int, text: str, who: int = 7) -> dict[str, object]:
    """An update with a private message."""
    person = {"id": who, "is_bot": False, "first_name": "A", "language_code": "ru"}
    chat = {"id": who, "type": "private"}
    message = {"message_id": number, "date": 0, "chat": chat, "from": person, "text": text}
    return {"update_id": number, "message": message}


async def echo(message: Message, unit: Unit, actor: Actor) -> None:
    """Show what was said; break at what is bad."""
    await show(unit, actor.to, Screen(message.text or ""))
    if message.text == "bad":
        raise Broken


async def test_what_arrives_is_done_with_its_effects_and_never_stored(resources: Resources) -> None:
    """The answer is in the outbox with the event's number, the sender is woken, and nothing is left to store."""
    desk = Desk(resources, echo)
    assert await desk.take(said(1, "да"), said(2, "нет", who=8)) == []
    assert [(event.status, event.payload, event.error) for event in await desk.events()] == [
        (EventStatus.DONE, None, None)
    ] * 2
    assert await desk.said() == ["да", "нет"]
    assert desk.rings


async def test_nobody_waiting_opens_nothing(resources: Resources) -> None:
    """A poll that brought nothing wakes nobody."""
    desk = Desk(resources, echo)
    assert await desk.take() == []
    assert not desk.rings


async def test_a_repeat_is_not_handled_again(resources: Resources) -> None:
    """Telegram sends again what was handled and not yet acknowledged: the answer is not said twice."""
    desk = Desk(resources, echo)
    await desk.receive(said(1, "да"))
    await desk.receive(said(1, "да"))
    await desk.work_off()
    assert len(await desk.events()) == 1
    assert await desk.said() == ["да"]


async def test_what_fails_leaves_nothing_behind_and_goes_to_the_worker(resources: Resources) -> None:
    """A failed try leaves no trace, and is none of the worker's, which has all its own; others are done."""
    desk = Desk(resources, echo)
    await desk.receive(said(1, "bad"), said(2, "good", who=8))
    await desk.work_off()
    assert await desk.said() == ["good"]
    bad = next(event for event in await desk.events() if event.external_id == "1")
    assert (bad.status, bad.attempts, bad.error) == (EventStatus.NEW, 1, "Broken")


async def test_a_lane_that_waits_is_not_overtaken(resources: Resources) -> None:
    """While an earlier event of a chat waits, what arrives there is stored behind it; other chats go on."""
    desk = Desk(resources, echo)
    await desk.receive(said(1, "bad"))
    assert await desk.take(said(2, "later"), said(3, "other", who=8)) == ["2"]
    assert await desk.said() == ["other"]


async def test_what_cannot_be_read_is_done_with_a_note(resources: Resources) -> None:
    """An unparsable update or an unknown kind stops nobody."""
    desk = Desk(resources, echo)
    assert await desk.take({"update_id": 1}, said(2, "да")) == []
    assert {event.external_id: event.error for event in await desk.events()} == {
        "1": "UpdateTypeLookupError",
        "2": None,
    }


async def test_no_more_than_fits_is_handled_at_once(resources: Resources) -> None:
    """The rest of a great batch is stored for the worker, in its order."""
    most = TOGETHER if resources.is_sqlite else SIDE_BY_SIDE
    desk = Desk(resources, echo)
    left = await desk.take(*(said(number, "x", who=number) for number in range(1, most + 3)))
    assert left == [str(most + 1), str(most + 2)]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_transaction_that_is_old_takes_no_more(resources: Resources) -> None:
    """Who was handled first does not wait for all: on SQLite the first alone when time is up."""
    desk = Desk(resources, echo, together_seconds=-1.0)
    assert await desk.take(said(1, "да"), said(2, "нет", who=8)) == ["2"]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    lanes=st.lists(st.integers(1, 4), min_size=1, max_size=14),
    failing=st.sets(st.integers(0, 13), max_size=4),
    batch=st.integers(1, 6),
)
async def test_lanes_keep_their_order(
    resources: Resources, clock: TravelClock, lanes: list[int], failing: set[int], batch: int
) -> None:
    """However updates arrive and whatever fails, beside the worker: each is handled once, in its chat's order."""
    handled: list[tuple[int, int]] = []
    tripped: list[int] = []
    base = clock.offset // timedelta(microseconds=1)

    async def note(message: Message, unit: Unit, actor: Actor) -> None:
        position = int(message.text or "")
        await asyncio.sleep(0)
        if position in failing and tripped.count(position) < 2:  # at once, and in the worker
            tripped.append(position)
            raise Broken
        await show(unit, actor.to, Screen(str(position)))
        unit.after_commit.append(lambda: handled.append((actor.address, position)))

    desk = Desk(resources, note)
    updates = [said(base + n, str(n), who=base + lane) for n, lane in enumerate(lanes)]
    for start in range(0, len(updates), batch):
        await asyncio.gather(desk.receive(*updates[start : start + batch]), desk.work_off())
    for _ in range(2 * len(failing) + 1):
        await desk.work_off()
        clock.advance(2 * FIRST_PAUSE)  # the pause after a second failure
    expected = sorted(enumerate(lanes), key=lambda each: (each[1], each[0]))
    assert sorted(handled, key=lambda each: each[0]) == [(base + lane, n) for n, lane in expected]
