"""The one place that turns a refusal into a reply: a pop-up for a press, a line below the screen for a message.

There is one such line: the next refusal takes its place, and it goes once what was asked for has been typed.
"""

from datetime import timedelta

from aiogram.types import CallbackQuery, Message, TelegramObject

from handlers.asked import asked_in, put_away
from models.errors import AlreadyPressed, Refused
from models.unit import Unit
from services.access import Actor
from services.contact import Address
from services.speak import NOTICE, Life, Screen, answer, clear_slot, show

SLOT = f"{NOTICE}refused"


async def reply(unit: Unit, actor: Actor, event: TelegramObject, refusal: Refused) -> None:
    """Say kindly what was refused and why. In a group only the presser sees it."""
    text = unit.texts.render(refusal.text_key, actor.language, **refusal.params)
    if isinstance(event, CallbackQuery):
        chat = Address(event.message.chat.id) if event.message else actor.address
        answer(unit, chat, event.id, text, alert=not isinstance(refusal, AlreadyPressed))
    elif isinstance(event, Message) and event.chat.type == "private":
        put_away(unit, actor, event, refusal)
        life = Life(None, timedelta(minutes=unit.policy.retention.screen_minutes))
        await show(unit, actor.to, Screen(text), slot=SLOT, life=life, anew=True)


async def settle(unit: Unit, actor: Actor, state: str | None) -> None:
    """Take the line away: something was typed, or left, in this state. The interview says it on its own screen."""
    if state is not None and asked_in(state) is None:
        await clear_slot(unit, actor.chat, SLOT)
