"""Rails that are screened: they rest without fresh lists, and pay nobody who is on one."""

import pytest
from sqlmodel import select

from bot.database import Resources
from models.case import Case, CaseStatus
from models.compliance import ComplianceRecord
from models.grant import Grant, GrantStatus, Payout, PayoutStatus
from models.screening import EntryKind, ListedAddress, ListedEntry, ListStatus, SanctionsList
from payments.rails.registry import NoRail
from services import intake, treasury, treasury_machine, treasury_screens
from tests.unit.payments.carrier import Carrier, Fault
from tests.unit.services.desk import Desk, carried_desk
from tests.unit.services.fund import SMALL

P, G, C, F = PayoutStatus, GrantStatus, CaseStatus, Fault


class Passer(Carrier):
    """A carrier whose money goes through a partner of the policy."""

    partner = "Example Relief"


@pytest.fixture(params=[Carrier])
def carrier(request: pytest.FixtureRequest) -> Carrier:
    """The rail of the test tree."""
    made: Carrier = request.param()
    return made


@pytest.fixture
async def desk(resources: Resources, carrier: Carrier) -> Desk:
    """A desk whose policy opens the carrier beside the transfer by hand."""
    return await carried_desk(resources, carrier)


LISTED = "0x" + "ab" * 20


async def _lists(desk: Desk, *addresses: str) -> None:
    """Fresh lists of every source that the policy asks for."""
    async with desk.resources.unit() as unit:
        for source in desk.resources.policy.screening.lists:
            listed = SanctionsList(
                source=source, status=ListStatus.CURRENT, dated=unit.now, sha256="0" * 64, loaded_at=unit.now
            )
            unit.session.add(listed)
            await unit.session.flush()
            assert listed.id is not None
            entry = ListedEntry(
                list_id=listed.id,
                number=1,
                ref="1",
                kind=EntryKind.PERSON,
                name="Somebody",
                facts="{}",
                digest="0",
            )
            unit.session.add(entry)
            await unit.session.flush()
            for address in addresses:
                unit.session.add(ListedAddress(list_id=listed.id, entry=1, address=address, currency="ETH"))


async def test_a_screened_rail_rests_without_fresh_lists(desk: Desk, carrier: Carrier) -> None:
    """It is not offered, and what was agreed to before is not ordered; the other ways stay open."""
    carrier.screened = True
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        with pytest.raises(NoRail):
            await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "carrier")
    await _lists(desk)
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        payout_id = (await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "carrier")).id
    desk.later(days=61)
    await desk.do("Till", payout_id, treasury.claim)
    with pytest.raises(NoRail, match="stale"):
        await desk.do("Till", payout_id, treasury_machine.order)


@pytest.mark.parametrize("carrier", [Carrier, Passer], ids=["straight", "partner"], indirect=True)
@pytest.mark.parametrize("listed", [True, False])
async def test_a_listed_destination_is_not_paid(desk: Desk, carrier: Carrier, *, listed: bool) -> None:
    """Through a partner neither: held back with the reason. A clear one is paid, with the lists on record."""
    carrier.screened = True
    await _lists(desk, *([LISTED] if listed else []))
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        grant = (await unit.session.exec(select(Grant))).one()
        grant.destination = None
        await intake.write_answer(unit, case, "payout", LISTED)
        payout_id = (await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "carrier")).id
    await desk.do("Till", payout_id, treasury.claim, treasury_machine.order, treasury_screens.show_payout)
    await desk.tick()
    async with desk.resources.unit() as unit:
        records = (await unit.session.exec(select(ComplianceRecord))).all()
        payout = await unit.session.get_one(Payout, payout_id)
    if listed:
        assert (payout.status, payout.hold) == (P.CLAIMED, "screening.refused.blocked")
        assert carrier.moves == 0
        assert records == []
    else:
        assert payout.status == P.PAID
        assert [record.rail for record in records] == ["carrier"]
        assert "000000000000" in records[0].list_version


async def test_a_payment_by_hand_is_on_the_compliance_record_too(desk: Desk) -> None:
    """Each payment that counts has its record, also where nothing is screened."""
    payout_id = await desk.agreed(await desk.approved(), rail="manual")
    await desk.do(
        "Till",
        payout_id,
        treasury.claim,
        lambda unit, actor, payout: treasury.pay(unit, actor, payout, "R-1"),
    )
    async with desk.resources.unit() as unit:
        record = (await unit.session.exec(select(ComplianceRecord))).one()
    assert (record.rail, record.amount, record.list_version) == ("manual", SMALL, "")
