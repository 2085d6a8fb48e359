"""The rail `stablecoin` in a storm: two nodes of a real EVM over HTTP, of which anything may be expected.

The chain goes on by a block or two whenever somebody looks at a transfer, and the fund's errand looks at the
wallet now and then, as the clock does. What happens to one transfer may happen to whatever else is under way too.
"""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any
from uuid import UUID

from aiohttp import web
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


FAULTS = tuple(
    fault for fault in Fault if fault not in {Fault.NONE, Fault.DIES_AFTER, Fault.LATER, Fault.OVERTAKEN}
)
"""What may happen to a transfer here (`Node`, `Chains.provoked`)."""


@dataclass
class Aimed:
    """Something that goes wrong with what one person is sent."""

    fault: Fault
    person: str
    """Their address, as it stands in transactions and events."""
    met: bool = False

    def is_about(self, said: object) -> bool:
        """Whether a transaction, a receipt or an event is about the person."""
        return self.person in (said.hex() if isinstance(said, bytes) else str(said).lower())


@dataclass
class Node(Rpc):
    """A node of which anything may be expected; what only one does is the `second`'s."""

    aimed: list[Aimed] = field(default_factory=list)
    second: bool = False

    async def _answer(self, request: web.Request) -> web.Response:
        for aimed in self._all(Fault.DOWN) + self._mine(Fault.LATE):
            aimed.met = True
            raise web.HTTPServiceUnavailable
        return await super()._answer(request)

    def eth_sendRawTransaction(self, raw: str) -> str:  # noqa: N802 - the protocol's name
        """Taken, and perhaps not answered, or forgotten at once."""
        try:
            return super().eth_sendRawTransaction(raw)
        finally:
            for aimed in self._mine(Fault.DIES_BEFORE):
                if aimed.is_about(raw):
                    aimed.met = True
                    self.chain.pool.clear()
            for aimed in self._all(Fault.LOST):
                if aimed.is_about(raw):
                    aimed.met = True
                    raise HangUp

    def eth_getTransactionReceipt(self, name: str) -> dict[str, Any] | None:  # noqa: N802
        """Nonsense, or that it failed."""
        found = super().eth_getTransactionReceipt(name)
        for aimed in self._mine(Fault.NONSENSE) + self._mine(Fault.FAILS):
            if found is not None and aimed.is_about(found["logs"]):
                aimed.met = True
                return {"status": "fine"} if aimed.fault is Fault.NONSENSE else {**found, "status": "0x0"}
        return found

    def eth_getLogs(self, asked: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: N802
        """Without what it hides."""
        found = super().eth_getLogs(asked)
        for aimed in self._mine(Fault.REFUSES):
            aimed.met = aimed.met or aimed.is_about(found)
            found = [log for log in found if not aimed.is_about(log)]
        return found

    def _all(self, fault: Fault) -> list[Aimed]:
        return [aimed for aimed in self.aimed if aimed.fault is fault]

    def _mine(self, fault: Fault) -> list[Aimed]:
        return self._all(fault) if self.second else []


@dataclass
class Chains:
    """The chain, its nodes, and the rail on them."""

    chain: LocalChain
    rail: Stablecoin
    rules: Rules
    aimed: "list[Aimed]"
    """What goes wrong now."""
    steps: int = 0

    @asynccontextmanager
    async def provoked(self, fault: Fault, person: str, chance: random.Random) -> AsyncIterator[Aimed]:
        """Let something go wrong with what one person is sent, until their step is over."""
        aimed = Aimed(fault, person[2:].lower())
        self._reorganise(aimed, chance)
        self.aimed.append(aimed)
        try:
            yield aimed
            self._reorganise(aimed, chance)
            if fault is Fault.REFUSES and not aimed.met:
                await self.look()
        finally:
            self.aimed.remove(aimed)

    def _reorganise(self, aimed: Aimed, chance: random.Random) -> None:
        """Take away the block that paid the person, if it is not too deep for that."""
        if aimed.met or aimed.fault not in {Fault.TWICE, Fault.SLOW}:
            return
        blocks = self.chain.backend.chain
        for depth in range(1, DEEPEST + 1):
            block = blocks.get_canonical_block_by_number(self.chain.head - depth + 1)
            if any(aimed.is_about(transaction.encode()) for transaction in block.transactions):
                deep = chance.randint(depth, DEEPEST)
                self.chain.reorganise(deep, back_to_pool=aimed.fault is Fault.TWICE)
                aimed.met = True
                return

    async def go_on(self, chance: random.Random) -> None:
        """Some blocks later."""
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
        for _ in range(6):
            self.chain.mine(self.rules.final)
            await self.look()

    async def check(self, unit: Unit, orders: dict[UUID, str]) -> tuple[int, int]:
        """Everybody has what was sent to them, once; how many transfers, and of how many cents, the chain has."""
        wallet = address_of(SECRET)
        purse = await rows.wallet(unit, self.rules.chain_id, wallet)
        assert purse.trouble in {None, Trouble.FEE}, purse.trouble
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
    aimed: list[Aimed] = []
    nodes = Node(chain, aimed=aimed), Node(chain, aimed=aimed, second=True)
    for node in nodes:
        await node.start()
    rail = Stablecoin([node.url for node in nodes], open_unit)
    rules = _rules(chain, resources.clock.now().date())
    yield Chains(chain, rail, rules, aimed)
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
