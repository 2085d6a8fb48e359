"""`/recover`: move a case to this account. `/verify`: check a receipt."""

from aiogram import F, Router
from aiogram.filters import Command, StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import Message

from handlers.start import go_home
from models.errors import BadInput
from models.unit import Unit
from services import case_screens, recovery
from services.access import Actor
from services.contact import To
from services.receipt import verify_receipt
from services.speak import erase_messages, show
from services.status import case_screen

CLAIMING, VERIFYING = "recovery:claim", "recovery:receipt"


async def command(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """`/recover`: ask for code and phrase."""
    erase_messages(unit, actor.address, [message.message_id])
    await ask(unit, actor, state, CLAIMING)


async def verify_command(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """`/verify`: ask for a receipt."""
    erase_messages(unit, actor.address, [message.message_id])
    await ask(unit, actor, state, VERIFYING)


async def ask(unit: Unit, actor: Actor, state: FSMContext, waiting: str, problem: BadInput | None = None) -> None:
    """Wait for one message."""
    await state.set_state(waiting)
    key = "case.ask.recover" if waiting == CLAIMING else "case.ask.receipt"
    await show(unit, actor.to, case_screens.prompt(unit, actor.to, key, problem, home=True), case=actor.case)


async def claim(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """Code and phrase. Whatever is wrong, the answer is the same."""
    erase_messages(unit, actor.address, [message.message_id])
    try:
        done = await recovery.recover(unit, actor, message.text or "")
    except BadInput as problem:
        await ask(unit, actor, state, CLAIMING, problem)
        return
    if done.case is None:
        await ask(unit, actor, state, CLAIMING, case_screens.not_recovered(done, unit.now))
        return
    await state.set_state(None)
    to = To(actor.address, done.case.language)
    await show(unit, to, await case_screen(unit, to, done.case, note="case.done.moved"), case=done.case)


async def receipt(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """A receipt: say what it proves, or that it proves nothing."""
    erase_messages(unit, actor.address, [message.message_id])
    try:
        proved = verify_receipt(unit.vault, message.text or "")
    except BadInput as problem:
        await ask(unit, actor, state, VERIFYING, problem)
        return
    await go_home(unit, actor, state)
    await show(unit, actor.to, case_screens.proved(unit, actor.to, proved), case=actor.case)


def build_router() -> Router:
    """The router of recovery and receipts."""
    router = Router(name="recovery")
    private = F.chat.type == "private"
    words = F.text & ~F.text.startswith("/")
    router.message.register(command, Command("recover"), private)
    router.message.register(verify_command, Command("verify"), private)
    router.message.register(claim, private, StateFilter(CLAIMING), words)
    router.message.register(receipt, private, StateFilter(VERIFYING), words)
    return router
