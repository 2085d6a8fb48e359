"""Payouts in doubt and incidents, in a treasurer's private chat: what was found is said and confirmed here."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from uuid import UUID

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import CallbackQuery, Message

from handlers.pressed import Pressed, finish
from models.doubt import Found, Ground, IncidentEnd
from models.errors import ButtonGone
from models.unit import Unit
from services import treasury_doubt_screens, treasury_doubts, treasury_screens
from services.access import Actor
from services.buttons import Press
from services.speak import erase_messages

ACTS: Final[Mapping[str, Callable[[Unit, Actor, UUID], Awaitable[object]]]] = {
    "treasury.doubt_confirm": treasury_doubts.confirm,
    "treasury.doubt_deny": treasury_doubts.deny,
}
"""Presses after which the payout is shown as it stands."""

ENDS: Final[Mapping[str, Callable[[Unit, Actor, UUID], Awaitable[object]]]] = {
    "treasury.incident_confirm": treasury_doubts.confirm_end,
    "treasury.incident_deny": treasury_doubts.deny_end,
}
"""Presses after which the incident is shown as it stands."""


class Finding(StatesGroup):
    """What is waited for to be typed."""

    reference = State()


async def ask(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """It was paid, or never: ask for the reference, or how they know."""
    found = Found.PAID if press.act == "treasury.doubt_paid" else Found.NEVER
    payout_id = _id(press, "payout")
    await treasury_doubt_screens.ask_finding(unit, actor, payout_id, found)
    await state.clear()
    if found == Found.PAID:
        await state.set_state(Finding.reference)
        await state.set_data({"payout": str(payout_id)})
    await finish(unit, actor, callback, press)


async def take_reference(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """A typed reference: erase it from the chat, show it back."""
    erase_messages(unit, actor.address, [message.message_id])
    data = await state.get_data()
    payout_id = UUID(data["payout"])
    reference = await treasury_doubt_screens.check_finding(unit, actor, payout_id, message.text or "")
    await state.set_data(data | {"reference": reference})


async def say(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """Say what was found, and how one knows."""
    payout_id, found = _id(press, "payout"), Found(str(press.args["found"]))
    data = await state.get_data()
    if found == Found.PAID and (data.get("payout") != str(payout_id) or "reference" not in data):
        raise ButtonGone
    typed = str(data["reference"]) if found == Found.PAID else ""
    await treasury_doubts.say(unit, actor, payout_id, found, Ground(str(press.args["ground"])), typed)
    await state.clear()
    await treasury_screens.show_payout(unit, actor, payout_id)
    await finish(unit, actor, callback, press)


async def act_on_doubt(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """Confirm or deny what another has found; then the payout as it stands."""
    await state.clear()
    payout_id = _id(press, "payout")
    await ACTS[press.act](unit, actor, payout_id)
    await treasury_screens.show_payout(unit, actor, payout_id)
    await finish(unit, actor, callback, press)


async def act_on_incident(
    callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext
) -> None:
    """Open an incident, say what it was, confirm or deny that; then the incident as it stands."""
    await state.clear()
    incident_id = _id(press, "incident")
    if press.act == "treasury.incident_say":
        await treasury_doubts.say_end(unit, actor, incident_id, IncidentEnd(str(press.args["end"])))
    elif press.act in ENDS:
        await ENDS[press.act](unit, actor, incident_id)
    await treasury_doubt_screens.show_incident(unit, actor, incident_id)
    await finish(unit, actor, callback, press)


def build_router() -> Router:
    """The router of doubts."""
    router = Router(name="treasury_doubts")
    press = router.callback_query.register
    press(ask, Pressed("treasury.doubt_paid", "treasury.doubt_never"))
    press(say, Pressed("treasury.doubt_say"))
    press(act_on_doubt, Pressed(*ACTS))
    press(act_on_incident, Pressed("treasury.incident", "treasury.incident_say", *ENDS))
    private = F.chat.type == ChatType.PRIVATE
    router.message.register(take_reference, StateFilter(Finding.reference), private, ~F.text.startswith("/"))
    return router


def _id(press: Press, name: str) -> UUID:
    return UUID(str(press.args[name]))
