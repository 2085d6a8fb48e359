"""The client API lets people do and see what Telegram's apps do."""

import asyncio
import json
from datetime import timedelta

import aiohttp
import pytest
from aiogram import Bot
from aiogram.types import InaccessibleMessage, InlineKeyboardButton, InlineKeyboardMarkup

from sandbox.telegram.client import NeverHappened, Person, Refused, Town
from sandbox.telegram.server import TelegramServer

BUTTONS = InlineKeyboardMarkup(
    inline_keyboard=[
        [
            InlineKeyboardButton(text="Да", callback_data="yes"),
            InlineKeyboardButton(text="Нет", callback_data="no"),
        ],
        [InlineKeyboardButton(text="Форма", url="https://example.org/form")],
    ]
)


@pytest.mark.parametrize(
    ("link", "text"),
    [
        ("https://t.me/plecho_demo_bot?start=abc_-9", "/start abc_-9"),
        ("https://t.me/plecho_demo_bot", "/start"),
        ("https://telegram.me/Plecho_Demo_Bot?start=", "/start"),
    ],
)
async def test_a_deep_link_starts_the_bot(ear: Bot, town: Town, link: str, text: str) -> None:
    """Following a link sends /start with its payload."""
    person = await town.person("Boris")
    await person.open_link(link)
    [update] = await ear.get_updates(offset=-1)
    assert update.message
    assert update.message.text == text


@pytest.mark.parametrize(
    "link",
    [
        "https://t.me/other_bot?start=a",
        "https://example.org/plecho_demo_bot?start=a",
        "https://t.me/plecho_demo_bot?start=a%20b",
        f"https://t.me/plecho_demo_bot?start={'a' * 65}",
        "https://t.me/plecho_demo_bot?startgroup=a",
    ],
)
async def test_a_wrong_link_leads_nowhere(anna: Person, link: str) -> None:
    """Links of other bots, with payloads Telegram does not take, or without a group are refused."""
    with pytest.raises(Refused) as refusal:
        await anna.open_link(link)
    assert refusal.value.status == 409


async def test_buttons_are_found_by_data_and_label(ear: Bot, anna: Person) -> None:
    """A press names a button by its data or its label; a link opens; an absent button is refused."""
    await ear.send_message(anna.id, "card", reply_markup=BUTTONS)
    await anna.press("yes")
    await anna.press("Нет")
    assert [u.callback_query.data for u in await ear.get_updates(offset=-2) if u.callback_query] == ["yes", "no"]
    assert await anna.press("Форма") == "https://example.org/form"
    with pytest.raises(Refused, match="no button"):
        await anna.press("Может быть")


async def test_a_forged_press_is_delivered(ear: Bot, town: Town, anna: Person) -> None:
    """A changed client may press what is not there, on messages that are gone or another's."""
    card = await ear.send_message(anna.id, "card", reply_markup=BUTTONS)
    boris = await town.person("Boris")
    await boris.forge("anything", chat=anna.id, message_id=card.message_id)
    await anna.forge("old", message_id=999)
    first, second = (u.callback_query for u in await ear.get_updates(offset=-2))
    assert first
    assert first.message
    assert (first.from_user.id, first.message.chat.id, first.data) == (boris.id, anna.id, "anything")
    assert second
    assert isinstance(second.message, InaccessibleMessage)


async def test_forwards_lose_buttons_and_protected_messages_stay(ear: Bot, anna: Person) -> None:
    """A forwarded card arrives without its keyboard and names its author; a protected message is not forwarded."""
    await ear.send_message(anna.id, "card", reply_markup=BUTTONS)
    copy = await anna.forward(await anna.wait_for("card"))
    assert (copy.text, copy.buttons, copy.sender) == ("card", [], anna.id)
    [update] = await ear.get_updates(offset=-1)
    assert update.message
    assert update.message.forward_origin
    assert update.message.forward_origin.model_dump()["sender_user"]["id"] == ear.id
    await ear.send_message(anna.id, "story", protect_content=True)
    with pytest.raises(Refused, match="protected"):
        await anna.forward(await anna.wait_for("story"))


async def test_people_delete_and_block(ear: Bot, anna: Person) -> None:
    """In a private chat a person deletes any message; after blocking they cannot write until they unblock."""
    card = await ear.send_message(anna.id, "card")
    shown = await anna.wait_for("card")
    await anna.delete(shown)
    assert await anna.screen() is None
    assert card.message_id == shown.id
    await anna.block()
    with pytest.raises(Refused, match="blocked"):
        await anna.send("hello")
    await anna.open_link("https://t.me/plecho_demo_bot")
    assert (await anna.messages())[-1].text == "/start"


async def test_waiting_is_woken_by_changes(ear: Bot, anna: Person) -> None:
    """A wait ends with the edit, the pop-up or the deletion that it waits for, and fails in time otherwise."""
    card = await ear.send_message(anna.id, "first", reply_markup=BUTTONS)
    shown = await anna.wait_for("first")
    waiting = asyncio.ensure_future(anna.wait_for("second", since=shown.changed))
    await ear.edit_message_text("second", chat_id=anna.id, message_id=card.message_id, reply_markup=BUTTONS)
    assert (await waiting).labels == ["Да", "Нет", "Форма"]
    await anna.press("yes")
    popup = asyncio.ensure_future(anna.wait_popup("Принято"))
    [update] = await ear.get_updates(offset=-1)
    assert update.callback_query
    await ear.answer_callback_query(update.callback_query.id, "Принято", show_alert=True)
    assert (await popup).alert
    gone = asyncio.ensure_future(anna.wait_gone(shown))
    await ear.delete_message(anna.id, card.message_id)
    assert await gone
    with pytest.raises(NeverHappened, match="Anna waited"):
        await anna.wait_for("never", timeout=0.01)


async def test_the_clock_travels(town: Town, ear: Bot, anna: Person) -> None:
    """A jump moves the time of the town and of messages, and only forward."""
    before = await town.now()
    await town.advance(timedelta(days=3))
    assert timedelta(days=3) <= await town.now() - before < timedelta(days=3, minutes=1)
    sent = await ear.send_message(anna.id, "later")
    assert sent.date - before > timedelta(days=2, hours=23)
    with pytest.raises(Refused, match="forward"):
        await town.advance(timedelta(seconds=-1))


async def test_events_are_streamed(server: TelegramServer, ear: Bot, anna: Person, town: Town) -> None:
    """The page learns of every message, edit, deletion, pop-up and jump of the clock, in order."""
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}/events") as stream:
        await stream.content.readuntil(b"\n\n")
        sent = await ear.send_message(anna.id, "card")
        await ear.edit_message_text("new card", chat_id=anna.id, message_id=sent.message_id)
        await ear.delete_message(anna.id, sent.message_id)
        await town.advance(timedelta(hours=1))
        events = []
        for _ in range(4):
            lines = (await stream.content.readuntil(b"\n\n")).decode().splitlines()
            events.append(json.loads(lines[2].removeprefix("data: ")))
    assert [event["kind"] for event in events] == ["message", "edited", "deleted", "clock"]
    assert [event["body"].get("text") for event in events[:2]] == ["card", "new card"]
    assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)
    assert server.telegram.hub.seq == events[-1]["seq"]


@pytest.mark.parametrize(
    ("verb", "path", "body", "status"),
    [
        ("GET", "/people/1", None, 404),
        ("GET", "/groups/-5", None, 404),
        ("GET", "/people/x", None, 400),
        ("POST", "/people", {}, 400),
        ("POST", "/people", ["a"], 400),
        ("POST", "/groups", {"title": "a", "creator": 1}, 404),
        ("POST", "/faults", {"kind": "flood"}, 400),
        ("POST", "/updates", {"update": 5}, 400),
        ("POST", "/updates/repeat", {"update_id": 5}, 404),
        ("POST", "/clock", {"seconds": "soon"}, 400),
    ],
)
async def test_malformed_requests_are_told(town: Town, verb: str, path: str, body: object, status: int) -> None:
    """Unknown things are 404 and malformed requests 400, with a reason."""
    with pytest.raises(Refused) as refusal:
        await town.call(verb, path, **({"json": body} if body is not None else {}))
    assert refusal.value.status == status
