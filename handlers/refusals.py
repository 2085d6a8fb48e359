"""The one place that turns a refusal into a reply: a pop-up for a press, a line on the screen for a message."""

from aiogram.types import CallbackQuery, Message, TelegramObject

from models.errors import Refused
from models.unit import Unit
from services.access import Actor
from services.contact import Address
from services.speak import Screen, answer, erase_messages, notify


async def reply(unit: Unit, actor: Actor, event: TelegramObject, refusal: Refused) -> None:
    """Say kindly what was refused and why. In a group only the presser sees it."""
    text = unit.texts.render(refusal.text_key, actor.language, **refusal.params)
    if isinstance(event, CallbackQuery):
        chat = Address(event.message.chat.id) if event.message else actor.address
        answer(unit, chat, event.id, text, alert=True)
    elif isinstance(event, Message) and event.chat.type == "private":
        erase_messages(unit, actor.address, [event.message_id])
        await notify(unit, actor.to, Screen(text))
