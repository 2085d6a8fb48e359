"""The client API from Python: a `Town` of `Person`s, for tests and the demo's play.

Waiting never sleeps: it looks, and looks again when the stand-in says that something changed. Everything that
Telegram's apps would refuse raises `Refused`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

import aiohttp

from sandbox.telegram.calls import FaultKind
from sandbox.telegram.wire import JsonDict

T = TypeVar("T")
POLL_SECONDS = 20.0
PATIENCE = 60.0
"""Real seconds after which what is waited for has never happened."""

BAD = 400


class Refused(Exception):
    """The stand-in refused an act; `status` is the HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        """Say why."""
        super().__init__(f"{status}: {text}")
        self.status = status


class NeverHappened(AssertionError):
    """What was waited for did not come in time."""


@dataclass(frozen=True, slots=True)
class View:
    """A message as a person sees it."""

    id: int
    chat: int
    date: int
    sender: int
    sender_name: str
    from_bot: bool
    text: str
    entities: list[JsonDict]
    buttons: list[list[JsonDict]]
    edited: bool
    protected: bool
    reply_to: int | None
    photo: JsonDict | None
    document: JsonDict | None
    service: JsonDict | None
    changed: int

    @property
    def labels(self) -> list[str]:
        """The texts of its buttons."""
        return [button["text"] for row in self.buttons for button in row]

    @property
    def data(self) -> list[str]:
        """The callback data of its buttons, where they have any."""
        return [button["callback_data"] for row in self.buttons for button in row if "callback_data" in button]


@dataclass(frozen=True, slots=True)
class PopupView:
    """A pop-up that a person saw; empty text shows nothing."""

    text: str
    alert: bool
    date: int
    query_id: str
    url: str | None
    seq: int


Wanted = str | Callable[[View], bool]


class Town:
    """All people, groups and the clock of one stand-in: `async with Town(server.url) as town`."""

    def __init__(self, url: str) -> None:
        """Talk to the stand-in at `url`."""
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close it."""
        if self._session is not None:
            await self._session.close()

    async def call(self, verb: str, path: str, **sent: Any) -> Any:  # noqa: ANN401 - JSON in, JSON out
        """Send a request (`json`, `params` or `data`) and return the JSON answer; raises `Refused`."""
        if self._session is None:
            raise RuntimeError("a Town is used with `async with`")
        async with self._session.request(verb, self._url + path, **sent) as response:
            body = await response.json()
            if response.status >= BAD:
                raise Refused(response.status, body.get("error", ""))
            return body

    async def person(
        self, first_name: str, *, username: str | None = None, language_code: str | None = "ru", part: str = ""
    ) -> "Person":
        """Create a person; `part` is shown on the chat page."""
        body = {"first_name": first_name, "username": username, "language_code": language_code, "part": part}
        return Person(self, (await self.call("POST", "/people", json=body))["id"], first_name)

    async def group(
        self, title: str, creator: "Person", *, kind: str = "supergroup", history_visible: bool = False
    ) -> "Group":
        """Create a group, supergroup or channel, by default with hidden history."""
        body = {"title": title, "creator": creator.id, "kind": kind, "history_visible": history_visible}
        return Group(self, (await self.call("POST", "/groups", json=body))["id"], creator)

    async def bot(self) -> JsonDict:
        """Return the bot's id, names and profile."""
        body: JsonDict = await self.call("GET", "/bot")
        return body

    async def now(self) -> datetime:
        """Tell the stand-in's time."""
        return datetime.fromisoformat((await self.call("GET", "/clock"))["now"])

    async def advance(self, step: timedelta) -> None:
        """Let time jump forward."""
        await self.call("POST", "/clock", json={"seconds": step.total_seconds()})

    async def narrate(
        self,
        text: str,
        people: Sequence["Person"] = (),
        *,
        chat: "Group | None" = None,
        step: int = 0,
        steps: int = 0,
    ) -> None:
        """Show a caption on the chat page, with these people; an empty text ends it."""
        body = {"text": text, "people": [person.id for person in people], "step": step, "steps": steps}
        await self.call("POST", "/narration", json=body | {"chat": chat.id if chat else None} if text else {})

    async def fault(
        self, kind: FaultKind, method: str = "*", *, times: int = 1, seconds: int = 1, chat: int | None = None
    ) -> None:
        """Plan a fault for the bot's next calls (`sandbox.telegram.calls.Fault`)."""
        body = {"kind": kind, "method": method, "times": times, "seconds": seconds, "chat": chat}
        await self.call("POST", "/faults", json=body)

    async def calls(self, method: str | None = None, *, chat: int | None = None, after: int = 0) -> list[JsonDict]:
        """Return the bot's calls so far, getUpdates excepted."""
        params = {"method": method, "chat": chat, "after": after}
        sent = {key: str(value) for key, value in params.items() if value is not None}
        found: list[JsonDict] = await self.call("GET", "/calls", params=sent)
        return found

    async def wait_call(
        self, method: str, *, chat: int | None = None, after: int = 0, seconds: float = PATIENCE
    ) -> JsonDict:
        """Wait for a call of `method` with a number above `after`; raises `NeverHappened`."""
        params = {"method": method, "after": str(after), "timeout": str(seconds)}
        if chat is not None:
            params["chat"] = str(chat)
        found: list[JsonDict] = await self.call("GET", "/calls", params=params)
        if not found:
            raise NeverHappened(f"the bot did not call {method} within {seconds} s")
        return found[0]

    async def inject(self, update: JsonDict) -> int:
        """Queue any JSON as an update and return its id."""
        return int((await self.call("POST", "/updates", json={"update": update}))["update_id"])

    async def repeat(self, update_id: int | None = None) -> int:
        """Queue an update, by default the latest, again with the same id."""
        return int((await self.call("POST", "/updates/repeat", json={"update_id": update_id}))["update_id"])


@dataclass(frozen=True, slots=True)
class Person:
    """Someone with a Telegram account."""

    town: Town
    id: int
    name: str

    async def send(self, text: str, *, chat: "Group | None" = None, reply_to: int | None = None) -> View:
        """Write to the bot, or to a group."""
        body = {"text": text, "chat": chat.id if chat else None, "reply_to": reply_to}
        return View(**await self._post("send", body))

    async def edit(self, message: View, text: str) -> View:
        """Change an own message."""
        body = {"message_id": message.id, "chat": message.chat, "text": text}
        return View(**await self._post("edit", body))

    async def delete(self, message: View) -> None:
        """Delete a message for everyone."""
        await self._post("delete", {"message_id": message.id, "chat": message.chat})

    async def forward(self, message: View, *, chat: "Group | None" = None) -> View:
        """Forward a message to the bot, or to a group."""
        body = {"message_id": message.id, "source": message.chat, "chat": chat.id if chat else None}
        return View(**await self._post("forward", body))

    async def press(self, button: str, *, on: View | None = None, chat: "Group | None" = None) -> str | None:
        """Press the newest button with this data or label; returns the address if it opens one."""
        where = on.chat if on else (chat.id if chat else None)
        body = {"button": button, "chat": where, "message_id": on.id if on else None}
        answer = await self._post("press", body)
        url: str | None = answer.get("url")
        return url

    async def pay(self, link: str, *, lost: bool = False) -> str:
        """Pay an invoice in Telegram Stars and return the charge's id; with `lost`, the bot never hears of it."""
        return str((await self._post("pay", {"link": link, "lost": lost}))["charge"])

    async def forge(self, data: str, *, chat: int | None = None, message_id: int = 0) -> None:
        """Press a button that may not exist, as a changed client can."""
        await self._post("press", {"forged": True, "data": data, "chat": chat, "message_id": message_id})

    async def upload_photo(
        self, content: bytes, *, name: str = "photo.jpg", caption: str = "", chat: "Group | None" = None
    ) -> View:
        """Send a picture."""
        return await self._upload("photo", content, name, caption, chat)

    async def upload_document(
        self, content: bytes, *, name: str, caption: str = "", chat: "Group | None" = None
    ) -> View:
        """Send a file."""
        return await self._upload("document", content, name, caption, chat)

    async def open_link(self, link: str, *, group: "Group | None" = None) -> None:
        """Follow a deep link to the bot and press Start."""
        await self._post("open", {"link": link, "group": group.id if group else None})

    async def set_language(self, code: str | None) -> None:
        """Set the language of this person's app."""
        await self.town.call("PATCH", f"/people/{self.id}", json={"language_code": code})

    async def block(self) -> None:
        """Block the bot."""
        await self._post("block", {})

    async def unblock(self) -> None:
        """Unblock the bot."""
        await self._post("unblock", {})

    async def messages(self, chat: "Group | None" = None) -> list[View]:
        """Return what this person can read in the chat, oldest first."""
        return (await self._look(chat.id if chat else None))[1]

    async def screen(self) -> View | None:
        """Return the bot's last message in the private chat."""
        return next((m for m in reversed(await self.messages()) if m.from_bot), None)

    async def popups(self) -> list[PopupView]:
        """Return the pop-ups that this person got, oldest first."""
        body = await self.town.call("GET", f"/people/{self.id}/popups")
        return [PopupView(**popup) for popup in body["popups"]]

    def wait_for(
        self, wanted: Wanted, *, chat: "Group | None" = None, since: int = 0, timeout: float = 10
    ) -> Coroutine[Any, Any, View]:
        """Wait for a message of the bot that contains the text, or fits, and changed after number `since`."""
        fits = wanted if callable(wanted) else (lambda view: wanted in view.text)

        async def look() -> tuple[int, View | None]:
            seq, views = await self._look(chat.id if chat else None, since)
            return seq, next((v for v in reversed(views) if v.from_bot and fits(v)), None)

        return self._until(look, timeout)

    def wait_popup(
        self, text: str = "", *, since: int = 0, timeout: float = PATIENCE
    ) -> Coroutine[Any, Any, PopupView]:
        """Wait for a pop-up that contains the text and came after number `since`."""

        async def look() -> tuple[int, PopupView | None]:
            body = await self.town.call("GET", f"/people/{self.id}/popups")
            popups = [PopupView(**popup) for popup in body["popups"]]
            found = (p for p in reversed(popups) if p.seq > since and text in p.text)
            return body["seq"], next(found, None)

        return self._until(look, timeout)

    def wait_gone(self, message: View, *, timeout: float = PATIENCE) -> Coroutine[Any, Any, bool]:
        """Wait until a message is deleted for everyone."""

        async def look() -> tuple[int, bool | None]:
            seq, views = await self._look(message.chat, 0)
            return seq, all(view.id != message.id for view in views) or None

        return self._until(look, timeout)

    async def until(self, look: Callable[[], Awaitable[T | None]], seconds: float = PATIENCE) -> T:
        """Look at every change that concerns this person until something is found; raises `NeverHappened`."""

        async def numbered() -> tuple[int, T | None]:
            seq = await self._changes(0, 0)
            return seq, await look()

        return await self._until(numbered, seconds)

    async def _until(self, look: Callable[[], Awaitable[tuple[int, T | None]]], seconds: float) -> T:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            seq, found = await look()
            if found is not None:
                return found
            left = end - loop.time()
            if left <= 0:
                raise NeverHappened(f"{self.name} waited {seconds} s; the screen is {await self.screen()}")
            await self._changes(seq, min(left, POLL_SECONDS))

    async def _changes(self, after: int, seconds: float) -> int:
        params = {"after": str(after), "timeout": f"{seconds:.3f}"}
        return int((await self.town.call("GET", f"/people/{self.id}/changes", params=params))["seq"])

    async def _look(self, chat: int | None, since: int = 0) -> tuple[int, list[View]]:
        params = {"since": str(since)} | ({"chat": str(chat)} if chat else {})
        body = await self.town.call("GET", f"/people/{self.id}/messages", params=params)
        return body["seq"], [View(**message) for message in body["messages"]]

    async def _upload(self, kind: str, content: bytes, name: str, caption: str, chat: "Group | None") -> View:
        form = aiohttp.FormData({"kind": kind, "caption": caption})
        if chat:
            form.add_field("chat", str(chat.id))
        form.add_field("file", content, filename=name)
        return View(**await self.town.call("POST", f"/people/{self.id}/upload", data=form))

    async def _post(self, act: str, body: JsonDict) -> JsonDict:
        answer: JsonDict = await self.town.call("POST", f"/people/{self.id}/{act}", json=body)
        return answer


@dataclass(frozen=True, slots=True)
class Group:
    """A group, supergroup or channel; acts on it are its creator's unless said otherwise."""

    town: Town
    id: int
    creator: Person

    async def add_bot(self, rights: dict[str, bool] | None = None, *, admin: bool = True) -> None:
        """Add the bot, by default as an administrator with the usual rights or those given."""
        await self._member("bot", "administrator" if admin else "member", self.creator, rights)

    async def set_bot(self, status: str, rights: dict[str, bool] | None = None) -> None:
        """Make the bot administrator, member, left or kicked."""
        await self._member("bot", status, self.creator, rights)

    async def join(self, person: Person, *, by: Person | None = None) -> None:
        """Let a person enter, by themselves or added by another."""
        await self._member(person.id, "member", by or person)

    async def leave(self, person: Person) -> None:
        """Let a person go by themselves."""
        await self._member(person.id, "left", person)

    async def kick(self, person: Person) -> None:
        """Remove a person."""
        await self._member(person.id, "kicked", self.creator)

    async def set_history(self, *, visible: bool) -> None:
        """Show or hide earlier messages to those who come later."""
        await self.town.call("POST", f"/groups/{self.id}/history", json={"visible": visible})

    async def set_up(self, **settings: str | int | bool | None) -> None:
        """Change `username`, `is_forum`, `linked_chat` or `address`."""
        await self.town.call("POST", f"/groups/{self.id}/settings", json=settings)

    async def migrate(self) -> "Group":
        """Turn the basic group into a supergroup and return that."""
        body = await self.town.call("POST", f"/groups/{self.id}/migrate")
        return Group(self.town, body["id"], self.creator)

    async def view(self) -> JsonDict:
        """Return the group with its members."""
        body: JsonDict = await self.town.call("GET", f"/groups/{self.id}")
        return body

    async def _member(
        self, user: int | str, status: str, by: Person, rights: dict[str, bool] | None = None
    ) -> None:
        body = {"user": user, "status": status, "by": by.id, "rights": rights}
        await self.town.call("POST", f"/groups/{self.id}/members", json=body)
