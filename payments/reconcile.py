"""Reconciliation: finishes what a crash left open, and compares books, payouts, attempts, stock and providers.

- What is safe is mended: an open attempt is looked up, and only the very same order is ever executed again.
- Whatever else differs is shown, each difference on its own, and never mended by the program: which of two sides
  is wrong, people find out, and correct with a new entry.
- Payouts are read in pages, so that memory does not grow with their number, and between two pages others on the
  event loop have their turn: SQLite runs on it (decision 12), and no await of a statement lets anybody else in.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, func, select

from models.attempt import Attempt, AttemptStatus
from models.doubt import Finding, FindingStatus, Found
from models.grant import Grant, GrantStatus, Payout, PayoutStatus
from models.ledger import JournalEntry, LedgerAccount, Posting
from models.unit import Unit
from payments import attempts, executor, incidents
from payments.executor import OpenUnit, Tell
from payments.ledger import EntryKind, Purpose, balance
from payments.rails import registry
from payments.rails.base import DistantRail, HoldingRail, MachineRail, Outcome, Stocked

PAGE: Final = 200
"""Payouts that are read at once: some hundredths of a second."""

SETTLED: Final = (PayoutStatus.PAID, PayoutStatus.RETURNING, PayoutStatus.RETURNED)


class Kind(StrEnum):
    """What differs. Also the last part of its text's key."""

    NOT_SETTLED = "not-settled"
    """A payout counts as paid, and the books have no such entry, or another amount."""
    NOT_PAID = "not-paid"
    """The books have an entry for a payout that was not paid."""
    NOT_RETURNED = "not-returned"
    """The same of what came back."""
    NO_PAYOUT = "no-payout"
    """The books have entries for payouts that do not exist."""
    RESERVE = "reserve"
    """The balance of `reserved` is not the sum of reserved grants."""
    GRANTED = "granted"
    """The balance of `granted` is not the sum of paid grants."""
    TWICE = "twice"
    """More than one attempt of a payout is done."""
    NO_ATTEMPT = "no-attempt"
    """A machine rail is said to have paid, and no attempt is done; or the other way round."""
    SUSPENSE = "suspense"
    """The balance of `suspense` is not the sum of the incidents that stand."""
    DEBT = "debt"
    """More was taken back than a provider holds, or left than was free: the next money pays it first."""
    STOCK = "stock"
    """A rail's own stock is not what the books say."""
    PROVIDER_NOT_PAID = "provider-not-paid"
    """We say done, the provider does not know or has failed."""
    PROVIDER_PAID = "provider-paid"
    """We say failed, the provider has paid."""
    HELD = "held"
    """What a provider says it holds is not what the books say: by so much is it more (`theirs`)."""
    PROVIDER_REFUSES = "provider-refuses"
    """The provider refuses what the fund must ask of it: a key, a right or a request is to be mended."""


ASKED: Final = frozenset({Kind.PROVIDER_NOT_PAID, Kind.PROVIDER_PAID, Kind.HELD, Kind.PROVIDER_REFUSES})
"""Differences that show only when a provider is asked: `compare` finds none of them."""


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One difference."""

    kind: Kind
    subject: str
    """Kind and id of what differs."""
    ours: int = 0
    """Minor units, or how many."""
    theirs: int = 0


class _Row(NamedTuple):
    """A payout: its amount, whether it was ever settled, whether that was undone."""

    payout: UUID
    amount: int
    paid: bool
    returned: bool


async def finish_open(open_unit: OpenUnit, tell: Tell) -> Counter[str]:
    """Ask for every open attempt now, due or not; returns how many came to what."""
    async with open_unit() as unit:
        found = await attempts.open_ones(unit)
    came = [await executor.work(open_unit, attempt, tell) for attempt in found]
    return Counter(str(now) for now in came if now is not None)


async def compare(unit: Unit) -> list[Difference]:
    """Every difference within the fund's own rows, in a fixed order. Asks no provider.

    What is read must be of one moment (a glance): a payment between two statements would look like a difference.
    """
    found = [difference async for difference in _payouts(unit)]
    for currency in await _currencies(unit):
        found += await _accounts(unit, currency)
    found += await _attempts(unit)
    return sorted(found)


async def is_there(unit: Unit, kind: str, subject: str) -> bool:
    """Whether there is such a difference now. Reads only what it is about."""
    what, _, rest = subject.partition(":")
    match what:
        case "payout":
            only = UUID(rest)
            page = await _page(unit, col(Payout.id) == only)
            found = [*_beside(page, await _entries(unit, page)), *await _attempts(unit, only)]
        case "account":
            found = await _accounts(unit, rest.rpartition(":")[2])
        case _:
            found = await compare(unit)
    return (kind, subject) in {(difference.kind, difference.subject) for difference in found}


async def ask_providers(
    open_unit: OpenUnit, since: timedelta, unheard: set[str] | None = None
) -> list[Difference]:
    """Compare attempts that ended within a span with what their providers say. Network.

    Rails that pay out of a stock of the fund's own have nobody to ask: `compare` counts that stock. The names of
    those that did not answer are put into `unheard`.
    """
    silent: set[str] = set() if unheard is None else unheard
    async with open_unit() as unit:
        rails = {
            name: rail
            for name, rail in unit.rails.items()
            if not (isinstance(rail, DistantRail) and rail.out_of_reach)
        }
        ended = await unit.session.exec(
            select(Attempt.id, Attempt.rail).where(
                col(Attempt.ended_at) > unit.now - since, col(Attempt.tries) > 0
            )
        )
        asked = {
            name for name, rail in rails.items() if isinstance(rail, MachineRail) and not isinstance(rail, Stocked)
        }
        ids = [attempt for attempt, rail in ended.all() if rail in asked]
    differences = [await _ask(open_unit, attempt, silent) for attempt in ids]
    found = [difference for difference in differences if difference is not None]
    return sorted(found + [each for rail in rails.values() for each in await _held(rail, silent)])


async def still(open_unit: OpenUnit, attempt_id: UUID) -> bool:
    """Whether a provider says otherwise of an attempt; also when it does not answer now. Network."""
    silent: set[str] = set()
    return await _ask(open_unit, attempt_id, silent) is not None or bool(silent)


async def _held(rail: object, silent: set[str]) -> list[Difference]:
    """Purses of a rail that hold something else than they must."""
    if not isinstance(rail, HoldingRail):
        return []
    counted = await rail.held()
    if any(each.theirs is None for each in counted):
        silent.add(rail.name)
    return [
        Difference(Kind.HELD, each.subject, each.ours.amount, each.theirs.amount)
        for each in counted
        if each.theirs is not None and each.ours != each.theirs
    ]


async def _ask(open_unit: OpenUnit, attempt_id: UUID, silent: set[str]) -> Difference | None:
    async with open_unit() as unit:
        attempt = await unit.session.get_one(Attempt, attempt_id)
        order, rail = await attempts.order_of(unit, attempt), registry.find(unit, attempt.rail)
    if not isinstance(rail, MachineRail):
        return None
    result = await executor.look_up(rail, order)
    says = result.outcome
    if (says == Outcome.UNKNOWN or result.away) and attempt.status != AttemptStatus.DROPPED:
        silent.add(rail.name)
    if attempt.status == AttemptStatus.DONE and says in {Outcome.ABSENT, Outcome.FAILED, Outcome.REFUSED}:
        return Difference(Kind.PROVIDER_NOT_PAID, f"attempt:{attempt.id}", attempt.amount, 0)
    if attempt.status == AttemptStatus.FAILED and says in {Outcome.DONE, Outcome.PENDING}:
        return Difference(Kind.PROVIDER_PAID, f"attempt:{attempt.id}", 0, attempt.amount)
    return None


async def _payouts(unit: Unit) -> AsyncIterator[Difference]:
    """Payouts beside the entries made for them, page by page."""
    after: UUID | None = None
    known = {EntryKind.SETTLE: 0, EntryKind.RETURN: 0}
    while page := await _page(unit, *([] if after is None else [col(Payout.id) > after])):
        after = page[-1].payout
        booked = await _entries(unit, page)
        known[EntryKind.SETTLE] += sum(f"settle:{row.payout}" in booked for row in page)
        known[EntryKind.RETURN] += sum(f"return:{row.payout}" in booked for row in page)
        for difference in _beside(page, booked):
            yield difference
        await asyncio.sleep(0)
    for entry, count in known.items():
        there = await unit.session.exec(select(func.count(col(JournalEntry.id))).where(JournalEntry.kind == entry))
        if (total := there.one()) != count:
            yield Difference(Kind.NO_PAYOUT, f"ledger:{entry}", total, count)


def _beside(page: Sequence[_Row], booked: Mapping[str, int]) -> Iterator[Difference]:
    """Payouts beside what was posted for them."""
    for payout, amount, paid, returned in page:
        settled, back = booked.get(f"settle:{payout}", 0), booked.get(f"return:{payout}", 0)
        if settled != (amount if paid else 0):
            kind = Kind.NOT_SETTLED if paid else Kind.NOT_PAID
            yield Difference(kind, f"payout:{payout}", settled, amount if paid else 0)
        if back != (-amount if returned else 0):
            yield Difference(Kind.NOT_RETURNED, f"payout:{payout}", -back, amount if returned else 0)


async def _page(unit: Unit, *which: ColumnElement[bool]) -> Sequence[_Row]:
    query = (
        select(Payout.id, Grant.amount, Payout.paid_at, Payout.status)
        .join(Grant, col(Grant.id) == Payout.grant_id)
        .where(*which)
        .order_by(col(Payout.id))
        .limit(PAGE)
    )
    return [
        _Row(payout, amount, paid_at is not None, paid_at is not None and status == PayoutStatus.RETURNED)
        for payout, amount, paid_at, status in (await unit.session.exec(query)).all()
    ]


async def _entries(unit: Unit, page: Sequence[_Row]) -> Mapping[str, int]:
    """What the entries of these payouts posted to `granted`, by their reference.

    Looked up key by key: PostgreSQL has no statistics after a restore, and a join would read all postings for
    each page.
    """
    references = [f"{word}:{row.payout}" for row in page for word in ("settle", "return")]
    entries = select(JournalEntry.id, JournalEntry.reference).where(col(JournalEntry.reference).in_(references))
    named = dict((await unit.session.exec(entries)).all())
    granted = select(LedgerAccount.id).where(col(LedgerAccount.name).startswith(f"{Purpose.GRANTED}:"))
    accounts = (await unit.session.exec(granted)).all()
    posted = select(Posting.entry_id, Posting.account_id, Posting.amount).where(col(Posting.entry_id).in_(named))
    rows = (await unit.session.exec(posted)).all()
    return {named[entry]: amount for entry, account, amount in rows if account in accounts}


async def _accounts(unit: Unit, currency: str) -> list[Difference]:
    """The accounts of a currency beside what they must be."""
    found = await _balances(unit, currency)
    found += await _stocks(unit, currency)
    found += await _suspense(unit, currency)
    return found + await _debts(unit, currency)


async def _balances(unit: Unit, currency: str) -> list[Difference]:
    pairs = (
        (Kind.RESERVE, Purpose.RESERVED, GrantStatus.RESERVED),
        (Kind.GRANTED, Purpose.GRANTED, GrantStatus.PAID),
    )
    found = []
    for kind, purpose, status in pairs:
        stands = (await balance(unit, purpose, currency)).amount
        total = await unit.session.exec(
            select(func.coalesce(func.sum(Grant.amount), 0)).where(
                Grant.status == status, Grant.currency == currency
            )
        )
        if stands != (promised := int(total.one())):
            found.append(Difference(kind, f"account:{purpose}:{currency}", stands, promised))
    return found


async def _suspense(unit: Unit, currency: str) -> list[Difference]:
    stands = (await balance(unit, Purpose.SUSPENSE, currency)).amount
    open_ones = sum(one.amount for one in await incidents.standing(unit) if one.currency == currency)
    if stands == open_ones:
        return []
    return [Difference(Kind.SUSPENSE, f"account:{Purpose.SUSPENSE}:{currency}", stands, open_ones)]


async def _debts(unit: Unit, currency: str) -> list[Difference]:
    """Accounts below zero; of what is owed to a provider, what no free money is set aside for."""
    found = []
    covered = (await balance(unit, Purpose.COVERED, currency)).amount
    for purpose in (Purpose.STRIPE, Purpose.STARS, Purpose.SHORTFALL):
        stands = (await balance(unit, purpose, currency)).amount
        if stands + (0 if purpose is Purpose.SHORTFALL else covered) < 0:
            found.append(Difference(Kind.DEBT, f"account:{purpose}:{currency}", stands, 0))
    return found


async def _stocks(unit: Unit, currency: str) -> list[Difference]:
    """Rails that share an account are added up."""
    totals: Counter[Purpose] = Counter()
    for rail in unit.rails.values():
        if isinstance(rail, Stocked):
            totals[rail.account] += (await rail.stock(unit, currency)).amount
    found = []
    for purpose, total in totals.items():
        stands = (await balance(unit, purpose, currency)).amount
        if stands != total:
            found.append(Difference(Kind.STOCK, f"account:{purpose}:{currency}", stands, total))
    return found


async def _attempts(unit: Unit, only: UUID | None = None) -> list[Difference]:
    """Done attempts beside their payouts, or beside one of them."""
    which = [] if only is None else [col(Payout.id) == only]
    rows = await unit.session.exec(
        select(Payout.id, Payout.status, Payout.rail, func.count(col(Attempt.id)))
        .join(Attempt, col(Attempt.payout_id) == Payout.id)
        .where(Attempt.status == AttemptStatus.DONE, *which)
        .group_by(col(Payout.id), col(Payout.status), col(Payout.rail))
        .having((func.count(col(Attempt.id)) > 1) | col(Payout.status).not_in((*SETTLED, PayoutStatus.SENT)))
    )
    found = [
        Difference(Kind.TWICE if count > 1 else Kind.NO_ATTEMPT, f"payout:{payout}", count, 1)
        for payout, _, _, count in rows.all()
    ]
    machines = [name for name, rail in unit.rails.items() if isinstance(rail, MachineRail)]
    done = select(Attempt.payout_id).where(Attempt.status == AttemptStatus.DONE)
    found_by_people = select(Finding.payout_id).where(
        Finding.status == FindingStatus.CONFIRMED, Finding.found == Found.PAID
    )
    without = await unit.session.exec(
        select(Payout.id).where(
            col(Payout.rail).in_(machines),
            col(Payout.status).in_((*SETTLED, PayoutStatus.SENT)),
            col(Payout.id).not_in(done),
            col(Payout.id).not_in(found_by_people),
            *which,
        )
    )
    return found + [Difference(Kind.NO_ATTEMPT, f"payout:{payout}", 0, 1) for payout in without.all()]


async def _currencies(unit: Unit) -> Sequence[str]:
    found = await unit.session.exec(select(LedgerAccount.currency).distinct())
    return sorted(found.all())
