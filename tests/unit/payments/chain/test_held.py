"""What a wallet holds beside what it must hold, and what the chain takes: both come into the open."""

from datetime import timedelta

import pytest

from bot.database import Resources
from models.chain import ChainWallet, TransferStatus
from models.policy import Stablecoin
from payments import funding
from payments.chain import costs, rows, watching
from payments.chain.amounts import worth
from payments.chain.signing import address_of, sign, transfer
from payments.chain.values import Fees, Moved, NodeFailed
from payments.ledger import Purpose, balance
from payments.money import Money
from payments.rails.base import HoldingRail, Outcome, Result
from payments.rails.stablecoin import Stablecoin as Rail
from payments.reconcile import Difference, Kind, ask_providers
from sandbox.clock import TravelClock
from tests.unit.payments.chain.conftest import PERSON, SECRET, Ask, Load
from tests.unit.payments.chain.local_chain import GWEI, LocalChain, Rpc

WALLET = address_of(SECRET)
DAY = timedelta(days=1)


@pytest.fixture
def database() -> str:
    """One database: what is tested here is the chain, not the rows."""
    return "sqlite"


@pytest.fixture
def wired(resources: Resources, rail: Rail) -> Resources:
    """A process whose rail is open."""
    assert isinstance(rail, HoldingRail)
    resources.rails = {rail.name: rail}
    return resources


async def purse_of(resources: Resources, rules: Stablecoin) -> ChainWallet:
    """The wallet's row."""
    async with resources.unit() as unit:
        return await rows.wallet(unit, rules.chain_id, WALLET)


async def told(wired: Resources) -> list[tuple[Kind, int, int]]:
    """What reconciliation finds."""
    found: list[Difference] = await ask_providers(wired.unit, DAY)
    return [(each.kind, each.ours, each.theirs) for each in found]


async def test_the_wallet_holds_what_it_must(chain: LocalChain, wired: Resources, rail: Rail, ask: Ask) -> None:
    """Payouts lessen and fillings raise what it must hold, to the cent; what is under way is no difference."""
    orders = [await ask(150_00), await ask(99_99)]
    for order in orders:
        await rail.execute(order)
        assert await told(wired) == []
        chain.mine()
    chain.fund(WALLET, 10_004_999, coins=0)
    for _ in range(8):
        chain.mine()
        assert await told(wired) == []
    (there,) = await rail.held()
    assert there.ours == there.theirs == Money(5_000_00 - 249_99 + 10_00, "USD")


async def test_what_left_by_itself_differs_until_people_have_looked(
    chain: LocalChain, wired: Resources, rail: Rail, ask: Ask
) -> None:
    """Tokens that left without a payout are missing in the wallet, whatever else it pays meanwhile."""
    wallet = (await rail.chains())[0]
    await rail.execute(await ask())
    chain.mine()
    nonce, moved = chain.tester.get_nonce(WALLET), Moved(PERSON, 70_000, chain.token)
    gone = transfer(wallet.rules, nonce, moved, 120_000, Fees(20 * GWEI, 4 * GWEI))
    chain.accept(sign(gone, SECRET).raw)
    chain.mine(7)
    assert await told(wired) == [(Kind.HELD, 4_850_00, 4_849_93)]
    await watching.resume(wallet)
    chain.mine()
    assert await told(wired) == []


async def test_a_reorganisation_below_what_is_final_is_seen(
    chain: LocalChain, wired: Resources, rail: Rail, ask: Ask, load: Load
) -> None:
    """Nothing is watched for ever: what a deep reorganisation gives back shows in the wallet, and it stops."""
    order = await ask()
    await rail.execute(order)
    chain.mine(7)
    await watching.watch((await rail.chains())[0])
    assert (await load(order.attempt)).status == TransferStatus.FINAL
    async with wired.unit() as unit:
        await rail.finish(unit, order, Result(Outcome.DONE))
    chain.reorganise(7, back_to_pool=False)
    assert await told(wired) == [(Kind.HELD, 4_850_00, 5_000_00)]
    result = await rail.execute(await ask())
    assert (result.outcome, result.error) == (Outcome.ABSENT, "Lagging")


async def test_a_node_that_lies_about_the_wallet_is_not_counted(
    chain: LocalChain, rpc: Rpc, resources: Resources, lists: list[int], ask: Ask
) -> None:
    """A difference is told only when all nodes tell the same of what the wallet holds and what came in."""
    assert lists
    liar = Rpc(chain)
    await liar.start()
    rail = Rail((rpc.url, liar.url), resources.unit)
    await ask()
    await rail.held()
    liar.faults["eth_call"] = lambda _: "0x" + "0" * 64
    assert [each.theirs for each in await rail.held()] == [None]
    resources.rails, unheard = {rail.name: rail}, set[str]()
    assert await ask_providers(resources.unit, DAY, unheard) == []
    assert unheard == {rail.name}
    liar.faults.clear()
    chain.fund(WALLET, 1_000_000, coins=0)
    chain.mine(6)
    liar.faults["eth_getLogs"] = lambda _: []
    with pytest.raises(NodeFailed, match="NodesDisagree"):
        await watching.watch((await rail.chains())[0])
    liar.faults.clear()
    (there,) = await rail.held()
    assert there.ours == there.theirs == Money(5_001_00, "USD")
    await rail.close()
    await liar.stop()


async def test_what_the_chain_takes_is_an_expense(
    chain: LocalChain, wired: Resources, rail: Rail, ask: Ask, rules: Stablecoin, clock: TravelClock
) -> None:
    """Every final transaction's cost is entered, in the fund's currency, once a day, to the last wei counted."""
    before = chain.tester.get_balance(WALLET)
    paid, refused = await ask(), await ask()
    for order in (paid, refused):
        await rail.execute(order)
    await rail.cancel(refused)
    chain.mine(7)
    await watching.watch((await rail.chains())[0])
    spent = before - chain.tester.get_balance(WALLET)
    purse = await purse_of(wired, rules)
    assert int(purse.fees) == spent > 0
    cost = worth(spent, rules.coin_rate, "RUB")
    policy = wired.policy
    wired.policy = policy.model_copy(update={"stablecoin": None})
    async with wired.unit() as unit:
        assert await costs.due(unit) == ()
    wired.policy = policy
    for attempt in range(2):
        async with wired.unit() as unit:
            assert await costs.due(unit) == [purse.id]
            await costs.enter(unit, purse.id)
            assert await costs.due(unit) == []
            if not attempt:
                assert (await balance(unit, Purpose.FEES, "RUB")).amount == 0
                await funding.add(unit, Money(100_000, "RUB"), "operator")
        clock.advance(DAY)
    async with wired.unit() as unit:
        assert await balance(unit, Purpose.FEES, "RUB") == cost
        assert await balance(unit, Purpose.FUND, "RUB") == Money(100_000, "RUB") - cost
        await costs.enter(unit, purse.id)
        assert await balance(unit, Purpose.FEES, "RUB") == cost
    assert (await purse_of(wired, rules)).fees == "0"
