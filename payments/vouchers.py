"""The stock of codes: loaded whole or not at all, set aside exactly, given once, erased.

- A file with one bad row is refused with the lines that are bad; nothing of it is loaded.
- The books hold the stock at what it is worth (`Purpose.VOUCHERS`): bought out of free cash, or given to the fund.
- A grant is paid by codes only when some of them come to it exactly.
- After a restore nothing of the old stock is given: its codes may have been given since the backup. The operator,
  who can ask their seller, writes them off or trusts them.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import gcd
from typing import Final
from uuid import UUID, uuid4

from sqlmodel import col, func, select, update

from models import audit
from models.base import table_of
from models.errors import BadInput, MoneyRefused
from models.states import move
from models.unit import Unit
from models.voucher import VOUCHER_ALLOWED, Voucher, VoucherKind, VoucherStatus
from payments.ledger import EntryKind, Purpose, transfer
from payments.money import Money
from vault.seal import Place
from vault.types import BlindIndex, Compartment, IndexName, SealedBytes

LONGEST: Final = 64
"""Characters of a code."""

MOST_CODES: Final = 20
"""Codes that one person gets at once: they fit on one screen."""

MOST_STEPS: Final = 20_000
"""Steps of looking for codes that come to an amount: a tenth of a second. Round worths take a few hundred."""

MOST_ROWS: Final = 10_000

Way = tuple[int, tuple[int, ...]]
"""Codes that come to a part of an amount: how many; their worths, negative, largest first. The least is best."""


class NoCodes(MoneyRefused):
    """There are no codes that come to this amount."""

    key = "treasury.refused.no-codes"


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row of a file that cannot be loaded."""

    line: int
    why: str
    """Key of the text that says why."""


@dataclass(frozen=True, slots=True)
class Search:
    """What looking for codes has come to."""

    picked: Mapping[int, int] | None
    """How many codes of each worth; none when none were found."""
    steps: int


class RowsRefused(BadInput):
    """Some rows are bad, and nothing was loaded."""

    key = "vouchers.refused.rows"

    def __init__(self, rows: Sequence[BadRow]) -> None:
        super().__init__(n=len(rows))
        self.rows = rows


async def load(unit: Unit, lines: Iterable[str], kind: VoucherKind, each: Money, *, given: bool, by: str) -> int:
    """Load codes worth `each` from CSV (first column; a first row `code` is a heading); returns how many.

    Another heading is refused, for it would be given to somebody: a first row without a digit counts as one.
    Bought with the fund's free money unless `given`. Raises `RowsRefused`, `BadInput` for an amount or currency
    that is not the fund's, and `FundShort`.
    """
    if each.currency != unit.policy.currency:
        raise BadInput("treasury.bad.currency", currency=unit.policy.currency)
    if each.amount <= 0:
        raise BadInput("treasury.bad.not-positive")
    codes = _read(lines)
    await audit.hold(unit)  # of two who load the same file at once the second sees the first
    marks = {
        unit.vault.index(IndexName.destination, f"voucher {kind} {code}"): line for code, line in codes.items()
    }
    if known := await _known(unit, marks):
        raise RowsRefused(
            [BadRow(marks[mark], "vouchers.bad.known") for mark in sorted(known, key=marks.__getitem__)]
        )
    for code, mark in zip(codes, marks, strict=True):
        row = Voucher(
            kind=kind, amount=each.amount, currency=each.currency, fingerprint=mark, loaded_at=unit.now
        )  # fmt: skip
        row.code = unit.vault.seal_server(code.encode(), _place(row))
        unit.session.add(row)
    await unit.session.flush()
    source = Purpose.CONTRIBUTIONS if given else Purpose.FUND
    batch, total = uuid4(), Money(each.amount * len(codes), each.currency)
    await transfer(
        unit, EntryKind.STOCK, f"stock:{batch}", total, source=source, target=Purpose.VOUCHERS, actor=by
    )
    subject = audit.about("batch", batch)
    await audit.record(unit, by, "voucher.load", subject, kind=str(kind), count=len(codes), amount=each.amount)
    return len(codes)


async def write_off(unit: Unit, kind: VoucherKind, by: str, *, doubted_only: bool = False) -> int:
    """Take the stock of a kind out of the fund and its books, such as codes that have expired; returns how many.

    What a restore has put in doubt goes with it, or with `doubted_only` alone. They may be loaded again, unlike
    codes that were given. What goes is what is counted, whoever writes off or takes codes at the same time.
    """
    await audit.hold(unit)
    await unit.session.flush()
    voucher = table_of(Voucher)
    goes = (VoucherStatus.DOUBTED,) if doubted_only else (VoucherStatus.STOCK, VoucherStatus.DOUBTED)
    gone = await unit.run(
        voucher.delete()
        .where(voucher.c.kind == kind, voucher.c.status.in_(goes))
        .returning(voucher.c.currency, voucher.c.amount)
    )
    count, totals = 0, Counter[str]()
    for row in gone.mappings():
        count += 1
        totals[row["currency"]] += row["amount"]
    for currency, total in totals.items():
        loss = Money(total, currency)
        reference = f"stock:{uuid4()}"
        await transfer(
            unit, EntryKind.STOCK, reference, loss, source=Purpose.VOUCHERS, target=Purpose.LOSSES, actor=by
        )
    await audit.record(unit, by, "voucher.write_off", f"voucher:{kind}", count=count)
    return count


async def doubt(unit: Unit) -> int:
    """After a backup was put back: what it says is in stock is given to nobody; returns how many there are."""
    await audit.hold(unit)
    await unit.session.exec(
        update(Voucher).where(col(Voucher.status) == VoucherStatus.STOCK).values(status=VoucherStatus.DOUBTED)
    )
    there = select(func.count(col(Voucher.id))).where(Voucher.status == VoucherStatus.DOUBTED)
    return (await unit.session.exec(there)).one()


async def trust(unit: Unit, kind: VoucherKind, by: str) -> int:
    """Codes of a kind that were in doubt are in stock again, since none was given after all; returns how many."""
    await audit.hold(unit)
    trusted = await unit.session.exec(
        update(Voucher)
        .where(col(Voucher.kind) == kind, col(Voucher.status) == VoucherStatus.DOUBTED)
        .values(status=VoucherStatus.STOCK)
    )
    await audit.record(unit, by, "voucher.trust", f"voucher:{kind}", count=trusted.rowcount)
    return trusted.rowcount


async def stock(unit: Unit, kind: VoucherKind, currency: str) -> Mapping[int, int]:
    """How many codes there are of each worth."""
    rows = await unit.session.exec(
        select(Voucher.amount, func.count(col(Voucher.id)))
        .where(Voucher.kind == kind, Voucher.currency == currency, Voucher.status == VoucherStatus.STOCK)
        .group_by(col(Voucher.amount))
    )
    return dict(rows.all())


def pick(there: Mapping[int, int], amount: int) -> Mapping[int, int] | None:
    """The fewest codes of a stock that come to an amount exactly, by worth; none when none do.

    Of as few the ones with more of the largest worth. A stock so odd that `MOST_STEPS` do not reach its end pays
    by what was found up to there, if anything.
    """
    return search(there, amount).picked


def search(there: Mapping[int, int], amount: int) -> Search:
    """The same, and how many steps it took: worth by worth, the best way to each rest that can still be paid."""
    worths = sorted((worth for worth, count in there.items() if count and worth <= amount), reverse=True)
    common = list(accumulate(reversed(worths), gcd, initial=0))[::-1]  # what divides all sums of worths[at:]
    ways: dict[int, Way] = {amount: (0, ())}
    best: Way | None = None
    steps = 0
    for at, worth in enumerate(worths):
        following: dict[int, Way] = {}
        next_worth = worths[at + 1] if at + 1 < len(worths) else 0
        for rest, (used, taken) in ways.items():
            most = best[0] if best else MOST_CODES
            for count in range(min(there[worth], rest // worth, most - used), -1, -1):
                steps += 1
                left = rest - count * worth
                if left > next_worth * (most - used - count):
                    break  # with fewer of this worth there is still more to pay
                if left % (common[at + 1] or 1):
                    continue
                way = (used + count, taken + (-worth,) * count)
                if left:
                    following[left] = min(following.get(left, way), way)
                else:
                    best = min(best or way, way)
            if steps > MOST_STEPS:
                return Search(_counts(best), steps)
        ways = following
    return Search(_counts(best), steps)


def _counts(way: Way | None) -> Mapping[int, int] | None:
    return Counter(-worth for worth in way[1]) if way else None


async def take(unit: Unit, kind: VoucherKind, money: Money, attempt: UUID) -> int:
    """Set codes aside for an attempt that come to an amount; returns how many. Raises `NoCodes`."""
    picked = pick(await stock(unit, kind, money.currency), money.amount)
    if picked is None:
        raise NoCodes
    for worth, count in picked.items():
        free = await unit.session.exec(
            select(Voucher.id)
            .where(
                Voucher.kind == kind, Voucher.currency == money.currency, Voucher.amount == worth,
                Voucher.status == VoucherStatus.STOCK,
            )
            .order_by(col(Voucher.loaded_at), col(Voucher.id))
            .limit(count)
            .with_for_update()
        )  # fmt: skip
        rows = free.all()
        taken = await unit.session.exec(
            update(Voucher)
            .where(col(Voucher.id).in_(rows), col(Voucher.status) == VoucherStatus.STOCK)
            .values(status=VoucherStatus.TAKEN, attempt_id=attempt)
        )
        if taken.rowcount != count:
            raise NoCodes
    return picked_total(picked)


def picked_total(picked: Mapping[int, int]) -> int:
    """How many codes."""
    return sum(picked.values())


async def give(unit: Unit, attempt: UUID, case_id: UUID | None) -> None:
    """The codes of an attempt are a person's now, sealed with their case; nobody's are erased."""
    for row in await of_attempt(unit, attempt):
        if row.status != VoucherStatus.TAKEN:
            continue
        if case_id is None:
            await erase(unit, row, "system")
            continue
        code = unit.vault.open_server(row.code or SealedBytes(b""), _place(row))
        row.code = await unit.vault.seal(case_id, Compartment.payout, code, _place(row))
        row.case_id, row.given_at = case_id, unit.now
        await move(unit, row, VoucherStatus.GIVEN, VOUCHER_ALLOWED, "system")


async def put_back(unit: Unit, attempt: UUID, *, doubted: bool) -> None:
    """The codes of an attempt that failed are in stock again; of a `doubted` one they may be somebody's by now."""
    target = VoucherStatus.DOUBTED if doubted else VoucherStatus.STOCK
    for row in await of_attempt(unit, attempt):
        if row.status == VoucherStatus.TAKEN:
            row.attempt_id = None
            await move(unit, row, target, VOUCHER_ALLOWED, "system")


async def of_attempt(unit: Unit, attempt: UUID) -> Sequence[Voucher]:
    """The codes of an attempt, in a fixed order."""
    found = await unit.session.exec(
        select(Voucher).where(Voucher.attempt_id == attempt).order_by(col(Voucher.amount).desc(), col(Voucher.id))
    )
    return found.all()


async def read(unit: Unit, row: Voucher) -> str | None:
    """A given code, for its person; none once it is erased."""
    if row.code is None or row.case_id is None or row.status != VoucherStatus.GIVEN:
        return None
    return (await unit.vault.open(row.case_id, Compartment.payout, row.code, _place(row))).decode()


async def erase(unit: Unit, row: Voucher, by: str) -> None:
    """Forget what a code says; that it was given once stays."""
    row.code = row.case_id = None
    await move(unit, row, VoucherStatus.ERASED, VOUCHER_ALLOWED, by)


def _read(lines: Iterable[str]) -> dict[str, int]:
    """Codes with the line that each stands on. Raises `RowsRefused` with every bad row."""
    found: dict[str, int] = {}
    bad = []
    reader = csv.reader(lines, strict=True)
    try:
        for row in reader:
            line = reader.line_num
            code = row[0].strip() if row else ""
            if line == 1 and code.casefold() == "code":
                continue
            why = _why_bad(row, code, found)
            if line == 1 and why is None and not any(sign.isdigit() for sign in code):
                why = "vouchers.bad.heading"
            if why is not None:
                bad.append(BadRow(line, why))
            found.setdefault(code, line)
    except csv.Error:
        bad.append(BadRow(reader.line_num, "vouchers.bad.csv"))
    if bad:
        raise RowsRefused(bad)
    if not 0 < len(found) <= MOST_ROWS:
        raise BadInput("vouchers.refused.count", most=MOST_ROWS)
    return found


def _why_bad(row: Sequence[str], code: str, found: Mapping[str, int]) -> str | None:
    if not code:
        return "vouchers.bad.empty"
    if ";" in code or any(cell.strip() for cell in row[1:]):
        return "vouchers.bad.columns"
    if len(code) > LONGEST:
        return "vouchers.bad.long"
    if not code.isprintable():
        return "vouchers.bad.signs"
    return "vouchers.bad.double" if code in found else None


async def _known(unit: Unit, marks: Mapping[BlindIndex, int]) -> set[BlindIndex]:
    known: set[BlindIndex] = set()
    listed = list(marks)
    for start in range(0, len(listed), 500):
        found = await unit.session.exec(
            select(Voucher.fingerprint).where(col(Voucher.fingerprint).in_(listed[start : start + 500]))
        )
        known |= {BlindIndex(mark) for mark in found.all()}
    return known


def _place(row: Voucher) -> Place:
    return Place("voucher", "code", str(row.id))
