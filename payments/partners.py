"""Money that a partner was given and that is at Stripe again, because its transfer was undone there.

- What comes back is what that one order stands with the partner for, and then what they got on top: nothing that
  was handed over for anybody else. It is entered once.
- What no order of the fund is known for, or what the books do not have with the partner, is entered by nobody
  here: it shows as a difference in what Stripe holds.
"""

from uuid import UUID

from sqlmodel import col, func, select

from models.attempt import Attempt
from models.grant import Grant, Payout
from models.ledger import JournalEntry, LedgerAccount, Posting
from models.unit import Unit
from payments import attempts, ledger
from payments.ledger import EntryKind, Purpose
from payments.money import Money
from payments.rails import registry
from payments.rails.base import PartnerRail
from payments.stripe_objects import STRIPE_ACTOR


async def undone(unit: Unit, movement: str, money: Money, key: str) -> None:
    """Enter that so much of the transfer under an order's key is at Stripe again, by a movement there."""
    reference, attempt = f"stripe:undone:{movement}", await _attempt(unit, key)
    if attempt is None or await ledger.find(unit, reference) is not None:
        return
    rail = registry.find(unit, attempt.rail)
    if not isinstance(rail, PartnerRail) or attempt.currency != money.currency:
        return
    if await ledger.find(unit, f"hand-over:{attempt.id}") is None:
        return
    await ledger.lock(unit, money.currency)
    grant = await _grant(unit, attempt)
    order = await attempts.order_of(unit, attempt)
    there = await ledger.balance(unit, Purpose.PARTNERS, money.currency)
    back = min(money, order.money, there, await _stands(unit, grant, Purpose.PARTNERS, money.currency))
    fee = min(
        money - back, rail.with_fee(order) - order.money, await _stands(unit, grant, Purpose.FEES, money.currency)
    )
    if not back.amount and fee != money:
        return
    changes = {Purpose.PARTNERS: -back, Purpose.FEES: -fee, Purpose.STRIPE: back + fee}
    changes = {purpose: moved for purpose, moved in changes.items() if moved.amount}
    await ledger.post(unit, EntryKind.HAND_OVER, reference, changes, actor=STRIPE_ACTOR, grant_number=grant.number)


async def _attempt(unit: Unit, key: str) -> Attempt | None:
    try:
        return await unit.session.get(Attempt, UUID(key))
    except ValueError:  # another program's transfer
        return None


async def _grant(unit: Unit, attempt: Attempt) -> Grant:
    found = await unit.session.exec(
        select(Grant).join(Payout, col(Payout.grant_id) == Grant.id).where(Payout.id == attempt.payout_id)
    )
    return found.one()


async def _stands(unit: Unit, grant: Grant, purpose: Purpose, currency: str) -> Money:
    """What the entries of one grant have left on an account."""
    total = await unit.session.exec(
        select(func.coalesce(func.sum(Posting.amount), 0))
        .join(JournalEntry, col(JournalEntry.id) == Posting.entry_id)
        .join(LedgerAccount, col(LedgerAccount.id) == Posting.account_id)
        .where(JournalEntry.grant_number == str(grant.number), LedgerAccount.name == f"{purpose}:{currency}")
    )
    return Money(int(total.one()), currency)
