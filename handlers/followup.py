"""An applicant's answers to follow-ups: buttons, words, never again."""

from uuid import UUID

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import CallbackQuery, Message

from handlers.pressed import Pressed, finish
from models.followup import Outcome
from models.unit import Unit
from services import followup, followup_words
from services import followup_answers as answers
from services.access import Actor
from services.buttons import Press
from services.speak import answer, erase_messages


class Telling(StatesGroup):
    """What a person who was asked may type."""

    words = State()


async def take_answer(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """A button of a question."""
    await _leave(state)
    await answers.answer(unit, actor, _which(press), Outcome(str(press.args["outcome"])))
    answer(unit, actor.address, callback.id)


async def act(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The buttons that lead on: danger, never, sure, back."""
    await _leave(state)
    acts = {
        "followup.danger": answers.call_for_help,
        "followup.never": answers.confirm_never,
        "followup.stop": answers.never_again,
        "followup.back": answers.show_question,
    }
    await acts[press.act](unit, actor, _which(press))
    answer(unit, actor.address, callback.id)


async def open_again(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The button on another screen: the question that waits for an answer."""
    await _leave(state)
    await followup.show_open(unit, actor)
    await finish(unit, actor, callback, press)


async def begin_words(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The next message is the answer."""
    await answers.ask_for_words(unit, actor, _which(press))
    await state.set_state(Telling.words)
    await state.set_data({"followup": str(_which(press))})
    answer(unit, actor.address, callback.id)


async def take_words(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """What was typed is sealed, and erased from the chat."""
    key = UUID((await state.get_data())["followup"])
    await answers.tell(unit, actor, key, message.text or "")
    erase_messages(unit, actor.address, [message.message_id])
    await state.clear()


async def read_words(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """One who decided reads what the person wrote."""
    await followup_words.read(unit, actor, _which(press))
    await finish(unit, actor, callback, press)


def build_router() -> Router:
    """The router of follow-ups."""
    router = Router(name="followup")
    router.callback_query.register(take_answer, Pressed("followup.answer"))
    router.callback_query.register(open_again, Pressed("followup.open"))
    router.callback_query.register(begin_words, Pressed("followup.words"))
    router.callback_query.register(read_words, Pressed("followup.read"))
    router.callback_query.register(
        act, Pressed("followup.danger", "followup.never", "followup.stop", "followup.back")
    )
    typed = (F.chat.type == ChatType.PRIVATE, StateFilter(Telling.words), ~F.text.startswith("/"))
    router.message.register(take_words, *typed)
    return router


async def _leave(state: FSMContext) -> None:
    """Another button ends our own typing, and no one else's."""
    if await state.get_state() == Telling.words.state:
        await state.clear()


def _which(press: Press) -> UUID:
    return UUID(str(press.args["followup"]))
