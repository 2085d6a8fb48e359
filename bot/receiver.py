"""Long polling: updates are handled or stored as they came, and only what is committed is acknowledged.

The raw JSON is asked for, through aiogram's session: an update that aiogram cannot read must not lose those
that came with it. The offset is never kept: after a restart Telegram sends again what was not acknowledged,
and the inbox knows what it has.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import structlog
from aiogram import Bot
from aiogram.exceptions import (
    AiogramError,
    TelegramAPIError,
    TelegramConflictError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.methods import Response, TelegramMethod

from bot.at_once import AtOnce
from bot.database import Resources
from bot.inbox import Arrival, Inbox, telegram_arrival
from bot.metrics import Metrics
from bot.profile import describe
from texts.catalogue import Catalogue

KINDS: Final = (
    *("message", "edited_message", "channel_post", "callback_query", "my_chat_member", "chat_member"),
    "pre_checkout_query",
)
"""What handlers hear. `chat_member` is sent only to those who ask for it (Bot API, getUpdates)."""

POLL_SECONDS: Final = 25
"""How long Telegram holds a poll open."""

GRACE_SECONDS: Final = 15
"""How much longer than that an answer may take."""

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
"""Seconds between polls that fail; doubles from the first to the longest."""

CONFLICT_SECONDS: Final = 5.0
"""Pause after another poller or a webhook got in the way."""

ANSWER: Final = Response[list[Any]]
"""What aiogram reads an answer as. Held here: pydantic forgets such a class, and makes it in milliseconds."""

log = structlog.get_logger()


class RawUpdates(TelegramMethod[list[Any]]):
    """getUpdates whose updates are left as they came."""

    __returning__ = list[Any]
    __api_method__ = "getUpdates"

    offset: int | None = None
    limit: int = 100
    timeout: int = 0
    allowed_updates: list[str]


class Poller:
    """Polls until it is cancelled."""

    def __init__(
        self, resources: Resources, bot: Bot, inbox: Inbox, metrics: Metrics, at_once: AtOnce | None = None
    ) -> None:
        """`bot` is used for the network here and nowhere else. With `at_once` events are handled as they come."""
        self._resources = resources
        self._bot = bot
        self._inbox = inbox
        self._metrics = metrics
        self._at_once = at_once
        self._offset: int | None = None
        self._failures = 0

    async def run(self) -> None:
        """End a webhook, introduce the bot, and poll."""
        await self._prepare()
        while True:
            try:
                await self.poll(POLL_SECONDS)
                self._failures = 0
            except Exception as error:  # noqa: BLE001 - the network or the database is away; Telegram keeps what it has
                await self._rest(error)

    async def poll(self, seconds: int) -> int:
        """Take what is there, or wait for it so long; store it, and return how many there were."""
        method = RawUpdates(offset=self._offset, timeout=seconds, allowed_updates=list(KINDS))
        updates = await self._bot(method, request_timeout=seconds + GRACE_SECONDS)
        arrivals: Sequence[Arrival] = [telegram_arrival(self._resources, update) for update in updates]
        if self._at_once is not None:
            arrivals = await self._at_once.take(arrivals)
        await self._inbox.store(arrivals)
        numbers = [number for update in updates if (number := _number(update)) is not None]
        if numbers:
            self._offset = max(numbers) + 1
        self._metrics.polls.labels("ok").inc()
        return len(updates)

    async def _prepare(self) -> None:
        while True:
            try:
                await self._bot.delete_webhook(drop_pending_updates=False)
            except Exception as error:  # noqa: BLE001 - Telegram is away; nothing can be heard before it is back
                await self._rest(error)
            else:
                break
        self._failures = 0
        await describe(self._bot, self._resources.texts)

    async def _rest(self, error: Exception) -> None:
        """Log and wait, the longer the more often it fails; end a webhook that somebody has set meanwhile."""
        self._metrics.polls.labels(type(error).__name__).inc()
        pause = min(FIRST_PAUSE * 2**self._failures, LONGEST_PAUSE)
        self._failures = min(self._failures + 1, 16)
        if isinstance(error, TelegramRetryAfter):
            pause = float(error.retry_after)
        elif isinstance(error, TelegramConflictError):
            pause = 0.0 if await self._ended_webhook(error) else CONFLICT_SECONDS
        elif isinstance(error, TelegramUnauthorizedError):
            pause = LONGEST_PAUSE
        known = isinstance(error, TelegramNetworkError | TelegramAPIError | AiogramError)
        log.warning("poll_failed", error=error, exc_info=None if known else error)
        await asyncio.sleep(pause)

    async def _ended_webhook(self, error: TelegramConflictError) -> bool:
        """Whether a webhook was in the way and is gone now; two pollers must be told apart by the operator."""
        if "webhook is active" not in error.message:
            return False
        try:
            await self._bot.delete_webhook(drop_pending_updates=False)
        except AiogramError:
            return False
        return True


async def register_webhook(bot: Bot, url: str, secret: str, texts: Catalogue) -> None:
    """Have Telegram call us, introduce the bot, and stand by until cancelled."""
    failures = 0
    while True:
        try:
            await bot.set_webhook(
                url, secret_token=secret, allowed_updates=list(KINDS), drop_pending_updates=False
            )
        except AiogramError as error:
            log.warning("webhook_not_set", error=error)
            await asyncio.sleep(min(FIRST_PAUSE * 2**failures, LONGEST_PAUSE))
            failures = min(failures + 1, 16)
        else:
            break
    await describe(bot, texts)
    await asyncio.Event().wait()


def _number(update: object) -> int | None:
    number = update.get("update_id") if isinstance(update, dict) else None
    return number if isinstance(number, int) and not isinstance(number, bool) else None
