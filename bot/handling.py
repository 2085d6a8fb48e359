"""How one event is handled within a unit: it is read, and handed to aiogram or to the fund's view of Stripe.

Handlers see a bot without a network. What cannot be read is no failure: it is named, and the event is done.
"""

from typing import Any, Final, NoReturn

from aiogram import Bot, Dispatcher
from aiogram.client.session.base import BaseSession
from aiogram.types import Update
from aiogram.types.update import UpdateTypeLookupError
from pydantic import ValidationError

from bot.inbox import STRIPE
from models.unit import Unit
from services.donate_stripe import stripe_event

TOGETHER: Final = 16
"""Most events that share a transaction on SQLite."""

TOGETHER_SECONDS: Final = 0.02
"""No further event joins a transaction that is so old: those handled already wait for its commit."""

SIDE_BY_SIDE: Final = 8
"""Lanes handled at once on PostgreSQL, each in a transaction of its own; SQLite has one writer."""


class HandlerTouchedNetwork(Exception):
    """A handler called Telegram; it must put an effect into the outbox instead."""


class NoNetwork(BaseSession):
    """The session of the bot object that handlers see: it refuses every call."""

    async def close(self) -> None:
        """Nothing is open."""

    async def make_request(self, bot: Bot, method: Any, timeout: int | None = None) -> NoReturn:  # noqa: ANN401, ARG002, ASYNC109 - aiogram's signature
        """Refuse."""
        raise HandlerTouchedNetwork

    async def stream_content(self, *_: Any, **__: Any) -> Any:  # noqa: ANN401 - aiogram's signature
        """Refuse."""
        raise HandlerTouchedNetwork
        yield b""


class Handling:
    """Handles events, whoever has taken them."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._bot = Bot("1:no-network", session=NoNetwork())

    async def handle(self, unit: Unit, source: str, raw: object) -> str | None:
        """Handle one event; returns why it could not be read, if so. Raises whatever its handler raises."""
        if source == STRIPE:
            return None if await stripe_event(unit, raw) else "Unknown"
        try:
            read = Update.model_validate(raw, context={"bot": self._bot})
            _ = read.event_type
        except (ValidationError, UpdateTypeLookupError) as error:
            return type(error).__name__
        await self._dispatcher.feed_update(self._bot, read, unit=unit)
        return None
