"""Errands: what must be asked of others between two transactions, such as a file, a payment or who is in a group.

A service leaves a row that is due; the errand reads it, asks with no transaction open, and brings what it heard
back to the service in a second one. The rows are the truth: an errand cut off is found again, and its
service makes doing it twice harmless. A failure is the errand's own to record; what it does not record is tried
again at the next look.

Kinds of errands run side by side, those of one kind one after the other: a provider that takes its time over each
answer keeps nobody waiting who asks for something else, such as their recovery phrase.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiogram import Bot
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.bell import Bell
from bot.database import Resources
from bot.metrics import Metrics
from models.unit import Unit

FALLBACK_SECONDS: Final = 2.0
"""How often due rows are looked for without a ring."""

BREATH_SECONDS: Final = 0.2
"""Least time between two looks: under load most rings are about other things."""

PATIENCE_SECONDS: Final = 1.0
"""How long a look gives way to people who are being answered, in all."""

STEP_SECONDS: Final = 0.005
"""How often it is asked whether they have been."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Errand:
    """Find the keys of due rows, then run one with a bot that may use the network."""

    name: str
    find: Callable[[Unit], Awaitable[Sequence[Any]]]
    run: Callable[[Resources, Bot, Any], Awaitable[None]]


class Errands:
    """Runs errands until stopped."""

    def __init__(
        self,
        resources: Resources,
        bot: Bot,
        errands: Sequence[Errand],
        metrics: Metrics,
        *,
        ran: Callable[[], None],
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        """`ran` is called after each errand: it wakes the sender. A look gives way while somebody is `busy`."""
        self.bell = Bell()
        self._resources = resources
        self._bot = bot
        self._errands = errands
        self._metrics = metrics
        self._ran = ran
        self._busy = busy
        self._turn = asyncio.Lock()
        self._under_way: dict[str, asyncio.Task[int]] = {}
        """What runs, by the name of its kind."""
        self._missed: set[str] = set()
        """Kinds that were under way at the last look: they are looked for once they have ended."""
        self._stopping = False

    async def run(self) -> None:
        """Look for due rows at each ring, and run what is due."""
        try:
            while not self._stopping:
                try:
                    async with self._turn:
                        await self._look()
                except Exception:  # the database is away: what is due is found when it is back
                    log.exception("errands_failed")
                if not self._stopping:
                    await asyncio.sleep(BREATH_SECONDS)
                    await self.bell.wait(FALLBACK_SECONDS)
            await self._ended()
        finally:
            for task in self._under_way.values():
                task.cancel()
            await self._ended()

    def stop(self) -> None:
        """Finish the errands under way and return from `run`."""
        self._stopping = True
        self.bell.ring()

    async def run_due_now(self) -> int:
        """Run every errand that is due, one after the other; returns how many were."""
        async with self._turn:
            await self._ended()
            await self._give_way()
            self.bell.hear()
            async with self._resources.kept() as kept:
                return sum(
                    [await self._run_all(errand, await self._find(errand, kept)) for errand in self._errands]
                )

    async def _look(self) -> None:
        """Begin with whatever is due of the kinds that are not under way."""
        await self._give_way()
        async with self._resources.kept() as kept:
            for errand in self._errands:
                if errand.name in self._under_way:
                    self._missed.add(errand.name)
                elif rows := await self._find(errand, kept):
                    self._under_way[errand.name] = asyncio.create_task(self._run_beside(errand, rows))

    async def _run_beside(self, errand: Errand, rows: Sequence[Any]) -> int:
        try:
            return await self._run_all(errand, rows)
        finally:
            del self._under_way[errand.name]
            if errand.name in self._missed:
                self._missed.discard(errand.name)
                self.bell.ring()

    async def _ended(self) -> None:
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    async def _find(self, errand: Errand, kept: AsyncConnection) -> Sequence[Any]:
        try:
            async with self._resources.glance(kept) as unit:
                return await errand.find(unit)
        except Exception:
            log.exception("errand_find_failed")
            return ()

    async def _run_all(self, errand: Errand, rows: Sequence[Any]) -> int:
        return sum([await self._run_one(errand, row) for row in rows if not self._stopping])

    async def _give_way(self) -> None:
        patience = PATIENCE_SECONDS
        while patience > 0 and self._busy() and not self._stopping:
            patience -= STEP_SECONDS
            await asyncio.sleep(STEP_SECONDS)

    async def _run_one(self, errand: Errand, row: Any) -> int:  # noqa: ANN401 - whatever the errand finds
        try:
            await errand.run(self._resources, self._bot, row)
        except Exception:
            log.exception("errand_failed")
            self._metrics.jobs.labels(errand.name, "failed").inc()
            return 0
        self._metrics.jobs.labels(errand.name, "done").inc()
        self._ran()
        return 1
