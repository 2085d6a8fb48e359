"""What becomes of a payout whose treasurer leaves, may not pay it any more, or falls silent.

- What was claimed goes back into the queue. Whether it was paid already nobody else can know, so that it is marked
  as unsure wherever the holder cannot be asked, or does not answer.
- A silent holder is reminded alone at first; then others may take the payout over, coordinators are told, and the
  holder learns that it is not theirs any more.
- What a partner has been given, and nobody tells them for whom, another treasurer takes upon themselves: it is not
  paid anew, only told. They cannot be the one who enters the report above the tier (`payments.payouts.report`).
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from models.audit import about_money, record
from models.case import Case
from models.errors import NotAllowed
from models.grant import Grant, Payout, PayoutStatus
from models.unit import Unit
from models.volunteer import Role, Volunteer
from payments import payouts
from payments.rails.base import MachineRail
from services.access import Act, Actor, roles_of
from services.roles import holders, tell_role
from services.treasury_rights import call, held, is_involved, tell

SILENT_AFTER: Final = timedelta(days=3)
"""A holder who has neither paid nor given back for so long: the third reminder in a row."""


def with_partner(unit: Unit, payout: Payout) -> bool:
    """Whether a partner has the money of a payout, and has not reported yet that it was passed on."""
    rail = unit.rails.get(payout.rail)
    return payout.status == PayoutStatus.SENT and isinstance(rail, MachineRail) and rail.reports_back


async def take_over(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """Put back a payout whose holder may not pay it any more, or is silent. Raises `NotAllowed` otherwise.

    Whether they have paid is for the treasurers to find out first: the screen says so. When nobody waits for it,
    two of them say what they found (`payments.doubts`): the money is free only then.
    """
    volunteer, payout, grant, case = await held(unit, actor, Act.CLAIM_PAYOUT, payout_id)
    gone, silent = await is_abandoned(unit, payout), is_silent(unit, payout)
    if payout.claimed_by == volunteer.id or not (gone or silent):
        raise NotAllowed("treasury.refused.not-holder")
    payout.unsure = payout.unsure or silent or not payouts.is_wanted(case)
    holder = payout.claimed_by
    await payouts.put_back(unit, payout, grant, case, actor.name)
    if not gone:
        await _tell_holder(unit, payout, holder, "treasury.told.taken-over")


async def take_telling(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """Tell a partner, in place of who has left, where money goes. Raises `NotAllowed` while somebody does."""
    volunteer, payout, _, case = await held(unit, actor, Act.CLAIM_PAYOUT, payout_id)
    if not payouts.is_wanted(case) or not await lacks_teller(unit, payout):
        raise NotAllowed("treasury.refused.not-holder")
    payout.claimed_by, payout.claimed_at = volunteer.id, unit.now
    await record(unit, actor.name, "payout.telling_taken", about_money(unit, "payout", payout.id))
    await unit.session.flush()


async def release(unit: Unit, volunteer: Volunteer, actor_name: str) -> int:
    """Take what a treasurer holds from them, since their access ends; returns how many payouts there were.

    What they claimed goes back into the queue, marked as unsure: whether they had paid already, nobody else can
    know, and whoever takes it is told to find out. What they ordered, and nobody has agreed to, was asked of no
    rail: it goes back as it is. What they sent waits for its second treasurer as before, or for one who tells the
    partner. Of a claimed one that nobody waits for any more two treasurers say whether it was paid.
    """
    held = await payouts.unfinished_of(unit, volunteer.id)
    for payout_id in held:
        payout, grant, case = await payouts.load(unit, payout_id)
        if payout.status in {PayoutStatus.CLAIMED, PayoutStatus.ORDERED}:
            payout.unsure = payout.unsure or payout.status == PayoutStatus.CLAIMED
            await payouts.put_back(unit, payout, grant, case, actor_name)
        if payout.status == PayoutStatus.CANCELLED:
            continue
        key = "treasury.told.tell-partner" if with_partner(unit, payout) else "treasury.told.confirm"
        if payout.status == PayoutStatus.QUEUED:
            key = "treasury.told.released" if payout.unsure else "treasury.told.queued"
        await call(unit, key, payout, case, but=volunteer.id)
    return len(held)


async def call_to_report(unit: Unit, payout: Payout, case: Case | None) -> None:
    """A partner has the money: its report is to be entered, and before that somebody tells them where it goes."""
    lacks = payouts.is_wanted(case) and await lacks_teller(unit, payout)
    await call(unit, "treasury.told.tell-partner" if lacks else "treasury.told.report", payout, case)


async def remind_holder(unit: Unit, payout: Payout, case: Case | None) -> None:
    """Remind who has claimed a payout; once they are silent, tell coordinators and who may take it over too."""
    key = "treasury.told.withdrawn" if case is None else "treasury.told.held"
    await _tell_holder(unit, payout, payout.claimed_by, key)
    if is_silent(unit, payout):
        await tell_role(unit, Role.COORDINATOR, "treasury.told.silent")
        await call(unit, "treasury.told.silent-holder", payout, case, but=payout.claimed_by)


def is_silent(unit: Unit, payout: Payout) -> bool:
    """Whether a payout was claimed so long ago that its holder is not counted on any more."""
    if payout.status != PayoutStatus.CLAIMED or payout.claimed_at is None:
        return False
    return payout.claimed_at <= unit.now - SILENT_AFTER


async def is_abandoned(unit: Unit, payout: Payout) -> bool:
    """Whether a payout is claimed by somebody who may not pay it any more."""
    return (
        payout.status == PayoutStatus.CLAIMED
        and payout.claimed_by is not None
        and not await _may_act(unit, payout)
    )


async def lacks_teller(unit: Unit, payout: Payout) -> bool:
    """Whether nobody may tell a partner where money goes: who ordered it may not act any more, or is not known."""
    return with_partner(unit, payout) and not await _may_act(unit, payout)


async def _may_act(unit: Unit, payout: Payout) -> bool:
    """Whether the holder of a payout is a treasurer still, without a part in its case."""
    if payout.claimed_by is None:
        return False
    holder = await unit.session.get(Volunteer, payout.claimed_by)
    if Role.TREASURER not in await roles_of(unit, holder):
        return False
    grant = await unit.session.get_one(Grant, payout.grant_id)
    case = await unit.session.get(Case, grant.case_id) if grant.case_id else None
    return case is None or not await is_involved(unit, case, payout.claimed_by)


async def _tell_holder(unit: Unit, payout: Payout, holder: UUID | None, key: str) -> None:
    for volunteer in await holders(unit, Role.TREASURER):
        if volunteer.id == holder:
            await tell(unit, volunteer, key, payout)
