"""Calls of those in danger: a coordinator takes one and writes; the person answers."""

from uuid import UUID

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import CallbackQuery, Message

from handlers.pressed import Pressed, finish
from models.unit import Unit
from services import danger
from services.access import Actor
from services.buttons import Press, pressed_case
from services.speak import answer, erase_messages


class Calling(StatesGroup):
    """Who is typing a line to be passed on."""

    coordinator = State()
    person = State()


async def call(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """An applicant's button for danger on the screen of their case."""
    case = await pressed_case(unit, press, same_version=False)
    told = await danger.call_from_case(unit, actor, case)
    key = "danger.popup.called" if told else "danger.popup.nobody"
    answer(unit, actor.address, callback.id, unit.texts.render(key, actor.language), alert=True)


async def take(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """One coordinator takes the call."""
    await danger.take(unit, actor, _which(press))
    await finish(unit, actor, callback, press)


async def close(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The coordinator who has the call ends it."""
    await danger.close(unit, actor, _which(press))
    if await state.get_state() == Calling.coordinator.state:
        await state.clear()
    await finish(unit, actor, callback, press, unit.texts.render("danger.popup.closed", actor.language))


async def begin(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The next message is passed on."""
    writes = press.act == "danger.write"
    await (danger.held if writes else danger.asked)(unit, actor, _which(press))
    await state.set_state(Calling.coordinator if writes else Calling.person)
    await state.set_data({"call": str(_which(press))})
    key = "danger.popup.write" if writes else "danger.popup.reply"
    answer(unit, actor.address, callback.id, unit.texts.render(key, actor.language), alert=True)


async def take_line(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """A line is passed on, and erased from the chat it was typed in. Of a file only its caption is."""
    text = message.text or message.caption
    if message.text is None:
        await danger.refuse_file(unit, actor)
    if text is None:
        erase_messages(unit, actor.address, [message.message_id])
        return
    writes = await state.get_state() == Calling.coordinator.state
    key = UUID((await state.get_data())["call"])
    await (danger.write if writes else danger.reply)(unit, actor, key, text)
    erase_messages(unit, actor.address, [message.message_id])
    await state.clear()


def build_router() -> Router:
    """The router of calls."""
    router = Router(name="danger")
    router.callback_query.register(call, Pressed("danger.call"))
    router.callback_query.register(take, Pressed("danger.take"))
    router.callback_query.register(close, Pressed("danger.close"))
    router.callback_query.register(begin, Pressed("danger.write", "danger.reply"))
    typed = (F.chat.type == ChatType.PRIVATE, StateFilter(Calling), ~F.text.startswith("/"))
    router.message.register(take_line, *typed)
    return router


def _which(press: Press) -> UUID:
    return UUID(str(press.args["call"]))
