"""`python -m tests.bench.echo URL TOKEN`: a bare aiogram bot that stores nothing and sends each text back.

What the fund is measured beside: the same stand-in, the same updates, one call per turn and no database.
"""

import asyncio
import sys

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import Message


async def echo(message: Message) -> None:
    """Send a text back."""
    await message.answer(message.text or "")


async def run(url: str, token: str) -> None:
    """Poll until a signal ends it."""
    session = AiohttpSession(api=TelegramAPIServer.from_base(url))
    dispatcher = Dispatcher()
    dispatcher.message.register(echo)
    await dispatcher.start_polling(Bot(token, session=session))


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
