"""A way that closes while somebody waits for it: they hear so, and the next is offered; treasurers see why."""

from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from bot.provider_errands import ask_rails
from models.attempt import RailHealth
from models.case import Case
from models.errors import NotAllowed
from models.grant import Payout, PayoutStatus
from models.voucher import VoucherKind
from payments import attempts, executor, vouchers
from payments.ledger import EntryKind, Purpose, transfer
from payments.money import Money
from services import (
    reconciling,
    treasury,
    treasury_closed,
    treasury_differences,
    treasury_machine,
    treasury_person,
    treasury_rails,
)
from services import treasury_screens as screens
from tests.unit.payments.carrier import Carrier, Fault
from tests.unit.services.desk import RUB, Desk, make_desk
from tests.unit.services.fund import SMALL


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk whose policy opens the carrier of the test tree, codes and the transfer by hand."""
    resources.rails = {**resources.rails, "carrier": Carrier()}
    resources.policy = resources.policy.model_copy(update={"rails": ("carrier", "voucher-mobile", "manual")})
    return await make_desk(resources)


async def waiting(desk: Desk, rail: str = "carrier") -> UUID:
    """A payout in the queue, its person's news opened."""
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        payout_id = (await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, rail)).id
    await desk.deliver()
    return payout_id


async def shut(desk: Desk, rail: str = "carrier") -> None:
    """The circuit breaker of a rail is open."""
    async with desk.resources.unit() as unit:
        unit.session.add(RailHealth(rail=rail, failures=3, shut_at=unit.now, probe_at=unit.now))


async def told(desk: Desk) -> int:
    """How many notices the person got."""
    return len(await desk.notices("Applicant"))


async def test_whoever_waits_for_a_rail_that_shuts_is_offered_the_next(desk: Desk) -> None:
    """They hear of it once a day, read that nothing is lost, take it back and see the other ways."""
    payout_id = await waiting(desk)
    await desk.run(treasury_closed.JOBS)
    before = await told(desk)
    await shut(desk)
    for hours, count in ((0, 1), (1, 1), (23, 2)):
        desk.later(hours=hours)
        await desk.run(treasury_closed.JOBS)
        assert await told(desk) == before + count
        await desk.deliver()
    async with desk.resources.unit() as unit:
        applicant = await desk.actor(unit, "Applicant")
        assert applicant.case is not None
        await treasury_person.show_person(unit, applicant, applicant.case)
    assert "does not work at the moment. Nothing is lost" in (await desk.screen("Applicant"))["text"]
    async with desk.resources.unit() as unit:
        applicant = await desk.actor(unit, "Applicant")
        assert applicant.case is not None
        await treasury.take_back(unit, applicant, applicant.case)
        await treasury_person.show_person(unit, applicant, applicant.case)
    assert (await desk.stands(payout_id))[0] == PayoutStatus.CANCELLED
    assert "Approved for you" in (await desk.screen("Applicant"))["text"]


async def test_codes_that_run_out_while_somebody_waits(desk: Desk) -> None:
    """Whoever agreed to codes that others got first is offered another way too."""
    async with desk.resources.unit() as unit:
        await vouchers.load(unit, ["A-1\n"], VoucherKind.MOBILE, Money(SMALL, RUB), given=True, by="operator")
    await waiting(desk, "voucher-mobile")
    async with desk.resources.unit() as unit:
        await vouchers.write_off(unit, VoucherKind.MOBILE, "operator")
    before = await told(desk)
    await desk.run(treasury_closed.JOBS)
    assert await told(desk) == before + 1


@pytest.mark.parametrize("why", ["held", "unsure", "alone"])
async def test_what_is_held_in_doubt_or_has_no_other_way_is_left_alone(desk: Desk, why: str) -> None:
    """A treasurer holds it, it may have been paid, or nothing else is open: nobody is told to choose."""
    payout_id = await waiting(desk)
    await shut(desk)
    if why == "alone":
        desk.resources.policy = desk.resources.policy.model_copy(update={"rails": ("carrier",)})
    async with desk.resources.unit() as unit:
        if why == "held":
            await treasury.claim(unit, await desk.actor(unit, "Till"), payout_id)
        (await unit.session.get_one(Payout, payout_id)).unsure = why == "unsure"
    before = await told(desk)
    await desk.run(treasury_closed.JOBS)
    assert await told(desk) == before


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_treasurers_see_the_price_and_the_state_of_each_way(desk: Desk) -> None:
    """What each costs, whether it works now, what a statement shows, what is screened; nobody else reads it."""
    await shut(desk)
    async with desk.resources.unit() as unit:
        await treasury_rails.show_rails(unit, await desk.actor(unit, "Till"))
    shown = (await desk.screen("Till"))["text"]
    carrier, codes, manual = shown.split("\n\n")[1:]
    assert carrier.startswith("🔴 transfer: This way does not work")
    assert "it costs the fund 1" in carrier
    assert "a private person" in carrier
    assert codes.startswith("🔴 phone top-up: There are no codes")
    assert "Nothing to screen" in codes
    assert manual.startswith("🟢 transfer: works")
    assert "an exchange or a wallet" in manual
    async with desk.resources.unit() as unit:
        with pytest.raises(NotAllowed):
            await treasury_rails.show_rails(unit, await desk.actor(unit, "Applicant"))


async def test_treasurers_see_each_difference(desk: Desk) -> None:
    """The desk counts them; opened, each says what differs, by how much, of which grant; nobody else reads it."""
    desk.resources.policy = desk.resources.policy.model_copy(update={"rails": ("manual",)})
    payout_id = await desk.paid()
    async with desk.resources.unit() as unit:
        (await unit.session.get_one(Payout, payout_id)).paid_at = None
        more, source = Money(700, RUB), Purpose.CONTRIBUTIONS
        await transfer(unit, EntryKind.STOCK, "stock:x", more, source=source, target=Purpose.VOUCHERS, actor="t")
    await desk.run(reconciling.JOBS)
    async with desk.resources.unit() as unit:
        till = await desk.actor(unit, "Till")
        await screens.show_desk(unit, till)
        number = (await unit.session.exec(select(Payout.id))).one()
        assert number == payout_id
    assert "⚠️ Differences: 2" in str((await desk.screen("Till"))["keyboard"])
    async with desk.resources.unit() as unit:
        await treasury_differences.show_differences(unit, await desk.actor(unit, "Till"))
    shown = (await desk.screen("Till"))["text"]
    assert "account:vouchers:RUB" in shown
    assert "Here: 7\xa0RUB, there: 0\xa0RUB" in shown
    assert "G-" in shown
    assert str(payout_id) not in shown
    async with desk.resources.unit() as unit:
        with pytest.raises(NotAllowed):
            await treasury_differences.show_differences(unit, await desk.actor(unit, "Applicant"))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_difference_that_a_provider_takes_back_is_gone(desk: Desk) -> None:
    """While the provider does not know of a payment, or is silent, it stands on the desk; then no more."""
    carrier = desk.resources.rails["carrier"]
    assert isinstance(carrier, Carrier)
    payout_id = await waiting(desk)
    async with desk.resources.unit() as unit:
        till = await desk.actor(unit, "Till")
        await treasury.claim(unit, till, payout_id)
        await treasury_machine.order(unit, till, payout_id)
    async with desk.resources.unit() as unit:
        due = await attempts.due(unit)
    for attempt in due:
        await executor.work(desk.resources.unit, attempt, treasury_machine.told)
    paid, carrier.paid = carrier.paid, {}

    async def standing() -> list[str]:
        await ask_rails(desk.resources, None, None)  # type: ignore[arg-type] # it asks Telegram nothing
        async with desk.resources.unit() as unit:
            return [row.kind for row in await treasury_differences.standing(unit)]

    assert await standing() == ["provider-not-paid"]
    carrier.faults.extend([Fault.DOWN] * 2)
    assert await standing() == ["provider-not-paid"]
    carrier.paid = paid
    assert await standing() == []
