"""What the person of a case sees of their money: the ways that are open, what they agreed to, where it is now."""

from collections.abc import Sequence
from datetime import timedelta

from models.case import Case
from models.errors import ButtonGone
from models.grant import Grant, GrantStatus, Payout, PayoutStatus
from models.unit import Unit
from payments import grants, payouts
from payments.rails import registry
from payments.rails.registry import NoRail
from services import intake, treasury
from services.access import Actor
from services.corridor import Corridor, corridors, terms
from services.screens import Rows
from services.speak import Button, Screen, show
from services.treasury_closed import is_closed
from services.treasury_returns import opens, was_looked_up
from texts.formats import day, money


async def show_person(
    unit: Unit, actor: Actor, case: Case, *, rail: str | None = None, rechecked: bool = False
) -> None:
    """The applicant's own view: what is promised, what a statement will show, where the money is now.

    With several ways open and none chosen (`rail`), the ways; with one, its terms and the button that agrees.
    """
    if actor.case is None or actor.case.id != case.id:
        raise ButtonGone
    grant = await grants.grant_of(unit, case)
    if grant is None:
        raise ButtonGone
    payout = await grants.live_payout(unit, grant)
    if payout is not None:
        text, rows = await _under_way(unit, actor, grant, payout, rechecked=rechecked)
        text, rows = _with_missing(unit, actor, case, payout, text, rows)
    elif grant.status == GrantStatus.WAITING:
        text, rows = _say(unit, actor, "treasury.person.waiting", amount=_amount(actor, grant)), []
    else:
        text, rows = await _ways(unit, actor, case, grant, rail)
    rows.append([Button(_say(unit, actor, "treasury.person.button.home"), "start.home")])
    await show(unit, actor.to, Screen(text, rows, protect=True), case=case)


async def _ways(unit: Unit, actor: Actor, case: Case, grant: Grant, rail: str | None) -> tuple[str, Rows]:
    found = await corridors(unit, grant)
    if not found:
        raise NoRail("treasury.refused.no-way")
    one = [way for way in found if way.rail.name == rail] or (list(found) if len(found) == 1 else [])
    if one:
        return await _ask(unit, actor, case, grant, one[0], others=len(found) > 1)
    return _choose(unit, actor, grant, found)


def _choose(unit: Unit, actor: Actor, grant: Grant, found: Sequence[Corridor]) -> tuple[str, Rows]:
    lines = "\n\n".join(terms(unit, actor.language, way) for way in found)
    text = _say(unit, actor, "treasury.person.choose", amount=_amount(actor, grant), ways=lines)
    rows = [
        [Button(_say(unit, actor, way.rail.title), "treasury.choose", {"rail": way.rail.name})] for way in found
    ]
    return text, rows


async def _ask(
    unit: Unit, actor: Actor, case: Case, grant: Grant, way: Corridor, *, others: bool
) -> tuple[str, Rows]:
    """The terms of one way; agreeing needs a destination that has not proved wrong, where one is needed at all."""
    destination = await intake.read_answer(unit, case, "payout")
    returned = await payouts.last_returned(unit, grant)
    facts = {
        "amount": _amount(actor, grant),
        "destination": destination or "—",
        "terms": terms(unit, actor.language, way),
    }
    way_args: dict[str, str | int] = {"rail": way.rail.name, "pays": way.quote.pays.amount}
    agree = Button(_say(unit, actor, "treasury.person.button.agree"), "treasury.agree", way_args)
    rows: Rows = []
    if others:
        rows.append([Button(_say(unit, actor, "treasury.person.button.ways"), "treasury.confirm_rail")])
    if not way.rail.needs_destination:
        return _say(unit, actor, "treasury.person.ask-code", **facts), [[agree], *rows]
    act = "treasury.other_way" if destination else "intake.again"
    rows.insert(0, [Button(_say(unit, actor, "treasury.person.button.other_way"), act)])
    usable = destination and not await treasury.is_known_wrong(unit, grant, destination)
    if usable:
        rows.insert(0, [agree])
    facts["choice"] = _say(unit, actor, "treasury.person.choice" if usable else "treasury.person.choice-other")
    key = f"treasury.person.returned-{returned.return_reason}" if returned else "treasury.person.ask"
    return _say(unit, actor, key, **facts), rows


async def _under_way(
    unit: Unit, actor: Actor, grant: Grant, payout: Payout, *, rechecked: bool
) -> tuple[str, Rows]:
    rail = registry.find(unit, payout.rail)
    pays = (payout.pays, payout.pays_currency) if payout.pays and payout.pays_currency else None
    facts = {
        "amount": money(*pays, actor.language) if pays else _amount(actor, grant),
        "rail": _say(unit, actor, rail.title),
        "statement": _say(unit, actor, rail.statement),
        "day": day((payout.paid_at or payout.created_at).date(), actor.language),
    }
    rows: Rows = []
    key = f"treasury.person.{_stands(payout, rechecked=rechecked)}"
    if await is_closed(unit, payout, grant) and await corridors(unit, grant):
        key = "treasury.person.closed"
        rows = [[Button(_say(unit, actor, "treasury.person.button.ways"), "treasury.take_back")]]
    elif payout.status == PayoutStatus.QUEUED:
        rows = [[Button(_say(unit, actor, "treasury.person.button.take_back"), "treasury.take_back")]]
    if payout.paid_at and not rail.needs_destination:
        key = key if payout.missing_at else "treasury.person.paid-code"
        rows = [[Button(_say(unit, actor, "treasury.person.button.codes"), "vouchers.show")]]
    return _say(unit, actor, key, **facts), rows


def _stands(payout: Payout, *, rechecked: bool) -> str:
    """Which text says where a payment is."""
    if payout.paid_at is None:
        return "paying"
    if payout.missing_at is not None:
        return "missing"
    return "rechecked" if rechecked or was_looked_up(payout) else "paid"


def _with_missing(unit: Unit, actor: Actor, case: Case, payout: Payout, text: str, rows: Rows) -> tuple[str, Rows]:
    """The same with what a person can do when nothing arrives, or from when on they can."""
    wait = opens(unit, case, payout)
    if wait is None:
        return text, rows
    if wait > timedelta():
        return f"{text}\n\n{_say(unit, actor, 'treasury.person.say-later')}", rows
    button = Button(_say(unit, actor, "treasury.person.button.missing"), "treasury.missing")
    return f"{text}\n\n{_say(unit, actor, 'treasury.person.say-missing')}", [*rows, [button]]


def _amount(actor: Actor, grant: Grant) -> str:
    return money(grant.amount, grant.currency, actor.language)


def _say(unit: Unit, actor: Actor, key: str, **params: str | int) -> str:
    return unit.texts.render(key, actor.language, **params)
