"""What changes in the town, told to those who wait for it.

Every change gets the next number of one sequence. A long poll waits for a change that concerns it (keys are
chat and person ids); the page follows all of them. Nothing here decides anything.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sandbox.telegram.wire import JsonDict

KEPT = 2000
QUEUED = 5000


@dataclass(frozen=True, slots=True)
class Event:
    """One change: `kind` is message, edited, deleted, popup, membership, clock, person, chat or narration."""

    seq: int
    kind: str
    chat: int | None
    person: int | None
    body: JsonDict


class Hub:
    """Numbers changes, keeps the latest and wakes whoever waits."""

    def __init__(self) -> None:
        """Start with no change."""
        self.seq = 0
        self.kept: deque[Event] = deque(maxlen=KEPT)
        self._last: dict[int, int] = {}
        self._waiting: dict[int, set[asyncio.Future[None]]] = {}
        self._followers: set[asyncio.Queue[Event]] = set()

    def publish(self, kind: str, body: JsonDict, *, chat: int | None = None, person: int | None = None) -> int:
        """Record a change and return its number."""
        self.seq += 1
        event = Event(self.seq, kind, chat, person, body)
        self.kept.append(event)
        for key in (chat, person):
            if key is not None:
                self._last[key] = self.seq
                self._wake(key)
        for follower in self._followers:
            # A page that does not read loses events rather than holding the server's memory.
            with contextlib.suppress(asyncio.QueueFull):
                follower.put_nowait(event)
        return self.seq

    async def changed(self, keys: Iterable[int], after: int, seconds: float) -> int:
        """Wait until something with one of `keys` changes after number `after`, at most `seconds`."""
        keys = tuple(keys)
        if any(self._last.get(key, 0) > after for key in keys) or seconds <= 0:
            return self.seq
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for key in keys:
            self._waiting.setdefault(key, set()).add(future)
        try:
            async with asyncio.timeout(seconds):
                await future
        except TimeoutError:
            pass
        finally:
            for key in keys:
                self._waiting[key].discard(future)
        return self.seq

    @contextlib.contextmanager
    def following(self, after: int | None = None) -> Iterator["asyncio.Queue[Event]"]:
        """Give a queue of all events to come, and before them those kept since `after`."""
        queue: asyncio.Queue[Event] = asyncio.Queue(QUEUED)
        if after is not None:
            for event in self.kept:
                if event.seq > after:
                    queue.put_nowait(event)
        self._followers.add(queue)
        try:
            yield queue
        finally:
            self._followers.discard(queue)

    def _wake(self, key: int) -> None:
        for future in self._waiting.get(key, ()):
            if not future.done():
                future.set_result(None)
