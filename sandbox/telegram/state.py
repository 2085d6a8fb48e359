"""What the town consists of: users, chats, messages, files. Data and look-ups, no rules.

A message is kept as the Bot API's Message object (`body`), ready to be sent. A changed message gets a new
body; a body is never altered, so an update that was already queued keeps what it said. Ids look like
Telegram's: people above 10^8, basic groups negative, supergroups and channels below -100·10^10; message ids
increase per chat.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from pydantic import ConfigDict

from sandbox.telegram.wire import JsonDict

ChatKind = Literal["private", "group", "supergroup", "channel"]
Status = Literal["creator", "administrator", "member", "left", "kicked"]
PRESENT: Final = frozenset({"creator", "administrator", "member"})
FIRST_PERSON: Final = 500_000_001
FIRST_GROUP: Final = -4_000_000_001
FIRST_SUPERGROUP: Final = -1_002_000_000_001


@dataclass(slots=True)
class User:
    """A person, or the bot; `part` is what the chat page says they play, and the bot never learns it."""

    id: int
    first_name: str
    username: str | None = None
    last_name: str | None = None
    language_code: str | None = None
    is_bot: bool = False
    started: bool = False
    blocked: bool = False
    part: str = ""

    def body(self) -> JsonDict:
        """Return the Bot API's User."""
        body: JsonDict = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        for name in ("last_name", "username", "language_code"):
            if (value := getattr(self, name)) is not None:
                body[name] = value
        return body


@dataclass(slots=True)
class Membership:
    """How a user belongs to a chat; sees messages after `since` when history is hidden."""

    status: Status
    rights: dict[str, bool] = field(default_factory=dict)
    since: int = 0


@dataclass(slots=True)
class Message:
    """A message that exists; `changed` is the number of the event that last changed it."""

    id: int
    sender: int
    date: int
    body: JsonDict
    changed: int = 0


@dataclass(slots=True)
class Chat:
    """A private chat (its id is the person's), a group, a supergroup or a channel."""

    id: int
    kind: ChatKind
    title: str = ""
    instance: str = ""
    history_visible: bool = True
    username: str | None = None
    is_forum: bool = False
    linked_chat: int | None = None
    address: str | None = None
    """Where a group of a place is."""
    protected: bool = False
    migrated_to: int | None = None
    pinned: int | None = None
    last_message_id: int = 0
    members: dict[int, Membership] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)

    @property
    def can_be_read_back(self) -> bool:
        """Tell whether newcomers read earlier messages: in public, forum, discussion and place groups always."""
        return bool(
            self.history_visible or self.username or self.is_forum or self.linked_chat or self.address is not None
        )

    def present(self, user_id: int) -> bool:
        """Tell whether the user is in the chat now."""
        membership = self.members.get(user_id)
        return membership is not None and membership.status in PRESENT

    def has_right(self, user_id: int, right: str) -> bool:
        """Tell whether the user may do what `right` (a field of ChatMemberAdministrator) allows."""
        membership = self.members.get(user_id)
        if membership is None:
            return False
        return membership.status == "creator" or (
            membership.status == "administrator" and membership.rights.get(right, False)
        )

    def is_admin(self, user_id: int) -> bool:
        """Tell whether the user is the creator or an administrator."""
        membership = self.members.get(user_id)
        return membership is not None and membership.status in {"creator", "administrator"}


@dataclass(slots=True)
class StoredFile:
    """A file that somebody uploaded."""

    __pydantic_config__: ClassVar = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    id: str
    unique_id: str
    path: str
    name: str
    mime: str
    content: bytes


@dataclass(slots=True)
class Popup:
    """What answerCallbackQuery showed to a person; empty text just stops the button's waiting mark."""

    person: int
    text: str
    alert: bool
    date: int
    query_id: str
    url: str | None = None
    seq: int = 0


@dataclass(slots=True)
class Query:
    """A pressed button that waits for an answer."""

    id: str
    person: int
    date: int
    answered: bool = False


@dataclass(slots=True)
class StarInvoice:
    """What is to be paid in Telegram Stars."""

    title: str
    description: str
    payload: str
    stars: int


@dataclass(slots=True)
class StarPayment:
    """Stars that a person paid; `refunded` is when they got them back."""

    charge: str
    user: int
    stars: int
    payload: str
    date: int
    refunded: int | None = None


@dataclass(slots=True)
class World:
    """All of it, for one bot."""

    bot: User
    users: dict[int, User] = field(default_factory=dict)
    chats: dict[int, Chat] = field(default_factory=dict)
    group_ids: list[int] = field(default_factory=list)
    files: dict[str, StoredFile] = field(default_factory=dict)
    queries: dict[str, Query] = field(default_factory=dict)
    popups: dict[int, list[Popup]] = field(default_factory=dict)
    profile: JsonDict = field(default_factory=dict)
    invoices: dict[str, StarInvoice] = field(default_factory=dict)
    """By their links."""
    payments: list[StarPayment] = field(default_factory=list)

    def groups(self) -> list[Chat]:
        """Return all groups, supergroups and channels, oldest first."""
        return [self.chats[chat_id] for chat_id in self.group_ids]

    def add_group(self, chat: Chat) -> None:
        """Add a group, supergroup or channel."""
        self.chats[chat.id] = chat
        self.group_ids.append(chat.id)

    def next_person_id(self) -> int:
        """Return an unused person id."""
        return max(self.users, default=FIRST_PERSON - 1) + 1

    def next_chat_id(self, kind: ChatKind) -> int:
        """Return an unused id for a group, supergroup or channel."""
        if kind == "group":
            return min((c for c in self.group_ids if c > FIRST_SUPERGROUP), default=FIRST_GROUP + 1) - 1
        return min((c for c in self.group_ids if c <= FIRST_SUPERGROUP), default=FIRST_SUPERGROUP + 1) - 1

    def named(self, username: str) -> User | None:
        """Return the user with this username, which may begin with @."""
        wanted = username.removeprefix("@").lower()
        everyone = (self.bot, *self.users.values())
        return next((u for u in everyone if u.username and u.username.lower() == wanted), None)

    def chat_body(self, chat: Chat) -> JsonDict:
        """Return the Bot API's Chat."""
        if chat.kind != "private":
            body: JsonDict = {"id": chat.id, "title": chat.title, "type": chat.kind}
            if chat.kind == "group":
                body["all_members_are_administrators"] = False
            if chat.username:
                body["username"] = chat.username
            if chat.is_forum:
                body["is_forum"] = True
            return body
        user = self.users[chat.id].body()
        return {name: user[name] for name in user if name not in {"is_bot", "language_code"}} | {"type": "private"}
