"""What providers say beside the books, asked by the clock: what moved at Stripe, what each provider holds.

- A movement at Stripe that the books do not have is a bell that did not ring: its payment is looked up.
- What Stripe takes for itself, and what comes back from a partner by a transfer undone, is entered from the list.
- What a provider holds must be what the books say. Entries may be on their way, so a difference counts once it has
  been the same for an hour; treasurers are told of each once (`services.reconciling`). What has left for the bank
  is such a difference until two treasurers have seen it arrive.

The asking itself is `bot.provider_errands`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlmodel import col, select

from models.donation import Donation, EventCursor, Looked
from models.ledger import LedgerAccount
from models.reconciliation import SeenBalance
from models.unit import Unit
from payments import debits, ledger, partners
from payments.ledger import EntryKind, Purpose
from payments.money import Money
from payments.reconcile import Difference, Kind
from payments.stripe_objects import STRIPE_ACTOR, UNDONE, Cause, Movement
from services import donate_stripe
from services.reconciling import Gone, tell

STRIPE: Final = "stripe.money"
MOVED: Final = "stripe.moved"
RAILS: Final = "rails"
"""Whose turn it is: rows of `event_cursor`. `stripe.moved` is how far the list of movements was heard."""

EVERY: Final = timedelta(hours=6)
AGAIN: Final = timedelta(minutes=15)
"""After an attempt that failed."""

STANDS: Final = timedelta(hours=1)
"""For so long a difference in what is held must be the same; while there is one, it is looked at as often."""

OVERLAP: Final = timedelta(days=1)
"""How far each list of movements goes back before the end of the last one."""

FIRST: Final = timedelta(days=30)
"""How far the first one goes back."""

COSTS: Final = frozenset({"stripe_fee", "stripe_fx_fee", "tax_fee"})
"""Types of movements by which Stripe takes something for itself (API, balance transaction types)."""

TRANSFER: Final = "transfer"

ENTERED: Final[Mapping[str, str]] = {
    "charge": "stripe:gift:",
    "payment": "stripe:gift:",
    "refund": "stripe:refund:",
    "payment_refund": "stripe:refund:",
    "refund_failure": "stripe:refund-failed:",
    debits.ENDED: "stripe:refund-failed:",
}
"""By the type of a movement, the beginning of its entry's reference; the source's id follows."""

DISPUTES: Final = ("du_", "dp_")


async def due(unit: Unit, source: str) -> Sequence[UUID]:
    """One key when a source is to be asked again."""
    cursor = await unit.session.get(EventCursor, source)
    if cursor is None:
        return [UUID(int=0)]
    differs = source == STRIPE and (await unit.session.exec(select(SeenBalance.account).limit(1))).first()
    return [UUID(int=0)] if cursor.seen_until + (STANDS if differs else EVERY) <= unit.now else []


async def asked(unit: Unit, source: str, *, whole: bool = True) -> None:
    """A source was asked; where it did not answer as a `whole`, it is asked again soon."""
    await _seen(unit, source, unit.now if whole else unit.now - EVERY + AGAIN)


async def since(unit: Unit) -> datetime:
    """From when on movements are to be listed; the first time is kept, so that no failure moves it on."""
    cursor = await unit.session.get(EventCursor, MOVED)
    if cursor is None:
        await heard(unit, unit.now - FIRST + OVERLAP)
        return unit.now - FIRST
    return cursor.seen_until - OVERLAP


async def heard(unit: Unit, until: datetime) -> None:
    """Note that all that moved before then is in the books, or is being looked up."""
    await _seen(unit, MOVED, until)


async def note(unit: Unit, movements: Sequence[Movement]) -> list[str]:
    """Enter what is Stripe's own, and return the sources whose movements the books do not have.

    Until each of these is being looked up (`look`), the list was not `heard`.
    """
    wanted = {reference: each for each in movements if (reference := _reference(each)) is not None}
    standing = await ledger.standing(unit, list(wanted))
    missing = {each.source for reference, each in wanted.items() if reference not in standing}
    for movement in movements:
        await _enter(unit, movement)
    return sorted(missing | set(await debits.under_way(unit)))


async def look(unit: Unit, source: str, cause: Cause, invoice: str | None, movements: Sequence[Movement]) -> None:
    """Have a payment looked up that no event told of; of an unknown one, the month that it was made for.

    What moved because of a debit that is no gift yet, or never became one, is entered as such.
    """
    payment = cause.payment
    if cause.on_way:
        await debits.enter(unit, source, [each for each in movements if each.source == source])
    if payment is None:
        return
    known = await unit.session.exec(select(Donation.id).where(Donation.payment == payment))
    if known.first() is None and invoice is not None:
        await donate_stripe.ask_look(unit, Looked.INVOICE, invoice)
    else:
        await donate_stripe.ask_look(unit, Looked.PAYMENT, payment)


async def compare_held(unit: Unit, purpose: Purpose, there: Iterable[Money]) -> list[Difference]:
    """Compare what a provider says it holds with the books, in each currency of either; returns what differs."""
    theirs = {money.currency: money.amount for money in there}
    accounts = await unit.session.exec(
        select(LedgerAccount.currency, LedgerAccount.balance).where(
            col(LedgerAccount.name).startswith(f"{purpose}:")
        )
    )
    ours = dict(accounts.all())
    found = []
    for currency in sorted(ours.keys() | theirs.keys()):
        account, more = f"{purpose}:{currency}", theirs.get(currency, 0) - ours.get(currency, 0)
        await _compare(unit, account, more)
        if more:
            found.append(Difference(Kind.HELD, f"account:{account}", 0, more))
    return found


async def _compare(unit: Unit, account: str, more: int) -> None:
    seen = await unit.session.get(SeenBalance, account, with_for_update=True)
    subject = f"account:{account}"
    if more == 0:
        if seen is not None:
            await unit.session.delete(seen)
        await tell(unit, Gone(Kind.HELD, subject))
        return
    if seen is None or seen.more != more:
        seen = seen or SeenBalance(account=account, more=more, since=unit.now)
        seen.more, seen.since = more, unit.now
        unit.session.add(seen)
        await unit.session.flush()
    elif seen.since + STANDS <= unit.now:
        await tell(unit, Difference(Kind.HELD, subject, 0, more))


def _reference(movement: Movement) -> str | None:
    if movement.source.startswith(DISPUTES):
        return f"stripe:dispute:{movement.balance.id}"
    if movement.kind == debits.ENDED and movement.source.startswith(debits.CHARGES):
        return debits.failed_reference(movement.source)
    begins = ENTERED.get(movement.kind)
    return f"{begins}{movement.source}" if begins and movement.source else None


async def _enter(unit: Unit, movement: Movement) -> None:
    """What Stripe takes for itself, and what a partner's account gives back."""
    balance, kind = movement.balance, EntryKind.FEE
    if movement.kind in COSTS and balance.money.amount:
        changes = {Purpose.STRIPE: balance.money, Purpose.FEES: -balance.money}
        await ledger.post(unit, kind, f"stripe:cost:{balance.id}", changes, actor=STRIPE_ACTOR)
    if movement.kind in {TRANSFER, *UNDONE} and balance.fee.amount:
        changes = {Purpose.STRIPE: -balance.fee, Purpose.FEES: balance.fee}
        await ledger.post(unit, kind, f"stripe:fee:{balance.id}", changes, actor=STRIPE_ACTOR)
    if movement.kind in UNDONE:
        await partners.undone(unit, balance.id, balance.money, movement.order)


async def _seen(unit: Unit, source: str, moment: datetime) -> None:
    cursor = await unit.session.get(EventCursor, source)
    if cursor is None:
        unit.session.add(EventCursor(source=source, seen_until=moment))
    else:
        cursor.seen_until = moment
    await unit.session.flush()
