"""The Bot API refuses in Telegram's words what Telegram refuses."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramForbiddenError, TelegramMigrateToChat
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken
from telegram.ext import ExtBot

from sandbox.clock import TravelClock
from sandbox.telegram.client import Group, Person, Town
from sandbox.telegram.limits import Limits
from sandbox.telegram.server import TelegramServer

Api = Callable[..., Awaitable[dict[str, Any]]]
SAME = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)
ENTITIES = "can't parse entities"
OLD_QUERY = "query is too old and response timeout expired or query ID is invalid"


def keyboard(*buttons: dict[str, Any]) -> dict[str, Any]:
    """Return an inline keyboard of one row."""
    return {"inline_keyboard": [list(buttons)]}


def many(count: int) -> dict[str, Any]:
    """Return an inline keyboard of `count` rows."""
    return {"inline_keyboard": [[{"text": "a", "callback_data": "a"}]] * count}


@pytest.mark.parametrize(
    ("parameters", "description"),
    [
        ({"text": ""}, "message text is empty"),
        ({"text": " \n "}, "message text is empty"),
        ({"text": "<b></b>", "parse_mode": "HTML"}, "message text is empty"),
        ({"text": "я" * 4097}, "message is too long"),
        ({"text": "😀" * 2049}, "message is too long"),
        ({}, "message text is empty"),
        ({"text": "a", "colour": "red"}, 'unknown parameter "colour"'),
        (
            {"text": "a", "reply_markup": keyboard({"text": "a", "url": "https://a.b", "x": 1})},
            'unknown parameter "x"',
        ),
        ({"text": 5}, "can't parse text: Input should be a valid string"),
        ({"text": "a", "parse_mode": "MarkdownV2"}, "unsupported parse_mode"),
        (
            {"text": "<b>a", "parse_mode": "HTML"},
            "can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        (
            {"text": "<x>a</x>", "parse_mode": "HTML"},
            f'{ENTITIES}: Unsupported start tag "x" at byte offset 0',
        ),
        ({"text": "a</b>", "parse_mode": "HTML"}, "can't parse entities: Unexpected end tag at byte offset 1"),
        ({"text": "a", "reply_markup": keyboard({"text": "a", "callback_data": "x" * 65})}, "BUTTON_DATA_INVALID"),
        ({"text": "a", "reply_markup": keyboard({"text": "a", "callback_data": "ж" * 33})}, "BUTTON_DATA_INVALID"),
        ({"text": "a", "reply_markup": keyboard({"text": "a", "callback_data": ""})}, "BUTTON_DATA_INVALID"),
        (
            {"text": "a", "reply_markup": keyboard({"text": "a"})},
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            {"text": "a", "reply_markup": keyboard({"text": " ", "callback_data": "a"})},
            "can't parse inline keyboard button: Text must be non-empty",
        ),
        (
            {"text": "a", "reply_markup": keyboard({"text": "a", "url": "nowhere"})},
            "inline keyboard button URL 'nowhere' is invalid: Wrong HTTP URL",
        ),
        (
            {"text": "a", "reply_markup": keyboard({"text": "a", "web_app": {"url": "http://a.example"}})},
            "inline keyboard button Web App URL 'http://a.example' is invalid: Only HTTPS links are allowed",
        ),
        ({"text": "a", "reply_markup": many(101)}, "reply markup is too long"),
        ({"text": "a", "reply_parameters": {"message_id": 999}}, "message to be replied not found"),
        ({"text": "a", "chat_id": 12}, "chat not found"),
        ({"text": "a", "chat_id": "@nobody"}, "chat not found"),
    ],
)
async def test_a_bad_message_is_refused(
    api: Api, anna: Person, parameters: dict[str, Any], description: str
) -> None:
    """A message beyond a limit is refused with Telegram's description, and nothing is posted."""
    answer = await api("sendMessage", **({"chat_id": anna.id} | parameters))
    assert answer == {"ok": False, "error_code": 400, "description": f"Bad Request: {description}"}
    assert await anna.screen() is None


@pytest.mark.parametrize(
    "parameters",
    [
        {"text": "я" * 4096},
        {"text": f"<b>{'я' * 4096}</b>", "parse_mode": "HTML"},
        {"text": "a", "reply_markup": many(100)},
        {"text": "a", "reply_markup": keyboard({"text": "a", "callback_data": "ж" * 32})},
        {"text": "a", "reply_parameters": {"message_id": 999, "allow_sending_without_reply": True}},
        {"text": "a", "reply_markup": keyboard({"text": "a", "web_app": {"url": "http://127.0.0.1:1/form"}})},
    ],
)
async def test_a_message_at_the_limit_is_sent(api: Api, anna: Person, parameters: dict[str, Any]) -> None:
    """What just fits is accepted."""
    assert (await api("sendMessage", chat_id=anna.id, **parameters))["ok"]
    assert await anna.screen()


@pytest.mark.parametrize(
    ("parameters", "description"),
    [
        ({"message_id": 999, "text": "a"}, "message to edit not found"),
        ({"text": "a"}, "message identifier is not specified"),
        ({"message_id": 1, "text": "a"}, "message can't be edited"),
        ({"message_id": 2, "text": "card"}, SAME),
        ({"message_id": 2, "text": " card "}, SAME),
        ({"message_id": 2, "text": ""}, "message text is empty"),
        ({"message_id": 3, "text": "a"}, "there is no text in the message to edit"),
    ],
)
async def test_a_bad_edit_is_refused(
    api: Api, mouth: ExtBot[None], anna: Person, parameters: dict[str, Any], description: str
) -> None:
    """Edits of unknown, foreign and unchanged messages are refused (1 is Anna's, 2 a text, 3 a document)."""
    await mouth.send_message(anna.id, "card")
    await mouth.send_document(anna.id, b"x", filename="x.txt")
    answer = await api("editMessageText", chat_id=anna.id, **parameters)
    assert answer["description"] == f"Bad Request: {description}"


async def test_a_keyboard_is_edited_alone(api: Api, anna: Person) -> None:
    """EditMessageReplyMarkup keeps the text, and the same keyboard twice is no change."""
    sent = (await api("sendMessage", chat_id=anna.id, text="card", reply_markup=many(1)))["result"]
    same = await api(
        "editMessageReplyMarkup", chat_id=anna.id, message_id=sent["message_id"], reply_markup=many(1)
    )
    assert same["description"] == f"Bad Request: {SAME}"
    assert (await api("editMessageReplyMarkup", chat_id=anna.id, message_id=sent["message_id"]))["ok"]
    screen = await anna.screen()
    assert screen
    assert (screen.text, screen.buttons) == ("card", [])


@pytest.mark.parametrize(
    ("hours", "description"),
    [(47.9, None), (48, "message can't be deleted for everyone"), (72, "message can't be deleted for everyone")],
)
@pytest.mark.parametrize("own", [True, False])
async def test_deletion_ends_after_48_hours(
    api: Api, anna: Person, clock: TravelClock, *, own: bool, hours: float, description: str | None
) -> None:
    """In a private chat the bot deletes its own and the person's messages for 48 hours and not later."""
    sent = (await api("sendMessage", chat_id=anna.id, text="card"))["result"]["message_id"] if own else 1
    clock.advance(timedelta(hours=hours))
    for method, which in (
        ("deleteMessages", {"message_ids": [sent, 999]}),
        ("deleteMessage", {"message_id": sent}),
    ):
        answer = await api(method, chat_id=anna.id, **which)
        if description:
            assert answer["description"] == f"Bad Request: {description}"
            continue
        assert answer["ok"] or answer["description"] == "Bad Request: message to delete not found"
    assert any(view.id == sent for view in await anna.messages()) == bool(description)


async def test_deleting_twice_is_refused_once_and_skipped_in_bulk(api: Api, anna: Person) -> None:
    """DeleteMessage refuses an unknown message, deleteMessages skips it."""
    assert (await api("deleteMessage", chat_id=anna.id, message_id=1))["ok"]
    again = await api("deleteMessage", chat_id=anna.id, message_id=1)
    assert again["description"] == "Bad Request: message to delete not found"
    assert (await api("deleteMessages", chat_id=anna.id, message_ids=[1]))["ok"]
    too_many = await api("deleteMessages", chat_id=anna.id, message_ids=list(range(1, 102)))
    assert too_many["description"] == "Bad Request: too many message identifiers specified"


@pytest.mark.parametrize(
    ("allowed", "description"), [(True, None), (False, "Bad Request: message can't be deleted")]
)
async def test_deleting_in_a_group_needs_the_right(
    api: Api, anna: Person, town: Town, *, allowed: bool, description: str | None
) -> None:
    """Others' messages in a group are deleted only with can_delete_messages, own ones always."""
    group = await town.group("Щит", anna)
    await group.add_bot({"can_delete_messages": allowed})
    theirs = await anna.send("hello", chat=group)
    own = (await api("sendMessage", chat_id=group.id, text="card"))["result"]["message_id"]
    assert (await api("deleteMessage", chat_id=group.id, message_id=theirs.id)).get("description") == description
    assert (await api("deleteMessage", chat_id=group.id, message_id=own))["ok"]


@pytest.mark.parametrize(
    ("parameters", "description"),
    [
        ({"callback_query_id": "1"}, OLD_QUERY),
        ({"text": "a" * 201}, "MESSAGE_TOO_LONG"),
        ({"late": True}, OLD_QUERY),
        ({"text": "a" * 200}, None),
    ],
)
async def test_answers_to_buttons_are_limited(
    api: Api,
    ear: Bot,
    anna: Person,
    clock: TravelClock,
    limits: Limits,
    parameters: dict[str, Any],
    description: str | None,
) -> None:
    """A pop-up is short, in time, and for a query that exists."""
    await api("sendMessage", chat_id=anna.id, text="card", reply_markup=many(1))
    await anna.press("a")
    [update] = await ear.get_updates(offset=-1)
    assert update.callback_query
    if parameters.pop("late", False):
        clock.advance(limits.callback_lifetime + timedelta(seconds=1))
    answer = await api("answerCallbackQuery", **({"callback_query_id": update.callback_query.id} | parameters))
    assert answer.get("description") == (description and f"Bad Request: {description}")
    assert len(await anna.popups()) == (description is None)


async def test_a_blocked_bot_is_forbidden_until_unblocked(ear: Bot, mouth: ExtBot[None], anna: Person) -> None:
    """Blocking is a 403 in both libraries and a my_chat_member update; unblocking ends it."""
    await anna.block()
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await mouth.send_message(anna.id, "a")
    with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
        await ear.send_message(anna.id, "a")
    [update] = await ear.get_updates(offset=-1)
    assert update.my_chat_member
    assert update.my_chat_member.new_chat_member.status == "kicked"
    await anna.unblock()
    assert await mouth.send_message(anna.id, "a")


async def test_the_bot_cannot_speak_first(mouth: ExtBot[None], town: Town) -> None:
    """Whoever never wrote to the bot cannot be written to."""
    stranger = await town.person("Boris")
    with pytest.raises(Forbidden, match="bot can't initiate conversation with a user"):
        await mouth.send_message(stranger.id, "a")


@pytest.mark.parametrize("kind", ["group", "supergroup", "channel"])
@pytest.mark.parametrize(("status", "reason"), [("kicked", "was kicked from"), ("left", "is not a member of")])
async def test_a_removed_bot_is_forbidden(
    mouth: ExtBot[None], anna: Person, town: Town, kind: str, status: str, reason: str
) -> None:
    """Out of a group the bot can do nothing there, and the reason is told."""
    group = await town.group("Щит", anna, kind=kind)
    with pytest.raises(BadRequest, match=r"[Cc]hat not found"):
        await mouth.send_message(group.id, "a")
    await group.add_bot()
    await mouth.send_message(group.id, "a")
    await group.set_bot(status)
    with pytest.raises(Forbidden, match=f"bot {reason} the {kind} chat"):
        await mouth.send_message(group.id, "a")
    with pytest.raises(Forbidden, match=f"bot {reason} the {kind} chat"):
        await mouth.get_chat(group.id)


async def test_a_migrated_group_tells_its_new_id(ear: Bot, mouth: ExtBot[None], anna: Person, town: Town) -> None:
    """The old id answers with the new one, and both chats get the service message."""
    old: Group = await town.group("Щит", anna, kind="group")
    await old.add_bot()
    new = await old.migrate()
    with pytest.raises(ChatMigrated) as speaking:
        await mouth.send_message(old.id, "a")
    assert speaking.value.new_chat_id == new.id
    with pytest.raises(TelegramMigrateToChat) as hearing:
        await ear.get_chat(old.id)
    assert hearing.value.migrate_to_chat_id == new.id
    moved = [u.message for u in await ear.get_updates(offset=-2) if u.message]
    assert [(m.chat.id, m.migrate_to_chat_id, m.migrate_from_chat_id) for m in moved] == [
        (old.id, new.id, None),
        (new.id, None, old.id),
    ]
    assert await mouth.send_message(new.id, "a")


@pytest.mark.parametrize(
    ("token", "method", "code"), [("1:wrong", "getMe", 401), (None, "getMee", 404), (None, "banChatMember", 404)]
)
async def test_wrong_tokens_and_methods(server: TelegramServer, token: str | None, method: str, code: int) -> None:
    """A wrong token is unauthorized, a method that the server does not know is not found."""
    async with aiohttp.ClientSession() as session:
        url = f"{server.url}/bot{token or server.token}/{method}"
        async with session.get(url) as response:
            body = await response.json()
    words = {401: "Unauthorized", 404: "Not Found"}
    assert (response.status, body) == (code, {"ok": False, "error_code": code, "description": words[code]})


async def test_a_library_with_a_wrong_token_says_so(server: TelegramServer) -> None:
    """python-telegram-bot recognises the 401."""
    bot: ExtBot[None] = ExtBot("1:wrong", base_url=f"{server.url}/bot")
    with pytest.raises(InvalidToken):
        await bot.initialize()
    await bot.shutdown()


@pytest.mark.parametrize(
    ("method", "parameters", "description"),
    [
        ("sendPhoto", {"photo": "no-such-file"}, "wrong file identifier/HTTP URL specified"),
        ("sendPhoto", {}, 'parameter "photo" is required'),
        ("sendChatAction", {"action": "dance"}, "wrong parameter action in request"),
        ("pinChatMessage", {"message_id": 99}, "message to pin not found"),
        ("getChatMember", {"user_id": 5}, "invalid user_id specified"),
        ("leaveChat", {}, "chat member status can't be changed in private chats"),
    ],
)
async def test_other_methods_refuse_too(
    api: Api, anna: Person, method: str, parameters: dict[str, Any], description: str
) -> None:
    """Wrong arguments of the other chat methods are refused."""
    answer = await api(method, chat_id=anna.id, **parameters)
    assert answer["description"] == f"Bad Request: {description}"


@pytest.mark.parametrize(
    ("method", "parameters", "description"),
    [
        ("getFile", {"file_id": "x"}, "invalid file_id"),
        ("setMyCommands", {"commands": [{"command": "Bad!", "description": "d"}]}, "BOT_COMMAND_INVALID"),
        ("setMyCommands", {"commands": [{"command": "a", "description": ""}]}, "BOT_COMMAND_DESCRIPTION_INVALID"),
        ("setMyCommands", {"commands": [{"command": "a", "description": "d"}] * 101}, "BOT_COMMANDS_TOO_MUCH"),
        ("setMyName", {"name": "a" * 65}, "name is too long"),
        ("setMyDescription", {"description": "a" * 513}, "description is too long"),
        ("setMyShortDescription", {"short_description": "a" * 121}, "short_description is too long"),
        ("setWebhook", {"url": "http://example.org/"}, "bad webhook: An HTTPS URL must be provided for webhook"),
        (
            "setWebhook",
            {"url": "https://example.org/", "secret_token": "a b"},
            "secret token contains unallowed characters",
        ),
        ("sendMessage", {"text": "a"}, "chat_id is empty"),
    ],
)
async def test_profile_and_files_refuse_too(
    api: Api, method: str, parameters: dict[str, Any], description: str
) -> None:
    """Wrong names, commands, files and webhooks are refused."""
    answer = await api(method, **parameters)
    assert answer["description"] == f"Bad Request: {description}"


async def test_captions_and_pictures_are_checked(mouth: ExtBot[None], anna: Person) -> None:
    """A caption has at most 1024 UTF-16 units, and a photo must be a picture."""
    for longest in ("я" * 1024, "😀" * 512):
        await mouth.send_document(anna.id, b"x", caption=longest)
        with pytest.raises(BadRequest, match=r"[Mm]essage caption is too long"):
            await mouth.send_document(anna.id, b"x", caption=f"{longest}я")
    with pytest.raises(BadRequest, match="Image_process_failed"):
        await mouth.send_photo(anna.id, b"no picture")


class TestLargeFiles:
    """Files above the download limit."""

    @pytest.fixture
    def limits(self) -> Limits:
        """A small limit, so the test moves few bytes."""
        return Limits(download_bytes=1000, upload_bytes=2000)

    async def test_a_large_file_is_not_downloaded(self, ear: Bot, api: Api, anna: Person) -> None:
        """GetFile refuses what is above the download limit (20 MB), and sending what is above the upload limit."""
        await anna.upload_document(b"x" * 1001, name="big.bin")
        [update] = await ear.get_updates(offset=-1)
        assert update.message
        assert update.message.document
        answer = await api("getFile", file_id=update.message.document.file_id)
        assert answer["description"] == "Bad Request: file is too big"
