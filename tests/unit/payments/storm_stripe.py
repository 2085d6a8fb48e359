"""The rail `stripe_transfer` in a storm: the stand-in for Stripe over HTTP, behind the fund's own gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.database import Resources
from payments.money import Money
from payments.stripe_gateway import StripeGateway
from sandbox.clock import TravelClock
from sandbox.stripe import transfers
from sandbox.stripe.calls import Fault as Played
from sandbox.stripe.calls import FaultKind
from sandbox.stripe.client import Bank
from sandbox.stripe.server import StripeServer
from tests.unit.payments.carrier import Crashed, Fault

PLAYED: dict[Fault, tuple[FaultKind, ...]] = {
    Fault.LOST: ("lost_answer",),
    Fault.LATE: ("server_error_after",),
    Fault.DOWN: ("hang_up",),
    Fault.SLOW: ("rate_limit",),
    Fault.NONSENSE: ("garbage",),
    Fault.LATER: ("late",),
    Fault.OVERTAKEN: ("late", "invalid"),
    Fault.TWICE: ("doubled",),
    Fault.FAILS: ("server_error",),
    Fault.REFUSES: ("invalid",),
}
"""What happens to the requests of one transfer, one after the other."""


@dataclass
class Transfers:
    """The gateway, with a fault of one attempt's next transfer."""

    gateway: StripeGateway
    server: StripeServer
    account: str
    faults: dict[str, Fault] = field(default_factory=dict)
    """By key: an attempt meets its own fault, whoever else is under way."""

    async def transfer(self, key: str, money: Money, account: str) -> str:
        """Move once for a key."""
        fault = self.faults.pop(key, Fault.NONE)
        if fault is Fault.DIES_BEFORE:
            raise Crashed
        for played in PLAYED.get(fault, ()):
            self.server.stripe.faults.add(Played(played, "POST", "/v1/transfers", of=key))
        moved = await self.gateway.transfer(key, money, account)
        if fault is Fault.DIES_AFTER:
            raise Crashed
        return moved

    async def find_transfer(self, key: str) -> str | None:
        """What was moved under a key."""
        return await self.gateway.find_transfer(key)

    def met(self, key: str) -> bool:
        """Whether the fault of an attempt has happened, all of it."""
        return key not in self.faults and all(left.of != key for left in self.server.stripe.faults.waiting)

    def moved(self) -> tuple[int, int]:
        """How often, and how much, in cents."""
        found = list(self.server.stripe.table("transfer"))
        return len(found), sum(one["amount"] for one in found)


@asynccontextmanager
async def opened(resources: Resources, balance: int) -> AsyncIterator[Transfers]:
    """An account at Stripe with a balance in cents, and a partner's beside it."""
    clock = resources.clock
    assert isinstance(clock, TravelClock)
    async with StripeServer(clock=clock) as server, Bank(server.url) as bank:
        await bank.top_up(balance)
        partner = transfers.connect(server.stripe, "EE")["id"]
        gateway = StripeGateway(server.key, server.url)
        yield Transfers(gateway, server, partner)
        await gateway.close()
