"""Telegram's rates (core.telegram.org/bots/faq): 30 messages a second overall, one a second in a chat with short
bursts, 20 a minute in a group.

A lane that has used up its share waits outside the call, so that later texts for the same slot replace the one
that waits. The overall rate is kept by python-telegram-bot's AIORateLimiter.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

KEPT = 4096
"""Chats whose spending is remembered; full buckets are forgotten beyond."""


@dataclass(frozen=True, slots=True)
class Rates:
    """How fast the sender may be. The defaults are Telegram's; tests and other API servers may loosen them."""

    overall_per_second: float = 30.0
    chat_per_second: float = 1.0
    chat_burst: int = 5
    group_per_minute: float = 20.0

    @classmethod
    def loose(cls) -> "Rates":
        """No limits: for a stand-in without any."""
        return cls(overall_per_second=0.0, chat_per_second=math.inf, group_per_minute=math.inf)


@dataclass(slots=True)
class _Bucket:
    rate: float
    size: float
    level: float
    seen: float

    def missing(self, now: float) -> float:
        self.level = min(self.size, self.level + (now - self.seen) * self.rate)
        self.seen = now
        return 0.0 if self.level >= 1 else (1 - self.level) / self.rate


class Pace:
    """What each chat has spent of its rates."""

    def __init__(self, rates: Rates, seconds: Callable[[], float]) -> None:
        """`seconds` is a clock that only goes forward."""
        self._rates = rates
        self._seconds = seconds
        self._chats: dict[int, list[_Bucket]] = {}

    def wait(self, chat: int) -> float:
        """Seconds until a message may go to this chat; 0 when it may now."""
        now = self._seconds()
        return max((bucket.missing(now) for bucket in self._buckets(chat, now)), default=0.0)

    def spend(self, chat: int) -> None:
        """Count one message or edit."""
        for bucket in self._buckets(chat, self._seconds()):
            bucket.level -= 1

    def _buckets(self, chat: int, now: float) -> list[_Bucket]:
        buckets = self._chats.get(chat)
        if buckets is None:
            self._forget(now)
            buckets = self._chats[chat] = self._fresh(chat, now)
        return buckets

    def _fresh(self, chat: int, now: float) -> list[_Bucket]:
        rates = self._rates
        made = []
        if not math.isinf(rates.chat_per_second):
            made.append(_Bucket(rates.chat_per_second, rates.chat_burst, rates.chat_burst, now))
        if chat < 0 and not math.isinf(rates.group_per_minute):
            made.append(_Bucket(rates.group_per_minute / 60, rates.group_per_minute, rates.group_per_minute, now))
        return made

    def _forget(self, now: float) -> None:
        if len(self._chats) < KEPT:
            return
        for chat, buckets in list(self._chats.items()):
            if all(bucket.missing(now) == 0 and bucket.level == bucket.size for bucket in buckets):
                del self._chats[chat]
