"""One transfer on a real chain, from the asking to the final block."""

from datetime import timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from bot.database import Resources
from models.chain import TransferStatus, Trouble
from models.policy import Stablecoin
from payments.chain import rows, sending, watching
from payments.chain.signing import address_of
from payments.rails.base import MachineRail, Order, Outcome, Result
from payments.rails.stablecoin import Stablecoin as Rail
from sandbox.clock import TravelClock
from tests.unit.payments.chain.conftest import PERSON, SECRET, Ask, Load
from tests.unit.payments.chain.local_chain import GWEI, LocalChain, Rpc
from tests.unit.payments.chain.transfers import TOKENS, finished, trouble


def fields(raw: bytes) -> dict[str, int]:
    """What a signed transaction says."""
    read: dict[str, int] = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    return read


async def test_paid_once_and_done_when_deep(chain: LocalChain, rail: Rail, ask: Ask, load: Load) -> None:
    """A transfer arrives whole, is done only when it lies deep, and stays one however often it is executed."""
    assert isinstance(rail, MachineRail)
    order = await ask()
    first = await rail.execute(order)
    assert first.outcome == Outcome.PENDING
    assert (await rail.execute(order)).reference == first.reference
    assert len(set(chain.sent)) == 1
    chain.mine()
    assert (await rail.look_up(order)).outcome == Outcome.PENDING
    chain.mine(2)
    assert (await rail.look_up(order)) == Result(Outcome.DONE, first.reference)
    assert chain.balance(PERSON) == TOKENS
    chain.mine(3)
    assert (await rail.execute(order)).outcome == Outcome.DONE
    assert (await load(order.attempt)).status == TransferStatus.FINAL
    assert chain.balance(PERSON) == TOKENS


async def test_what_leads_to_the_chain_is_forgotten(
    chain: LocalChain, rail: Rail, ask: Ask, load: Load, resources: Resources
) -> None:
    """Once final, in the books and read, neither destination nor place nor signed bytes are left; not before."""
    order = await ask()
    await rail.execute(order)
    chain.mine(6)
    result = await rail.look_up(order)
    assert result.reference
    assert (await load(order.attempt)).destination is not None
    await finished(rail, resources, order, result)
    assert (await load(order.attempt)).destination is not None
    await watching.watch((await rail.chains())[0])
    row = await load(order.attempt)
    async with resources.unit() as unit:
        assert (row.destination, row.nonce, row.block) == (None, None, None)
        assert not await rows.transactions(unit, row)
    assert (await rail.look_up(order)).outcome == Outcome.DONE


async def test_nonces_have_no_gap(chain: LocalChain, rail: Rail, ask: Ask) -> None:
    """Transfers of one wallet take one nonce after the other, and all arrive in one block."""
    orders = [await ask(100_00, PERSON) for _ in range(3)]
    for order in orders:
        await rail.execute(order)
    nonces = sorted({fields(raw)["nonce"] for raw in chain.sent})
    assert all(later - earlier == 1 for earlier, later in pairwise(nonces))
    chain.mine(3)
    assert [(await rail.look_up(order)).outcome for order in orders] == [Outcome.DONE] * 3
    assert chain.balance(PERSON) == 300_000_000


async def test_a_crash_after_signing_sends_the_same_bytes(
    chain: LocalChain, rail: Rail, ask: Ask, load: Load
) -> None:
    """What was signed and committed before a crash is what is sent after it, byte for byte."""
    order = await ask()
    wallet = (await rail.chains())[0]
    await sending.issue(wallet, order.attempt)
    assert (await load(order.attempt)).status == TransferStatus.ISSUED
    assert not chain.sent
    await sending.issue(wallet, order.attempt)
    await rail.execute(order)
    await rail.execute(order)
    assert len(set(chain.sent)) == 1
    chain.mine(3)
    assert (await rail.look_up(order)).outcome == Outcome.DONE


async def test_a_dropped_transaction_is_sent_again(chain: LocalChain, rail: Rail, ask: Ask) -> None:
    """When no node knows it any more, the same bytes go out again."""
    order = await ask()
    await rail.execute(order)
    chain.pool.clear()
    assert (await rail.look_up(order)).outcome == Outcome.PENDING
    assert not chain.pool
    await watching.watch((await rail.chains())[0])
    assert len(chain.pool) == 1
    assert len(set(chain.sent)) == 1
    chain.mine(3)
    assert (await rail.look_up(order)).outcome == Outcome.DONE


@pytest.mark.parametrize("old_wins", [True, False])
async def test_a_stuck_transaction_is_replaced(
    chain: LocalChain, rail: Rail, ask: Ask, clock: TravelClock, *, old_wins: bool
) -> None:
    """A replacement has the same nonce and higher fees; whichever of both is mined, the person is paid once."""
    order = await ask()
    await rail.execute(order)
    (old,) = chain.pool
    chain.floor = 2 * GWEI
    chain.mine()
    wallet = (await rail.chains())[0]
    await watching.watch(wallet)
    assert chain.pool == [old]
    clock.advance(timedelta(minutes=11))
    await watching.watch(wallet)
    (new,) = chain.pool
    assert new.hash != old.hash
    assert new.nonce == old.nonce
    assert new.priority >= chain.floor
    if old_wins:
        chain.pool, chain.floor = [old], 0
    chain.mine(3)
    result = await rail.look_up(order)
    assert result.outcome == Outcome.DONE
    assert chain.balance(PERSON) == TOKENS


async def test_only_the_next_nonce_is_replaced_and_never_above_the_cap(
    chain: LocalChain,
    rail: Rail,
    ask: Ask,
    clock: TravelClock,
    load: Load,
    rules: Stablecoin,
) -> None:
    """What waits behind another is left alone, and no replacement pays more than the policy."""
    first, second = await ask(), await ask()
    await rail.execute(first)
    await rail.execute(second)
    chain.floor = 1000 * GWEI
    wallet = (await rail.chains())[0]
    for _ in range(12):
        clock.advance(timedelta(minutes=11))
        await watching.watch(wallet)
    made = [fields(raw) for raw in set(chain.sent)]
    start = (await load(first.attempt)).nonce
    assert {one["nonce"] for one in made if one["nonce"] != start} == {(await load(second.attempt)).nonce}
    assert len([one for one in made if one["nonce"] != start]) == 1
    assert all(one["maxFeePerGas"] <= rules.max_fee_gwei * GWEI for one in made)
    assert all(one["maxPriorityFeePerGas"] <= rules.max_priority_gwei * GWEI for one in made)


@pytest.mark.parametrize("back", [True, False], ids=["into the pool", "forgotten"])
async def test_a_reorganisation_takes_done_back(
    chain: LocalChain, rail: Rail, ask: Ask, load: Load, *, back: bool
) -> None:
    """Done before final is no promise of the chain: taken back, the same bytes go out again and are mined once."""
    order = await ask()
    await rail.execute(order)
    chain.mine(3)
    assert (await rail.look_up(order)).outcome == Outcome.DONE
    chain.reorganise(3, back_to_pool=back)
    assert (await rail.look_up(order)).outcome == Outcome.PENDING
    row = await load(order.attempt)
    assert row.taken_back_at is not None
    assert chain.balance(PERSON) == 0
    await watching.watch((await rail.chains())[0])
    chain.mine(3)
    assert (await rail.look_up(order)).outcome == Outcome.DONE
    assert chain.balance(PERSON) == TOKENS
    assert len(set(chain.sent)) == 1


async def test_what_is_replaced_after_a_reorganisation_is_no_stray(
    chain: LocalChain,
    rail: Rail,
    ask: Ask,
    load: Load,
    clock: TravelClock,
    resources: Resources,
    rules: Stablecoin,
) -> None:
    """A payment that was seen, taken back and signed anew under its nonce is still that payment: no alarm."""
    order = await ask()
    await rail.execute(order)
    chain.mine(3)
    wallet = (await rail.chains())[0]
    await watching.watch(wallet)
    assert (await load(order.attempt)).event is not None
    chain.reorganise(3, back_to_pool=True)
    (old,) = chain.pool
    chain.floor = 2 * GWEI
    for _ in range(2):
        clock.advance(timedelta(minutes=11))
        await watching.watch(wallet)
    (new,) = chain.pool
    assert (new.nonce, new.hash != old.hash) == (old.nonce, True)
    chain.mine(rules.final + 3)
    await watching.watch(wallet)
    assert (await rail.look_up(order)).outcome == Outcome.DONE
    assert chain.balance(PERSON) == TOKENS
    async with resources.unit() as unit:
        assert (await rows.wallet(unit, rules.chain_id, address_of(SECRET))).trouble is None


async def test_a_lagging_node_takes_nothing_back(chain: LocalChain, rail: Rail, ask: Ask) -> None:
    """A node that is behind what was seen before has forgotten nothing."""
    order = await ask()
    await rail.execute(order)
    before = chain.head
    chain.mine(3)
    assert (await rail.look_up(order)).outcome == Outcome.DONE
    chain.go_back(before)
    assert (await rail.look_up(order)).outcome == Outcome.DONE


async def test_a_revert_is_a_failure_only_when_final(
    chain: LocalChain, rail: Rail, ask: Ask, load: Load, resources: Resources
) -> None:
    """A receipt with status 0 is a failure once no reorganisation can undo it, and nothing was paid."""
    order = await ask()
    await rail.execute(order)
    chain.call(chain.token, "refuse(address)", bytes(12) + bytes.fromhex(PERSON[2:]))
    chain.mine(3)
    assert (await rail.look_up(order)).outcome == Outcome.PENDING
    chain.mine(3)
    result = await rail.look_up(order)
    assert (result.outcome, result.error) == (Outcome.FAILED, "Reverted")
    await finished(rail, resources, order, result)
    assert (await load(order.attempt)).destination is None
    assert chain.balance(PERSON) == 0


async def test_what_would_revert_is_never_signed(chain: LocalChain, rail: Rail, ask: Ask) -> None:
    """A destination that the token refuses costs neither gas nor nonce."""
    chain.call(chain.token, "refuse(address)", bytes(12) + bytes.fromhex(PERSON[2:]))
    order = await ask()
    result = await rail.execute(order)
    assert (result.outcome, result.error) == (Outcome.REFUSED, "WouldRevert")
    assert not chain.sent


async def test_a_contract_is_no_person(chain: LocalChain, rail: Rail, ask: Ask) -> None:
    """Money is not sent where code stands that may never give it back."""
    order = await ask(to=chain.odd_token)
    result = await rail.execute(order)
    assert (result.outcome, result.error) == (Outcome.REFUSED, "IsContract")
    assert not chain.sent


async def test_cancelled_before_signing(chain: LocalChain, rail: Rail, ask: Ask) -> None:
    """What was only prepared never happens after a cancellation."""
    order = await ask()
    assert await rail.cancel(order)
    assert (await rail.execute(order)).outcome == Outcome.FAILED
    assert not chain.sent


@pytest.mark.parametrize("paid", [True, False])
async def test_a_cancellation_is_a_race(chain: LocalChain, rail: Rail, ask: Ask, *, paid: bool) -> None:
    """After signing only the chain knows who won: either the person was paid, or the nonce is used up for good."""
    order = await ask()
    await rail.execute(order)
    (payment,) = chain.pool
    assert not await rail.cancel(order)
    assert not await rail.cancel(order)
    (cancellation,) = chain.pool
    assert cancellation.nonce == payment.nonce
    if paid:
        chain.pool = [payment]
    chain.mine(6)
    result = await rail.look_up(order)
    assert result.outcome == (Outcome.DONE if paid else Outcome.FAILED)
    assert chain.balance(PERSON) == (TOKENS if paid else 0)
    assert await rail.cancel(order) is not paid


async def test_one_node_alone_cannot_fail_a_transfer(
    chain: LocalChain, rpc: Rpc, resources: Resources, lists: list[int], ask: Ask
) -> None:
    """A failure is paid anew: what a single node says of it is for people; a second address of it is none."""
    assert lists
    alone = Rail((rpc.url, rpc.url), resources.unit)
    order = await ask()
    await alone.execute(order)
    chain.call(chain.token, "refuse(address)", bytes(12) + bytes.fromhex(PERSON[2:]))
    chain.mine(6)
    result = await alone.look_up(order)
    assert (result.outcome, result.error) == (Outcome.UNKNOWN, "Reverted")
    assert await trouble(resources, alone) == Trouble.ODD
    await alone.close()


async def test_an_attempt_that_was_never_prepared(rail: Rail, ask: Ask) -> None:
    """The chain knows nothing of it, and says so."""
    order = await ask()
    strange = Order(uuid4(), "x", order.money, PERSON)
    assert (await rail.execute(strange)).outcome == Outcome.ABSENT
    assert (await rail.look_up(strange)).outcome == Outcome.ABSENT
    assert await rail.cancel(strange)
