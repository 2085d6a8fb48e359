"""What a sanctions list costs: memory and time of loading one, and the time of a check.

Two generated SDN files, one ten times the other and of the real one's size (some 20,000 parties, 60,000 names,
125 MB), are loaded into SQLite, each in a process of its own: memory must be bounded, so the larger may need
hardly more than the smaller. Then names are checked against what was loaded, beside reading one row in a
transaction of its own, which is the least that a check can take. All names are invented.
"""

import asyncio
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlmodel import select

from bot.database import Resources
from bot.resources import open_resources
from bot.sanctions import load_list
from bot.settings import read_settings
from models.screening import ListedEntry
from payments.screening.search import near
from tests.bench.crowd import percentile
from tests.unit.payments.screening.people import ROMANISATIONS, full_name
from tests.unit.payments.screening.published import Alias, Party, Sdn, write
from vault.keyring import Keyring

SMALL, LARGE = 2_000, 20_000
"""Parties, each with three names."""

REMARKS: Final = "".join(
    f'<Feature ID="{n}" FeatureTypeID="25"><FeatureVersion ID="{n}" ReliabilityID="1560"><Comment/>'
    f'<VersionDetail DetailTypeID="1432">remark {n}</VersionDetail></FeatureVersion></Feature>'
    for n in range(25)
)
"""What else stands in a party: it makes the larger file as large as the real one."""

CHECKS: Final = 300
SEED: Final = 20260301
MEGABYTE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one load: bytes of XML, seconds, bytes that the process grew by. Of checks: seconds, the first apart."""

    size: int
    load: float
    growth: int
    first: float
    index: int
    """Bytes that the process grew by at the first check."""
    p50: float
    p99: float
    row: float
    """Seconds of reading one row in a transaction of its own."""


def measure(folder: Path) -> tuple[Figures, Figures]:
    """The smaller and the larger list, each in a process of its own."""
    first, second = (_apart(folder / str(parties), parties) for parties in (SMALL, LARGE))
    return first, second


def show(first: Figures, second: Figures) -> Iterator[str]:
    """The lines to print."""
    yield f"sanctions list of {SMALL:,} and of {LARGE:,} parties, three names each".ljust(60)
    for what, one, other in (
        ("  size of the XML", f"{first.size / MEGABYTE:.0f} MB", f"{second.size / MEGABYTE:.0f} MB"),
        ("  loaded in", f"{first.load:.1f} s", f"{second.load:.1f} s"),
        ("  memory that loading took", f"{first.growth / MEGABYTE:.0f} MB", f"{second.growth / MEGABYTE:.0f} MB"),
        ("  ratio: ten times the list", "", f"{second.growth / max(first.growth, 1):.2f}"),
        ("  the first name checked, index read", f"{first.first:.2f} s", f"{second.first:.2f} s"),
        ("  memory that the index took", f"{first.index / MEGABYTE:.0f} MB", f"{second.index / MEGABYTE:.0f} MB"),
        ("  a name checked, p50", f"{first.p50 * 1000:.1f} ms", f"{second.p50 * 1000:.1f} ms"),
        ("  a name checked, p99", f"{first.p99 * 1000:.1f} ms", f"{second.p99 * 1000:.1f} ms"),
        ("  ratio: p50 beside reading one row", f"{first.p50 / first.row:.1f}", f"{second.p50 / second.row:.1f}"),
        ("  ratio: ten times the list, p50", "", f"{second.p50 / first.p50:.2f}"),
    ):
        yield "".join([what.ljust(46), one.rjust(14), other.rjust(14)])


def _apart(folder: Path, parties: int) -> Figures:
    folder.mkdir(mode=0o700, parents=True)
    command = [sys.executable, "-m", "tests.bench.screening", str(folder), str(parties)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own program
    return Figures(**json.loads(done.stdout))


async def _load(folder: Path, parties: int) -> Figures:
    settings = read_settings(data_dir=folder, keyring_passphrase="a passphrase that only this run has")
    today = datetime.now(UTC).date()
    path = await asyncio.to_thread(write, folder / "sdn_advanced.xml", Sdn(_parties(parties), issued=today))
    async with open_resources(settings, Keyring.new(), migrate=True) as resources:
        before = _peak()
        begin = time.perf_counter()
        await load_list(resources, path)
        load = time.perf_counter() - begin
        growth = _peak() - before
        first, index, times, row = await _check(resources)
    p50, p99 = percentile(times, 0.5), percentile(times, 0.99)
    return Figures(path.stat().st_size, load, growth, first, index, p50, p99, row)


async def _check(resources: Resources) -> tuple[float, int, list[float], float]:
    """Seconds of the first check, bytes that it took, seconds of the others in order, seconds of reading a row."""
    chance, before = random.Random(SEED + 1), _peak()  # noqa: S311 - names of a measurement
    times = [await _time(resources, ROMANISATIONS["french"](full_name(chance))) for _ in range(CHECKS + 1)]
    index = _peak() - before
    rows = [await _time(resources, None) for _ in range(CHECKS)]
    return times[0], index, sorted(times[1:]), percentile(sorted(rows), 0.5)


async def _time(resources: Resources, name: str | None) -> float:
    """Seconds of checking a name, or of reading a row when there is none."""
    begin = time.perf_counter()
    async with resources.unit() as unit:
        if name is None:
            await unit.session.exec(select(ListedEntry).where(ListedEntry.number == 1).limit(1))
        else:
            await near(unit, name)
    return time.perf_counter() - begin


def _parties(count: int) -> Iterator[Party]:
    chance = random.Random(SEED)  # noqa: S311 - names of a measurement
    for number in range(1, count + 1):
        name = full_name(chance)
        names = [ROMANISATIONS["bgn"](name), name, ROMANISATIONS["german"](full_name(chance))]
        aliases = [Alias(each.split(), "Cyrillic" if each is name else "Latin") for each in names]
        yield Party(number, aliases, more=REMARKS)


def _peak() -> int:
    """The most memory that this process has had, in bytes; Linux counts in kibibytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    figures = asyncio.run(_load(Path(sys.argv[1]), int(sys.argv[2])))
    print(json.dumps(asdict(figures)))  # noqa: T201 - what the measuring process reads
