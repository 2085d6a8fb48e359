"""Which rails there are, and which of them are open. A rail is an object under its name in `Unit.rails`.

The process that opens units decides which rails there are (`bot.rails`); the policy decides which of them may be
used, and in which order they are offered.
"""

from collections.abc import Mapping
from typing import cast

from models.errors import MoneyRefused
from models.policy import Policy
from models.unit import Unit
from models.voucher import VoucherKind
from payments import breaker
from payments.money import Money
from payments.rails.base import Rail
from payments.rails.manual import Manual
from payments.rails.voucher import VoucherRail

Rails = Mapping[str, Rail]


class NoRail(MoneyRefused):
    """The policy opens no rail that pays this now."""

    key = "treasury.refused.no-rail"


def built_in() -> Rails:
    """The rails that need no setting."""
    rails: tuple[Rail, ...] = (Manual(), *(VoucherRail(kind) for kind in VoucherKind))
    return {rail.name: rail for rail in rails}


def find(unit: Unit, name: str) -> Rail:
    """The rail of this name, open or not. Raises `NoRail` when the program has none."""
    rail = unit.rails.get(name)
    if rail is None:
        raise NoRail
    return cast("Rail", rail)


def unknown(policy: Policy, rails: Rails) -> list[str]:
    """Rails that a policy opens and the program does not have: a policy with any is refused at the start."""
    return [name for name in policy.rails if name not in rails]


async def open_for(unit: Unit, money: Money) -> list[Rail]:
    """The rails that the policy opens and that can pay this now, in the policy's order."""
    named = [cast("Rail", unit.rails[name]) for name in unit.policy.rails if name in unit.rails]
    return [rail for rail in named if await why_not(unit, rail, money) is None]


async def choose(unit: Unit, money: Money) -> Rail:
    """The first rail that can pay this now. Raises `NoRail`."""
    for rail in await open_for(unit, money):
        return rail
    raise NoRail


async def why_not(unit: Unit, rail: Rail, money: Money) -> str | None:
    """The key of the text that says why a rail cannot pay this now; none when it can."""
    if rail.name not in unit.policy.rails:
        return "treasury.refused.no-rail"
    if rail.currencies is not None and money.currency not in rail.currencies:
        return "treasury.refused.rail-currency"
    if await breaker.is_shut(unit, rail.name):
        return "treasury.refused.rail-shut"
    return await rail.refuses(unit, money)
