"""Updates reach the bot as Telegram's long polling brings them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import ClientDecodeError, TelegramConflictError
from hypothesis import given
from hypothesis import strategies as st

from sandbox.clock import TravelClock
from sandbox.telegram.client import Person, Town
from sandbox.telegram.server import TelegramServer
from sandbox.telegram.updates import FIRST_UPDATE, UpdateQueue

Api = Callable[..., Awaitable[dict[str, Any]]]


async def texts(
    ear: Bot, offset: int | None = None, limit: int | None = None, seconds: int | None = None
) -> list[str | None]:
    """Return the texts of the messages that getUpdates brings."""
    return [update.message.text for update in await ear.get_updates(offset, limit, seconds) if update.message]


async def test_an_offset_confirms_what_is_below_it(ear: Bot, anna: Person) -> None:
    """Unconfirmed updates come again, confirmed ones never."""
    await anna.send("one")
    await anna.send("two")
    assert await texts(ear) == ["/start", "one", "two"]
    assert await texts(ear, limit=2) == ["/start", "one"]
    [first, *_] = await ear.get_updates()
    assert await texts(ear, offset=first.update_id + 1) == ["one", "two"]
    assert await texts(ear, offset=0) == ["one", "two"]


async def test_a_negative_offset_forgets_all_but_the_last(ear: Bot, anna: Person) -> None:
    """With offset -1 only the newest update is left."""
    await anna.send("one")
    await anna.send("two")
    assert await texts(ear, offset=-1) == ["two"]
    assert await texts(ear) == ["two"]


async def test_a_long_poll_ends_with_the_first_update(ear: Bot, anna: Person) -> None:
    """A waiting poll is answered as soon as somebody writes."""
    [start] = await ear.get_updates()
    poll = asyncio.ensure_future(texts(ear, offset=start.update_id + 1, seconds=20))
    await asyncio.sleep(0)
    await anna.send("now")
    async with asyncio.timeout(60):
        assert await poll == ["now"]


async def test_a_second_poll_ends_the_first(server: TelegramServer, ear: Bot, anna: Person) -> None:
    """Two receivers compete: the earlier poll gets a 409."""
    [start] = await ear.get_updates()
    first = asyncio.ensure_future(server.telegram.queue.poll(start.update_id + 1, 100, 20))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(texts(ear, offset=start.update_id + 1, seconds=20))
    with pytest.raises(Exception, match="terminated by other getUpdates request"):
        await first
    await anna.send("for the second")
    assert await second == ["for the second"]


async def test_polling_is_refused_while_a_webhook_is_set(ear: Bot, api: Api) -> None:
    """GetUpdates answers 409 until deleteWebhook."""
    await api("setWebhook", url="https://example.org/hook")
    with pytest.raises(TelegramConflictError, match="can't use getUpdates method while webhook is active"):
        await ear.get_updates()
    await api("deleteWebhook")
    assert await ear.get_updates() == []


async def test_updates_are_kept_for_24_hours(ear: Bot, anna: Person, clock: TravelClock) -> None:
    """An update that nobody fetched for a day is gone, a younger one is not."""
    clock.advance(timedelta(hours=23))
    await anna.send("later")
    clock.advance(timedelta(hours=1, seconds=1))
    assert await texts(ear) == ["later"]


async def test_only_kinds_asked_for_are_queued(ear: Bot, api: Api, anna: Person) -> None:
    """allowed_updates filters from the call on, and an empty list means the default."""
    await api("getUpdates", offset=-1, allowed_updates=["callback_query"])
    await anna.send("unheard")
    assert await texts(ear) == ["/start"]
    await api("getUpdates", allowed_updates=[])
    await anna.send("heard")
    assert await texts(ear) == ["/start", "heard"]


async def test_edited_messages_are_told(ear: Bot, anna: Person) -> None:
    """A person's edit is an edited_message, a deletion is nothing."""
    sent = await anna.send("one")
    await anna.edit(sent, "/two")
    await anna.delete(sent)
    [update] = await ear.get_updates(offset=-1)
    assert update.edited_message
    assert update.edited_message.text == "/two"
    assert update.edited_message.edit_date


async def test_anything_can_be_injected(api: Api, town: Town, ear: Bot) -> None:
    """Unknown kinds, nonsense and repeated ids reach the bot as they are."""
    number = await town.inject({"message": {"nonsense": True}})
    await town.inject({"telepathy": {"thought": "?"}})
    assert await town.repeat(number) == number
    got = (await api("getUpdates"))["result"]
    assert got == [
        {"update_id": number, "message": {"nonsense": True}},
        {"update_id": number + 1, "telepathy": {"thought": "?"}},
        {"update_id": number, "message": {"nonsense": True}},
    ]
    with pytest.raises(ClientDecodeError):
        await ear.get_updates()


@given(st.lists(st.one_of(st.none(), st.integers(-5, 30), st.integers(FIRST_UPDATE - 3, FIRST_UPDATE + 30))))
def test_confirmed_updates_never_return(steps: list[int | None]) -> None:
    """Whatever is pushed and polled: ids increase and what an offset confirmed is not seen again."""
    queue = UpdateQueue(lambda: 0.0, 60)
    confirmed = 0

    async def play() -> None:
        nonlocal confirmed
        for step in steps:
            if step is None:
                queue.push("message", {})
                continue
            offset = step if step < 0 else step + (FIRST_UPDATE if step < 100 else 0)
            ids = [update["update_id"] for update in await queue.poll(offset, 100, 0)]
            # Only what exists can be confirmed; later ids may still be lower than this offset.
            confirmed = max(confirmed, min(offset, queue.next_id))
            assert ids == sorted(set(ids))
            assert all(number >= confirmed for number in ids)

    asyncio.run(play())
