"""A reviewer's own overview."""

import pytest

from bot.database import Resources
from models.case import Case
from models.errors import NotAllowed
from services import mine, relay, standing, voting
from tests.unit.services.fund import Fund


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """A fund with two coordinators, three reviewers and a bound group."""
    made = Fund(resources)
    await made.coordinators()
    await made.reviewers("Heron", "Otter", "Raven")
    await made.bound()
    return made


async def test_the_next_case_is_the_one_due_first(fund: Fund) -> None:
    """Voted ones and those that wait for an answer are not next."""
    first = await fund.case()
    fund.later(minutes=5)
    second = await fund.case("Another")
    async with fund.resources.unit() as unit:
        heron = await fund.actor(unit, "Heron")
        own = await mine.overview(unit, heron)
        assert [held.case.id for held in own.held] == [first, second]
        assert own.next is not None
        assert own.next.id == first
        await voting.approve(unit, heron, await unit.session.get_one(Case, first))
        own = await mine.overview(unit, heron)
        assert own.next is not None
        assert own.next.id == second
        await relay.ask(unit, await fund.actor(unit, "Otter"), await unit.session.get_one(Case, second), "When?")
        own = await mine.overview(unit, heron)
        assert own.next is None
        assert [held.turn for held in own.held] == ["voted", "answer"]


async def test_a_pause_shows(fund: Fund) -> None:
    """The overview says so, and offers the way back."""
    async with fund.resources.unit() as unit:
        heron = await fund.actor(unit, "Heron")
        await standing.pause(unit, heron)
        assert (await mine.overview(unit, heron)).paused


@pytest.mark.parametrize("sign", ["Applicant", "Stranger"])
async def test_only_volunteers_have_one(fund: Fund, sign: str) -> None:
    """Nobody else has anything to see."""
    await fund.case()
    async with fund.resources.unit() as unit:
        with pytest.raises(NotAllowed):
            await mine.overview(unit, await fund.actor(unit, sign))
