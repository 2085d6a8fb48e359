"""Nodes that are down, slow, forgetful, or that lie: nobody is paid twice, and no single one is believed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.database import Resources
from models.chain import TransferStatus
from payments.chain import watching
from payments.chain.node import Node
from payments.chain.signing import address_of
from payments.chain.values import NodeFailed
from payments.rails.base import Outcome
from payments.rails.stablecoin import Stablecoin as Rail
from tests.unit.payments.chain.conftest import PERSON, SECRET, Ask, Load
from tests.unit.payments.chain.local_chain import HangUp, LocalChain, Rpc

TOKENS = 150_000_000
NONSENSE: dict[str, Any] = {
    "eth_chainId": "0x1",
    "eth_getTransactionCount": None,
    "eth_getBalance": [],
    "eth_call": "0x",
    "eth_getCode": "code",
    "eth_estimateGas": {},
    "eth_maxPriorityFeePerGas": "cheap",
    "eth_getBlockByNumber": {"number": "0x1"},
}


@pytest.fixture
def database() -> str:
    """One database: what is tested here is the chain, not the rows."""
    return "sqlite"


def lose(_: object) -> object:
    """The work was done, and nobody hears of it."""
    raise HangUp


@pytest.fixture
async def second(chain: LocalChain) -> AsyncIterator[Rpc]:
    """Another node of the same chain."""
    node = Rpc(chain)
    await node.start()
    yield node
    await node.stop()


@pytest.fixture
async def doubting(resources: Resources, rpc: Rpc, second: Rpc) -> AsyncIterator[Rail]:
    """The rail on both nodes."""
    made = Rail((rpc.url, second.url), resources.unit)
    yield made
    await made.close()


async def test_a_lost_answer_is_asked_again(chain: LocalChain, rail: Rail, rpc: Rpc, ask: Ask) -> None:
    """A node that takes the transaction and hangs up has it; sending again changes nothing."""
    rpc.faults["eth_sendRawTransaction"] = lose
    order = await ask()
    assert (await rail.execute(order)).outcome == Outcome.PENDING
    rpc.faults.clear()
    assert (await rail.execute(order)).outcome == Outcome.PENDING
    chain.mine(3)
    assert (await rail.look_up(order)).outcome == Outcome.DONE
    assert chain.balance(PERSON) == TOKENS
    assert len(set(chain.sent)) == 1


async def test_a_double_press(chain: LocalChain, rail: Rail, ask: Ask) -> None:
    """Many at once who execute one order sign it once."""
    order = await ask()
    results = await asyncio.gather(*(rail.execute(order) for _ in range(5)))
    assert {result.outcome for result in results} == {Outcome.PENDING}
    assert len(set(chain.sent)) == 1
    chain.mine(3)
    assert chain.balance(PERSON) == TOKENS


async def test_orders_side_by_side(chain: LocalChain, rail: Rail, ask: Ask) -> None:
    """Orders executed at the same moment take different nonces without a gap."""
    orders = [await ask(100_00) for _ in range(4)]
    await asyncio.gather(*(rail.execute(order) for order in orders))
    assert sorted(one.nonce for one in chain.pool) == [0, 1, 2, 3]


async def test_the_node_is_down(chain: LocalChain, rail: Rail, rpc: Rpc, ask: Ask, load: Load) -> None:
    """Before signing nothing has happened; after it the transfer waits, and is found when the node is back."""
    rpc.down = True
    order = await ask()
    assert (await rail.execute(order)).outcome == Outcome.ABSENT
    assert not await rail.probe()
    assert (await load(order.attempt)).status == TransferStatus.PREPARED
    rpc.down = False
    await rail.execute(order)
    rpc.down = True
    chain.mine(3)
    result = await rail.look_up(order)
    assert (result.outcome, result.error) == (Outcome.PENDING, "ClientResponseError")
    with pytest.raises(NodeFailed):
        await watching.watch((await rail.chains())[0])
    rpc.down = False
    assert (await rail.look_up(order)).outcome == Outcome.DONE


@pytest.mark.parametrize("method", NONSENSE)
async def test_nonsense_signs_nothing(chain: LocalChain, rail: Rail, rpc: Rpc, ask: Ask, method: str) -> None:
    """An answer that cannot be, or the wrong chain's, is no answer."""
    rpc.faults[method] = lambda _: NONSENSE[method]
    order = await ask()
    result = await rail.execute(order)
    assert result.outcome == Outcome.ABSENT
    assert not chain.sent


@pytest.mark.parametrize(
    "lie",
    [
        lambda answer: answer and {**answer, "blockHash": "0x" + "ab" * 32},
        lambda answer: answer and {**answer, "transactionHash": "0x" + "cd" * 32},
    ],
    ids=["of another block", "of another transaction"],
)
async def test_a_receipt_of_something_else(
    chain: LocalChain, rail: Rail, rpc: Rpc, ask: Ask, lie: Any  # noqa: ANN401 - a fault
) -> None:  # fmt: skip
    """A receipt that does not belong to our transaction in the chain of now proves nothing."""
    order = await ask()
    await rail.execute(order)
    chain.mine(6)
    rpc.faults["eth_getTransactionReceipt"] = lie
    assert (await rail.look_up(order)).outcome == Outcome.PENDING


@pytest.mark.parametrize("outcome", ["0x0", "0x1"])
async def test_one_lying_node_decides_nothing(
    chain: LocalChain, doubting: Rail, second: Rpc, ask: Ask, outcome: str
) -> None:
    """With two nodes a transfer has failed, or is done, only when both say so."""
    order = await ask()
    await doubting.execute(order)
    if outcome == "0x1":
        chain.call(chain.token, "refuse(address)", bytes(12) + bytes.fromhex(PERSON[2:]))
    chain.mine(6)
    second.faults["eth_getTransactionReceipt"] = lambda answer: (
        answer
        and {
            **answer,
            "status": outcome,
            "logs": [],
        }
    )
    first = await doubting.look_up(order)
    second.faults.clear()
    assert first.outcome == (Outcome.FAILED if outcome == "0x1" else Outcome.PENDING)
    if outcome == "0x0":
        assert (await doubting.look_up(order)).outcome == Outcome.DONE


async def test_nodes_that_count_differently_sign_nothing(
    chain: LocalChain, doubting: Rail, second: Rpc, ask: Ask
) -> None:
    """A nonce on which two nodes disagree is not taken."""
    second.faults["eth_getTransactionCount"] = lambda _: "0x5"
    order = await ask()
    assert (await doubting.execute(order)).error == "NodesDisagree"
    assert not chain.sent


async def test_a_wrong_name_for_what_was_sent(chain: LocalChain, rail: Rail, rpc: Rpc, ask: Ask) -> None:
    """A node that answers with another hash is not believed; the chain is asked for ours."""
    rpc.faults["eth_sendRawTransaction"] = lambda _: "0x" + "ee" * 32
    order = await ask()
    await rail.execute(order)
    rpc.faults.clear()
    chain.mine(3)
    assert (await rail.look_up(order)).outcome == Outcome.DONE


async def test_a_slow_node_is_a_failed_one(chain: LocalChain, rpc: Rpc) -> None:
    """No answer in time is no answer, and its error tells nothing but its kind."""
    node = Node(rpc.url, seconds=0.000_001)
    with pytest.raises(NodeFailed) as failed:
        await node.coins(address_of(SECRET))
    assert str(failed.value) == "TimeoutError"
    await node.close()
    assert chain.head
