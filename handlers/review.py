"""The card in the group, and the applicant's side of a decision. The private half of a vote: `handlers.ballot`.

The card's buttons may be pressed by anyone in the group; the services answer who may not by a pop-up that only
they see. What needs words or a choice opens the bot's private chat.
"""

from aiogram import Router
from aiogram.types import CallbackQuery

from handlers import ballot, emergency
from handlers.pressed import Pressed, finish
from models.case import OPEN, Case
from models.unit import Unit
from services import review, voting
from services.access import Act, Actor
from services.buttons import Press, pressed_case
from services.contact import Address
from services.seats import asked, require_open_seat
from services.speak import Button, Screen, answer, show, start_link
from texts.formats import money

PRIVATE = {
    "review.read": (Act.READ, "reading.show"),
    "review.decline": (Act.VOTE, "review.reasons"),
    "review.ask": (Act.ASK, "relay.ask"),
}
"""Buttons of the card that open the private chat: the act, and the button that the link stands for."""


async def open_private(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """Read, decline or ask: only in the private chat."""
    case = await pressed_case(unit, press, same_version=False)
    act, target = PRIVATE[press.act]
    await require_open_seat(unit, actor, act, case)
    link = start_link(unit, actor.chat, Button("", target), case)
    answer(unit, _chat(callback, actor), callback.id, start=link)


async def approve(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """Vote for the amount asked for, on the card or in private."""
    case = await pressed_case(unit, press)
    await voting.approve(unit, actor, case)
    if _chat(callback, actor) == actor.address:
        await ballot.show_vote(unit, actor, case, asked(unit.policy, case))
        await finish(unit, actor, callback, press)
        return
    key = "review.popup.voted" if case.status in OPEN else "review.popup.decided"
    await finish(unit, actor, callback, press, unit.texts.render(key, actor.language))


async def know(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """Somebody on the panel knows the person: they leave the case."""
    await voting.step_aside(unit, actor, await pressed_case(unit, press, same_version=False))
    await finish(unit, actor, callback, press, unit.texts.render("review.popup.aside", actor.language))


async def outcome(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """The applicant opens the decision."""
    case = review.own_case(actor)
    told = await review.outcome(unit, actor)
    await (_show_approved(unit, actor, case, told) if told.amount else _show_declined(unit, actor, case, told))
    await finish(unit, actor, callback, press)


async def appeal(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """The applicant asks once for others to look."""
    case = await review.appeal(unit, actor)
    text = unit.texts.render("review.appeal-filed", actor.language)
    await show(unit, actor.to, Screen(text, [[_home(unit, actor)]]), case=case)
    await finish(unit, actor, callback, press)


def build_router() -> Router:
    """The router of the review; those of ballots and emergencies come with it."""
    router = Router(name="review")
    press = router.callback_query.register
    press(open_private, Pressed(*PRIVATE))
    press(approve, Pressed("review.approve"))
    press(know, Pressed("review.know"))
    press(outcome, Pressed("review.outcome"))
    press(appeal, Pressed("review.appeal"))
    router.include_router(ballot.build_router())
    router.include_router(emergency.build_router())
    return router


def _chat(callback: CallbackQuery, actor: Actor) -> Address:
    return Address(callback.message.chat.id) if callback.message else actor.address


async def _show_approved(unit: Unit, actor: Actor, case: Case, told: review.Outcome) -> None:
    amount = money(told.amount or 0, unit.policy.currency, actor.language)
    text = unit.texts.render("review.outcome-approved", actor.language, amount=amount)
    rail = Button(unit.texts.render("review.button.rail", actor.language), "treasury.confirm_rail")
    await show(unit, actor.to, Screen(text, [[rail], [_home(unit, actor)]], protect=True), case=case)


async def _show_declined(unit: Unit, actor: Actor, case: Case, told: review.Outcome) -> None:
    reason = unit.texts.render(f"review.told.{told.reason}", actor.language)
    text = unit.texts.render("review.outcome-declined", actor.language, reason=reason)
    rows = [[_home(unit, actor)]]
    if told.may_appeal:
        text += "\n\n" + unit.texts.render("review.outcome-appeal", actor.language)
        rows.insert(0, [Button(unit.texts.render("review.button.appeal", actor.language), "review.appeal")])
    await show(unit, actor.to, Screen(text, rows, protect=True), case=case)


def _home(unit: Unit, actor: Actor) -> Button:
    return Button(unit.texts.render("relay.button.home", actor.language), "case.open")
