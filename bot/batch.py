"""Group commit: what several callers want written while a commit is under way goes into the next one together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class _Entry(Generic[T, R]):
    item: T
    results: list[R] = field(default_factory=list)
    error: Exception | None = None
    written: bool = False


class GroupWriter(Generic[T, R]):
    """Hands the items of concurrent callers to one `write`, which commits and returns a result for each."""

    def __init__(self, write: Callable[[Sequence[T]], Awaitable[Sequence[R]]]) -> None:
        self._write = write
        self._waiting: list[_Entry[T, R]] = []
        self._turn = asyncio.Lock()

    async def add(self, item: T) -> R:
        """Return the item's result once it is committed; raises what `write` raised for its group."""
        entry: _Entry[T, R] = _Entry(item)
        self._waiting.append(entry)
        async with self._turn:
            if not entry.written:
                await self._write_group()
        if entry.error is not None:
            raise entry.error
        return entry.results[0]

    async def _write_group(self) -> None:
        group, self._waiting = self._waiting, []
        try:
            results = await self._write([entry.item for entry in group])
        except Exception as error:  # noqa: BLE001 - handed to every caller of the group, who raises it
            for entry in group:
                entry.error = error
        except BaseException:
            self._waiting = group + self._waiting  # the caller was cancelled; the others write again
            raise
        else:
            for entry, result in zip(group, results, strict=True):
                entry.results.append(result)
        for entry in group:
            entry.written = True
