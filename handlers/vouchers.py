"""A person looks at the codes they were given, and says that they have them."""

from aiogram import Router
from aiogram.types import CallbackQuery

from handlers.pressed import Pressed, finish
from models.unit import Unit
from services import treasury_person, vouchers
from services.access import Actor
from services.buttons import Press, pressed_case


async def show_codes(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """The codes."""
    await vouchers.show_codes(unit, actor, await pressed_case(unit, press, same_version=False))
    await finish(unit, actor, callback, press)


async def have(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """They are written down elsewhere: erase them."""
    case = await pressed_case(unit, press, same_version=False)
    await vouchers.have(unit, actor, case)
    await treasury_person.show_person(unit, actor, case)
    await finish(unit, actor, callback, press)


def build_router() -> Router:
    """The router of codes."""
    router = Router(name="vouchers")
    router.callback_query.register(show_codes, Pressed("vouchers.show"))
    router.callback_query.register(have, Pressed("vouchers.have"))
    return router
