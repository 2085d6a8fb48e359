"""Payouts in doubt, and money that went twice, at the payout desk: one treasurer says, another confirms.

Who may: as of any other payout (`services.treasury_rights`), so never their own request, nor one whose panel they
sat on, also once it is erased.
"""

from uuid import UUID

from models.audit import about_money, record
from models.case import Case
from models.doubt import Finding, Found, Ground, Incident, IncidentEnd
from models.errors import BadInput
from models.grant import Grant, Payout, PayoutStatus
from models.unit import Unit
from payments import doubts, incidents, payouts
from services import news, treasury, treasury_leaving
from services.access import Act, Actor
from services.contact import volunteer_recipient
from services.roles import on_duty
from services.speak import Button, Screen, notify
from services.treasury_returns import PERSON
from services.treasury_rights import able, call, held


async def say(unit: Unit, actor: Actor, payout_id: UUID, found: Found, ground: Ground, typed: str = "") -> Finding:
    """Say what became of a payout in doubt, how one knows, and of a payment its reference.

    Raises `NotAllowed` without a doubt, and for what was signed and may still pay; `AlreadyDone` for a second
    word; `BadInput` without a reference.
    """
    volunteer, payout, _, case = await held(unit, actor, Act.DECIDE_DOUBT, payout_id)
    if found == Found.PAID and not typed:
        raise BadInput("treasury.bad.reference", limit=treasury.REFERENCE_LIMIT)
    reference = treasury.read_reference(typed) if found == Found.PAID else ""
    finding = await doubts.say(unit, payout, found, ground, volunteer.id, reference)
    subject = about_money(unit, "payout", payout.id)
    await record(unit, actor.name, "payout.doubt_said", subject, found=str(found), ground=str(ground))
    await call(unit, "treasury.told.found", payout, case, but=volunteer.id)
    return finding


async def confirm(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """A second treasurer has found the same. Raises `SamePerson` for the first one, and as `say`."""
    volunteer, payout, grant, case = await held(unit, actor, Act.DECIDE_DOUBT, payout_id)
    await doubts.confirm(unit, payout, grant, case, volunteer.id)
    match payout.status:
        case PayoutStatus.PAID:
            await treasury.tell_paid(unit, case)
        case PayoutStatus.SENT:
            await treasury_leaving.call_to_report(unit, payout, case)
        case PayoutStatus.QUEUED:
            await call(unit, "treasury.told.queued", payout, case)
        case _ if case is not None and payouts.is_wanted(case):
            await news.tell(unit, case, PERSON)


async def deny(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """A second treasurer does not see it, or the first was mistaken: the doubt stands."""
    volunteer, payout, _, _ = await held(unit, actor, Act.DECIDE_DOUBT, payout_id)
    await doubts.deny(unit, payout, volunteer.id)


async def say_end(unit: Unit, actor: Actor, incident_id: UUID, end: IncidentEnd) -> None:
    """Say what an incident was. Raises `MoveRefused` when somebody has said so already."""
    incident, payout, grant, who = await held_incident(unit, actor, incident_id)
    case = await unit.session.get(Case, grant.case_id) if grant.case_id else None
    await incidents.say(unit, incident, end, who)
    for volunteer in on_duty(await able(unit, payout, case, but=who)):
        to = await volunteer_recipient(unit, volunteer)
        label = unit.texts.render("treasury.button.open", to.language)
        button = Button(label, "treasury.incident", {"incident": str(incident.id)})
        await notify(unit, to, Screen(unit.texts.render("treasury.told.found", to.language), [[button]]))


async def confirm_end(unit: Unit, actor: Actor, incident_id: UUID) -> None:
    """A second treasurer has seen the same: it is closed. Raises `SamePerson` for the first one."""
    incident, payout, grant, who = await held_incident(unit, actor, incident_id)
    await incidents.close(unit, incident, payout, grant, who)


async def deny_end(unit: Unit, actor: Actor, incident_id: UUID) -> None:
    """A second treasurer does not see it so, or the first was mistaken: it stands open."""
    incident, _, _, who = await held_incident(unit, actor, incident_id)
    await incidents.deny(unit, incident, who)


async def held_incident(unit: Unit, actor: Actor, incident_id: UUID) -> tuple[Incident, Payout, Grant, UUID]:
    """The incident that a treasurer acts on, or the refusal: as of its payout."""
    payout_id = await incidents.payout_of(unit, incident_id)
    volunteer, payout, grant, _ = await held(unit, actor, Act.DECIDE_DOUBT, payout_id)
    return await incidents.load(unit, incident_id), payout, grant, volunteer.id
