"""The first screen, the language, help, and the way back from anywhere."""

from dataclasses import replace

from aiogram import F, Router
from aiogram.filters import Command, CommandStart
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from handlers.asked import resume
from handlers.mine import show_mine
from handlers.pressed import Pressed, finish
from models.case import CaseStatus
from models.unit import Unit
from models.volunteer import Role
from services import home
from services.access import Actor
from services.buttons import Press
from services.panel import sits
from services.speak import Screen, erase_messages, show
from services.status import case_screen


async def start(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """`/start` and `/cancel`: the first screen; a half-done interview is kept."""
    erase_messages(unit, actor.address, [message.message_id])
    await go_home(unit, actor, state, anew=True)


async def go_home_pressed(
    callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext
) -> None:
    """The button that leads home."""
    await go_home(unit, actor, state)
    await finish(unit, actor, callback, press)


async def go_home(
    unit: Unit, actor: Actor, state: FSMContext, note: str | None = None, *, anew: bool = False
) -> None:
    """Show the first screen and wait for nothing. `anew`: at the bottom, where whoever typed looks for it."""
    await state.set_state(None)
    await show(unit, actor.to, await home.home_screen(unit, actor, note=note), case=actor.case, anew=anew)


async def open_again(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The button under the neutral line: where the person was; for who sits on a panel, the work that waits."""
    case = actor.case
    if case is None and await _has_work(unit, actor):
        await state.set_state(None)
        await show_mine(unit, actor)
    elif case is None:
        await go_home(unit, actor, state)
    elif case.status is CaseStatus.DRAFT:
        await resume(unit, case, actor.to, state)
    else:
        await state.set_state(None)
        await show(unit, actor.to, await case_screen(unit, actor.to, case), case=case)
    await finish(unit, actor, callback, press)


async def _has_work(unit: Unit, actor: Actor) -> bool:
    return actor.volunteer is not None and Role.REVIEWER in actor.roles and await sits(unit, actor.volunteer)


async def page(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """How we protect you; what can be done here."""
    screen = home.help_screen if press.act == "start.help" else home.protection_screen
    await show(unit, actor.to, screen(unit, actor.to), case=actor.case)
    await finish(unit, actor, callback, press)


async def help_(message: Message, unit: Unit, actor: Actor) -> None:
    """`/help`."""
    await _typed(message, unit, actor, home.help_screen(unit, actor.to))


async def language(message: Message, unit: Unit, actor: Actor) -> None:
    """`/language`."""
    await _typed(message, unit, actor, home.language_screen(unit, actor.to))


async def speak(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """A language was chosen: it stays with the case, the volunteer, or else the conversation."""
    chosen = unit.texts.choose(str(press.args["language"]))
    if actor.case is not None:
        actor.case.language = chosen
    if actor.volunteer is not None:
        actor.volunteer.language = chosen
    if actor.case is None and actor.volunteer is None:
        await state.update_data(language=chosen)
    await go_home(unit, replace(actor, language=chosen), state)
    await finish(unit, actor, callback, press)


async def _typed(message: Message, unit: Unit, actor: Actor, screen: Screen) -> None:
    erase_messages(unit, actor.address, [message.message_id])
    await show(unit, actor.to, screen, case=actor.case)


def build_router() -> Router:
    """The router of the first screen."""
    router = Router(name="start")
    private = F.chat.type == "private"
    router.message.register(start, CommandStart(magic=F.args.is_(None)), private)
    router.message.register(start, Command("cancel"), private)
    router.message.register(help_, Command("help"), private)
    router.message.register(language, Command("language"), private)
    press = router.callback_query.register
    press(go_home_pressed, Pressed("start.home"))
    press(open_again, Pressed("start.open"))
    press(page, Pressed("start.protection", "start.help"))
    press(speak, Pressed("start.speak"))
    return router
