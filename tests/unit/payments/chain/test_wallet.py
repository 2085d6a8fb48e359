"""What the wallet holds, who else uses its key, and what then waits for people."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlmodel import select

from bot.database import Resources
from models.chain import ChainWallet, TransferStatus, Trouble
from models.policy import Stablecoin
from payments.chain import rows, sending, watching
from payments.chain.signing import RAISES, address_of, cancellation, sign, transfer
from payments.chain.values import Fees, Moved, NodeFailed
from payments.money import Money
from payments.rails.base import Order, Outcome, Result
from payments.rails.stablecoin import CapReached
from payments.rails.stablecoin import Stablecoin as Rail
from sandbox.clock import TravelClock
from services import stablecoin as told
from tests.unit.payments.chain.conftest import PERSON, SECRET, Ask, Load
from tests.unit.payments.chain.local_chain import GWEI, LocalChain, Rpc
from tests.unit.payments.chain.transfers import OTHER, TOKENS, finished, pay_unseen, trouble


async def test_somebody_else_uses_the_key(
    chain: LocalChain, rail: Rail, ask: Ask, resources: Resources, rules: Stablecoin
) -> None:
    """A nonce that this database does not know stops the wallet until people have looked; then it goes on."""
    first = await ask()
    await rail.execute(first)
    chain.mine(6)
    await rail.look_up(first)
    wallet = (await rail.chains())[0]
    async with resources.unit() as unit:  # as after a restored backup: the database knows less than the chain
        purse = await rows.wallet(unit, rules.chain_id, wallet.wallet)
        assert purse.next_nonce is not None
        purse.next_nonce -= 1
    second = await ask()
    assert await rail.probe()
    assert await rail.cancel(await ask())
    result = await rail.execute(second)
    assert (result.outcome, result.error) == (Outcome.ABSENT, "WalletForeign")
    assert len(set(chain.sent)) == 1
    await watching.resume(wallet)
    assert (await rail.execute(second)).outcome == Outcome.PENDING


@pytest.mark.parametrize("paid", [True, False])
async def test_a_nonce_taken_by_another_is_for_people(
    chain: LocalChain, rail: Rail, ask: Ask, resources: Resources, load: Load, *, paid: bool
) -> None:
    """A nonce that went to a transaction unknown here may have paid this very grant: it never counts as failed."""
    order = await ask()
    await rail.execute(order)
    (payment,) = chain.pool
    nonce = (await load(order.attempt)).nonce
    assert nonce is not None
    if paid:  # as a replacement that a restored backup does not know
        asked = Moved(PERSON, TOKENS, chain.token)
        lost = transfer((await rail.chains())[0].rules, nonce, asked, 120_000, Fees(20 * GWEI, 4 * GWEI))
    else:
        lost = cancellation((await rail.chains())[0].rules, nonce, address_of(SECRET), Fees(20 * GWEI, 4 * GWEI))
    chain.accept(sign(lost, SECRET).raw)
    assert payment not in chain.pool
    chain.mine(3)
    await watching.watch((await rail.chains())[0])
    assert (await rail.look_up(order)).outcome == Outcome.PENDING
    chain.mine(3)
    result = await rail.look_up(order)
    assert (result.outcome, result.error) == (Outcome.UNKNOWN, "PaidBefore" if paid else "NonceTaken")
    assert await trouble(resources, rail) == Trouble.ODD
    assert chain.balance(PERSON) == (TOKENS if paid else 0)
    await finished(rail, resources, order, Result(Outcome.DONE if paid else Outcome.FAILED))
    assert (await load(order.attempt)).status == (TransferStatus.FINAL if paid else TransferStatus.FAILED)
    assert (await rail.look_up(order)).outcome == (Outcome.DONE if paid else Outcome.FAILED)


@pytest.mark.parametrize("when", ["waiting", "before the ask", "after the ask"])
async def test_what_was_paid_before_a_restore_is_not_paid_again(
    chain: LocalChain, rail: Rail, ask: Ask, resources: Resources, load: Load, when: str
) -> None:
    """A payment that only the chain remembers makes the same transfer one for people, whenever it is asked for."""
    wallet = (await rail.chains())[0]
    first = await ask(100_00)
    await rail.execute(first)
    chain.mine(6)
    await watching.watch(wallet)
    order = await ask() if when != "before the ask" else first
    await pay_unseen(chain, rail)
    async with resources.unit() as unit:
        await rows.doubt(unit)
    if when == "waiting":
        assert (await rail.execute(order)).error == "WalletForeign"
        with pytest.raises(NodeFailed, match="TooFresh"):
            await watching.resume(wallet)
    chain.mine(3)
    await watching.resume(wallet)
    assert await trouble(resources, rail) == (Trouble.STRAY if when == "before the ask" else None)
    if when == "before the ask":
        order = await ask()
    result = await rail.execute(order)
    assert (result.outcome, result.error) == (Outcome.UNKNOWN, "PaidBefore")
    assert chain.balance(PERSON) == TOKENS + 100_000_000
    await finished(rail, resources, order, Result(Outcome.FAILED))  # people found that it was something else
    await watching.resume(wallet)
    again = await ask()
    assert (await rail.execute(again)).outcome == Outcome.PENDING
    assert (await load(order.attempt)).status == TransferStatus.FAILED


async def test_a_payment_by_somebody_else_is_a_stray(
    chain: LocalChain, rail: Rail, resources: Resources, ask: Ask
) -> None:
    """What leaves a hot wallet without a transfer that asks for it is told once, and stays known."""
    wallet = (await rail.chains())[0]
    order = await ask()
    await rail.execute(order)
    chain.mine()
    await pay_unseen(chain, rail, 7)
    chain.mine(3)
    await watching.watch(wallet)
    assert await trouble(resources, rail) == Trouble.STRAY
    await watching.resume(wallet)
    await watching.watch(wallet)
    assert await trouble(resources, rail) is None
    assert (await rail.look_up(order)).outcome == Outcome.DONE


async def test_paid_after_all(chain: LocalChain, rail: Rail, resources: Resources, ask: Ask, load: Load) -> None:
    """A cancelled transfer that the chain has after all is told, and shows as paid by the provider."""
    wallet = (await rail.chains())[0]
    order = await ask()
    await watching.watch(wallet)
    assert await rail.cancel(order)
    await pay_unseen(chain, rail)
    chain.mine(3)
    await watching.watch(wallet)
    row = await load(order.attempt)
    assert (row.status, row.error, row.told_at) == (TransferStatus.ODD, "PaidAfterAll", None)
    assert (await rail.look_up(order)).outcome == Outcome.DONE
    assert await trouble(resources, rail) == Trouble.ODD


async def test_the_wallet_is_short(
    chain: LocalChain, rail: Rail, ask: Ask, resources: Resources, rules: Stablecoin
) -> None:
    """Without tokens or coins nothing is signed, the treasurers are told why, and it goes on once there are."""
    chain.begin()
    wallet = address_of(SECRET)
    order = await ask()
    assert (await rail.execute(order)).error == "WalletToken"
    chain.fund(wallet, TOKENS, coins=0)
    assert (await rail.execute(order)).error == "WalletGas"
    async with resources.unit() as unit:
        assert (await rows.wallet(unit, rules.chain_id, wallet)).trouble == Trouble.GAS
    chain.fund(wallet, 0)
    assert await rail.probe()
    async with resources.unit() as unit:
        assert (await rows.wallet(unit, rules.chain_id, wallet)).trouble is None
    assert (await rail.execute(order)).outcome == Outcome.PENDING


async def test_what_is_out_counts_as_spent(chain: LocalChain, rail: Rail, ask: Ask) -> None:
    """Tokens of a transfer that is not mined yet are not promised twice."""
    chain.begin()
    chain.fund(address_of(SECRET), TOKENS)
    first, second = await ask(), await ask(to=OTHER)
    assert (await rail.execute(first)).outcome == Outcome.PENDING
    assert (await rail.execute(second)).error == "WalletToken"


@pytest.mark.parametrize("deep", [1, 3])
async def test_what_is_mined_has_left_the_wallet(
    chain: LocalChain, rail: Rail, ask: Ask, resources: Resources, deep: int
) -> None:
    """What is not deep enough to be done counts once; when a reorganisation undoes it, it is out again."""
    chain.begin()
    chain.fund(address_of(SECRET), TOKENS + TOKENS // 2)
    first, second = await ask(150_00), await ask(75_00, OTHER)
    await rail.execute(first)
    chain.mine(deep)
    await rail.look_up(first)
    assert (await rail.execute(second)).outcome == Outcome.PENDING
    assert await trouble(resources, rail) is None
    chain.pool.clear()
    chain.reorganise(deep, back_to_pool=False)
    assert (await rail.execute(await ask(1_00))).error == "WalletToken"
    await watching.watch((await rail.chains())[0])
    chain.mine()
    await sending.recheck((await rail.chains())[0])
    assert await trouble(resources, rail) == Trouble.TOKEN
    chain.fund(address_of(SECRET), 1_000_000)
    await sending.recheck((await rail.chains())[0])
    assert await trouble(resources, rail) is None


async def test_dear_gas_waits(chain: LocalChain, rail: Rail, ask: Ask) -> None:
    """Above the policy's cap nothing is signed."""
    wallet = (await rail.chains())[0]
    dear = sending.Chain(
        wallet.open_unit,
        wallet.nodes,
        wallet.rules.model_copy(update={"max_fee_gwei": 1}),
        wallet.wallet,
        wallet.secret,
    )
    order = await ask()
    await sending.issue(dear, order.attempt)
    assert not chain.sent
    assert (await rail.look_up(order)).error == "WalletFee"


async def test_what_is_stuck_above_the_policys_fees(
    chain: LocalChain, rpc: Rpc, rail: Rail, ask: Ask, resources: Resources, clock: TravelClock
) -> None:
    """A transfer that nobody may raise any more is told once and nothing is signed behind it, until it goes."""
    rpc.faults["eth_maxPriorityFeePerGas"] = lambda _: hex(8 * GWEI)
    first, second = await ask(), await ask(50_00)
    assert (await rail.execute(first)).outcome == Outcome.PENDING
    chain.floor = 7 * GWEI
    async with resources.unit() as unit:
        (purse,) = (await unit.session.exec(select(ChainWallet.id))).all()
    for _ in range(RAISES + 1):
        assert await trouble(resources, rail) is None
        clock.advance(timedelta(minutes=11))
        await rail.watch(purse)
    assert len({waiting.nonce for waiting in chain.pool}) == 1
    assert len(set(chain.sent)) == RAISES + 1
    async with resources.unit() as unit:
        assert await told.troubled_wallets(unit) == [purse]
        await told.tell_wallet(unit, purse)
    for _ in range(3):
        clock.advance(timedelta(minutes=11))
        await rail.watch(purse)
        assert (await rail.execute(second)).error == "WalletFee"
        async with resources.unit() as unit:
            assert not await told.troubled_wallets(unit)
    chain.floor = 0
    chain.mine()
    await rail.watch(purse)
    assert await trouble(resources, rail) is None
    assert (await rail.execute(second)).outcome == Outcome.PENDING


async def test_a_stuck_transfer_ends_no_trouble_that_is_for_people(
    chain: LocalChain, rpc: Rpc, rail: Rail, ask: Ask, resources: Resources, clock: TravelClock
) -> None:
    """What cannot be raised does not hide that somebody else uses the key."""
    rpc.faults["eth_maxPriorityFeePerGas"] = lambda _: hex(8 * GWEI)
    await rail.execute(await ask())
    chain.floor = 7 * GWEI
    async with resources.unit() as unit:
        await rows.doubt(unit)
        (purse,) = (await unit.session.exec(select(ChainWallet.id))).all()
    for _ in range(RAISES + 2):
        clock.advance(timedelta(minutes=11))
        await rail.watch(purse)
    assert await trouble(resources, rail) == Trouble.FOREIGN


async def test_what_waits_for_days_keeps_its_part_of_the_cap(
    chain: LocalChain, rail: Rail, ask: Ask, clock: TravelClock
) -> None:
    """Nobody saves the cap up in an empty wallet: what is unsent counts until it has been gone for a day."""
    chain.begin()
    order = await ask(1_000_00)
    assert (await rail.execute(order)).error == "WalletToken"
    clock.advance(timedelta(hours=25))
    with pytest.raises(CapReached):
        await ask(1_00)
    chain.fund(address_of(SECRET), 5_000_000_000)
    await rail.execute(order)
    clock.advance(timedelta(hours=25))
    with pytest.raises(CapReached):
        await ask(1_00)
    chain.mine(3)
    assert (await rail.execute(order)).outcome == Outcome.DONE
    clock.advance(timedelta(hours=23))
    with pytest.raises(CapReached):
        await ask(1_00)
    clock.advance(timedelta(hours=2))
    assert (await rail.execute(await ask(1_000_00))).outcome == Outcome.PENDING


async def test_the_cap_is_looked_at_when_it_is_signed(
    chain: LocalChain, rail: Rail, ask: Ask, resources: Resources, clock: TravelClock, load: Load
) -> None:
    """What was prepared under a higher cap waits for a day after the others, and goes by itself then."""
    first, second = await ask(400_00), await ask(600_00, OTHER)
    async with resources.unit() as unit:
        row = await rows.transfer(unit, second.attempt)
        assert row is not None
        row.amount = 601_00
    assert (await rail.execute(first)).outcome == Outcome.PENDING
    chain.mine(3)
    assert (await rail.execute(first)).outcome == Outcome.DONE
    assert (await rail.execute(second)).outcome == Outcome.ABSENT
    assert (await load(second.attempt)).nonce is None
    clock.advance(timedelta(hours=25))
    assert (await rail.execute(second)).outcome == Outcome.PENDING


async def test_the_cap_of_a_day_is_not_raced(resources: Resources, rail: Rail, lists: list[int]) -> None:
    """Of many that ask for the last of the day at once, over several connections, just as many get it as fit."""
    assert lists

    async def prepare() -> bool:
        attempt = uuid4()
        try:
            async with resources.unit() as unit:
                await rail.prepare(unit, Order(attempt, str(attempt), Money(300_00, "USD"), PERSON))
        except CapReached:
            return False
        return True

    assert sum(await asyncio.gather(*(prepare() for _ in range(6)))) == 3
