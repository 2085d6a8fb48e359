"""Events that are changed, repeated, late and in any order make no wrong entry."""

import math
import random
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from fractions import Fraction
from uuid import UUID

import pytest
from sqlmodel import col, func, select

from bot.database import Resources
from models.donation import (
    Donation,
    DonationStatus,
    GiftEntry,
    Looked,
    MonthlyGift,
    MonthlyStatus,
    StripeLook,
)
from models.ledger import JournalEntry, LedgerAccount, Posting
from payments import donations
from payments.ledger import Purpose, balance
from payments.money import Money
from payments.stripe_objects import Gateway, StripeAway, StripeUnknown
from sandbox.clock import TravelClock
from services import donate, donate_settle, donate_stripe
from services.donate import Way
from services.donate_settle import Found
from services.donate_stripe import try_later
from tests.progress import Progress
from tests.unit.payments.stripe_storm import Book, Event, Storm, mutated

BATCH = 100
"""Events that are handed over in one transaction here."""

CURRENCIES = ("EUR", "USD")
"""In which the account at Stripe is settled."""

Meanwhile = Callable[[], Awaitable[None]]
Books = dict[str, dict[str, int]]

PARTS = tuple(f"stripe:{what}:" for what in ("refund", "refund-failed", "dispute-lost", "dispute-overturned"))
WORTH = ("contributions:", "exchange:")
"""What a part is worth depends on the parts that were taken before it: their sum is compared."""


async def ask(resources: Resources, storm: Storm, count: int) -> None:
    """Have pages made for so many gifts, in two currencies, some of them monthly."""
    async with resources.unit() as unit:
        for number in range(count):
            money = Money(storm.dice.randint(200, 100_000), "USD" if number % 3 else "EUR")
            way = Way.CARD if number % 2 else Way.MONTHLY
            donation = await donate.begin(unit, way, money, "en", None, card=True)
            donation.asked_at -= timedelta(hours=2)  # or the limit for one hour would hold
            session = storm.ask(donation.id, money, monthly=donation.monthly)
            await donate_stripe.opened(unit, donation.id, session)


async def look(resources: Resources, gateway: Gateway, meanwhile: Meanwhile | None = None) -> None:
    """Look up whatever is due, as the errand does, without its pauses; `meanwhile` happens before the answer."""
    while True:
        async with resources.unit() as unit:
            due = await donate_stripe.due_looks(unit)
        if not due:
            return
        for look_id in due:
            await _look_up(resources, gateway, look_id, meanwhile)


async def _look_up(resources: Resources, gateway: Gateway, look_id: UUID, meanwhile: Meanwhile | None) -> None:
    async with resources.unit() as unit:
        taken = await donate_stripe.take_look(unit, look_id)
    if taken is None:
        return
    found: Found | None
    try:
        found = await found_at(gateway, taken)
    except StripeAway:
        async with resources.unit() as unit:
            await try_later(unit, StripeLook, look_id)
        return
    except StripeUnknown:
        found = None
    if meanwhile is not None:
        await meanwhile()
    async with resources.unit() as unit:
        await donate_stripe.answer_look(unit, taken, found)


async def found_at(gateway: Gateway, look: StripeLook) -> Found:
    """The newest state of what is looked up."""
    ask: dict[Looked, Callable[[str], Awaitable[Found]]] = {
        Looked.SESSION: gateway.session, Looked.PAYMENT: gateway.payment, Looked.INVOICE: gateway.invoice,
        Looked.SUBSCRIPTION: gateway.subscription,
    }  # fmt: skip
    return await ask[look.kind](look.object_id)


def expected(storm: Storm) -> Books:
    """The entries that must stand, by reference: what moves of them, whatever a part of a gift was worth."""
    books: Books = {}
    for payment in storm.payments.values():
        for draft in donations.drafts(payment):
            books[draft.reference] = {
                f"{purpose}:{money.currency}": money.amount
                for purpose, money in draft.changes.items()
                if money.amount
            }
    return {reference: changes for reference, changes in books.items() if changes}


async def entered(resources: Resources) -> Books:
    """The entries that stand, in the same way: a part of a cent that Stripe did not move has only its worth."""
    async with resources.unit() as unit:
        lines = await unit.session.exec(
            select(JournalEntry.reference, LedgerAccount.name, Posting.amount)
            .where(Posting.entry_id == JournalEntry.id)
            .where(Posting.account_id == LedgerAccount.id)
        )
        books: Books = {}
        for reference, account, amount in lines.all():
            entry = books.setdefault(reference, {})
            if not (reference.startswith(PARTS) and account.startswith(WORTH)):
                entry[account] = amount
    return {reference: changes for reference, changes in books.items() if changes}


def stands(book: Book, whole: int) -> dict[str, int]:
    """What a gift of `whole` must have done to each account, by Stripe's own book. Half a cent is given back."""
    left = book.gift - math.floor(Fraction(book.gift * book.gone, whole) + Fraction(1, 2))
    sums = {"stripe": book.net, "fees": book.fees, "disputed": book.held_back, "contributions": -left}
    sums["exchange"] = -sum(sums.values())
    return {f"{account}:{book.currency}": amount for account, amount in sums.items() if amount}


async def check_accounts(resources: Resources, storm: Storm) -> None:
    """Stripe's own book says what the books hold: of each gift on each account, and of all that is at Stripe."""
    async with resources.unit() as unit:
        lines = await unit.session.exec(
            select(Donation.payment, LedgerAccount.name, func.sum(Posting.amount))
            .join(GiftEntry, col(GiftEntry.donation_id) == Donation.id)
            .join(Posting, col(Posting.entry_id) == GiftEntry.entry_id)
            .join(LedgerAccount, col(LedgerAccount.id) == Posting.account_id)
            .group_by(col(Donation.payment), col(LedgerAccount.name))
        )
        there: Books = {}
        for payment_id, account, amount in lines.all():
            if amount:
                there.setdefault(str(payment_id), {})[account] = int(amount)
        at_stripe = {currency: (await balance(unit, Purpose.STRIPE, currency)).amount for currency in CURRENCIES}
    charges = {payment.id: payment.charge for payment in storm.payments.values() if payment.charge is not None}
    assert there == {
        payment_id: stands(storm.books[payment_id], charge.money.amount) for payment_id, charge in charges.items()
    }
    assert at_stripe == {
        currency: sum(book.net for book in storm.books.values() if book.currency == currency)
        for currency in CURRENCIES
    }


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("count", [1_000, pytest.param(100_000, marks=pytest.mark.soak)])
async def test_storm_of_events_makes_no_wrong_entry(resources: Resources, clock: TravelClock, count: int) -> None:
    """After a storm the books hold what the newest states ask for, entry by entry, and each gift its state."""
    dice = random.Random(count)  # noqa: S311 - a storm that can be had again
    storm = Storm(dice)
    known: list[Event] = []
    sent, progress = 0, Progress("events", count)
    while sent < count:
        await ask(resources, storm, BATCH // 25)
        for _ in range(BATCH // 2):
            known += storm.step()
        known = known[-5_000:] or [{"id": "evt_0", "type": "charge.updated"}]
        async with resources.unit() as unit:
            for _ in range(BATCH):
                event = dice.choice(known)
                await donate_stripe.stripe_event(
                    unit, mutated(event, known, dice) if dice.random() < 0.6 else event
                )
                sent += 1
                progress.tell(sent)
        clock.advance(timedelta(minutes=2))
        await look(resources, storm)
    await settle(resources, clock, storm)
    overturned = {reference for reference in expected(storm) if reference.startswith("stripe:dispute-overturned")}
    books, wanted = await entered(resources), expected(storm)
    for reference in overturned - books.keys():  # only where the loss was entered before it was overturned
        del wanted[reference]
    lost = {reference for reference in books.keys() - wanted.keys() if reference.startswith("stripe:dispute-lost")}
    for reference in lost:
        taken_back = books[reference.replace("lost", "overturned")]
        assert {name: -amount for name, amount in taken_back.items()} == books[reference]
        del books[reference]
    assert books == wanted
    await check_accounts(resources, storm)
    assert any(promise.ended for promise in storm.promises.values())
    assert len(storm.invoices) > len(storm.promises)
    await check_states(resources, storm)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_what_happens_during_a_look_is_looked_up_too(resources: Resources, clock: TravelClock) -> None:
    """An event may come between Stripe's answer and its entry: nothing else has to tell of what it was about."""
    dice = random.Random(1)  # noqa: S311 - as above
    storm = Storm(dice, away=0.0)

    async def happen() -> None:
        async with resources.unit() as unit:
            for event in storm.step():
                await donate_stripe.stripe_event(unit, event)

    async def perhaps() -> None:
        if dice.random() < 0.4:
            await happen()

    await ask(resources, storm, 4)
    for _ in range(40):
        older = dice.choice(list(storm.payments.values()))
        await happen()
        clock.advance(timedelta(minutes=2))
        await look(resources, storm, perhaps)
        async with resources.unit() as unit:  # somebody else has looked too, and is late
            await donate_settle.apply(unit, older)
        await check_accounts(resources, storm)
        await check_states(resources, storm)


async def settle(resources: Resources, clock: TravelClock, storm: Storm) -> None:
    """Let every object be looked up once more, with answers."""
    storm.away = 0.0
    async with resources.unit() as unit:
        objects: dict[Looked, Collection[str]] = {
            Looked.SESSION: storm.sessions, Looked.INVOICE: storm.invoices, Looked.SUBSCRIPTION: storm.promises,
        }  # fmt: skip
        for kind, known in objects.items():
            for object_id in known:
                await donate_stripe.ask_look(unit, kind, object_id)
    clock.advance(timedelta(hours=3))
    await look(resources, storm)


async def check_states(resources: Resources, storm: Storm) -> None:
    """Each gift stands where its payment does, each monthly gift where its promise does."""
    async with resources.unit() as unit:
        rows = {row.payment: row for row in (await unit.session.exec(select(Donation))).all()}
        monthly = (await unit.session.exec(select(MonthlyGift))).all()
    for payment in storm.payments.values():
        if payment.charge is not None:
            row = rows[payment.id]
            assert row.status is donations.status_of(payment, DonationStatus.GIVEN)
            assert row.monthly == (payment.donation is None)
    assert {gift.subscription for gift in monthly} == set(storm.promises)
    for gift in monthly:
        promise = storm.promises[gift.subscription]
        assert (gift.status is MonthlyStatus.STOPPED) == promise.ended
        assert gift.failing == (promise.unpaid is not None and not promise.ended)
