"""What coordinators do with volunteers: see them by call sign, invite, confirm, re-confirm, end access."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

from aiogram import Router
from aiogram.types import CallbackQuery

from handlers.pressed import Pressed, finish
from models.unit import Unit
from models.volunteer import Role, Volunteer
from services import standing, volunteers
from services.access import Actor
from services.buttons import Press
from services.speak import OWN_NAME, Button, Screen, show
from texts.formats import day

PAGE = 20
"""People on one screen."""

DEEDS: Final[Mapping[str, tuple[Callable[[Unit, Actor, UUID], Awaitable[Volunteer]], str]]] = {
    "volunteers.suspend": (standing.suspend, "id"),
    "volunteers.reconfirm": (standing.reconfirm, "id"),
    "volunteers.confirm": (volunteers.confirm, "role"),
    "volunteers.decline": (volunteers.decline, "role"),
}
"""What is done by a button, and the button's argument that says to whom or to which role."""


async def show_people(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """Everybody by call sign, who waits for a confirmation, and the invitations."""
    page = int(press.args.get("page", 0))
    everybody = await standing.roster(unit, actor)
    shown = everybody[page * PAGE : (page + 1) * PAGE]
    rows = [
        *await _waiting(unit, actor),
        *([Button(who.call_sign, "volunteers.person", {"id": str(who.id)})] for who in shown),
        *_pages(unit, actor, page, len(everybody)),
        *([_button(unit, actor, f"invite-{role}", "invite", role=str(role))] for role in Role),
        [_button(unit, actor, "back", "home")],
    ]
    text = unit.texts.render("volunteers.people", actor.language, n=len(everybody))
    await show(unit, actor.to, Screen(text, rows))
    await finish(unit, actor, callback, press)


async def show_person(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """One volunteer."""
    await _show_person(unit, actor, UUID(str(press.args["id"])))
    await finish(unit, actor, callback, press)


async def act_on_volunteer(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """End access, re-confirm, confirm or decline a role; then the volunteer as they stand."""
    deed, subject = DEEDS[press.act]
    volunteer = await deed(unit, actor, UUID(str(press.args[subject])))
    await _show_person(unit, actor, volunteer.id)
    done = unit.texts.render("volunteers.popup.done", actor.language)
    await finish(unit, actor, callback, press, done)


async def invite(callback: CallbackQuery, unit: Unit, actor: Actor, press: Press) -> None:
    """Make an invitation and show its link, unprotected: it is to be passed on, and soon runs out."""
    role = Role(str(press.args["role"]))
    token = await volunteers.invite(unit, role, actor)
    text = unit.texts.render(
        "volunteers.invitation",
        actor.language,
        role=unit.texts.render(f"volunteers.role.{role}", actor.language),
        minutes=unit.policy.panel.invitation_minutes,
        link=f"https://t.me/{OWN_NAME}?start={volunteers.START_INVITATION}{token}",
    )
    await show(unit, actor.to, Screen(text, [[_button(unit, actor, "back", "people")]]))
    await finish(unit, actor, callback, press)


def build_router() -> Router:
    """The router of people."""
    router = Router(name="people")
    press = router.callback_query.register
    press(show_people, Pressed("volunteers.people"))
    press(show_person, Pressed("volunteers.person"))
    press(act_on_volunteer, Pressed(*DEEDS))
    press(invite, Pressed("volunteers.invite"))
    return router


async def _show_person(unit: Unit, actor: Actor, volunteer_id: UUID) -> None:
    volunteer, roles = await standing.person(unit, actor, volunteer_id)
    text = unit.texts.render(
        "volunteers.person",
        actor.language,
        sign=volunteer.call_sign,
        roles=_names(unit, actor, roles),
        status=unit.texts.render(f"volunteers.status.{volunteer.status}", actor.language),
        day=day(volunteer.reconfirm_at.date(), actor.language),
    )
    rows = [[_button(unit, actor, "back", "people")]]
    if actor.volunteer is not None and volunteer.id != actor.volunteer.id:
        rows = [*_verbs(unit, actor, volunteer), *rows]
    await show(unit, actor.to, Screen(text, rows))


def _verbs(unit: Unit, actor: Actor, volunteer: Volunteer) -> list[list[Button]]:
    if volunteer.status not in standing.STANDING:
        return []
    return [[_button(unit, actor, verb, verb, id=str(volunteer.id))] for verb in ("reconfirm", "suspend")]


async def _waiting(unit: Unit, actor: Actor) -> list[list[Button]]:
    rows = []
    for role, who in await volunteers.pending(unit, actor):
        for verb in ("confirm", "decline"):
            label = unit.texts.render(f"volunteers.button.{verb}", actor.language)
            name = unit.texts.render(f"volunteers.role.{role.role}", actor.language)
            act = Button(f"{label}: {who.call_sign}, {name}", f"volunteers.{verb}", {"role": str(role.id)})
            rows.append([act])
    return rows


def _pages(unit: Unit, actor: Actor, page: int, count: int) -> list[list[Button]]:
    row = [_button(unit, actor, "earlier", "people", page=page - 1)] if page else []
    if (page + 1) * PAGE < count:
        row.append(_button(unit, actor, "further", "people", page=page + 1))
    return [row] if row else []


def _names(unit: Unit, actor: Actor, roles: Sequence[Role]) -> str:
    names = [unit.texts.render(f"volunteers.role.{role}", actor.language) for role in roles]
    return ", ".join(names) or unit.texts.render("volunteers.no-roles", actor.language)


def _button(unit: Unit, actor: Actor, text: str, act: str, **args: str | int) -> Button:
    return Button(unit.texts.render(f"volunteers.button.{text}", actor.language), f"volunteers.{act}", args)
