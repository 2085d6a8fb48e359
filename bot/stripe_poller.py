"""Polling of Stripe's events: what is new goes into the inbox, and no inbound port is needed.

How far it came is stored after the events are. Each poll goes back a little before that, because events of one
second may come to light one after another; the inbox knows what it has, and an event seen twice is harmless.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from bot.database import Resources
from bot.inbox import STRIPE, Inbox, stripe_arrival
from bot.metrics import Metrics
from models.donation import EventCursor
from payments.stripe_objects import Gateway, StripeAway, StripeRefused, trouble_of
from services import reconciling

EVERY_SECONDS: Final = 5.0
"""Between two polls: Stripe lets 100 requests a second through, in test mode 25."""

LONGEST_PAUSE: Final = 300.0
"""Between polls that fail; doubles up to this."""

OVERLAP: Final = timedelta(minutes=5)
"""How far each poll goes back before the newest event that is stored."""

KEPT: Final = timedelta(days=30)
"""How long Stripe keeps events (API, list all events)."""

log = structlog.get_logger()


class StripePoller:
    """Polls until it is cancelled."""

    def __init__(self, resources: Resources, gateway: Gateway, inbox: Inbox, metrics: Metrics) -> None:
        self._resources = resources
        self._gateway = gateway
        self._inbox = inbox
        self._metrics = metrics
        self._failures = 0

    async def run(self) -> None:
        """Poll for ever; what fails is tried again after a while."""
        while True:
            pause = EVERY_SECONDS
            try:
                await self.poll()
                self._failures = 0
            except (StripeAway, StripeRefused) as error:
                pause = self._rest(error)
                log.warning("stripe_poll_failed", error=error)
                await self._tell(error)
            except Exception as error:  # the database is away; Stripe keeps its events for thirty days
                pause = self._rest(error)
                log.exception("stripe_poll_failed")
            await asyncio.sleep(pause)

    async def poll(self) -> int:
        """Store what is new; returns how many events were listed."""
        async with self._resources.unit() as unit:
            cursor = await unit.session.get(EventCursor, STRIPE)
            since = max(cursor.seen_until - OVERLAP if cursor else unit.now - KEPT, unit.now - KEPT)
        events = await self._gateway.events(since)
        await self._inbox.store([stripe_arrival(self._resources, event) for event in events])
        await self._keep(events)
        self._metrics.polls.labels("stripe").inc()
        return len(events)

    async def _keep(self, events: Sequence[dict[str, object]]) -> None:
        made = [moment for event in events if isinstance(moment := event.get("created"), int)]
        if not made:
            return
        newest = datetime.fromtimestamp(max(made), UTC)
        async with self._resources.unit() as unit:
            cursor = await unit.session.get(EventCursor, STRIPE)
            if cursor is None:
                unit.session.add(EventCursor(source=STRIPE, seen_until=newest))
            else:
                cursor.seen_until = max(cursor.seen_until, newest)

    async def _tell(self, error: StripeAway | StripeRefused) -> None:
        try:
            async with self._resources.unit() as unit:
                await reconciling.tell_trouble(unit, trouble_of(error))
        except Exception:  # the next poll that fails tells it
            log.exception("stripe_trouble_untold")

    def _rest(self, error: Exception) -> float:
        self._metrics.polls.labels(type(error).__name__).inc()
        self._failures = min(self._failures + 1, 16)
        return min(EVERY_SECONDS * 2.0**self._failures, LONGEST_PAUSE)
