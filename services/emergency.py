"""An emergency: one reviewer and one coordinator grant a small request at once; the panel looks at it afterwards.

- Only for an urgent case (help is needed today) on its first review, that is no possible repeat, and asks for no
  more than the policy's emergency amount: it is granted whole, so nobody loses by the haste.
- A counting member of the panel proposes it; a coordinator outside the panel, who sees the card's facts only,
  agrees. Both are on record. Whatever else decides or changes the case in between ends the proposal.
- The agreement is the decision of the case, made once. The other members of the panel then read the case and say
  whether they would have granted it. That goes to the coordinators and into the audit log, and moves no money.
- The same two people grant a few a month at most; then another coordinator has to agree. The count is kept apart
  from the cases, which may be erased; of a grant that is erased before the panel has looked the coordinators hear.
- Who proposed or agreed can never pay the grant (`services.treasury`).

Why so: docs/decisions/0008-emergency.md.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlmodel import col, delete, select

from models.audit import about, record
from models.case import ENDED, OPEN, Case
from models.emergency import Emergency, EmergencyVerdict
from models.errors import ButtonGone, NotAllowed, OwnCase, Refused, SamePerson, Stale, SteppedAside
from models.unit import Unit
from models.volunteer import Role, Volunteer
from services import card, panel, review
from services.access import Act, Actor, has_stepped_aside, require, require_seat
from services.contact import volunteer_recipient
from services.jobs import Job
from services.limits import Limit, is_spent, spend
from services.panel import reading_slot
from services.roles import holders, on_duty, tell_role
from services.seats import asked, lock_as_seen, seated
from services.speak import NOTICE, Button, Screen, clear_slot, notify, show, unfading
from texts.formats import money
from vault.types import BlindIndex, IndexName

AFTERWARDS: Final = timedelta(days=3)
"""How long the panel has to look at an emergency grant."""


TOGETHER: Final = Limit("pair", 3, timedelta(days=30), "emergency.refused.pair")
"""How many the same two may grant: then another coordinator has to agree. Erasing a case gives none back."""


async def may_propose(unit: Unit, actor: Actor, case: Case) -> bool:
    """Whether to offer the actor, who reads the case, the button that proposes."""
    if not _fits(unit, case) or case.status not in OPEN:
        return False
    return _is_anew(await find(unit, case), case, await _counting(unit, case), actor.volunteer)


async def propose(unit: Unit, actor: Actor, case: Case) -> None:
    """Ask the coordinators to grant at once what the case asks for.

    Raises as `require_seat`; `Stale` once the case is closed or proposed already; `NotAllowed` when the case is no
    emergency, and when nobody could agree to it, or look at it afterwards.
    """
    await lock_as_seen(unit, case)
    volunteer, seat = await require_seat(unit, actor, Act.PROPOSE_EMERGENCY, case)
    if not _fits(unit, case) or not seat.counts:
        raise NotAllowed("emergency.refused.unfit")
    earlier, members = await find(unit, case), await _counting(unit, case)
    if not _is_anew(earlier, case, members, volunteer):
        raise Stale("emergency.refused.proposed")
    able = await _able(unit, case, volunteer)
    if not able or len(members) < 2:  # noqa: PLR2004 - the proposer and one who looks at it afterwards
        raise NotAllowed("emergency.refused.nobody")
    if earlier is not None:
        await unit.session.delete(earlier)
        await unit.session.flush()
    unit.session.add(
        Emergency(case_id=case.id, case_version=case.version, proposed_by=volunteer.id, proposed_at=unit.now)
    )
    await unit.session.flush()
    await record(unit, actor.name, "emergency.proposed", about("case", case.id), version=case.version)
    for coordinator in able:
        await _ask(unit, case, coordinator, volunteer)


async def proposed_to(unit: Unit, actor: Actor) -> Sequence[Case]:
    """Cases that a coordinator may grant at once with whoever proposed it, the earliest proposal first."""
    volunteer = require(actor, Act.GRANT_EMERGENCY)
    found = await unit.session.exec(
        select(Emergency, Case)
        .join(Case, col(Case.id) == Emergency.case_id)
        .where(col(Emergency.agreed_at).is_(None), col(Case.status).in_(OPEN))
        .order_by(col(Emergency.proposed_at), col(Emergency.id))
    )
    return [
        case
        for emergency, case in found.all()
        if _fits(unit, case)
        and _stands(emergency, case, await _counting(unit, case))
        and await _bar(unit, case, emergency, volunteer) is None
    ]


async def ask_again(unit: Unit, actor: Actor, case: Case) -> None:
    """Put the question before one coordinator once more. Raises as `agree` would."""
    volunteer = require(actor, Act.GRANT_EMERGENCY, case)
    emergency = await _require_able(unit, case, volunteer)
    proposer = await unit.session.get_one(Volunteer, emergency.proposed_by)
    await _ask(unit, case, volunteer, proposer)


async def agree(unit: Unit, actor: Actor, case: Case) -> int:
    """Grant what was proposed; the case is decided by it. Returns the amount, in minor units.

    Raises `OwnCase`, `SteppedAside`, `SamePerson`, `NotAllowed` for a member of the panel, and `Stale` when the
    case is decided, has changed, or its proposer has left the panel.
    """
    require(actor, Act.GRANT_EMERGENCY, case)
    await lock_as_seen(unit, case)
    volunteer = require(actor, Act.GRANT_EMERGENCY, case)
    emergency = await _require_able(unit, case, volunteer)
    await spend(unit, _pair(unit, emergency.proposed_by, volunteer.id), TOGETHER)
    members = await _counting(unit, case)
    emergency.agreed_by, emergency.agreed_at = volunteer.id, unit.now
    emergency.review_due_at = unit.now + AFTERWARDS
    amount = asked(unit.policy, case)
    await record(
        unit, actor.name, "emergency.granted", about("case", case.id),
        version=case.version, proposer=emergency.proposed_by,
    )  # fmt: skip
    # Seats are closed first, so that nobody's vote on probation is compared with what the panel did not decide.
    await panel.dismiss(unit, case, actor.name)
    await review.approve(unit, case, amount, actor.name)
    await _clear_asked(unit, case)
    for member in members:
        if member.id != emergency.proposed_by:
            await _ask_afterwards(unit, case, emergency, member)
    return amount


async def give_verdict(unit: Unit, actor: Actor, case: Case, *, agreed: bool) -> None:
    """Say, once, whether the panel would have granted it too. Raises `NotAllowed` for who was not asked."""
    verdict = await require_asked(unit, actor, Act.REVIEW_EMERGENCY, case)
    verdict.agreed, verdict.given_at = agreed, unit.now
    await unit.session.flush()
    await record(unit, actor.name, "emergency.verdict", about("case", case.id), agreed=agreed)
    await clear_slot(unit, actor.chat, reading_slot(case.id))
    emergency = await unit.session.get_one(Emergency, verdict.emergency_id, with_for_update=True)
    if all(one.agreed is not None for one in await _verdicts(unit, emergency)):
        await _close(unit, case, emergency)


async def require_asked(unit: Unit, actor: Actor, act: Act, case: Case) -> EmergencyVerdict:
    """The open question to an actor about an emergency, or the refusal. Raises `Stale` when it has been closed."""
    volunteer = require(actor, act, case)
    if await has_stepped_aside(unit, case.id, volunteer.id):
        raise SteppedAside
    await unit.session.refresh(case, with_for_update=True)
    emergency = await find(unit, case)
    if emergency is None or emergency.agreed_at is None:
        raise NotAllowed
    verdict = next((one for one in await _verdicts(unit, emergency) if one.volunteer_id == volunteer.id), None)
    if verdict is None:
        raise NotAllowed
    if verdict.agreed is not None or emergency.reviewed_at is not None or case.status in ENDED:
        raise Stale("review.closed")
    return verdict


async def asked_of(unit: Unit, volunteer: Volunteer) -> Sequence[Case]:
    """Cases granted at once about which a member of the panel has not said yet what they think."""
    found = await unit.session.exec(
        select(Case)
        .join(Emergency, col(Emergency.case_id) == Case.id)
        .join(EmergencyVerdict, col(EmergencyVerdict.emergency_id) == Emergency.id)
        .where(EmergencyVerdict.volunteer_id == volunteer.id, col(EmergencyVerdict.agreed).is_(None))
        .where(col(Emergency.reviewed_at).is_(None), col(Case.status).not_in(ENDED))
        .order_by(col(Emergency.review_due_at), col(Emergency.id))
    )
    return found.all()


async def _require_able(unit: Unit, case: Case, volunteer: Volunteer) -> Emergency:
    """The proposal that a coordinator may agree to, or the refusal."""
    emergency = await find(unit, case)
    if emergency is None:
        raise ButtonGone
    barred = await _bar(unit, case, emergency, volunteer)
    if barred is not None:
        raise barred
    if not _fits(unit, case) or not _stands(emergency, case, await _counting(unit, case)):
        raise Stale("emergency.refused.gone")
    return emergency


async def _bar(unit: Unit, case: Case, emergency: Emergency, volunteer: Volunteer) -> Refused | None:
    """Why this coordinator may not agree, if so."""
    if case.chat == volunteer.chat:
        return OwnCase()
    if await has_stepped_aside(unit, case.id, volunteer.id):
        return SteppedAside()
    if emergency.proposed_by == volunteer.id:
        return SamePerson()
    if volunteer.id in {member.id for _, member in await seated(unit, case)}:
        return NotAllowed("emergency.refused.panel")
    if await is_spent(unit, _pair(unit, emergency.proposed_by, volunteer.id), TOGETHER):
        return NotAllowed(TOGETHER.key)
    return None


def _pair(unit: Unit, proposer: UUID, coordinator: UUID) -> BlindIndex:
    return unit.vault.index(IndexName.pair, f"{proposer} {coordinator}")


async def find(unit: Unit, case: Case) -> Emergency | None:
    """The emergency of a case, proposed or granted."""
    return (await unit.session.exec(select(Emergency).where(Emergency.case_id == case.id))).first()


async def forget(unit: Unit, case: Case) -> None:
    """The case is erased: delete what names it together with people. What nobody has looked at yet is told of."""
    granted = await find(unit, case)
    if granted is not None and granted.agreed_at is not None and granted.reviewed_at is None:
        await record(unit, "system", "emergency.unreviewed", about("case", case.id))
        await tell_role(unit, Role.COORDINATOR, "emergency.unreviewed", code=case.code)
    of_case = select(Emergency.id).where(Emergency.case_id == case.id)
    await unit.session.exec(delete(EmergencyVerdict).where(col(EmergencyVerdict.emergency_id).in_(of_case)))
    await unit.session.exec(delete(Emergency).where(col(Emergency.case_id) == case.id))


def _fits(unit: Unit, case: Case) -> bool:
    """Whether a case may be an emergency at all."""
    if case.appealed or case.possible_repeat or not panel.is_urgent(case):
        return False
    return case.amount is not None and case.amount <= unit.policy.emergency_amount


def _stands(emergency: Emergency, case: Case, members: Sequence[Volunteer]) -> bool:
    """Whether a proposal may still be agreed to."""
    if emergency.agreed_at is not None or emergency.case_version != case.version:
        return False
    return len(members) > 1 and emergency.proposed_by in {member.id for member in members}


def _is_anew(
    earlier: Emergency | None, case: Case, members: Sequence[Volunteer], volunteer: Volunteer | None
) -> bool:
    """Whether a member may propose: nothing was proposed yet, or what was stands no more."""
    if volunteer is None or volunteer.id not in {member.id for member in members}:
        return False
    return earlier is None or (earlier.agreed_at is None and not _stands(earlier, case, members))


async def _counting(unit: Unit, case: Case) -> list[Volunteer]:
    return [volunteer for seat, volunteer in await seated(unit, case) if seat.counts]


async def _able(unit: Unit, case: Case, proposer: Volunteer) -> list[Volunteer]:
    """Coordinators who are asked, of those who may agree."""
    sitting = {volunteer.id for _, volunteer in await seated(unit, case)} | {proposer.id}
    return on_duty(
        [
            one
            for one in await holders(unit, Role.COORDINATOR)
            if one.id not in sitting
            and one.chat != case.chat
            and not await has_stepped_aside(unit, case.id, one.id)
        ]
    )


def _slot(case: Case) -> str:
    return f"{NOTICE}emergency:{case.id}"


async def _ask(unit: Unit, case: Case, coordinator: Volunteer, proposer: Volunteer) -> None:
    """Ask one coordinator, with the facts of the card and nothing else, in a message that makes itself heard."""
    to = await volunteer_recipient(unit, coordinator)
    most = money(unit.policy.emergency_amount, unit.policy.currency, to.language)
    facts = "\n".join(card.facts(unit, case, to.language))
    text = unit.texts.render(
        "emergency.asked", to.language, sign=proposer.call_sign, code=case.code, facts=facts, most=most
    )
    row = [Button(unit.texts.render("emergency.button.agree", to.language), "emergency.agree")]
    await show(
        unit, to, Screen(text, [row]), slot=_slot(case), case=case, life=unfading(unit), anew=True, urgent=True
    )


async def _clear_asked(unit: Unit, case: Case) -> None:
    for coordinator in await holders(unit, Role.COORDINATOR):
        await clear_slot(unit, coordinator.chat, _slot(case))


async def _ask_afterwards(unit: Unit, case: Case, emergency: Emergency, member: Volunteer) -> None:
    unit.session.add(EmergencyVerdict(emergency_id=emergency.id, volunteer_id=member.id))
    await unit.session.flush()
    to = await volunteer_recipient(unit, member)
    text = unit.texts.render("emergency.afterwards", to.language, code=case.code)
    row = [Button(unit.texts.render("review.button.read", to.language), "reading.show")]
    await notify(unit, to, Screen(text, [row]), case=case)


async def _verdicts(unit: Unit, emergency: Emergency) -> Sequence[EmergencyVerdict]:
    found = await unit.session.exec(select(EmergencyVerdict).where(EmergencyVerdict.emergency_id == emergency.id))
    return found.all()


async def _close(unit: Unit, case: Case, emergency: Emergency) -> None:
    """End the look afterwards: nobody reads the case any more, and the coordinators learn what was said."""
    verdicts = await _verdicts(unit, emergency)
    agreed = sum(one.agreed is True for one in verdicts)
    against = sum(one.agreed is False for one in verdicts)
    emergency.reviewed_at = unit.now
    await unit.session.flush()
    silent = len(verdicts) - agreed - against
    await record(
        unit, "system", "emergency.reviewed", about("case", case.id), agreed=agreed, against=against, silent=silent
    )
    for one in verdicts:
        member = await unit.session.get_one(Volunteer, one.volunteer_id)
        await clear_slot(unit, member.chat, reading_slot(case.id))
    await tell_role(
        unit, Role.COORDINATOR, "emergency.reviewed", code=case.code, agreed=agreed, against=against, silent=silent
    )


async def _find_due(unit: Unit) -> Sequence[UUID]:
    found = await unit.session.exec(
        select(Emergency.id).where(
            col(Emergency.agreed_at).is_not(None),
            col(Emergency.reviewed_at).is_(None),
            col(Emergency.review_due_at) <= unit.now,
        )
    )
    return found.all()


async def _handle_due(unit: Unit, emergency_id: UUID) -> None:
    emergency = await unit.session.get(Emergency, emergency_id)
    if emergency is None:
        return
    case = await unit.session.get_one(Case, emergency.case_id, with_for_update=True)
    await unit.session.refresh(emergency)
    if emergency.reviewed_at is None:
        await _close(unit, case, emergency)


JOBS: tuple[Job, ...] = (Job("emergency.close", timedelta(minutes=10), _find_due, _handle_due),)
