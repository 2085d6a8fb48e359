"""What can go wrong with a payout in a storm: by which rail, at which step, and what."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from models.voucher import VoucherKind
from tests.unit.payments import storm_chain
from tests.unit.payments.carrier import Fault

VOUCHERS = tuple(f"voucher-{kind}" for kind in VoucherKind)
RAILS = ("manual", "carrier", *VOUCHERS, "stripe_transfer", "stablecoin")
STEPS = ("agree", "claim", "order", "execute")
STEPS_OF = {"manual": ("agree", "claim", "enter"), "stripe_transfer": (*STEPS, "enter")}
"""The steps of a rail; `STEPS` where nothing is said."""

FAULTS = {
    "carrier": tuple(fault for fault in Fault if fault not in {Fault.NONE, Fault.OVERTAKEN}),
    "stripe_transfer": tuple(fault for fault in Fault if fault is not Fault.NONE),
    "stablecoin": storm_chain.FAULTS,
}
"""What the provider of a rail may do when it is asked to pay. Codes have none."""

UNITS = {"stablecoin": 8}
"""Transactions of all that is done to execute an order, one of which the process does not survive; 2 where nothing
is said. Every other step is one transaction."""


class Fate(StrEnum):
    """What happens to a transaction of a step."""

    BEFORE = "before its commit"
    AFTER = "after its commit"
    TWICE = "twice at once"


@dataclass
class Plan:
    """What goes wrong with one payout: once, at one step."""

    rail: str
    step: str
    what: Fate | Fault
    left: int
    """Transactions of the step that come before the one that it happens to."""
    asked: UUID | None = None
    """The attempt whose provider is to do wrong."""
    met: bool = False
    """Whether it has happened."""

    def __str__(self) -> str:
        return f"{self.rail} {self.step} {self.what}"


def kinds() -> list[tuple[str, str, Fate | Fault]]:
    """Everything that can go wrong: by which rail, at which step, and what."""
    found: list[tuple[str, str, Fate | Fault]] = []
    for rail in RAILS:
        found += [(rail, step, fate) for step in STEPS_OF.get(rail, STEPS) for fate in Fate]
        found += [(rail, "execute", fault) for fault in FAULTS.get(rail, ())]
    return found
