"""Telegram's rates are enforced."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramRetryAfter
from hypothesis import given
from hypothesis import strategies as st
from telegram.error import RetryAfter
from telegram.ext import ExtBot

from sandbox.clock import TravelClock
from sandbox.telegram.client import Person, Town
from sandbox.telegram.limits import Limits, TokenBucket

Api = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def limits() -> Limits:
    """Telegram's own limits."""
    return Limits()


@pytest.fixture
def clock() -> TravelClock:
    """A stopped clock, so a slow machine sends no less than a fast one."""
    return TravelClock(real=lambda: 1_800_000_000.0)


async def fill(api: Api, chat_id: int, most: int) -> dict[str, Any]:
    """Send until refused, at most `most` messages, and return the last answer."""
    answer: dict[str, Any] = {}
    for number in range(most):
        answer = await api("sendMessage", chat_id=chat_id, text=f"message {number}")
        if not answer["ok"]:
            break
    return answer


async def test_a_chat_takes_a_short_burst(
    api: Api, ear: Bot, mouth: ExtBot[None], anna: Person, town: Town, clock: TravelClock
) -> None:
    """Beyond a burst of five a chat takes one message a second; other chats are not concerned."""
    answer = await fill(api, anna.id, 6)
    assert answer == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 1",
        "parameters": {"retry_after": 1},
    }
    with pytest.raises(TelegramRetryAfter) as hearing:
        await ear.send_message(anna.id, "a")
    assert hearing.value.retry_after == 1
    with pytest.raises(RetryAfter):
        await mouth.send_message(anna.id, "a")
    boris = await town.person("Boris")
    await boris.send("/start")
    assert await mouth.send_message(boris.id, "a")
    clock.advance(timedelta(seconds=1))
    assert await mouth.send_message(anna.id, "a")


async def test_edits_count_and_deletions_do_not(api: Api, anna: Person) -> None:
    """Edits use up the rate like messages; deleting, answering and asking do not."""
    for number in range(5):
        await api("sendMessage", chat_id=anna.id, text=f"{number}")
    assert (await api("editMessageText", chat_id=anna.id, message_id=2, text="a"))["error_code"] == 429
    for number in range(2, 7):
        assert (await api("deleteMessage", chat_id=anna.id, message_id=number))["ok"]
    assert (await api("getChat", chat_id=anna.id))["ok"]


async def test_a_group_takes_twenty_a_minute(api: Api, anna: Person, town: Town, clock: TravelClock) -> None:
    """However slowly a group is written to, twenty messages a minute is the most."""
    group = await town.group("Щит", anna)
    await group.add_bot()
    sent = 0
    for _ in range(8):
        for number in range(5):
            answer = await api("sendMessage", chat_id=group.id, text=f"{number}")
            sent += answer["ok"]
        clock.advance(timedelta(seconds=5))
    # Twenty at once, and one more every three seconds of the 35 before the last round.
    assert sent == 31
    assert answer["parameters"]["retry_after"] >= 1


async def test_all_chats_together_take_thirty_a_second(api: Api, town: Town) -> None:
    """The thirty-first message of a moment is refused, whatever the chat."""
    people = [await town.person(f"p{number}") for number in range(40)]
    for person in people:
        await person.send("/start")
    answers = [await api("sendMessage", chat_id=person.id, text="a") for person in people]
    assert [answer["ok"] for answer in answers[:30]] == [True] * 30
    assert {answer.get("error_code") for answer in answers[30:]} == {429}


@given(st.floats(0.1, 50), st.integers(1, 50), st.lists(st.floats(0, 10), max_size=60))
def test_a_bucket_never_gives_more_than_its_rate(rate: float, size: int, pauses: list[float]) -> None:
    """Over any time a bucket gives at most its size plus rate times time."""
    now = 0.0
    bucket = TokenBucket(rate, size, now)
    taken = 0
    for pause in pauses:
        now += pause
        if bucket.wait(now) == 0:
            bucket.take()
            taken += 1
    assert taken <= size + rate * now + 1e-6
