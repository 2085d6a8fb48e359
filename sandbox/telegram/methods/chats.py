"""What the bot asks about chats and their members."""

from typing import Final

from aiogram.methods import (
    GetChat,
    GetChatAdministrators,
    GetChatMember,
    GetChatMemberCount,
    LeaveChat,
)

from sandbox.telegram.core import Telegram
from sandbox.telegram.members import member_body
from sandbox.telegram.state import Chat, Membership
from sandbox.telegram.wire import JsonDict, bad_request

_GIFTS: Final = {
    "unlimited_gifts": False,
    "limited_gifts": False,
    "unique_gifts": False,
    "premium_subscription": False,
    "gifts_from_channels": False,
}
_SOMEWHERE: Final = {"latitude": 55.75, "longitude": 37.62}
_PERMISSIONS: Final = {
    "can_send_messages": True,
    "can_send_audios": True,
    "can_send_documents": True,
    "can_send_photos": True,
    "can_send_videos": True,
    "can_send_video_notes": True,
    "can_send_voice_notes": True,
    "can_send_polls": True,
    "can_send_other_messages": True,
    "can_add_web_page_previews": True,
    "can_change_info": False,
    "can_invite_users": True,
    "can_pin_messages": False,
}


def get_chat(telegram: Telegram, call: GetChat) -> JsonDict:
    """Describe a chat (core.telegram.org/bots/api#chatfullinfo).

    Whether history is visible is told to administrators only, and says what was set: in public, forum, discussion
    and place groups earlier messages are read whatever that is (TDLib, is_all_history_available).
    """
    chat = telegram.find(call.chat_id)
    body = telegram.world.chat_body(chat)
    body |= {"accent_color_id": abs(chat.id) % 7, "max_reaction_count": 11, "accepted_gift_types": _GIFTS}
    if chat.kind in {"group", "supergroup"}:
        body["permissions"] = _PERMISSIONS
        if chat.history_visible and chat.is_admin(telegram.bot.id):
            body["has_visible_history"] = True
    if chat.username:
        body["active_usernames"] = [chat.username]
    if chat.linked_chat is not None:
        body["linked_chat_id"] = chat.linked_chat
    if chat.address is not None:
        body["location"] = {"location": _SOMEWHERE, "address": chat.address}
    if chat.protected:
        body["has_protected_content"] = True
    pinned = chat.messages.get(chat.pinned) if chat.pinned is not None else None
    if pinned is not None:
        body["pinned_message"] = pinned.body
    return body


def get_chat_member(telegram: Telegram, call: GetChatMember) -> JsonDict:
    """Describe a member; one who was never there has left (core.telegram.org/bots/api#getchatmember)."""
    chat = telegram.find(call.chat_id)
    user = telegram.user(call.user_id)
    if user is None:
        raise bad_request("invalid user_id specified")
    if chat.kind == "channel" and not chat.is_admin(telegram.bot.id):
        raise bad_request("member list is inaccessible")
    return member_body(user, chat.members.get(user.id, Membership("left")))


def get_chat_administrators(telegram: Telegram, call: GetChatAdministrators) -> list[JsonDict]:
    """List administrators that are not bots, and this bot (core.telegram.org/bots/api#getchatadministrators)."""
    chat = _group(telegram, call.chat_id)
    found = ((telegram.user(user_id), membership) for user_id, membership in chat.members.items())
    admins = {"creator", "administrator"}
    return [member_body(user, membership) for user, membership in found if user and membership.status in admins]


def get_chat_member_count(telegram: Telegram, call: GetChatMemberCount) -> int:
    """Count who is in the chat (core.telegram.org/bots/api#getchatmembercount)."""
    chat = telegram.find(call.chat_id)
    return sum(chat.present(user_id) for user_id in chat.members)


def leave_chat(telegram: Telegram, call: LeaveChat) -> bool:
    """Take the bot out of a group (core.telegram.org/bots/api#leavechat)."""
    chat = _group(telegram, call.chat_id)
    old = chat.members[telegram.bot.id]
    new = chat.members[telegram.bot.id] = Membership("left")
    telegram.post(chat, telegram.bot, {"left_chat_member": telegram.bot.body()})
    telegram.member_changed(chat, telegram.bot, old, new, telegram.bot)
    return True


def _group(telegram: Telegram, chat_id: int | str) -> Chat:
    chat = telegram.find(chat_id)
    if chat.kind == "private":
        raise bad_request("chat member status can't be changed in private chats")
    return chat
