"""The private half of a vote: another amount, or the reason of a decline. What is typed is erased at once."""

from uuid import UUID

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import CallbackQuery, Message

from handlers.pressed import Pressed, finish
from models.case import OPEN, Case
from models.errors import Stale
from models.unit import Unit
from services import voting
from services.access import Act, Actor
from services.buttons import Press, pressed_case
from services.reasons import LONGEST, Declining, Reason
from services.seats import require_open_seat
from services.speak import Button, Screen, erase_messages, show
from services.typed import read_text
from texts.formats import money


class Voting(StatesGroup):
    """What a reviewer is asked to type."""

    amount = State()
    words = State()


async def ask_amount(
    event: CallbackQuery | Message, unit: Unit, actor: Actor, press: Press, state: FSMContext
) -> None:
    """Ask for another amount than the one asked for."""
    case = await pressed_case(unit, press)
    await require_open_seat(unit, actor, Act.VOTE, case)
    most = money(voting.most(unit.policy, case), unit.policy.currency, actor.language)
    await _ask(unit, actor, case, unit.texts.render("review.type-amount", actor.language, most=most))
    await state.set_state(Voting.amount)
    await state.set_data({"case": str(case.id), "version": case.version})
    await finish(unit, actor, event, press)


async def take_amount(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """A typed amount is the vote."""
    erase_messages(unit, actor.address, [message.message_id])
    case = await _case(unit, await state.get_data())
    amount = voting.read_wanted(unit, message.text or "")
    await voting.approve(unit, actor, case, amount)
    await state.clear()
    await show_vote(unit, actor, case, amount)


async def ask_reason(
    event: CallbackQuery | Message, unit: Unit, actor: Actor, press: Press, state: FSMContext
) -> None:
    """Ask for the class of the reason."""
    await state.clear()
    case = await pressed_case(unit, press)
    await require_open_seat(unit, actor, Act.VOTE, case)
    rows = [
        [Button(unit.texts.render(f"review.reason.{why}", actor.language), "review.reason", {"why": str(why)})]
        for why in Reason
    ]
    text = unit.texts.render("review.why", actor.language)
    await show(unit, actor.to, Screen(text, [*rows, [_cancel(unit, actor)]]), case=case, anew=True)
    await finish(unit, actor, event, press)


async def ask_words(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The class is chosen: a few words may follow."""
    case = await pressed_case(unit, press)
    without = Button(unit.texts.render("review.button.without-words", actor.language), "review.without-words")
    await _ask(unit, actor, case, unit.texts.render("review.words", actor.language), without)
    await state.set_state(Voting.words)
    await state.set_data({"case": str(case.id), "version": case.version, "why": press.args["why"]})
    await finish(unit, actor, callback, press)


async def take_words(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """Typed words complete the vote."""
    erase_messages(unit, actor.address, [message.message_id])
    data = await state.get_data()
    words = read_text(message.text or "", LONGEST)
    case = await _case(unit, data)
    await voting.decline(unit, actor, case, Declining(Reason(data["why"]), words))
    await state.clear()
    await show_vote(unit, actor, case)


async def without_words(
    callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext
) -> None:
    """The class alone is the vote. It waits sealed in the conversation: buttons are stored in the clear."""
    case, data = await pressed_case(unit, press), await state.get_data()
    if "why" not in data or data["case"] != str(case.id):
        raise Stale
    await voting.decline(unit, actor, case, Declining(Reason(data["why"])))
    await state.clear()
    await show_vote(unit, actor, case)
    await finish(unit, actor, callback, press)


def build_router() -> Router:
    """The router of ballots."""
    router = Router(name="ballot")
    private = F.chat.type == ChatType.PRIVATE
    for register in (router.callback_query.register, router.message.register):
        register(ask_amount, Pressed("review.type-amount"))
        register(ask_reason, Pressed("review.reasons"))
    router.callback_query.register(ask_words, Pressed("review.reason"))
    router.callback_query.register(without_words, Pressed("review.without-words"))
    router.message.register(take_amount, StateFilter(Voting.amount), private, ~F.text.startswith("/"))
    router.message.register(take_words, StateFilter(Voting.words), private, ~F.text.startswith("/"))
    return router


async def _case(unit: Unit, data: dict[str, str | int]) -> Case:
    """The case that the words are about, unless it has changed since they were asked for."""
    case = await unit.session.get(Case, UUID(str(data["case"])))
    if case is None or case.version != data["version"]:
        raise Stale("refused.case-changed")
    return case


async def _ask(unit: Unit, actor: Actor, case: Case, text: str, *buttons: Button) -> None:
    rows = [[button] for button in (*buttons, _cancel(unit, actor))]
    await show(unit, actor.to, Screen(text, rows), case=case, anew=True)


async def show_vote(unit: Unit, actor: Actor, case: Case, amount: int | None = None) -> None:
    """Say that the vote is in, for how much, in minor units; or that it has decided the case."""
    if case.status not in OPEN:
        text = unit.texts.render("review.done-decided", actor.language, code=case.code)
    elif amount is None:
        text = unit.texts.render("review.done", actor.language)
    else:
        voted = money(amount, unit.policy.currency, actor.language)
        text = unit.texts.render("review.done-amount", actor.language, amount=voted)
    await show(unit, actor.to, Screen(text, [[_mine(unit, actor)]]), anew=True)


def _mine(unit: Unit, actor: Actor) -> Button:
    return Button(unit.texts.render("volunteers.button.go-mine", actor.language), "mine.show")


def _cancel(unit: Unit, actor: Actor) -> Button:
    return Button(unit.texts.render("review.button.cancel", actor.language), "volunteers.home")
