"""Cash that leaves without a grant, corrections, top-ups at Stripe; and what the way of a gift makes of them."""

from datetime import timedelta
from fractions import Fraction
from uuid import uuid4

import pytest

from bot.database import Resources
from models.base import new_id
from models.case import Case, CaseStatus, Category
from models.donation import Donation, DonationStatus, GiftEntry, Provider
from models.errors import BadInput, FundShort
from models.grant import Grant, GrantStatus
from models.unit import Unit
from payments import funding, ledger, reconcile
from payments.funding import Why
from payments.ledger import EntryKind, Purpose
from payments.money import Money
from payments.trace import Spent, follow
from vault.types import CaseCode, GrantNumber

RUB = "RUB"
CASH = 100_000


@pytest.fixture
async def cash(resources: Resources) -> Resources:
    """A fund with a thousand roubles of the operator's."""
    async with resources.unit() as unit:
        await funding.add(unit, Money(CASH, RUB), "operator", "bank-1")
    return resources


async def stands(unit: Unit, purpose: Purpose, currency: str = RUB) -> int:
    """What is on an account."""
    return (await ledger.balance(unit, purpose, currency)).amount


async def given(unit: Unit, provider: Provider, amount: int) -> Donation:
    """A gift that the books have, at Stripe or by hand, in roubles."""
    donation = Donation(
        id=new_id(), provider=provider, status=DonationStatus.GIVEN, amount=amount, currency=RUB, language="en",
        token=str(uuid4()), asked_at=unit.now, given_at=unit.now, due_at=unit.now,
    )  # fmt: skip
    unit.session.add(donation)
    await unit.session.flush()
    if provider is Provider.HAND:
        await funding.add(unit, Money(amount, RUB), "treasurer", f"funding:{donation.id}")
        return donation
    entry = await ledger.transfer(
        unit, EntryKind.GIFT, f"stripe:gift:{donation.id}", Money(amount, RUB), source=Purpose.CONTRIBUTIONS,
        target=Purpose.STRIPE, actor="stripe",
    )  # fmt: skip
    unit.session.add(GiftEntry(entry_id=entry.id, donation_id=donation.id))
    await unit.session.flush()
    return donation


async def paid(unit: Unit, number: str, amount: int, category: Category | None = None) -> None:
    """A grant that was paid out of cash, of a case of some kind."""
    if category is not None:
        case = Case(
            code=CaseCode(number), status=CaseStatus.PAID, language="en", category=category, created_at=unit.now
        )
        await unit.vault.create(case.id)
        unit.session.add(case)
        await unit.session.flush()
        unit.session.add(
            Grant(
                number=GrantNumber(number), case_id=case.id, status=GrantStatus.PAID, amount=amount, currency=RUB,
                second_treasurer=False, policy_version="t", approved_at=unit.now,
            )
        )  # fmt: skip
        await unit.session.flush()
    await ledger.transfer(
        unit, EntryKind.SETTLE, f"settle:{number}", Money(amount, RUB), source=Purpose.FUND,
        target=Purpose.GRANTED, actor="t", grant_number=GrantNumber(number),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("why", "target", "there"),
    [
        (Why.COST, Purpose.FEES, 350),
        (Why.LOSS, Purpose.LOSSES, 350),
        (Why.MISTAKE, Purpose.CONTRIBUTIONS, 350 - CASH),
    ],
)
async def test_cash_leaves_the_books_once(cash: Resources, why: Why, target: Purpose, there: int) -> None:
    """A bank's fee, a loss, a slip of the finger: a new entry each, and the same reference is the same one."""
    for _ in range(2):
        async with cash.unit() as unit:
            await funding.take(unit, Money(350, RUB), why, "operator", "bank-2")
    async with cash.unit() as unit:
        assert await stands(unit, Purpose.FUND) == CASH - 350
        assert await stands(unit, target) == there
        assert await reconcile.compare(unit) == []


async def test_more_than_is_free_is_not_taken(cash: Resources) -> None:
    """What is promised to people stays promised; nothing and another currency are refused with what is wanted."""
    async with cash.unit() as unit:
        for wrong in (Money(0, RUB), Money(-1, RUB), Money(1, "EUR")):
            with pytest.raises(BadInput):
                await funding.take(unit, wrong, Why.COST, "operator")
            with pytest.raises(BadInput):
                await funding.top_up(unit, wrong, Money(1, "EUR"), "operator")
        with pytest.raises(BadInput):
            await funding.top_up(unit, Money(1, RUB), Money(0, "EUR"), "operator")
        for take in (
            funding.take(unit, Money(CASH + 1, RUB), Why.COST, "operator"),
            funding.top_up(unit, Money(CASH + 1, RUB), Money(1, "EUR"), "operator"),
        ):
            with pytest.raises(FundShort):
                await take
        assert await stands(unit, Purpose.FUND) == CASH


@pytest.mark.parametrize("currency", [RUB, "EUR"])
async def test_a_top_up_pays_a_debt_at_stripe(cash: Resources, currency: str) -> None:
    """What left and what arrived stand against each other; a balance below zero is mended by it, to the cent."""
    async with cash.unit() as unit:
        taken, back = Money(500, currency), Purpose.CONTRIBUTIONS
        await ledger.transfer(
            unit, EntryKind.REFUND, "refund:1", taken, source=Purpose.STRIPE, target=back, actor="t"
        )
        debts = [] if currency == RUB else [reconcile.Kind.DEBT]  # of another currency nothing is set aside
        assert [each.kind for each in await reconcile.compare(unit)] == debts
        assert await stands(unit, Purpose.COVERED) == (500 if currency == RUB else 0)
    for _ in range(2):
        async with cash.unit() as unit:
            await funding.top_up(unit, Money(600, RUB), Money(500, currency), "operator", "swift-1")
    async with cash.unit() as unit:
        assert await stands(unit, Purpose.FUND) == CASH - 600
        assert await stands(unit, Purpose.STRIPE, currency) == await stands(unit, Purpose.COVERED) == 0
        exchanged = await stands(unit, Purpose.EXCHANGE), await stands(unit, Purpose.EXCHANGE, currency)
        assert exchanged == ((100, 100) if currency == RUB else (600, -500))
        assert await reconcile.compare(unit) == []


async def test_what_was_entered_by_mistake_hides_no_gift(cash: Resources) -> None:
    """A slip that was taken out again does not stand before a gift in the queue of what is paid out."""
    clock = cash.clock
    async with cash.unit() as unit:
        await funding.take(unit, Money(CASH - 1_000, RUB), Why.MISTAKE, "operator")
    clock.advance(timedelta(hours=1))  # type: ignore[attr-defined] # the clock of the tests travels
    async with cash.unit() as unit:
        gift = await given(unit, Provider.HAND, 4_000)
        await paid(unit, "G-1", 3_000)
        assert await follow(unit, gift) == [Spent(Fraction(1, 2), None, None)]


async def test_what_the_fund_sent_to_stripe_is_nobodys_gift(cash: Resources) -> None:
    """Of what a partner got straight from Stripe the oldest goes first; a top-up there is cash, counted once."""
    clock = cash.clock
    async with cash.unit() as unit:
        await funding.top_up(unit, Money(CASH, RUB), Money(CASH, RUB), "operator")
    clock.advance(timedelta(hours=1))  # type: ignore[attr-defined] # as above
    async with cash.unit() as unit:
        gift = await given(unit, Provider.STRIPE, 4_000)
    clock.advance(timedelta(days=1))  # type: ignore[attr-defined] # as above
    async with cash.unit() as unit:
        handed = Money(CASH + 1_000, RUB)
        await ledger.transfer(
            unit, EntryKind.HAND_OVER, "hand-over:1", handed, source=Purpose.STRIPE, target=Purpose.PARTNERS,
            actor="t",
        )  # fmt: skip
        await ledger.transfer(
            unit, EntryKind.SETTLE, "settle:G-1", handed, source=Purpose.PARTNERS, target=Purpose.GRANTED,
            actor="t", grant_number=GrantNumber("G-1"),
        )  # fmt: skip
        assert await follow(unit, gift) == [Spent(Fraction(1, 4), None, None)]


async def test_a_gift_is_told_by_month_and_kind_once_ten_are_alike(cash: Resources) -> None:
    """Ten grants of one kind in a month are told as such; nine of another kind show their month alone."""
    async with cash.unit() as unit:
        await funding.take(unit, Money(CASH, RUB), Why.MISTAKE, "operator")
        gift = await given(unit, Provider.HAND, 38_000)
        for number in range(10):
            await paid(unit, f"F-{number}", 1_000, Category.FINE)
        for number in range(9):
            await paid(unit, f"M-{number}", 1_000, Category.MEDICAL)
        month = unit.now.date().replace(day=1)
        told = await follow(unit, gift)
    assert told == [
        Spent(Fraction(9, 38), month, None),
        Spent(Fraction(10, 38), month, Category.FINE),
    ]
