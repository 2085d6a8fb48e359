"""The stand-in itself: the world, the queue to the bot, and the few steps that every act is made of.

Messages are posted, amended and removed only here, so every change is numbered and told to those who wait.
Who may do what is decided by the callers: `methods` for the bot, `acts` and `groups` for people.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from sandbox.clock import TravelClock
from sandbox.telegram.calls import CallLog, Faults
from sandbox.telegram.events import Hub
from sandbox.telegram.limits import FloodControl, Limits
from sandbox.telegram.members import member_body
from sandbox.telegram.state import Chat, Membership, Message, StoredFile, User, World
from sandbox.telegram.updates import UpdateQueue
from sandbox.telegram.webhook import Webhook
from sandbox.telegram.wire import ApiError, JsonDict, bad_request, forbidden


class Telegram:
    """One bot's Telegram."""

    def __init__(self, bot: User, clock: TravelClock, limits: Limits, *, privacy: bool = True) -> None:
        """Start empty; `privacy` is the bot's privacy mode in groups."""
        self.clock = clock
        self.limits = limits
        self.privacy = privacy
        self.world = World(bot)
        self.hub = Hub()
        self.queue = UpdateQueue(clock.seconds, limits.update_retention.total_seconds())
        self.webhook = Webhook(self.queue, limits, clock)
        self.flood = FloodControl(limits, clock.seconds)
        self.calls = CallLog(limits.calls_logged)
        self.faults = Faults()
        self.checkouts: dict[str, asyncio.Future[str | None]] = {}
        """Payers who wait for the bot's yes, or its reason why not."""
        self.settle: Callable[[], Awaitable[None]] | None = None
        """Lets the bot do what is due; a jump of the page goes by steps and calls it after each."""

    @property
    def bot(self) -> User:
        """The bot's user."""
        return self.world.bot

    def user(self, user_id: int) -> User | None:
        """Return a person or the bot."""
        return self.bot if user_id == self.bot.id else self.world.users.get(user_id)

    def now(self) -> int:
        """Return the present in Unix seconds."""
        return int(self.clock.seconds())

    def private_chat(self, person: User) -> Chat:
        """Return the person's chat with the bot, opened when it is not there yet."""
        chat = self.world.chats.get(person.id)
        if chat is None:
            members = {person.id: Membership("member"), self.bot.id: Membership("member")}
            chat = Chat(person.id, "private", instance=secrets.token_hex(8), members=members)
            self.world.chats[person.id] = chat
        return chat

    def find(self, chat_id: int | str) -> Chat:
        """Return a chat that the bot knows; raises Telegram's refusals for all others."""
        chat = self.world.chats.get(chat_id) if isinstance(chat_id, int) else None
        if chat is None:
            if chat_id in self.world.users:
                raise forbidden("bot can't initiate conversation with a user")
            raise bad_request("chat not found")
        if chat.migrated_to is not None:
            parameters = {"migrate_to_chat_id": chat.migrated_to}
            raise ApiError(400, "Bad Request: group chat was upgraded to a supergroup chat", parameters)
        if chat.kind != "private" and not chat.present(self.bot.id):
            membership = chat.members.get(self.bot.id)
            if membership is None:
                raise bad_request("chat not found")
            if membership.status == "kicked":
                raise forbidden(f"bot was kicked from the {chat.kind} chat")
            raise forbidden(f"bot is not a member of the {chat.kind} chat")
        return chat

    def reach(self, chat_id: int | str) -> Chat:
        """Return a chat in which the bot may write; raises Telegram's refusals for all others."""
        chat = self.find(chat_id)
        if chat.kind == "private":
            person = self.world.users[chat.id]
            if person.blocked:
                raise forbidden("bot was blocked by the user")
            if not person.started:
                raise forbidden("bot can't initiate conversation with a user")
        return chat

    def post(self, chat: Chat, sender: User, fields: JsonDict) -> Message:
        """Add a message to the chat; the caller tells the bot if it must know."""
        chat.last_message_id += 1
        now = self.now()
        chat_body = self.world.chat_body(chat)
        body: JsonDict = {"message_id": chat.last_message_id, "date": now, "chat": chat_body}
        if chat.kind == "channel":
            body["sender_chat"] = chat_body
        else:
            body["from"] = sender.body()
        body.update(fields)
        if chat.protected:
            body["has_protected_content"] = True
        message = Message(chat.last_message_id, sender.id, now, body)
        chat.messages[message.id] = message
        if len(chat.messages) > self.limits.messages_per_chat:
            del chat.messages[next(iter(chat.messages))]
        message.changed = self.hub.publish("message", body, chat=chat.id)
        return message

    def amend(self, chat: Chat, message: Message, body: JsonDict) -> None:
        """Replace the message's content."""
        message.body = body
        message.changed = self.hub.publish("edited", body, chat=chat.id)

    def remove(self, chat: Chat, message: Message) -> None:
        """Delete the message for everyone."""
        del chat.messages[message.id]
        if chat.pinned == message.id:
            chat.pinned = None
        self.hub.publish("deleted", {"message_id": message.id}, chat=chat.id)

    def tell_bot(self, chat: Chat, message: Message, kind: str = "message") -> None:
        """Queue the message for the bot if it is in the chat and its privacy mode lets it read this message."""
        if not chat.present(self.bot.id) or not self._readable(chat, message.body):
            return
        if chat.kind == "channel":
            kind = {"message": "channel_post", "edited_message": "edited_channel_post"}[kind]
        self.queue.push(kind, message.body, chat.id)

    def member_changed(self, chat: Chat, user: User, old: Membership, new: Membership, by: User) -> None:
        """Tell pages and, as far as it may know, the bot that a membership changed."""
        change = {
            "chat": self.world.chat_body(chat),
            "from": by.body(),
            "date": self.now(),
            "old_chat_member": member_body(user, old),
            "new_chat_member": member_body(user, new),
        }
        self.hub.publish("membership", change, chat=chat.id, person=user.id)
        if user.id == self.bot.id:
            self.queue.push("my_chat_member", change, chat.id)
        elif chat.is_admin(self.bot.id):
            self.queue.push("chat_member", change, chat.id)

    def keep_file(self, content: bytes, name: str, mime: str, folder: str) -> StoredFile:
        """Store an upload, forgetting the oldest files when there are too many bytes."""
        files = self.world.files
        total = sum(len(file.content) for file in files.values()) + len(content)
        while files and total > self.limits.stored_bytes:
            total -= len(files.pop(next(iter(files))).content)
        suffix = name.rpartition(".")[2] if "." in name else "bin"
        number = len(files) + secrets.randbelow(10**9)
        file = StoredFile(
            f"BQAC{secrets.token_urlsafe(30)}",
            f"Ag{secrets.token_urlsafe(9)}",
            f"{folder}/file_{number}.{suffix}",
            name,
            mime,
            content,
        )
        files[file.id] = file
        return file

    def _readable(self, chat: Chat, body: JsonDict) -> bool:
        if chat.kind in {"private", "channel"} or not self.privacy or chat.is_admin(self.bot.id):
            return True
        text = body.get("text", body.get("caption"))
        if text is None:
            return not {"photo", "document"} & body.keys() or self._answers_bot(body)
        command = text.split(maxsplit=1)[0] if text.startswith("/") else ""
        name = command.partition("@")[2].lower()
        return (
            (bool(command) and name in {"", (self.bot.username or "").lower()})
            or f"@{self.bot.username}".lower() in text.lower()
            or self._answers_bot(body)
        )

    def _answers_bot(self, body: JsonDict) -> bool:
        answered: JsonDict = body.get("reply_to_message", {})
        return bool(answered.get("from", {}).get("id") == self.bot.id)
