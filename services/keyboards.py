"""The end of a keyboard: its buttons mean nothing any more, but the one that has just been pressed is remembered.

People press twice. The first press is done and replaces the screen with its keyboard; the second one comes with a
button that is gone. For a minute what is left of the keyboard tells such a press from one of what is out of date
(`services.buttons`): its person, and a keyed mark of the button. Which one it was is an answer, and rows of
buttons are not sealed. It costs no statement more than the deletion.
"""

from datetime import timedelta
from functools import cache

from sqlalchemy import Executable, bindparam, delete, update
from sqlmodel import select

from models.base import table_of
from models.mail import Keyboard
from models.unit import Unit
from vault.types import BlindIndex, IndexName

PRESSED = "pressed"
"""Stands in place of an act in what is left of a keyboard."""

SECOND_PRESS = timedelta(minutes=1)
"""How long it is left."""


async def drop_keyboard(unit: Unit, lane: BlindIndex, slot: str) -> None:
    """End the keyboard of a slot."""
    await unit.session.flush()  # a link of this unit may be a row that is not written yet
    here = {"in_lane": lane, "in_slot": slot, "pressed": unit.pressing.token if unit.pressing else ""}
    if await _keep(unit, here):
        return  # a slot has one keyboard
    await unit.run(_delete(), here)


async def _keep(unit: Unit, here: dict[str, str]) -> bool:
    """Keep what a second press needs, when it is this keyboard that was pressed."""
    pressing = unit.pressing
    if pressing is None or pressing.kept:
        return False
    left = [[PRESSED, {"mark": mark(unit, pressing.token, pressing.position)}]]
    values = {"left": left, "by": pressing.person, "until": unit.now + SECOND_PRESS}
    pressing.kept = (await unit.run(_kept(), here | values)).rowcount > 0
    return pressing.kept


def mark(unit: Unit, token: str, position: int) -> BlindIndex:
    """What is left of one pressed button: it tells nothing without the server's keys."""
    return unit.vault.index(IndexName.button, f"{token}.{position}")


async def offers(unit: Unit, lane: BlindIndex, slot: str, act: str) -> bool:
    """Whether a button that stands for this act stands in a slot."""
    here = select(Keyboard).where(Keyboard.lane == lane, Keyboard.slot == slot, Keyboard.expires_at > unit.now)
    return any(button[0] == act for keyboard in await unit.session.exec(here) for button in keyboard.buttons)


@cache
def _delete() -> Executable:
    """Built once, as below: each event runs these, and building them takes longer."""
    table = table_of(Keyboard)
    here = (table.c.lane == bindparam("in_lane"), table.c.slot == bindparam("in_slot"))
    return delete(table).where(*here, table.c.token != bindparam("pressed"))


@cache
def _kept() -> Executable:
    table = table_of(Keyboard)
    here = (table.c.lane == bindparam("in_lane"), table.c.slot == bindparam("in_slot"))
    return (
        update(table)
        .where(*here, table.c.token == bindparam("pressed"))
        .values(buttons=bindparam("left"), person=bindparam("by"), expires_at=bindparam("until"))
    )
