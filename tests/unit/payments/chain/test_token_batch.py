"""The policy names another token while a hardware wallet signs: what is in a file stays what it was."""

from uuid import uuid4

import pytest

from bot.database import Resources
from models.chain import TransferStatus
from models.policy import Stablecoin
from payments.chain import batch, watching
from payments.chain.signing import address_of
from payments.money import Money
from payments.rails.base import Order, Outcome
from payments.rails.stablecoin import Stablecoin as Rail
from tests.unit.payments.chain.conftest import PERSON, Ask, Load, Restart
from tests.unit.payments.chain.local_chain import LocalChain
from tests.unit.payments.chain.test_batch import COLD, sign
from vault.keyring import Keyring


@pytest.fixture
def rules(rules: Stablecoin, chain: LocalChain) -> Stablecoin:
    """The policy names a hardware wallet, which holds both tokens."""
    chain.fund(address_of(COLD), 5_000_000_000)
    chain.fund(address_of(COLD), 5_000_000_000, 0, chain.other_token)
    return rules.model_copy(update={"cold_wallet": address_of(COLD)})


@pytest.fixture
def keyring() -> Keyring:
    """No key of a wallet is on this server."""
    return Keyring.new()


async def test_what_is_in_a_file_stays_what_it_was(
    chain: LocalChain, rail: Rail, restart: Restart, ask: Ask
) -> None:
    """Exported again it is the same payment of the same token, outside of the total, and is found by its event."""
    order = await ask()
    first = await batch.export((await rail.chains())[0])
    other = await restart(token=chain.other_token, symbol="OTHER")
    again = await batch.export((await other.chains())[0])
    (entry,) = again["transactions"]
    assert entry["unsigned"]["to"] == first["transactions"][0]["unsigned"]["to"] == chain.token
    assert (entry["token"], entry["decimals"], again["total"]) == (chain.token, 6, "0")
    chain.accept(sign(entry))
    chain.mine(7)
    await watching.watch((await other.chains())[0])
    assert (await other.look_up(order)).outcome == Outcome.DONE


@pytest.mark.parametrize("asked", ["by the executor", "by an export"])
async def test_what_is_in_no_file_gets_into_none(
    chain: LocalChain, restart: Restart, ask: Ask, asked: str
) -> None:
    """It fails at once, and no file has it in either token."""
    order = await ask()
    other = await restart(token=chain.other_token, symbol="OTHER")
    if asked == "by the executor":
        assert (await other.execute(order)).error == "TokenChanged"
    assert not (await batch.export((await other.chains())[0]))["transactions"]
    result = await other.look_up(order)
    assert (result.outcome, result.error, result.anew) == (Outcome.FAILED, "TokenChanged", True)


async def test_as_many_units_of_another_token_are_another_payment(
    chain: LocalChain, rail: Rail, restart: Restart, resources: Resources, ask: Ask, load: Load
) -> None:
    """What was paid in the new token is not taken for the older transfer of as much to the same person."""
    former = await ask()
    await batch.export((await rail.chains())[0])
    other, attempt = await restart(token=chain.other_token, symbol="OTHER"), uuid4()
    async with resources.unit() as unit:
        await other.prepare(unit, Order(attempt, str(attempt), Money(150_00, "USD"), PERSON))
    made = await batch.export((await other.chains())[0])
    assert [entry["token"] for entry in made["transactions"]] == [chain.token, chain.other_token]
    chain.accept(sign(made["transactions"][0], to=address_of(COLD), data="0x"))  # its number is used up
    chain.accept(sign(made["transactions"][1]))
    chain.mine(3)
    await watching.watch((await other.chains())[0])
    stand = [(await load(one)).status for one in (former.attempt, attempt)]
    assert stand == [TransferStatus.ISSUED, TransferStatus.DONE]
