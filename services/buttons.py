"""What a pressed button means: looked up, bound to a person and a chat, never taken from the callback data.

The data is only `<token>.<position>`. Whoever forwards, forges or keeps a button gets `ButtonGone`; whoever
presses what their own press has just replaced gets `AlreadyPressed`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select

from models.base import table_of
from models.case import Case
from models.errors import AlreadyPressed, ButtonGone, Stale
from models.mail import Keyboard
from models.unit import Pressing, Unit
from services.keyboards import PRESSED, mark
from services.speak import START_BUTTON
from vault.types import BlindIndex

TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
"""What a token can be. Anything else may be a text that PostgreSQL does not even take, such as a zero byte."""

_KEYBOARD: Final = select(table_of(Keyboard)).where(table_of(Keyboard).c.token == bindparam("pressed"))


@dataclass(frozen=True, slots=True)
class Press:
    """A press of a button that stands. The case's version is what the person saw."""

    act: str
    args: Mapping[str, str | int]
    slot: str
    case_id: UUID | None
    case_version: int | None


async def resolve_start(unit: Unit, parameter: str, person: BlindIndex) -> Press:
    """Find the button behind a start parameter made by `services.speak.start_link`. Raises `ButtonGone`."""
    token, _, position = parameter.removeprefix(START_BUTTON).rpartition("-")
    return await resolve(unit, f"{token}.{position}", person, person)


async def resolve(unit: Unit, data: str, person: BlindIndex, lane: BlindIndex) -> Press:
    """Find the button behind callback data.

    Raises `ButtonGone` when it is unknown, replaced, expired, another person's or in another chat, and
    `AlreadyPressed` when this very person's press of it has just replaced it.
    """
    token, _, position = data.rpartition(".")
    keyboard = (await unit.run(_KEYBOARD, {"pressed": token})).first() if TOKEN.fullmatch(token) else None
    if keyboard is None or keyboard.expires_at <= unit.now or not position.isdecimal():
        raise ButtonGone
    if keyboard.lane != lane:
        raise ButtonGone
    if keyboard.person is not None and keyboard.person != person:
        raise ButtonGone
    if keyboard.buttons[0][0] == PRESSED:
        again = keyboard.buttons[0][1]["mark"] == mark(unit, token, int(position))
        raise AlreadyPressed if again else ButtonGone
    if int(position) >= len(keyboard.buttons):
        raise ButtonGone
    act, args = keyboard.buttons[int(position)]
    unit.pressing = Pressing(token, int(position), person)
    return Press(act, args, keyboard.slot, keyboard.case_id, keyboard.case_version)


async def pressed_case(unit: Unit, press: Press, *, same_version: bool = True) -> Case:
    """The case that a button is bound to. Raises `Stale` when it has changed since the button was shown."""
    case = await unit.session.get(Case, press.case_id) if press.case_id else None
    if case is None:
        raise ButtonGone
    if same_version and case.version != press.case_version:
        raise Stale("refused.case-changed")
    return case
