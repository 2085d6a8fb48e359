"""A treasurer takes a payout and falls silent: others hear in time, and nobody pays twice."""

from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from models.case import Case
from models.errors import NotAllowed
from models.grant import Payout
from services import submission, treasury, treasury_leaving
from services import treasury_screens as screens
from tests.unit.payments.carrier import Carrier
from tests.unit.services.desk import Desk, carried_desk, make_desk
from tests.unit.services.paying import P, pay

SILENT = "said nothing since"


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk with three treasurers and a million roubles."""
    return await make_desk(resources)


async def held(desk: Desk) -> UUID:
    """A payout that Till has taken."""
    payout_id = await desk.queued()
    await desk.do("Till", payout_id, treasury.claim)
    return payout_id


async def passed(desk: Desk, days: int) -> None:
    """Days pass, and the clock reminds."""
    for _ in range(days):
        desk.later(days=1)
        await desk.run(treasury.JOBS)


async def heard(desk: Desk) -> set[str]:
    """Who was told that somebody is silent."""
    people = ("Till", "Coin", "Purse", "Alpha", "Beta", "Applicant")
    return {sign for sign in people if any(SILENT in text for text in await desk.notices(sign))}


async def test_others_hear_from_the_third_reminder_on(desk: Desk) -> None:
    """The holder alone at first; then treasurers who may take it over, and coordinators, without a button."""
    await held(desk)
    await passed(desk, 2)
    assert await heard(desk) == set()
    await passed(desk, 1)
    assert await heard(desk) == {"Coin", "Purse", "Alpha", "Beta"}
    assert (await desk.said("Alpha", "notice:"))[-1]["keyboard"] == []


async def test_what_a_silent_holder_had_is_unsure(desk: Desk) -> None:
    """Whoever takes it over is told to find out first; the holder hears that it is theirs no more."""
    payout_id = await held(desk)
    with pytest.raises(NotAllowed):
        await desk.do("Coin", payout_id, treasury_leaving.take_over)
    await passed(desk, 3)
    with pytest.raises(NotAllowed):
        await desk.do("Till", payout_id, treasury_leaving.take_over)
    await desk.do("Coin", payout_id, screens.show_payout)
    assert "perhaps paid already" in (await desk.screen("Coin"))["text"]
    await desk.do("Coin", payout_id, treasury_leaving.take_over, screens.show_payout)
    assert "may have been paid already" in (await desk.screen("Coin"))["text"]
    assert "Do not pay it any more" in (await desk.notices("Till"))[-1]
    with pytest.raises(NotAllowed):
        await desk.do("Till", payout_id, pay)
    await desk.do("Coin", payout_id, treasury.claim, pay)
    assert (await desk.stands(payout_id))[0] == P.PAID


async def test_the_money_of_a_silent_holder_is_not_free_at_once(desk: Desk) -> None:
    """Nobody waits for it any more: it stays reserved until two treasurers have said whether it was paid."""
    payout_id = await held(desk)
    async with desk.resources.unit() as unit:
        case = (await unit.session.exec(select(Case))).one()
        await submission.withdraw(unit, await desk.actor(unit, "Applicant"), case)
    await passed(desk, 3)
    await desk.do("Coin", payout_id, treasury_leaving.take_over)
    assert (await desk.stands(payout_id))[0] == P.QUEUED
    with pytest.raises(NotAllowed):
        await desk.do("Coin", payout_id, treasury.claim)


async def test_a_machine_pays_nothing_that_a_silent_holder_had(resources: Resources) -> None:
    """They have read where it goes, and may have paid by hand: two treasurers say so first."""
    desk = await carried_desk(resources, Carrier())
    payout_id = await desk.agreed(await desk.approved(), rail="carrier")
    await desk.do("Till", payout_id, treasury.claim)
    await passed(desk, 3)
    await desk.do("Coin", payout_id, treasury_leaving.take_over)
    async with desk.resources.unit() as unit:
        assert (await unit.session.get_one(Payout, payout_id)).unsure
    with pytest.raises(NotAllowed):
        await desk.do("Purse", payout_id, treasury.claim)
