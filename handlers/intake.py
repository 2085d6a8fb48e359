"""The interview in the private chat: typed and pressed answers, Back, Skip, the page before sending, sending."""

from aiogram import F, Router
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message

from handlers.asked import (
    Asked,
    Asking,
    Shortened,
    ask,
    asked_in,
    go_on,
    put_away,
    refuse_cut,
    resume,
    show_review,
)
from handlers.pressed import Pressed, finish
from models.errors import BadInput, Stale
from models.unit import Unit
from services import attachments, intake, screens, submission, treasury_person
from services.access import Actor
from services.buttons import Press
from services.contact import To
from services.questions import DONE
from services.speak import erase_messages, show


async def begin(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """Answer here: a new draft, or the half-done one."""
    case = await intake.begin(unit, actor)
    await resume(unit, case, actor.to, state)
    await finish(unit, actor, callback, press)


async def typed(message: Message, unit: Unit, actor: Actor, state: FSMContext, asked: Asked) -> None:
    """A typed answer. What cannot be taken is said above the question; nothing answered is lost."""
    case, text = intake.own(actor), message.text or ""
    try:
        await refuse_cut(message, state)
        value = await intake.typed_value(unit, actor, case, asked.key, text)
        await submission.give_answer(unit, actor, case, asked.key, value)
    except BadInput as problem:
        put_away(unit, actor, message, problem)
        await ask(unit, case, actor.to, state, asked, problem)
        return
    put_away(unit, actor, message)
    if asked.key in submission.changeable(case):
        await go_on(unit, case, actor.to, state, asked)
    else:  # it was asked anew after the decision: what is left is to agree to it
        await state.set_state(None)
        await treasury_person.show_person(unit, actor, case)


async def not_text(message: Message, unit: Unit, actor: Actor, state: FSMContext, asked: Asked) -> None:
    """A voice message, a sticker, a place: not taken."""
    erase_messages(unit, actor.address, [message.message_id])
    key = "intake.bad.file-type" if asked.key == "documents" else "intake.bad.text-wanted"
    await ask(unit, intake.own(actor), actor.to, state, asked, BadInput(key))


async def choose(
    callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext, raw_state: str | None
) -> None:
    """A pressed answer: a choice, Skip, or Done after the documents."""
    case, key = intake.own(actor), str(press.args["question"])
    if press.act == "intake.choose":
        value = intake.chosen_value(key, str(press.args["name"]))
    else:
        value = DONE if press.act == "intake.done" else intake.skipped_value(key)
    await submission.give_answer(unit, actor, case, key, value)
    await go_on(unit, case, actor.to, state, _way(key, raw_state))
    await finish(unit, actor, callback, press)


async def keep(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The present answer stays: go on."""
    asked = Asked(str(press.args["question"]), correcting=False)
    await go_on(unit, intake.own(actor), actor.to, state, asked)
    await finish(unit, actor, callback, press)


async def back(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The question before, with its answer."""
    asked = Asked(str(press.args["question"]), correcting=False)
    await ask(unit, intake.own_draft(actor), actor.to, state, asked)
    await finish(unit, actor, callback, press)


async def correct(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """One answer of the page before sending, or of a case already sent, to be changed."""
    asked = Asked(str(press.args["question"]), correcting=True)
    await ask(unit, intake.own(actor), actor.to, state, asked)
    await finish(unit, actor, callback, press)


async def again(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The question that is asked anew after the decision. Raises `Stale` when it was answered."""
    case = intake.own(actor)
    key = await submission.asked_again(unit, case)
    if key is None:
        raise Stale
    await ask(unit, case, actor.to, state, Asked(key, correcting=True))
    await finish(unit, actor, callback, press)


async def review(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The page to read and correct."""
    await show_review(unit, intake.own(actor), actor.to, state)
    await finish(unit, actor, callback, press)


async def remove(
    callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext, raw_state: str | None
) -> None:
    """Take all files back."""
    case = intake.own(actor)
    await attachments.remove_files(unit, actor, case)
    await ask(unit, case, actor.to, state, _way("documents", raw_state))
    await finish(unit, actor, callback, press)


async def send(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """Send the case. Its recovery phrase is shown in a moment, once (`handlers.case.show_phrase`).

    When a file was refused since the page was shown, the page is shown anew: nobody sends without knowing.
    """
    case = intake.own_draft(actor)
    if screens.refused(await attachments.files_of(unit, case)) != press.args["refused"]:
        await show_review(unit, case, actor.to, state)
        await finish(unit, actor, callback, press)
        return
    await submission.submit(unit, actor, case)
    await state.set_state(None)
    to = To(actor.address, case.language)
    await show(unit, to, screens.phrase_soon_screen(unit, to), case=case, anew=True)
    await finish(unit, actor, callback, press)


def _way(key: str, raw_state: str | None) -> Asked:
    asked = asked_in(raw_state)
    return Asked(key, correcting=asked is not None and asked.correcting)


def build_router() -> Router:
    """The router of the interview."""
    router = Router(name="intake")
    press = router.callback_query.register
    press(begin, Pressed("intake.begin"))
    press(choose, Pressed("intake.choose", "intake.skip", "intake.done"))
    press(keep, Pressed("intake.keep"))
    press(back, Pressed("intake.back"))
    press(correct, Pressed("intake.correct"))
    press(again, Pressed("intake.again"))
    press(review, Pressed("intake.review"))
    press(remove, Pressed("intake.remove"))
    press(send, Pressed("intake.send"))
    private = F.chat.type == "private"
    router.message.register(typed, private, Asking(), F.text, ~F.text.startswith("/"))
    router.edited_message.register(typed, private, Asking(), Shortened(), F.text, ~F.text.startswith("/"))
    router.message.register(not_text, private, Asking(), ~F.text, ~F.photo, ~F.document)
    return router
