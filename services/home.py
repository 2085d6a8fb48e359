"""The first screen (what this is, what it is not, what is safe to write) and the pages behind it."""

from models.case import CaseStatus
from models.unit import Unit
from services.access import Actor
from services.contact import To
from services.followup import open_question
from services.screens import Rows, in_twos
from services.speak import Button, Screen


async def home_screen(unit: Unit, actor: Actor, *, note: str | None = None) -> Screen:
    """The start for this actor: their case and what waits for them in it, their tasks if they are a volunteer."""
    to = actor.to
    lines = [] if note is None else [_say(unit, to, note)]
    lines += [_say(unit, to, "start.what"), _say(unit, to, "start.not"), _say(unit, to, "start.safe")]
    return Screen("\n\n".join(lines), await _rows(unit, actor))


def protection_screen(unit: Unit, to: To) -> Screen:
    """How we protect you."""
    text = _say(unit, to, "start.protection", hours=unit.policy.retention.draft_hours)
    return Screen(text, [[_home(unit, to)]])


def help_screen(unit: Unit, to: To) -> Screen:
    """What can be done here, and the commands."""
    return Screen(_say(unit, to, "start.help"), [[_home(unit, to)]])


def language_screen(unit: Unit, to: To) -> Screen:
    """The choice of language, each in its own words."""
    return Screen(_say(unit, to, "start.language"), [*in_twos(_languages(unit)), [_home(unit, to)]])


async def _rows(unit: Unit, actor: Actor) -> Rows:
    to = actor.to
    rows = in_twos(_languages(unit))
    if actor.roles:
        rows.append([Button(_say(unit, to, "start.button.volunteer"), "volunteers.home")])
    if actor.case is None:
        rows.append([Button(_say(unit, to, "start.button.answer"), "intake.begin")])
    elif actor.case.status is CaseStatus.DRAFT:
        rows.append([Button(_say(unit, to, "start.button.resume"), "intake.begin")])
    else:
        rows.append([Button(_say(unit, to, "start.button.case"), "case.open")])
        if await open_question(unit, actor.case):
            rows.append([Button(_say(unit, to, "followup.button.open"), "followup.open")])
    rows.append([Button(_say(unit, to, "start.button.protection"), "start.protection")])
    rows.append(
        [
            Button(_say(unit, to, "start.button.help"), "start.help"),
            Button(_say(unit, to, "start.button.erase"), "case.erase"),
        ]
    )
    return rows


def _languages(unit: Unit) -> list[Button]:
    return [
        Button(unit.texts.render("start.button.language", code), "start.speak", {"language": code})
        for code in reversed(unit.texts.languages)
    ]


def _home(unit: Unit, to: To) -> Button:
    return Button(_say(unit, to, "start.button.home"), "start.home")


def _say(unit: Unit, to: To, key: str, **params: str | int) -> str:
    return unit.texts.render(key, to.language, **params)
