"""A transfer whose grant proves to be paid already is signed by nobody, here or elsewhere."""

from uuid import UUID

import pytest

from bot.database import Resources
from models.attempt import Attempt
from models.chain import TransferStatus
from models.policy import Stablecoin
from payments.attempts import Now
from payments.chain import batch, sending
from payments.chain.signing import address_of
from payments.rails.stablecoin import Stablecoin as Rail
from tests.unit.payments.chain.conftest import Load
from tests.unit.payments.chain.local_chain import LocalChain
from tests.unit.payments.chain.test_whole import agreed, ordered, work
from tests.unit.services.desk import Desk, make_desk

COLD = bytes([18]) * 32


@pytest.fixture
def database() -> str:
    """One database: what is tested here is what goes to the chain."""
    return "sqlite"


@pytest.fixture(params=["cold", "hot"])
def rules(request: pytest.FixtureRequest, rules: Stablecoin, chain: LocalChain) -> Stablecoin:
    """The key is on a hardware wallet, or on this server."""
    if request.param == "hot":
        return rules
    chain.fund(address_of(COLD), 5_000_000_000)
    return rules.model_copy(update={"cold_wallet": address_of(COLD)})


@pytest.fixture
async def desk(resources: Resources, rail: Rail) -> Desk:
    """Treasurers, money, and the rail to the chain."""
    resources.rails = {**resources.rails, rail.name: rail}
    return await make_desk(resources)


async def doubted(desk: Desk) -> UUID:
    """An attempt that waits, and whose grant another one has paid meanwhile."""
    attempt = await ordered(desk, await agreed(desk))
    async with desk.resources.unit() as unit:
        (await unit.session.get_one(Attempt, attempt)).doubted = True
    return attempt


async def test_a_doubted_transfer_is_not_signed(desk: Desk, rail: Rail, chain: LocalChain, load: Load) -> None:
    """Neither when its errand comes, nor when whoever was about to sign it is later than the doubt."""
    attempt = await doubted(desk)
    assert await work(desk, attempt) == Now.OPEN
    wallet = (await rail.chains())[0]
    await sending.issue(wallet, attempt)
    if wallet.secret is None:
        assert not (await batch.export(wallet))["transactions"]
    assert (await load(attempt)).status == TransferStatus.PREPARED
    assert not chain.sent
