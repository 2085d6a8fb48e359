"""Rails that are screened: they rest without fresh lists, and pay nobody who is on one."""

from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from models.attempt import RailHealth
from models.case import Case, CaseStatus
from models.compliance import ComplianceRecord
from models.grant import Grant, GrantStatus, Payout, PayoutStatus
from models.screening import EntryKind, ListedAddress, ListedEntry, ListStatus, SanctionsList
from payments.attempts import Now
from payments.rails.base import Order
from payments.rails.registry import NoRail
from services import intake, treasury, treasury_machine, treasury_returns, treasury_screens
from tests.unit.payments.carrier import Carrier, Fault
from tests.unit.services.desk import Desk, Step, carried_desk
from tests.unit.services.fund import LARGE, SMALL
from tests.unit.services.paying import came_back, pay

P, G, C, F = PayoutStatus, GrantStatus, CaseStatus, Fault


class Passer(Carrier):
    """A carrier whose money goes through a partner of the policy."""

    partner = "Example Relief"

    def through(self, order: Order) -> tuple[str, ...]:  # noqa: ARG002 - the interface of a rail
        """The same one always."""
        return (self.partner,)


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


async def _order(desk: Desk) -> UUID:
    """An order to pay to an address that is on no list yet."""
    await _lists(desk)
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        (await unit.session.exec(select(Grant))).one().destination = None
        await intake.write_answer(unit, case, "payout", LISTED)
        payout_id = (await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "carrier")).id
    await desk.do("Till", payout_id, treasury.claim, treasury_machine.order)
    return payout_id


async def _list_it(desk: Desk) -> None:
    async with desk.resources.unit() as unit:
        for listed in (await unit.session.exec(select(SanctionsList))).all():
            assert listed.id is not None
            unit.session.add(ListedAddress(list_id=listed.id, entry=1, address=LISTED, currency="ETH"))


@pytest.mark.parametrize("carrier", [Carrier, Passer], ids=["straight", "partner"], indirect=True)
@pytest.mark.parametrize("tried", [False, True])
async def test_what_is_listed_after_the_order_is_not_paid(desk: Desk, carrier: Carrier, *, tried: bool) -> None:
    """An order is screened again before its provider is asked, also anew; treasurers have it back, and see why."""
    carrier.screened = True
    payout_id = await _order(desk)
    if tried:
        carrier.faults.append(F.DOWN)
        assert await desk.tick() == [Now.OPEN]
    await _list_it(desk)
    assert await desk.tick(2) == [Now.QUEUED]
    assert (carrier.moves, (await desk.stands(payout_id))[:2]) == (0, (P.QUEUED, G.RESERVED))
    assert "did not go through" in (await desk.notices("Coin"))[-1]
    await desk.do("Till", payout_id, treasury_screens.show_payout)
    assert "sanctions list" in (await desk.screen("Till"))["text"]
    async with desk.resources.unit() as unit:
        failures = (await unit.session.exec(select(RailHealth.failures))).all()
        assert sum(failures) == int(tried)  # the rail is not to blame for what is listed
    await desk.agrees()


async def test_what_may_have_been_paid_is_looked_up_whatever_the_lists_say(desk: Desk, carrier: Carrier) -> None:
    """An answer that was lost is found at the provider, and the payment entered once."""
    carrier.screened = True
    payout_id = await _order(desk)
    carrier.faults.append(F.LOST)
    await desk.tick()
    await _list_it(desk)
    assert await desk.tick(2) == [Now.PAID]
    assert (carrier.moves, (await desk.stands(payout_id))[0]) == (1, P.PAID)
    await desk.agrees()


async def test_an_order_waits_for_fresh_lists(desk: Desk, carrier: Carrier) -> None:
    """While they are too old nothing is paid, and the treasurers see why; with fresh ones it goes by itself."""
    carrier.screened = True
    payout_id = await _order(desk)
    desk.later(days=61)
    assert await desk.tick() == [Now.OPEN]
    for shown_to in ("Till", "Coin"):
        await desk.do(shown_to, payout_id, treasury_screens.show_payout)
        assert "too old" in (await desk.screen(shown_to))["text"]
    async with desk.resources.unit() as unit:
        for listed in (await unit.session.exec(select(SanctionsList))).all():
            listed.dated = listed.loaded_at = unit.now
    assert await desk.tick(5) == [Now.PAID]
    async with desk.resources.unit() as unit:
        assert (await unit.session.get_one(Payout, payout_id)).hold is None


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


@pytest.mark.parametrize(
    "steps", [(treasury.confirm,), (came_back, treasury_returns.deny_return, treasury.confirm), (came_back,)]
)
async def test_a_payment_by_hand_is_on_record_once_before_it_is_confirmed(
    desk: Desk, steps: tuple[Step, ...]
) -> None:
    """Confirmed or come back, it went once."""
    payout_id = await desk.agreed(await desk.approved(amount=LARGE), rail="manual")
    await desk.do("Till", payout_id, treasury.claim, pay)
    for sign, step in zip(("Coin", "Purse", "Coin"), steps, strict=False):
        await desk.do(sign, payout_id, step)
    async with desk.resources.unit() as unit:
        record = (await unit.session.exec(select(ComplianceRecord))).one()
    assert (record.rail, record.amount) == ("manual", LARGE)
