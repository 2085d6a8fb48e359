"""A person's own case: its status, adding to it, the check phrase, taking it back, erasing everything."""

from aiogram import F, Router
from aiogram.filters import Command, StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from handlers import refusals
from handlers.asked import Shortened, is_too_long, put_away, refuse_cut, resume
from handlers.pressed import Pressed, finish
from handlers.start import go_home
from models.case import Case, CaseStatus
from models.errors import BadInput
from models.unit import Unit
from services import anew, case_screens, checkphrase, erasure, intake, screens, submission
from services.access import Actor
from services.buttons import Press
from services.contact import To, applicant
from services.speak import clear_slot, erase_messages, show
from services.status import case_screen
from vault.types import Secret

ADDING, CHECKING = "case:add", "case:check"
"""What the screen waits for to be typed."""


async def status(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """`/status`."""
    erase_messages(unit, actor.address, [message.message_id])
    await open_case(unit, actor, state)


async def opened(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The button that opens the case."""
    await open_case(unit, actor, state)
    await finish(unit, actor, callback, press)


async def open_case(unit: Unit, actor: Actor, state: FSMContext, note: str | None = None) -> None:
    """Show the actor's case; the interview goes on for a draft; home when there is none."""
    case = actor.case
    if case is None:
        await go_home(unit, actor, state, "case.none")
    elif case.status is CaseStatus.DRAFT:
        await resume(unit, case, actor.to, state)
    else:
        await state.set_state(None)
        await show(unit, actor.to, await case_screen(unit, actor.to, case, note=note), case=case)


async def written(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The recovery phrase is written down: it goes, and a check phrase is asked for if there is none."""
    case = intake.own(actor)
    await clear_slot(unit, actor.chat, refusals.SLOT)
    if case.check_phrase is None:
        await ask_check_phrase(unit, actor, case, state)
    else:
        await open_case(unit, actor, state)
    await finish(unit, actor, callback, press)


async def check(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """Choose another check phrase."""
    await ask_check_phrase(unit, actor, intake.own(actor), state)
    await finish(unit, actor, callback, press)


async def ask_check_phrase(
    unit: Unit, actor: Actor, case: Case, state: FSMContext, problem: BadInput | None = None
) -> None:
    """Ask for a check phrase."""
    await state.set_state(CHECKING)
    screen = case_screens.prompt(unit, actor.to, "case.ask.check", problem)
    await show(unit, actor.to, screen, case=case, anew=is_too_long(problem))


async def check_typed(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """The check phrase."""
    case = intake.own(actor)
    try:
        async with unit.attempt():
            await checkphrase.choose_check_phrase(unit, actor, case, message.text or "")
    except BadInput as problem:
        put_away(unit, actor, message, problem)
        await ask_check_phrase(unit, actor, case, state, problem)
    else:
        put_away(unit, actor, message)
        await open_case(unit, actor, state, "case.done.check")


async def add(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """Add words or files to a case under review."""
    await show_adding(unit, actor, intake.own(actor), state)
    await finish(unit, actor, callback, press)


async def show_adding(
    unit: Unit, actor: Actor, case: Case, state: FSMContext, problem: BadInput | None = None
) -> None:
    """Ask what is to be added, below the files that were sent."""
    await state.set_state(ADDING)
    screen = await case_screens.adding(unit, actor.to, case, problem)
    await show(unit, actor.to, screen, case=case, anew=is_too_long(problem))


async def added(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """Words to be added."""
    case = intake.own(actor)
    try:
        await refuse_cut(message, state)
        async with unit.attempt():
            await submission.add(unit, actor, case, message.text or "")
    except BadInput as problem:
        put_away(unit, actor, message, problem)
        await show_adding(unit, actor, case, state, problem)
    else:
        put_away(unit, actor, message)
        await open_case(unit, actor, state, "case.done.added")


async def page(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """A page that asks before it does: withdraw, erase, ask anew, a new phrase; or shows: the receipt."""
    to, case = actor.to, actor.case
    if press.act == "case.erase":
        screen = await case_screens.confirm_erasing(unit, actor)
    elif press.act == "case.withdraw":
        screen = await case_screens.confirm_withdrawing(unit, actor)
    elif press.act == "case.anew":
        screen = await case_screens.confirm_anew(unit, actor)
    elif press.act == "case.phrase":
        screen = case_screens.confirm(unit, to, "case.ask.phrase", "case.button.phrase", "case.phrase_sure")
    else:
        screen = case_screens.receipt(unit, to, intake.own(actor))
    await show(unit, to, screen, case=case)
    await finish(unit, actor, callback, press)


async def new_phrase(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """Order a new recovery phrase."""
    case = intake.own(actor)
    await submission.order_phrase(unit, actor, case)
    await show(unit, actor.to, screens.phrase_soon_screen(unit, actor.to), case=case, anew=True)
    await finish(unit, actor, callback, press)


async def show_phrase(unit: Unit, case: Case, phrase: Secret) -> None:
    """Show a recovery phrase just made, once, in place of the line that announced it."""
    to = await applicant(unit, case)
    await show(unit, to, screens.phrase_screen(unit, to, case, phrase.reveal()), case=case)


async def withdraw(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """Take the case back."""
    case = intake.own(actor)
    await submission.withdraw(unit, actor, case)
    await state.set_state(None)
    await show(unit, actor.to, await case_screen(unit, actor.to, case), case=case)
    await finish(unit, actor, callback, press)


async def ask_anew(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """Close the case and begin another."""
    case = await anew.begin(unit, actor)
    await resume(unit, case, actor.to, state)
    await finish(unit, actor, callback, press)


async def erase_command(message: Message, unit: Unit, actor: Actor) -> None:
    """`/erase`: asks once more."""
    erase_messages(unit, actor.address, [message.message_id])
    await show(unit, actor.to, await case_screens.confirm_erasing(unit, actor), case=actor.case)


async def erase(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """Erase everything and say exactly what could and could not be removed."""
    to = To(actor.address, actor.language)
    done = await erasure.erase(unit, actor)
    await finish(unit, actor, callback, press)
    await show(unit, to, case_screens.erased(unit, to, done))


def build_router() -> Router:
    """The router of a person's own case."""
    router = Router(name="case")
    press = router.callback_query.register
    press(opened, Pressed("case.open"))
    press(written, Pressed("case.written"))
    press(check, Pressed("case.check"))
    press(add, Pressed("case.add"))
    press(page, Pressed("case.erase", "case.withdraw", "case.anew", "case.phrase", "case.receipt"))
    press(new_phrase, Pressed("case.phrase_sure"))
    press(withdraw, Pressed("case.withdraw_sure"))
    press(ask_anew, Pressed("case.anew_sure"))
    press(erase, Pressed("case.erase_sure"))
    private = F.chat.type == "private"
    router.message.register(status, Command("status"), private)
    router.message.register(erase_command, Command("erase"), private)
    words = F.text & ~F.text.startswith("/")
    router.message.register(check_typed, private, StateFilter(CHECKING), words)
    router.message.register(added, private, StateFilter(ADDING), words)
    router.edited_message.register(added, private, StateFilter(ADDING), Shortened(), words)
    return router
