"""An applicant's answers to follow-ups: buttons, danger, never again."""

from uuid import UUID

from aiogram import Router
from aiogram.types import CallbackQuery

from handlers.pressed import Pressed, finish
from models.followup import Outcome
from models.unit import Unit
from services import followup
from services import followup_answers as answers
from services.access import Actor
from services.buttons import Press
from services.speak import answer


async def take_answer(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """A button of a question."""
    await answers.answer(unit, actor, _which(press), Outcome(str(press.args["outcome"])))
    answer(unit, actor.address, callback.id)


async def act(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """The buttons that lead on: danger, never, sure, back."""
    acts = {
        "followup.danger": answers.call_for_help,
        "followup.never": answers.confirm_never,
        "followup.stop": answers.never_again,
        "followup.back": answers.show_question,
    }
    await acts[press.act](unit, actor, _which(press))
    answer(unit, actor.address, callback.id)


async def open_again(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """The button on another screen: the question that waits for an answer."""
    await followup.show_open(unit, actor)
    await finish(unit, actor, callback, press)


def build_router() -> Router:
    """The router of follow-ups."""
    router = Router(name="followup")
    router.callback_query.register(take_answer, Pressed("followup.answer"))
    router.callback_query.register(open_again, Pressed("followup.open"))
    router.callback_query.register(
        act, Pressed("followup.danger", "followup.never", "followup.stop", "followup.back")
    )
    return router


def _which(press: Press) -> UUID:
    return UUID(str(press.args["followup"]))
