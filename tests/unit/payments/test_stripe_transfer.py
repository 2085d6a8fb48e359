"""Through a partner: moved once at Stripe, counted once the partner has reported, given back otherwise."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlmodel import select

from bot.database import Resources
from bot.operations import doubt_payments
from bot.rails import partner_rail
from models.attempt import Attempt
from models.case import CaseStatus
from models.doubt import Found, Ground, Incident, IncidentEnd
from models.errors import NotAllowed
from models.funding import FundingSource
from models.grant import GrantStatus, PayoutStatus, ReturnReason
from models.policy import Partner
from payments import attempts, funding
from payments.attempts import Now
from payments.ledger import Purpose, balance
from payments.money import Money
from payments.rails.base import MachineRail, Outcome, Result
from payments.rails.registry import NoRail
from payments.stripe_gateway import StripeGateway
from sandbox.stripe.calls import FaultKind
from sandbox.stripe.client import Bank
from sandbox.stripe.server import StripeServer
from services import (
    treasury,
    treasury_doubts,
    treasury_funding,
    treasury_machine,
    treasury_returns,
    treasury_screens,
)
from tests.stripe_town import bank, stripe_server
from tests.unit.payments.partner_desk import CURRENCY, FEE, books, held, paid_after_all, partner_desk
from tests.unit.services.desk import PLENTY, Desk
from tests.unit.services.fund import SMALL

__all__ = ["bank", "stripe_server"]


P, G, C = PayoutStatus, GrantStatus, CaseStatus


@pytest.fixture
async def desk(resources: Resources, stripe_server: StripeServer, bank: Bank) -> AsyncIterator[Desk]:
    """A desk that pays through a partner."""
    async with partner_desk(resources, stripe_server, bank) as made:
        yield made


async def test_a_partner_passes_it_on_and_reports(desk: Desk, bank: Bank) -> None:
    """At Stripe one transfer; the grant counts as paid once a treasurer has entered the partner's report."""
    payout_id = await desk.ordered("stripe_transfer")
    assert await desk.tick() == [Now.SENT]
    assert await desk.stands(payout_id) == (P.SENT, G.RESERVED, C.PAYING)
    assert await books(desk) == {
        Purpose.FUND: PLENTY - SMALL, Purpose.RESERVED: SMALL, Purpose.GRANTED: 0, Purpose.STRIPE: 0,
        Purpose.PARTNERS: SMALL,
    }  # fmt: skip
    assert [made["amount"] for made in await bank.objects("transfer")] == [SMALL + FEE]
    async with desk.resources.unit() as unit:
        assert await balance(unit, Purpose.FEES, CURRENCY) == Money(FEE, CURRENCY)
    async with desk.resources.unit() as unit:
        await treasury_screens.show_payout(unit, await desk.actor(unit, "Coin"), payout_id)
    assert "The partner has the money" in (await desk.screen("Coin"))["text"]
    async with desk.resources.unit() as unit:
        with pytest.raises(NotAllowed):
            await treasury.confirm(unit, await desk.actor(unit, "Coin"), payout_id)
        await treasury_machine.report(unit, await desk.actor(unit, "Coin"), payout_id, "P-7")
    assert await desk.stands(payout_id) == (P.PAID, G.PAID, C.PAID)
    assert await books(desk) == {
        Purpose.FUND: PLENTY, Purpose.RESERVED: 0, Purpose.GRANTED: SMALL, Purpose.STRIPE: 0, Purpose.PARTNERS: 0,
    }  # fmt: skip
    [made] = await bank.objects("transfer")
    assert "4111" not in str(made)
    assert "plecho" not in str(made).casefold()


@pytest.mark.parametrize(
    "fault", ["lost_answer", "server_error_after", "doubled", "garbage", "hang_up", "server_error", "late"]
)
async def test_stripe_moves_it_once_whatever_it_answers(desk: Desk, bank: Bank, fault: FaultKind) -> None:
    """What is lost, doubled, senseless or late is looked up and asked again under one key: one transfer."""
    await bank.top_up(SMALL + FEE)  # so that a second transfer would be made
    await bank.fault(fault, "/v1/transfers", verb="POST")
    payout_id = await desk.ordered("stripe_transfer")
    first = await desk.tick()
    assert first in ([Now.OPEN], [Now.SENT])
    if first == [Now.OPEN]:
        assert await desk.tick(1) == [Now.SENT]
    assert (await desk.stands(payout_id))[0] == P.SENT
    assert len(await bank.objects("transfer")) == 1


async def test_a_refusal_is_believed_only_when_nothing_was_moved(desk: Desk, bank: Bank) -> None:
    """The first request arrived after the look-up, and the second was refused: what was moved counts as paid."""
    for fault in ("late", "invalid"):
        await bank.fault(fault, "/v1/transfers", verb="POST")
    payout_id = await desk.ordered("stripe_transfer")
    assert await desk.tick() == [Now.OPEN]
    assert await desk.tick(1) == [Now.SENT]
    assert (await desk.stands(payout_id))[0] == P.SENT
    assert len(await bank.objects("transfer")) == 1


@pytest.mark.parametrize("reported", [False, True])
async def test_what_the_partner_could_not_pass_on_stands_with_them(desk: Desk, *, reported: bool) -> None:
    """Before the report or after it: the grant is reserved, and it is cash once two have seen it arrive."""
    payout_id, entry = await desk.ordered("stripe_transfer"), uuid4()
    await desk.tick()
    async with desk.resources.unit() as unit:
        assert await funding.held(unit) == []
    async with desk.resources.unit() as unit:
        coin = await desk.actor(unit, "Coin")
        if reported:
            await treasury_machine.report(unit, coin, payout_id, "P-7")
        await treasury_returns.came_back(unit, coin, payout_id, ReturnReason.REFUSED)
    assert await desk.stands(payout_id) == (P.RETURNED, G.RESERVED, C.APPROVED)
    stands = await books(desk)
    assert stands == {
        Purpose.FUND: PLENTY - SMALL, Purpose.RESERVED: SMALL, Purpose.GRANTED: 0, Purpose.STRIPE: 0,
        Purpose.PARTNERS: SMALL,
    }  # fmt: skip
    async with desk.resources.unit() as unit:
        assert await funding.held(unit) == [(FundingSource.PARTNER, Money(SMALL, CURRENCY))]
        till, whole = await desk.actor(unit, "Till"), Money(SMALL, CURRENCY)
        await treasury_funding.enter(unit, till, entry, SMALL - 100, FundingSource.PARTNER, whole)
    async with desk.resources.unit() as unit:
        await treasury_funding.confirm(unit, await desk.actor(unit, "Coin"), entry)
        assert await balance(unit, Purpose.EXCHANGE, CURRENCY) == Money(100, CURRENCY)
    stands = await books(desk)
    assert (stands[Purpose.FUND], stands[Purpose.PARTNERS]) == (PLENTY - 100, 0)


async def test_what_the_partner_gives_back_waits_for_money_when_nothing_is_free(desk: Desk) -> None:
    """The grant waits while the money stands with the partner, and is reserved once two have seen it arrive."""
    payout_id, entry = await desk.ordered("stripe_transfer"), uuid4()
    await desk.tick()
    async with desk.resources.unit() as unit:
        coin = await desk.actor(unit, "Coin")
        await treasury_machine.report(unit, coin, payout_id, "P-7")
        await funding.take(unit, await balance(unit, Purpose.FUND, CURRENCY), funding.Why.MISTAKE, "operator")
        await treasury_returns.came_back(unit, coin, payout_id, ReturnReason.REFUSED)
    assert await desk.stands(payout_id) == (P.RETURNED, G.WAITING, C.APPROVED)
    stands = await books(desk)
    assert (stands[Purpose.FUND], stands[Purpose.PARTNERS], stands[Purpose.GRANTED]) == (0, SMALL, 0)
    async with desk.resources.unit() as unit:
        till, whole = await desk.actor(unit, "Till"), Money(SMALL, CURRENCY)
        await treasury_funding.enter(unit, till, entry, SMALL, FundingSource.PARTNER, whole)
    async with desk.resources.unit() as unit:
        await treasury_funding.confirm(unit, await desk.actor(unit, "Coin"), entry)
    assert (await desk.stands(payout_id))[1] == G.RESERVED
    stands = await books(desk)
    assert (stands[Purpose.RESERVED], stands[Purpose.FUND], stands[Purpose.PARTNERS]) == (SMALL, 0, 0)


async def test_a_late_answer_about_what_two_found_and_the_partner_reported_is_no_second_payment(
    desk: Desk,
) -> None:
    """The report has a reference of its own; the transfer that two have found stays known under Stripe's."""
    payout_id = await desk.ordered("stripe_transfer")
    await doubt_payments(desk.resources)
    async with desk.resources.unit() as unit:
        till = await desk.actor(unit, "Till")
        await treasury_doubts.say(unit, till, payout_id, Found.PAID, Ground.PROVIDER, "tr_1")
    await desk.do("Coin", payout_id, treasury_doubts.confirm)
    async with desk.resources.unit() as unit:
        await treasury_machine.report(unit, await desk.actor(unit, "Coin"), payout_id, "R-9")
    assert (await desk.stands(payout_id))[0] == P.PAID
    for reference, came in (("tr_1", Now.OPEN), ("tr_2", Now.INCIDENT)):
        async with desk.resources.unit() as unit:
            attempt = (await unit.session.exec(select(Attempt))).one()
            rail = desk.resources.rails["stripe_transfer"]
            assert isinstance(rail, MachineRail)
            order = await attempts.order_of(unit, attempt)
            late = Result(Outcome.DONE, reference)
            assert (await attempts.conclude(unit, attempt.id, rail, order, late)).now == came


@pytest.mark.parametrize("end", [IncidentEnd.BACK, IncidentEnd.LOST])
async def test_a_transfer_that_was_over_is_in_suspense_with_the_partners_fee(
    desk: Desk, bank: Bank, stripe_server: StripeServer, end: IncidentEnd
) -> None:
    """Found to be never made, and made after all: what left Stripe is the amount and the fee, and so it ends."""
    await paid_after_all(desk, bank)
    assert await desk.tick(61) == [Now.INCIDENT]
    assert await held(desk, stripe_server) == []
    async with desk.resources.unit() as unit:
        incident = (await unit.session.exec(select(Incident))).one()
        assert await balance(unit, Purpose.SUSPENSE, CURRENCY) == Money(SMALL + FEE, CURRENCY)
        await treasury_doubts.say_end(unit, await desk.actor(unit, "Till"), incident.id, end)
    await desk.do("Coin", incident.id, treasury_doubts.confirm_end)
    back, lost = (SMALL + FEE, 0) if end == IncidentEnd.BACK else (0, SMALL + FEE)
    assert (await books(desk))[Purpose.STRIPE] == back
    async with desk.resources.unit() as unit:
        assert await balance(unit, Purpose.LOSSES, CURRENCY) == Money(lost, CURRENCY)


async def test_a_transfer_that_a_restore_left_no_row_of_is_entered_with_the_partners_fee(
    desk: Desk, stripe_server: StripeServer
) -> None:
    """Ordered after the backup and found to be paid: what left Stripe is the amount and the policy's fee."""
    payout_id = await desk.agreed(await desk.approved("Applicant"), "Applicant", "stripe_transfer")
    partner, gateway = desk.resources.policy.partner, StripeGateway(stripe_server.key, stripe_server.url)
    assert partner is not None
    made = await gateway.transfer("lost with its row", Money(SMALL + FEE, CURRENCY), partner.account)
    await gateway.close()
    await doubt_payments(desk.resources)
    async with desk.resources.unit() as unit:
        till = await desk.actor(unit, "Till")
        await treasury_doubts.say(unit, till, payout_id, Found.PAID, Ground.PROVIDER, made)
    await desk.do("Coin", payout_id, treasury_doubts.confirm)
    assert await held(desk, stripe_server) == []
    assert (await books(desk))[Purpose.PARTNERS] == SMALL
    async with desk.resources.unit() as unit:
        assert await balance(unit, Purpose.FEES, CURRENCY) == Money(FEE, CURRENCY)


async def test_stripe_moves_it_once_over_a_day_of_silence(desk: Desk, bank: Bank) -> None:
    """The answer was lost and Stripe silent until it had forgotten the key: what it knows is looked up first."""
    await bank.fault("lost_answer", "/v1/transfers", verb="POST")
    await desk.ordered("stripe_transfer")
    assert await desk.tick() == [Now.OPEN]
    await bank.fault("down", "/v1/", seconds=25 * 3600)
    came = [now for _ in range(30) for now in await desk.tick(61)]
    assert came == [Now.OPEN] * (len(came) - 1) + [Now.SENT]
    assert len(await bank.objects("transfer")) == 1


async def test_a_policy_that_changes_pays_nobody_else(desk: Desk, bank: Bank, stripe_server: StripeServer) -> None:
    """Another partner and another fee between the order and its execution: who was ordered is paid, and once."""
    await bank.fault("lost_answer", "/v1/transfers", verb="POST")
    await desk.ordered("stripe_transfer")
    assert await desk.tick() == [Now.OPEN]
    first = desk.resources.policy.partner
    assert first is not None
    other = Partner(name="Somebody Else OU", account=await bank.connect("LV"), days=1, fee=0)
    desk.resources.policy = desk.resources.policy.model_copy(update={"partner": other})
    gateway = StripeGateway(stripe_server.key, stripe_server.url)
    rail = partner_rail(gateway, desk.resources.policy)
    desk.resources.rails = {**desk.resources.rails, rail.name: rail}
    assert await desk.tick(2) == [Now.SENT]
    await gateway.close()
    [made] = await bank.objects("transfer")
    assert (made["destination"], made["amount"]) == (first.account, SMALL + FEE)


async def test_a_changed_partner_before_the_first_try_changes_no_order(
    desk: Desk, bank: Bank, stripe_server: StripeServer
) -> None:
    """What was set aside with the order decides, also when nothing was asked before the policy changed."""
    await desk.ordered("stripe_transfer")
    first = desk.resources.policy.partner
    assert first is not None
    other = Partner(name="Somebody Else OU", account=await bank.connect("LV"), days=1, fee=7)
    desk.resources.policy = desk.resources.policy.model_copy(update={"partner": other})
    gateway = StripeGateway(stripe_server.key, stripe_server.url)
    rail = partner_rail(gateway, desk.resources.policy)
    desk.resources.rails = {**desk.resources.rails, rail.name: rail}
    assert await desk.tick() == [Now.SENT]
    await gateway.close()
    [made] = await bank.objects("transfer")
    assert (made["destination"], made["amount"]) == (first.account, SMALL + FEE)


async def test_without_money_or_partner_the_way_is_closed(desk: Desk, stripe_server: StripeServer) -> None:
    """Too little at Stripe, a partner that the policy does not name, or no key: not offered."""
    await desk.ordered("stripe_transfer")
    await desk.tick()
    with pytest.raises(NoRail):
        await desk.agreed(await desk.approved("Other"), "Other", "stripe_transfer")
    rail = desk.resources.rails["stripe_transfer"]
    gone = desk.resources.policy.model_copy(update={"partner": None})
    async with desk.resources.unit() as unit:
        unit.policy = gone
        assert await rail.refuses(unit, Money(SMALL, CURRENCY)) == "treasury.refused.no-rail"
    assert not partner_rail(StripeGateway(stripe_server.key, stripe_server.url), gone).partner
