"""Money that came back, or is said not to have arrived.

- Up to the tier that asks for two treasurers, and while the person still waits, one treasurer's word reopens the
  grant, once. Above it, the second time, or when nobody waits any more (the grant would be released: the books
  would call money free that may be gone), a second treasurer, another person, must see the money first.
- A payment that did not arrive stays first on the desk, and is spoken of daily, until it has been looked up. Its
  person says so when they are asked, or by themselves while the fund asks after it, as often as it is looked up in
  vain: who wants no messages, has said "yes" by mistake or was silent is heard too.
- A grant that was reopened needs no second review: the person is asked for another way. Where a code or a partner
  brought no cash back and the fund is short, it waits first, as after an approval.
"""

from datetime import timedelta
from uuid import UUID

from models.audit import about_money, record
from models.case import Case
from models.errors import ButtonGone, NotAllowed
from models.grant import Grant, GrantStatus, Payout, PayoutStatus, ReturnReason
from models.unit import Unit
from models.volunteer import Role
from payments import grants, payouts
from services import news
from services.access import Act, Actor, applicant_of
from services.followup_rows import ASKABLE
from services.limits import MISSING, spend
from services.roles import holders, on_duty, tell_role
from services.treasury_rights import call, held, tell

REPORTABLE = frozenset({PayoutStatus.SENT, PayoutStatus.PAID, PayoutStatus.RETURNING})
"""Payouts of which a person may say that they did not arrive."""

PERSON = "treasury.confirm_rail"
"""The button behind which the person sees where their money is, and confirms how it reaches them."""

RECHECKED = "treasury.rechecked"
"""The same, after a treasurer has looked up a payment that was said to be missing."""


async def came_back(unit: Unit, actor: Actor, payout_id: UUID, reason: ReturnReason) -> PayoutStatus:
    """The money came back: `RETURNED`, or `RETURNING` until a second treasurer has seen it too."""
    volunteer, payout, grant, case = await held(unit, actor, Act.CONFIRM_PAYOUT, payout_id)
    status = await payouts.came_back(unit, payout, grant, case, volunteer.id, reason)
    if status == PayoutStatus.RETURNED:
        await _ask_anew(unit, grant, case)
    else:
        await call(unit, "treasury.told.returning", payout, case, but=volunteer.id)
    return status


async def confirm_return(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """A second treasurer sees the money too. Raises `SamePerson` for the one who said so first."""
    volunteer, payout, grant, case = await held(unit, actor, Act.CONFIRM_PAYOUT, payout_id)
    await payouts.confirm_return(unit, payout, grant, case, volunteer.id)
    await _ask_anew(unit, grant, case)


async def deny_return(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """A second treasurer does not see it, or the first was mistaken: the payment stands as before."""
    volunteer, payout, _, _ = await held(unit, actor, Act.CONFIRM_PAYOUT, payout_id)
    await payouts.deny_return(unit, payout, volunteer.id)


async def recheck(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """The payment was looked up and went through: the person is told so."""
    _, payout, _, case = await held(unit, actor, Act.CONFIRM_PAYOUT, payout_id)
    if payout.status != PayoutStatus.PAID:
        raise NotAllowed("treasury.refused.nothing-to-pay")
    payout.missing_at = None
    await unit.session.flush()
    await record(unit, actor.name, "payout.rechecked", about_money(unit, "payout", payout.id))
    if case is not None and payouts.is_wanted(case):
        await news.tell(unit, case, RECHECKED)


def opens(unit: Unit, case: Case, payout: Payout) -> timedelta | None:
    """In how long a person may say by themselves that a payment has not arrived; nothing or less: now.

    From the day on which the fund asks them, and for as long as it asks after the payment at all. None when they
    may not: it is not paid, is said to be missing already, or too much time has passed.
    """
    if case.status not in ASKABLE or payout.status != PayoutStatus.PAID or payout.paid_at is None:
        return None
    days = unit.policy.followups.days
    passed = unit.now - payout.paid_at
    if payout.missing_at is not None or passed > timedelta(days=days[-1]):
        return None
    return timedelta(days=days[0]) - passed


def was_looked_up(payout: Payout) -> bool:
    """Whether a payment was said to be missing and found to have gone through.

    Else treasurers are told of nothing that is paid.
    """
    told = payout.reminded_at is not None and payout.paid_at is not None and payout.reminded_at > payout.paid_at
    return told and payout.missing_at is None


async def not_arrived(unit: Unit, actor: Actor, case: Case) -> None:
    """The person says by themselves that nothing has arrived. Harmless when it is said already.

    Raises `ButtonGone` for anybody else, or when the payment is not one to be missed, `BadInput` when it has been
    looked up at their word today.
    """
    if actor.case is None or actor.case.id != case.id:
        raise ButtonGone
    await unit.session.refresh(case, with_for_update=True)
    grant = await grants.grant_of(unit, case)
    payout = await grants.live_payout(unit, grant) if grant else None
    if payout is not None and payout.missing_at is not None:
        return
    wait = opens(unit, case, payout) if payout is not None else None
    if wait is None or wait > timedelta():
        raise ButtonGone
    await spend(unit, actor.chat, MISSING)
    await reported_missing(unit, case)


async def reported_missing(unit: Unit, case: Case) -> bool:
    """The person says that nothing arrived: who paid and who confirmed are told. False when nothing was sent.

    Who says it twice is not passed on twice: treasurers are reminded of it daily.
    """
    grant = await grants.grant_of(unit, case)
    payout = await grants.live_payout(unit, grant) if grant else None
    if payout is None or payout.status not in REPORTABLE:
        return False
    if payout.missing_at is not None:
        return True
    payout.missing_at = payout.reminded_at = unit.now
    await unit.session.flush()
    await record(unit, applicant_of(case), "payout.reported_missing", about_money(unit, "payout", payout.id))
    standing = await holders(unit, Role.TREASURER)
    paid_it = [volunteer for volunteer in standing if volunteer.id in {payout.claimed_by, payout.confirmed_by}]
    for volunteer in paid_it or on_duty(standing):
        await tell(unit, volunteer, "treasury.told.missing", payout)
    return True


async def _ask_anew(unit: Unit, grant: Grant, case: Case | None) -> None:
    if grant.status == GrantStatus.WAITING:
        for role in (Role.TREASURER, Role.COORDINATOR):
            await tell_role(unit, role, "treasury.told.fund-short")
    if case is not None and payouts.is_wanted(case):
        await news.tell(unit, case, PERSON)
