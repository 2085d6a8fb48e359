"""Who was helped, or refused for good, may ask for something else at once: the old case is closed by them."""

from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from models.case import Case, CaseStatus
from models.errors import Stale
from models.followup import FollowUp, FollowUpStatus
from models.grant import ReturnReason
from services import anew, danger, intake, treasury_returns
from services.status import case_screen
from tests.unit.services.desk import Desk, make_desk
from tests.unit.services.fund import LARGE


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk with three treasurers and a million roubles."""
    return await make_desk(resources)


async def is_offered(desk: Desk) -> bool:
    """Whether the screen of the person's case has the button."""
    async with desk.resources.unit() as unit:
        actor = await desk.actor(unit, "Applicant")
        assert actor.case is not None
        screen = await case_screen(unit, actor.to, actor.case)
        return "case.anew" in [button.act for row in screen.rows for button in row]


async def ask_anew(desk: Desk) -> UUID:
    """The person says yes to the question; the id of their draft."""
    async with desk.resources.unit() as unit:
        return (await anew.begin(unit, await desk.actor(unit, "Applicant"))).id


async def stands(desk: Desk, case_id: UUID, status: CaseStatus, *, appealed: bool = False) -> None:
    """Put a case where it is to stand."""
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        case.status, case.appealed = status, appealed


@pytest.mark.parametrize(
    ("status", "appealed"),
    [(CaseStatus.PAID, False), (CaseStatus.FOLLOWED_UP, False), (CaseStatus.DECLINED, True)],
)
async def test_a_new_request_closes_the_old(desk: Desk, status: CaseStatus, appealed: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """One case at a time still, and nothing more is asked about the one that was closed."""
    await desk.paid()
    async with desk.resources.unit() as unit:
        old = (await unit.session.exec(select(Case))).one().id
    await stands(desk, old, status, appealed=appealed)
    assert await is_offered(desk)
    draft = await ask_anew(desk)
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, old)
        assert case.status is CaseStatus.CLOSED
        assert case.closed_at is not None
        actor = await desk.actor(unit, "Applicant")
        assert actor.case is not None
        assert (actor.case.id, actor.case.status) == (draft, CaseStatus.DRAFT)
        rows = (await unit.session.exec(select(FollowUp))).all()
        assert {row.status for row in rows} == {FollowUpStatus.CANCELLED}


@pytest.mark.parametrize(
    "status",
    [
        CaseStatus.IN_REVIEW,
        CaseStatus.NEEDS_ANSWER,
        CaseStatus.APPEALED,
        CaseStatus.DECLINED,
        CaseStatus.APPROVED,
        CaseStatus.PAYING,
    ],
)
async def test_nothing_else_is_closed_so(desk: Desk, status: CaseStatus) -> None:
    """What is still decided or paid, or may still be appealed, is ended by taking it back."""
    await stands(desk, await desk.case("Applicant", begin=False), status)
    assert not await is_offered(desk)
    with pytest.raises(Stale, match=r"case\.refused\.has-case"):
        await ask_anew(desk)


async def test_an_open_call_comes_first(desk: Desk) -> None:
    """What the person writes reaches who answers their call by the case that they called from."""
    await desk.paid()
    async with desk.resources.unit() as unit:
        actor = await desk.actor(unit, "Applicant")
        assert actor.case is not None
        await danger.call(unit, actor.case)
    with pytest.raises(Stale, match=r"case\.refused\.anew-call"):
        await ask_anew(desk)


@pytest.mark.parametrize("missing", [True, False])
async def test_money_in_dispute_comes_first(desk: Desk, missing: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Money that comes back after its case has closed is set free, and the person would wait for it in vain."""
    payout_id = await desk.paid(amount=LARGE)
    async with desk.resources.unit() as unit:
        if missing:
            assert await treasury_returns.reported_missing(unit, (await unit.session.exec(select(Case))).one())
        else:
            coin = await desk.actor(unit, "Coin")
            await treasury_returns.came_back(unit, coin, payout_id, ReturnReason.OTHER)
    with pytest.raises(Stale, match=r"case\.refused\.anew-money"):
        await ask_anew(desk)
    await desk.do("Purse", payout_id, treasury_returns.recheck if missing else treasury_returns.deny_return)
    await ask_anew(desk)


async def test_pressed_twice_it_begins_one(desk: Desk) -> None:
    """The second press finds a draft, which is no case to be closed."""
    await desk.paid()
    draft = await ask_anew(desk)
    with pytest.raises(Stale):
        await ask_anew(desk)
    async with desk.resources.unit() as unit:
        assert intake.own_draft(await desk.actor(unit, "Applicant")).id == draft
