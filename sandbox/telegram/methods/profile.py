"""The bot's name, descriptions and command list."""

import re
from typing import Final

from aiogram.methods import (
    DeleteMyCommands,
    GetMyCommands,
    GetMyDescription,
    GetMyName,
    GetMyShortDescription,
    SetMyCommands,
    SetMyDescription,
    SetMyName,
    SetMyShortDescription,
)
from aiogram.types import BotCommandScopeUnion

from sandbox.telegram.core import Telegram
from sandbox.telegram.wire import JsonDict, bad_request, dumps

_COMMAND: Final = re.compile(r"[a-z0-9_]{1,32}")
_MOST_COMMANDS: Final = 100
_MOST_COMMAND_TEXT: Final = 256
_MOST_NAME: Final = 64
_MOST_DESCRIPTION: Final = 512
_MOST_SHORT: Final = 120


def set_my_commands(telegram: Telegram, call: SetMyCommands) -> bool:
    """Set the command list of a scope and language (core.telegram.org/bots/api#setmycommands)."""
    if len(call.commands) > _MOST_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in call.commands:
        if not _COMMAND.fullmatch(command.command.removeprefix("/")):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(command.description.strip()) <= _MOST_COMMAND_TEXT:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    commands = [command.model_dump(exclude_none=True) for command in call.commands]
    telegram.world.profile[_commands_key(call.scope, call.language_code)] = commands
    return True


def delete_my_commands(telegram: Telegram, call: DeleteMyCommands) -> bool:
    """Forget the command list of a scope and language (core.telegram.org/bots/api#deletemycommands)."""
    telegram.world.profile.pop(_commands_key(call.scope, call.language_code), None)
    return True


def get_my_commands(telegram: Telegram, call: GetMyCommands) -> list[JsonDict]:
    """Return the command list of a scope and language (core.telegram.org/bots/api#getmycommands)."""
    commands: list[JsonDict] = telegram.world.profile.get(_commands_key(call.scope, call.language_code), [])
    return commands


def set_my_name(telegram: Telegram, call: SetMyName) -> bool:
    """Set the name (core.telegram.org/bots/api#setmyname)."""
    return _set(telegram, "name", call.name, call.language_code, _MOST_NAME)


def get_my_name(telegram: Telegram, call: GetMyName) -> JsonDict:
    """Return the name (core.telegram.org/bots/api#getmyname)."""
    return {"name": _get(telegram, "name", call.language_code) or telegram.bot.first_name}


def set_my_description(telegram: Telegram, call: SetMyDescription) -> bool:
    """Set what an empty chat shows (core.telegram.org/bots/api#setmydescription)."""
    return _set(telegram, "description", call.description, call.language_code, _MOST_DESCRIPTION)


def get_my_description(telegram: Telegram, call: GetMyDescription) -> JsonDict:
    """Return what an empty chat shows (core.telegram.org/bots/api#getmydescription)."""
    return {"description": _get(telegram, "description", call.language_code)}


def set_my_short_description(telegram: Telegram, call: SetMyShortDescription) -> bool:
    """Set what the profile shows (core.telegram.org/bots/api#setmyshortdescription)."""
    return _set(telegram, "short_description", call.short_description, call.language_code, _MOST_SHORT)


def get_my_short_description(telegram: Telegram, call: GetMyShortDescription) -> JsonDict:
    """Return what the profile shows (core.telegram.org/bots/api#getmyshortdescription)."""
    return {"short_description": _get(telegram, "short_description", call.language_code)}


def _set(telegram: Telegram, what: str, value: str | None, language: str | None, most: int) -> bool:
    if value is not None and len(value) > most:
        raise bad_request(f"{what} is too long")
    telegram.world.profile[f"{what}:{language or ''}"] = value or ""
    return True


def _get(telegram: Telegram, what: str, language: str | None) -> str:
    profile = telegram.world.profile
    return str(profile.get(f"{what}:{language or ''}") or profile.get(f"{what}:", ""))


def _commands_key(scope: BotCommandScopeUnion | None, language: str | None) -> str:
    return f"commands:{dumps(scope.model_dump(exclude_none=True)) if scope else 'default'}:{language or ''}"
