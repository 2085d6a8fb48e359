"""After a restore nothing is paid twice: whoever pays is asked to look first."""

from uuid import UUID

import pytest

from bot.database import Resources
from bot.operations import doubt_payments
from models.case import Case, CaseStatus
from models.grant import Payout, PayoutStatus
from payments import grants
from services import treasury, treasury_screens
from services.restoring import Doubts
from tests.unit.services.desk import Desk, make_desk


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk with three treasurers and a million roubles."""
    return await make_desk(resources)


async def unsure(desk: Desk, payout_id: UUID) -> bool:
    """Whether a payout is to be looked up before it is paid."""
    async with desk.resources.unit() as unit:
        return (await unit.session.get_one(Payout, payout_id)).unsure


async def claim(desk: Desk, payout_id: UUID) -> None:
    """Till takes a payout."""
    async with desk.resources.unit() as unit:
        await treasury.claim(unit, await desk.actor(unit, "Till"), payout_id)


async def test_what_waits_is_marked_and_counted(desk: Desk) -> None:
    """Queued and claimed payouts are unsure, claimed ones wait again, and they are counted."""
    queued, claimed = await desk.queued("Anna"), await desk.queued("Boris")
    await claim(desk, claimed)
    await desk.approved("Vera")
    paid = await desk.paid("Gleb")
    assert await doubt_payments(desk.resources) == Doubts(payouts=2, requests=2)
    assert [await unsure(desk, key) for key in (queued, claimed, paid)] == [True, True, False]
    assert (await desk.stands(claimed))[0] is PayoutStatus.QUEUED
    async with desk.resources.unit() as unit:
        await treasury_screens.show_payout(unit, await desk.actor(unit, "Till"), claimed)
    assert "It may have been paid already" in (await desk.screen("Till"))["text"]


async def test_a_grant_without_a_payout_begins_unsure(desk: Desk) -> None:
    """The next payout of every request that came back is unsure, until a treasurer has looked it up."""
    case_id = await desk.approved("Anna")
    await doubt_payments(desk.resources)
    payout_id = await desk.agreed(case_id, "Anna")
    assert await unsure(desk, payout_id)
    await claim(desk, payout_id)
    async with desk.resources.unit() as unit:
        await treasury.give_back(unit, await desk.actor(unit, "Till"), payout_id)
    assert not await unsure(desk, payout_id)
    async with desk.resources.unit() as unit:
        assert not (await unit.session.get_one(Case, case_id)).restored


async def test_a_request_not_decided_yet_is_marked_too(desk: Desk) -> None:
    """It may have been approved and paid after the backup: its payout begins unsure as well."""
    case_id = await desk.case("Anna", begin=False)
    await doubt_payments(desk.resources)
    async with desk.resources.unit() as unit:
        assert (await unit.session.get_one(Case, case_id)).restored
    later = await desk.case("Boris", begin=False)
    async with desk.resources.unit() as unit:
        assert not (await unit.session.get_one(Case, later)).restored


async def test_a_payout_of_a_withdrawn_request_stays_with_its_holder(desk: Desk) -> None:
    """Whoever held it before the backup alone can tell: it is neither released nor offered to others."""
    case_id = await desk.approved("Anna")
    payout_id = await desk.agreed(case_id, "Anna")
    await claim(desk, payout_id)
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        case.status = CaseStatus.WITHDRAWN
        await grants.cancel_for_case(unit, case, "system")
    assert await doubt_payments(desk.resources) == Doubts(payouts=1, requests=0)
    assert (await desk.stands(payout_id))[0] is PayoutStatus.CLAIMED
