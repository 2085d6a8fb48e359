"""Events are handled as they arrive: stored, handled and done in one transaction, before they are acknowledged.

An event whose lane has no earlier one waiting need not be stored, looked for and opened again: its number is
stored as done, and its body never. That is one commit in place of two. Nothing is lost: Telegram keeps what is not
acknowledged, and its number makes a repeat harmless. What cannot be had this way is left to the inbox and the
worker: what failed, what has an earlier event of its lane waiting there, and what is too much at once.

Only one receiver may do so: two updates of a chat in two processes at once would not see each other. Long
polling is such a one (the Bot API refuses a second poller), a webhook is not.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence

import structlog

from bot.database import Resources
from bot.handling import SIDE_BY_SIDE, TOGETHER, TOGETHER_SECONDS, Handling
from bot.inbox import Arrival, name_unread, store_done
from bot.metrics import Metrics
from models.unit import Unit

log = structlog.get_logger()


class AtOnce:
    """Handles what the one receiver has just heard."""

    def __init__(
        self,
        resources: Resources,
        handling: Handling,
        *,
        done: Callable[[], None],
        metrics: Metrics,
        together_seconds: float = TOGETHER_SECONDS,
    ) -> None:
        """`done` is called after each commit: it wakes the sender."""
        self._resources = resources
        self._handling = handling
        self._done = done
        self._metrics = metrics
        self._together_seconds = together_seconds
        self.busy = False
        """Whether events are being handled."""

    async def take(self, arrivals: Sequence[Arrival]) -> Sequence[Arrival]:
        """Handle and commit what can be; returns the others in their order. Those must be stored."""
        if self._resources.is_sqlite:
            groups = [arrivals[:TOGETHER]] if arrivals else []
        else:
            heads = {arrival.lane: arrival for arrival in reversed(arrivals)}
            groups = [[arrival] for arrival in list(reversed(heads.values()))[:SIDE_BY_SIDE]]
        self.busy = bool(groups)
        try:
            taken = {arrival for group in await asyncio.gather(*map(self._take, groups)) for arrival in group}
        finally:
            self.busy = False
        return [arrival for arrival in arrivals if arrival not in taken]

    async def _take(self, arrivals: Sequence[Arrival]) -> Sequence[Arrival]:
        """Handle these in one transaction, as many as time allows; none when one of them fails."""
        seconds = asyncio.get_running_loop().time
        begin = seconds()
        taken: dict[Arrival, str] = {}
        try:
            async with self._resources.unit() as unit:
                end = seconds() + self._together_seconds
                for arrival in arrivals:
                    if taken and seconds() > end:
                        break
                    if await store_done(unit, arrival):
                        taken[arrival] = await self._handle(unit, arrival)
        except Exception as error:  # noqa: BLE001 - the worker tries again, and says what is wrong
            log.info("not_at_once", error=error)
            return ()
        self._count(taken, seconds() - begin)
        return tuple(taken)

    async def _handle(self, unit: Unit, arrival: Arrival) -> str:
        unread = await self._handling.handle(unit, arrival.source, json.loads(arrival.body))
        if unread:
            await name_unread(unit, arrival, unread)
        await unit.forget()
        return "unread" if unread else "done"

    def _count(self, taken: Mapping[Arrival, str], seconds: float) -> None:
        for arrival, outcome in taken.items():
            self._metrics.stored.labels(arrival.source).inc()
            self._metrics.handled.labels(outcome).inc()
            self._metrics.seconds.observe(seconds)
        if taken:
            self._done()
