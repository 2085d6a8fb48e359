"""What payments make of gifts: a promise whose first month was not paid, later months, a dispute over a part."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from models.donation import Donation, DonationStatus, MonthlyGift, MonthlyStatus, StripeLook
from models.unit import Unit
from payments.ledger import Purpose, balance
from payments.money import Money
from payments.stripe_objects import (
    Balance,
    Charge,
    Dispute,
    DisputeEnd,
    Invoice,
    Payment,
    PaymentState,
    Session,
    SessionState,
    Subscription,
)
from sandbox.clock import TravelClock
from services import donate, donate_settle, donate_stripe
from services.access import name_actor
from services.contact import Address
from services.donate import Way
from services.donors import is_donor
from services.jobs import Job
from tests.unit.services.desk import make_desk

GIVER = 500_000_001
TEN = Money(1000, "EUR")


async def refused(resources: Resources) -> UUID:
    """A monthly gift that was promised, and whose first debit failed days later; returns its first gift."""
    async with resources.unit() as unit:
        gift = await donate.begin(unit, Way.MONTHLY, TEN, "en", Address(GIVER), card=True)
        processing = Payment("pi_1", PaymentState.PROCESSING, gift.id)
        page = Session("cs_1", SessionState.COMPLETE, gift.id, None, processing, promise(gift.id))
        await donate_settle.apply(unit, page)
        unpaid = replace(processing, state=PaymentState.UNPAID)
        await donate_settle.apply(unit, replace(page, payment=unpaid))
        assert gift.status is DonationStatus.FAILED
        return gift.id


async def forget(resources: Resources) -> None:
    """What the clock does with gifts that nobody paid."""
    await run(resources, donate_stripe.JOBS[1])


async def run(resources: Resources, job: Job) -> None:
    """One tick of a job of the clock."""
    async with resources.unit() as unit:
        for key in await job.find(unit):
            await job.handle(unit, key)


def promise(first: UUID) -> Subscription:
    """A monthly gift that goes on."""
    return Subscription("sub_1", first, ended=False, failing=False)


def month(unit: Unit, first: UUID, number: int) -> Invoice:
    """A month that was paid."""
    charge = Charge(f"ch_{number}", TEN, "DE", Balance(f"txn_{number}", TEN, Money(0, "EUR")), unit.now)
    payment = Payment(f"pi_{number}", PaymentState.PAID, None, charge)
    return Invoice(f"in_{number}", promise(first), True, payment)


async def test_treasurers_hear_of_so_much_as_a_bank_takes(resources: Resources) -> None:
    """Of a dispute over a part they hear that part, once when it is taken and once when it is kept."""
    desk = await make_desk(resources)
    async with resources.unit() as unit:
        gift = await donate.begin(unit, Way.CARD, TEN, "en", None, card=True)
        charge = Charge("ch_1", TEN, "DE", Balance("txn_1", TEN, Money(0, "EUR")), unit.now)
    paid = Payment("pi_1", PaymentState.PAID, gift.id, charge)
    fifth = Money(200, "EUR")
    taken = Dispute("du_1", fifth, None, (Balance("txn_2", -fifth, Money(0, "EUR")),))
    for dispute in (taken, taken, replace(taken, end=DisputeEnd.LOST), replace(taken, end=DisputeEnd.LOST)):
        async with resources.unit() as unit:
            await donate_settle.apply(unit, replace(paid, disputes=(dispute,)))
    told = await desk.notices("Till")
    assert ["2\xa0€" in text for text in told] == [True, True]
    assert ["for now" in text for text in told] == [True, False]
    async with resources.unit() as unit:
        assert (await unit.session.get_one(Donation, gift.id)).status is DonationStatus.GIVEN


async def test_a_refund_that_a_dispute_overtook_is_asked_for_anew(resources: Resources) -> None:
    """A Russian card's gift does not stay because its bank asked first, and lost."""
    async with resources.unit() as unit:
        gift = await donate.begin(unit, Way.CARD, TEN, "en", None, card=True)
    charge = Charge("ch_1", TEN, "RU", Balance("txn_1", TEN, Money(0, "EUR")), resources.clock.now())
    paid = Payment("pi_1", PaymentState.PAID, gift.id, charge)
    taken = Dispute("du_1", TEN, None, (Balance("txn_2", -TEN, Money(0, "EUR")),))
    won = replace(taken, end=DisputeEnd.WON, balances=(*taken.balances, Balance("txn_3", TEN, Money(0, "EUR"))))
    wanted = [DonationStatus.REFUNDING, DonationStatus.DISPUTED, DonationStatus.REFUNDING]
    for state, status in zip([(), (taken,), (won,)], wanted, strict=True):
        async with resources.unit() as unit:
            await donate_settle.apply(unit, replace(paid, disputes=state))
            assert (await unit.session.get_one(Donation, gift.id)).status is status


@pytest.mark.parametrize("gone", [False, True])
async def test_each_month_is_entered_though_the_first_was_not_paid(
    resources: Resources, clock: TravelClock, *, gone: bool
) -> None:
    """Stripe tries again and charges later months: all of it is in the books, and its giver sees it."""
    first = await refused(resources)
    clock.advance(timedelta(days=8))
    await forget(resources)
    if gone:
        async with resources.unit() as unit:
            await unit.session.delete(await unit.session.get_one(Donation, first))
    for number in (1, 2, 2):
        async with resources.unit() as unit:
            assert await donate_settle.apply(unit, month(unit, first, number))
    async with resources.unit() as unit:
        me = await name_actor(unit, GIVER, "en")
        gifts = (await unit.session.exec(select(Donation))).all()
        assert [gift.status for gift in gifts] == [DonationStatus.GIVEN] * 2
        assert all(is_donor(gift, me.chat) for gift in gifts)
        assert len({gift.monthly_id for gift in gifts}) == 1
        assert await balance(unit, Purpose.STRIPE, "EUR") == Money(2000, "EUR")


async def test_a_promise_is_looked_up_weekly_though_no_event_came(
    resources: Resources, clock: TravelClock
) -> None:
    """What happened in a month in which nobody listened has no events any more: an ended promise is found yet."""
    first = await refused(resources)
    for days in (8, 1, 6):
        clock.advance(timedelta(days=days))
        await run(resources, donate_stripe.JOBS[2])
        async with resources.unit() as unit:
            looks = (await unit.session.exec(select(StripeLook))).all()
            assert [look.object_id for look in looks] == ([] if days == 1 else ["sub_1"])
            for look in looks:
                await donate_stripe.answer_look(unit, look, promise(first))
    async with resources.unit() as unit:
        await donate_settle.apply(unit, replace(promise(first), ended=True))
    clock.advance(timedelta(days=8))
    async with resources.unit() as unit:
        assert await donate_stripe.JOBS[2].find(unit) == []


async def test_first_gift_is_kept_until_its_monthly_gift_ends(resources: Resources, clock: TravelClock) -> None:
    """While Stripe may still charge, what the giver has of it stays; afterwards it is forgotten."""
    first = await refused(resources)
    clock.advance(timedelta(days=8))
    await forget(resources)
    async with resources.unit() as unit:
        assert await unit.session.get(Donation, first) is not None
        monthly = (await unit.session.exec(select(MonthlyGift))).one()
        await donate_settle.end_monthly(unit, monthly)
        assert monthly.status is MonthlyStatus.STOPPED
    await forget(resources)
    async with resources.unit() as unit:
        assert await unit.session.get(Donation, first) is None
