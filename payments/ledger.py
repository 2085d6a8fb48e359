"""Entries in the books, by purpose. The tables and their triggers (`models.ledger`) defend the sums.

- Entering is idempotent by reference: the same thing twice gives the entry that stands, and a reference used for
  something else is refused.
- Whatever takes a provider's account below zero, free money of the same currency is set aside against that debt at
  once, as far as it goes; it is free again as soon as the debt is paid.
- On PostgreSQL the accounts of a currency are locked in the order of their names before anything is posted.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from models import audit
from models.base import new_id, table_of
from models.clock import to_day
from models.errors import AlreadyDone, FundShort
from models.ledger import AccountKind, JournalEntry, LedgerAccount, Posting
from models.unit import Unit
from payments.money import Money
from vault.types import GrantNumber

AT_ONCE = 500
"""Values of one statement."""

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
    COVERED = "covered"
    """Free money set aside for what was taken back beyond what a provider holds; free again afterwards."""
    ON_WAY = "on_way"
    """Minus what a provider counts and may take back: bank debits that have neither come nor failed."""
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
    SUSPENSE = "suspense"
    """What rails have paid that nobody waits to have paid any more: the sum of all open incidents."""
    SHORTFALL = "shortfall"
    """Cash that incidents took beyond what was free: a debt to the fund's own cash, paid first by what is free."""


KINDS: Mapping[Purpose, tuple[AccountKind, bool]] = {
    Purpose.FUND: (AccountKind.ASSET, True),
    Purpose.RESERVED: (AccountKind.ASSET, True),
    Purpose.GRANTED: (AccountKind.EXPENSE, True),
    Purpose.CONTRIBUTIONS: (AccountKind.INCOME, False),
    Purpose.STRIPE: (AccountKind.ASSET, False),
    Purpose.STARS: (AccountKind.ASSET, False),
    Purpose.COVERED: (AccountKind.ASSET, True),
    Purpose.ON_WAY: (AccountKind.LIABILITY, False),
    Purpose.DISPUTED: (AccountKind.ASSET, False),
    Purpose.FEES: (AccountKind.EXPENSE, False),
    Purpose.EXCHANGE: (AccountKind.EXPENSE, False),
    Purpose.VOUCHERS: (AccountKind.ASSET, True),
    Purpose.PARTNERS: (AccountKind.ASSET, True),
    Purpose.LOSSES: (AccountKind.EXPENSE, True),
    Purpose.SUSPENSE: (AccountKind.ASSET, True),
    Purpose.SHORTFALL: (AccountKind.ASSET, False),
}
"""Kind of each account, and whether zero is its floor."""


PROVIDERS = frozenset({Purpose.STRIPE, Purpose.STARS})
"""Accounts that others hold and may take below zero."""


class EntryKind(StrEnum):
    """What an entry says has happened."""

    CONTRIBUTION = "contribution"
    GIFT = "gift"
    FEE = "fee"
    ON_WAY = "on_way"
    ON_WAY_ENDED = "on_way_ended"
    """A bank debit has come, and is a gift, or has failed."""
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"
    DISPUTE = "dispute"
    DISPUTE_RETURNED = "dispute_returned"
    DISPUTE_LOST = "dispute_lost"
    COVER = "cover"
    """Free money is set aside for what is missing at a provider, or freed again; or it makes a shortfall good."""
    STOCK = "stock"
    """Codes are bought, given, or written off."""
    PAYOUT_FEE = "payout_fee"
    """What a payout cost the fund on top: a partner's fee, a network's. Reference: `fee:` and the attempt,
    or the payout where a restore left none."""
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
    COST = "cost"
    """What the fund's own bank takes, or what else belongs to no payout."""
    LOSS = "loss"
    """Cash that is gone and brought nobody anything."""
    CORRECTION = "correction"
    """Cash that was entered and never came."""
    TOP_UP = "top_up"
    """Cash goes to the account at a provider."""
    INCIDENT = "incident"
    """A rail has paid what nobody waited for any more."""
    INCIDENT_ENDED = "incident_ended"


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
    postings = {accounts[purpose]: money.amount for purpose, money in changes.items()}
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
        async with unit.attempt():
            await _insert(unit, entry, postings, currency)
    except IntegrityError as error:
        if FLOOR in str(error.orig):
            raise FundShort from error
        raise
    # No amount: the log stands beside what was decided, and its times are finer than a day.
    await audit.record(
        unit, actor, f"ledger.{kind}", audit.about_money(unit, "entry", entry.id), currency=currency
    )
    for purpose in PROVIDERS & changes.keys():
        await _cover(unit, purpose, reference, currency, actor=actor, grant_number=grant_number)
    return entry


async def _cover(
    unit: Unit, purpose: Purpose, reference: str, currency: str, *, actor: str, grant_number: GrantNumber | None
) -> None:
    """Set as much free money aside as the fund owes a provider now, as far as it goes, and free the rest of it."""
    there = (await balance(unit, purpose, currency)).amount
    covered = (await balance(unit, Purpose.COVERED, currency)).amount
    if there >= 0 and not covered:
        return
    cash = await balance(unit, Purpose.FUND, currency)
    free = max(0, (cash + await balance(unit, Purpose.SHORTFALL, currency)).amount)
    more = Money(to_cover(there, covered, free), currency)
    if more.amount:
        changes = {Purpose.FUND: -more, Purpose.COVERED: more}
        kind, name = EntryKind.COVER, f"cover:{reference}"
        await post(unit, kind, name, changes, actor=actor, grant_number=grant_number)


def to_cover(there: int, covered: int, free: int) -> int:
    """How much more is to be set aside, or less (below zero), when a provider's account stands at `there`."""
    return min(max(0, -there), covered + free) - covered


def _moment(unit: Unit, grant_number: GrantNumber | None) -> datetime:
    """When an entry counts as made: of a grant only the day is kept, for the books are never erased."""
    return unit.now if grant_number is None else to_day(unit.now)


async def find(unit: Unit, reference: str) -> JournalEntry | None:
    """The entry that stands under a reference."""
    found = (await unit.run(_by_reference(), {"reference": reference})).mappings().first()
    return JournalEntry(**found) if found is not None else None


async def standing(unit: Unit, references: Sequence[str]) -> set[str]:
    """Under which of these references an entry stands."""
    entry = table_of(JournalEntry).c
    found: set[str] = set()
    for start in range(0, len(references), AT_ONCE):
        among = entry.reference.in_(references[start : start + AT_ONCE])
        found |= set((await unit.run(select(entry.reference).where(among))).scalars().all())
    return found


@cache
def _by_reference() -> Executable:
    entry = table_of(JournalEntry)
    return select(entry).where(entry.c.reference == bindparam("reference"))


async def balance(unit: Unit, purpose: Purpose, currency: str) -> Money:
    """What stands on an account now. One row, however many entries there are."""
    found = await unit.run(_balance(), {"name": f"{purpose}:{currency}"})
    return Money(found.scalar() or 0, currency)


@cache
def _balance() -> Executable:
    account = table_of(LedgerAccount)
    return select(account.c.balance).where(account.c.name == bindparam("name"))


async def lock(unit: Unit, currency: str) -> None:
    """Keep others from posting in a currency until this transaction ends, before a decision on a balance."""
    await _accounts(unit, currency)


def _one_currency(changes: Mapping[Purpose, Money]) -> str:
    total = sum(changes.values(), start=Money(0, next(iter(changes.values())).currency))
    if total.amount:
        raise ValueError("the changes of an entry sum to zero")
    return total.currency


async def _accounts(unit: Unit, currency: str) -> dict[Purpose, UUID]:
    await audit.hold(unit)
    found = await _locked(unit, currency)
    if len(found) < len(Purpose):
        missing = [purpose for purpose in Purpose if purpose not in found]
        await unit.run(insert(table_of(LedgerAccount)), [_new_account(purpose, currency) for purpose in missing])
        found = await _locked(unit, currency)
    return found


def _new_account(purpose: Purpose, currency: str) -> dict[str, Any]:
    kind, floor_zero = KINDS[purpose]
    return {
        "id": new_id(),
        "name": f"{purpose}:{currency}",
        "kind": kind,
        "currency": currency,
        "floor_zero": floor_zero,
        "balance": 0,
    }


async def _locked(unit: Unit, currency: str) -> dict[Purpose, UUID]:
    rows = await unit.run(_in_order(), {"currency": currency})
    return {Purpose(row.name.partition(":")[0]): row.id for row in rows}


@cache
def _in_order() -> Executable:
    account = table_of(LedgerAccount)
    wanted = account.c.currency == bindparam("currency")
    return select(account.c.name, account.c.id).where(wanted).order_by(account.c.name).with_for_update()


async def _insert(unit: Unit, entry: JournalEntry, postings: Mapping[UUID, int], currency: str) -> None:
    """Insert postings, then the entry, which closes it: the order is the ledger's rule."""
    rows = [
        {"id": new_id(), "entry_id": entry.id, "account_id": account, "amount": amount, "currency": currency}
        for account, amount in postings.items()
    ]
    await unit.run(insert(table_of(Posting)), rows)
    await unit.run(insert(table_of(JournalEntry)), entry.model_dump())


async def _same(unit: Unit, entry: JournalEntry, kind: EntryKind, postings: Mapping[UUID, int]) -> JournalEntry:
    lines = await unit.run(_lines(), {"entry": entry.id})
    if entry.kind != kind or {row.account_id: row.amount for row in lines} != dict(postings):
        raise AlreadyDone
    return entry


@cache
def _lines() -> Executable:
    posting = table_of(Posting)
    return select(posting.c.account_id, posting.c.amount).where(posting.c.entry_id == bindparam("entry"))
