"""What treasurers see of the ways to pay: the price of each, whether it works now, its statement, its screening.

What is in the way of an amount that nothing open pays. And what the rail of one payout would do now, before a
treasurer lets it pay.
"""

from models.audit import record
from models.errors import MoneyRefused
from models.grant import Grant, Payout
from models.unit import Unit
from payments.money import Money
from payments.rails import registry
from payments.rails.base import Quote, Rail
from payments.screening.paying import PartnerRail, why_stale
from services import treasury_no_way
from services.access import Act, Actor, require
from services.speak import Button, Screen, show
from texts.formats import money, span


async def show_rails(unit: Unit, actor: Actor) -> None:
    """Every way that the policy opens, with its price for a grant of the smallest tier. Each look is on record."""
    require(actor, Act.CLAIM_PAYOUT)
    await record(unit, actor.name, "rails.read", "rails")
    example = Money(unit.policy.tiers[0].up_to, unit.policy.currency)
    ways = [await _described(unit, actor, registry.find(unit, name), example) for name in unit.policy.rails]
    amount = money(example.amount, example.currency, actor.language)
    lacking = [await _lacking(unit, actor, whole) for whole in await treasury_no_way.without(unit)]
    text = "\n\n".join([_say(unit, actor, "treasury.ways", amount=amount), *ways, *lacking])
    back = Button(_say(unit, actor, "treasury.button.desk"), "treasury.desk")
    await show(unit, actor.to, Screen(text, [[back]]))


async def price(unit: Unit, actor: Actor, payout: Payout, grant: Grant) -> str:
    """What the rail of one payout would do now, in a line; empty when it cannot say."""
    rail = registry.find(unit, payout.rail)
    quote = await _quoted(unit, rail, Money(grant.amount, grant.currency))
    return _priced(unit, actor, quote) if quote else ""


async def _described(unit: Unit, actor: Actor, rail: Rail, example: Money) -> str:
    closed = await why_stale(unit, rail) or await registry.why_not(unit, rail, example)
    state = _say(unit, actor, closed) if closed else _say(unit, actor, "treasury.way.open")
    quote = await _quoted(unit, rail, example)
    screens = "partner" if isinstance(rail, PartnerRail) else "wallet" if rail.screened else "hand"
    if not rail.needs_destination:
        screens = "none"
    lines = [
        f"{'🔴' if closed else '🟢'} {_say(unit, actor, rail.title)}: {state}",
        _priced(unit, actor, quote) if quote else "",
        _say(unit, actor, rail.statement),
        _say(unit, actor, f"treasury.way.screens-{screens}"),
    ]
    return "\n".join(line for line in lines if line)


async def _lacking(unit: Unit, actor: Actor, whole: Money) -> str:
    """An amount that somebody waits for and nothing open pays, and what is in the way of each rail."""
    lines = [
        _say(unit, actor, "treasury.ways.lacking", amount=money(whole.amount, whole.currency, actor.language))
    ]
    for name in unit.policy.rails:
        rail = registry.find(unit, name)
        closed = await why_stale(unit, rail) or await registry.why_not(unit, rail, whole)
        if closed:
            lines.append(f"{_say(unit, actor, rail.title)}: {_say(unit, actor, closed)}")
    return "\n".join(lines)


async def _quoted(unit: Unit, rail: Rail, whole: Money) -> Quote | None:
    try:
        return await rail.quote(unit, whole)
    except MoneyRefused:
        return None


def _priced(unit: Unit, actor: Actor, quote: Quote) -> str:
    facts = {
        "pays": money(quote.pays.amount, quote.pays.currency, actor.language),
        "fee": money(quote.fee.amount, quote.fee.currency, actor.language),
        "takes": span(quote.takes, actor.language),
    }
    return _say(unit, actor, "treasury.way.price", **facts)


def _say(unit: Unit, actor: Actor, key: str, **params: str | int) -> str:
    return unit.texts.render(key, actor.language, **params)
