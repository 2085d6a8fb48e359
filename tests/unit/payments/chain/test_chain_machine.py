"""Anything may happen in any order to transfers on a real chain: nobody is paid twice, and no outcome is a lie."""

from datetime import timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from eth_utils.address import to_checksum_address
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.database import Resources
from payments.chain import sending, watching
from payments.chain.values import NodeFailed
from payments.money import Money
from payments.rails.base import Order, Outcome
from payments.rails.stablecoin import CapReached
from payments.rails.stablecoin import Stablecoin as Rail
from sandbox.clock import TravelClock
from tests.examples import examples
from tests.unit.payments.chain.local_chain import GWEI, HangUp, LocalChain, Rpc

ACTS = (
    "order", "order", "execute", "execute", "look", "mine", "mine", "drop", "forget", "reorganise", "stuck",
    "later", "cancel", "crash", "down", "mute", "watch",
)  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 5)), min_size=4, max_size=24)
CENTS = 10_00


def lose(_: object) -> object:
    """The work was done, and nobody hears of it."""
    raise HangUp


class Play:
    """One run: orders, each to a person of its own, and what was said of them."""

    def __init__(self, chain: LocalChain, rpc: Rpc, rail: Rail, resources: Resources, clock: TravelClock) -> None:
        self.chain, self.rpc, self.rail, self.resources, self.clock = chain, rpc, rail, resources, clock
        self.bottom = chain.head
        self.orders: list[Order] = []
        self.failed: set[UUID] = set()

    async def act(self, name: str, number: int) -> None:
        """Do one thing."""
        self.rpc.down, self.rpc.faults, self.chain.floor = False, {}, 0
        if name == "order":
            await self._order()
        elif name == "mine":
            self.chain.mine(1 + number)
        elif name == "drop":
            self.chain.pool.clear()
        elif name in {"forget", "reorganise"}:
            depth = min(1 + number % 4, self.chain.head - self.bottom)
            self.chain.reorganise(depth, back_to_pool=name == "reorganise")
        elif name == "later":
            self.clock.advance(timedelta(minutes=11))
        elif name == "watch":
            await watching.watch((await self.rail.chains())[0])
        elif self.orders:
            await self._with(name, self.orders[number % len(self.orders)])

    async def _order(self) -> None:
        attempt = uuid4()
        person = to_checksum_address(sha256(attempt.bytes).digest()[:20])
        order = Order(attempt, str(attempt), Money(CENTS, "USD"), person)
        try:
            async with self.resources.unit() as unit:
                await self.rail.prepare(unit, order)
        except CapReached:
            self.clock.advance(timedelta(days=1))
            return
        self.orders.append(order)

    async def _with(self, name: str, order: Order) -> None:
        self.rpc.down = name == "down"
        if name == "mute":
            self.rpc.faults["eth_sendRawTransaction"] = lose
        if name == "stuck":
            self.chain.floor = 2 * GWEI
            self.chain.mine()
        if name == "cancel":
            await self.rail.cancel(order)
        elif name == "crash":
            try:
                await sending.issue((await self.rail.chains())[0], order.attempt)
            except NodeFailed:
                return
        else:
            await (self.rail.look_up if name == "look" else self.rail.execute)(order)

    async def check(self) -> None:
        """Nobody has more than they were to get, and who was said to have failed has nothing."""
        for order in self.orders:
            held = self.chain.balance(order.destination)
            assert held in {0, CENTS * 10_000}
            if order.attempt in self.failed:
                assert held == 0

    async def calm_down(self) -> None:
        """Everything works again: each order ends as paid or as failed, and the chain says the same."""
        self.rpc.down, self.rpc.faults, self.chain.floor = False, {}, 0
        ended: dict[UUID, Outcome] = {}
        for _ in range(12):
            for order in self.orders:
                ended[order.attempt] = (await self.rail.execute(order)).outcome
            if set(ended.values()) <= {Outcome.DONE, Outcome.FAILED}:
                break
            self.chain.mine(3)
            self.clock.advance(timedelta(minutes=11))
        self.chain.mine(6)
        for order in self.orders:
            result = await self.rail.execute(order)
            assert result.outcome in {Outcome.DONE, Outcome.FAILED}
            paid = CENTS * 10_000 if result.outcome == Outcome.DONE else 0
            assert self.chain.balance(order.destination) == paid


@settings(
    max_examples=examples(12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_whatever_happens(
    chain: LocalChain,
    rpc: Rpc,
    rail: Rail,
    resources: Resources,
    clock: TravelClock,
    steps: list[tuple[str, int]],
) -> None:
    """Crashes, reorganisations, lost answers, dropped and stuck transactions, cancellations, in any order."""
    play = Play(chain, rpc, rail, resources, clock)
    for name, number in steps:
        await play.act(name, number)
        for order in play.orders:
            if (await rail.look_up(order)).outcome == Outcome.FAILED:
                play.failed.add(order.attempt)
        await play.check()
    await play.calm_down()
