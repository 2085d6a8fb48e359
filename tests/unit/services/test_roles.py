"""Who is told and who is given work, while some are on a pause."""

from uuid import uuid4

import pytest

from bot.database import Resources
from models.grant import Payout
from models.volunteer import Role
from services import standing, treasury, treasury_funding, treasury_returns
from services.roles import tell_role
from tests.unit.services.desk import Desk, make_desk

STILL = "treasury.told.still"


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk with three treasurers and two coordinators."""
    return await make_desk(resources)


async def paused(desk: Desk, *signs: str) -> None:
    """These volunteers take a pause."""
    for sign in signs:
        async with desk.resources.unit() as unit:
            await standing.pause(unit, await desk.actor(unit, sign))


async def told(desk: Desk, key: str, *signs: str) -> list[str]:
    """Who of these has a notice of this text, however often."""
    text = desk.resources.texts.render(key, "en")
    return [sign for sign in signs if text in await desk.notices(sign)]


@pytest.mark.parametrize(
    ("resting", "hear"),
    [((), ["Alpha", "Beta"]), (("Alpha",), ["Beta"]), (("Alpha", "Beta"), ["Alpha", "Beta"])],
)
async def test_a_role_is_never_told_in_vain(desk: Desk, resting: tuple[str, ...], hear: list[str]) -> None:
    """Active holders are told; when all are on a pause, all are."""
    await paused(desk, *resting)
    async with desk.resources.unit() as unit:
        assert await tell_role(unit, Role.COORDINATOR, STILL) == len(hear)
    assert await told(desk, STILL, "Alpha", "Beta") == hear


async def test_new_payouts_are_offered_to_active_treasurers(desk: Desk) -> None:
    """A pause spares its treasurer new work; when all rest, the coordinators hear that somebody is missing."""
    await paused(desk, "Till", "Coin")
    await desk.queued()
    assert await told(desk, "treasury.told.queued", "Till", "Coin", "Purse") == ["Purse"]
    await paused(desk, "Purse")
    await desk.deliver()
    await desk.queued("Another")
    missing = desk.resources.texts.render("treasury.told.too-few", "en", missing=1)
    assert missing in await desk.notices("Alpha")


async def test_who_holds_a_payout_is_reminded_on_a_pause(desk: Desk) -> None:
    """What was taken on stays theirs: nobody else can end it while they may."""
    payout_id = await desk.queued()
    await desk.do("Till", payout_id, treasury.claim)
    await paused(desk, "Till")
    desk.later(hours=25)
    await desk.run(treasury.JOBS)
    assert await told(desk, "treasury.told.held", "Till", "Coin", "Purse") == ["Till"]


async def test_who_paid_hears_on_a_pause_that_nothing_arrived(desk: Desk) -> None:
    """They alone know where it went."""
    payout_id = await desk.paid()
    await paused(desk, "Till")
    async with desk.resources.unit() as unit:
        payout = await unit.session.get_one(Payout, payout_id)
        applicant = (await desk.actor(unit, "Applicant")).case
        assert applicant is not None
        assert payout.claimed_by is not None
        assert await treasury_returns.reported_missing(unit, applicant)
    assert await told(desk, "treasury.told.missing", "Till", "Coin", "Purse") == ["Till"]


async def test_a_second_treasurer_is_asked_on_a_pause_when_there_is_no_other(desk: Desk) -> None:
    """Who entered the money cannot confirm it: that they are active helps nobody."""
    await paused(desk, "Coin", "Purse")
    async with desk.resources.unit() as unit:
        await treasury_funding.enter(unit, await desk.actor(unit, "Till"), uuid4(), 1_000)
    assert await told(desk, "treasury.told.funding", "Till", "Coin", "Purse") == ["Coin", "Purse"]
