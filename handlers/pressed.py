"""The filter that routes a press by the act behind the button."""

from aiogram.filters import Filter
from aiogram.types import CallbackQuery, Message

from services.buttons import Press


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
