"""An outbox with a sender on the stand-in of Telegram, and a process that dies when it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, select

from bot.bell import Bell
from bot.database import Resources
from bot.metrics import Metrics
from bot.rates import Rates
from bot.sender import Sender
from bot.telegram_calls import TelegramCalls
from models.mail import Effect, EffectStatus, SentMessage
from models.unit import Unit
from sandbox.telegram.client import Group, Person, Town
from sandbox.telegram.server import TelegramServer
from services import speak
from services.contact import Address, To
from services.speak import Button, Screen

TAP = Button("Дальше", "a.b")


class PowerCut(BaseException):
    """The process ends here, as by SIGKILL: nothing catches it and nothing more is committed."""


class Crashing(Resources):
    """Resources of a process that dies when it opens its n-th transaction, to write or to look."""

    left: int

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Unit]:
        """A unit, or the end."""
        self._step()
        async with super().unit() as unit:
            yield unit

    @asynccontextmanager
    async def glance(self, connection: AsyncConnection | None = None) -> AsyncIterator[Unit]:
        """A look, or the end."""
        self._step()
        async with super().glance(connection) as unit:
            yield unit

    def _step(self) -> None:
        self.left -= 1
        if self.left <= 0:
            raise PowerCut


@dataclass
class Post:
    """An outbox with a sender on the stand-in."""

    resources: Resources
    server: TelegramServer
    town: Town
    rates: Rates = field(default_factory=Rates.loose)
    pictures: dict[UUID, bytes] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=Metrics)

    @asynccontextmanager
    async def sending(self, resources: Resources | None = None) -> AsyncIterator[tuple[asyncio.Task[None], Bell]]:
        """A running sender and the bell of what it records."""
        recorded = Bell()

        async def picture(attachment: UUID) -> bytes:
            return self.pictures[attachment]

        async with TelegramCalls(self.server.token, self.server.url, self.rates) as calls:
            sender = Sender(
                resources or self.resources, calls, self.rates, self.metrics,
                pictures=picture, recorded=recorded.ring,
            )  # fmt: skip
            task = asyncio.create_task(sender.run())
            try:
                yield task, recorded
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def deliver(self, seconds: float = 60) -> None:
        """Send until nothing is pending."""
        async with self.sending() as (task, recorded), asyncio.timeout(seconds):
            while await self.pending():
                assert not task.done()
                await recorded.wait(1)

    async def pending(self) -> int:
        """Effects still to be done."""
        return sum(effect.status is EffectStatus.PENDING for effect in await self.effects())

    async def effects(self) -> list[Effect]:
        """All effects in order."""
        async with self.resources.unit() as unit:
            return list((await unit.session.exec(select(Effect).order_by(col(Effect.id)))).all())

    async def standing(self) -> list[SentMessage]:
        """All messages on record."""
        async with self.resources.unit() as unit:
            return list((await unit.session.exec(select(SentMessage).order_by(col(SentMessage.slot)))).all())

    async def show(self, chat: int, text: str, **how: object) -> None:
        """Put a screen with one button into the outbox."""
        async with self.resources.unit() as unit:
            protect = bool(how.pop("protect", False))
            screen = Screen(text, [[TAP]], picture=how.pop("picture", None), protect=protect)  # type: ignore[arg-type] # a test's shorthand
            await speak.show(unit, To(Address(chat), "ru"), screen, **how)  # type: ignore[arg-type] # a test's shorthand

    async def methods(self, chat: int) -> list[str]:
        """The names of the calls so far."""
        return [call["method"] for call in await self.town.calls(chat=chat)]


async def texts(person: Person, chat: Group | None = None) -> list[str]:
    """What the bot's messages say to a person."""
    return [view.text for view in await person.messages(chat) if view.from_bot]
