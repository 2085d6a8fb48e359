"""Payouts in a storm of crashes, time-outs, duplicates and lost answers: each meets one, and is paid once.

The seed is the same in each run, so that a change is judged by the storm that its predecessor lived through;
`STORM_SEED=...` gives another. Ten thousand payouts, by a seed drawn anew and printed, are `make soak`.
"""

import os
import secrets
from datetime import timedelta

import pytest

from bot.database import Resources
from payments import reconcile
from tests.unit.payments import storm_chain, storm_stripe
from tests.unit.payments.chain.local_chain import LocalChain
from tests.unit.payments.payout_storm import PLENTY, Storm, check, shaky_unit
from tests.unit.payments.storm_chain import SECRET
from tests.unit.payments.storm_plans import kinds
from vault.keyring import Keyring


@pytest.fixture
def keyring() -> Keyring:
    """A keyring with the key of a wallet on the chain."""
    return Keyring.new().with_wallet(SECRET)


@pytest.fixture(scope="module")
def chain() -> LocalChain:
    """An EVM, with the contract of the token."""
    return LocalChain()


async def _live(resources: Resources, chain: LocalChain, count: int, otherwise: int) -> Storm:
    seed = int(os.environ.get("STORM_SEED") or otherwise)
    print(f"STORM_SEED={seed}")  # noqa: T201 - to live through the same storm again
    async with (
        storm_stripe.opened(resources, PLENTY) as transfers,
        storm_chain.opened(resources, chain, shaky_unit) as chains,
    ):
        storm = Storm(resources, seed, transfers, chains)
        await storm.open(count)
        await storm.blow(count)
        await check(storm, count)
        async with resources.unit() as unit:
            assert await reconcile.compare(unit) == []
        assert await reconcile.ask_providers(resources.unit, timedelta(days=366)) == []
    print(dict(sorted(storm.went_wrong.items())), dict(storm.spared))  # noqa: T201
    assert storm.went_wrong.total() >= count - max(5, count // 100)
    return storm


@pytest.mark.timeout(600)
async def test_payouts_in_a_storm(resources: Resources, chain: LocalChain) -> None:
    """Whatever goes wrong at whichever step, nobody is paid twice, nobody is forgotten, and all books agree."""
    count = 70 if resources.is_sqlite else 25
    await _live(resources, chain, count, 1)


@pytest.mark.soak
async def test_ten_thousand_payouts_in_a_storm(resources: Resources, chain: LocalChain) -> None:
    """The same at length: everything that can go wrong at every step of every rail, many times."""
    count = 10_000 if resources.is_sqlite else 2_000
    storm = await _live(resources, chain, count, secrets.randbelow(10**9))
    assert set(storm.went_wrong) == {" ".join(kind) for kind in kinds()}
