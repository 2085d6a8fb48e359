"""The entries that a payment asks for: sums, exchange, disputes, and where a refund exceeds what is there."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.database import Resources
from models.base import new_id
from models.donation import DONATION_ALLOWED, PAID_SINCE, Donation, DonationStatus, Provider
from models.unit import Unit
from payments import donations, funding, ledger
from payments.ledger import Purpose, balance
from payments.money import Money
from payments.stripe_objects import (
    Balance,
    Charge,
    Dispute,
    DisputeEnd,
    Payment,
    PaymentState,
    Refund,
)

AT = datetime(2026, 5, 1, tzinfo=UTC)


def moved(name: str, amount: int, fee: int = 0, currency: str = "EUR") -> Balance:
    """A movement at Stripe."""
    return Balance(f"txn_{name}", Money(amount, currency), Money(fee, currency))


def paid(amount: int, settled: int, currency: str = "USD", at_stripe: str = "EUR") -> Payment:
    """A payment that was made."""
    charge = Charge("ch_1", Money(amount, currency), "DE", moved("gift", settled, 50, at_stripe), AT)
    return Payment("pi_1", PaymentState.PAID, None, charge)


def refunded(payment: Payment, amount: int, balance: Balance, failed: Balance | None = None) -> Payment:
    """The payment with one more refund."""
    assert payment.charge is not None
    money = Money(amount, payment.charge.money.currency)
    made = Refund(f"re_{len(payment.refunds)}", money, balance, failed)
    return Payment(payment.id, payment.state, None, payment.charge, (*payment.refunds, made), payment.disputes)


def _gift(payment: Payment) -> tuple[Charge, Balance]:
    """The charge of a payment and its balance transaction."""
    assert payment.charge is not None
    assert payment.charge.balance is not None
    return payment.charge, payment.charge.balance


async def row(unit: Unit, payment: Payment) -> Donation:
    """An open gift that the payment is for."""
    assert payment.charge is not None
    donation = Donation(
        id=new_id(),
        provider=Provider.STRIPE,
        status=DonationStatus.OPEN,
        amount=payment.charge.money.amount,
        currency=payment.charge.money.currency,
        language="en",
        token=str(new_id()),
        asked_at=unit.now,
        due_at=unit.now,
    )
    unit.session.add(donation)
    await unit.session.flush()
    return donation


async def amounts(unit: Unit, currency: str) -> dict[Purpose, int]:
    """What stands on the accounts, where it is something."""
    found = {purpose: (await balance(unit, purpose, currency)).amount for purpose in Purpose}
    return {purpose: amount for purpose, amount in found.items() if amount}


@given(
    st.integers(1, 10**9),
    st.integers(1, 10**9),
    st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 10**9), st.booleans()), max_size=4),
    st.sampled_from([None, *DisputeEnd]),
)
def test_every_entry_sums_to_zero(
    amount: int, settled: int, refunds: list[tuple[int, int, bool]], end: DisputeEnd | None
) -> None:
    """Whatever Stripe says has moved, each entry that is drawn from it balances, and no reference comes twice."""
    payment = paid(amount, settled)
    for number, (part, left, fails) in enumerate(refunds):
        failed = moved(f"failed{number}", left) if fails else None
        payment = refunded(payment, part, moved(f"refund{number}", -left), failed)
    balances = (moved("taken", -settled, 2000), *((moved("back", settled - 1),) if end is DisputeEnd.WON else ()))
    dispute = Dispute("du_1", Money(amount, "USD"), end, balances)
    payment = Payment("pi_1", PaymentState.PAID, None, payment.charge, payment.refunds, (dispute,))
    drafts = list(donations.drafts(payment))
    for draft in drafts:
        changes = draft.whole(Money(amount, "EUR")) if draft.part else draft.changes
        assert sum(money.amount for money in changes.values()) == 0
    assert len({draft.reference for draft in drafts}) == len(drafts)


@given(
    st.integers(1, 10**9),
    st.integers(1, 10**9),
    st.lists(st.tuples(st.integers(1, 10**9), st.booleans()), max_size=8),
)
def test_parts_of_a_gift_are_worth_the_gift(amount: int, settled: int, refunds: list[tuple[int, bool]]) -> None:
    """Whatever is taken in parts, and comes back, and is taken again: all of it is worth the gift."""
    payment = paid(amount, settled)
    charge = payment.charge
    assert charge is not None
    assert charge.balance is not None
    live, taken = 0, 0
    for wanted, fails in refunds:
        part = min(wanted, amount - live)
        for change in (part, -part) if fails else (part,):
            live += change
            worth = donations.worth(live, charge, charge.balance).amount - taken
            assert worth * change >= 0
            taken += worth
    rest = donations.worth(amount, charge, charge.balance).amount - taken
    assert taken + rest == settled
    assert donations.worth(0, charge, charge.balance).amount == 0


@pytest.mark.parametrize("order", list(itertools.permutations(range(3)))[::2])
async def test_partial_refunds_in_another_currency_sum_to_the_gift(
    resources: Resources, order: tuple[int, ...]
) -> None:
    """Three thirds of a gift, one of which comes back and goes again, take what the gift was worth and no more."""
    whole = paid(1000, 905)
    parts = [refunded(paid(1000, 905), part, moved(f"r{part}", -part)).refunds[0] for part in (333, 333, 334)]
    parts = [replace(refund, id=f"re_{number}") for number, refund in enumerate(parts)]
    bounced = replace(parts[order[0]], failed=moved("back", 300))
    again = replace(parts[order[0]], id="re_again")
    states = [[parts[n] for n in order[: count + 1]] for count in range(3)]
    states.append([bounced, *(parts[n] for n in order[1:])])
    states.append([*states[-1], again])
    async with resources.unit() as unit:
        donation = await row(unit, whole)
        left = []
        for state in states:
            await donations.settle(unit, donation, replace(whole, refunds=tuple(state)))
            left.append((await amounts(unit, "EUR")).get(Purpose.CONTRIBUTIONS, 0))
        assert left[2] == 0
        assert left[3] == -donations.worth(parts[order[0]].money.amount, *_gift(whole)).amount
        assert left[4] == 0


async def test_repeats_and_reorderings_enter_once(resources: Resources) -> None:
    """The newest state twice, and an older one after it, change nothing."""
    whole = paid(5000, 4600)
    part = refunded(whole, 1000, moved("r", -940))
    async with resources.unit() as unit:
        donation = await row(unit, whole)
        for state in (part, whole, part):
            await donations.settle(unit, donation, state)
        assert await amounts(unit, "EUR") == {
            Purpose.CONTRIBUTIONS: -4600 + 920,
            Purpose.STRIPE: 4600 - 50 - 940,
            Purpose.FEES: 50,
            Purpose.EXCHANGE: 20,
        }
        assert donation.status is DonationStatus.GIVEN


async def test_refund_that_failed_brings_the_gift_back(resources: Resources) -> None:
    """A refund that the bank did not take is reversed, to the cent, and the gift is a gift again."""
    whole = paid(5000, 4600)
    sent = refunded(whole, 5000, moved("r", -4700))
    bounced = refunded(whole, 5000, moved("r", -4700), moved("b", 4690))
    async with resources.unit() as unit:
        donation = await row(unit, whole)
        seen = []
        for state in (sent, bounced):
            await donations.settle(unit, donation, state)
            seen.append(donation.status)
        assert seen == [DonationStatus.REFUNDED, DonationStatus.GIVEN]
        found = await amounts(unit, "EUR")
        assert found[Purpose.CONTRIBUTIONS] == -4600
        assert found[Purpose.STRIPE] == 4600 - 50 - 4700 + 4690


@pytest.mark.parametrize("before", [DonationStatus.OPEN, DonationStatus.REFUNDING, DonationStatus.REFUNDED])
@pytest.mark.parametrize("left", [False, True])
async def test_refund_that_ended_is_no_money_given_back(
    resources: Resources, *, before: DonationStatus, left: bool
) -> None:
    """Nothing brought anything back: what never left is not there, what left is awaited."""
    whole = paid(5000, 4600)
    there = moved("r", -4700) if left else None
    ended = replace(whole, refunds=(Refund("re_1", Money(5000, "USD"), there, None, ended=True, asked=True),))
    async with resources.unit() as unit:
        donation = await row(unit, whole)
        donation.status = before
        await donations.settle(unit, donation, ended)
        assert donations.is_settled(ended) == (not left)
        assert donation.status is DonationStatus.GIVEN
        assert (await amounts(unit, "EUR"))[Purpose.STRIPE] == 4600 - 50 - (4700 if left else 0)
        if left:
            back = replace(ended.refunds[0], failed=moved("b", 4700))
            await donations.settle(unit, donation, replace(ended, refunds=(back,)))
            assert donations.is_settled(replace(ended, refunds=(back,)))
        assert (await amounts(unit, "EUR"))[Purpose.CONTRIBUTIONS] == -4600


async def test_refund_under_way_is_not_undone_by_another_that_ended(resources: Resources) -> None:
    """What somebody cancelled at Stripe itself says nothing of the refund that the fund is to ask for."""
    whole = paid(5000, 4600)
    ended = replace(whole, refunds=(Refund("re_1", Money(5000, "USD"), None, None, ended=True),))
    async with resources.unit() as unit:
        donation = await row(unit, whole)
        donation.status = DonationStatus.REFUNDING
        await donations.settle(unit, donation, ended)
        assert donation.status is DonationStatus.REFUNDING


async def test_an_older_look_does_not_bring_a_refunded_gift_back(resources: Resources) -> None:
    """Two processes look, and the one that read before the refund writes last: the gift stays paid back."""
    whole = paid(5000, 4600)
    async with resources.unit() as unit:
        donation = await row(unit, whole)
        for state in (refunded(whole, 5000, moved("r", -4700)), whole, refunded(whole, 1000, moved("p", -940))):
            await donations.settle(unit, donation, state)
            assert donation.status is DonationStatus.REFUNDED


def told(payment: Payment, *disputes: Dispute) -> Payment:
    """The payment as it is read when these disputes are known."""
    return replace(payment, disputes=disputes)


WHOLE = paid(5000, 4600)
TAKEN = Dispute("du_1", Money(5000, "USD"), None, (moved("t", -4600, 2000),))
LOST = replace(TAKEN, end=DisputeEnd.LOST)
WON = replace(TAKEN, end=DisputeEnd.WON, balances=(*TAKEN.balances, moved("k", 4600)))
SENT = refunded(WHOLE, 5000, moved("r", -4600))
BOUNCED = refunded(WHOLE, 5000, moved("r", -4600), moved("b", 4600))


@pytest.mark.parametrize(
    ("newest", "status", "older"),
    [
        (told(WHOLE, TAKEN), DonationStatus.DISPUTED, [WHOLE]),
        (told(WHOLE, LOST), DonationStatus.LOST, [WHOLE, told(WHOLE, TAKEN)]),
        (told(WHOLE, WON), DonationStatus.GIVEN, [WHOLE, told(WHOLE, TAKEN), told(WHOLE, LOST)]),
        (BOUNCED, DonationStatus.GIVEN, [WHOLE, SENT]),
    ],
    ids=["disputed", "lost", "won", "bounced"],
)
async def test_an_older_look_changes_nothing(
    resources: Resources, newest: Payment, status: DonationStatus, older: list[Payment]
) -> None:
    """Two looks overlap, and the one that read first writes last: all stays where the newest has it."""
    async with resources.unit() as unit:
        donation = await row(unit, WHOLE)
        await donations.settle(unit, donation, newest)
        books = await amounts(unit, "EUR")
        for state in older:
            await donations.settle(unit, donation, state)
            assert donation.status is status
            assert await amounts(unit, "EUR") == books


@pytest.mark.parametrize(
    ("paid_back", "status"), [(0, DonationStatus.GIVEN), (3999, DonationStatus.GIVEN), (4000, DonationStatus.LOST)]
)
async def test_gift_is_lost_when_nothing_of_it_is_left(
    resources: Resources, paid_back: int, status: DonationStatus
) -> None:
    """Of a dispute over a fifth that is lost the rest is still given, until that is paid back too."""
    part = replace(LOST, money=Money(1000, "USD"), balances=(moved("t", -920, 2000),))
    whole = refunded(WHOLE, paid_back, moved("r", -paid_back)) if paid_back else WHOLE
    async with resources.unit() as unit:
        donation = await row(unit, WHOLE)
        await donations.settle(unit, donation, told(whole, part))
        assert donation.status is status


@pytest.mark.parametrize(
    ("paid_back", "others", "status"),
    [
        (4000, (), DonationStatus.GIVEN),
        (5000, (), DonationStatus.REFUNDED),
        (4000, (Dispute("du_2", Money(500, "USD"), None, (moved("u", -460),)),), DonationStatus.DISPUTED),
    ],
)
async def test_gift_whose_lost_dispute_is_overruled_stands_as_without_it(
    resources: Resources, paid_back: int, others: tuple[Dispute, ...], status: DonationStatus
) -> None:
    """What else became of it counts then: paid back whole, taken back again, or given."""
    lost = replace(LOST, money=Money(1000, "USD"), balances=(moved("t", -920, 2000),))
    won = replace(lost, end=DisputeEnd.WON, balances=(*lost.balances, moved("k", 920)))
    whole = refunded(WHOLE, paid_back, moved("r", -paid_back))
    async with resources.unit() as unit:
        donation = await row(unit, WHOLE)
        await donations.settle(unit, donation, told(whole, lost))
        assert donation.status is DonationStatus.LOST
        await donations.settle(unit, donation, told(whole, won, *others))
        assert donation.status is status


async def test_lost_dispute_that_is_overruled(resources: Resources) -> None:
    """An appeal that is won takes the loss back."""
    money = Money(5000, "USD")
    taken, back = moved("t", -4600, 2000), moved("k", 4500)
    states = (
        Dispute("du_1", money, None, (taken,)),
        Dispute("du_1", money, DisputeEnd.LOST, (taken,)),
        Dispute("du_1", money, DisputeEnd.WON, (taken, back)),
    )
    charge = paid(5000, 4600).charge
    async with resources.unit() as unit:
        donation = await row(unit, paid(5000, 4600))
        for dispute in states:
            await donations.settle(
                unit, donation, Payment("pi_1", PaymentState.PAID, None, charge, (), (dispute,))
            )
        assert donation.status is DonationStatus.GIVEN
        assert await amounts(unit, "EUR") == {
            Purpose.CONTRIBUTIONS: -4600,
            Purpose.STRIPE: 4600 - 50 - 4600 - 2000 + 4500,
            Purpose.FEES: 2050,
            Purpose.EXCHANGE: 100,
        }


@pytest.mark.parametrize(("free", "covered"), [(10_000_00, 50_00), (20_00, 20_00), (0, 0)])
async def test_refund_beyond_what_is_held_takes_free_money_and_no_more(
    resources: Resources, free: int, covered: int
) -> None:
    """What a refund takes beyond the provider's account is made good with free money; the rest stays a debt."""
    whole = paid(100_00, 100_00, "RUB", "RUB")
    gone = refunded(whole, 100_00, moved("r", -150_00, currency="RUB"))
    async with resources.unit() as unit:
        if free:
            await funding.add(unit, Money(free, "RUB"), "operator")
        donation = await row(unit, whole)
        await donations.settle(unit, donation, gone)
        fee = 50 if free > covered else 0
        found = await amounts(unit, "RUB")
        assert found.get(Purpose.FUND, 0) == free - covered - fee
        assert found.get(Purpose.COVERED, 0) == covered + fee
        assert found[Purpose.STRIPE] == -50_50


@given(st.lists(st.integers(-(10**6), 10**6).filter(bool), min_size=1, max_size=12), st.integers(0, 10**6))
def test_what_is_set_aside_is_what_is_owed(moves: list[int], free: int) -> None:
    """However an account at a provider goes up and down, the debt is set aside, as far as there is money."""
    balance, covered, cash = 0, 0, free
    for change in moves:
        balance += change
        more = ledger.to_cover(balance, covered, cash)
        covered, cash = covered + more, cash - more
        assert covered == min(max(0, -balance), free)
        assert cash == free - covered


async def test_what_was_set_aside_is_free_again_once_the_debt_is_paid(resources: Resources) -> None:
    """A refund beyond what is held sets free money aside; the next gift pays the debt, and it is free again."""
    whole = paid(100_00, 100_00, "RUB", "RUB")
    gone = refunded(whole, 100_00, moved("r", -150_00, currency="RUB"))
    async with resources.unit() as unit:
        await funding.add(unit, Money(1000_00, "RUB"), "operator")
        await donations.settle(unit, await row(unit, whole), gone)
        assert (await amounts(unit, "RUB"))[Purpose.COVERED] == 50_50
        next_gift = paid(60_00, 60_00, "RUB", "RUB")
        assert next_gift.charge is not None
        charge = replace(next_gift.charge, id="ch_2", balance=moved("g2", 60_00, 50, "RUB"))
        await donations.settle(unit, await row(unit, whole), replace(next_gift, id="pi_2", charge=charge))
        found = await amounts(unit, "RUB")
        assert Purpose.COVERED not in found
        assert found[Purpose.FUND] == 1000_00
        assert found[Purpose.STRIPE] == 60_00 - 50 - 50_50


def test_nothing_that_was_paid_becomes_unpaid() -> None:
    """No state that a payment led to leads back to one without."""
    for status in PAID_SINCE:
        assert DONATION_ALLOWED[status] <= PAID_SINCE
    assert set(DONATION_ALLOWED) == set(DonationStatus)
