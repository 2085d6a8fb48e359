"""Presses: the filter that routes one by the act behind the button, and the end of its handling."""

from aiogram.filters import Filter
from aiogram.types import CallbackQuery, Message

from models.unit import Unit
from services.access import Actor
from services.buttons import Press
from services.contact import Address
from services.speak import NOTICE, answer, clear_slot, erase_messages


class Pressed(Filter):
    """Passes when the button stands for one of these acts; an act ending in `.` is a prefix.

    `press` is put into the event's data by `handlers.edge`, for callbacks and for links that carry a button.
    """

    def __init__(self, *acts: str) -> None:
        self.acts = acts

    async def __call__(self, _: CallbackQuery | Message, press: Press | None = None, **__: object) -> bool:
        """Whether the press is one of ours."""
        if press is None:
            return False
        return any(press.act == act or (act.endswith(".") and press.act.startswith(act)) for act in self.acts)


async def finish(
    unit: Unit, actor: Actor, event: CallbackQuery | Message, press: Press, popup: str | None = None
) -> None:
    """End a press: stop the button's wheel (with a pop-up), erase the typed link, take away the notice."""
    if isinstance(event, CallbackQuery):
        chat = Address(event.message.chat.id) if event.message else actor.address
        answer(unit, chat, event.id, popup, alert=popup is not None)
    else:
        erase_messages(unit, actor.address, [event.message_id])
    if press.slot.startswith(NOTICE):
        await clear_slot(unit, actor.chat, press.slot)
