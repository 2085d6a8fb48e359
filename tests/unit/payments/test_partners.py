"""Transfers that Stripe has undone, and whatever else it holds than the books say."""

from collections.abc import AsyncIterator

import pytest
from sqlmodel import select

from bot import provider_errands
from bot.database import Resources
from models.audit import AuditEntry
from models.funding import FundingSource
from models.grant import PayoutStatus
from payments import funding
from payments.ledger import Purpose, balance
from payments.money import Money
from sandbox.stripe import transfers
from sandbox.stripe.client import Bank
from sandbox.stripe.server import StripeServer
from services import (
    treasury_machine,
)
from tests.stripe_town import bank, stripe_server
from tests.unit.payments.partner_desk import CURRENCY, FEE, books, held, partner_desk, two_under_way
from tests.unit.services.desk import PLENTY, Desk
from tests.unit.services.fund import SMALL

__all__ = ["bank", "stripe_server"]


P = PayoutStatus


@pytest.fixture
async def desk(resources: Resources, stripe_server: StripeServer, bank: Bank) -> AsyncIterator[Desk]:
    """A desk that pays through a partner."""
    async with partner_desk(resources, stripe_server, bank) as made:
        yield made


async def test_what_the_provider_says_otherwise_is_told_once_by_the_clock(
    desk: Desk, stripe_server: StripeServer
) -> None:
    """A payment that we count as made and Stripe does not know is found by asking, and told once."""
    await desk.ordered("stripe_transfer")
    await desk.tick()
    made = stripe_server.stripe.table("transfer")
    made.remove(next(iter(made))["id"])
    for _ in range(3):
        for errand in provider_errands.ERRANDS:
            async with desk.resources.unit() as unit:
                due = await errand.find(unit)
            assert len(due) == 1
            await errand.run(desk.resources, None, due[0])  # type: ignore[arg-type] # it asks Telegram nothing
        desk.later(hours=6)
    async with desk.resources.unit() as unit:
        acts = await unit.session.exec(select(AuditEntry).where(AuditEntry.act == "reconcile.provider-not-paid"))
        assert len(acts.all()) == 1


async def test_a_transfer_that_was_undone_is_at_stripe_again(desk: Desk, stripe_server: StripeServer) -> None:
    """What a partner's account gives back at Stripe itself is found by asking, and entered once."""
    await desk.ordered("stripe_transfer")
    await desk.tick()
    stripe = stripe_server.stripe
    transfers.reverse(stripe, next(iter(stripe.table("transfer"))), {})
    for _ in range(2):
        assert await held(desk, stripe_server) == []
    stands, whole = await books(desk), SMALL + FEE
    assert (stands[Purpose.PARTNERS], stands[Purpose.STRIPE], stands[Purpose.FUND]) == (0, whole, PLENTY - SMALL)
    async with desk.resources.unit() as unit:
        assert await balance(unit, Purpose.FEES, CURRENCY) == Money(0, CURRENCY)
        assert await funding.held(unit) == [(FundingSource.STRIPE, Money(whole, CURRENCY))]


@pytest.mark.parametrize("parts", [(SMALL + FEE,), (SMALL - 1, 1 + FEE), (SMALL, 1, FEE - 1)])
async def test_a_transfer_that_was_undone_takes_nothing_from_another(
    desk: Desk, bank: Bank, stripe_server: StripeServer, parts: tuple[int, ...]
) -> None:
    """In one piece or in several, what comes back is one order's alone: the other one's report is still taken."""
    one, _, other = await two_under_way(desk, bank)
    stripe = stripe_server.stripe
    for part in parts:
        transfers.reverse(stripe, stripe.get("transfer", one), {"amount": part})
        assert await held(desk, stripe_server) == []
    stands = await books(desk)
    assert (stands[Purpose.PARTNERS], stands[Purpose.STRIPE]) == (SMALL, SMALL + FEE)
    async with desk.resources.unit() as unit:
        assert await balance(unit, Purpose.FEES, CURRENCY) == Money(FEE, CURRENCY)
        await treasury_machine.report(unit, await desk.actor(unit, "Coin"), other, "P-7")
    assert (await books(desk))[Purpose.PARTNERS] == 0


async def test_what_the_partner_does_not_hold_by_the_books_is_told_and_not_taken_from_others(
    desk: Desk, bank: Bank, stripe_server: StripeServer
) -> None:
    """An order that was reported, and a transfer that the fund never asked for: undone, they are a difference."""
    _, reported, other = await two_under_way(desk, bank)
    async with desk.resources.unit() as unit:
        await treasury_machine.report(unit, await desk.actor(unit, "Coin"), other, "P-7")
    stripe, partner = stripe_server.stripe, desk.resources.policy.partner
    assert partner is not None
    await bank.top_up(100)
    asked = {"amount": 100, "currency": CURRENCY, "destination": partner.account, "transfer_group": "another"}
    for undone in (transfers.create(stripe, asked), stripe.get("transfer", reported)):
        transfers.reverse(stripe, undone, {})
    assert [found.theirs for found in await held(desk, stripe_server)] == [SMALL + FEE + 100]
    assert (await books(desk))[Purpose.PARTNERS] == SMALL
