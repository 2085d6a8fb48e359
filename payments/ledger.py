"""Entries in the books, by purpose. The tables and their triggers (`models.ledger`) defend the sums.

- Entering is idempotent by reference: the same thing twice gives the entry that stands, and a reference used for
  something else is refused.
- On PostgreSQL the accounts of a currency are locked in the order of their names before anything is posted.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from models import audit
from models.clock import to_day
from models.errors import AlreadyDone, FundShort
from models.ledger import AccountKind, JournalEntry, LedgerAccount, Posting
from models.unit import Unit
from payments.money import Money
from vault.types import GrantNumber

FLOOR = "ck_ledger_account_floor"
"""The constraint that keeps an account above its floor."""


class Purpose(StrEnum):
    """What an account is for; with a currency, its name."""

    FUND = "fund"
    """Free money: may be promised."""
    RESERVED = "reserved"
    """Promised and not paid: the sum of all reserved grants."""
    GRANTED = "granted"
    """Paid out."""
    CONTRIBUTIONS = "contributions"
    """Where money comes from: minus all that was ever given."""
    STRIPE = "stripe"
    """What Stripe holds for the fund. Stripe lets refunds and disputes take it below zero, so it has no floor."""
    STARS = "stars"
    """What Telegram holds for the fund, in stars."""
    DISPUTED = "disputed"
    """What givers' banks have taken back for now, and may give again."""
    FEES = "fees"
    """What providers keep for themselves."""
    EXCHANGE = "exchange"
    """What moving between currencies has cost; and the two sides of each exchange."""
    VOUCHERS = "vouchers"
    """Codes in stock, at what they are worth."""
    PARTNERS = "partners"
    """With partners, who pass it on and have not reported yet."""
    LOSSES = "losses"
    """What was paid for and brought nobody anything, such as a code that does not work."""


KINDS: Mapping[Purpose, tuple[AccountKind, bool]] = {
    Purpose.FUND: (AccountKind.ASSET, True),
    Purpose.RESERVED: (AccountKind.ASSET, True),
    Purpose.GRANTED: (AccountKind.EXPENSE, True),
    Purpose.CONTRIBUTIONS: (AccountKind.INCOME, False),
    Purpose.STRIPE: (AccountKind.ASSET, False),
    Purpose.STARS: (AccountKind.ASSET, False),
    Purpose.DISPUTED: (AccountKind.ASSET, False),
    Purpose.FEES: (AccountKind.EXPENSE, False),
    Purpose.EXCHANGE: (AccountKind.EXPENSE, False),
    Purpose.VOUCHERS: (AccountKind.ASSET, True),
    Purpose.PARTNERS: (AccountKind.ASSET, True),
    Purpose.LOSSES: (AccountKind.EXPENSE, True),
}
"""Kind of each account, and whether zero is its floor."""


class EntryKind(StrEnum):
    """What an entry says has happened."""

    CONTRIBUTION = "contribution"
    GIFT = "gift"
    FEE = "fee"
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"
    DISPUTE = "dispute"
    DISPUTE_RETURNED = "dispute_returned"
    DISPUTE_LOST = "dispute_lost"
    COVER = "cover"
    """Free money that makes good what is missing at a provider."""
    STOCK = "stock"
    """Codes are bought, given, or written off."""
    HAND_OVER = "hand_over"
    """Money goes to a partner, who passes it on."""
    WITHDRAW = "withdraw"
    """Money leaves a provider, for the fund."""
    ARRIVE = "arrive"
    """What a withdrawal came to in the fund's currency."""
    RESERVE = "reserve"
    SETTLE = "settle"
    RETURN = "return"
    RELEASE = "release"


async def transfer(
    unit: Unit,
    kind: EntryKind,
    reference: str,
    money: Money,
    *,
    source: Purpose,
    target: Purpose,
    actor: str,
    grant_number: GrantNumber | None = None,
) -> JournalEntry:
    """Enter that money went from one account to another. Raises as `post` does."""
    changes = {source: -money, target: money}
    return await post(unit, kind, reference, changes, actor=actor, grant_number=grant_number)


async def post(
    unit: Unit,
    kind: EntryKind,
    reference: str,
    changes: Mapping[Purpose, Money],
    *,
    actor: str,
    grant_number: GrantNumber | None = None,
) -> JournalEntry:
    """Enter signed changes of accounts, all in one currency, that sum to zero; return the closed entry.

    The entry that already stands under the reference is returned. Raises `FundShort` when an account would fall
    below its floor, and `AlreadyDone` when the reference stands for something else.
    """
    currency = _one_currency(changes)
    accounts = await _accounts(unit, currency)
    postings = {accounts[purpose].id: money.amount for purpose, money in changes.items()}
    standing = await find(unit, reference)
    if standing is not None:
        return await _same(unit, standing, kind, postings)
    entry = JournalEntry(
        reference=reference,
        kind=kind,
        at=_moment(unit, grant_number),
        actor=actor,
        grant_number=grant_number and str(grant_number),
    )
    try:
        async with unit.session.begin_nested():
            await _insert(unit, entry, postings, currency)
    except IntegrityError as error:
        if FLOOR in str(error.orig):
            raise FundShort from error
        raise
    # No amount: the log stands beside what was decided, and its times are finer than a day.
    await audit.record(
        unit, actor, f"ledger.{kind}", audit.about_money(unit, "entry", entry.id), currency=currency
    )
    return entry


def _moment(unit: Unit, grant_number: GrantNumber | None) -> datetime:
    """When an entry counts as made: of a grant only the day is kept, for the books are never erased."""
    return unit.now if grant_number is None else to_day(unit.now)


async def find(unit: Unit, reference: str) -> JournalEntry | None:
    """The entry that stands under a reference."""
    return (await unit.session.exec(select(JournalEntry).where(JournalEntry.reference == reference))).first()


async def balance(unit: Unit, purpose: Purpose, currency: str) -> Money:
    """What stands on an account now. One row, however many entries there are."""
    found = await unit.session.exec(
        select(LedgerAccount.balance).where(LedgerAccount.name == f"{purpose}:{currency}")
    )
    return Money(found.first() or 0, currency)


async def lock(unit: Unit, currency: str) -> None:
    """Keep others from posting in a currency until this transaction ends, before a decision on a balance."""
    await _accounts(unit, currency)


def _one_currency(changes: Mapping[Purpose, Money]) -> str:
    total = sum(changes.values(), start=Money(0, next(iter(changes.values())).currency))
    if total.amount:
        raise ValueError("the changes of an entry sum to zero")
    return total.currency


async def _accounts(unit: Unit, currency: str) -> dict[Purpose, LedgerAccount]:
    await audit.hold(unit)
    found = await _locked(unit, currency)
    if len(found) < len(Purpose):
        for purpose in Purpose:
            if purpose not in found:
                kind, floor_zero = KINDS[purpose]
                name = f"{purpose}:{currency}"
                unit.session.add(LedgerAccount(name=name, kind=kind, currency=currency, floor_zero=floor_zero))
        await unit.session.flush()
        found = await _locked(unit, currency)
    return found


async def _locked(unit: Unit, currency: str) -> dict[Purpose, LedgerAccount]:
    rows = await unit.session.exec(
        select(LedgerAccount)
        .where(
            LedgerAccount.currency == currency, col(LedgerAccount.name).in_([f"{p}:{currency}" for p in Purpose])
        )
        .order_by(LedgerAccount.name)
        .with_for_update()
    )
    return {Purpose(account.name.partition(":")[0]): account for account in rows.all()}


async def _insert(unit: Unit, entry: JournalEntry, postings: Mapping[UUID, int], currency: str) -> None:
    """Insert postings, then the entry, which closes it: the order is the ledger's rule."""
    rows = [
        {"id": uuid4(), "entry_id": entry.id, "account_id": account, "amount": amount, "currency": currency}
        for account, amount in postings.items()
    ]
    await unit.session.exec(insert(Posting), params=rows)
    unit.session.add(entry)
    await unit.session.flush()


async def _same(unit: Unit, entry: JournalEntry, kind: EntryKind, postings: Mapping[UUID, int]) -> JournalEntry:
    lines = await unit.session.exec(select(Posting.account_id, Posting.amount).where(Posting.entry_id == entry.id))
    if entry.kind != kind or dict(lines.all()) != dict(postings):
        raise AlreadyDone
    return entry
