"""Batches for a hardware wallet: exported as often as one likes, paid once, found once."""

import json
from datetime import timedelta
from typing import Any

import pytest
from eth_account import Account

from bot.database import Resources
from models.chain import TransferStatus, Trouble
from models.policy import Stablecoin
from models.screening import ListedAddress
from payments.chain import batch, rows, watching
from payments.chain.signing import address_of, transfer
from payments.chain.signing import sign as signed
from payments.chain.values import Fees, Moved, NodeFailed, StandsStill
from payments.rails.base import Order, Outcome
from payments.rails.stablecoin import Stablecoin as Rail
from sandbox.clock import TravelClock
from tests.unit.payments.chain.conftest import PERSON, Ask, Load
from tests.unit.payments.chain.local_chain import GWEI, LocalChain, Rpc
from vault.keyring import Keyring
from vault.keystore import KeyStore
from vault.vault import Vault

COLD = bytes([18]) * 32
OTHER = "0xde709f2102306220921060314715629080e2fb77"


@pytest.fixture
def rules(rules: Stablecoin, chain: LocalChain) -> Stablecoin:
    """The policy names a hardware wallet, which holds the money."""
    chain.fund(address_of(COLD), 5_000_000_000)
    return rules.model_copy(update={"cold_wallet": address_of(COLD)})


@pytest.fixture
def keyring() -> Keyring:
    """No key of a wallet is on this server."""
    return Keyring.new()


def sign(entry: dict[str, Any], **changed: object) -> bytes:
    """What the hardware wallet does with one transaction of the file."""
    signed = Account.from_key(COLD).sign_transaction({**entry["unsigned"], **changed})
    return bytes(signed.raw_transaction)


async def exported(rail: Rail) -> dict[str, Any]:
    """The batch as it is written to the file."""
    made: dict[str, Any] = json.loads(json.dumps(await batch.export((await rail.chains())[0])))
    return made


async def outcomes(rail: Rail, *orders: Order) -> list[Outcome]:
    """What has become of orders."""
    await watching.watch((await rail.chains())[0])
    return [(await rail.look_up(order)).outcome for order in orders]


async def test_exported_signed_elsewhere_and_found(chain: LocalChain, rail: Rail, ask: Ask) -> None:
    """Every transfer of the file arrives, and is found by its event however often the chain is scanned."""
    orders = [await ask(150_00, PERSON), await ask(99_50, OTHER)]
    assert [(await rail.execute(order)).outcome for order in orders] == [Outcome.ABSENT] * 2
    made = await exported(rail)
    assert made["format"] == "plecho-chain-batch-1"
    assert made["total"] == "249500000"
    assert [entry["unsigned"]["nonce"] for entry in made["transactions"]] == ["0x0", "0x1"]
    for entry in made["transactions"]:
        chain.accept(sign(entry))
    assert await outcomes(rail, *orders) == [Outcome.PENDING] * 2
    chain.mine(3)
    for _ in range(3):
        assert await outcomes(rail, *orders) == [Outcome.DONE] * 2
    assert not (await exported(rail))["transactions"]
    chain.mine(10)
    assert await outcomes(rail, *orders) == [Outcome.DONE] * 2


async def test_two_exports_pay_once(chain: LocalChain, rail: Rail, ask: Ask) -> None:
    """The second file has the first one's nonces: sign both, and the chain takes each transfer once."""
    first = await ask()
    one = await exported(rail)
    second = await ask(50_00, OTHER)
    two = await exported(rail)
    assert [entry["unsigned"]["nonce"] for entry in two["transactions"]] == ["0x0", "0x1"]
    assert one["transactions"][0]["to"] == two["transactions"][0]["to"] == PERSON
    chain.accept(sign(one["transactions"][0]))
    chain.mine()
    with pytest.raises(ValueError, match="nonce too low"):
        chain.accept(sign(two["transactions"][0]))
    chain.accept(sign(two["transactions"][1]))
    chain.mine(3)
    assert await outcomes(rail, first, second) == [Outcome.DONE] * 2
    assert chain.balance(PERSON) == 150_000_000


@pytest.mark.parametrize("error", ["IsContract", "WouldRevert"])
async def test_what_could_not_be_spent_or_paid_is_in_no_batch(
    chain: LocalChain, rail: Rail, ask: Ask, error: str
) -> None:
    """It fails before it has a nonce, as where the server signs; the others of the batch are paid."""
    chain.call(chain.token, "refuse(address)", bytes(12) + bytes.fromhex(PERSON[2:]))
    bad, good = await ask(to=chain.odd_token if error == "IsContract" else PERSON), await ask(50_00, OTHER)
    (entry,) = (await exported(rail))["transactions"]
    assert (entry["to"].lower(), entry["unsigned"]["nonce"]) == (OTHER, "0x0")
    result = await rail.look_up(bad)
    assert (result.outcome, result.error) == (Outcome.REFUSED, error)
    chain.accept(sign(entry))
    chain.mine(3)
    assert await outcomes(rail, good) == [Outcome.DONE]


@pytest.mark.parametrize("late", ["listed", "old lists"])
async def test_what_is_exported_is_screened_again(
    chain: LocalChain, rail: Rail, ask: Ask, resources: Resources, clock: TravelClock, lists: list[int], late: str
) -> None:
    """What may not be paid by the lists of today is in no batch; what was exported before stays in it."""
    exported_before = await ask(50_00, OTHER)
    assert len((await exported(rail))["transactions"]) == 1
    order = await ask()
    if late == "old lists":
        clock.advance(timedelta(days=400))
    else:
        async with resources.unit() as unit:
            for address in (PERSON.lower(), OTHER):
                unit.session.add(ListedAddress(list_id=lists[0], address=address, entry=1, currency="ETH"))
    (entry,) = (await exported(rail))["transactions"]
    assert entry["to"].lower() == OTHER
    result = await rail.look_up(order)
    held = (Outcome.FAILED, "screening.refused.blocked")
    assert (result.outcome, result.hold) == (held if late == "listed" else (Outcome.ABSENT, None))
    chain.accept(sign(entry))
    chain.mine(3)
    assert await outcomes(rail, exported_before) == [Outcome.DONE]


async def test_a_batch_keeps_to_the_cap(chain: LocalChain, rail: Rail, ask: Ask, resources: Resources) -> None:
    """What would be more than may leave within a day waits for a later batch."""
    await ask(400_00)
    order = await ask(600_00, OTHER)
    async with resources.unit() as unit:
        row = await rows.transfer(unit, order.attempt)
        assert row is not None
        row.amount = 601_00
    (entry,) = (await exported(rail))["transactions"]
    assert entry["to"] == PERSON
    assert chain.head


async def test_a_poor_wallet_fails_no_transfer_of_a_batch(chain: LocalChain, rail: Rail, ask: Ask) -> None:
    """More than the wallet holds would revert today, and may be paid once it is filled."""
    chain.begin()
    chain.fund(address_of(COLD), 0)
    await ask()
    assert len((await exported(rail))["transactions"]) == 1


async def test_same_amount_and_destination_twice(chain: LocalChain, rail: Rail, ask: Ask, load: Load) -> None:
    """Two equal transfers need two events; one event is never both."""
    orders = [await ask(), await ask()]
    made = await exported(rail)
    chain.accept(sign(made["transactions"][0]))
    chain.mine(3)
    assert sorted(await outcomes(rail, *orders)) == [Outcome.DONE, Outcome.PENDING]
    chain.accept(sign(made["transactions"][1]))
    chain.mine(3)
    assert await outcomes(rail, *orders) == [Outcome.DONE] * 2
    assert len({(await load(order.attempt)).event for order in orders}) == 2


async def test_a_reorganisation_takes_a_batch_back(chain: LocalChain, rail: Rail, ask: Ask, load: Load) -> None:
    """A transfer whose event is gone is not done any more; when it comes again, it is found again."""
    order = await ask()
    chain.accept(sign((await exported(rail))["transactions"][0]))
    chain.mine(3)
    assert await outcomes(rail, order) == [Outcome.DONE]
    chain.reorganise(3)
    assert await outcomes(rail, order) == [Outcome.PENDING]
    assert (await load(order.attempt)).event is None
    chain.mine(3)
    assert await outcomes(rail, order) == [Outcome.DONE]
    chain.mine(3)
    assert await outcomes(rail, order) == [Outcome.DONE]
    assert (await load(order.attempt)).status == TransferStatus.FINAL


async def test_what_nobody_asked_for(
    chain: LocalChain, rail: Rail, ask: Ask, resources: Resources, rules: Stablecoin
) -> None:
    """A transfer out of the wallet that no payout asked for is nobody's, and treasurers hear of it."""
    order = await ask()
    (entry,) = (await exported(rail))["transactions"]
    data = entry["unsigned"]["data"]
    chain.accept(sign(entry, data=data[:-2] + ("00" if data[-2:] != "00" else "01")))
    chain.mine(3)
    assert await outcomes(rail, order) == [Outcome.PENDING]
    async with resources.unit() as unit:
        assert (await rows.wallet(unit, rules.chain_id, address_of(COLD))).trouble == Trouble.STRAY


@pytest.mark.parametrize("paid", [True, False])
async def test_a_batch_is_cancelled(chain: LocalChain, rail: Rail, ask: Ask, *, paid: bool) -> None:
    """A cancelled transfer comes in the next file as a payment of nothing under its nonce: one is mined."""
    order = await ask()
    (payment,) = (await exported(rail))["transactions"]
    assert not await rail.cancel(order)
    (cancellation,) = (await exported(rail))["transactions"]
    assert cancellation["cancels"]
    assert cancellation["unsigned"]["nonce"] == payment["unsigned"]["nonce"]
    chain.accept(sign(payment if paid else cancellation))
    chain.mine(3)
    assert await outcomes(rail, order) == [Outcome.DONE if paid else Outcome.PENDING]
    chain.mine(4)
    assert await outcomes(rail, order) == [Outcome.DONE if paid else Outcome.FAILED]


async def test_before_the_first_export_a_batch_is_simply_cancelled(rail: Rail, ask: Ask) -> None:
    """What is in no file can still be taken back whole."""
    order = await ask()
    assert await rail.cancel(order)
    assert not (await exported(rail))["transactions"]


async def pay_unseen(chain: LocalChain, rail: Rail, cents: int = 150_00) -> None:
    """A payment by the hardware wallet that this database does not know."""
    rules, nonce = (await rail.chains())[0].rules, chain.tester.get_nonce(address_of(COLD))
    asked = Moved(PERSON, cents * 10_000, rules.token)
    made = transfer(rules, nonce, asked, 120_000, Fees(20 * GWEI, 4 * GWEI))
    chain.accept(signed(made, COLD).raw)


async def test_what_a_restored_backup_forgot_is_found_and_not_exported(
    chain: LocalChain, rail: Rail, ask: Ask, load: Load, resources: Resources
) -> None:
    """A transfer that was signed and mined before the backup was put back is done, though here it only waits."""
    chains = await rail.chains()
    await watching.watch(chains[0])
    order = await ask()
    await exported(rail)
    async with resources.unit() as unit:  # as the backup has it
        row = await rows.transfer(unit, order.attempt, lock=True)
        purse = await rows.wallet(unit, chains[0].rules.chain_id, chains[0].wallet)
        assert row is not None
        row.status, row.nonce, purse.next_nonce = TransferStatus.PREPARED, None, 0
    await pay_unseen(chain, rail)
    with pytest.raises(StandsStill, match="foreign"):
        await exported(rail)
    chain.mine(3)
    with pytest.raises(StandsStill, match="foreign"):
        await exported(rail)
    assert (await load(order.attempt)).status == TransferStatus.DONE
    await watching.resume(chains[0])
    assert not (await exported(rail))["transactions"]
    assert await outcomes(rail, order) == [Outcome.DONE]
    chain.reorganise(3, back_to_pool=False)
    assert await outcomes(rail, order) == [Outcome.ABSENT]


@pytest.mark.parametrize("trouble", [Trouble.ODD, Trouble.FOREIGN, Trouble.STRAY])
async def test_nothing_is_exported_in_trouble(
    rail: Rail, ask: Ask, load: Load, resources: Resources, rules: Stablecoin, trouble: Trouble
) -> None:
    """A batch is not written while people have something to find out; the transfer keeps waiting."""
    order = await ask()
    async with resources.unit() as unit:
        await rows.in_trouble(unit, await rows.wallet(unit, rules.chain_id, address_of(COLD)), trouble)
    with pytest.raises(StandsStill, match=trouble):
        await exported(rail)
    row = await load(order.attempt)
    assert (row.status, row.nonce) == (TransferStatus.PREPARED, None)


@pytest.mark.parametrize("hot", [True, False])
@pytest.mark.parametrize("cold", [address_of(bytes([19]) * 32), None])
async def test_a_hardware_wallet_that_the_policy_names_no_longer(
    chain: LocalChain,
    rpc: Rpc,
    rail: Rail,
    ask: Ask,
    load: Load,
    resources: Resources,
    rules: Stablecoin,
    keyring: Keyring,
    keystore: KeyStore,
    cold: str | None,
    *,
    hot: bool,
) -> None:
    """What it was asked for is watched until it is over, and what it has in no file can be taken back."""
    done, late = await ask(150_00), await ask(50_00, OTHER)
    made = await exported(rail)
    waits = await ask(20_00)
    chain.accept(sign(made["transactions"][0]))
    chain.mine(3)
    assert await outcomes(rail, done, late, waits) == [Outcome.DONE, Outcome.PENDING, Outcome.ABSENT]
    assert resources.policy
    changed = rules.model_copy(update={"cold_wallet": cold})
    resources.policy = resources.policy.model_copy(update={"stablecoin": changed})
    if hot:
        resources.vault = Vault(keyring.with_wallet(bytes([20]) * 32), keystore)
    new = Rail((rpc.url, f"{rpc.url}again"), resources.unit)
    async with resources.unit() as unit:
        purse = await rows.peek(unit, rules.chain_id, address_of(COLD))
        assert purse
        assert purse.id in await new.due(unit)
    assert (await new.look_up(late)).outcome == Outcome.PENDING
    assert await new.cancel(waits)
    chain.accept(sign(made["transactions"][1]))
    chain.mine(6)
    await new.watch(purse.id)
    assert [(await new.look_up(one)).outcome for one in (done, late)] == [Outcome.DONE] * 2
    for order in (done, late, waits):
        result = await new.look_up(order)
        async with resources.unit() as unit:
            await new.finish(unit, order, result)
        again = await new.look_up(order)
        assert (again.outcome, again.away) == (result.outcome, False)
        assert (await load(order.attempt)).wallet is None
    assert address_of(COLD) not in {one.wallet for one in await new.chains()}
    await new.close()


async def test_a_transfer_that_nobody_can_watch(
    rail: Rail, ask: Ask, resources: Resources, rules: Stablecoin
) -> None:
    """On another chain what an old wallet has out is not said to be absent: the rail does not know."""
    order = await ask()
    await exported(rail)
    assert resources.policy
    changed = rules.model_copy(update={"cold_wallet": None, "chain_id": rules.chain_id + 1})
    resources.policy = resources.policy.model_copy(update={"stablecoin": changed})
    new = Rail(("http://127.0.0.1:9/",), resources.unit)
    result = await new.look_up(order)
    assert (result.outcome, result.away, result.error) == (Outcome.PENDING, True, "NoWallet")
    await new.close()


async def test_a_nonce_of_a_batch_used_for_something_else(
    chain: LocalChain, rail: Rail, ask: Ask, load: Load
) -> None:
    """A transfer of a file whose number went to another payment can never happen as it was: people decide."""
    order = await ask()
    await exported(rail)
    await pay_unseen(chain, rail, 1)
    chain.mine(7)
    assert await outcomes(rail, order) == [Outcome.UNKNOWN]
    assert (await load(order.attempt)).error == "NonceTaken"


async def test_nodes_that_differ_on_events_leave_the_mark(
    chain: LocalChain, rpc: Rpc, resources: Resources, lists: list[int], ask: Ask, rules: Stablecoin
) -> None:
    """An event that one node hides is not lost: nothing counts as read until all tell the same."""
    assert lists
    liar = Rpc(chain)
    await liar.start()
    rail = Rail((rpc.url, liar.url), resources.unit)
    order = await ask()
    (entry,) = (await exported(rail))["transactions"]
    chain.accept(sign(entry))
    chain.mine(9)
    liar.faults["eth_getLogs"] = lambda _: []
    wallet = (await rail.chains())[0]
    for _ in range(2):
        with pytest.raises(NodeFailed, match="NodesDisagree"):
            await watching.watch(wallet)
    async with resources.unit() as unit:
        purse = await rows.wallet(unit, rules.chain_id, wallet.wallet)
        assert purse.scanned_to is not None
        assert purse.scanned_to < chain.head - 8
    liar.faults.clear()
    assert await outcomes(rail, order) == [Outcome.DONE]
    await rail.close()
    await liar.stop()
