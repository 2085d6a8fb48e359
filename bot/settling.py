"""Waiting until the fund has done what is due: the demo's clock goes on only then, as time does in life."""

import asyncio
from datetime import timedelta
from typing import Final

from sqlmodel import col, exists, or_, select

from bot.app import App
from models.mail import Effect, EffectStatus, EventStatus, InboxEvent

PATIENCE: Final = 10.0
"""Seconds after which time goes on although something is still to be done: a refusing chat stops no clock."""

SOON: Final = timedelta(seconds=0.5)
"""What begins a moment later counts too."""


class Settling:
    """Lets an app that runs all parts do everything that is due."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def settle(self) -> None:
        """Run all jobs and errands that are due, and wait until every event is handled and every effect done."""
        app = self._app
        if app.stripe is not None:
            await app.stripe.poller.poll()
        app.worker.bell.ring()
        await app.clock.run_due_now()
        if app.errands is not None:
            await app.errands.run_due_now()
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE
        while await self._busy() and loop.time() < end:
            await app.progress.wait(1.0)

    async def _busy(self) -> bool:
        async with self._app.resources.unit() as unit:
            soon = unit.now + SOON
            events = exists().where(col(InboxEvent.status) == EventStatus.NEW, col(InboxEvent.next_try_at) <= soon)
            effects = exists().where(col(Effect.status) == EffectStatus.PENDING, col(Effect.due_at) <= soon)
            return bool((await unit.session.exec(select(or_(events, effects)))).one())
