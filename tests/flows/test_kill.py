"""The fund is killed at random moments of a scripted day, and nothing is lost, said twice or paid twice.

The plans, and which calls of the bot a kill comes after, follow from a seed, which is printed; `SOAK_SEED=...`
gives it, and `SOAK_CASES=...` another length to the long run (`make soak`).
"""

import os
import secrets
from pathlib import Path

import pytest

from tests.soak.driver import Report, run

SHORT, LONG = 20, 200
LEAST_KILLS_PER_CASE = 1 / 10


async def _live(folder: Path, cases: int) -> Report:
    seed = int(os.environ.get("SOAK_SEED") or secrets.randbelow(10**9))
    print(f"SOAK_SEED={seed}")  # noqa: T201 - to live through the same day again
    report = await run(folder, cases, seed)
    print(report)  # noqa: T201
    return report


@pytest.mark.timeout(600)
async def test_a_day_of_kills(tmp_path: Path) -> None:
    """Every case ends where its script leads, over several kills."""
    report = await _live(tmp_path, SHORT)
    assert report.findings == []
    assert report.kills >= SHORT * LEAST_KILLS_PER_CASE


@pytest.mark.soak
async def test_a_long_day_of_kills(tmp_path: Path) -> None:
    """The same for hundreds of cases."""
    cases = int(os.environ.get("SOAK_CASES") or LONG)
    report = await _live(tmp_path, cases)
    assert report.findings == []
    assert report.kills >= cases * LEAST_KILLS_PER_CASE
