"""Planned faults and the log of calls."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import ClientDecodeError, TelegramNetworkError
from telegram.error import Forbidden, NetworkError, RetryAfter, TelegramError
from telegram.ext import ExtBot

from sandbox.telegram.calls import FaultKind
from sandbox.telegram.client import Person, Town

Api = Callable[..., Awaitable[dict[str, Any]]]


@pytest.mark.parametrize(
    ("kind", "error", "done"),
    [
        ("retry_after", RetryAfter, False),
        ("server_error", NetworkError, False),
        ("forbidden", Forbidden, False),
        ("hang_up", NetworkError, False),
        ("lost_answer", NetworkError, True),
        ("garbage", TelegramError, True),
    ],
)
async def test_faults_strike_the_next_calls_only(
    mouth: ExtBot[None], town: Town, anna: Person, kind: FaultKind, error: type[TelegramError], *, done: bool
) -> None:
    """Each kind of fault is seen by the library as what it is, and the act is done or not as it says."""
    await town.fault(kind, "sendMessage", times=2, seconds=7)
    assert await mouth.get_me()
    for _ in range(2):
        with pytest.raises(error):
            await mouth.send_message(anna.id, "card")
    assert [m.text for m in await anna.messages() if m.from_bot] == ["card"] * (2 if done else 0)
    assert await mouth.send_message(anna.id, "card")
    assert await town.call("GET", "/faults") == []


@pytest.mark.parametrize(("kind", "error"), [("hang_up", TelegramNetworkError), ("garbage", ClientDecodeError)])
async def test_aiogram_sees_faults_too(
    ear: Bot, town: Town, anna: Person, kind: FaultKind, error: type[Exception]
) -> None:
    """A broken connection and a broken answer reach aiogram while it polls, and the update is not lost."""
    await town.fault(kind, "getUpdates")
    with pytest.raises(error):
        await ear.get_updates()
    [update] = await ear.get_updates()
    assert update.message
    assert update.message.chat.id == anna.id


async def test_a_fault_may_concern_one_chat(mouth: ExtBot[None], town: Town, anna: Person) -> None:
    """A fault for one chat leaves others alone."""
    boris = await town.person("Boris")
    await boris.send("/start")
    await town.fault("forbidden", "sendMessage", chat=boris.id)
    await mouth.send_message(anna.id, "card")
    with pytest.raises(Forbidden):
        await mouth.send_message(boris.id, "card")
    await town.fault("forbidden", "sendMessage", chat=boris.id)
    await town.call("DELETE", "/faults")
    assert await mouth.send_message(boris.id, "card")


async def test_calls_are_logged(api: Api, town: Town, anna: Person) -> None:
    """The log holds every call but getUpdates, with its outcome, and can be filtered and awaited."""
    await api("getUpdates")
    await api("sendMessage", chat_id=anna.id, text="card")
    await api("sendMessage", chat_id=12, text="card")
    calls = await town.calls()
    assert [(c["method"], c["chat"], c["code"]) for c in calls] == [
        ("sendMessage", anna.id, 200),
        ("sendMessage", 12, 400),
    ]
    assert [c["params"]["text"] for c in await town.calls("sendMessage", chat=anna.id)] == ["card"]
    assert (await town.wait_call("sendMessage", after=calls[0]["seq"]))["chat"] == 12
    await town.call("DELETE", "/calls")
    assert await town.calls() == []
