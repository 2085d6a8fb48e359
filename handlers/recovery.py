"""`/recover`: move a case to this account. `/verify`: check a receipt.

What was typed to move a case waits sealed in the conversation until `bot.phrases` has checked it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aiogram import F, Router
from aiogram.filters import Command, StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import Message
from sqlmodel import select

from handlers.conversation import CHECKING, private_conversation
from handlers.start import go_home
from models.errors import BadInput, Stale
from models.mail import Conversation
from models.unit import Unit
from services import case_screens, recovery
from services.access import Actor, name_actor
from services.contact import Address, To
from services.receipt import verify_receipt
from services.recovery import Recovery
from services.speak import erase_messages, show
from services.status import case_screen
from vault.seal import Place
from vault.types import BlindIndex, CaseCode, Secret

CLAIMING, VERIFYING = "recovery:claim", "recovery:receipt"


@dataclass(frozen=True, slots=True)
class Claim:
    """A code and a phrase that somebody has typed, and the hash that the phrase is to be checked against."""

    user: Address
    language: str
    code: CaseCode
    phrase: Secret = field(compare=False)
    hashed: str = field(repr=False)
    typed_at: datetime


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
    """Code and phrase: counted, kept sealed, and checked in a moment."""
    erase_messages(unit, actor.address, [message.message_id])
    try:
        code, phrase = recovery.read_claim(message.text or "")
    except BadInput as problem:
        await ask(unit, actor, state, CLAIMING, problem)
        return
    locked = await recovery.begin_guess(unit, actor)
    if locked is not None:
        await ask(unit, actor, state, CLAIMING, case_screens.not_recovered(Recovery(None, locked), unit.now))
        return
    await state.set_state(CHECKING)
    await state.set_data(
        {"user": actor.address, "language": actor.language, "code": code, "phrase": phrase.reveal()}
    )
    await show(unit, actor.to, case_screens.checking(unit, actor.to))


async def waiting_claims(unit: Unit) -> Sequence[BlindIndex]:
    """The lanes in which a code and a phrase wait to be checked."""
    found = await unit.session.exec(select(Conversation.lane).where(Conversation.state == CHECKING).limit(20))
    return [BlindIndex(lane) for lane in found.all()]


async def read_waiting(unit: Unit, lane: BlindIndex) -> Claim | None:
    """What waits to be checked in a lane, and against which hash; none when its person has gone elsewhere."""
    row = await unit.session.get(Conversation, (lane, lane))
    if row is None or row.state != CHECKING:
        return None
    if row.data is None:
        return None
    data = json.loads(unit.vault.open_server(row.data, Place("conversation", "data", f"{lane}:{lane}")))
    code = CaseCode(data["code"])
    hashed = await recovery.hash_of(unit, code)
    user = Address(data["user"])
    return Claim(user, data["language"], code, Secret(data["phrase"]), hashed, row.changed_at)


async def answer_claim(unit: Unit, claim: Claim, *, matches: bool) -> None:
    """Move the case, or say that nothing fits. Whatever is wrong, the answer is the same."""
    actor = await name_actor(unit, claim.user, claim.language)
    state = private_conversation(unit, claim.user)
    await state.set_state(None)
    try:
        async with unit.attempt():
            done = await recovery.settle(unit, actor, claim.code, claim.hashed, matches=matches)
    except Stale as refused:
        await ask(unit, actor, state, CLAIMING, BadInput(refused.text_key))
        return
    if done.case is None:
        await ask(unit, actor, state, CLAIMING, case_screens.not_recovered(done, unit.now))
        return
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
