"""Follow-ups and calls for help over the Bot API's protocol: asked, answered, silenced, never where not wanted."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import col, select

from models.case import Case, CaseStatus
from models.followup import FollowUp, FollowUpStatus
from models.grant import Grant, GrantStatus, Payout, PayoutStatus
from models.volunteer import Role
from sandbox.telegram.client import Person, View
from services.contact import Address, SafeContact, write_contact
from services.followup import schedule
from services.intake import read_answer, write_answer
from tests.flows.harness import World
from tests.flows.worlds import LANGUAGES
from tests.unit.services.fund import Fund, volunteer
from tests.unit.services.pictures import KINDS
from vault.types import CaseCode, GrantNumber

WEBHOOK = pytest.mark.parametrize("receiving", ["webhook"], indirect=True)

CODE = CaseCode("K7-Q2")
ZONE = ZoneInfo("Europe/Moscow")


@dataclass
class Story:
    """A person who has just been paid, a treasurer who paid them, two coordinators."""

    world: World
    case_id: UUID
    person: Person
    treasurer: Person
    coordinators: list[Person]
    language: str

    def say(self, key: str, **params: str | int) -> str:
        """A text in the person's language."""
        return self.world.resources.texts.render(key, self.language, **params)

    async def next_question(self) -> list[View]:
        """Go to when the next question is due, and see what stands in the person's chat then."""
        async with self.world.unit() as unit:
            query = select(FollowUp.due_at).where(
                FollowUp.case_id == self.case_id,
                col(FollowUp.status).in_((FollowUpStatus.SCHEDULED, FollowUpStatus.ASKED)),
            )
            due = min((await unit.session.exec(query)).all())
            wait = due - unit.now
        await self.world.jump(seconds=max(0.0, wait.total_seconds()) + 1)
        return await self.person.messages()

    async def press(self, key: str, who: Person | None = None) -> None:
        """Press a button by its text's key."""
        await (who or self.person).press(self.say(key))
        await self.world.settle()

    async def type(self, text: str) -> None:
        """Type to the bot."""
        await self.person.send(text)
        await self.world.settle()

    async def texts(self, who: Person | None = None) -> list[str]:
        """What stands in somebody's chat."""
        return [view.text for view in await (who or self.person).messages()]

    async def court_day(self) -> date:
        """The day in court that the person named."""
        async with self.world.unit() as unit:
            case = await unit.session.get_one(Case, self.case_id)
            return date.fromisoformat(await read_answer(unit, case, "court") or "")

    async def status(self) -> CaseStatus:
        """Where the case stands."""
        async with self.world.unit() as unit:
            return (await unit.session.get_one(Case, self.case_id)).status


async def begin(world: World, language: str, court: int | None = None) -> Story:
    """Everybody arrives, and a payout has just been confirmed; with a day in court in so many days."""
    fund = Fund(world.resources)
    people = {sign: await world.person(sign, language) for sign in ("Alpha", "Beta", "Teal", "Applicant")}
    fund.people |= {sign: person.id for sign, person in people.items()}
    for person in people.values():
        await person.send("/start")  # a bot may write to nobody who has not begun (Bot API)
    await fund.coordinators()
    await fund.confirmed("Teal", Role.TREASURER)
    await world.settle()
    async with world.unit() as unit:
        case = Case(code=CODE, status=CaseStatus.PAID, language=language, created_at=unit.now)
        await unit.vault.create(case.id)
        await write_contact(unit, case, SafeContact(Address(people["Applicant"].id), ZONE.key))
        grant = Grant(
            number=GrantNumber("G-1"), case_id=case.id, status=GrantStatus.PAID, amount=100_000, currency="RUB",
            second_treasurer=False, policy_version="1", approved_at=unit.now, paid_at=unit.now,
        )  # fmt: skip
        unit.session.add_all([case, grant])
        await unit.session.flush()
        teal = await volunteer(unit, "Teal")
        teal.language = language
        unit.session.add(
            Payout(
                grant_id=grant.id,
                rail="manual",
                status=PayoutStatus.PAID,
                claimed_by=teal.id,
                created_at=unit.now,
                paid_at=unit.now,
            )
        )
        for sign in ("Alpha", "Beta"):
            (await volunteer(unit, sign)).language = language
        if court is not None:
            day = (unit.now + timedelta(days=court)).astimezone(ZONE).date()
            await write_answer(unit, case, "court", day.isoformat())
        await schedule(unit, case)
    return Story(world, case.id, people["Applicant"], people["Teal"], [people["Alpha"], people["Beta"]], language)


@LANGUAGES
async def test_three_questions_answered(world: World, language: str) -> None:
    """Button, words and button again: each is thanked for in its place, and the case ends."""
    story = await begin(world, language)
    asked = await story.next_question()
    assert asked[-1].text == story.say("followup.ask.arrived")
    await story.press("followup.button.yes")
    assert story.say("followup.done.good") in await story.texts()

    await story.next_question()
    await story.press("followup.button.words")
    assert story.say("followup.ask-words") in await story.texts()
    typed = await story.person.send("Всё хорошо, спасибо за зонт")
    await world.settle()
    assert typed.id not in {view.id for view in await story.person.messages()}
    assert story.say("followup.done.words") in await story.texts()

    await story.next_question()
    await story.press("followup.button.bad")
    assert await story.status() is CaseStatus.FOLLOWED_UP
    await world.jump(days=world.resources.policy.followups.repeat_days)
    assert await story.status() is CaseStatus.CLOSED


@LANGUAGES
async def test_the_day_before_and_the_day_after_court(world: World, language: str) -> None:
    """Asked on both days of the person's own calendar, in words that name no court; answered like any other."""
    story = await begin(world, language, court=21)
    asked = [story.say(f"followup.ask.{kind}") for kind in ("court_before", "court_after")]
    day = await story.court_day()
    for question, days in zip(asked, (-1, 1), strict=True):
        before = datetime.combine(day + timedelta(days=days), time(8), ZONE)
        await world.jump(seconds=(before - world.clock.now()).total_seconds())
        assert question not in await story.texts()
        await world.jump(hours=3)
        assert question in await story.texts()
        await story.press("followup.button.good")
        assert question not in await story.texts()
        assert story.say("followup.done.good") in await story.texts()


async def test_a_hearing_that_is_put_off_is_corrected_by_its_person(world: World) -> None:
    """On the page to correct, long after the decision; they are asked before the new day, not before the old."""
    story = await begin(world, "ru", court=3)
    moved = await story.court_day() + timedelta(days=14)
    await story.type("/start")
    await story.press("start.button.case")
    await story.press("case.button.correct")
    await story.press("intake.title.court")
    await story.type(moved.isoformat())
    assert await story.court_day() == moved
    question = story.say("followup.ask.court_before")
    await world.live(days=4)
    assert question not in await story.texts()
    before = datetime.combine(moved - timedelta(days=1), time(11), ZONE)
    await world.jump(seconds=(before - world.clock.now()).total_seconds())
    assert question in await story.texts()


@WEBHOOK
async def test_not_arrived_goes_back_to_the_treasurer(world: World) -> None:
    """The treasurer who paid is told; the person reads that it is looked into."""
    story = await begin(world, "ru")
    await story.next_question()
    before = len(await story.treasurer.messages())
    await story.press("followup.button.not-yet")
    assert story.say("followup.done.not_arrived") in await story.texts()
    assert len(await story.treasurer.messages()) == before + 1


@LANGUAGES
async def test_danger_is_answered_by_one_coordinator(world: World, language: str) -> None:
    """Both are called, one takes it, and lines pass in both directions without names."""
    story = await begin(world, language)
    alpha, beta = story.coordinators
    await story.next_question()
    await story.press("followup.button.danger")
    assert story.say("followup.done.danger") in await story.texts()
    called = story.say("danger.called", code=CODE)
    assert called in await story.texts(alpha)
    assert called in await story.texts(beta)

    await story.press("danger.button.take", alpha)
    assert called not in await story.texts(beta)

    await story.press("danger.button.write", alpha)
    line = await alpha.send("Где вы сейчас?")
    await world.settle()
    assert line.id not in {view.id for view in await alpha.messages()}
    assert "Где вы сейчас?" in await story.texts()
    await story.press("danger.button.reply")
    await story.person.send("Дома, дверь закрыта")
    await world.settle()
    assert story.say("danger.replied", code=CODE, text="Дома, дверь закрыта") in await story.texts(alpha)
    assert not any("Дома" in text for text in await story.texts(beta) + await story.texts())


@LANGUAGES
async def test_who_called_for_help_need_not_find_a_button(world: World, language: str) -> None:
    """What they just type goes to whoever has the call, to all while nobody has, and to nobody once it is over."""
    story = await begin(world, language)
    alpha, beta = story.coordinators
    await story.next_question()
    await story.press("followup.button.danger")
    for text, hearing in (("Стучат", [alpha, beta]), ("Ушли", [alpha])):
        typed = await story.person.send(text)
        await world.settle()
        assert typed.id not in {view.id for view in await story.person.messages()}
        passed = story.say("danger.replied", code=CODE, text=text)
        assert [who for who in story.coordinators if passed in await story.texts(who)] == hearing
        if text == "Стучат":
            await story.press("danger.button.take", alpha)
    await story.press("danger.button.close", alpha)
    await story.person.send("Спасибо")
    await world.settle()
    assert story.say("pipeline.stray") in await story.texts()
    assert not any("Спасибо" in text for text in await story.texts(alpha) + await story.texts(beta))


async def test_who_has_taken_a_call_just_types(world: World) -> None:
    """As the text tells them: no button before each line, and what they type is not lost."""
    story = await begin(world, "ru")
    alpha, _ = story.coordinators
    await story.next_question()
    await story.press("followup.button.danger")
    await story.press("danger.button.take", alpha)
    line = await alpha.send("Откройте только полиции с ордером")
    await world.settle()
    assert line.id not in {view.id for view in await alpha.messages()}
    assert "Откройте только полиции с ордером" in await story.texts()
    assert story.say("danger.sent") in await story.texts(alpha)


@pytest.mark.parametrize("button", [None, "danger.button.reply"])
async def test_a_photo_during_a_call_is_answered(world: World, button: str | None) -> None:
    """Its words pass, the photo does not; a new message says so, for the last one may still say "Passed on"."""
    story = await begin(world, "ru")
    alpha, _ = story.coordinators
    await story.next_question()
    await story.press("followup.button.danger")
    await story.press("danger.button.take", alpha)
    await alpha.send("Что происходит?")
    await world.settle()
    if button:
        await story.press(button)
    await story.person.upload_photo(KINDS["jpeg"], caption="Они в подъезде")
    await world.settle()
    assert story.say("danger.replied", code=CODE, text="Они в подъезде") in await story.texts(alpha)
    assert story.say("danger.file") in await story.texts()
    before = len(await story.texts())
    await story.person.upload_photo(KINDS["jpeg"])
    await world.settle()
    assert (await story.texts()).count(story.say("danger.file")) == 2
    assert len(await story.texts()) == before + 1


async def test_never_again_means_never(world: World) -> None:
    """After a second look at the question, it is final: half a year passes in silence."""
    story = await begin(world, "ru")
    await story.next_question()
    await story.press("followup.button.never")
    await story.press("followup.button.back")
    assert story.say("followup.ask.arrived") in await story.texts()
    await story.press("followup.button.never")
    await story.press("followup.button.never-sure")
    assert story.say("followup.done.never") in await story.texts()
    await world.jump(days=3)
    said = len(await world.town.calls("sendMessage", chat=story.person.id))
    for _ in range(6):
        await world.jump(days=29, hours=5)
    assert len(await world.town.calls("sendMessage", chat=story.person.id)) == said


async def test_silence_is_respected(world: World) -> None:
    """Two gentle repeats, each replacing the message before; then nothing."""
    story = await begin(world, "ru")
    for _ in range(1 + world.resources.policy.followups.repeats):
        asked = [view for view in await story.next_question() if story.say("followup.ask.arrived") in (view.text)]
        assert len(asked) == 1
    await story.next_question()
    assert not any(story.say("followup.ask.arrived") in text for text in await story.texts())


async def test_a_blocked_bot_does_not_loop(world: World) -> None:
    """Who has blocked the bot is tried as often as a silent person, and the case ends."""
    story = await begin(world, "ru")
    await story.person.block()
    said = len(await world.town.calls("sendMessage", chat=story.person.id))
    for _ in range(16):
        await world.jump(days=9, hours=5)
    tries = len(await world.town.calls("sendMessage", chat=story.person.id)) - said
    assert 0 < tries <= 3 * (1 + world.resources.policy.followups.repeats)
    assert await story.status() is CaseStatus.CLOSED


async def test_an_old_button_explains_itself(world: World) -> None:
    """A question answered by one button is not answered again by another that was kept."""
    story = await begin(world, "ru")
    asked = (await story.next_question())[-1]
    kept = asked.data[0]
    await story.press("followup.button.not-yet")
    await story.person.forge(kept, message_id=asked.id)
    await world.settle()
    assert (await story.person.popups())[-1].text == story.say("refused.button-gone")
