"""A request is taken back while its transfer waits for a batch: the hardware wallet is not asked to pay it."""

from datetime import timedelta

import pytest
from sqlmodel import select

from bot.database import Resources
from models.case import Case
from models.chain import TransferStatus
from models.policy import Stablecoin
from payments import attempts
from payments.attempts import Now
from payments.chain import rows
from payments.chain.signing import address_of
from payments.rails.stablecoin import Stablecoin as Rail
from sandbox.clock import TravelClock
from services import erasure, submission
from tests.unit.payments.chain.local_chain import LocalChain
from tests.unit.payments.chain.test_batch import COLD, exported
from tests.unit.payments.chain.test_whole import agreed, ordered, work
from tests.unit.services.desk import make_desk
from vault.keyring import Keyring


@pytest.fixture
def rules(rules: Stablecoin, chain: LocalChain) -> Stablecoin:
    """The policy names a hardware wallet, which holds the money."""
    chain.fund(address_of(COLD), 5_000_000_000)
    return rules.model_copy(update={"cold_wallet": address_of(COLD)})


@pytest.fixture
def keyring() -> Keyring:
    """No key of a wallet is on this server."""
    return Keyring.new()


@pytest.mark.parametrize("how", ["withdrawn", "erased"])
async def test_what_was_taken_back_is_in_no_batch(
    resources: Resources, rail: Rail, clock: TravelClock, how: str
) -> None:
    """Nobody is paid who has withdrawn or erased, and what leads to them goes at once, not at the next look."""
    resources.rails = {**resources.rails, rail.name: rail}
    desk = await make_desk(resources)
    attempt = await ordered(desk, await agreed(desk))
    for _ in range(8):  # by now it is looked at once an hour
        await work(desk, attempt)
        clock.advance(timedelta(hours=1))
    await work(desk, attempt)
    clock.advance(timedelta(minutes=1))
    async with resources.unit() as unit:
        assert attempt not in await attempts.due(unit)
        person, case = await desk.actor(unit, "Applicant"), (await unit.session.exec(select(Case))).one()
        await (submission.withdraw(unit, person, case) if how == "withdrawn" else erasure.erase(unit, person))
    assert not (await exported(rail))["transactions"]
    async with resources.unit() as unit:
        assert attempt in await attempts.due(unit)
    assert await work(desk, attempt) == Now.GONE
    async with resources.unit() as unit:
        row = await rows.transfer(unit, attempt)
    assert row
    assert (row.status, row.destination) == (TransferStatus.CANCELLED, None)
