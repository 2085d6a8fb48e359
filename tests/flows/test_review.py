"""The review over the Bot API's protocol: joining, the group, reading, voting, asking, the decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import pytest

from models.case import CaseStatus
from models.volunteer import Role
from sandbox.telegram.client import Group, Person
from services import volunteers
from services.access import name_actor
from tests.flows.harness import World
from tests.unit.services.fund import Fund, status

BOTH = pytest.mark.parametrize("receiving", ["polling", "webhook"], indirect=True)
LANGUAGES = pytest.mark.parametrize("language", ["en", "ru"])


@dataclass
class Team:
    """Everybody of a fund at work, and their group."""

    world: World
    fund: Fund
    language: str
    coordinators: Sequence[Person]
    reviewers: dict[str, Person]
    group: Group

    def say(self, key: str, **params: str | int) -> str:
        """A text in the team's language."""
        return self.world.resources.texts.render(key, self.language, **params)

    async def case(self, applicant: Person) -> UUID:
        """A case under review."""
        await applicant.send("/start")
        await self.world.settle()
        self.fund.people["Applicant"] = applicant.id
        case_id = await self.fund.case()
        await self.world.jump(seconds=1)
        return case_id

    async def on_card(self, sign: str, key: str) -> None:
        """A reviewer presses a button of the card, and follows its link if it opens one."""
        person = self.reviewers[sign]
        link = await person.press(self.say(key), chat=self.group)
        await self.world.settle()
        if link is None:
            popups = await person.popups()
            link = popups[-1].url if popups else None
        if link is not None:
            await person.open_link(link)
            await self.world.settle()

    async def press(self, person: Person, key: str, **params: str | int) -> None:
        """Somebody presses a button in their private chat."""
        await person.press(self.say(key, **params))
        await self.world.settle()


async def come_in(world: World, person: Person, role: Role, language: str) -> str:
    """Follow an invitation of the operator, agree to the code of conduct; returns the call sign."""
    async with world.unit() as unit:
        token = await volunteers.invite(unit, role, None)
    await person.open_link(f"https://t.me/{world.server.telegram.bot.username}?start=i_{token}")
    await world.settle()
    await person.press(world.resources.texts.render("volunteers.button.agree", language))
    await world.settle()
    async with world.unit() as unit:
        actor = await name_actor(unit, person.id, language)
        assert actor.volunteer is not None
        return actor.volunteer.call_sign


async def gather(world: World, language: str) -> Team:
    """Two coordinators, four reviewers confirmed by one of them, and a bound group."""
    coordinators = [await world.person(name, language) for name in ("Coordinator", "Second")]
    for person in coordinators:
        await come_in(world, person, Role.COORDINATOR, language)
    reviewers = {}
    for name in ("One", "Two", "Three", "Four"):
        person = await world.person(name, language)
        reviewers[await come_in(world, person, Role.REVIEWER, language)] = person
        await coordinators[0].press(world.resources.texts.render("volunteers.button.confirm", language))
        await world.settle()
    group = await world.group("Review", coordinators[0], *reviewers.values())
    team = Team(world, Fund(world.resources, language=language), language, coordinators, reviewers, group)
    await bind(team)
    return team


async def bind(team: Team) -> None:
    """The coordinator binds the group, and it is looked at."""
    await team.coordinators[0].send("/desk", chat=team.group)
    await team.world.settle()
    assert team.world.app.errands is not None
    await team.world.app.errands.run_due_now()
    await team.world.settle()


@BOTH
@LANGUAGES
async def test_a_panel_reads_votes_and_decides(world: World, language: str) -> None:
    """From the invitation to the decision, as the people see it."""
    team = await gather(world, language)
    anna = await world.person("Anna", language)
    case_id = await team.case(anna)
    card = (await team.coordinators[0].messages(team.group))[-1]
    panel = await team.fund.panel(case_id)
    assert all(sign in card.text for sign in panel)
    assert "umbrella" not in card.text

    await team.on_card(panel[0], "review.button.read")
    reader = team.reviewers[panel[0]]
    page = next(view for view in await reader.messages() if "umbrella" in view.text)
    assert page.protected
    await world.jump(minutes=11)
    assert not any("umbrella" in view.text for view in await reader.messages())

    outsider = next(sign for sign in team.reviewers if sign not in panel)
    await team.on_card(outsider, "review.button.read")
    assert (await team.reviewers[outsider].popups())[-1].alert

    await team.on_card(panel[0], "review.button.approve")
    assert await status(team.fund, case_id) == CaseStatus.IN_REVIEW
    await team.on_card(panel[1], "review.button.decline")
    other = team.reviewers[panel[1]]
    await team.press(other, "review.reason.unclear")
    await other.send("Too vague.")
    await world.settle()
    assert not any("vague" in view.text for view in await other.messages())
    await team.on_card(panel[2], "review.button.approve")
    assert await status(team.fund, case_id) == CaseStatus.APPROVED

    await team.press(anna, "relay.notice-open")
    assert "10" in (await anna.messages())[-1].text
