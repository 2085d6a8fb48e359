"""The corridor adviser: by which rails the money of a case could go now, and what each would mean for its person.

The fund names cost, time and what a statement shows; the person chooses, and only then is anything queued. A rail
that is closed (by the policy, its limits, its stock, its own failures) is not on the list.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.errors import MoneyRefused
from models.grant import Grant, Payout
from models.unit import Unit
from payments.money import Money
from payments.rails import registry
from payments.rails.base import DistantRail, Quote, Rail
from payments.rails.registry import NoRail
from payments.screening.paying import why_stale
from texts.formats import money, span


@dataclass(frozen=True, slots=True)
class Corridor:
    """One way that is open now, and its price."""

    rail: Rail
    quote: Quote


async def corridors(unit: Unit, grant: Grant) -> Sequence[Corridor]:
    """The ways that are open for a grant now, in the policy's order."""
    whole = Money(grant.amount, grant.currency)
    found = [rail for rail in await registry.open_for(unit, whole) if await why_stale(unit, rail) is None]
    return [Corridor(rail, await rail.quote(unit, whole)) for rail in found]


async def has_way(unit: Unit, whole: Money) -> bool | None:
    """Whether any way is open for an amount now; none when only another process can tell."""
    for rail in await registry.open_for(unit, whole):
        if await why_stale(unit, rail) is None:
            return True
    listed = [unit.rails[name] for name in unit.policy.rails if name in unit.rails]
    return None if any(isinstance(rail, DistantRail) and rail.out_of_reach for rail in listed) else False


class TermsChanged(MoneyRefused):
    """The rail pays less now than the person has seen: they look at it again."""

    key = "treasury.refused.terms"


async def chosen(unit: Unit, grant: Grant, name: str | None, seen: int | None = None) -> Rail:
    """The rail that a person has chosen, or the only one.

    `seen`: what they saw that it pays, in its minor units. Raises `NoRail` when it is not open any more, and
    `TermsChanged` when it pays less now.
    """
    found = [corridor for corridor in await corridors(unit, grant) if name in {None, corridor.rail.name}]
    if not found:
        raise NoRail
    if seen is not None and found[0].quote.pays.amount < seen:
        raise TermsChanged
    return found[0].rail


async def still_pays(unit: Unit, rail: Rail, payout: Payout, whole: Money) -> bool:
    """Whether a rail pays now what the person has agreed to, or more: its rate may have changed since."""
    if payout.pays is None:
        return True
    pays = (await rail.quote(unit, whole)).pays
    return pays.currency == payout.pays_currency and pays.amount >= payout.pays


def terms(unit: Unit, language: str, corridor: Corridor) -> str:
    """What a way costs and how long it takes, in one line for its person."""
    quote = corridor.quote
    facts = {
        "rail": unit.texts.render(corridor.rail.title, language),
        "pays": money(quote.pays.amount, quote.pays.currency, language),
        "takes": span(quote.takes, language),
        "statement": unit.texts.render(quote.statement, language),
    }
    if quote.fee.amount == 0:
        return unit.texts.render("treasury.person.way", language, **facts)
    fee = money(quote.fee.amount, quote.fee.currency, language)
    return unit.texts.render("treasury.person.way-fee", language, fee=fee, **facts)
