"""The way of a gift through the books: first in, first out.

- At a provider the gifts stand in the order in which they were entered, each by what is left of it there after
  fees and refunds. A withdrawal takes from the oldest.
- In the fund's currency, withdrawals and what treasurers entered stand in the order of their entry. Money paid out
  (and not come back) takes from the oldest, by whatever rail it went. What is set aside for a debt is still
  there. What a partner gets straight from a provider counts as withdrawn and paid; what the fund had sent there
  out of its own cash counts as cash.
- What was entered by mistake and taken out again counts as never entered. Costs and losses are not followed.
- Several gifts in one withdrawal share what it came to by their parts in it.

What was entered is read in pages, between which others on the event loop have their turn: SQLite runs on it
(decision 12), and no await of a statement lets anybody else in.

Groups of grants that are smaller than ten are not told apart: neither their kind, nor, where a whole month has
fewer, their month.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Executable, func
from sqlalchemy import select as choose
from sqlmodel import col, select

from models.case import Case, Category
from models.donation import Donation, GiftEntry, Provider
from models.grant import Grant
from models.ledger import JournalEntry, LedgerAccount, Posting
from models.unit import Unit
from payments.ledger import EntryKind, Purpose

SMALLEST_GROUP: Final = 10
"""Fewer grants than this are never told apart."""

PAGE: Final = 500
"""Rows, or parts of gifts, after which others have their turn."""

HELD_BY: Final = {Provider.STRIPE: Purpose.STRIPE, Provider.STARS: Purpose.STARS}


PAYING: Final = (EntryKind.SETTLE, EntryKind.RETURN)


class _Moved(NamedTuple):
    at: datetime
    reference: str
    amount: int


@dataclass(frozen=True, slots=True)
class Spent:
    """Part of a gift that was paid out: in which month and for what, as far as may be told."""

    share: Fraction
    month: date | None
    category: Category | None


@dataclass(frozen=True, slots=True)
class Outflow:
    """Money that left the fund for a person: how much, and what may be told of it with enough others."""

    amount: int
    group: tuple[date, Category | None]


def allocate(lots: Sequence[int], outs: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """First in, first out: which lot gives how much to which outflow, as (lot, out, amount)."""
    lot, left = -1, 0
    for number, out in enumerate(outs):
        wanted = out
        while wanted > 0:
            while left <= 0:
                lot += 1
                if lot >= len(lots):
                    return
                left = lots[lot]
            taken = min(left, wanted)
            yield lot, number, taken
            left -= taken
            wanted -= taken


async def follow(unit: Unit, donation: Donation) -> list[Spent]:
    """The parts of a gift that were paid out; what is missing to one is still waiting."""
    shares = await _shares_of_inflows(unit, donation)
    if not shares:
        return []
    currency = unit.policy.currency
    inflows = await _inflows(unit, currency)
    outflows = await _outflows(unit, currency)
    spent: dict[tuple[date, Category | None], Fraction] = {}
    parts = allocate([each.amount for each in inflows], [out.amount for out in outflows])
    for number, (lot, out, amount) in enumerate(parts):
        if number % PAGE == 0:
            await asyncio.sleep(0)
        _, reference, size = inflows[lot]
        group = outflows[out].group
        if reference in shares:
            spent[group] = spent.get(group, Fraction()) + shares[reference] * Fraction(amount, size)
    counts = Counter(out.group for out in outflows)
    return _told(spent, counts)


def _told(
    spent: Mapping[tuple[date, Category | None], Fraction], counts: Mapping[tuple[date, Category | None], int]
) -> list[Spent]:
    """Put together what may not be told apart."""
    months: Counter[date] = Counter()
    for (month, _), count in counts.items():
        months[month] += count
    parts: dict[tuple[date | None, Category | None], Fraction] = {}
    for (month, category), share in spent.items():
        shown = month if months[month] >= SMALLEST_GROUP else None
        kind = category if shown is not None and counts.get((month, category), 0) >= SMALLEST_GROUP else None
        parts[shown, kind] = parts.get((shown, kind), Fraction()) + share
    order = sorted(parts, key=lambda part: (part[0] or date.min, part[1] or ""))
    return [Spent(parts[part], *part) for part in order]


async def _shares_of_inflows(unit: Unit, donation: Donation) -> dict[str, Fraction]:
    """In which entries of the fund's money which part of the gift is; the rest is still at its provider."""
    purpose = HELD_BY.get(donation.provider)
    if purpose is None:
        return {f"contribution:funding:{donation.id}": Fraction(1)}
    account = (
        select(LedgerAccount.name)
        .join(Posting, col(Posting.account_id) == LedgerAccount.id)
        .join(GiftEntry, col(GiftEntry.entry_id) == Posting.entry_id)
        .where(GiftEntry.donation_id == donation.id, col(LedgerAccount.name).startswith(f"{purpose}:"))
    )
    name = (await unit.session.exec(account.limit(1))).first()
    if name is None:
        return {}
    lots = await _lots(unit, name)
    mine = [number for number, (owner, _) in enumerate(lots) if owner == donation.id]
    if not mine or lots[mine[0]][1] <= 0:
        return {}
    return {
        _arrival(reference): Fraction(amount, lots[lot][1])
        for lot, reference, amount in await _left(unit, name, lots)
        if lot == mine[0]
    }


async def _left(unit: Unit, account: str, lots: Sequence[tuple[UUID | None, int]]) -> list[tuple[int, str, int]]:
    """What left a provider, by the lots that it came out of, the oldest first: lot, entry, amount."""
    withdrawals = await _entries(unit, account, EntryKind.WITHDRAW, EntryKind.HAND_OVER, EntryKind.PAYOUT_FEE)
    there, outs = [max(amount, 0) for _, amount in lots], [-each.amount for each in withdrawals]
    return [(lot, withdrawals[out].reference, amount) for lot, out, amount in allocate(there, outs)]


async def _lots(unit: Unit, account: str) -> list[tuple[UUID | None, int]]:
    """What is left of each gift at a provider, and what the fund sent there, in the order of their entry."""
    query = (
        select(GiftEntry.donation_id, func.sum(Posting.amount), func.min(JournalEntry.at))
        .join(Posting, col(Posting.entry_id) == GiftEntry.entry_id)
        .join(JournalEntry, col(JournalEntry.id) == GiftEntry.entry_id)
        .join(LedgerAccount, col(LedgerAccount.id) == Posting.account_id)
        .where(LedgerAccount.name == account)
        .group_by(col(GiftEntry.donation_id))
        .order_by(func.min(JournalEntry.at), col(GiftEntry.donation_id))
    )
    found: list[tuple[datetime, UUID | None, int]]
    found = [(at, owner, int(amount)) async for owner, amount, at in _rows(unit, query)]
    found += [(each.at, None, each.amount) for each in await _entries(unit, account, EntryKind.TOP_UP)]
    return [(owner, amount) for _, owner, amount in sorted(found, key=lambda lot: lot[0])]


def _arrival(reference: str) -> str:
    """The entry by which what a withdrawal took has come to the fund."""
    return f"{reference.removesuffix(':out')}:in" if reference.endswith(":out") else reference


async def _entries(unit: Unit, account: str, *kinds: EntryKind) -> list[_Moved]:
    """What entries of some kinds moved on one account, in order."""
    query = (
        select(JournalEntry.at, JournalEntry.reference, Posting.amount)
        .join(Posting, col(Posting.entry_id) == JournalEntry.id)
        .join(LedgerAccount, col(LedgerAccount.id) == Posting.account_id)
        .where(LedgerAccount.name == account, col(JournalEntry.kind).in_(kinds))
        .order_by(col(JournalEntry.at), col(JournalEntry.reference))
    )
    return [_Moved(*row) async for row in _rows(unit, query)]


async def _rows(unit: Unit, query: Executable) -> AsyncIterator[Sequence[Any]]:
    """The rows of a query, page by page."""
    await unit.session.flush()
    found = await (await unit.session.connection()).execute(query)
    for page in found.partitions(PAGE):
        for row in page:
            yield row
        await asyncio.sleep(0)


async def _inflows(unit: Unit, currency: str) -> list[_Moved]:
    name = f"{Purpose.FUND}:{currency}"
    came = await _entries(unit, name, EntryKind.CONTRIBUTION, EntryKind.ARRIVE)
    # What a partner gives back came in when it was handed to them.
    returned = await _entries(unit, f"{Purpose.PARTNERS}:{currency}", EntryKind.WITHDRAW)
    again = {_arrival(each.reference) for each in returned}
    at_stripe = f"{Purpose.STRIPE}:{currency}"
    lots = await _lots(unit, at_stripe)
    own: Counter[str] = Counter()  # of each hand-over, what the fund had sent there itself
    for lot, reference, amount in await _left(unit, at_stripe, lots):
        own[reference] += amount if lots[lot][0] is None else 0
    handed = await _entries(unit, at_stripe, EntryKind.HAND_OVER)
    given = [each._replace(amount=-each.amount - own[each.reference]) for each in handed]
    mistakes = await _entries(unit, name, EntryKind.CORRECTION)
    once = _without([each for each in came if each.reference not in again], mistakes)
    return sorted([*once, *(each for each in given if each.amount > 0)])


def _without(came: Sequence[_Moved], mistakes: Sequence[_Moved]) -> list[_Moved]:
    """What came in, without what was entered by mistake: the newest entries of the operator's before that."""
    left = {each.reference: each.amount for each in came}
    for mistake in mistakes:
        wrong = -mistake.amount
        for each in reversed([one for one in came if one.at <= mistake.at and _is_operators(one)]):
            taken = min(wrong, left[each.reference])
            left[each.reference] -= taken
            wrong -= taken
    return [each._replace(amount=left[each.reference]) for each in came if left[each.reference] > 0]


def _is_operators(entry: _Moved) -> bool:
    """Whether money was entered at the command line; what two treasurers saw is a gift."""
    return entry.reference.startswith("contribution:") and not entry.reference.startswith("contribution:funding:")


async def _outflows(unit: Unit, currency: str) -> list[Outflow]:
    """What left the fund, in order: each grant once, by what was paid and has not come back."""
    query = (
        choose(
            col(JournalEntry.grant_number),
            col(JournalEntry.at),
            col(Posting.amount),
            col(Case.category),
        )
        .select_from(JournalEntry)
        .join(Posting, col(Posting.entry_id) == JournalEntry.id)
        .join(LedgerAccount, col(LedgerAccount.id) == Posting.account_id)
        .join(Grant, col(Grant.number) == JournalEntry.grant_number, isouter=True)
        .join(Case, col(Case.id) == Grant.case_id, isouter=True)
        .where(col(LedgerAccount.name) == f"{Purpose.GRANTED}:{currency}", col(JournalEntry.kind).in_(PAYING))
    )
    paid: dict[str, tuple[datetime, int, Category | None]] = {}
    async for number, at, amount, category in _rows(unit, query):
        if number is None:  # nobody pays or gives back without a grant
            continue
        before = paid.get(number, (at, 0, category))
        paid[number] = (max(at, before[0]), before[1] + amount, category)
    outs = [
        (at, Outflow(amount, (at.date().replace(day=1), category)))
        for at, amount, category in paid.values()
        if amount > 0
    ]
    return [out for _, out in sorted(outs, key=lambda each: (each[0], each[1].amount))]
