"""The client API, first half: people. JSON over HTTP, for the chat page and the tests.

Every path is `/people/{id}/...`; a chat defaults to the person's private chat with the bot. What Telegram's
apps would not allow is answered with 409 and `{"error": ...}`, an unknown person or chat with 404, a
malformed request with 400.
"""

from typing import TypeVar

from aiohttp import web

from sandbox.telegram import acts, stars
from sandbox.telegram.core import Telegram
from sandbox.telegram.state import Chat, User
from sandbox.telegram.views import chat_view, message_view, person_view, popup_view, visible
from sandbox.telegram.wire import JsonDict, dumps

T = TypeVar("T")
LONGEST_WAIT = 60.0


class Unknown(LookupError):
    """There is no such person, chat, file or update."""

    @classmethod
    def check(cls, found: T | None, what: object) -> T:
        """Return what was found; raises `Unknown` for None."""
        if found is None:
            raise cls(f"not found: {what}")
        return found


def answer(body: object) -> web.Response:
    """Return a JSON answer."""
    return web.Response(body=dumps(body).encode(), content_type="application/json")


async def payload(request: web.Request) -> JsonDict:
    """Return the JSON object of the body; an empty body is an empty object."""
    body = await request.json() if request.can_read_body else {}
    if not isinstance(body, dict):
        raise TypeError("a JSON object is expected")
    return body


class People:
    """Routes for what a person does and sees."""

    def __init__(self, telegram: Telegram) -> None:
        """Act on `telegram`."""
        self._telegram = telegram

    def routes(self) -> list[web.AbstractRouteDef]:
        """Return the routes to add to the application."""
        return [
            web.post("/people", self.create),
            web.get("/people", self.everyone),
            web.get("/people/{id}", self.one),
            web.patch("/people/{id}", self.alter),
            web.post("/people/{id}/send", self.send),
            web.post("/people/{id}/edit", self.edit),
            web.post("/people/{id}/delete", self.delete),
            web.post("/people/{id}/forward", self.forward),
            web.post("/people/{id}/upload", self.upload),
            web.post("/people/{id}/press", self.press),
            web.post("/people/{id}/open", self.open_link),
            web.post("/people/{id}/pay", self.pay),
            web.post("/people/{id}/block", self.block),
            web.post("/people/{id}/unblock", self.unblock),
            web.get("/people/{id}/chats", self.chats),
            web.get("/people/{id}/messages", self.messages),
            web.get("/people/{id}/popups", self.popups),
            web.get("/people/{id}/changes", self.changes),
            web.get("/people/{id}/files/{file}", self.file),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """Create a person from `first_name`, `username`, `last_name`, `language_code`, `part`."""
        body = await payload(request)
        user = User(
            self._telegram.world.next_person_id(),
            str(body["first_name"]),
            username=body.get("username"),
            last_name=body.get("last_name"),
            language_code=body.get("language_code"),
            part=str(body.get("part") or ""),
        )
        self._telegram.world.users[user.id] = user
        self._telegram.private_chat(user)
        self._telegram.hub.publish("person", person_view(user), person=user.id)
        return answer(person_view(user))

    async def everyone(self, _request: web.Request) -> web.Response:
        """List all people."""
        return answer([person_view(user) for user in self._telegram.world.users.values()])

    async def one(self, request: web.Request) -> web.Response:
        """Show one person."""
        return answer(person_view(self._person(request)))

    async def alter(self, request: web.Request) -> web.Response:
        """Give the person's app another `language_code`, or the person another `part` on the chat page."""
        body = await payload(request)
        person = self._person(request)
        if "language_code" in body:
            person.language_code = body["language_code"]
        if "part" in body:
            person.part = str(body["part"])
        self._telegram.hub.publish("person", person_view(person), person=person.id)
        return answer(person_view(person))

    async def send(self, request: web.Request) -> web.Response:
        """Write `text` to `chat`, answering message `reply_to` if given."""
        body = await payload(request)
        person, chat = self._at(request, body.get("chat"))
        message = acts.say(self._telegram, person, chat, str(body["text"]), body.get("reply_to"))
        return answer(message_view(message.body, message.changed))

    async def edit(self, request: web.Request) -> web.Response:
        """Replace the text of own message `message_id` in `chat`."""
        body = await payload(request)
        person, chat = self._at(request, body.get("chat"))
        message = acts.change(self._telegram, person, chat, int(body["message_id"]), str(body["text"]))
        return answer(message_view(message.body, message.changed))

    async def delete(self, request: web.Request) -> web.Response:
        """Delete message `message_id` in `chat` for everyone."""
        body = await payload(request)
        person, chat = self._at(request, body.get("chat"))
        acts.erase(self._telegram, person, chat, int(body["message_id"]))
        return answer({})

    async def forward(self, request: web.Request) -> web.Response:
        """Forward message `message_id` of chat `source` to `chat`; both default to the private chat."""
        body = await payload(request)
        person, target = self._at(request, body.get("chat"))
        source = acts.chat_of(self._telegram, person, body.get("source"))
        message = acts.forward(self._telegram, person, source, int(body["message_id"]), target)
        return answer(message_view(message.body, message.changed))

    async def upload(self, request: web.Request) -> web.Response:
        """Send the multipart field `file` as `kind` (photo or document) with `caption`, to `chat`."""
        form = await request.post()
        file = form["file"]
        kind = form.get("kind", "document")
        if not isinstance(file, web.FileField) or kind not in {"photo", "document"}:
            raise ValueError("a file and its kind, photo or document, are expected")
        chat_id = form.get("chat")
        person, chat = self._at(request, int(str(chat_id)) if chat_id else None)
        sent = acts.Upload(
            "photo" if kind == "photo" else "document",
            file.file.read(),
            file.filename,
            file.content_type,
            str(form.get("caption", "")),
        )
        message = acts.upload(self._telegram, person, chat, sent)
        return answer(message_view(message.body, message.changed))

    async def press(self, request: web.Request) -> web.Response:
        """Press the button `button` (data or label), on message `message_id` of `chat` if given.

        With `forged` true, `data` is sent for that message whether or not there is such a button or message.
        """
        body = await payload(request)
        if body.get("forged"):
            person = self._person(request)
            chat_id = int(body.get("chat") or person.id)
            message_id = int(body.get("message_id") or 0)
            return answer(acts.forge(self._telegram, person, chat_id, message_id, str(body["data"])))
        person, chat = self._at(request, body.get("chat"))
        return answer(acts.press(self._telegram, person, chat, body.get("message_id"), str(body["button"])))

    async def open_link(self, request: web.Request) -> web.Response:
        """Follow the deep link `link`, into `group` for a startgroup link."""
        body = await payload(request)
        wanted = body.get("group")
        group = Unknown.check(self._telegram.world.chats.get(int(wanted)), wanted) if wanted else None
        message = acts.open_link(self._telegram, self._person(request), str(body["link"]), group)
        return answer(message_view(message.body, message.changed) if message else {})

    async def pay(self, request: web.Request) -> web.Response:
        """Pay the invoice behind `link` in Telegram Stars; with `lost`, the bot hears nothing of it."""
        body = await payload(request)
        person, link = self._person(request), str(body["link"])
        if body.get("lost"):
            invoice = Unknown.check(self._telegram.world.invoices.get(link), link)
            return answer({"charge": stars.take(self._telegram, person, invoice, told=False)})
        return answer({"charge": await stars.pay(self._telegram, person, link)})

    async def block(self, request: web.Request) -> web.Response:
        """Block the bot."""
        acts.block(self._telegram, self._person(request))
        return answer({})

    async def unblock(self, request: web.Request) -> web.Response:
        """Unblock the bot."""
        acts.unblock(self._telegram, self._person(request))
        return answer({})

    async def chats(self, request: web.Request) -> web.Response:
        """List the chats the person is in."""
        person = self._person(request)
        return answer([chat_view(self._telegram, self._telegram.world.chats[key]) for key in self._keys(person)])

    async def messages(self, request: web.Request) -> web.Response:
        """Show what the person can read in `chat` and the number of the latest change anywhere.

        With `since`, only messages that changed after that number.
        """
        chat_id = request.query.get("chat")
        person, chat = self._at(request, int(chat_id) if chat_id else None)
        seen = visible(chat, person)
        since = int(request.query.get("since", "0"))
        views = [message_view(message.body, message.changed) for message in seen if message.changed > since]
        return answer({"seq": self._telegram.hub.seq, "messages": views})

    async def popups(self, request: web.Request) -> web.Response:
        """Show the pop-ups the person got, oldest first."""
        popups = self._telegram.world.popups.get(self._person(request).id, [])
        return answer({"seq": self._telegram.hub.seq, "popups": [popup_view(popup) for popup in popups]})

    async def changes(self, request: web.Request) -> web.Response:
        """Wait up to `timeout` seconds for a change after number `after` that concerns the person."""
        person = self._person(request)
        seconds = min(float(request.query.get("timeout", "25")), LONGEST_WAIT)
        after = int(request.query.get("after", "0"))
        seq = await self._telegram.hub.changed(self._keys(person), after, seconds)
        return answer({"seq": seq})

    async def file(self, request: web.Request) -> web.Response:
        """Return the bytes of a file by its id."""
        wanted = request.match_info["file"]
        file = Unknown.check(self._telegram.world.files.get(wanted), wanted)
        return web.Response(body=file.content, content_type=file.mime)

    def _person(self, request: web.Request) -> User:
        wanted = request.match_info["id"]
        return Unknown.check(self._telegram.world.users.get(int(wanted)), wanted)

    def _at(self, request: web.Request, chat_id: int | None) -> tuple[User, Chat]:
        person = self._person(request)
        return person, acts.chat_of(self._telegram, person, chat_id)

    def _keys(self, person: User) -> list[int]:
        return [person.id, *(chat.id for chat in self._telegram.world.groups() if chat.present(person.id))]
