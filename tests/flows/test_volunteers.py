"""What volunteers do by themselves over the Bot API's protocol: come in, find their cases, take a pause, look."""

from collections.abc import AsyncIterator

import pytest

from sandbox.telegram.client import Person
from tests.flows.chronicle import chronicle
from tests.flows.harness import World
from tests.flows.house import House, move_in
from tests.flows.interview import TYPED, applicant
from tests.flows.worlds import LANGUAGES
from tests.soak.reading import says

WORD = {"en": "Okapi", "ru": "Окапи"}


@pytest.fixture
async def house(world: World, language: str) -> AsyncIterator[House]:
    """A fund with everybody in it."""
    async with chronicle(world) as written:
        yield await move_in(world, language, written)


@LANGUAGES
async def test_a_reviewer_finds_their_cases_and_takes_a_pause(house: House) -> None:
    """`/mine` leads to the case that is due; on a pause nothing new is drawn for them, and then it is again."""
    staff = house.staff
    await house.ask()
    reader = house.panel()[0]
    await staff.type(reader, "/mine")
    shown = await staff.sees(reader, "mine.case")
    assert house.code in shown.text
    await reader.press(staff.say("mine.next", code=house.code))
    await house.world.settle()
    assert TYPED["story"] in (await staff.sees(reader, "review.page")).text

    await staff.press(reader, "mine.button.pause")
    assert says((await staff.sees(reader, "mine.paused")).text, "mine.case", staff.language)
    house.asker = await applicant(house.world, "Vera", staff.language)
    await house.ask()
    assert len(house.panel()) == house.world.resources.policy.panel.size
    assert reader not in house.panel()
    await staff.press(reader, "mine.button.resume")
    assert staff.say("mine.paused") not in (await staff.sees(reader, "mine.case")).text
    for person in (house.asker.person, *staff.treasurers):
        await staff.type(person, "/mine")
        assert not any(house.code in view.text for view in await person.messages() if person in staff.treasurers)


@LANGUAGES
async def test_a_coordinator_looks_at_numbers_and_call_signs(house: House) -> None:
    """The desk says how the fund stands and the list who is there, both without a name; a term is renewed."""
    staff = house.staff
    first, second = staff.coordinators
    await house.ask()
    await staff.type(first, "/desk")
    shown = await staff.sees(first, "desk.title")
    assert staff.say("desk.queue.in_review", count=1) in shown.text
    await staff.press(first, "desk.button.refresh")
    await staff.press(first, "desk.button.volunteers")
    sign = await _sign_of(house, second)
    await first.press(sign)
    await house.world.settle()
    assert (await staff.reads(first, "volunteers.person"))["sign"] == sign
    await staff.press(first, "volunteers.button.reconfirm")
    assert (await first.popups())[-1].text == staff.say("volunteers.popup.done")
    names = [person.name for person in (*staff.reviewers, *staff.treasurers, second, house.asker.person)]
    assert house.written.said(first.id, *names, *TYPED.values()) == []
    await staff.type(staff.treasurers[0], "/desk")
    assert not any(says(view.text, "desk.title", staff.language) for view in await staff.treasurers[0].messages())


@LANGUAGES
async def test_a_newcomer_chooses_a_word_and_may_be_declined(house: House) -> None:
    """Their own name is no call sign; nobody else comes in by their link; the second coordinator may say no."""
    staff = house.staff
    first, second = staff.coordinators
    world = house.world
    newcomer, other = await world.person("Nadia", staff.language), await world.person("Mallory", staff.language)
    await staff.desk(first, "people")
    await staff.press(first, "volunteers.button.invite-reviewer")
    link = (await staff.reads(first, "volunteers.invitation"))["link"]
    await staff.open(newcomer, link)
    drawn = (await staff.reads(newcomer, "volunteers.conduct"))["sign"]
    await staff.press(newcomer, "volunteers.button.another-sign")
    assert (await staff.reads(newcomer, "volunteers.conduct"))["sign"] != drawn
    await staff.type(newcomer, newcomer.name)
    await staff.sees(newcomer, "volunteers.call-sign-name")
    await staff.type(newcomer, WORD[staff.language])
    assert (await staff.reads(newcomer, "volunteers.conduct"))["sign"] == WORD[staff.language]
    await staff.press(newcomer, "volunteers.button.agree")
    await staff.sees(newcomer, "volunteers.wait-confirmation")
    await staff.open(other, link)
    await staff.sees(other, "volunteers.invitation-gone")
    await staff.press(second, "volunteers.button.decline")
    await staff.sees(newcomer, "volunteers.declined")
    await staff.type(newcomer, "/mine")
    await staff.sees(newcomer, "refused.not-allowed")


async def _sign_of(house: House, person: Person) -> str:
    """What somebody is called, from their own home."""
    await house.staff.type(person, "/start")
    await house.staff.press(person, "start.button.volunteer")
    return (await house.staff.reads(person, "volunteers.home-text"))["sign"]
