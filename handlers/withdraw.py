"""`/withdraw` in a treasurer's private chat: what has left a provider, what arrived. Typed amounts are erased."""

from uuid import UUID

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import Command, StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import CallbackQuery, Message

from handlers.pressed import Pressed, finish
from models.unit import Unit
from payments.money import Money
from services import donate_withdraw
from services.access import Actor
from services.buttons import Press
from services.speak import erase_messages


class Withdrawing(StatesGroup):
    """What is waited for from a treasurer."""

    taken = State()
    arrived = State()


async def command(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """`/withdraw`: what each provider holds."""
    erase_messages(unit, actor.address, [message.message_id])
    await state.set_state(None)
    await donate_withdraw.show_held(unit, actor)


async def home(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The same by a button."""
    await state.set_state(None)
    await donate_withdraw.show_held(unit, actor)
    await finish(unit, actor, callback, press)


async def choose(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """A provider was chosen: ask what has left it."""
    currency = str(press.args["currency"])
    await donate_withdraw.ask_taken(unit, actor, currency)
    await state.set_state(Withdrawing.taken)
    await state.update_data(provider=str(press.args["provider"]), currency=currency)
    await finish(unit, actor, callback, press)


async def take_taken(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """What has left: ask what arrived."""
    erase_messages(unit, actor.address, [message.message_id])
    taken = donate_withdraw.read_taken(actor, message.text or "", (await state.get_data())["currency"])
    await donate_withdraw.ask_arrived(unit, actor, taken)
    await state.set_state(Withdrawing.arrived)
    await state.update_data(taken=taken.amount)


async def take_arrived(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """What arrived: show both back."""
    erase_messages(unit, actor.address, [message.message_id])
    data = await state.get_data()
    taken = Money(int(data["taken"]), str(data["currency"]))
    provider = donate_withdraw.provider_of(data["provider"])
    await donate_withdraw.check(unit, actor, provider, taken, message.text or "")


async def act(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """Enter, confirm or refuse; then the entry as it stands."""
    await state.set_state(None)
    withdrawal = UUID(str(press.args["withdrawal"]))
    if press.act == "withdraw.enter":
        provider = donate_withdraw.provider_of(str(press.args["provider"]))
        taken = Money(int(press.args["taken"]), str(press.args["currency"]))
        await donate_withdraw.enter(unit, actor, withdrawal, provider, taken, int(press.args["arrived"]))
    elif press.act == "withdraw.confirm":
        await donate_withdraw.confirm(unit, actor, withdrawal)
    elif press.act == "withdraw.refuse":
        await donate_withdraw.refuse(unit, actor, withdrawal)
    await donate_withdraw.show_withdrawal(unit, actor, withdrawal)
    await finish(unit, actor, callback, press)


def build_router() -> Router:
    """The router of withdrawals."""
    router = Router(name="withdraw")
    private = F.chat.type == ChatType.PRIVATE
    router.message.register(command, Command("withdraw"), private)
    router.message.register(take_taken, StateFilter(Withdrawing.taken), private, ~F.text.startswith("/"))
    router.message.register(take_arrived, StateFilter(Withdrawing.arrived), private, ~F.text.startswith("/"))
    press = router.callback_query.register
    press(home, Pressed("withdraw.home"))
    press(choose, Pressed("withdraw.from"))
    press(act, Pressed("withdraw.enter", "withdraw.confirm", "withdraw.refuse", "withdraw.open"))
    return router
