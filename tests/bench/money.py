"""What the books cost: entries beside bare rows, a balance in a long ledger beside a short one, reconciliation.

- An entry is four rows (two postings, the entry, its line in the log of acts) in a transaction of its own; the
  floor is four bare rows of such a size in one transaction of the same engine.
- The long ledger is written in bulk through the same triggers. A balance is read in a unit of its own.
- Reconciliation compares every payout with its entries, in a process that has done nothing else: what its memory
  grows by is what the comparison takes.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, insert
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import select

from bot.database import Resources, make_engine
from bot.resources import open_resources
from bot.settings import read_settings
from models.grant import Grant, GrantStatus, Payout, PayoutStatus
from models.ledger import JournalEntry, LedgerAccount, Posting
from payments import funding, ledger, reconcile
from payments.ledger import EntryKind, Purpose
from payments.money import Money
from tests.bench.crowd import percentile
from vault.keyring import Keyring
from vault.types import GrantNumber

SHORT, LONG = 1_000, 1_000_000
"""Entries."""

PAYOUTS: Final = 131_072
LOOKUPS: Final = 300
SECONDS: Final = 5.0
CHUNK: Final = 4_096
BYTES: Final = 160
MEGABYTE: Final = 1 << 20
RUB: Final = "RUB"

FLOOR = Table(
    "floor_rows",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Figures:
    """Per second, seconds of a lookup, seconds, bytes."""

    entries: float
    floor: float
    short: float
    long: float
    reconciled: float
    growth: int
    differences: int


def measure(folder: Path, url: str, entries: int = LONG, payouts: int = PAYOUTS) -> Figures:
    """Measure on a database that does not have its schema yet, in a process of its own."""
    books = _in_a_process(folder, url, entries, payouts)
    return Figures(**books, **_in_a_process(folder, url))


def _in_a_process(folder: Path, *arguments: str | int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.money", str(folder), *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def show(funds: dict[str, Figures], width: int) -> list[str]:
    """The figures as lines of a table, one column for each database."""

    def line(what: str, cells: list[str]) -> str:
        return "".join([what.ljust(width), "".rjust(14), *(cell.rjust(14) for cell in cells)])

    each = list(funds.values())
    return [
        line("journal entries per second", [f"{f.entries:.0f}" for f in each]),
        line("  floor: four bare rows, one commit", [f"{f.floor:.0f}" for f in each]),
        line("  ratio to it", [f"{f.entries / f.floor:.2f}" for f in each]),
        line(f"a balance after {SHORT:,} entries", [f"{f.short * 1000:.2f} ms" for f in each]),
        line(f"  after {LONG:,} entries", [f"{f.long * 1000:.2f} ms" for f in each]),
        line("  ratio to it", [f"{f.long / f.short:.2f}" for f in each]),
        line(f"reconciliation of {PAYOUTS:,} payouts", [f"{f.reconciled:.1f} s" for f in each]),
        line("  memory that it takes", [f"{f.growth / MEGABYTE:.0f} MB" for f in each]),
        line("  differences found", [f"{f.differences}" for f in each]),
    ]


async def _write_books(folder: Path, url: str, entries: int, payouts: int) -> dict[str, float]:
    settings = read_settings(data_dir=folder, database_url=url)
    async with open_resources(settings, Keyring.new(), migrate=True) as resources:
        rate, floor = await _entries(resources), await _floor(url)
        async with resources.unit() as unit:
            total = entries * 100
            await funding.add(unit, Money(total * 2, RUB), "operator")
            await ledger.transfer(
                unit, EntryKind.RESERVE, "reserve:bench", Money(total, RUB), source=Purpose.FUND,
                target=Purpose.RESERVED, actor="system",
            )  # fmt: skip
        await _write(resources.engine, SHORT, 0)
        short = await _lookup(resources)
        await _write(resources.engine, entries - SHORT - payouts, 0)
        await _write(resources.engine, payouts, payouts)
        async with resources.unit() as unit:  # what is reserved for nobody is free again
            left = await ledger.balance(unit, Purpose.RESERVED, RUB)
            await ledger.transfer(
                unit, EntryKind.RELEASE, "release:bench", left, source=Purpose.RESERVED, target=Purpose.FUND,
                actor="system",
            )  # fmt: skip
        return {"entries": rate, "floor": floor, "short": short, "long": await _lookup(resources)}


async def _reconcile(folder: Path, url: str) -> dict[str, float]:
    async with open_resources(read_settings(data_dir=folder, database_url=url), Keyring.new()) as resources:
        before, begin = _peak(), time.perf_counter()
        async with resources.unit() as unit:
            found = await reconcile.compare(unit)
        return {
            "reconciled": time.perf_counter() - begin, "growth": _peak() - before, "differences": len(found),
        }  # fmt: skip


async def _entries(resources: Resources) -> float:
    """Entries per second, each in a transaction of its own."""
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < SECONDS:
        async with resources.unit() as unit:
            await funding.add(unit, Money(100, RUB), "operator")
        count += 1
    return count / (time.perf_counter() - begin)


async def _floor(url: str) -> float:
    """Transactions of four bare rows per second."""
    engine = make_engine(url)
    body = os.urandom(BYTES)
    async with engine.begin() as connection:
        await connection.run_sync(FLOOR.create)
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < SECONDS:
        async with engine.begin() as connection:
            for _ in range(4):
                await connection.execute(insert(FLOOR), {"body": body})
        count += 1
    rate = count / (time.perf_counter() - begin)
    async with engine.begin() as connection:
        await connection.run_sync(FLOOR.drop)
    await engine.dispose()
    return rate


async def _lookup(resources: Resources) -> float:
    """The median of many lookups."""
    times = []
    for _ in range(LOOKUPS):
        begin = time.perf_counter()
        async with resources.unit() as unit:
            await ledger.balance(unit, Purpose.FUND, RUB)
        times.append(time.perf_counter() - begin)
    return percentile(times, 0.5)


async def _write(engine: AsyncEngine, count: int, payouts: int) -> None:
    """So many entries in bulk, through the triggers; the first of them settle payouts."""
    async with engine.begin() as connection:
        rows = await connection.execute(select(LedgerAccount.name, LedgerAccount.id))
        accounts = {name.removesuffix(f":{RUB}"): account for name, account in rows.all()}
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        tables = _rows(accounts, size, min(max(payouts - start, 0), size))
        async with engine.begin() as connection:
            for table, values in tables:
                if values:
                    await connection.execute(insert(table), values)


def _rows(accounts: dict[str, UUID], count: int, settled: int) -> Iterator[tuple[Any, Sequence[dict[str, Any]]]]:
    now = datetime.now(UTC)
    grants, payouts, postings, entries = [], [], [], []
    for number in range(count):
        entry, pays = uuid4(), number < settled
        source, target = (Purpose.RESERVED, Purpose.GRANTED) if pays else (Purpose.CONTRIBUTIONS, Purpose.FUND)
        reference = f"contribution:{entry}"
        if pays:
            grant, payout = uuid4(), uuid4()
            reference = f"settle:{payout}"
            grants.append(
                {
                    "id": grant, "number": GrantNumber(f"G-{grant.hex[:12]}"), "status": GrantStatus.PAID,
                    "amount": 100, "currency": RUB, "second_treasurer": False, "policy_version": "bench",
                    "approved_at": now, "paid_at": now,
                }
            )  # fmt: skip
            payouts.append(
                {
                    "id": payout, "grant_id": grant, "rail": "manual", "status": PayoutStatus.PAID,
                    "created_at": now, "paid_at": now, "unsure": False, "changed": False,
                }
            )  # fmt: skip
        for purpose, amount in ((source, -100), (target, 100)):
            postings.append(
                {
                    "id": uuid4(), "entry_id": entry, "account_id": accounts[purpose], "amount": amount,
                    "currency": RUB,
                }
            )  # fmt: skip
        kind = EntryKind.SETTLE if pays else EntryKind.CONTRIBUTION
        entries.append({"id": entry, "reference": reference, "kind": str(kind), "at": now, "actor": "system"})
    yield from ((Grant, grants), (Payout, payouts), (Posting, postings), (JournalEntry, entries))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    where, address, *counts = sys.argv[1:]
    Path(where).mkdir(mode=0o700, exist_ok=True)
    given = Path(where), address
    figures = asyncio.run(_write_books(*given, *map(int, counts)) if counts else _reconcile(*given))
    print(json.dumps(figures))  # noqa: T201 - read by `measure`
