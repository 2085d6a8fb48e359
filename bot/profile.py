"""How the bot introduces itself in Telegram: commands and descriptions, in every language, neutral.

A Bot API server that does not know a method, or refuses one, is a warning: the bot works without them.
"""

from typing import Final

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError
from aiogram.methods import SetMyCommands, SetMyDescription, SetMyShortDescription, TelegramMethod
from aiogram.types import BotCommand, BotCommandScopeAllPrivateChats

from texts.catalogue import FALLBACK, Catalogue

COMMANDS: Final = ("start", "erase")
"""Commands that everybody sees in the menu; `pipeline.command-<name>` describes each."""

log = structlog.get_logger()


async def describe(bot: Bot, texts: Catalogue) -> None:
    """Set everything, in the fallback language for whoever speaks none of ours."""
    for language in texts.languages:
        for code in (None, language) if language == FALLBACK else (language,):
            for call in _calls(texts, language, code):
                try:
                    await bot(call)
                except AiogramError as error:
                    log.warning("profile_not_set", error=error)


def _calls(texts: Catalogue, language: str, code: str | None) -> tuple[TelegramMethod[bool], ...]:
    commands = [
        BotCommand(command=name, description=texts.render(f"pipeline.command-{name}", language))
        for name in COMMANDS
    ]
    scope = BotCommandScopeAllPrivateChats()
    short = texts.render("pipeline.short-description", language)
    return (
        SetMyCommands(commands=commands, scope=scope, language_code=code),
        SetMyDescription(description=texts.render("pipeline.description", language), language_code=code),
        SetMyShortDescription(short_description=short, language_code=code),
    )
