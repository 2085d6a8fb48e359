"""Events that are changed, repeated, late and in any order make no wrong entry."""

import random
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import col, func, select

from bot.database import Resources
from models.donation import Donation, DonationStatus, GiftEntry, Looked, StripeLook
from models.ledger import JournalEntry, LedgerAccount, Posting
from payments import donations
from payments.money import Money
from payments.stripe_objects import DisputeEnd, Gateway, Payment, Session, StripeAway, StripeUnknown
from sandbox.clock import TravelClock
from services import donate, donate_stripe
from services.donate import Way
from services.donate_stripe import try_later
from tests.unit.payments.stripe_storm import Event, Storm, mutated

BATCH = 100
"""Events that are handed over in one transaction here."""

Books = dict[str, dict[str, int]]

PARTS = tuple(f"stripe:{what}:" for what in ("refund", "refund-failed", "dispute-lost", "dispute-overturned"))
WORTH = ("contributions:", "exchange:")
"""What a part is worth depends on the parts that were taken before it: their sum is compared."""


async def ask(resources: Resources, storm: Storm, count: int) -> None:
    """Have pages made for so many gifts, in two currencies."""
    async with resources.unit() as unit:
        for number in range(count):
            money = Money(storm.dice.randint(200, 100_000), "USD" if number % 3 else "EUR")
            language = "en"
            donation = await donate.begin(unit, Way.CARD, money, language, None, card=True)
            donation.asked_at -= timedelta(hours=2)  # or the limit for one hour would hold
            await donate_stripe.opened(unit, donation.id, storm.ask(donation.id, money))


async def look(resources: Resources, gateway: Gateway) -> None:
    """Look up whatever is due, as the errand does, without its pauses."""
    while True:
        async with resources.unit() as unit:
            due = await donate_stripe.due_looks(unit)
        if not due:
            return
        for look_id in due:
            await _look_up(resources, gateway, look_id)


async def _look_up(resources: Resources, gateway: Gateway, look_id: UUID) -> None:
    async with resources.unit() as unit:
        taken = await donate_stripe.take_look(unit, look_id)
        if taken is None:
            return
        found: Session | Payment | None = None
        try:
            if taken.kind is Looked.SESSION:
                found = await gateway.session(taken.object_id)
            elif taken.kind is Looked.PAYMENT:
                found = await gateway.payment(taken.object_id)
        except StripeAway:
            await try_later(unit, StripeLook, look_id)
            return
        except StripeUnknown:
            found = None
        await donate_stripe.answer_look(unit, taken, found)


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
    """The entries that stand."""
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
    return books


async def check_worth(resources: Resources, storm: Storm) -> None:
    """The parts of each gift that were not given back are worth what is left of it, to the cent."""
    async with resources.unit() as unit:
        lines = await unit.session.exec(
            select(Donation.payment, func.sum(Posting.amount))
            .join(GiftEntry, col(GiftEntry.donation_id) == Donation.id)
            .join(Posting, col(Posting.entry_id) == GiftEntry.entry_id)
            .join(LedgerAccount, col(LedgerAccount.id) == Posting.account_id)
            .where(LedgerAccount.name == "contributions:EUR")
            .group_by(col(Donation.payment))
        )
        left = {str(payment): -amount for payment, amount in lines.all()}
    for payment in storm.payments.values():
        charge = payment.charge
        if charge is None or charge.balance is None:
            continue
        gone = sum(refund.money.amount for refund in payment.refunds if refund.failed is None)
        gone += sum(dispute.money.amount for dispute in payment.disputes if dispute.end is DisputeEnd.LOST)
        gift = charge.balance.money.amount
        assert left[payment.id] == gift - donations.worth(gone, charge, charge.balance).amount


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("count", [1_000, pytest.param(100_000, marks=pytest.mark.soak)])
async def test_storm_of_events_makes_no_wrong_entry(resources: Resources, clock: TravelClock, count: int) -> None:
    """After a storm the books hold what the newest states ask for, entry by entry, and each gift its state."""
    dice = random.Random(count)  # noqa: S311 - a storm that can be had again
    storm = Storm(dice)
    known: list[Event] = []
    sent = 0
    while sent < count:
        await ask(resources, storm, BATCH // 25)
        for _ in range(BATCH // 4):
            known += storm.step()
        known = known[-5_000:] or [{"id": "evt_0", "type": "charge.updated"}]
        async with resources.unit() as unit:
            for _ in range(BATCH):
                event = dice.choice(known)
                await donate_stripe.stripe_event(
                    unit, mutated(event, known, dice) if dice.random() < 0.6 else event
                )
                sent += 1
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
    await check_worth(resources, storm)
    await check_states(resources, storm)


async def settle(resources: Resources, clock: TravelClock, storm: Storm) -> None:
    """Let every object be looked up once more, with answers."""
    storm.away = 0.0
    async with resources.unit() as unit:
        for session_id in storm.sessions:
            await donate_stripe.ask_look(unit, Looked.SESSION, session_id)
    clock.advance(timedelta(hours=3))
    await look(resources, storm)


async def check_states(resources: Resources, storm: Storm) -> None:
    """Each gift stands where its payment does."""
    async with resources.unit() as unit:
        rows = (await unit.session.exec(select(Donation))).all()
    for row in rows:
        session = await storm.session(str(row.checkout))
        if session.payment is not None and session.payment.charge is not None:
            assert row.status is donations.status_of(session.payment, DonationStatus.GIVEN)
