"""A reviewer's own overview."""

from uuid import UUID

import pytest

from bot.database import Resources
from models.case import Case, CaseStatus
from models.errors import NotAllowed
from services import followup_answers, followup_words, mine, panel, relay, standing, voting
from services.erasure import shred_case
from tests.unit.services.founding import peopled
from tests.unit.services.fund import LARGE, Fund, volunteer, wrote


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """A fund with two coordinators, three reviewers and a bound group."""
    return await peopled(resources, "Heron", "Otter", "Raven")


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


async def listed(fund: Fund, sign: str) -> list[UUID]:
    """Whose words a reviewer finds in their list."""
    async with fund.resources.unit() as unit:
        return [case.id for _, case in (await mine.overview(unit, await fund.actor(unit, sign))).words]


async def test_words_wait_in_the_list_until_they_are_read(fund: Fund) -> None:
    """Each who decided finds them until they have read, and once more when the person writes anew."""
    case_id = await fund.approved_by(await fund.case(amount=LARGE))
    assert await listed(fund, "Heron") == []
    key = await wrote(fund, case_id, "All well.")
    assert [await listed(fund, sign) for sign in ("Heron", "Otter", "Raven")] == [[case_id]] * 3
    async with fund.resources.unit() as unit:
        await followup_words.read(unit, await fund.actor(unit, "Heron"), key)
    assert await listed(fund, "Heron") == []
    assert await listed(fund, "Otter") == [case_id]
    async with fund.resources.unit() as unit:
        await followup_answers.tell(unit, await fund.actor(unit, "Applicant"), key, "And one thing more.")
    assert await listed(fund, "Heron") == [case_id]


@pytest.mark.parametrize("why", ["stepped aside", "withdrawn", "erased", "on a pause"])
async def test_whose_words_are_listed(fund: Fund, why: str) -> None:
    """What may not be read is not listed either; a pause only keeps new cases away."""
    case_id = await fund.approved_by(await fund.case(amount=LARGE))
    await wrote(fund, case_id, "All well.")
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        if why == "stepped aside":
            await panel.bar(unit, case, await volunteer(unit, "Heron"))
        elif why == "withdrawn":
            case.status = CaseStatus.WITHDRAWN
        elif why == "on a pause":
            await standing.pause(unit, await fund.actor(unit, "Heron"))
        else:
            await shred_case(unit, case, "system")
    assert await listed(fund, "Heron") == ([case_id] if why == "on a pause" else [])
