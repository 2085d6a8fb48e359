"""Coming in by an invitation, and the volunteers' home. What coordinators do with people: `handlers.people`."""

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import CommandObject, CommandStart, StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import CallbackQuery, Message

from handlers import people
from handlers.pressed import Pressed, finish
from models.errors import InvitationGone, NotAllowed
from models.unit import Unit
from models.volunteer import Role
from services import callsigns, volunteers
from services.access import Actor
from services.buttons import Press
from services.speak import Button, Screen, erase_messages, show

ROOMS = (
    ("mine", "mine.show", Role.REVIEWER),
    ("treasury", "treasury.desk", Role.TREASURER),
    ("desk", "desk.show", Role.COORDINATOR),
    ("people", "volunteers.people", Role.COORDINATOR),
)
"""Text, act and role of each button of the home."""


class Joining(StatesGroup):
    """The invitation is open: a call sign may be typed."""

    agreeing = State()


async def open_invitation(
    message: Message, command: CommandObject, unit: Unit, actor: Actor, state: FSMContext
) -> None:
    """A single-use link: show the code of conduct and a call sign."""
    erase_messages(unit, actor.address, [message.message_id])
    token = (command.args or "").removeprefix(volunteers.START_INVITATION)
    invitation = await volunteers.look_up(unit, token)
    sign = actor.volunteer.call_sign if actor.volunteer else await callsigns.draw(unit, actor.language)
    await state.set_state(Joining.agreeing)
    await state.set_data({"token": token, "role": invitation.role, "sign": sign})
    await _show_conduct(unit, actor, invitation.role, sign)


async def another_sign(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """Draw another call sign."""
    data = await _invited(state)
    sign = await callsigns.draw(unit, actor.language)
    await state.update_data(sign=sign)
    await _show_conduct(unit, actor, data["role"], sign)
    await finish(unit, actor, callback, press)


async def take_sign(message: Message, unit: Unit, actor: Actor, state: FSMContext) -> None:
    """A typed call sign."""
    erase_messages(unit, actor.address, [message.message_id])
    data = await _invited(state)
    if actor.volunteer is None:
        sign = await callsigns.check(unit, message.text or "", _names(message))
        await state.update_data(sign=sign)
        await _show_conduct(unit, actor, data["role"], sign)


async def agree(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The code of conduct is agreed to: come in."""
    data = await _invited(state)
    await state.clear()
    asked = await volunteers.accept(unit, actor, data["token"], data["sign"], _names(callback))
    if asked.confirmed_at is None:  # else they are welcome, and the screen says so already
        await show(unit, actor.to, Screen(unit.texts.render("volunteers.wait-confirmation", actor.language)))
    await finish(unit, actor, callback, press)


async def home(event: CallbackQuery | Message, unit: Unit, actor: Actor, press: Press, state: FSMContext) -> None:
    """The volunteers' home."""
    await state.clear()
    await _show_home(unit, actor)
    await finish(unit, actor, event, press)


def build_router() -> Router:
    """The router of volunteers; that of people comes with it."""
    router = Router(name="volunteers")
    invited = F.args.startswith(volunteers.START_INVITATION)
    private = F.chat.type == ChatType.PRIVATE
    link = CommandStart(deep_link=True, ignore_mention=True, magic=invited)
    router.message.register(open_invitation, link, private)
    router.message.register(take_sign, StateFilter(Joining.agreeing), private, ~F.text.startswith("/"))
    router.callback_query.register(agree, Pressed("volunteers.agree"))
    router.callback_query.register(another_sign, Pressed("volunteers.another-sign"))
    router.callback_query.register(home, Pressed("volunteers.home"))
    router.include_router(people.build_router())
    return router


def _names(event: Message | CallbackQuery) -> list[str]:
    user = event.from_user
    return [name for name in (user.first_name, user.last_name, user.username) if name] if user else []


async def _invited(state: FSMContext) -> dict[str, str]:
    data: dict[str, str] = await state.get_data()
    if "token" not in data:
        raise InvitationGone
    return data


async def _show_conduct(unit: Unit, actor: Actor, role: str, sign: str) -> None:
    name = unit.texts.render(f"volunteers.role.{role}", actor.language)
    text = unit.texts.render("volunteers.conduct", actor.language, role=name, sign=sign)
    verbs = ("agree",) if actor.volunteer else ("agree", "another-sign")
    rows = [
        [Button(unit.texts.render(f"volunteers.button.{verb}", actor.language), f"volunteers.{verb}")]
        for verb in verbs
    ]
    await show(unit, actor.to, Screen(text, rows))


async def _show_home(unit: Unit, actor: Actor) -> None:
    if actor.volunteer is None or not actor.roles:
        raise NotAllowed
    roles = ", ".join(unit.texts.render(f"volunteers.role.{role}", actor.language) for role in sorted(actor.roles))
    text = unit.texts.render("volunteers.home-text", actor.language, sign=actor.volunteer.call_sign, roles=roles)
    rows = [
        [Button(unit.texts.render(f"volunteers.button.go-{room}", actor.language), act)]
        for room, act, role in ROOMS
        if role in actor.roles
    ]
    await show(unit, actor.to, Screen(text, rows))
