"""An emergency: asked for from the page that is read, agreed to by a coordinator, looked at by the panel later."""

from uuid import UUID

from aiogram import Router
from aiogram.types import CallbackQuery

from handlers.pressed import Pressed, finish
from models.case import Case
from models.errors import ButtonGone, Stale
from models.unit import Unit
from services import emergency
from services.access import Actor
from services.buttons import Press, pressed_case
from services.desk import show_desk
from services.seats import asked
from services.speak import Button, Screen, show
from texts.formats import money


async def begin(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """Say what an emergency grant means, and ask whether that is wanted."""
    case = await pressed_case(unit, press)
    if not await emergency.may_propose(unit, actor, case):
        raise Stale("emergency.refused.proposed")
    amount = money(asked(unit.policy, case), unit.policy.currency, actor.language)
    text = unit.texts.render("emergency.sure", actor.language, code=case.code, amount=amount)
    rows = [
        [Button(unit.texts.render("emergency.button.propose", actor.language), "emergency.propose")],
        [Button(unit.texts.render("review.button.cancel", actor.language), "volunteers.home")],
    ]
    await show(unit, actor.to, Screen(text, rows, protect=True), case=case, anew=True)
    await finish(unit, actor, callback, press)


async def propose(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """The reviewer asks the coordinators."""
    case = await pressed_case(unit, press)
    await emergency.propose(unit, actor, case)
    text = unit.texts.render("emergency.proposed", actor.language, code=case.code)
    mine = Button(unit.texts.render("volunteers.button.go-mine", actor.language), "mine.show")
    await show(unit, actor.to, Screen(text, [[mine]]), case=case)
    await finish(unit, actor, callback, press)


async def look(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """A coordinator opens a proposal from the desk."""
    case = await unit.session.get(Case, UUID(str(press.args["case"])))
    if case is None:
        raise ButtonGone
    await emergency.ask_again(unit, actor, case)
    await finish(unit, actor, callback, press)


async def agree(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """A coordinator agrees: the grant is made."""
    await emergency.agree(unit, actor, await pressed_case(unit, press))
    await show_desk(unit, actor)
    await finish(unit, actor, callback, press, unit.texts.render("emergency.popup.granted", actor.language))


async def judge(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """A member of the panel says afterwards what they think of it."""
    case = await pressed_case(unit, press, same_version=False)
    await emergency.give_verdict(unit, actor, case, agreed=press.act == "emergency.right")
    await finish(unit, actor, callback, press, unit.texts.render("emergency.popup.thanks", actor.language))


def build_router() -> Router:
    """The router of emergencies."""
    router = Router(name="emergency")
    router.callback_query.register(begin, Pressed("emergency.begin"))
    router.callback_query.register(propose, Pressed("emergency.propose"))
    router.callback_query.register(look, Pressed("emergency.look"))
    router.callback_query.register(agree, Pressed("emergency.agree"))
    router.callback_query.register(judge, Pressed("emergency.right", "emergency.wrong"))
    return router
