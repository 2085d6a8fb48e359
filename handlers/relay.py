"""Questions and answers passed on without names: the reviewer's side and the applicant's."""

from dataclasses import replace
from uuid import UUID

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import CallbackQuery, Message

from handlers.attachments import file_of
from handlers.case import ADDING
from handlers.pressed import Pressed, finish
from models.case import Case
from models.unit import Unit
from services import attachments, relay, review
from services.access import Actor
from services.buttons import Press, pressed_case
from services.case_screens import adding
from services.speak import Button, Screen, erase_messages, show


class Relaying(StatesGroup):
    """What is to be typed."""

    question = State()
    answer = State()


async def begin_question(
    event: CallbackQuery | Message, unit: Unit, actor: Actor, press: Press, state: FSMContext
) -> None:
    """A reviewer wants to ask."""
    case = await pressed_case(unit, press, same_version=False)
    await relay.require_may_ask(unit, actor, case)
    cancel = Button(unit.texts.render("review.button.cancel", actor.language), "volunteers.home")
    text = unit.texts.render("relay.type-question", actor.language)
    await show(unit, actor.to, Screen(text, [[cancel]]), case=case, anew=True)
    await state.set_state(Relaying.question)
    await state.set_data({"case": str(case.id)})
    await finish(unit, actor, event, press)


async def take_question(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """The question is typed: pass it on."""
    erase_messages(unit, actor.address, [message.message_id])
    data = await state.get_data()
    case = await unit.session.get_one(Case, UUID(data["case"]))
    await relay.ask(unit, actor, case, message.text or "")
    await state.clear()
    mine = Button(unit.texts.render("volunteers.button.go-mine", actor.language), "mine.show")
    await show(unit, actor.to, Screen(unit.texts.render("relay.sent", actor.language), [[mine]]))


async def open_question(
    event: CallbackQuery | Message, unit: Unit, actor: Actor, press: Press, state: FSMContext
) -> None:
    """The applicant opens the question."""
    await _show_question(unit, actor)
    await state.set_state(Relaying.answer)
    await finish(unit, actor, event, press)


async def take_answer(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """The applicant's answer is typed: pass it on."""
    erase_messages(unit, actor.address, [message.message_id])
    case = review.own_case(actor)
    await relay.answer_question(unit, actor, case, message.text or "")
    await state.clear()
    text = unit.texts.render("relay.thanks", actor.language)
    await show(unit, actor.to, Screen(text, [[_home(unit, actor)]]), case=case)


async def take_file(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """A file comes with the answer, or before it. Its caption is the answer; more of an album may follow."""
    erase_messages(unit, actor.address, [message.message_id])
    case = review.own_case(actor)
    await attachments.request_file(unit, actor, case, *file_of(message))
    if not message.caption:
        await _show_question(unit, actor, "relay.file-taken")
        return
    await relay.answer_question(unit, actor, case, message.caption)
    await state.clear()
    await state.set_state(ADDING)
    screen = await adding(unit, actor.to, case)
    thanks = unit.texts.render("relay.thanks", actor.language)
    await show(unit, actor.to, replace(screen, text=f"{thanks}\n\n{screen.text}"), case=case)


def build_router() -> Router:
    """The router of the relay."""
    router = Router(name="relay")
    private = F.chat.type == ChatType.PRIVATE
    for register in (router.callback_query.register, router.message.register):
        register(begin_question, Pressed("relay.ask"))
        register(open_question, Pressed("relay.open"))
    router.message.register(take_question, StateFilter(Relaying.question), private, ~F.text.startswith("/"))
    router.message.register(take_file, StateFilter(Relaying.answer), private, F.photo | F.document)
    router.message.register(take_answer, StateFilter(Relaying.answer), private, ~F.text.startswith("/"))
    return router


async def _show_question(unit: Unit, actor: Actor, note: str | None = None) -> None:
    """The question that waits; `note` is the key of a line above it."""
    question = await relay.read_question(unit, actor)
    lines = [] if note is None else [unit.texts.render(note, actor.language)]
    lines.append(unit.texts.render("relay.question", actor.language, question=question))
    screen = Screen("\n\n".join(lines), [[_home(unit, actor)]], protect=True)
    await show(unit, actor.to, screen, case=review.own_case(actor), anew=True)


def _home(unit: Unit, actor: Actor) -> Button:
    return Button(unit.texts.render("relay.button.home", actor.language), "case.open")
