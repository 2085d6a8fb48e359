"""Telegram's limits as numbers, and the flood control that enforces the rates.

Sources: core.telegram.org/bots/api (sizes, a photo's dimensions, 48 hours, 24 hours, 20 MB) and
core.telegram.org/bots/faq (30 messages per second overall, one per second in a chat with short bursts, 20 per
minute in a group). Rates go by the stand-in's clock, so a test may travel instead of waiting.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sandbox.telegram.wire import too_many_requests


@dataclass(frozen=True, slots=True)
class Limits:
    """Everything that a test may tighten or loosen; the defaults are Telegram's."""

    overall_per_second: float = 30.0
    chat_per_second: float = 1.0
    chat_burst: int = 5
    group_per_minute: float = 20.0
    text: int = 4096
    caption: int = 1024
    callback_data_bytes: int = 64
    callback_text: int = 200
    buttons: int = 100
    download_bytes: int = 20 * 1024 * 1024
    upload_bytes: int = 50 * 1024 * 1024
    photo_bytes: int = 10 * 1024 * 1024
    photo_sides: int = 10_000
    """Pixels of a photo's width and height together."""
    photo_ratio: float = 20.0
    deletion_age: timedelta = timedelta(hours=48)
    update_retention: timedelta = timedelta(hours=24)
    callback_lifetime: timedelta = timedelta(minutes=15)
    webhook_first_retry: timedelta = timedelta(seconds=1)
    webhook_last_retry: timedelta = timedelta(minutes=1)
    messages_per_chat: int = 2000
    calls_logged: int = 20_000
    stored_bytes: int = 256 * 1024 * 1024

    @classmethod
    def unthrottled(cls) -> "Limits":
        """Return Telegram's limits without the rates, for benchmarks and fast tests."""
        return cls(overall_per_second=math.inf, chat_per_second=math.inf, group_per_minute=math.inf)


class TokenBucket:
    """A bucket that refills steadily: `rate` tokens per second up to `size`."""

    __slots__ = ("_level", "_seen", "rate", "size")

    def __init__(self, rate: float, size: float, now: float) -> None:
        """Start full at `now` (Unix seconds)."""
        self.rate = rate
        self.size = size
        self._level = size
        self._seen = now

    def wait(self, now: float) -> float:
        """Return how many seconds are missing until a token is there; 0 when it is."""
        self._level = min(self.size, self._level + (now - self._seen) * self.rate)
        self._seen = now
        return 0.0 if self._level >= 1.0 else (1.0 - self._level) / self.rate

    def take(self) -> None:
        """Take one token; call `wait` first."""
        self._level -= 1.0


class FloodControl:
    """Refuses messages that come faster than `Limits` allow."""

    def __init__(self, limits: Limits, seconds: Callable[[], float]) -> None:
        """Measure by `seconds`, the clock's Unix time."""
        self._limits = limits
        self._seconds = seconds
        self._chats: dict[int, list[TokenBucket]] = {}
        now = seconds()
        rate = limits.overall_per_second
        self._overall = None if math.isinf(rate) else TokenBucket(rate, rate, now)

    def spend(self, chat_id: int) -> None:
        """Count one message or edit in the chat; raise the 429 refusal when there were too many."""
        now = self._seconds()
        buckets = self._buckets(chat_id, now)
        missing = max((bucket.wait(now) for bucket in buckets), default=0.0)
        if missing > 0:
            raise too_many_requests(max(1, math.ceil(missing)))
        for bucket in buckets:
            bucket.take()

    def _buckets(self, chat_id: int, now: float) -> list[TokenBucket]:
        buckets = self._chats.get(chat_id)
        if buckets is None:
            buckets = [self._overall] if self._overall else []
            limits = self._limits
            if not math.isinf(limits.chat_per_second):
                buckets.append(TokenBucket(limits.chat_per_second, limits.chat_burst, now))
            if chat_id < 0 and not math.isinf(limits.group_per_minute):
                buckets.append(TokenBucket(limits.group_per_minute / 60, limits.group_per_minute, now))
            self._chats[chat_id] = buckets
        return buckets
