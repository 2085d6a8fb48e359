"""`/sanctions`: the lists, open questions, and the decision of one, in private chat only."""

from uuid import UUID

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import Command, StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import CallbackQuery, Message

from handlers.pressed import Pressed, finish
from models.unit import Unit
from services import givers, screening, screening_screens, treasury_funding
from services.access import Actor
from services.buttons import Press
from services.speak import erase_messages


class Deciding(StatesGroup):
    """What a decider is to type."""

    reason = State()
    giver = State()


async def command(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """The lists and what is open, asked for by command."""
    await state.clear()
    erase_messages(unit, actor.address, [message.message_id])
    await screening_screens.show_lists(unit, actor)


async def show(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The same by a button."""
    await state.clear()
    await screening_screens.show_lists(unit, actor)
    await finish(unit, actor, callback, press)


async def show_decided(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """What was decided of late, and why."""
    await state.clear()
    await screening_screens.show_decided(unit, actor)
    await finish(unit, actor, callback, press)


async def open_question(
    callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext
) -> None:
    """One question, side by side."""
    await state.clear()
    await screening_screens.show_question(unit, actor, _question(press))
    await finish(unit, actor, callback, press)


async def ask_reason(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The decider has made up their mind: ask why."""
    same = press.act == "screening.same"
    await screening_screens.ask_reason(unit, actor, _question(press), same=same)
    await state.set_state(Deciding.reason)
    await state.set_data({"question": str(_question(press)), "same": same})
    await finish(unit, actor, callback, press)


async def take_reason(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """A typed reason: erase it from the chat, write the decision down, go on to what is left."""
    erase_messages(unit, actor.address, [message.message_id])
    data = await state.get_data()
    await screening.decide(unit, actor, UUID(data["question"]), message.text or "", same=bool(data["same"]))
    await state.clear()
    await screening_screens.show_lists(unit, actor, note="screening.decided")


async def ask_giver(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """A treasurer wants to say who gave money that came by hand."""
    funding = UUID(str(press.args["funding"]))
    await givers.ask_name(unit, actor, funding)
    await state.set_state(Deciding.giver)
    await state.set_data({"funding": str(funding)})
    await finish(unit, actor, callback, press)


async def take_giver(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """A typed name: erase it from the chat, screen it, go back to the entry."""
    erase_messages(unit, actor.address, [message.message_id])
    funding = UUID((await state.get_data())["funding"])
    await givers.name_giver(unit, actor, funding, message.text or "")
    await state.clear()
    await treasury_funding.show_funding(unit, actor, funding)


def build_router() -> Router:
    """The router of screening."""
    router = Router(name="screening")
    private = F.chat.type == ChatType.PRIVATE
    router.message.register(command, Command("sanctions"), private)
    router.message.register(take_reason, StateFilter(Deciding.reason), private, ~F.text.startswith("/"))
    router.message.register(take_giver, StateFilter(Deciding.giver), private, ~F.text.startswith("/"))
    router.callback_query.register(ask_giver, Pressed("screening.giver"))
    router.callback_query.register(show, Pressed("screening.show"))
    router.callback_query.register(show_decided, Pressed("screening.decided"))
    router.callback_query.register(open_question, Pressed("screening.open"))
    router.callback_query.register(ask_reason, Pressed("screening.other", "screening.same"))
    return router


def _question(press: Press) -> UUID:
    return UUID(str(press.args["question"]))
