"""What the payout desk shows of payouts in doubt and of incidents, with no word of a case."""

from typing import Final
from uuid import UUID

from models.audit import about_money, record
from models.doubt import Finding, Found, Ground, Incident, IncidentEnd, IncidentStatus
from models.errors import NotAllowed
from models.grant import Grant, Payout
from models.unit import Unit
from payments import doubts, incidents
from payments.rails import registry
from services.access import Act, Actor
from services.screens import Rows
from services.speak import Button, Screen, show
from services.treasury import read_reference
from services.treasury_doubts import held_incident
from services.treasury_rights import held
from texts.formats import day, money

MOST: Final = 8
"""Incidents on one screen of the desk: there should never be one."""


async def show_doubt(unit: Unit, actor: Actor, payout: Payout, grant: Grant) -> None:
    """A payout in doubt: what is asked, or what one treasurer has said and another is to confirm."""
    finding = await doubts.said(unit, payout)
    facts = facts_of(unit, actor, payout, grant)
    if finding is None:
        held_back = f"{_say(unit, actor, payout.hold)}\n\n" if payout.hold else ""
        text = held_back + _say(unit, actor, "treasury.doubt", **facts)
        rows = _rows(unit, actor, payout, "doubt_paid", "doubt_never")
        await show(unit, actor.to, Screen(text, rows))
        return
    mine = actor.volunteer is not None and finding.said_by == actor.volunteer.id
    said = _said(unit, actor, finding)
    text = _say(unit, actor, "treasury.doubt.mine" if mine else "treasury.doubt.other", said=said, **facts)
    verbs = ("doubt_deny",) if mine else ("doubt_confirm", "doubt_deny")
    await show(unit, actor.to, Screen(text, _rows(unit, actor, payout, *verbs), protect=True))


async def ask_finding(unit: Unit, actor: Actor, payout_id: UUID, found: Found) -> None:
    """Ask for the reference of what was paid, or how somebody knows that nothing was and nothing will be."""
    _, payout, grant, _ = await held(unit, actor, Act.DECIDE_DOUBT, payout_id)
    if not await doubts.is_in_doubt(unit, payout):
        raise NotAllowed("treasury.refused.no-doubt")
    facts = facts_of(unit, actor, payout, grant)
    rows = _grounds(unit, actor, payout, found) if found == Found.NEVER else []
    text = _say(unit, actor, f"treasury.doubt.ask-{found}", **facts)
    await show(unit, actor.to, Screen(text, [*rows, *_rows(unit, actor, payout)]))


async def check_finding(unit: Unit, actor: Actor, payout_id: UUID, typed: str) -> str:
    """Show the reference that was typed, and ask how they know; returns it. Raises `BadInput`."""
    _, payout, grant, _ = await held(unit, actor, Act.DECIDE_DOUBT, payout_id)
    reference, facts = read_reference(typed), facts_of(unit, actor, payout, grant)
    text = _say(unit, actor, "treasury.doubt.check", reference=reference, **facts)
    rows = [*_grounds(unit, actor, payout, Found.PAID), *_rows(unit, actor, payout)]
    await show(unit, actor.to, Screen(text, rows, protect=True))
    return reference


async def show_incident(unit: Unit, actor: Actor, incident_id: UUID) -> None:
    """Money that a rail has paid though nobody waited for it: what it was, or what one treasurer says it was.

    Each look is on record.
    """
    incident, payout, grant, who = await held_incident(unit, actor, incident_id)
    await record(unit, actor.name, "incident.read", about_money(unit, "incident", incident.id))
    facts = facts_of(unit, actor, payout, grant) | {
        "amount": money(incident.amount, incident.currency, actor.language),
        "reference": incidents.reference_of(unit, incident),
        "day": day(incident.found_on.date(), actor.language),
    }
    end = _say(unit, actor, f"treasury.incident.end.{incident.end}") if incident.end else ""
    rows: Rows
    match incident.status:
        case IncidentStatus.OPEN:
            key, rows = (
                "treasury.incident",
                [
                    [
                        _button(
                            unit,
                            actor,
                            f"treasury.incident.end.{one}",
                            "treasury.incident_say",
                            incident,
                            str(one),
                        )
                    ]
                    for one in IncidentEnd
                ],
            )
        case IncidentStatus.SAID:
            mine = incident.said_by == who
            key = "treasury.incident.mine" if mine else "treasury.incident.other"
            verbs = ("deny",) if mine else ("confirm", "deny")
            rows = [
                [_button(unit, actor, f"treasury.button.doubt-{verb}", f"treasury.incident_{verb}", incident)]
                for verb in verbs
            ]
        case _:
            key, rows = "treasury.incident.closed", []
    text = _say(unit, actor, key, said=end, **facts)
    await show(unit, actor.to, Screen(text, [*rows, [_desk(unit, actor)]], protect=True))


async def incident_rows(unit: Unit, actor: Actor) -> Rows:
    """The incidents that stand, for the desk."""
    rows = []
    for incident in (await incidents.standing(unit))[:MOST]:
        amount = money(incident.amount, incident.currency, actor.language)
        label = _say(unit, actor, "treasury.label.incident", amount=amount)
        rows.append([Button(label, "treasury.incident", {"incident": str(incident.id)})])
    return rows


def facts_of(unit: Unit, actor: Actor, payout: Payout, grant: Grant) -> dict[str, str]:
    """Number, amount and rail, as every screen of a payout says them."""
    return {
        "number": grant.number,
        "amount": money(grant.amount, grant.currency, actor.language),
        "rail": _say(unit, actor, registry.find(unit, payout.rail).title),
    }


def _said(unit: Unit, actor: Actor, finding: Finding) -> str:
    ground = _say(unit, actor, f"treasury.ground.{finding.ground}")
    reference = doubts.reference_of(unit, finding)
    return _say(unit, actor, f"treasury.found.{finding.found}", reference=reference, ground=ground)


def _grounds(unit: Unit, actor: Actor, payout: Payout, found: Found) -> Rows:
    return [
        [
            Button(
                _say(unit, actor, f"treasury.ground.{ground}"),
                "treasury.doubt_say",
                {"payout": str(payout.id), "found": str(found), "ground": str(ground)},
            )
        ]
        for ground in Ground
    ]


def _rows(unit: Unit, actor: Actor, payout: Payout, *verbs: str) -> Rows:
    """Buttons of a payout; without any, the way back to it; and the desk."""
    args = {"payout": str(payout.id)}
    rows = [
        [Button(_say(unit, actor, f"treasury.button.{verb.replace('_', '-')}"), f"treasury.{verb}", args)]
        for verb in verbs
    ]
    if not verbs:
        rows = [[Button(_say(unit, actor, "treasury.button.back"), "treasury.open", args)]]
    return [*rows, [_desk(unit, actor)]]


def _button(unit: Unit, actor: Actor, key: str, act: str, incident: Incident, end: str = "") -> Button:
    args = {"incident": str(incident.id)} | ({"end": end} if end else {})
    return Button(_say(unit, actor, key), act, args)


def _desk(unit: Unit, actor: Actor) -> Button:
    return Button(_say(unit, actor, "treasury.button.desk"), "treasury.desk")


def _say(unit: Unit, actor: Actor, key: str, **params: str | int) -> str:
    return unit.texts.render(key, actor.language, **params)
