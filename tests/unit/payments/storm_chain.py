"""The rail `stablecoin` in a storm: two nodes of a real EVM over HTTP, of which anything may be expected.

The chain goes on by a block or two whenever somebody looks at a transfer, and the fund's errand looks at the
wallet now and then, as the clock does. What happens to one transfer happens to whatever else is under way too.
"""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from uuid import UUID

from eth_utils.address import to_checksum_address

from bot.database import Resources
from models.chain import TransferStatus, Trouble
from models.policy import Stablecoin as Rules
from models.unit import Unit
from payments.chain import rows, watching
from payments.chain.signing import address_of
from payments.chain.values import NodeFailed
from payments.rails.stablecoin import Stablecoin
from tests.unit.payments.carrier import Fault
from tests.unit.payments.chain.local_chain import HangUp, LocalChain, Rpc

SECRET = bytes([17]) * 32
"""Of the hot wallet; the keyring of the test has it."""

TOKENS = 9 * 10**14
COINS = 10**21
PER_CENT = 10**4
"""The token's smallest units for a cent."""

DEEPEST = 3
"""Blocks that a reorganisation takes away at most: one more than a transfer needs to count as done."""

LOOK_EVERY = 12
"""Steps of transfers between two looks at the whole wallet."""


@dataclass
class Chains:
    """The chain, its nodes, and the rail on them."""

    chain: LocalChain
    nodes: tuple[Rpc, Rpc]
    rail: Stablecoin
    rules: Rules
    steps: int = 0

    async def provoke(self, fault: Fault, chance: random.Random) -> None:
        """Let something go wrong until the next step."""
        first, second = self.nodes
        match fault:
            case Fault.LOST:
                first.faults["eth_sendRawTransaction"] = second.faults["eth_sendRawTransaction"] = _hang_up
            case Fault.DOWN:
                first.down = second.down = True
            case Fault.LATE:
                second.down = True
            case Fault.NONSENSE:
                second.faults["eth_getTransactionReceipt"] = lambda _: {"status": "fine"}
            case Fault.FAILS:
                second.faults["eth_getTransactionReceipt"] = lambda found: found and {**found, "status": "0x0"}
            case Fault.REFUSES:
                second.faults["eth_getLogs"] = lambda _: []
            case Fault.TWICE:
                self.chain.reorganise(chance.randint(1, DEEPEST))
            case Fault.SLOW:
                self.chain.reorganise(chance.randint(1, DEEPEST), back_to_pool=False)
            case _:
                self.chain.pool.clear()

    async def go_on(self, chance: random.Random) -> None:
        """Some blocks later everything works again."""
        for node in self.nodes:
            node.down, node.faults = False, {}
        self.chain.mine(chance.randint(1, 2))
        self.steps += 1
        if self.steps % LOOK_EVERY == 0:
            await self.look()

    async def look(self) -> None:
        """The errand to the chain."""
        try:
            for wallet in await self.rail.chains():
                await watching.watch(wallet)
        except NodeFailed:
            return

    async def calm_down(self) -> None:
        """Blocks are made until nothing can be taken back any more."""
        for node in self.nodes:
            node.down, node.faults = False, {}
        for _ in range(6):
            self.chain.mine(self.rules.final)
            await self.look()

    async def check(self, unit: Unit, orders: dict[UUID, str]) -> tuple[int, int]:
        """Everybody has what was sent to them, once; how many transfers, and of how many cents, the chain has."""
        wallet = address_of(SECRET)
        purse = await rows.wallet(unit, self.rules.chain_id, wallet)
        assert purse.trouble in {None, Trouble.FEE}
        done = await rows.with_status(unit, purse, frozenset({TransferStatus.FINAL}))
        assert not await rows.with_status(unit, purse, frozenset(TransferStatus) - {TransferStatus.FINAL})
        for row in done:
            assert self.chain.balance(orders[row.attempt]) == row.amount * PER_CENT
        left = self.chain.balance(wallet)
        assert TOKENS - left == sum(row.amount for row in done) * PER_CENT
        return len(done), sum(row.amount for row in done)


def person(grant: UUID) -> str:
    """The address of whoever was granted something."""
    return str(to_checksum_address(sha256(grant.bytes).digest()[:20]))


@asynccontextmanager
async def opened(
    resources: Resources, chain: LocalChain, open_unit: Callable[[], AbstractAsyncContextManager[Unit]]
) -> AsyncIterator[Chains]:
    """A wallet full of tokens, and the rail that pays out of it."""
    chain.begin()
    chain.fund(address_of(SECRET), TOKENS, COINS)
    chain.mine(DEEPEST)
    nodes = Rpc(chain), Rpc(chain)
    for node in nodes:
        await node.start()
    rail = Stablecoin([node.url for node in nodes], open_unit)
    rules = _rules(chain, resources.clock.now().date())
    yield Chains(chain, nodes, rail, rules)
    await rail.close()
    for node in nodes:
        await node.stop()


def _rules(chain: LocalChain, today: date) -> Rules:
    return Rules(
        chain_id=chain.chain_id,
        token=chain.token,
        symbol="TUSD",
        decimals=6,
        currency="USD",
        rate="1",
        rate_at=today,
        rate_days=366,
        rate_low="0.5",
        rate_high="2",
        coin_rate="3000",
        daily_cap=10**12,
        confirmations=2,
        final=4,
        block_seconds=12,
        max_fee_gwei=500,
        max_priority_gwei=200,
        gas_limit=120_000,
        stuck_minutes=30,
    )


def _hang_up(_: object) -> object:
    raise HangUp
