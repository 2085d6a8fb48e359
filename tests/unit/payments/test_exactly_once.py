"""Payouts in a storm of crashes, time-outs, duplicates and lost answers: each is paid once, to the cent.

The seed is printed; `STORM_SEED=...` gives it. Ten thousand are `make soak`.
"""

import os
import secrets
from datetime import timedelta

import pytest

from bot.database import Resources
from payments import reconcile
from tests.unit.payments.payout_storm import Storm, check


async def _live(resources: Resources, count: int) -> Storm:
    seed = int(os.environ.get("STORM_SEED") or secrets.randbelow(10**9))
    print(f"STORM_SEED={seed}")  # noqa: T201 - to live through the same storm again
    storm = Storm(resources, seed)
    await storm.open(count)
    await storm.blow(count)
    await check(storm, count)
    async with resources.unit() as unit:
        assert await reconcile.compare(unit) == []
    assert await reconcile.ask_providers(resources.unit, timedelta(days=366)) == []
    return storm


@pytest.mark.timeout(600)
async def test_payouts_in_a_storm(resources: Resources) -> None:
    """Whatever goes wrong at whichever step, nobody is paid twice, nobody is forgotten, and all books agree."""
    count = 200 if resources.is_sqlite else 60
    storm = await _live(resources, count)
    assert sum(storm.went_wrong.values()) > count / 4


@pytest.mark.soak
async def test_ten_thousand_payouts_in_a_storm(resources: Resources) -> None:
    """The same at length: every kind of fault at every step, many times."""
    count = 10_000 if resources.is_sqlite else 2_000
    storm = await _live(resources, count)
    print(dict(sorted(storm.went_wrong.items())))  # noqa: T201
    assert len(storm.went_wrong) >= 30
