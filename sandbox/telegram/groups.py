"""Groups and channels: making them, who is in them, history, becoming a supergroup.

The bot learns of memberships as from Telegram: `my_chat_member` about itself, `chat_member` about others only
as an administrator that asks for it, and service messages (core.telegram.org/bots/api#chatmemberupdated).
"""

import secrets

from sandbox.telegram.core import Telegram
from sandbox.telegram.state import PRESENT, Chat, ChatKind, Membership, User
from sandbox.telegram.wire import JsonDict, NotAllowed


def create(telegram: Telegram, creator: User, title: str, kind: ChatKind) -> Chat:
    """Make a group, supergroup or channel; history is visible at first, as in Telegram's supergroups by link."""
    if kind == "private":
        raise NotAllowed("a private chat is not created")
    chat = Chat(telegram.world.next_chat_id(kind), kind, title=title, instance=secrets.token_hex(8))
    chat.members[creator.id] = Membership("creator")
    telegram.world.add_group(chat)
    telegram.hub.publish("chat", telegram.world.chat_body(chat), chat=chat.id, person=creator.id)
    return chat


def set_member(telegram: Telegram, chat: Chat, user: User, new: Membership, by: User) -> None:
    """Let `user` enter, leave, be removed or change rank in the chat, by the act of `by`."""
    if chat.migrated_to is not None:
        raise NotAllowed("the group became a supergroup")
    old = chat.members.get(user.id, Membership("left"))
    if old.status == "creator":
        raise NotAllowed("the creator stays")
    enters = new.status in PRESENT and old.status not in PRESENT
    leaves = new.status not in PRESENT and old.status in PRESENT
    new.since = chat.last_message_id if enters else old.since
    service = _service(user, enters=enters, leaves=leaves)
    if leaves and service and chat.kind != "channel":
        # The message is posted while the leaver is still there; a removed bot is told by my_chat_member alone.
        message = telegram.post(chat, by, service)
        if user.id != telegram.bot.id:
            telegram.tell_bot(chat, message)
    chat.members[user.id] = new
    telegram.member_changed(chat, user, old, new, by)
    if enters and service and chat.kind != "channel":
        telegram.tell_bot(chat, telegram.post(chat, by, service))


def set_history(telegram: Telegram, chat: Chat, *, visible: bool) -> None:
    """Show or hide earlier messages to those who come later."""
    chat.history_visible = visible
    telegram.hub.publish("chat", telegram.world.chat_body(chat), chat=chat.id)


def set_up(telegram: Telegram, chat: Chat, settings: JsonDict) -> None:
    """Make a supergroup public (`username`), a forum, a channel's discussion group or a place's, or no longer."""
    if chat.kind != "supergroup":
        raise NotAllowed("only a supergroup has these settings")
    channels = {other.id for other in telegram.world.groups() if other.kind == "channel"}
    if settings.get("linked_chat") not in {None, *channels}:
        raise NotAllowed("only a channel is linked to a group")
    for name in ("username", "is_forum", "linked_chat", "address"):
        if name in settings:
            setattr(chat, name, settings[name])
    telegram.hub.publish("chat", telegram.world.chat_body(chat), chat=chat.id)


def migrate(telegram: Telegram, chat: Chat, by: User) -> Chat:
    """Turn a basic group into a supergroup with another id; both get Telegram's service message."""
    if chat.kind != "group" or chat.migrated_to is not None:
        raise NotAllowed("only a basic group becomes a supergroup")
    new = create(telegram, by, chat.title, "supergroup")
    new.history_visible = chat.history_visible
    new.protected = chat.protected
    new.members = {user_id: Membership(old.status, dict(old.rights)) for user_id, old in chat.members.items()}
    telegram.tell_bot(chat, telegram.post(chat, by, {"migrate_to_chat_id": new.id}))
    chat.migrated_to = new.id
    telegram.tell_bot(new, telegram.post(new, by, {"migrate_from_chat_id": chat.id}))
    return new


def _service(user: User, *, enters: bool, leaves: bool) -> JsonDict | None:
    if enters:
        return {"new_chat_members": [user.body()], "new_chat_member": user.body()}
    return {"left_chat_member": user.body()} if leaves else None
