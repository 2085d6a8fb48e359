"""`/fund` in a treasurer's private chat: money that came in, from where, how much. Typed amounts are erased."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import Command, StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import CallbackQuery, Message

from handlers.pressed import Pressed, finish
from models.funding import FundingSource
from models.unit import Unit
from payments.money import Money
from services import treasury_funding
from services.access import Actor
from services.buttons import Press
from services.speak import erase_messages


class Entering(StatesGroup):
    """What is waited for from a treasurer."""

    taken = State()
    amount = State()


async def fund_command(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """`/fund`: ask from where money came, or at once how much."""
    erase_messages(unit, actor.address, [message.message_id])
    await state.clear()
    if await treasury_funding.ask_source(unit, actor):
        await state.set_state(Entering.amount)


async def fund_button(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The same by a button."""
    await state.clear()
    if await treasury_funding.ask_source(unit, actor):
        await state.set_state(Entering.amount)
    await finish(unit, actor, callback, press)


async def by_hand(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """It came by bank transfer or in cash: ask how much."""
    await treasury_funding.ask_amount(unit, actor)
    await state.set_state(Entering.amount)
    await finish(unit, actor, callback, press)


async def choose(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """It came out of what somebody holds: ask how much has left there."""
    currency = str(press.args["currency"])
    await treasury_funding.ask_taken(unit, actor, currency)
    await state.set_state(Entering.taken)
    await state.set_data({"source": str(press.args["source"]), "taken_currency": currency})
    await finish(unit, actor, callback, press)


async def take_taken(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """What has left: ask what arrived."""
    erase_messages(unit, actor.address, [message.message_id])
    taken = treasury_funding.read_taken(actor, message.text or "", (await state.get_data())["taken_currency"])
    await treasury_funding.ask_amount(unit, actor, taken)
    await state.set_state(Entering.amount)
    await state.update_data(taken=taken.amount)


async def take_amount(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """What arrived: show it back."""
    erase_messages(unit, actor.address, [message.message_id])
    source, taken = _origin(await state.get_data())
    await treasury_funding.check_amount(unit, actor, message.text or "", source, taken)


async def act_on_funding(
    callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext
) -> None:
    """Enter, confirm or refuse money that came in; then the entry as it stands."""
    await state.clear()
    funding_id = UUID(str(press.args["funding"]))
    if press.act == "treasury.fund_enter":
        source, taken = _origin(press.args)
        await treasury_funding.enter(unit, actor, funding_id, int(press.args["amount"]), source, taken)
    elif press.act == "treasury.fund_confirm":
        await treasury_funding.confirm(unit, actor, funding_id)
    elif press.act == "treasury.fund_refuse":
        await treasury_funding.refuse(unit, actor, funding_id)
    await treasury_funding.show_funding(unit, actor, funding_id)
    await finish(unit, actor, callback, press)


def build_router() -> Router:
    """The router of money that comes in."""
    router = Router(name="funding")
    private = F.chat.type == ChatType.PRIVATE
    router.message.register(fund_command, Command("fund"), private)
    router.message.register(take_taken, StateFilter(Entering.taken), private, ~F.text.startswith("/"))
    router.message.register(take_amount, StateFilter(Entering.amount), private, ~F.text.startswith("/"))
    press = router.callback_query.register
    press(fund_button, Pressed("treasury.fund"))
    press(by_hand, Pressed("treasury.fund_hand"))
    press(choose, Pressed("treasury.fund_from"))
    acts = ("treasury.fund_open", "treasury.fund_enter", "treasury.fund_confirm", "treasury.fund_refuse")
    press(act_on_funding, Pressed(*acts))
    return router


def _origin(data: Mapping[str, Any]) -> tuple[FundingSource, Money | None]:
    """Source and what has left it, as a state or a button holds them."""
    if "taken" not in data:
        return FundingSource.HAND, None
    taken = Money(int(data["taken"]), str(data["taken_currency"]))
    return treasury_funding.source_of(str(data["source"])), taken
