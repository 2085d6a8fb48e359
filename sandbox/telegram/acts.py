"""What people do in chats: write, change and delete messages, press buttons, follow links, block the bot.

Each act does what Telegram's apps would do, refuses what they would not offer, and lets the bot know as far
as it is allowed to. A person who was never in a private chat with the bot starts it by their first message.
"""

import mimetypes
import re
import secrets
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qs, urlsplit

from sandbox.telegram import groups
from sandbox.telegram.core import Telegram
from sandbox.telegram.keyboard import find_button
from sandbox.telegram.members import granted
from sandbox.telegram.methods.sending import document_body, photo_fields
from sandbox.telegram.state import Chat, Membership, Message, Query, User
from sandbox.telegram.text import found_entities
from sandbox.telegram.views import visible
from sandbox.telegram.wire import JsonDict, NotAllowed

PAYLOAD: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
QUERIES_KEPT: Final = 5000
_FORWARDED: Final = ("text", "entities", "photo", "document", "caption", "caption_entities")
_LINK_HOSTS: Final = frozenset({"t.me", "telegram.me"})


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a person sends."""

    kind: Literal["photo", "document"]
    content: bytes
    name: str
    mime: str | None
    caption: str


def chat_of(telegram: Telegram, person: User, chat_id: int | None) -> Chat:
    """Return the chat the person means (by default the one with the bot) if they are in it."""
    if chat_id is None or chat_id == person.id:
        return telegram.private_chat(person)
    chat = telegram.world.chats.get(chat_id)
    if chat is None or not chat.present(person.id):
        raise NotAllowed("not in this chat")
    if chat.migrated_to is not None:
        raise NotAllowed("the group became a supergroup")
    return chat


def say(telegram: Telegram, person: User, chat: Chat, text: str, reply_to: int | None = None) -> Message:
    """Write a text."""
    if not 1 <= len(text.strip()) <= telegram.limits.text:
        raise NotAllowed("a message has 1 to 4096 characters")
    fields: JsonDict = {"text": text.strip()}
    if found := found_entities(text.strip()):
        fields["entities"] = found
    return _write(telegram, person, chat, fields, reply_to)


def upload(telegram: Telegram, person: User, chat: Chat, file: Upload) -> Message:
    """Send a photo or a document; raises the Bot API's refusal for a photo that is no picture."""
    mime = file.mime or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    stored = telegram.keep_file(file.content, file.name, mime, f"{file.kind}s")
    picture = file.kind == "photo"
    fields: JsonDict = photo_fields(telegram, stored) if picture else {"document": document_body(stored)}
    if file.caption:
        fields["caption"] = file.caption
    return _write(telegram, person, chat, fields, None)


def forward(telegram: Telegram, person: User, source: Chat, message_id: int, target: Chat) -> Message:
    """Forward a message that the person can read; its buttons stay behind, and protected ones cannot leave."""
    message = next((m for m in visible(source, person) if m.id == message_id), None)
    if message is None:
        raise NotAllowed("no such message")
    if message.body.get("has_protected_content"):
        raise NotAllowed("the message is protected")
    fields: JsonDict = {name: message.body[name] for name in _FORWARDED if name in message.body}
    if not fields:
        raise NotAllowed("a service message is not forwarded")
    author = telegram.user(message.sender)
    if source.kind == "channel":
        place = {"chat": message.body["chat"], "message_id": message.id}
        fields["forward_origin"] = {"type": "channel", "date": message.date} | place
    elif author is not None:
        fields["forward_origin"] = {"type": "user", "date": message.date, "sender_user": author.body()}
    return _write(telegram, person, target, fields, None)


def change(telegram: Telegram, person: User, chat: Chat, message_id: int, text: str) -> Message:
    """Edit an own message."""
    message = _own(person, chat, message_id)
    if "text" not in message.body:
        raise NotAllowed("this message has no text")
    body = {name: value for name, value in message.body.items() if name != "entities"}
    body |= {"text": text.strip(), "edit_date": telegram.now()}
    if found := found_entities(text.strip()):
        body["entities"] = found
    telegram.amend(chat, message, body)
    telegram.tell_bot(chat, message, "edited_message")
    return message


def erase(telegram: Telegram, person: User, chat: Chat, message_id: int) -> None:
    """Delete a message for everyone: in a private chat any, elsewhere one's own. The bot is not told."""
    message = chat.messages.get(message_id) if chat.kind == "private" else _own(person, chat, message_id)
    if message is None:
        raise NotAllowed("no such message")
    telegram.remove(chat, message)


def press(telegram: Telegram, person: User, chat: Chat, message_id: int | None, wanted: str) -> JsonDict:
    """Press the button whose data or label is `wanted`, by default on the newest message that has it.

    Returns the id of the query, or the address if the button opens one.
    """
    seen = visible(chat, person)
    candidates = [m for m in reversed(seen) if message_id is None or m.id == message_id]
    for message in candidates:
        button = find_button(message.body, wanted)
        if button is None:
            continue
        url = button.get("url") or button.get("web_app", {}).get("url")
        if url is not None:
            return {"url": url}
        return {"query": _query(telegram, person, chat, message.body, button.get("callback_data", ""))}
    raise NotAllowed(f"no button {wanted!r}")


def forge(telegram: Telegram, person: User, chat_id: int, message_id: int, data: str) -> JsonDict:
    """Press a button that may not exist, on a message that may be gone or another's, as a changed client can."""
    chat = telegram.world.chats.get(chat_id) or telegram.private_chat(person)
    message = chat.messages.get(message_id)
    inaccessible = {"chat": telegram.world.chat_body(chat), "message_id": message_id, "date": 0}
    return {"query": _query(telegram, person, chat, message.body if message else inaccessible, data)}


def open_link(telegram: Telegram, person: User, link: str, group: Chat | None = None) -> Message | None:
    """Follow a link to the bot and press Start, or add the bot to `group` for a `startgroup` link."""
    parts = urlsplit(link)
    name = parts.path.strip("/")
    if parts.hostname not in _LINK_HOSTS or name.lower() != (telegram.bot.username or "").lower():
        raise NotAllowed("the link does not lead to this bot")
    query = parse_qs(parts.query, keep_blank_values=True)
    key = "startgroup" if "startgroup" in query else "start"
    payload = query.get(key, [""])[0]
    if payload and not PAYLOAD.fullmatch(payload):
        raise NotAllowed("a start parameter has 1 to 64 characters of A-Z, a-z, 0-9, _ and -")
    if key == "start":
        unblock(telegram, person)
        return say(telegram, person, telegram.private_chat(person), f"/start {payload}".strip())
    if group is None:
        raise NotAllowed("choose a group for this link")
    if not group.present(telegram.bot.id):
        # A link may ask for rights: admin=delete_messages+pin_messages (core.telegram.org/api/links).
        names = query.get("admin", [""])[0].split()
        rights = granted({f"can_{name}": True for name in names}) if names else {}
        joined = Membership("administrator" if names else "member", rights)
        groups.set_member(telegram, group, telegram.bot, joined, person)
    return say(telegram, person, group, f"/start@{telegram.bot.username} {payload}".strip())


def block(telegram: Telegram, person: User) -> None:
    """Block the bot."""
    _set_blocked(telegram, person, blocked=True)


def unblock(telegram: Telegram, person: User) -> None:
    """Unblock the bot."""
    _set_blocked(telegram, person, blocked=False)


def _set_blocked(telegram: Telegram, person: User, *, blocked: bool) -> None:
    if person.blocked == blocked:
        return
    person.blocked = blocked
    states = (Membership("member"), Membership("kicked"))
    chat = telegram.private_chat(person)
    telegram.member_changed(chat, telegram.bot, states[not blocked], states[blocked], person)


def _write(telegram: Telegram, person: User, chat: Chat, fields: JsonDict, reply_to: int | None) -> Message:
    if chat.kind == "private":
        if person.blocked:
            raise NotAllowed("the bot is blocked")
        person.started = True
    if chat.kind == "channel" and not chat.is_admin(person.id):
        raise NotAllowed("only administrators write in a channel")
    if reply_to is not None:
        answered = chat.messages.get(reply_to)
        if answered is None:
            raise NotAllowed("no such message")
        fields["reply_to_message"] = {
            name: value for name, value in answered.body.items() if name != "reply_to_message"
        }
    message = telegram.post(chat, person, fields)
    telegram.tell_bot(chat, message)
    return message


def _own(person: User, chat: Chat, message_id: int) -> Message:
    message = chat.messages.get(message_id)
    if message is None or message.sender != person.id:
        raise NotAllowed("no such message of yours")
    return message


def _query(telegram: Telegram, person: User, chat: Chat, message: JsonDict, data: str) -> str:
    query = Query(str(secrets.randbits(62)), person.id, telegram.now())
    queries = telegram.world.queries
    queries[query.id] = query
    if len(queries) > QUERIES_KEPT:
        del queries[next(iter(queries))]
    update = {
        "id": query.id,
        "from": person.body(),
        "message": message,
        "chat_instance": chat.instance,
        "data": data,
    }
    telegram.queue.push("callback_query", update, chat.id)
    return query.id
