"""What happens around every handler: the actor is named, the press looked up, a refusal turned into a reply.

`build_dispatcher` wires the routers. The event runs in a savepoint: a refusal undoes what its service began,
and the reply still goes out in the same transaction.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from aiogram import BaseMiddleware, Dispatcher, Router
from aiogram.types import CallbackQuery, Message, TelegramObject, Update, User

from handlers import refusals
from handlers.conversation import conversation_of
from models.errors import Refused
from models.unit import Unit
from services.access import Actor, name_actor
from services.buttons import Press, resolve, resolve_start
from services.contact import Address, lane_of
from services.speak import SCREEN, START_BUTTON

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class Edge(BaseMiddleware):
    """Gives each handler `unit`, `actor`, `press` and `state`, and turns a refusal into its reply."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:  # noqa: ANN401 - aiogram's type
        """Run one event. Only `Refused` is caught; anything else fails the event and is tried again."""
        unit: Unit = data["unit"]
        user: User | None = data.get("event_from_user")
        inner = event.event if isinstance(event, Update) else event
        if user is None or user.is_bot:
            return await handler(event, data)
        actor = await name_actor(unit, user.id, user.language_code)
        state = conversation_of(unit, inner, user)
        if actor.case is None and actor.volunteer is None:
            chosen = (await state.get_data()).get("language")  # by `handlers.start`; nothing else remembers it
            actor = replace(actor, language=chosen or actor.language)
        data |= {"actor": actor, "state": state, "raw_state": await state.get_state(), "press": None}
        unit.pressing = None
        unit.to_bottom = isinstance(inner, Message) and (inner.text or "").startswith("/")
        try:
            async with unit.attempt():
                data["press"] = press = await _press(unit, actor, inner)
                unit.to_bottom |= press is not None and press.slot != SCREEN
                result = await handler(event, data)
                await refusals.settle(unit, actor, data["raw_state"])
                return result
        except Refused as refusal:
            await refusals.reply(unit, actor, inner, refusal)
            return None


async def _press(unit: Unit, actor: Actor, event: TelegramObject) -> Press | None:
    if isinstance(event, Message) and event.text and event.text.startswith(f"/start {START_BUTTON}"):
        return await resolve_start(unit, event.text.split(maxsplit=1)[1], actor.chat)
    if not isinstance(event, CallbackQuery):
        return None
    lane = lane_of(unit, Address(event.message.chat.id)) if event.message else actor.chat
    return await resolve(unit, event.data or "", actor.chat, lane)


def build_dispatcher(*routers: Router) -> Dispatcher:
    """A dispatcher with the edge around the given routers, asked in that order."""
    dispatcher = Dispatcher(disable_fsm=True)
    dispatcher.update.outer_middleware(Edge())
    dispatcher.include_routers(*routers)
    return dispatcher
