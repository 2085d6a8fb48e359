"""Fetches the files that applicants sent, after the commit that recorded them.

Of each: Telegram is asked where it is, it is downloaded into memory with a bound, rebuilt in a child process, and
sealed. In a second transaction the row is done and the screen, if it still shows the files, is brought up to date.
"""

import io
from typing import Final
from uuid import UUID

from aiogram import Bot
from aiogram.exceptions import TelegramAPIError, TelegramBadRequest
from aiohttp import ClientError

from bot.database import Resources
from bot.errands import Errand
from handlers.attachments import show_progress
from models.case import Case
from models.unit import Unit
from services import attachments, rebuild

DOWNLOAD_SECONDS: Final = 60
TOO_BIG: Final = "file is too big"
"""The Bot API's own words (getFile) for more than 20 MB."""


class TooLarge(Exception):
    """More bytes came than a bot may download."""


class Bounded(io.BytesIO):
    """Memory for one file; raises `TooLarge` instead of growing without end."""

    def write(self, data: "io.ReadableBuffer") -> int:  # type: ignore[name-defined] # a name of the type stubs only
        """Take a piece of the file."""
        if self.tell() + len(bytes(data)) > attachments.LIMIT:
            raise TooLarge
        return super().write(data)


async def fetch(resources: Resources, bot: Bot, request: UUID) -> None:
    """Fetch one file: added, refused with its reason, or left for a later try."""
    async with resources.unit() as unit:
        name = await attachments.telegram_file(unit, request)
    if name is None:
        return
    try:
        pages = await attachments.rebuilt(await download(bot, name))
    except TooLarge:
        await _end(resources, request, "intake.bad.file-huge")
    except rebuild.NotRebuilt as refused:
        await _end(resources, request, attachments.REASONS[refused.verdict])
    except (TelegramAPIError, ClientError, TimeoutError, OSError):
        async with resources.unit() as unit:
            await _update(unit, await attachments.try_later(unit, request), refused=True)
    else:
        async with resources.unit() as unit:
            await _update(unit, await attachments.add_pages(unit, request, pages), refused=False)


async def download(bot: Bot, name: str) -> bytes:
    """The bytes of a file. Raises `TooLarge`, and what aiogram and aiohttp raise."""
    try:
        found = await bot.get_file(name)
    except TelegramBadRequest as refused:
        if TOO_BIG in refused.message:
            raise TooLarge from None
        raise
    if found.file_path is None:
        raise OSError("Telegram named no path")
    memory = Bounded()
    await bot.download_file(found.file_path, memory, timeout=DOWNLOAD_SECONDS)
    return memory.getvalue()


async def _end(resources: Resources, request: UUID, reason: str) -> None:
    async with resources.unit() as unit:
        await _update(unit, await attachments.refuse_file(unit, request, reason), refused=True)


async def _update(unit: Unit, case: Case | None, *, refused: bool) -> None:
    if case is not None:
        await show_progress(unit, case, refused=refused)


ERRANDS: Final = (Errand("attachments.fetch", attachments.due_requests, fetch),)
