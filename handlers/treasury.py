"""The payout desk in a treasurer's private chat, and the applicant's confirmation of how money reaches them.

What is typed (a reference, an amount) is shown back and counts only once its button is pressed.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from uuid import UUID

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import CallbackQuery, Message

from handlers.asked import Asked, ask
from handlers.pressed import Pressed, finish
from models.errors import AlreadyDone, ButtonGone
from models.grant import ReturnReason
from models.unit import Unit
from services import (
    treasury,
    treasury_differences,
    treasury_leaving,
    treasury_machine,
    treasury_person,
    treasury_rails,
    treasury_returns,
    treasury_screens,
)
from services.access import Actor
from services.buttons import Press, pressed_case
from services.speak import erase_messages

ACTS: Final[Mapping[str, Callable[[Unit, Actor, UUID], Awaitable[object]]]] = {
    "treasury.claim": treasury.claim,
    "treasury.give_back": treasury.give_back,
    "treasury.take_over": treasury_leaving.take_over,
    "treasury.take_telling": treasury_leaving.take_telling,
    "treasury.confirm": treasury.confirm,
    "treasury.recheck": treasury_returns.recheck,
    "treasury.confirm_return": treasury_returns.confirm_return,
    "treasury.deny_return": treasury_returns.deny_return,
    "treasury.order": treasury_machine.order,
    "treasury.agree_order": treasury_machine.agree_order,
    "treasury.refuse_order": treasury_machine.refuse_order,
    "treasury.looked": treasury_machine.looked,
    "treasury.doubt": treasury_machine.doubt,
}
"""Presses after which the payout is shown as it stands."""


class Paying(StatesGroup):
    """What the desk waits for a treasurer to type."""

    reference = State()


async def agree(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """The applicant confirms how the money reaches them."""
    case = await pressed_case(unit, press)
    seen = int(press.args["pays"]) if "pays" in press.args else None
    await treasury.agree(unit, actor, case, str(press.args["rail"]) if "rail" in press.args else None, seen)
    await treasury_person.show_person(unit, actor, case)
    await finish(unit, actor, callback, press)


async def other_way(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The applicant wants the money another way: the question is on the screen again."""
    case = await pressed_case(unit, press)
    await treasury.other_way(unit, actor, case)
    await ask(unit, case, actor.to, state, Asked("payout", correcting=True))
    await finish(unit, actor, callback, press)


async def take_back(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """The applicant withdraws what they agreed to; whoever comes too late sees where it stands now."""
    case, popup = await pressed_case(unit, press), None
    try:
        async with unit.attempt():
            await treasury.take_back(unit, actor, case)
    except AlreadyDone as late:
        popup = unit.texts.render(late.text_key, actor.language, **late.params)
    await treasury_person.show_person(unit, actor, case)
    await finish(unit, actor, callback, press, popup)


async def missing(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """The applicant says that nothing has arrived, and sees that it is being looked up."""
    case = await pressed_case(unit, press, same_version=False)
    await treasury_returns.not_arrived(unit, actor, case)
    await treasury_person.show_person(unit, actor, case)
    await finish(unit, actor, callback, press)


async def show_person(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """The applicant sees where their money is."""
    case = await pressed_case(unit, press, same_version=False)
    rail = str(press.args["rail"]) if "rail" in press.args else None
    await treasury_person.show_person(unit, actor, case, rail=rail, rechecked=press.act == "treasury.rechecked")
    await finish(unit, actor, callback, press)


async def show_desk(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The queue, or what has been paid."""
    await state.clear()
    await treasury_screens.show_desk(
        unit, actor, int(press.args.get("page", 0)), done=press.act == "treasury.done"
    )
    await finish(unit, actor, callback, press)


async def open_payout(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """One payout."""
    await state.clear()
    await treasury_screens.show_payout(unit, actor, _id(press, "payout"))
    await finish(unit, actor, callback, press)


async def act_on_payout(
    callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext
) -> None:
    """Claim, give back, take over, confirm, look up again; then the payout as it stands."""
    await state.clear()
    payout_id = _id(press, "payout")
    await ACTS[press.act](unit, actor, payout_id)
    await treasury_screens.show_payout(unit, actor, payout_id)
    await finish(unit, actor, callback, press)


async def look(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """Where a payout is to go whose destination was changed after the approval."""
    await treasury_screens.show_changed(unit, actor, _id(press, "payout"))
    await finish(unit, actor, callback, press)


async def show_where(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """Where a partner is to pass the money on, for the one who tells them."""
    await treasury_screens.show_where(unit, actor, _id(press, "payout"))
    await finish(unit, actor, callback, press)


async def show_ways(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """Every way to pay, and how it is with it."""
    await treasury_rails.show_rails(unit, actor)
    await finish(unit, actor, callback, press)


async def show_differences(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """What reconciliation has found."""
    await treasury_differences.show_differences(unit, actor)
    await finish(unit, actor, callback, press)


async def ask_reference(
    callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext
) -> None:
    """The holder has paid: ask for the reference."""
    await treasury_screens.ask_reference(unit, actor, _id(press, "payout"))
    await state.set_state(Paying.reference)
    await state.set_data({"payout": str(_id(press, "payout"))})
    await finish(unit, actor, callback, press)


async def take_reference(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """A typed reference: erase it from the chat, keep it sealed, show it back."""
    erase_messages(unit, actor.address, [message.message_id])
    reference = treasury.read_reference(message.text or "")
    data = await state.get_data()
    await treasury_screens.check_reference(unit, actor, UUID(data["payout"]), reference)
    await state.set_data(data | {"reference": reference})


async def pay(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The reference is right: enter the payment."""
    data = await state.get_data()
    payout_id = _id(press, "payout")
    if data.get("payout") != str(payout_id) or "reference" not in data:
        raise ButtonGone
    paying = treasury_machine.report if await treasury_machine.awaits_report(unit, payout_id) else treasury.pay
    await paying(unit, actor, payout_id, data["reference"])
    await state.clear()
    await treasury_screens.show_payout(unit, actor, payout_id)
    await finish(unit, actor, callback, press)


async def ask_reason(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """The money came back: ask why."""
    await treasury_screens.ask_reason(unit, actor, _id(press, "payout"))
    await finish(unit, actor, callback, press)


async def came_back(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """Enter that the money came back."""
    payout_id = _id(press, "payout")
    await treasury_returns.came_back(unit, actor, payout_id, ReturnReason(str(press.args["reason"])))
    await treasury_screens.show_payout(unit, actor, payout_id)
    await finish(unit, actor, callback, press)


def build_router() -> Router:
    """The router of the payout desk."""
    router = Router(name="treasury")
    press = router.callback_query.register
    press(agree, Pressed("treasury.agree"))
    press(other_way, Pressed("treasury.other_way"))
    press(take_back, Pressed("treasury.take_back"))
    press(missing, Pressed("treasury.missing"))
    press(show_person, Pressed("treasury.confirm_rail", "treasury.rechecked", "treasury.choose"))
    press(show_desk, Pressed("treasury.desk", "treasury.done"))
    press(open_payout, Pressed("treasury.open"))
    press(act_on_payout, Pressed(*ACTS))
    press(look, Pressed("treasury.look"))
    press(show_where, Pressed("treasury.where"))
    press(show_ways, Pressed("treasury.ways"))
    press(show_differences, Pressed("treasury.differences"))
    press(ask_reference, Pressed("treasury.paid", "treasury.report"))
    press(pay, Pressed("treasury.paid_sure"))
    press(ask_reason, Pressed("treasury.returned"))
    press(came_back, Pressed("treasury.return_reason"))
    private = F.chat.type == ChatType.PRIVATE
    router.message.register(take_reference, StateFilter(Paying.reference), private, ~F.text.startswith("/"))
    return router


def _id(press: Press, name: str) -> UUID:
    return UUID(str(press.args[name]))
