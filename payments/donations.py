"""Donations in the books: which entries the newest state of a payment asks for, and where the gift stands.

- What a provider holds is an account of its own and may not be promised. It becomes free money when two
  treasurers have seen it arrive (`payments.withdrawals`).
- Entries are drawn from the whole newest state, each under a reference made from the provider's own id. Entering
  is idempotent by reference, so a repeated, late or reordered event can add nothing.
- A gift stands in the currency of the account at Stripe; a refund takes back what its part was worth then, and
  what the rates have changed since is a cost of exchange.
- A refund or a dispute is taken from what the provider holds, never from what is promised to people. Where it
  takes more than is there, free money of the same currency makes it good at once, as far as it goes; the rest
  stays as a debt to the provider, an account below zero, which the next gifts pay first.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from models.donation import DONATION_ALLOWED, Donation, DonationStatus, GiftEntry
from models.states import move
from models.unit import Unit
from payments import ledger
from payments.ledger import EntryKind, Purpose
from payments.money import STARS, Money
from payments.stripe_objects import Balance, Charge, Dispute, DisputeEnd, Payment, PaymentState, Refund

STRIPE_ACTOR: Final = "stripe"
STARS_ACTOR: Final = "stars"
"""How the books and the audit log name the providers."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry that must stand."""

    kind: EntryKind
    reference: str
    changes: Mapping[Purpose, Money]
    only_after: str | None = None
    """Needed only where the entry of this reference stands, which it takes back."""


async def settle(unit: Unit, donation: Donation, payment: Payment) -> bool:
    """Bring the books and the donation to the newest state of its payment.

    Tells whether all is known: Stripe settles some movements later, and then it is to be looked up again.
    """
    if donation.payment is None:
        donation.payment = payment.id
    charge = payment.charge
    if payment.state is PaymentState.PAID and charge is not None:
        donation.amount, donation.currency = charge.money.amount, charge.money.currency
        donation.given_at = donation.given_at or charge.made_at
        for draft in drafts(payment):
            await _enter(unit, donation, draft, STRIPE_ACTOR)
    await advance(unit, donation, status_of(payment, donation.status), STRIPE_ACTOR)
    return is_settled(payment)


async def advance(unit: Unit, donation: Donation, target: DonationStatus, actor: str) -> bool:
    """Move a donation where its payment stands, unless it stands there or what was read is older than that."""
    if target is donation.status or target not in DONATION_ALLOWED[donation.status]:
        return False
    await move(unit, donation, target, DONATION_ALLOWED, actor)
    return True


async def enter_stars(unit: Unit, donation: Donation, charge: str) -> None:
    """Enter that stars were paid. The same charge again changes nothing."""
    stars = Money(donation.amount, STARS)
    changes = {Purpose.CONTRIBUTIONS: -stars, Purpose.STARS: stars}
    await _enter(unit, donation, Draft(EntryKind.GIFT, stars_reference("gift", charge), changes), STARS_ACTOR)


async def enter_stars_refund(unit: Unit, donation: Donation, charge: str) -> None:
    """Enter that stars were paid back. The same charge again changes nothing."""
    stars = Money(donation.amount, STARS)
    changes = {Purpose.STARS: -stars, Purpose.CONTRIBUTIONS: stars}
    await _enter(unit, donation, Draft(EntryKind.REFUND, stars_reference("refund", charge), changes), STARS_ACTOR)


def stars_reference(what: str, charge: str) -> str:
    """The reference of an entry about a charge of Telegram's, whose ids may be long."""
    return f"stars:{what}:{hashlib.sha256(charge.encode()).hexdigest()[:40]}"


def status_of(payment: Payment, before: DonationStatus) -> DonationStatus:
    """Where a gift stands by the newest state of its payment."""
    charge = payment.charge
    if payment.state is PaymentState.PAID and charge is not None:
        return _paid_status(payment, charge, before)
    if payment.state is PaymentState.PROCESSING:
        return DonationStatus.PROCESSING
    if payment.state is PaymentState.CANCELED:
        return DonationStatus.EXPIRED
    return before


def _paid_status(payment: Payment, charge: Charge, before: DonationStatus) -> DonationStatus:
    if any(dispute.end is DisputeEnd.LOST and dispute.balances for dispute in payment.disputes):
        return DonationStatus.LOST
    refunded = sum(refund.money.amount for refund in payment.refunds if refund.failed is None)
    if refunded >= charge.money.amount:
        return DonationStatus.REFUNDED
    if any(dispute.end is None and dispute.balances for dispute in payment.disputes):
        return DonationStatus.DISPUTED
    return before if before is DonationStatus.REFUNDING else DonationStatus.GIVEN


def is_settled(payment: Payment) -> bool:
    """Whether every movement that the state speaks of is known with its balance transaction."""
    if payment.state is not PaymentState.PAID or payment.charge is None:
        return True
    if payment.charge.balance is None or any(refund.balance is None for refund in payment.refunds):
        return False
    return not any(_lacks_return(dispute) for dispute in payment.disputes)


def drafts(payment: Payment) -> Iterator[Draft]:
    """The entries that the newest state of a payment asks for, in the order in which they can be entered."""
    charge = payment.charge
    if charge is None or charge.balance is None:
        return
    gift = charge.balance
    yield Draft(
        EntryKind.GIFT,
        f"stripe:gift:{charge.id}",
        {Purpose.CONTRIBUTIONS: -gift.money, Purpose.STRIPE: gift.money},
    )
    yield from _fee(gift)
    for refund in payment.refunds:
        yield from _refund(refund, charge, gift)
    for dispute in payment.disputes:
        yield from _dispute(dispute, charge, gift)


def _fee(balance: Balance) -> Iterator[Draft]:
    if balance.fee.amount:
        changes = {Purpose.STRIPE: -balance.fee, Purpose.FEES: balance.fee}
        yield Draft(EntryKind.FEE, f"stripe:fee:{balance.id}", changes)


def _refund(refund: Refund, charge: Charge, gift: Balance) -> Iterator[Draft]:
    balance = refund.balance
    if balance is None:
        return
    worth = _worth(refund.money, charge, gift)
    yield Draft(EntryKind.REFUND, f"stripe:refund:{refund.id}", _given_back(balance.money, worth))
    yield from _fee(balance)
    if refund.failed is not None:
        back = _given_back(refund.failed.money, -worth)
        yield Draft(EntryKind.REFUND_FAILED, f"stripe:refund-failed:{refund.id}", back)
        yield from _fee(refund.failed)


def _given_back(moved: Money, worth: Money) -> dict[Purpose, Money]:
    """Money moved at Stripe, what it was worth as a gift, and what the rates have changed in between."""
    return {Purpose.STRIPE: moved, Purpose.CONTRIBUTIONS: worth, Purpose.EXCHANGE: -moved - worth}


def _dispute(dispute: Dispute, charge: Charge, gift: Balance) -> Iterator[Draft]:
    held = Money(0, gift.money.currency)
    for balance in dispute.balances:
        held -= balance.money
        changes = {Purpose.STRIPE: balance.money, Purpose.DISPUTED: -balance.money}
        kind = EntryKind.DISPUTE if balance.money.amount < 0 else EntryKind.DISPUTE_RETURNED
        yield Draft(kind, f"stripe:dispute:{balance.id}", changes)
        yield from _fee(balance)
    if dispute.end is None or not dispute.balances or _lacks_return(dispute):
        return
    taken = sum((-balance.money for balance in dispute.balances if balance.money.amount < 0), held - held)
    worth = _worth(dispute.money, charge, gift)
    lost = {Purpose.DISPUTED: -taken, Purpose.CONTRIBUTIONS: worth, Purpose.EXCHANGE: taken - worth}
    lost_reference = f"stripe:dispute-lost:{dispute.id}"
    if dispute.end is DisputeEnd.LOST:
        yield Draft(EntryKind.DISPUTE_LOST, lost_reference, lost)
        return
    back = {purpose: -money for purpose, money in lost.items()}
    yield Draft(EntryKind.DISPUTE_RETURNED, f"stripe:dispute-overturned:{dispute.id}", back, lost_reference)
    rest = {Purpose.DISPUTED: -held, Purpose.EXCHANGE: held}
    yield Draft(EntryKind.DISPUTE_RETURNED, f"stripe:dispute-won:{dispute.id}", rest)


def _lacks_return(dispute: Dispute) -> bool:
    """Whether a dispute is won and its money is not back yet."""
    won = dispute.end is DisputeEnd.WON and bool(dispute.balances)
    return won and not any(balance.money.amount > 0 for balance in dispute.balances)


def _worth(part: Money, charge: Charge, gift: Balance) -> Money:
    """What a part of a gift came to in the account's currency when it was given; half a unit rounds up."""
    if part.currency == gift.money.currency:
        return part
    whole = charge.money.amount
    return Money((2 * gift.money.amount * part.amount + whole) // (2 * whole), gift.money.currency)


async def _enter(unit: Unit, donation: Donation, draft: Draft, actor: str) -> None:
    changes = {purpose: money for purpose, money in draft.changes.items() if money.amount}
    if not changes or await ledger.find(unit, draft.reference) is not None:
        return
    if draft.only_after is not None and await ledger.find(unit, draft.only_after) is None:
        return
    entry = await ledger.post(unit, draft.kind, draft.reference, changes, actor=actor)
    unit.session.add(GiftEntry(entry_id=entry.id, donation_id=donation.id))
    await unit.session.flush()
    for purpose in (Purpose.STRIPE, Purpose.STARS):
        if purpose in changes and changes[purpose].amount < 0:
            await _cover(unit, purpose, draft.reference, changes[purpose].currency, actor)


async def _cover(unit: Unit, purpose: Purpose, reference: str, currency: str, actor: str) -> None:
    """Make good what an entry has taken beyond what the provider holds, with free money, as far as it goes."""
    debt = -(await ledger.balance(unit, purpose, currency)).amount
    free = (await ledger.balance(unit, Purpose.FUND, currency)).amount
    good = Money(min(debt, free), currency)
    if good.amount > 0:
        await ledger.transfer(
            unit,
            EntryKind.COVER,
            f"cover:{reference}",
            good,
            source=Purpose.FUND,
            target=purpose,
            actor=actor,
        )
