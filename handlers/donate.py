"""`/donate` and `/gifts`: giving, and looking after what was given. A typed amount is erased at once."""

from uuid import UUID

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import Command, CommandObject, CommandStart, StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import CallbackQuery, Message, PreCheckoutQuery

from handlers.pressed import Pressed, finish
from models.unit import Unit
from payments.money import STARS, Money
from services import donate, donate_gifts, donate_stars
from services.access import Actor
from services.buttons import Press
from services.donate import Way
from services.donate_stars import StarMove
from services.speak import erase_messages

START: str = "donate"
"""The start parameter by which the page to pay on leads back."""


class Giving(StatesGroup):
    """What is waited for from a giver."""

    amount = State()


async def donate_command(message: Message, unit: Unit, actor: Actor, state: FSMContext, *, card: bool) -> None:
    """`/donate`: the warning and the ways."""
    erase_messages(unit, actor.address, [message.message_id])
    await state.set_state(None)
    await donate.show_ways(unit, actor, card=card)


async def show_ways(
    callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext, *, card: bool
) -> None:
    """The same by a button."""
    await state.set_state(None)
    await donate.show_ways(unit, actor, card=card)
    await finish(unit, actor, callback, press)


async def show_amounts(
    callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext, *, card: bool
) -> None:
    """A way was chosen, or a currency."""
    await state.set_state(None)
    currency = press.args.get("currency")
    await donate.show_amounts(unit, actor, _way(press), str(currency) if currency else None, card=card)
    await finish(unit, actor, callback, press)


async def ask_amount(
    callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext, *, card: bool
) -> None:
    """Another amount: it is to be typed."""
    way, currency = _way(press), str(press.args["currency"])
    await donate.ask_amount(unit, actor, way, currency, card=card)
    await state.set_state(Giving.amount)
    await state.update_data(way=way.value, currency=currency)
    await finish(unit, actor, callback, press)


async def take_amount(message: Message, unit: Unit, actor: Actor, state: FSMContext, *, card: bool) -> None:
    """A typed amount."""
    erase_messages(unit, actor.address, [message.message_id])
    data = await state.get_data()
    way, currency = Way(data["way"]), str(data["currency"])
    money = donate.read_amount(unit, message.text or "", way, currency, card=card)
    await donate.begin_in_chat(unit, actor, way, money, card=card)
    await state.set_state(None)


async def begin(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, *, card: bool) -> None:
    """An amount was chosen."""
    money = Money(int(press.args["amount"]), str(press.args["currency"]))
    await donate.begin_in_chat(unit, actor, _way(press), money, card=card)
    await finish(unit, actor, callback, press)


async def gifts_command(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """`/gifts`: what this person gave."""
    erase_messages(unit, actor.address, [message.message_id])
    await state.set_state(None)
    await donate_gifts.show_gifts(unit, actor)


async def show_gifts(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """The same by a button."""
    await donate_gifts.show_gifts(unit, actor)
    await finish(unit, actor, callback, press)


async def show_gift(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """One gift."""
    await donate_gifts.show_gift(unit, actor, UUID(str(press.args["gift"])))
    await finish(unit, actor, callback, press)


async def take_back(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """Have one gift paid back."""
    donation = UUID(str(press.args["gift"]))
    await donate_gifts.take_back(unit, actor, donation)
    await donate_gifts.show_gift(unit, actor, donation)
    await finish(unit, actor, callback, press)


async def stop(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """Stop a monthly gift."""
    await donate_gifts.stop(unit, actor, UUID(str(press.args["monthly"])))
    await donate_gifts.show_gifts(unit, actor)
    await finish(unit, actor, callback, press)


async def ask_forgetting(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """Forget me: asked once more."""
    await donate_gifts.ask_forgetting(unit, actor)
    await finish(unit, actor, callback, press)


async def forget(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """Stop everything, and know this chat no more."""
    await donate_gifts.forget(unit, actor)
    await donate_gifts.show_gifts(unit, actor)
    popup = unit.texts.render("donate.popup.forgotten", actor.language)
    await finish(unit, actor, callback, press, popup)


async def trace(message: Message, unit: Unit, actor: Actor, command: CommandObject) -> None:
    """`/gift TOKEN`: where the money of a gift went."""
    erase_messages(unit, actor.address, [message.message_id])
    await donate_gifts.show_traced(unit, actor, command.args or "")


async def check_payment(query: PreCheckoutQuery, unit: Unit, actor: Actor) -> None:
    """Telegram's last question before it takes the stars."""
    await donate_stars.check_payment(
        unit, actor, query.id, query.invoice_payload, query.currency, query.total_amount
    )


async def paid(message: Message, unit: Unit, actor: Actor) -> None:
    """The stars are paid: recorded, and Telegram's own note of it taken out of the chat."""
    erase_messages(unit, actor.address, [message.message_id])
    found = message.successful_payment
    if found is not None and found.currency == STARS:
        move = StarMove(
            found.telegram_payment_charge_id,
            found.total_amount,
            int(actor.address),
            found.invoice_payload,
            refund=False,
        )
        await donate_stars.paid(unit, actor.address, actor.language, move)


async def paid_back(message: Message, unit: Unit, actor: Actor) -> None:
    """The stars are paid back, by the fund or by Telegram itself."""
    erase_messages(unit, actor.address, [message.message_id])
    if message.refunded_payment is not None:
        await donate_stars.paid_back(unit, message.refunded_payment.telegram_payment_charge_id)


def build_router() -> Router:
    """The router of givers."""
    router = Router(name="donate")
    private = F.chat.type == ChatType.PRIVATE
    router.message.register(donate_command, Command("donate"), private)
    router.message.register(donate_command, CommandStart(deep_link=True, magic=F.args == START), private)
    router.message.register(take_amount, StateFilter(Giving.amount), private, ~F.text.startswith("/"))
    router.message.register(gifts_command, Command("gifts"), private)
    router.message.register(trace, Command("gift"), private)
    router.message.register(paid, F.successful_payment, private)
    router.message.register(paid_back, F.refunded_payment, private)
    router.pre_checkout_query.register(check_payment)
    press = router.callback_query.register
    press(show_ways, Pressed("donate.home"))
    press(show_amounts, Pressed("donate.way"))
    press(ask_amount, Pressed("donate.other"))
    press(begin, Pressed("donate.amount"))
    press(show_gifts, Pressed("donate.gifts"))
    press(show_gift, Pressed("donate.gift"))
    press(take_back, Pressed("donate.take_back"))
    press(stop, Pressed("donate.stop"))
    press(ask_forgetting, Pressed("donate.forget"))
    press(forget, Pressed("donate.forget_sure"))
    return router


def _way(press: Press) -> Way:
    return Way(str(press.args["way"]))
