"""How people see things: flat JSON for the chat page and the tests."""

from sandbox.telegram.core import Telegram
from sandbox.telegram.state import PRESENT, Chat, Message, Popup, User
from sandbox.telegram.wire import JsonDict

_SERVICE = (
    "new_chat_members", "left_chat_member", "pinned_message", "group_chat_created", "supergroup_chat_created",
    "migrate_to_chat_id", "migrate_from_chat_id", "successful_payment", "refunded_payment",
)  # fmt: skip


def message_view(body: JsonDict, changed: int) -> JsonDict:
    """Return a message as the client API shows it; `changed` is the number of its last change."""
    sender = body.get("from") or body["sender_chat"]
    view: JsonDict = {
        "id": body["message_id"],
        "chat": body["chat"]["id"],
        "date": body["date"],
        "sender": sender["id"],
        "sender_name": sender.get("first_name") or sender.get("title"),
        "from_bot": bool(sender.get("is_bot")),
        "text": body.get("text", body.get("caption", "")),
        "entities": body.get("entities", body.get("caption_entities", [])),
        "buttons": body.get("reply_markup", {}).get("inline_keyboard", []),
        "edited": "edit_date" in body,
        "protected": body.get("has_protected_content", False),
        "reply_to": body.get("reply_to_message", {}).get("message_id"),
        "photo": body["photo"][-1] if "photo" in body else None,
        "document": body.get("document"),
        "service": None,
        "changed": changed,
    }
    for kind in _SERVICE:
        if kind in body:
            view["service"] = {"kind": kind, "value": body[kind]}
    return view


def visible(chat: Chat, person: User) -> list[Message]:
    """Return the messages of the chat that this person can read, oldest first."""
    membership = chat.members.get(person.id)
    if membership is None or membership.status not in PRESENT:
        return []
    first = 0 if chat.can_be_read_back else membership.since
    return [message for message in chat.messages.values() if message.id > first]


def chat_view(telegram: Telegram, chat: Chat) -> JsonDict:
    """Return a group as the client API shows it."""
    return {
        "id": chat.id,
        "kind": chat.kind,
        "title": chat.title,
        "history_visible": chat.history_visible,
        "protected": chat.protected,
        "migrated_to": chat.migrated_to,
        "members": [
            {"id": user.id, "name": user.first_name, "is_bot": user.is_bot, "status": membership.status}
            for user_id, membership in chat.members.items()
            if (user := telegram.user(user_id)) is not None
        ],
    }


def person_view(person: User) -> JsonDict:
    """Return a person as the client API shows them."""
    return person.body() | {"started": person.started, "blocked": person.blocked, "part": person.part}


def popup_view(popup: Popup) -> JsonDict:
    """Return a pop-up as the client API shows it."""
    return {
        "text": popup.text,
        "alert": popup.alert,
        "date": popup.date,
        "query_id": popup.query_id,
        "url": popup.url,
        "seq": popup.seq,
    }
