"""A log of calls: the latest, numbered. What a call is, and how it is looked for, each stand-in says itself."""

from collections import deque
from typing import Generic, TypeVar

Kept = TypeVar("Kept")


class Log(Generic[Kept]):
    """The latest calls, oldest first."""

    def __init__(self, kept: int) -> None:
        """Keep the latest `kept` calls."""
        self._calls: deque[Kept] = deque(maxlen=kept)
        self.count = 0

    def add(self, call: Kept) -> None:
        """Append a finished call."""
        self._calls.append(call)

    def next_seq(self) -> int:
        """Number a call."""
        self.count += 1
        return self.count

    def clear(self) -> None:
        """Forget all calls; numbering goes on."""
        self._calls.clear()
