"""Photos and documents sent in the private chat. Only recorded here; fetched after the commit by `bot.fetcher`."""

from aiogram import F, Router
from aiogram.filters import StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import Message

from handlers.asked import Asked, Asking, ask, asked_in
from handlers.case import ADDING, show_adding
from handlers.conversation import private_conversation
from models.case import OPEN, Case
from models.errors import BadInput
from models.unit import Unit
from services import attachments, intake, news
from services.access import Actor
from services.case_screens import adding
from services.contact import applicant
from services.speak import erase_messages, show


async def file_answer(message: Message, unit: Unit, actor: Actor, state: FSMContext, asked: Asked) -> None:
    """A file during the interview: taken where documents are asked for, each of an album by itself."""
    erase_messages(unit, actor.address, [message.message_id])
    case = intake.own(actor)
    problem = BadInput("intake.bad.text-wanted") if asked.key != "documents" else None
    try:
        if problem is None:
            async with unit.attempt():
                await attachments.request_file(unit, actor, case, *file_of(message))
    except BadInput as refused:
        problem = refused
    await ask(unit, case, actor.to, state, asked, problem or _words_lost(message))


async def file_added(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """A file added to a case under review."""
    erase_messages(unit, actor.address, [message.message_id])
    case, problem = intake.own(actor), None
    try:
        async with unit.attempt():
            await attachments.request_file(unit, actor, case, *file_of(message))
    except BadInput as refused:
        problem = refused
    await show_adding(unit, actor, case, state, problem or _words_lost(message))


async def show_progress(unit: Unit, case: Case, *, refused: bool) -> None:
    """A file was added or refused: say so, if the person's screen still shows the files.

    That a file of a case already sent was refused is news, wherever the person is; a draft says so before sending.
    """
    if case.chat is None:
        return
    to = await applicant(unit, case)
    state = private_conversation(unit, to.address)
    raw_state = await state.get_state()
    asked = asked_in(raw_state)
    if asked is not None and asked.key == "documents":
        await ask(unit, case, to, state, asked)
    elif raw_state == ADDING:
        await show(unit, to, await adding(unit, to, case), case=case)
    elif refused and case.status in OPEN:
        await news.tell(unit, case, "case.open")


def _words_lost(message: Message) -> BadInput | None:
    """What is said when there were words beside a file: they left the chat with it."""
    return BadInput("intake.bad.caption") if message.caption else None


def file_of(message: Message) -> tuple[str, int | None]:
    """Telegram's name of the file and its size; of a photo the largest form."""
    file = message.document or (message.photo or [])[-1]
    return file.file_id, file.file_size


def build_router() -> Router:
    """The router of files."""
    router = Router(name="attachments")
    private = F.chat.type == "private"
    router.message.register(file_answer, private, Asking(), F.photo | F.document)
    router.message.register(file_added, private, StateFilter(ADDING), F.photo | F.document)
    return router
