"""The ways in which money leaves the fund. A rail is one entry here; the policy says which are open.

What a rail is called and what the person's statement will show are texts: `treasury.rail.<name>` and
`treasury.statement.<name>`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from models.errors import MoneyRefused
from models.policy import Policy
from payments.money import Money


@dataclass(frozen=True, slots=True)
class Rail:
    """One way to pay."""

    name: str
    currencies: frozenset[str] | None
    """What it can pay in; none: whatever the treasurer's bank can."""
    statement: str
    """Key of the text that says what a statement shows."""
    title: str
    """Key of its name."""

    def can_pay(self, money: Money) -> bool:
        """Whether it pays this amount."""
        return money.amount > 0 and (self.currencies is None or money.currency in self.currencies)


MANUAL: Final = Rail("manual", None, "treasury.statement.manual", "treasury.rail.manual")
"""A treasurer pays by hand and gives a reference."""

RAILS: Final[Mapping[str, Rail]] = {rail.name: rail for rail in (MANUAL,)}


class NoRail(MoneyRefused):
    """The policy opens no rail that pays this: the operator must mend the policy."""

    key = "treasury.refused.no-rail"


def unknown(policy: Policy) -> list[str]:
    """Rails that a policy opens and the program does not have: a policy with any is refused at the start."""
    return [name for name in policy.rails if name not in RAILS]


def choose(policy: Policy, money: Money) -> Rail:
    """The first rail that the policy opens and that can pay this. Raises `NoRail`."""
    for name in policy.rails:
        rail = RAILS.get(name)
        if rail is not None and rail.can_pay(money):
            return rail
    raise NoRail
