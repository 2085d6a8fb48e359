"""`/desk` in a coordinator's private chat. In a group it binds the review group (`handlers.group`)."""

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from handlers.pressed import Pressed
from models.unit import Unit
from services.access import Actor
from services.desk import show_desk
from services.speak import answer, erase_messages


async def command(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """The desk, asked for by command."""
    await state.clear()
    erase_messages(unit, actor.address, [message.message_id])
    await show_desk(unit, actor)


async def press(callback: CallbackQuery, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """The desk, asked for by a button."""
    await state.clear()
    await show_desk(unit, actor)
    answer(unit, actor.address, callback.id)


def build_router() -> Router:
    """The router of the desk."""
    router = Router(name="desk")
    router.message.register(command, Command("desk"), F.chat.type == ChatType.PRIVATE)
    router.callback_query.register(press, Pressed("desk.show"))
    return router
