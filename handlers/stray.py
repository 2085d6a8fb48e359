"""What no conversation asked for. Asked last, so that everything has an end.

In a private chat whatever a person wrote is erased, they are told that it was not kept, and a button leads home;
only between who called for help and who has taken the call it is passed on. While the recovery phrase is on the
screen, which is shown once, it stays there. An edited message is erased too, for it was not to stay, unless it was
left to be shortened. In groups and channels nothing is answered: the bot says there only what a service says.
"""

from aiogram import F, Router
from aiogram.types import CallbackQuery, ChatMemberUpdated, Message

from models.errors import Refused
from models.unit import Unit
from services import danger
from services.access import Actor
from services.contact import Address
from services.keyboards import offers
from services.messages import is_for_shortening
from services.speak import SCREEN, Button, Screen, answer, erase_messages, show


async def message(message: Message, unit: Unit, actor: Actor) -> None:
    """A message in a private chat that fits nowhere. Raises `Refused` while the recovery phrase is shown."""
    erase_messages(unit, actor.address, [message.message_id])
    text = message.text or message.caption or ""
    if not text.startswith("/") and await danger.hear(unit, actor, text, is_file=message.text is None):
        return
    if await offers(unit, actor.chat, SCREEN, "case.written"):
        raise Refused("case.refused.words-first")
    opener = Button(unit.texts.render("pipeline.open", actor.language), "start.open")
    await show(unit, actor.to, Screen(unit.texts.render("pipeline.stray", actor.language), [[opener]]))


async def edited(message: Message, unit: Unit, actor: Actor) -> None:
    """A message that a person changed: its first form was taken, and the second is not to stay."""
    if not await is_for_shortening(unit, actor.chat, message.message_id):
        erase_messages(unit, actor.address, [message.message_id])


async def press(callback: CallbackQuery, unit: Unit, actor: Actor) -> None:
    """A button that stands and that nobody handles: the wheel on it stops."""
    chat = Address(callback.message.chat.id) if callback.message else actor.address
    answer(unit, chat, callback.id)


async def ignore(_: Message | ChatMemberUpdated) -> None:
    """Group talk, service messages, channel posts, changes of members that concern nobody."""


def build_router() -> Router:
    """The router to be asked last."""
    router = Router(name="stray")
    private = F.chat.type == "private"
    router.message.register(message, private)
    router.message.register(ignore)
    router.edited_message.register(edited, private)
    router.edited_message.register(ignore)
    router.callback_query.register(press)
    router.channel_post.register(ignore)
    router.my_chat_member.register(ignore)
    router.chat_member.register(ignore)
    return router
