"""The review over the Bot API's protocol: joining, the group, reading, voting, asking, the decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlmodel import select

from models.case import Case, CaseStatus
from models.grant import Grant
from models.mail import EventStatus, InboxEvent, Keyboard
from models.volunteer import Role
from sandbox.telegram.calls import FaultKind
from sandbox.telegram.client import Group, Person
from services import volunteers
from services.access import name_actor
from tests.flows.harness import World
from tests.flows.worlds import LANGUAGES, WORLDS
from tests.unit.services.fund import Fund, status


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


async def test_a_call_that_has_faded_leads_to_the_work(world: World) -> None:
    """A reviewer who looks an hour later finds the case behind the neutral line, not the page for newcomers."""
    team = await gather(world, "ru")
    case_id = await team.case(await world.person("Anna", "ru"))
    async with world.unit() as unit:
        code = (await unit.session.get_one(Case, case_id)).code
    sign = (await team.fund.panel(case_id))[0]
    await world.jump(minutes=world.resources.policy.retention.screen_minutes + 1)
    await team.press(team.reviewers[sign], "pipeline.open")
    assert any(code in view.text for view in await team.reviewers[sign].messages())


@WORLDS
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


async def test_a_question_is_answered_and_a_decline_appealed(world: World) -> None:
    """Relay and appeal as the people see them: no names, typed words erased, other reviewers the second time."""
    team = await gather(world, "en")
    anna = await world.person("Anna", "en")
    case_id = await team.case(anna)
    one, two, _ = await team.fund.panel(case_id)
    asker = team.reviewers[one]
    await team.on_card(one, "review.button.ask")
    await asker.send("Which month was it?")
    await world.settle()
    assert not any("month" in view.text for view in await asker.messages())
    assert await status(team.fund, case_id) == CaseStatus.NEEDS_ANSWER

    await team.press(anna, "relay.notice-open")
    question = (await anna.messages())[-1].text
    assert "Which month was it?" in question
    assert one not in question
    await anna.send("It was in May.")
    await world.settle()
    assert not any("May" in view.text for view in await anna.messages())
    assert await status(team.fund, case_id) == CaseStatus.IN_REVIEW

    for sign in (one, two):
        await team.on_card(sign, "review.button.decline")
        await team.press(team.reviewers[sign], "review.reason.elsewhere")
        async with world.unit() as unit:
            buttons = [each for row in (await unit.session.exec(select(Keyboard))).all() for each in row.buttons]
        assert {"why": "elsewhere"} not in [args for act, args in buttons if act == "review.without-words"]
        await team.press(team.reviewers[sign], "review.button.without-words")
    assert await status(team.fund, case_id) == CaseStatus.DECLINED
    await team.press(anna, "relay.notice-open")
    assert team.say("review.told.elsewhere") in (await anna.messages())[-1].text
    await team.press(anna, "review.button.appeal")
    assert await status(team.fund, case_id) == CaseStatus.IN_REVIEW
    assert not {one, two} & set(await team.fund.panel(case_id))


async def test_another_amount_and_stepping_aside(world: World) -> None:
    """What is typed in private is the vote; "I know this person" brings somebody else at once."""
    team = await gather(world, "ru")
    case_id = await team.case(await world.person("Anna", "ru"))
    one, two, three = await team.fund.panel(case_id)
    await team.on_card(one, "review.button.know")
    assert (await team.reviewers[one].popups())[-1].text == team.say("review.popup.aside")
    panel = await team.fund.panel(case_id)
    assert one not in panel
    assert len(panel) == 3
    for sign in (two, three):
        await team.on_card(sign, "review.button.read")
        await team.press(team.reviewers[sign], "review.button.amount")
        await team.reviewers[sign].send("8 тысяч")
        await world.settle()
    assert await status(team.fund, case_id) == CaseStatus.APPROVED
    async with world.unit() as unit:
        assert [grant.amount for grant in (await unit.session.exec(select(Grant))).all()] == [800_000]


async def test_a_stranger_closes_the_group_and_a_coordinator_opens_it(world: World) -> None:
    """Cards go when somebody unknown comes in, coordinators hear of it, and come back after the mending."""
    team = await gather(world, "en")
    await team.case(await world.person("Anna", "en"))
    stranger = await world.person("Mallory", "en")
    await team.group.join(stranger)
    await world.settle()
    assert not [view for view in await team.coordinators[0].messages(team.group) if view.labels]
    alert = team.say("group.closed.strangers")
    for coordinator in team.coordinators:
        assert any(view.text == alert for view in await coordinator.messages())
    await bind(team)
    await world.jump(minutes=2)
    assert not [view for view in await team.coordinators[0].messages(team.group) if view.labels]
    await team.group.kick(stranger)
    await bind(team)
    await world.jump(minutes=2)
    assert [view for view in await team.coordinators[0].messages(team.group) if view.labels]


async def open_to_others(team: Team, group: Group, fault: str) -> None:
    """Change a group so that Telegram lets others read it, though its history is set to be hidden."""
    if fault == "history-visible":
        await group.set_history(visible=True)
    elif fault == "public":
        await group.set_up(username="plecho_reviewers")
    elif fault == "forum":
        await group.set_up(is_forum=True)
    elif fault == "linked":
        channel = await team.world.town.group("News", team.coordinators[0], kind="channel")
        await group.set_up(linked_chat=channel.id)
    elif fault == "located":
        await group.set_up(address="A square")


OPEN_TO_OTHERS = ["public", "forum", "linked", "located"]


@pytest.mark.parametrize("fault", OPEN_TO_OTHERS)
async def test_a_group_that_others_can_read_is_closed(world: World, fault: str) -> None:
    """Telegram tells nobody of such a change: the next look takes the cards away and alerts the coordinators."""
    team = await gather(world, "en")
    await team.case(await world.person("Anna", "en"))
    assert [view for view in await team.coordinators[0].messages(team.group) if view.labels]
    await open_to_others(team, team.group, fault)
    await world.jump(minutes=31)
    assert not [view for view in await team.coordinators[0].messages(team.group) if view.labels]
    alert = team.say(f"group.closed.{fault}")
    for coordinator in team.coordinators:
        assert any(view.text == alert for view in await coordinator.messages())


@pytest.mark.parametrize("fault", ["no-delete", "history-visible", *OPEN_TO_OTHERS])
async def test_an_unsafe_group_is_refused(world: World, fault: str) -> None:
    """The coordinator hears in private what to mend; the group hears nothing."""
    coordinator = await world.person("Coordinator", "en")
    await come_in(world, coordinator, Role.COORDINATOR, "en")
    group = await world.group("Review", coordinator, admin=fault != "no-delete")
    team = Team(world, Fund(world.resources), "en", [coordinator], {}, group)
    await open_to_others(team, group, fault)
    await bind(team)
    assert any(team.say(f"group.fault.{fault}", n=0) in view.text for view in await coordinator.messages())
    assert not [view for view in await coordinator.messages(group) if view.from_bot]


CHANNEL = {"id": -100_777, "type": "channel", "title": "News"}
ANONYMOUS = {"id": 1_087_968_824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
IN_A_CHANNELS_NAME = {"id": 136_817_688, "is_bot": True, "first_name": "Channel", "username": "Channel_Bot"}
OF_A_LINKED_CHANNEL = {"id": 777_000, "is_bot": False, "first_name": "Telegram"}
"""Whom Telegram puts in the place of a sender that it does not name (Bot API, Message.sender_chat)."""


async def say_desk(team: Team, sender: dict[str, object], chat: dict[str, object] | None = None) -> None:
    """`/desk` in the group, in the name of the group itself or of another chat."""
    group = {"id": team.group.id, "type": "supergroup", "title": "Review"}
    command = {"text": "/desk", "entities": [{"type": "bot_command", "offset": 0, "length": 5}]}
    where = {"message_id": 900, "date": int(team.world.clock.now().timestamp()), "chat": group}
    await team.world.town.inject({"message": where | command | {"from": sender, "sender_chat": chat or group}})
    await team.world.settle()
    async with team.world.unit() as unit:
        events = (await unit.session.exec(select(InboxEvent))).all()
    assert {(event.status, event.error) for event in events} == {(EventStatus.DONE, None)}


@LANGUAGES
async def test_an_anonymous_administrator_is_told_to_show_who_they_are(world: World, language: str) -> None:
    """Telegram does not say who it was: the group hears what to do, once, and nothing is bound."""
    coordinator = await world.person("Coordinator", language)
    await come_in(world, coordinator, Role.COORDINATOR, language)
    made = await world.group("Review", coordinator)
    team = Team(world, Fund(world.resources), language, [coordinator], {}, made)
    for _ in range(2):
        await say_desk(team, ANONYMOUS)
    said = [view.text for view in await coordinator.messages(made) if view.from_bot]
    assert said == [team.say("group.unnamed")]
    await bind(team)
    assert team.say("group.opened") in [view.text for view in await coordinator.messages(made)]


@pytest.mark.parametrize("sender", [IN_A_CHANNELS_NAME, OF_A_LINKED_CHANNEL])
async def test_a_channel_in_the_group_is_nobody(world: World, sender: dict[str, object]) -> None:
    """What is written there in a channel's name, or comes from a linked one, is answered by nothing."""
    coordinator = await world.person("Coordinator", "en")
    await come_in(world, coordinator, Role.COORDINATOR, "en")
    made = await world.group("Review", coordinator)
    team = Team(world, Fund(world.resources), "en", [coordinator], {}, made)
    await say_desk(team, sender, CHANNEL)
    assert not [view for view in await coordinator.messages(made) if view.from_bot]


async def test_a_group_that_was_refused_is_bound_once_it_is_a_supergroup(world: World) -> None:
    """The coordinator hears what to mend; when Telegram has given it another number, the bot is at home there."""
    coordinator = await world.person("Coordinator", "en")
    await come_in(world, coordinator, Role.COORDINATOR, "en")
    made = await world.town.group("Review", coordinator, kind="group")
    await made.add_bot()
    team = Team(world, Fund(world.resources), "en", [coordinator], {}, made)
    await bind(team)
    assert any(view.text == team.say("group.fault.not-supergroup") for view in await coordinator.messages())
    moved = await made.migrate()
    await world.settle()
    assert team.say("group.opened") in [view.text for view in await coordinator.messages(moved)]
    assert all(call["ok"] for call in await world.town.calls("sendMessage"))


async def test_a_coordinator_invites_and_ends_access(world: World) -> None:
    """A link made in the chat brings a reviewer in; one tap takes everything away."""
    team = await gather(world, "en")
    alpha = team.coordinators[0]
    await team.press(alpha, "volunteers.button.back")
    await team.press(alpha, "volunteers.button.invite-reviewer")
    shown = next(view.text for view in reversed(await alpha.messages()) if "start=i_" in view.text)
    link = next(word for word in shown.split() if word.startswith("https://"))
    newcomer = await world.person("New", "en")
    await newcomer.open_link(link)
    await world.settle()
    await newcomer.send("Okapi")
    await world.settle()
    await team.press(newcomer, "volunteers.button.agree")
    await team.press(team.coordinators[1], "volunteers.button.confirm")
    assert any("Okapi" in view.text for view in await newcomer.messages())
    await team.press(alpha, "volunteers.button.back")
    await alpha.press("Okapi")
    await world.settle()
    await team.press(alpha, "volunteers.button.suspend")
    assert any(view.text == team.say("volunteers.access-ended") for view in await newcomer.messages())
    async with world.unit() as unit:
        assert (await name_actor(unit, newcomer.id, "en")).roles == frozenset()


async def test_leaving_the_group_ends_access(world: World) -> None:
    """Whoever leaves the group is out of everything at once."""
    team = await gather(world, "en")
    sign, person = next(iter(team.reviewers.items()))
    await team.group.leave(person)
    await world.settle()
    async with world.unit() as unit:
        actor = await name_actor(unit, person.id, "en")
        assert actor.roles == frozenset()
        assert actor.volunteer is not None
        assert actor.volunteer.call_sign == sign


@pytest.mark.parametrize("kind", ["server_error", "hang_up", "garbage"])
async def test_a_check_that_fails_is_made_again(world: World, kind: FaultKind) -> None:
    """Telegram's trouble neither opens a group nor refuses it: it is asked again a minute later."""
    coordinator = await world.person("Coordinator", "en")
    await come_in(world, coordinator, Role.COORDINATOR, "en")
    made = await world.group("Review", coordinator)
    team = Team(world, Fund(world.resources), "en", [coordinator], {}, made)
    await world.town.fault(kind, "getChatMemberCount")
    await bind(team)
    opened = team.say("group.opened")
    assert not [view for view in await coordinator.messages(made) if view.text == opened]
    await world.jump(minutes=2)
    assert world.app.errands is not None
    await world.app.errands.run_due_now()
    await world.settle()
    assert [view for view in await coordinator.messages(made) if view.text == opened]
    assert not any("cannot be used" in view.text for view in await coordinator.messages())
