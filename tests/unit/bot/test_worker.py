"""Events are handled in the order of their lane, wholly or not at all, and none is lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import timedelta
from math import inf
from typing import Any

import pytest
from aiogram import F, Router
from aiogram.types import CallbackQuery, Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select, update

from bot.database import Resources
from bot.handling import Handling
from bot.inbox import Inbox, telegram_arrival
from bot.metrics import Metrics
from bot.worker import ATTEMPTS, FIRST_PAUSE, Worker
from handlers.edge import build_dispatcher
from models.base import table_of
from models.mail import Conversation, Effect, EventStatus, InboxEvent, Keyboard, SentMessage
from models.unit import Unit
from sandbox.clock import TravelClock
from services.access import Actor
from services.contact import Address, lane_of
from services.speak import Screen, effect_place, show

Handle = Callable[[Message, Unit, Actor], Awaitable[None]]


class Broken(Exception):
    """What a handler may raise by mistake."""


@pytest.fixture
def clock() -> TravelClock:
    """A stopped clock: no pause ends before the test says so."""
    return TravelClock(real=lambda: 1_800_000_000.0)


def person(number: int) -> dict[str, object]:
    """A Russian-speaking person."""
    return {"id": number, "is_bot": False, "first_name": "A", "language_code": "ru"}


def said(number: int, text: str, who: int = 7) -> dict[str, object]:
    """An update with a private message."""
    chat = {"id": who, "type": "private"}
    message = {"message_id": number, "date": 0, "chat": chat, "from": person(who), "text": text}
    return {"update_id": number, "message": message}


def pressed(number: int, who: int = 7) -> dict[str, object]:
    """An update with the press of a button in a private chat."""
    chat = {"id": who, "type": "private"}
    message = {"message_id": 1, "date": 0, "chat": chat}
    query = {"id": "q1", "from": person(who), "message": message, "chat_instance": "c", "data": "x"}
    return {"update_id": number, "callback_query": query}


def working(resources: Resources, *handlers: Callable[..., Awaitable[None]], press: Any = None) -> Worker:  # noqa: ANN401 - any handler
    """A worker with these message handlers."""
    router = Router()
    for handler in handlers:
        router.message.register(handler)
    if press is not None:
        router.callback_query.register(press)
    dispatcher = build_dispatcher(router)
    return Worker(resources, Handling(dispatcher), done=lambda: None, metrics=Metrics(), together_seconds=inf)


async def store(resources: Resources, *updates: object) -> None:
    """Put updates into the inbox."""
    inbox = Inbox(resources, lambda: None, Metrics())
    await inbox.store([telegram_arrival(resources, update) for update in updates])


async def work_off(worker: Worker) -> int:
    """Handle what is due now; returns how many tries that took."""
    count = 0
    while handled := await worker.handle_next():
        count += handled
    return count


async def events(resources: Resources) -> Sequence[InboxEvent]:
    """All events in order."""
    async with resources.unit() as unit:
        return (await unit.session.exec(select(InboxEvent).order_by(col(InboxEvent.id)))).all()


async def effects(resources: Resources) -> list[dict[str, Any]]:
    """All payloads of the outbox in order."""
    async with resources.unit() as unit:
        rows = (await unit.session.exec(select(Effect).order_by(col(Effect.id)))).all()
        return [
            json.loads(unit.vault.open_server(row.payload, effect_place(row)))
            for row in rows
            if row.payload is not None
        ]


async def echo(message: Message, unit: Unit, actor: Actor) -> None:
    """Show what was said."""
    await show(unit, actor.to, Screen(message.text or ""))


async def test_an_event_is_done_with_its_effects_and_blanked(resources: Resources) -> None:
    """The answer is in the outbox, and what the person wrote is no longer in the inbox."""
    await store(resources, said(1, "да"))
    assert await work_off(working(resources, echo)) == 1
    [event] = await events(resources)
    assert (event.status, event.payload, event.error) == (EventStatus.DONE, None, None)
    assert [effect["text"] for effect in await effects(resources)] == ["да"]


async def test_a_failing_event_leaves_nothing_behind_and_its_lane_waits(
    resources: Resources, clock: TravelClock
) -> None:
    """Nothing of a failed try is stored; the next event of the lane waits for it, other lanes do not."""

    async def fail_at_first(message: Message, unit: Unit, actor: Actor) -> None:
        await echo(message, unit, actor)
        if message.text == "bad" and unit.now < begin + FIRST_PAUSE:
            raise Broken

    begin = clock.now()
    await store(resources, said(1, "bad"), said(2, "next"), said(3, "other", who=8))
    worker = working(resources, fail_at_first)
    assert await work_off(worker) == 2
    assert [effect["text"] for effect in await effects(resources)] == ["other"]
    first, second, _ = await events(resources)
    assert (first.status, first.attempts, first.error) == (EventStatus.NEW, 1, "Broken")
    assert second.status is EventStatus.NEW
    clock.advance(FIRST_PAUSE)
    assert await work_off(worker) == 2
    assert {event.status for event in await events(resources)} == {EventStatus.DONE}


async def test_what_fails_after_the_commit_undoes_nothing(resources: Resources) -> None:
    """A file that cannot be removed makes no event that is done a failed one, and keeps no other file in place."""
    done: list[str] = []

    def refuse() -> None:
        raise PermissionError

    async def handle(message: Message, unit: Unit, actor: Actor) -> None:
        await echo(message, unit, actor)
        unit.after_commit += [refuse, lambda: done.append("removed")]

    await store(resources, said(1, "erase"))
    assert await work_off(working(resources, handle)) == 1
    [event] = await events(resources)
    assert (event.status, event.attempts, event.error) == (EventStatus.DONE, 0, None)
    assert done == ["removed"]


@pytest.mark.parametrize("attempts", [0, ATTEMPTS - 1])
async def test_an_event_whose_commit_is_in_is_not_handled_again(resources: Resources, attempts: int) -> None:
    """The connection breaks after the commit: nobody is told of a failure, and nothing is done twice."""

    class Cut(Resources):
        """Loses the answer to the first commit."""

        @asynccontextmanager
        async def unit(self) -> AsyncIterator[Unit]:
            """One transaction, of which the first ends in an error after its commit."""
            async with super().unit() as unit:
                yield unit
            if not lost:
                lost.append(unit)
                raise ConnectionResetError

    lost: list[Unit] = []
    await store(resources, said(1, "once"))
    async with resources.unit() as unit:
        await unit.session.exec(update(InboxEvent).values(attempts=attempts))
    cut = Cut(*(getattr(resources, each.name) for each in fields(Resources)))
    assert await work_off(working(cut, echo)) == 1
    [event] = await events(resources)
    assert (event.status, event.attempts, event.error) == (EventStatus.DONE, attempts, None)
    assert [effect["text"] for effect in await effects(resources)] == ["once"]


async def test_an_event_takes_no_other_along(resources: Resources) -> None:
    """Events that were to share a transaction are each done, or not, by themselves."""

    async def fail_some(message: Message, unit: Unit, actor: Actor) -> None:
        await echo(message, unit, actor)
        if message.text == "bad":
            raise Broken

    texts = ["1", "2", "bad", "3", "bad", "4"]
    await store(resources, *(said(number, text, who=number) for number, text in enumerate(texts, 1)))
    assert await work_off(working(resources, fail_some)) == len(texts)
    assert [effect["text"] for effect in await effects(resources)] == ["1", "2", "3", "4"]
    failed = [event.external_id for event in await events(resources) if event.status is EventStatus.NEW]
    assert failed == ["3", "5"]


async def test_events_of_one_transaction_know_nothing_of_each_other(resources: Resources) -> None:
    """What one event has loaded or replaced is read anew by the next, as it stands then."""

    async def read_then_replace(message: Message, unit: Unit, actor: Actor) -> None:
        first = await unit.session.get_one(InboxEvent, 1)
        kept.append(first)  # or the session would forget it by itself
        seen.append(first.error)
        await unit.run(update(table_of(InboxEvent)).where(table_of(InboxEvent).c.id == 1), {"error": message.text})
        await echo(message, unit, actor)

    kept: list[InboxEvent] = []
    seen: list[str | None] = []
    await store(resources, said(1, "a", who=1), said(2, "b", who=2), said(3, "c", who=3))
    assert await work_off(working(resources, read_then_replace)) == 3
    assert seen[1:] == (["a", "b"] if resources.is_sqlite else [None, "b"])


async def test_conversation_state_goes_back_with_a_failed_event(resources: Resources) -> None:
    """The state of a conversation is in the event's transaction."""

    async def remember_and_fail(message: Message, state: Any) -> None:  # noqa: ANN401, ARG001 - aiogram's FSMContext
        await state.set_state("x")
        raise Broken

    await store(resources, said(1, "да"))
    await work_off(working(resources, remember_and_fail))
    async with resources.unit() as unit:
        assert (await unit.session.exec(select(Conversation))).all() == []


async def test_an_event_that_keeps_failing_is_parked_and_its_person_told(
    resources: Resources, clock: TravelClock
) -> None:
    """After the last try the person hears in their language that nothing is lost; the lane goes on."""

    async def fail(message: Message, unit: Unit, actor: Actor) -> None:
        if message.text == "bad":
            raise Broken
        await echo(message, unit, actor)

    await store(resources, said(41, "bad"), said(42, "next"))
    worker = working(resources, fail)
    for _ in range(ATTEMPTS):
        await work_off(worker)
        clock.advance(timedelta(hours=1))
    first, second = await events(resources)
    assert (first.status, first.attempts, first.error) == (EventStatus.DEAD, ATTEMPTS, "Broken")
    assert first.payload is None
    assert second.status is EventStatus.DONE
    texts = [effect["text"] for effect in await effects(resources)]
    assert texts == [resources.texts.render("pipeline.dead", "ru"), "next"]
    async with resources.unit() as unit:
        [typed] = (await unit.session.exec(select(SentMessage))).all()
        assert typed.slot == "typed:41"
        assert typed.erase_at <= unit.now + timedelta(minutes=unit.policy.retention.screen_minutes)


async def test_who_pressed_a_button_that_keeps_failing_gets_a_pop_up(
    resources: Resources, clock: TravelClock
) -> None:
    """The wheel on the button stops, with words."""

    async def fail(callback: CallbackQuery) -> None:  # noqa: ARG001 - aiogram hands it over
        raise Broken

    await store(resources, pressed(1))
    async with resources.unit() as unit:
        lane = lane_of(unit, Address(7))
        unit.session.add(
            Keyboard(
                token="x",
                lane=lane,
                slot="screen",
                person=lane,
                buttons=[["a.b", {}]],
                expires_at=unit.now + timedelta(days=9),
            )
        )
    worker = working(resources, press=fail)
    for _ in range(ATTEMPTS):
        await work_off(worker)
        clock.advance(timedelta(hours=1))
    answers = [effect for effect in await effects(resources) if effect.get("press") == "q1"]
    assert answers[-1]["alert"]


@pytest.mark.parametrize(
    "raw",
    [
        {"update_id": 1, "message": {"message_id": "no number", "chat": {"id": 7}}},
        {"update_id": 1, "from_the_future": {"chat": {"id": 7}}},
        {"update_id": 1},
        {"message": {}},
        [1, 2],
        "text",
        None,
    ],
)
async def test_what_cannot_be_read_is_done_with_a_note(resources: Resources, raw: object) -> None:
    """An unparsable update or an unknown kind stops nobody and is told to nobody."""
    await store(resources, raw, said(2, "да"))
    assert await work_off(working(resources, echo)) == 2
    first, second = await events(resources)
    assert (first.status, first.payload) == (EventStatus.DONE, None)
    assert first.error in {"ValidationError", "UpdateTypeLookupError"}
    assert second.error is None
    assert len(await effects(resources)) == 1


async def test_a_handler_cannot_reach_telegram(resources: Resources) -> None:
    """The bot that a handler sees refuses every call."""

    async def call(message: Message) -> None:
        await message.answer("hello")

    await store(resources, said(1, "да"))
    await work_off(working(resources, call))
    [event] = await events(resources)
    assert event.error == "HandlerTouchedNetwork"


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    lanes=st.lists(st.integers(1, 4), min_size=1, max_size=14),
    failing=st.sets(st.integers(0, 13), max_size=4),
    hands=st.integers(1, 5),
)
async def test_lanes_keep_their_order_under_concurrency(
    resources: Resources, clock: TravelClock, lanes: list[int], failing: set[int], hands: int
) -> None:
    """Whoever works beside whom and whatever fails once, each lane's events are handled once and in order."""
    handled: list[tuple[int, int]] = []
    tripped: set[int] = set()
    base = clock.offset // timedelta(microseconds=1)

    async def note(message: Message, actor: Actor, unit: Unit) -> None:
        position = int(message.text or "")
        await asyncio.sleep(0)
        if position in failing and position not in tripped:
            tripped.add(position)
            raise Broken
        await show(unit, actor.to, Screen(str(position)))
        unit.after_commit.append(lambda: handled.append((actor.address, position)))

    updates = [said(base + n, str(n), who=base + lane) for n, lane in enumerate(lanes)]
    await store(resources, *updates)
    worker = working(resources, note)
    for _ in range(len(failing) + 1):
        await asyncio.gather(*(work_off(worker) for _ in range(hands)))
        clock.advance(FIRST_PAUSE)
    expected = sorted(enumerate(lanes), key=lambda each: (each[1], each[0]))
    assert sorted(handled, key=lambda each: each[0]) == [(base + lane, n) for n, lane in expected]


async def test_the_router_of_the_test_is_asked(resources: Resources) -> None:
    """A filter that does not fit leaves the event done without an effect, as aiogram has it."""
    router = Router()
    router.message.register(echo, F.text == "only this")
    worker = Worker(resources, Handling(build_dispatcher(router)), done=lambda: None, metrics=Metrics())
    await store(resources, said(1, "something else"))
    await work_off(worker)
    [event] = await events(resources)
    assert event.status is EventStatus.DONE
    assert await effects(resources) == []
