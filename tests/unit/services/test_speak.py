"""What is said and which buttons stand under it."""

from sqlmodel import select

from bot.database import Resources
from models.case import Case
from models.mail import Effect, Keyboard
from models.unit import Unit
from services.contact import Address, To
from services.speak import Button, Screen, show
from vault.types import CaseCode

GROUP = To(Address(-1001234567890), "en")
PERSON = To(Address(500000001), "en")
CARD = Screen("Voted: 0 of 3", [[Button("Approve", "review.approve")]])


def _case(unit: Unit) -> Case:
    return Case(code=CaseCode("TEST-CODE"), language="en", created_at=unit.now)


async def _tokens(unit: Unit) -> list[str]:
    return list((await unit.session.exec(select(Keyboard.token))).all())


async def test_a_new_count_leaves_the_buttons_of_a_card(resources: Resources) -> None:
    """A press that is under way while another vote changes the card is not lost."""
    async with resources.unit() as unit:
        case = _case(unit)
        await show(unit, GROUP, CARD, slot="card", case=case, open_to_all=True)
        before = await _tokens(unit)
        await show(unit, GROUP, Screen("Voted: 1 of 3", CARD.rows), slot="card", case=case, open_to_all=True)
        assert await _tokens(unit) == before


async def test_a_changed_case_gets_new_buttons(resources: Resources) -> None:
    """A button of a card stands for the version that its presser saw."""
    async with resources.unit() as unit:
        case = _case(unit)
        await show(unit, GROUP, CARD, slot="card", case=case, open_to_all=True)
        before = await _tokens(unit)
        case.version += 1
        await show(unit, GROUP, CARD, slot="card", case=case, open_to_all=True)
        after = await _tokens(unit)
        assert len(after) == 1
        assert after != before


async def test_a_private_screen_gets_new_buttons_each_time(resources: Resources) -> None:
    """A double press finds the first screen's buttons gone."""
    async with resources.unit() as unit:
        await show(unit, PERSON, CARD)
        before = await _tokens(unit)
        await show(unit, PERSON, CARD)
        after = await _tokens(unit)
        assert len(after) == 1
        assert after != before


async def test_a_card_without_buttons_takes_the_old_ones_away(resources: Resources) -> None:
    """What is closed cannot be pressed."""
    async with resources.unit() as unit:
        case = _case(unit)
        await show(unit, GROUP, CARD, slot="card", case=case, open_to_all=True)
        await show(unit, GROUP, Screen("Closed"), slot="card", case=case, open_to_all=True)
        assert await _tokens(unit) == []


async def test_what_replaces_a_screen_has_another_number(resources: Resources) -> None:
    """The sender may be busy with what was replaced: its record must not end what has taken the place."""
    async with resources.unit() as unit:
        await show(unit, PERSON, Screen("First"))
        before = (await unit.session.exec(select(Effect.id))).one()
    async with resources.unit() as unit:
        await show(unit, PERSON, Screen("Second"))
        assert (await unit.session.exec(select(Effect.id))).one() != before
