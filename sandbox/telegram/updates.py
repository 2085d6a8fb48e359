"""The queue of updates for the bot, and long polling over it.

Rules of core.telegram.org/bots/api#getupdates: an offset confirms everything below it; a negative offset
keeps only the last ones; a new poll ends the one that is still open; polling is refused while a webhook is
set; updates are kept for 24 hours; kinds not in `allowed_updates` are not queued, and by default a few kinds
are not.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.telegram.wire import JsonDict, conflict

FIRST_UPDATE: Final = 700_000_001
UNASKED: Final = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
MOST: Final = 100
LONGEST_POLL: Final = 50
REMEMBERED: Final = 500


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """An update as queued at `date` (Unix seconds of the stand-in's clock)."""

    id: int
    date: float
    body: JsonDict
    lane: int | None


class UpdateQueue:
    """Updates that the bot has not confirmed yet."""

    def __init__(self, seconds: Callable[[], float], retention: float) -> None:
        """Keep updates for `retention` seconds by the clock `seconds`."""
        self._seconds = seconds
        self._retention = retention
        self.pending: deque[Update] = deque()
        self.recent: deque[Update] = deque(maxlen=REMEMBERED)
        self.next_id = FIRST_UPDATE
        self.allowed: frozenset[str] | None = None
        self.webhook_active = False
        self.on_push: Callable[[Update], None] | None = None
        self._poll: asyncio.Future[str | None] | None = None

    def push(self, kind: str, payload: JsonDict, lane: int | None = None) -> Update | None:
        """Queue an update of `kind` unless the bot does not ask for that kind."""
        if kind in UNASKED if self.allowed is None else kind not in self.allowed:
            return None
        return self.inject({kind: payload}, lane)

    def inject(self, body: JsonDict, lane: int | None = None) -> Update:
        """Queue `body` as it is, whatever it is; without an `update_id` it gets the next one."""
        update_id = body.get("update_id")
        if not isinstance(update_id, int):
            update_id = self.next_id
            body = {"update_id": update_id} | body
        self.next_id = max(self.next_id, update_id + 1)
        update = Update(update_id, self._seconds(), body, lane)
        self.pending.append(update)
        self.recent.append(update)
        if self.on_push is not None:
            self.on_push(update)
        self._end_poll(None)
        return update

    def set_allowed(self, kinds: Sequence[str] | None) -> None:
        """Take over `allowed_updates`: None changes nothing, an empty list means the default."""
        if kinds is not None:
            self.allowed = frozenset(kinds) or None

    def expire(self) -> None:
        """Forget what is older than the retention."""
        limit = self._seconds() - self._retention
        while self.pending and self.pending[0].date < limit:
            self.pending.popleft()

    def interrupt(self, description: str) -> None:
        """End an open poll with a 409 refusal."""
        self._end_poll(description)

    async def poll(self, offset: int, limit: int, seconds: float) -> list[JsonDict]:
        """Confirm by `offset` and return up to `limit` updates, waiting at most `seconds` for the first.

        Raises the 409 refusal while a webhook is set, and when another poll begins meanwhile.
        """
        if self.webhook_active:
            what = "can't use getUpdates method while webhook is active"
            raise conflict(f"{what}; use deleteWebhook to delete the webhook first")
        self._end_poll("terminated by other getUpdates request; make sure that only one bot instance is running")
        self._confirm(offset)
        if not self.pending and seconds > 0:
            await self._wait(min(seconds, LONGEST_POLL))
        self.expire()
        count = min(limit, MOST, len(self.pending))
        return [self.pending[index].body for index in range(count)]

    def _confirm(self, offset: int) -> None:
        self.expire()
        if offset < 0:
            while len(self.pending) > -offset:
                self.pending.popleft()
        elif offset > 0:
            # Injected updates may be out of order, so everything is looked at.
            if self.pending and all(update.id < offset for update in self.pending):
                self.pending.clear()
            elif any(update.id < offset for update in self.pending):
                self.pending = deque(update for update in self.pending if update.id >= offset)

    async def _wait(self, seconds: float) -> None:
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._poll = future
        try:
            async with asyncio.timeout(seconds):
                refused = await future
        except TimeoutError:
            return
        finally:
            if self._poll is future:
                self._poll = None
        if refused is not None:
            raise conflict(refused)

    def _end_poll(self, refused: str | None) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(refused)
        self._poll = None
