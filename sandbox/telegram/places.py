"""The client API, second half: groups, the clock, faults, the log of calls, raw updates, the event stream."""

import asyncio
from datetime import timedelta
from typing import Final

from aiohttp import web

from sandbox.telegram import groups
from sandbox.telegram.calls import KINDS, Fault
from sandbox.telegram.core import Telegram
from sandbox.telegram.events import Event
from sandbox.telegram.members import granted
from sandbox.telegram.people import LONGEST_WAIT, Unknown, answer, payload
from sandbox.telegram.state import Chat, Membership, User
from sandbox.telegram.views import chat_view, message_view
from sandbox.telegram.wire import JsonDict, dumps

STRIDE: Final = timedelta(hours=6)
"""The longest step of a jump: what must happen before 48 hours are over happens in time."""


class Places:
    """Routes for what is not done by one person alone."""

    def __init__(self, telegram: Telegram) -> None:
        """Act on `telegram`."""
        self._telegram = telegram
        self._narration: JsonDict = {}
        self._jumping = asyncio.Lock()

    def routes(self) -> list[web.AbstractRouteDef]:
        """Return the routes to add to the application."""
        return [
            web.get("/bot", self.bot),
            web.post("/groups", self.create),
            web.get("/groups", self.every_group),
            web.get("/groups/{id}", self.one),
            web.post("/groups/{id}/members", self.member),
            web.post("/groups/{id}/history", self.history),
            web.post("/groups/{id}/settings", self.settings),
            web.post("/groups/{id}/migrate", self.migrate),
            web.post("/updates", self.inject),
            web.post("/updates/repeat", self.repeat),
            web.get("/clock", self.clock),
            web.post("/clock", self.advance),
            web.get("/faults", self.faults),
            web.post("/faults", self.add_fault),
            web.delete("/faults", self.clear_faults),
            web.get("/calls", self.calls),
            web.delete("/calls", self.clear_calls),
            web.get("/narration", self.narration),
            web.post("/narration", self.narrate),
            web.get("/events", self.events),
        ]

    async def bot(self, _request: web.Request) -> web.Response:
        """Describe the bot and its profile."""
        return answer(self._telegram.bot.body() | {"profile": self._telegram.world.profile})

    async def create(self, request: web.Request) -> web.Response:
        """Create a chat: `title`, `creator`, `kind` (by default supergroup), `history_visible`, `protected`."""
        body = await payload(request)
        creator = self._user(body["creator"])
        kind = body.get("kind", "supergroup")
        if kind not in {"group", "supergroup", "channel"}:
            raise ValueError("no such kind of group")
        chat = groups.create(self._telegram, creator, str(body["title"]), kind)
        chat.history_visible = bool(body.get("history_visible", True))
        chat.protected = bool(body.get("protected", False))
        return answer(chat_view(self._telegram, chat))

    async def every_group(self, _request: web.Request) -> web.Response:
        """List all groups and channels."""
        return answer([chat_view(self._telegram, chat) for chat in self._telegram.world.groups()])

    async def one(self, request: web.Request) -> web.Response:
        """Show one group."""
        return answer(chat_view(self._telegram, self._chat(request)))

    async def member(self, request: web.Request) -> web.Response:
        """Give `user` (an id, or "bot") the `status` and, for administrators, `rights`, by the act of `by`."""
        body = await payload(request)
        chat = self._chat(request)
        user = self._user(body["user"])
        status = body["status"]
        if status not in {"administrator", "member", "left", "kicked"}:
            raise ValueError("no such status")
        rights = granted(body.get("rights")) if status == "administrator" else {}
        by = self._user(body["by"]) if body.get("by") else user
        groups.set_member(self._telegram, chat, user, Membership(status, rights), by)
        return answer(chat_view(self._telegram, chat))

    async def history(self, request: web.Request) -> web.Response:
        """Make history `visible` or not to those who come later."""
        body = await payload(request)
        chat = self._chat(request)
        groups.set_history(self._telegram, chat, visible=bool(body["visible"]))
        return answer(chat_view(self._telegram, chat))

    async def settings(self, request: web.Request) -> web.Response:
        """Set what is given of `username`, `is_forum`, `linked_chat` (a channel's id) and `address`."""
        body = await payload(request)
        chat = self._chat(request)
        groups.set_up(self._telegram, chat, body)
        return answer(chat_view(self._telegram, chat))

    async def migrate(self, request: web.Request) -> web.Response:
        """Turn the basic group into a supergroup, by its creator, and return the new one."""
        chat = self._chat(request)
        creator = next(user_id for user_id, member in chat.members.items() if member.status == "creator")
        new = groups.migrate(self._telegram, chat, self._telegram.world.users[creator])
        return answer(chat_view(self._telegram, new))

    async def inject(self, request: web.Request) -> web.Response:
        """Queue `update` for the bot as it is."""
        body = await payload(request)
        update = body["update"]
        if not isinstance(update, dict):
            raise TypeError("an update is a JSON object")
        return answer({"update_id": self._telegram.queue.inject(update).id})

    async def repeat(self, request: web.Request) -> web.Response:
        """Queue an update again, with the same id: `update_id`, or the latest."""
        wanted = (await payload(request)).get("update_id")
        recent = reversed(self._telegram.queue.recent)
        update = Unknown.check(next((u for u in recent if wanted in {None, u.id}), None), wanted)
        return answer({"update_id": self._telegram.queue.inject(update.body, update.lane).id})

    async def clock(self, _request: web.Request) -> web.Response:
        """Tell the time."""
        return answer(self._time())

    async def advance(self, request: web.Request) -> web.Response:
        """Jump forward by `seconds`; where the bot can be waited for, by steps, so that it misses nothing."""
        left = timedelta(seconds=float((await payload(request))["seconds"]))
        settle = self._telegram.settle
        async with self._jumping:
            while True:
                step = left if settle is None else min(left, STRIDE)
                self._telegram.clock.advance(step)
                self._telegram.hub.publish("clock", self._time())
                left -= step
                if settle is not None:
                    await settle()
                if not left:
                    return answer(self._time())

    async def faults(self, _request: web.Request) -> web.Response:
        """List the faults still to be played."""
        waiting = self._telegram.faults.waiting
        return answer([{"kind": f.kind, "method": f.method, "times": f.times, "chat": f.chat} for f in waiting])

    async def add_fault(self, request: web.Request) -> web.Response:
        """Plan a fault: `kind`, `method`, `times`, `seconds`, `chat` as in `calls.Fault`."""
        body = await payload(request)
        if body.get("kind") not in KINDS:
            raise ValueError("no such kind of fault")
        self._telegram.faults.waiting.append(Fault(**body))
        return answer({})

    async def clear_faults(self, _request: web.Request) -> web.Response:
        """Forget planned faults."""
        self._telegram.faults.waiting.clear()
        return answer({})

    async def calls(self, request: web.Request) -> web.Response:
        """List the bot's calls, of `method` and `chat` if given, after number `after`.

        With `timeout` it waits up to so many seconds for the first one.
        """
        query = request.query
        chat = int(query["chat"]) if "chat" in query else None
        seconds = min(float(query.get("timeout", "0")), LONGEST_WAIT)
        found = await self._telegram.calls.wait(query.get("method"), chat, int(query.get("after", "0")), seconds)
        return answer([call.body() for call in found])

    async def clear_calls(self, _request: web.Request) -> web.Response:
        """Forget the calls so far."""
        self._telegram.calls.clear()
        return answer({})

    async def narration(self, _request: web.Request) -> web.Response:
        """Show the latest caption; an empty object when there is none."""
        return answer(self._narration)

    async def narrate(self, request: web.Request) -> web.Response:
        """Show the caption `text` on the page, as step `step` of `steps`, and the `people` (ids) it is about.

        With `chat` the page opens that group for them, otherwise their private chats; an empty body ends it.
        """
        self._narration = await payload(request)
        self._telegram.hub.publish("narration", self._narration)
        return answer({})

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Stream every change as server-sent events, from now or after the browser's last event."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        last = request.headers.get("Last-Event-ID")
        with self._telegram.hub.following(int(last) if last else None) as queue:
            await response.write(b": hello\n\n")
            while True:
                event = await queue.get()
                line = f"id: {event.seq}\nevent: {event.kind}\ndata: {dumps(event_view(event))}\n\n"
                await response.write(line.encode())

    def _time(self) -> JsonDict:
        clock = self._telegram.clock
        return {"now": clock.now().isoformat(), "offset": clock.offset.total_seconds()}

    def _chat(self, request: web.Request) -> Chat:
        wanted = request.match_info["id"]
        return Unknown.check(self._telegram.world.chats.get(int(wanted)), wanted)

    def _user(self, value: object) -> User:
        user = self._telegram.bot if value == "bot" else self._telegram.user(int(str(value)))
        return Unknown.check(user, value)


def event_view(event: Event) -> JsonDict:
    """Return an event as the page gets it; messages are shown as people see them."""
    body = event.body
    if event.kind in {"message", "edited"}:
        body = message_view(body, event.seq)
    return {"seq": event.seq, "kind": event.kind, "chat": event.chat, "person": event.person, "body": body}
