"""Memberships in the Bot API's words (core.telegram.org/bots/api#chatmember)."""

from typing import Final

from sandbox.telegram.state import Membership, User
from sandbox.telegram.wire import JsonDict

RIGHTS: Final = (
    "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members",
    "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories",
    "can_delete_stories", "can_send_welcome_messages", "can_pin_messages", "can_post_messages",
    "can_edit_messages", "can_manage_topics",
)  # fmt: skip
USUAL_RIGHTS: Final = frozenset(
    {"can_manage_chat", "can_delete_messages", "can_pin_messages", "can_invite_users", "can_post_messages"}
)


def granted(rights: dict[str, bool] | None) -> dict[str, bool]:
    """Return all rights of an administrator: those given, the rest refused; None gives the usual ones.

    Raises `ValueError` for a name that is no right.
    """
    if rights is None:
        return {name: name in USUAL_RIGHTS for name in RIGHTS}
    if unknown := rights.keys() - set(RIGHTS):
        raise ValueError(f"no such right: {min(unknown)}")
    return {name: rights.get(name, name == "can_manage_chat") for name in RIGHTS}


def member_body(user: User, membership: Membership) -> JsonDict:
    """Return the Bot API's ChatMember."""
    body: JsonDict = {"user": user.body(), "status": membership.status}
    if membership.status == "creator":
        body["is_anonymous"] = False
    elif membership.status == "administrator":
        body |= {"can_be_edited": False, "is_anonymous": False} | granted(membership.rights)
    elif membership.status == "kicked":
        body["until_date"] = 0
    return body
