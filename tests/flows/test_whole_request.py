"""One whole request, from the operator's invitation to the last follow-up, as all the people in it live it."""

from collections.abc import AsyncIterator

import pytest
from sqlmodel import select

from models.case import Answer, CaseStatus
from models.ledger import JournalEntry
from models.volunteer import Role
from sandbox.telegram.client import Person
from services.questions import KEYS
from tests.flows.chronicle import chronicle
from tests.flows.harness import World
from tests.flows.house import CHECK, DESTINATION, House, move_in
from tests.flows.interview import TYPED, applicant
from tests.flows.staff import NAMES
from tests.flows.worlds import WHOLE
from tests.soak.checks import check_books, check_mail
from tests.soak.reading import says
from tests.soak.snapshot import Snapshot, take
from tests.unit.services.pictures import KINDS

QUESTION, ANSWER = "Which month was it?", "It was the month of May."
REFERENCE = "A-1207"
OTHER = "canary-payout 2200 0000 0000 0001"
SECRETS = ("canary", "2200 0000", CHECK, "month", REFERENCE, "Anna", *NAMES)
"""Pieces of what no group may ever see."""


@pytest.fixture
async def house(world: World, language: str) -> AsyncIterator[House]:
    """A fund with everybody in it, and all that is shown from its first moment written down."""
    async with chronicle(world) as written:
        yield await move_in(world, language, written)


@WHOLE
async def test_from_the_first_message_to_the_last_follow_up(world: World, language: str) -> None:
    """Everybody joins by a link, and a request goes its whole way: asked, read, decided, paid, followed up."""
    async with chronicle(world) as written:
        await _whole(await move_in(world, language, written, by_links=True))


async def _whole(house: House) -> None:
    await house.staff.fund("100 000")
    await _answer_questions(house)
    await house.send()
    await _only_the_neutral_line(house)
    await _read(house)
    await _ask_and_answer(house)
    voter = await _vote(house)
    await house.staff.desk(house.staff.coordinators[0], "people")
    await house.staff.admit(voter, Role.TREASURER)
    await house.agree(3_500_000)
    await _pay_by_two(house, voter)
    await _only_the_neutral_line(house)
    await _follow_up(house)
    await _check_all(house, 10_000_000)


@pytest.mark.parametrize(("language", "database"), [("ru", "postgresql")], indirect=["database"])
async def test_money_that_came_back_is_paid_another_way_without_a_second_review(house: House) -> None:
    """The person is asked for another way, but not the one that proved wrong; one treasurer looks, one pays."""
    staff, asker = house.staff, house.asker
    payer, other = staff.treasurers[:2]
    await _paid(house)
    await house.live(days=1)
    told = {person.id: len(house.written.shown[person.id]) for person in staff.reviewers}
    await staff.desk(payer, "treasury")
    await staff.press(payer, "treasury.button.done")
    await staff.press_like(payer, "treasury.state.paid")
    await staff.press(payer, "treasury.button.returned")
    await staff.press(payer, "treasury.reason.wrong_details")

    shown = await house.open_news()
    assert says(shown.text, "treasury.person.returned-wrong_details", asker.language)
    for typed in (DESTINATION, OTHER):
        assert asker.say("treasury.person.button.agree") not in shown.labels
        shown = await asker.press("treasury.person.button.other_way")
        assert asker.say("intake.ask.payout") in shown.text
        shown = await asker.type(typed)
    assert OTHER in shown.text
    await asker.press("treasury.person.button.agree")
    assert await staff.look_over(other) == OTHER
    await house.pay(OTHER)
    assert {person.id: len(house.written.shown[person.id]) for person in staff.reviewers} == told
    await _check_books(house, 10_000_000)

    await asker.type("/status")
    shown = await asker.press("case.button.anew")
    assert asker.say("case.ask.anew") in shown.text
    shown = await asker.press("case.button.anew_sure")
    assert asker.say("intake.ask.happened") in shown.text


@pytest.mark.parametrize(("language", "database"), [("en", "sqlite"), ("ru", "postgresql")], indirect=["database"])
async def test_money_that_did_not_arrive_is_looked_up(house: House) -> None:
    """The question is found from the first screen, a treasurer looks and says so, and danger has its button."""
    staff, asker = house.staff, house.asker
    payer = staff.treasurers[0]
    await staff.fund("100 000")
    await house.ask()
    await house.approve()
    await house.agree(1_500_000)
    assert await staff.claim(payer) == DESTINATION
    await staff.press(payer, "treasury.button.give-back")
    assert DESTINATION not in "".join(view.text for view in await payer.messages())
    await staff.press(payer, "treasury.button.claim")
    await staff.pay(payer, REFERENCE)
    assert says((await house.open_news()).text, "treasury.person.paid", asker.language)

    await house.live(days=house.world.resources.policy.followups.days[0])
    await asker.type("/start")
    for button, text in (("protection", "start.protection"), ("help", "start.help")):
        await asker.press(f"start.button.{button}")
        assert says((await staff.sees(asker.person, text)).text, text, asker.language)
        await asker.press("start.button.home")
    await asker.press("followup.button.open")
    await asker.press("followup.button.not-yet")
    await staff.sees(payer, "treasury.told.missing")
    await staff.press(payer, "treasury.button.open")
    await staff.press(payer, "treasury.button.recheck")
    assert says((await house.open_news()).text, "treasury.person.rechecked", asker.language)
    shown = await asker.press("treasury.person.button.missing")
    assert says(shown.text, "treasury.person.missing", asker.language)
    await asker.type("/status")
    await asker.press("danger.button.call")
    for coordinator in staff.coordinators:
        assert (await staff.reads(coordinator, "danger.called"))["code"] == house.code
    await _check_books(house, 10_000_000)


@pytest.mark.parametrize(("language", "database"), [("en", "sqlite")], indirect=["database"])
async def test_a_request_waits_for_money_and_goes_on_when_it_comes(house: House) -> None:
    """While the fund is short everybody is told so, and nothing can be agreed to; then it goes its way."""
    staff, asker = house.staff, house.asker
    await house.ask()
    await house.approve()
    for person in (*staff.treasurers, *staff.coordinators):
        await staff.sees(person, "treasury.told.fund-short")
    await asker.type("/status")  # the news stays unopened
    await asker.press("case.button.rail")
    await staff.sees(asker.person, "treasury.person.waiting")
    assert asker.say("treasury.person.button.agree") not in await _labels(house)
    await staff.fund("10 000")
    assert len(house.written.said(asker.person.id, asker.say("relay.notice"))) == 1
    await staff.fund("10 000")
    await house.confirm(await house.open_news())
    await house.pay()
    await _check_books(house, 2_000_000)


@pytest.mark.parametrize(("language", "database"), [("ru", "sqlite")], indirect=["database"])
async def test_a_request_moved_on_its_way_goes_on_with_the_new_account_alone(house: House) -> None:
    """After `/recover` decision, payment and follow-up reach the new account, the old one nothing more."""
    staff, old = house.staff, house.asker
    await staff.fund("100 000")
    await house.ask()
    await house.approve()
    house.asker = new = await applicant(house.world, "Olga", staff.language)
    await new.type("/recover")
    shown = await new.type(f"{house.code} {house.phrase}")
    assert shown.text.startswith(new.say("case.done.moved"))
    assert new.say("case.check", phrase=CHECK) in shown.text
    assert await old.person.messages() == []
    heard = len(house.written.shown[old.person.id])

    await house.confirm(await new.press("case.button.rail"))
    await house.pay()
    await house.live(days=house.world.resources.policy.followups.days[0])
    assert [view.text for view in await new.person.messages()] == [new.say("followup.ask.arrived")]
    await new.press("followup.button.yes")
    assert await old.person.messages() == []
    assert len(house.written.shown[old.person.id]) == heard
    await _check_books(house, 10_000_000)


@pytest.mark.parametrize(("language", "database"), [("en", "postgresql")], indirect=["database"])
async def test_erasing_after_payment_leaves_an_amount_a_date_and_a_number(house: House) -> None:
    """The case is gone for everybody and nobody is asked anything more; the books name no case."""
    asker = house.asker
    await _paid(house)
    await asker.type("/erase")
    shown = await asker.press("case.button.erase")
    assert asker.say("case.erased.case") in shown.text
    assert asker.say("case.erased.books") in shown.text
    assert [view.text for view in await asker.person.messages()] == [shown.text]
    case = await house.case()
    assert case.status is CaseStatus.SHREDDED
    async with house.world.unit() as unit:
        there = await take(unit)
        assert (await unit.session.exec(select(Answer))).all() == []
        entries = (await unit.session.exec(select(JournalEntry.grant_number, JournalEntry.kind))).all()
    (grant,), (payout,) = there.grants, there.payouts
    assert (grant.case_id, payout.destination) == (None, None)
    assert (grant.amount, grant.paid_at) == (1_500_000, payout.paid_at)
    assert {number for number, kind in entries if kind in {"reserve", "settle"}} == {grant.number}
    heard = len(house.written.shown[asker.person.id])
    await house.live(days=house.world.resources.policy.followups.days[0])
    assert await asker.person.messages() == []
    assert house.written.shown[asker.person.id][heard:] == [asker.say("pipeline.neutral")]
    await _check_books(house, 10_000_000)


async def _labels(house: House) -> list[str]:
    """Every button in the applicant's chat."""
    return [label for view in await house.asker.person.messages() for label in view.labels]


async def _paid(house: House) -> None:
    """A request asked for, approved and paid."""
    await house.staff.fund("100 000")
    await house.ask()
    await house.approve()
    await house.agree(1_500_000)
    await house.pay()


async def _answer_questions(house: House) -> None:
    """The interview, with mistakes that are said kindly, a photo and a correction."""
    asker = house.asker
    asker.answers = {**TYPED, "amount": "40 000"}
    when, amount, documents = map(KEYS.index, ("when", "amount", "documents"))
    await asker.start()
    await asker.answer_all(KEYS[:when])
    shown = await asker.type({"en": "tomorrow", "ru": "завтра"}[asker.language])
    assert shown.text.startswith(asker.say("intake.bad.date-future"))
    await asker.answer_all(KEYS[when:amount])
    shown = await asker.type("a lot")
    assert shown.text.startswith(asker.say("intake.bad.number"))
    await asker.answer_all(KEYS[amount:documents])
    await asker.person.upload_photo(KINDS["jpeg"])
    shown = await asker.screen()
    assert asker.say("intake.file.added", number=1, n=1) in shown.text
    await asker.press("intake.button.done")
    review = await asker.answer_all(KEYS[documents + 1 :])
    assert asker.say("intake.review.ask") in review.text
    await asker.press("intake.title.need")
    review = await asker.type("canary-corrected")
    assert "canary-corrected" in review.text
    assert len(await asker.person.messages()) == 1


async def _only_the_neutral_line(house: House) -> None:
    """Some minutes later nothing else can be read on the applicant's phone."""
    await house.world.jump(minutes=house.world.resources.policy.retention.screen_minutes + 1)
    assert [view.text for view in await house.asker.person.messages()] == [house.asker.say("pipeline.neutral")]


async def _read(house: House) -> None:
    """The card stands in the group; the panel reads in private for ten minutes, the outsider does not."""
    staff, group = house.staff, house.group
    card = await staff.sees(staff.coordinators[1], "review.card", group)
    assert house.code in card.text
    panel = house.panel()
    assert len(panel) == house.world.resources.policy.panel.size
    (outsider,) = [person for person in staff.reviewers if person not in panel]
    assert await staff.on_card(outsider, "review.button.read", group) == staff.say("refused.not-on-panel")
    for person in panel:
        await staff.on_card(person, "review.button.read", group)
        page = await staff.sees(person, "review.page")
        assert page.protected
        assert TYPED["story"] in page.text
        assert DESTINATION not in page.text
    await staff.press(panel[0], "review.button.next")
    assert any(view.photo for view in await panel[0].messages())
    await house.world.jump(minutes=house.world.resources.policy.panel.reading_minutes + 1)
    for person in panel:
        assert not any(view.photo or "canary" in view.text for view in await person.messages())


async def _ask_and_answer(house: House) -> None:
    """A question passes to the applicant and an answer back, both without names; both are gone from the chats."""
    staff, asker = house.staff, house.asker
    reader = house.panel()[0]
    await staff.on_card(reader, "review.button.ask", house.group)
    await staff.type(reader, QUESTION)
    await staff.sees(reader, "relay.sent")
    shown = await house.open_news()
    assert shown.text == asker.say("relay.question", question=QUESTION)
    shown = await asker.type(ANSWER)
    assert shown.text == asker.say("relay.thanks")


async def _vote(house: House) -> Person:
    """The amount asked for by one, less by another in private: the lesser is granted. A voter is returned."""
    staff, group = house.staff, house.group
    first, second = house.panel()[:2]
    assert await staff.on_card(first, "review.button.approve", group) == staff.say("review.popup.voted")
    assert await house.status() is CaseStatus.IN_REVIEW
    await staff.on_card(second, "review.button.read", group)
    assert ANSWER in (await staff.sees(second, "review.page")).text
    await staff.press(second, "review.button.amount")
    await staff.type(second, "35 000")
    await staff.sees(second, "review.done-decided")
    assert await house.status() is CaseStatus.APPROVED
    await staff.sees(first, "review.card-closed", group)
    return first


async def _pay_by_two(house: House, voter: Person) -> None:
    """A voter who is a treasurer too may not pay; one treasurer pays, another confirms, the applicant is told."""
    staff = house.staff
    payer, other = staff.treasurers
    await staff.desk(voter, "treasury")
    await staff.press_like(voter, "treasury.state.queued")
    assert (await voter.popups())[-1].text == staff.say("treasury.refused.voted")
    assert staff.say("treasury.told.queued") not in [view.text for view in await voter.messages()]

    assert await staff.claim(payer) == DESTINATION
    await staff.press(other, "treasury.button.open")
    await staff.sees(other, "treasury.payout.taken")
    await staff.pay(payer, REFERENCE)
    await staff.sees(payer, "treasury.payout.sent-mine")
    assert await house.status() is CaseStatus.PAYING
    await staff.press(other, "treasury.button.open")
    assert (await staff.reads(other, "treasury.payout.sent"))["reference"] == REFERENCE
    await staff.press(other, "treasury.button.confirm")
    assert await house.status() is CaseStatus.PAID
    shown = await house.open_news()
    assert says(shown.text, "treasury.person.paid", staff.language)
    assert house.amount(3_500_000) in shown.text


async def _follow_up(house: House) -> None:
    """Three questions, each in its time: arrived, how are you, how are you; then the case ends by itself."""
    asker, (arrived, month, quarter) = house.asker, house.world.resources.policy.followups.days
    await house.live(days=arrived)
    assert [view.text for view in await asker.person.messages()] == [asker.say("followup.ask.arrived")]
    shown = await asker.press("followup.button.yes")
    assert shown.text == asker.say("followup.done.good")
    await house.live(days=month - arrived)
    assert [view.text for view in await asker.person.messages()] == [asker.say("followup.ask.month")]
    await asker.press("followup.button.words")
    shown = await asker.type("canary-words: fine")
    assert shown.text == asker.say("followup.done.words")
    staff, told = house.staff, house.asker.say("followup.button.read")
    readers = [one for one in staff.reviewers if any(told in view.labels for view in await one.messages())]
    assert 0 < len(readers) < len(staff.reviewers)
    await staff.press(readers[0], "followup.button.read")
    assert (await staff.reads(readers[0], "followup.words"))["words"] == "canary-words: fine"
    await house.live(days=quarter - month)
    assert [view.text for view in await asker.person.messages()] == [asker.say("followup.ask.quarter")]
    await asker.press("followup.button.good")
    assert await house.status() is CaseStatus.FOLLOWED_UP
    await house.live(days=house.world.resources.policy.followups.repeat_days)
    assert await house.status() is CaseStatus.CLOSED


async def _check_all(house: House, money: int) -> None:
    """Everything is as it must be; boxes and chats are empty, and no secret was ever said to the group."""
    await house.live(days=3)
    there = await _check_books(house, money)
    assert (there.events, there.effects) == ([], [])
    assert house.written.standing == {}
    assert house.written.shown[house.group.id]
    assert house.written.said(house.group.id, *SECRETS) == []


async def _check_books(house: House, money: int) -> Snapshot:
    """Books and log are whole, all mail is handled, no call was refused, no job failed, nothing was said twice."""
    async with house.world.unit() as unit:
        there = await take(unit)
    assert [*check_books(there, money), *check_mail(there)] == []
    assert house.written.twice == []
    assert [call for call in await house.world.town.calls() if not call["ok"]] == []
    assert b'failed"' not in house.world.app.metrics.text()
    return there
