"""What a person hears when their event could not be handled: that nothing was lost, and what to do.

Best effort inside the unit that parks the event. What they typed stays some minutes, for them to copy and send
again: it may be an answer, and lies open in the chat. In a group only the presser of a button is told.
"""

from aiogram.types import CallbackQuery, Message, Update, User
from pydantic import ValidationError

from models.unit import Unit
from services.access import Actor, name_actor
from services.contact import Address
from services.messages import keep_for_erasure
from services.speak import Button, Screen, answer, notify


async def tell_of_death(unit: Unit, raw: object) -> None:
    """Tell the person behind an event, in their language."""
    try:
        event = Update.model_validate(raw)
    except ValidationError:
        return
    if event.callback_query is not None:
        await _tell_presser(unit, event.callback_query)
    elif event.message is not None and event.message.chat.type == "private":
        await _tell_writer(unit, event.message)


async def _tell_presser(unit: Unit, query: CallbackQuery) -> None:
    actor = await _actor(unit, query.from_user)
    chat = Address(query.message.chat.id) if query.message else actor.address
    answer(unit, chat, query.id, unit.texts.render("pipeline.dead-press", actor.language), alert=True)


async def _tell_writer(unit: Unit, message: Message) -> None:
    if message.from_user is None:
        return
    actor = await _actor(unit, message.from_user)
    keep_for_erasure(unit, actor.address, message.message_id)
    opener = Button(unit.texts.render("pipeline.open", actor.language), "start.open")
    await notify(unit, actor.to, Screen(unit.texts.render("pipeline.dead", actor.language), [[opener]]))


async def _actor(unit: Unit, user: User) -> Actor:
    return await name_actor(unit, user.id, user.language_code)
