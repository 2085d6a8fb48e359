"""A token that does something else than it was asked: the receipt says success, its event says the truth."""

from dataclasses import replace
from uuid import uuid4

import pytest

from bot.database import Resources
from models.chain import TransferStatus, Trouble
from models.policy import Stablecoin
from payments.chain import rows
from payments.chain.signing import address_of
from payments.money import Money
from payments.rails.base import Order, Outcome
from payments.rails.stablecoin import Stablecoin as Rail
from tests.unit.payments.chain.conftest import PERSON, SECRET, Ask, Load
from tests.unit.payments.chain.local_chain import LocalChain, Rpc

TOKENS = 150_000_000


@pytest.fixture
def database() -> str:
    """One database: what is tested here is the chain, not the rows."""
    return "sqlite"


@pytest.fixture
def rules(rules: Stablecoin, chain: LocalChain) -> Stablecoin:
    """The policy names the odd token."""
    chain.fund(address_of(SECRET), 5_000_000_000, coins=0, token=chain.odd_token)
    return rules.model_copy(update={"token": chain.odd_token})


async def test_a_token_that_keeps_a_part(
    chain: LocalChain, rail: Rail, ask: Ask, load: Load, resources: Resources, rules: Stablecoin
) -> None:
    """Less than asked has arrived: not done, not failed, never tried again by itself; the wallet stands still."""
    order = await ask()
    await rail.execute(order)
    chain.mine(6)
    result = await rail.look_up(order)
    assert (result.outcome, result.error) == (Outcome.UNKNOWN, "LogDisagrees")
    assert (await load(order.attempt)).status == TransferStatus.ODD
    assert 0 < chain.balance(PERSON, chain.odd_token) < TOKENS
    async with resources.unit() as unit:
        assert (await rows.wallet(unit, rules.chain_id, address_of(SECRET))).trouble == Trouble.ODD
    another = await ask()
    assert (await rail.execute(another)).outcome == Outcome.ABSENT
    assert len(set(chain.sent)) == 1


async def test_the_policy_is_wrong_about_the_decimals(
    chain: LocalChain, rpc: Rpc, resources: Resources, lists: list[int]
) -> None:
    """A slip in the number of decimals would pay a power of ten too much: nothing is signed."""
    assert lists
    assert resources.policy.stablecoin
    slipped = resources.policy.stablecoin.model_copy(update={"decimals": 8})
    other = replace(resources, policy=resources.policy.model_copy(update={"stablecoin": slipped}))
    rail = Rail((rpc.url,), other.unit)
    attempt = uuid4()
    order = Order(attempt, str(attempt), Money(150_00, "USD"), PERSON)
    async with other.unit() as unit:
        await rail.prepare(unit, order)
    assert (await rail.execute(order)).error == "WrongDecimals"
    assert not chain.sent
    await rail.close()


async def test_a_token_that_returns_false(chain: LocalChain, rail: Rail, ask: Ask) -> None:
    """Success by the receipt, nothing moved by the events: failed, once it is final."""
    chain.call(chain.odd_token, "behave(uint256)", (1).to_bytes(32, "big"))
    order = await ask()
    await rail.execute(order)
    chain.mine(3)
    assert (await rail.look_up(order)).outcome == Outcome.PENDING
    chain.mine(3)
    result = await rail.look_up(order)
    assert (result.outcome, result.error) == (Outcome.FAILED, "NothingMoved")
