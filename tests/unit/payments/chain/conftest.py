"""A chain on this machine, a policy that opens the rail, and a wallet with money."""

from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from bot.database import Resources
from models.chain import ChainTransfer
from models.policy import Policy, Stablecoin, load_policy
from models.screening import ListStatus, SanctionsList
from payments.chain import rows
from payments.chain.signing import address_of
from payments.money import Money
from payments.rails.base import Order
from payments.rails.stablecoin import Stablecoin as Rail
from sandbox.clock import TravelClock
from tests.unit.payments.chain.local_chain import LocalChain, Rpc
from vault.keyring import Keyring

SECRET = bytes([17]) * 32
PERSON = "0x52908400098527886E0F7030069857D2E4169EE7"

Load = Callable[[UUID], Awaitable[ChainTransfer]]
Ask = Callable[..., Awaitable[Order]]
Restart = Callable[..., Awaitable[Rail]]


@pytest.fixture(scope="session")
def the_chain() -> LocalChain:
    """The one EVM of the run; contracts are compiled once."""
    return LocalChain()


@pytest.fixture
def chain(the_chain: LocalChain) -> LocalChain:
    """The EVM as at its beginning, and the wallet with 5000 tokens and a coin."""
    the_chain.begin()
    the_chain.fund(address_of(SECRET), 5_000_000_000)
    return the_chain


@pytest.fixture
async def rpc(chain: LocalChain) -> AsyncIterator[Rpc]:
    """A node of it."""
    node = Rpc(chain)
    await node.start()
    yield node
    await node.stop()


@pytest.fixture
def rules(chain: LocalChain, clock: TravelClock) -> Stablecoin:
    """What the policy says of the rail."""
    return Stablecoin(
        chain_id=chain.chain_id,
        token=chain.token,
        symbol="TUSD",
        decimals=6,
        currency="USD",
        rate="80",
        rate_at=clock.now().date(),
        rate_days=7,
        rate_low="60",
        rate_high="120",
        coin_rate="300000",
        daily_cap=1_000_00,
        confirmations=3,
        final=6,
        block_seconds=12,
        max_fee_gwei=50,
        max_priority_gwei=5,
        gas_limit=120_000,
        stuck_minutes=10,
    )


@pytest.fixture
def policy(rules: Stablecoin) -> Policy:
    """The policy that comes with the program, with the rail open."""
    return load_policy().model_copy(update={"rails": ("manual", "stablecoin"), "stablecoin": rules})


@pytest.fixture
def keyring() -> Keyring:
    """A keyring with the wallet's key."""
    return Keyring.new().with_wallet(SECRET)


@pytest.fixture
async def lists(resources: Resources, policy: Policy) -> list[int]:
    """Fresh sanctions lists with nobody on them; their ids."""
    async with resources.unit() as unit:
        made = [
            SanctionsList(
                source=source, status=ListStatus.CURRENT, dated=unit.now, sha256="0" * 64, loaded_at=unit.now
            )
            for source in policy.screening.lists
        ]
        unit.session.add_all(made)
        await unit.session.flush()
        return [one.id for one in made if one.id is not None]


@pytest.fixture
async def rail(resources: Resources, rpc: Rpc, lists: list[int]) -> AsyncIterator[Rail]:
    """The rail, which hears this node as two; the sanctions lists are fresh."""
    assert lists
    made = Rail((rpc.url, f"{rpc.url}again"), resources.unit)
    yield made
    await made.close()


@pytest.fixture
async def restart(resources: Resources, rpc: Rpc, rules: Stablecoin) -> AsyncIterator[Restart]:
    """Starts anew with a policy whose section was edited."""
    made: list[Rail] = []

    async def begin(**changes: object) -> Rail:
        edited = rules.model_copy(update=changes)
        resources.policy = resources.policy.model_copy(update={"stablecoin": edited})
        made.append(Rail((rpc.url, f"{rpc.url}again"), resources.unit))
        return made[-1]

    yield begin
    for one in made:
        await one.close()


@pytest.fixture
def ask(resources: Resources, rail: Rail) -> Ask:
    """Prepares an order of so many cents."""

    async def prepare(cents: int = 150_00, to: str = PERSON) -> Order:
        attempt = uuid4()
        order = Order(attempt, str(attempt), Money(cents, "USD"), to)
        async with resources.unit() as unit:
            await rail.prepare(unit, order)
        return order

    return prepare


@pytest.fixture
def load(resources: Resources) -> Load:
    """Reads the transfer of an attempt."""

    async def read(attempt: UUID) -> ChainTransfer:
        async with resources.unit() as unit:
            row = await rows.transfer(unit, attempt)
        assert row is not None
        return row

    return read
