"""Bank debits that are on their way: Stripe counts one in the balance as soon as the bank has it.

It may still fail, days later, and until then it is nobody's gift. So what moved for it stands on an account of its
own beside the provider's: it goes when the gift is entered (`payments.donations`), or with the movement by which
Stripe takes it back. What Stripe keeps for a debit that failed is a fee.

Sources: support.stripe.com, "Changes to Balance Transaction behavior for debit payment methods"; docs.stripe.com,
balance transaction types, `payment` and `payment_failure_refund`.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from sqlmodel import col, select

from models.ledger import JournalEntry
from models.unit import Unit
from payments import ledger
from payments.ledger import EntryKind, Purpose
from payments.money import Money
from payments.stripe_objects import STRIPE_ACTOR, Balance, Movement

BEGUN: Final = "payment"
ENDED: Final = "payment_failure_refund"
"""Types of the movements by which a debit comes into the balance, and goes from it when the bank refuses."""

CHARGES: Final = ("ch_", "py_")

BY_BANK: Final = "py_"
"""What the ids of charges begin with, and of those among them that are no card's."""

LONGEST: Final = timedelta(days=60)
"""A debit is over within two weeks or so; after this nobody asks for it any more."""


def gift_reference(charge: str) -> str:
    """The reference of the entry that a charge has become a gift."""
    return f"stripe:gift:{charge}"


def reference(charge: str) -> str:
    """The reference of the entry that a debit is on its way."""
    return f"stripe:on-way:{charge}"


def failed_reference(charge: str) -> str:
    """The reference of the entry that it came to nothing."""
    return f"stripe:on-way-failed:{charge}"


def changes(moved: Balance) -> Mapping[Purpose, Money]:
    """What a movement for a debit changes."""
    return {Purpose.STRIPE: moved.money - moved.fee, Purpose.ON_WAY: -moved.money, Purpose.FEES: moved.fee}


async def enter(unit: Unit, charge: str, movements: Sequence[Movement]) -> None:
    """Enter what moved for a charge that is no gift, oldest first. Safe to repeat; not for one that is a gift."""
    for movement in movements:
        await ledger.lock(unit, movement.balance.money.currency)
        if await ledger.find(unit, gift_reference(charge)) is not None:
            return
        kind, its = EntryKind.ON_WAY, reference(charge)
        if movement.kind == ENDED and await ledger.find(unit, its) is not None:
            kind, its = EntryKind.ON_WAY_ENDED, failed_reference(charge)
        elif movement.kind != BEGUN:
            continue
        moved = {purpose: money for purpose, money in changes(movement.balance).items() if money.amount}
        await ledger.post(unit, kind, its, moved, actor=STRIPE_ACTOR)


async def under_way(unit: Unit) -> Sequence[str]:
    """The charges whose debits have neither become gifts nor failed, so far as the books know."""
    begun = await unit.session.exec(
        select(JournalEntry.reference).where(
            JournalEntry.kind == EntryKind.ON_WAY, col(JournalEntry.at) > unit.now - LONGEST
        )
    )
    charges = [each.removeprefix(reference("")) for each in begun.all()]
    ends = [of(charge) for charge in charges for of in (gift_reference, failed_reference)]
    ended = await ledger.standing(unit, ends)
    return [each for each in charges if not ended & {gift_reference(each), failed_reference(each)}]
