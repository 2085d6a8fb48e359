"""Donations in the books: which entries the newest state of a payment asks for, and where the gift stands.

- What a provider holds is an account of its own and may not be promised. It becomes free money when two
  treasurers have seen it arrive (`payments.funding`).
- Entries are drawn from the whole newest state, each under a reference made from the provider's own id. Entering
  is idempotent by reference, so a repeated, late or reordered event can add nothing.
- A gift stands in the currency of the account at Stripe; a refund takes back what its part was worth then, and
  what the rates have changed since is a cost of exchange. Rounding is over the sum of all parts that were taken,
  so that the parts of a gift are worth the gift, in whatever order and however often some of them come back.
- A refund or a dispute is taken from what the provider holds, never from what is promised to people. Where it
  takes more than is there, the account falls below zero as it does at the provider, and `payments.ledger` sets
  free money aside against that debt.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlmodel import col, func, select

from models.donation import DONATION_ALLOWED, Donation, DonationStatus, GiftEntry
from models.ledger import JournalEntry, LedgerAccount, Posting
from models.states import move
from models.unit import Unit
from payments import debits, ledger
from payments.ledger import EntryKind, Purpose
from payments.money import STARS, Money
from payments.stripe_objects import (
    STRIPE_ACTOR,
    Balance,
    Charge,
    Dispute,
    DisputeEnd,
    Payment,
    PaymentState,
    Refund,
    is_gone,
    lost_part,
)

STARS_ACTOR: Final = "stars"
"""How the books and the audit log name Telegram's stars."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry that must stand."""

    kind: EntryKind
    reference: str
    changes: Mapping[Purpose, Money]
    """What moves: with a `part`, without what that is worth, which `whole` adds."""
    part: int = 0
    """What it takes from the gift, in the giver's minor units; below zero it brings that back."""
    only_after: str | None = None
    """Needed only where the entry of this reference stands, which it takes back."""

    def whole(self, worth: Money) -> Mapping[Purpose, Money]:
        """The changes of a draft with a `part` that is worth so much; the rates account for the rest."""
        moved = sum(self.changes.values(), start=Money(0, worth.currency))
        return {**self.changes, Purpose.CONTRIBUTIONS: worth, Purpose.EXCHANGE: -moved - worth}


async def settle(unit: Unit, donation: Donation, payment: Payment) -> frozenset[str]:
    """Bring the books and the donation to the newest state of its payment; an older one changes nothing.

    Returns the references of what was entered now.
    """
    entered: list[str] = []
    if donation.payment is None:
        donation.payment = payment.id
    charge = payment.charge
    if payment.state is PaymentState.PAID and charge is not None:
        if await _is_old(unit, donation, payment):
            return frozenset()
        donation.amount, donation.currency = charge.money.amount, charge.money.currency
        donation.given_at = donation.given_at or charge.made_at
        if charge.balance is not None:
            entered = await _enter_all(unit, donation, charge, charge.balance, list(drafts(payment)))
    await advance(unit, donation, status_of(payment, donation.status), STRIPE_ACTOR)
    return frozenset(entered)


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
    draft = Draft(EntryKind.GIFT, stars_reference("gift", charge), changes)
    if not await _stands(unit, draft, STARS):
        await _enter(unit, donation, draft, changes, STARS_ACTOR)


async def enter_stars_refund(unit: Unit, donation: Donation, charge: str) -> None:
    """Enter that stars were paid back. The same charge again changes nothing."""
    stars = Money(donation.amount, STARS)
    changes = {Purpose.STARS: -stars, Purpose.CONTRIBUTIONS: stars}
    draft = Draft(EntryKind.REFUND, stars_reference("refund", charge), changes, donation.amount)
    if not await _stands(unit, draft, STARS):
        await _enter(unit, donation, draft, changes, STARS_ACTOR)


def stars_reference(what: str, charge: str) -> str:
    """The reference of an entry about a charge of Telegram's, whose ids may be long."""
    return f"stars:{what}:{hashlib.sha256(charge.encode()).hexdigest()[:40]}"


def status_of(payment: Payment, before: DonationStatus) -> DonationStatus:
    """Where a gift stands by the newest state of its payment."""
    charge = payment.charge
    if payment.state is PaymentState.PAID and charge is not None:
        return _paid_status(payment, before)
    if payment.state is PaymentState.PROCESSING:
        return DonationStatus.PROCESSING
    if payment.state is PaymentState.CANCELED:
        return DonationStatus.EXPIRED
    return before


def _paid_status(payment: Payment, before: DonationStatus) -> DonationStatus:
    if is_gone(payment):
        return DonationStatus.LOST if lost_part(payment) else DonationStatus.REFUNDED
    if any(dispute.end is None and dispute.balances for dispute in payment.disputes):
        return DonationStatus.DISPUTED
    ended = [refund for refund in payment.refunds if not refund.stands]
    if before is DonationStatus.REFUNDED and not ended:
        return before  # only a refund that failed undoes one; before it has left, no entry shows an older look
    if before is DonationStatus.REFUNDING and not any(refund.asked for refund in ended):
        return before
    return DonationStatus.GIVEN


def is_settled(payment: Payment) -> bool:
    """Whether every movement that the state speaks of is known with its balance transaction.

    Stripe settles some later, and then it is to be looked up again.
    """
    if payment.state is not PaymentState.PAID or payment.charge is None:
        return True
    if payment.charge.balance is None or any(_lacks_movement(refund) for refund in payment.refunds):
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
        debits.gift_reference(charge.id),
        {Purpose.CONTRIBUTIONS: -gift.money, Purpose.STRIPE: gift.money},
    )
    yield from _fee(gift)
    yield from _arrived(charge, gift)
    for refund in payment.refunds:
        yield from _refund(refund)
    for dispute in payment.disputes:
        yield from _dispute(dispute)


def worth(parts: int, charge: Charge, gift: Balance) -> Money:
    """What so much of a gift (the giver's minor units) came to in the account's currency when it was given.

    Half a unit rounds up; never less than nothing, nor more than the gift.
    """
    whole = charge.money.amount
    taken = min(max(parts, 0), whole)
    return Money((2 * gift.money.amount * taken + whole) // (2 * whole), gift.money.currency)


def _fee(balance: Balance) -> Iterator[Draft]:
    if balance.fee.amount:
        changes = {Purpose.STRIPE: -balance.fee, Purpose.FEES: balance.fee}
        yield Draft(EntryKind.FEE, f"stripe:fee:{balance.id}", changes)


def _arrived(charge: Charge, gift: Balance) -> Iterator[Draft]:
    """What stood for a debit while it was on its way goes, now that the gift itself is entered."""
    if charge.id.startswith(debits.BY_BANK):
        back = {purpose: -money for purpose, money in debits.changes(gift).items()}
        begun = debits.reference(charge.id)
        yield Draft(EntryKind.ON_WAY_ENDED, f"stripe:arrived:{charge.id}", back, only_after=begun)


def _refund(refund: Refund) -> Iterator[Draft]:
    balance, part = refund.balance, refund.money.amount
    if balance is None:
        return
    yield Draft(EntryKind.REFUND, f"stripe:refund:{refund.id}", {Purpose.STRIPE: balance.money}, part)
    yield from _fee(balance)
    if refund.failed is not None:
        reference, back = f"stripe:refund-failed:{refund.id}", {Purpose.STRIPE: refund.failed.money}
        yield Draft(EntryKind.REFUND_FAILED, reference, back, -part)
        yield from _fee(refund.failed)


def _dispute(dispute: Dispute) -> Iterator[Draft]:
    for balance in dispute.balances:
        changes = {Purpose.STRIPE: balance.money, Purpose.DISPUTED: -balance.money}
        kind = EntryKind.DISPUTE if balance.money.amount < 0 else EntryKind.DISPUTE_RETURNED
        yield Draft(kind, disputed_reference(balance), changes)
        yield from _fee(balance)
    if dispute.end is None or not dispute.balances or _lacks_return(dispute):
        return
    nothing = Money(0, dispute.balances[0].money.currency)
    held = sum((-balance.money for balance in dispute.balances), nothing)
    taken = sum((-balance.money for balance in dispute.balances if balance.money.amount < 0), nothing)
    lost, part = lost_reference(dispute), dispute.money.amount
    if dispute.end is DisputeEnd.LOST:
        yield Draft(EntryKind.DISPUTE_LOST, lost, {Purpose.DISPUTED: -taken}, part)
        return
    overturned, back = f"stripe:dispute-overturned:{dispute.id}", {Purpose.DISPUTED: taken}
    yield Draft(EntryKind.DISPUTE_RETURNED, overturned, back, -part, lost)
    rest = {Purpose.DISPUTED: -held, Purpose.EXCHANGE: held}
    yield Draft(EntryKind.DISPUTE_RETURNED, f"stripe:dispute-won:{dispute.id}", rest)


def disputed_reference(balance: Balance) -> str:
    """The reference of the entry of what moved because of a dispute."""
    return f"stripe:dispute:{balance.id}"


def lost_reference(dispute: Dispute) -> str:
    """The reference of the entry that a dispute was lost; it stands also when the bank is overruled later."""
    return f"stripe:dispute-lost:{dispute.id}"


def _lacks_movement(refund: Refund) -> bool:
    """Whether a refund has not left yet, or failed after it had and is not back yet."""
    return refund.balance is None if refund.stands else refund.balance is not None and refund.failed is None


def _lacks_return(dispute: Dispute) -> bool:
    """Whether a dispute is won and its money is not back yet."""
    won = dispute.end is DisputeEnd.WON and bool(dispute.balances)
    return won and not any(balance.money.amount > 0 for balance in dispute.balances)


async def _is_old(unit: Unit, donation: Donation, payment: Payment) -> bool:
    """Whether something stands in the books that a state does not speak of yet: several may read at once."""
    entered = select(JournalEntry.reference).join(GiftEntry, col(GiftEntry.entry_id) == JournalEntry.id)
    standing = await unit.session.exec(entered.where(GiftEntry.donation_id == donation.id))
    spoken = {draft.reference for draft in drafts(payment)}
    spoken |= {lost_reference(dispute) for dispute in payment.disputes if dispute.end is DisputeEnd.WON}
    return not spoken.issuperset(standing.all())


async def _enter_all(
    unit: Unit, donation: Donation, charge: Charge, gift: Balance, needed: Sequence[Draft]
) -> list[str]:
    """Enter what does not stand yet, and return the references of it.

    Parts that move nothing have no entry, and count with those that follow.
    """
    empty, currency, entered = 0, gift.money.currency, []
    for draft in needed:
        if await _stands(unit, draft, currency):
            continue
        changes = draft.changes
        if draft.part:
            parts, taken = await _taken(unit, donation, currency)
            changes = draft.whole(worth(parts + empty + draft.part, charge, gift) - taken)
        if await _enter(unit, donation, draft, changes, STRIPE_ACTOR):
            entered.append(draft.reference)
        else:
            empty += draft.part
    return entered


async def _stands(unit: Unit, draft: Draft, currency: str) -> bool:
    """Whether an entry stands, or is not needed because what it would take back does not.

    If not, nobody else enters it before this transaction ends.
    """
    if await ledger.find(unit, draft.reference) is not None:
        return True
    await ledger.lock(unit, currency)
    if await ledger.find(unit, draft.reference) is not None:
        return True
    return draft.only_after is not None and await ledger.find(unit, draft.only_after) is None


async def _taken(unit: Unit, donation: Donation, currency: str) -> tuple[int, Money]:
    """Which parts of a gift have been taken so far (the giver's minor units), and what they were worth."""
    mine = (GiftEntry.donation_id == donation.id, GiftEntry.part != 0)
    parts = await unit.session.exec(select(func.coalesce(func.sum(GiftEntry.part), 0)).where(*mine))
    moved = await unit.session.exec(
        select(func.coalesce(func.sum(Posting.amount), 0))
        .join(GiftEntry, col(GiftEntry.entry_id) == Posting.entry_id)
        .join(LedgerAccount, col(LedgerAccount.id) == Posting.account_id)
        .where(*mine, LedgerAccount.name == f"{Purpose.CONTRIBUTIONS}:{currency}")
    )
    return int(parts.one()), Money(int(moved.one()), currency)


async def _enter(
    unit: Unit, donation: Donation, draft: Draft, changes: Mapping[Purpose, Money], actor: str
) -> bool:
    """Enter a draft; tells whether there is an entry. Nothing is entered of what moves nothing."""
    changes = {purpose: money for purpose, money in changes.items() if money.amount}
    if not changes:
        return False
    entry = await ledger.post(unit, draft.kind, draft.reference, changes, actor=actor)
    unit.session.add(GiftEntry(entry_id=entry.id, donation_id=donation.id, part=draft.part))
    await unit.session.flush()
    return True
