"""The payout desk: who may pay, confirm and return, and who is told what.

- Who may act on a payout: `services.treasury_rights`. What came back: `services.treasury_returns`. What becomes of
  it when its treasurer leaves or falls silent: `services.treasury_leaving`.
- A payout exists once the person has confirmed how the money reaches them; until then nothing can be claimed.
- The destination is read by the treasurer who holds the payout, alone, and each reading is on the record.
- Above the policy's tier a payment counts once a second treasurer, another person, has confirmed it.
- The desk never shows a case's code or a word of its story.

Steps of the payout itself are in `payments.payouts`, screens in `services.treasury_screens`.
"""

import unicodedata
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import col, func, select

from models.audit import about_money, record
from models.case import Case, CaseStatus
from models.errors import AlreadyDone, BadInput, ButtonGone, FundShort, NotAllowed
from models.grant import Grant, GrantStatus, Payout, PayoutStatus, ReturnReason
from models.unit import Unit
from models.volunteer import Role
from payments import grants, ledger, limits, payouts
from payments.destinations import whole
from payments.rails import registry
from payments.rails.base import ChoosyRail, MachineRail, Rail
from payments.screening.paying import screen
from services import followup, intake, news
from services.access import Act, Actor, applicant_of
from services.corridor import chosen
from services.jobs import Job
from services.limits import WAYS, spend
from services.roles import tell_role
from services.treasury_leaving import is_abandoned, remind_holder, with_partner
from services.treasury_returns import PERSON
from services.treasury_rights import call, call_to_look, call_to_take, end_call, held, to_call
from vault.types import BlindIndex, IndexName

REFERENCE_LIMIT: Final = 64
"""Characters of a payment's reference: bank references are shorter."""

REMIND_AFTER: Final = timedelta(hours=24)
"""A payout that stands still for so long is spoken of, and again after as long."""

STANDING: Final = (
    PayoutStatus.QUEUED,
    PayoutStatus.CLAIMED,
    PayoutStatus.ORDERED,
    PayoutStatus.PAYING,
    PayoutStatus.SENT,
    PayoutStatus.RETURNING,
)


def is_open_work() -> ColumnElement[bool]:
    """The condition of a payout on which somebody has to act: not done yet, or paid and said to be missing."""
    missing = and_(col(Payout.status) == PayoutStatus.PAID, col(Payout.missing_at).is_not(None))
    return or_(col(Payout.status).in_(STANDING), missing)


async def offer(unit: Unit, grant: Grant) -> None:
    """After an approval: when the fund is short, those who can fill it are told.

    The person learns of the decision from `services.review` and confirms from there how the money reaches them.
    """
    case = await unit.session.get(Case, grant.case_id) if grant.case_id else None
    if case is not None and (destination := await intake.read_answer(unit, case, "payout")):
        grant.destination = _index(unit, destination)
    if grant.status == GrantStatus.WAITING:
        for role in (Role.TREASURER, Role.COORDINATOR):
            await tell_role(unit, role, "treasury.told.fund-short")


async def agree(
    unit: Unit, actor: Actor, case: Case, rail_name: str | None = None, seen: int | None = None
) -> Payout:
    """The person confirms how the money reaches them, and by which rail: the payout is on the desk, once.

    `seen`: what they saw that the rail pays, in its minor units; `TermsChanged` when it pays less now.

    Raises `ButtonGone` for anybody else, `FundShort` while the grant waits, `AlreadyDone` once it is on its way,
    `BadInput` when no destination is known, or only one that has proved wrong, `NoRail` when the rail is closed,
    `LimitReached` when the destination has had what the policy lets it, and `BadInput` after too many times.
    """
    grant = await _own_grant(unit, actor, case)
    await spend(unit, actor.chat, WAYS)
    rail = await chosen(unit, grant, rail_name, seen)
    destination = await _destination_of(unit, case, grant, rail) if rail.needs_destination else None
    index = None if destination is None else _index(unit, destination)
    payout = await payouts.queue(unit, grant, case, rail, index, applicant_of(case))
    if destination is not None:
        await limits.note(unit, grant, payout, destination)
    payout.changed = index is not None and grant.destination not in {None, index}
    if payout.changed:
        await call_to_look(unit, payout, case)
    else:
        await call_to_take(unit, payout, case, 2 if grant.second_treasurer else 1)
    return payout


async def other_way(unit: Unit, actor: Actor, case: Case) -> None:
    """The person wants the money another way: the question is asked anew, as long as nothing is on its way.

    They are in front of it, so no news is sent.
    """
    await _own_grant(unit, actor, case)
    await intake.forget_answer(unit, case, "payout")


async def is_known_wrong(unit: Unit, grant: Grant, destination: str) -> bool:
    """Whether money came back from this very destination, because its details were wrong."""
    returned = await payouts.last_returned(unit, grant)
    if returned is None or returned.return_reason != ReturnReason.WRONG_DETAILS:
        return False
    return returned.destination == _index(unit, destination)


async def take_back(unit: Unit, actor: Actor, case: Case) -> None:
    """The person withdraws what they agreed to. Raises `AlreadyDone` once a treasurer holds it."""
    grant = await _grant_of_own(unit, actor, case)
    payout = await grants.live_payout(unit, grant)
    if payout is None:
        raise AlreadyDone
    if payout.status != PayoutStatus.QUEUED:
        raise AlreadyDone("treasury.refused.taken-up")
    await payouts.take_back(unit, payout, case, applicant_of(case))
    await end_call(unit, payout)


async def claim(unit: Unit, actor: Actor, payout_id: UUID) -> Payout:
    """Take a queued payout. Of two at once one gets it, the other `MoveRefused`.

    It stays queued when screening holds it back (`Payout.hold` says why).

    Raises `LimitReached`, `SamePerson` while nobody else has looked at a changed destination, and `NotAllowed`
    while two treasurers have to say whether it was paid already.
    """
    volunteer, payout, grant, case = await held(unit, actor, Act.CLAIM_PAYOUT, payout_id)
    if payout.status == PayoutStatus.QUEUED:
        if payout.unsure and (not payouts.is_wanted(case) or is_machine(unit, payout)):
            raise NotAllowed("treasury.refused.unsure")
        await limits.check(unit, grant, payout)
        if case is not None and not await _is_clear(unit, payout, case):
            return payout
    await payouts.claim(unit, payout, volunteer.id)
    return payout


def is_machine(unit: Unit, payout: Payout) -> bool:
    """Whether the fund works the rail of a payout itself."""
    return isinstance(registry.find(unit, payout.rail), MachineRail)


async def read_destination(unit: Unit, actor: Actor, payout_id: UUID) -> str:
    """Where to pay, for the holder alone, while it is not paid. Each reading is audited.

    Empty when screening holds a payment by hand back by now (`Payout.hold` says why).
    Whoever ordered what a partner passes on reads it until the partner has reported: they tell the partner.
    """
    volunteer, payout, _, case = await held(unit, actor, Act.CLAIM_PAYOUT, payout_id)
    payouts.only_holder(payout, volunteer.id)
    rail = registry.find(unit, payout.rail)
    readable = payout.status == PayoutStatus.CLAIMED or with_partner(unit, payout)
    if not readable or case is None or not payouts.is_wanted(case):
        raise NotAllowed("treasury.refused.nothing-to-pay")
    if not rail.needs_destination or not await _is_clear(unit, payout, case):
        return ""
    await record(unit, actor.name, "payout.destination_read", about_money(unit, "payout", payout.id))
    return await intake.read_answer(unit, case, "payout") or ""


async def give_back(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """Put a claimed payout back, not paid."""
    volunteer, payout, grant, case = await held(unit, actor, Act.CLAIM_PAYOUT, payout_id)
    await payouts.give_back(unit, payout, grant, case, volunteer.id)


def read_reference(typed: str) -> str:
    """A payment's reference as typed, in one line. Raises `BadInput`."""
    reference = " ".join(typed.split())
    if not reference or len(reference) > REFERENCE_LIMIT:
        raise BadInput("treasury.bad.reference", limit=REFERENCE_LIMIT)
    if any(unicodedata.category(sign).startswith("C") for sign in reference):
        raise BadInput("treasury.bad.reference", limit=REFERENCE_LIMIT)
    return reference


async def pay(unit: Unit, actor: Actor, payout_id: UUID, typed: str) -> PayoutStatus:
    """The holder has paid under a reference. `PAID` at once, or `SENT` until a second treasurer confirms.

    Entered whatever the lists say by now, and the record has what they say.
    """
    volunteer, payout, grant, case = await held(unit, actor, Act.CLAIM_PAYOUT, payout_id)
    if is_machine(unit, payout):
        raise NotAllowed("treasury.refused.nothing-to-pay")
    if case is not None and payouts.is_wanted(case):
        await _is_clear(unit, payout, case)
    status = await payouts.pay(unit, payout, grant, case, volunteer.id, read_reference(typed))
    if status == PayoutStatus.PAID:
        await tell_paid(unit, case)
        return status
    await call(unit, "treasury.told.confirm", payout, case, but=volunteer.id)
    return status


async def confirm(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """A second treasurer confirms a payment. Raises `SamePerson` for the one who paid."""
    volunteer, payout, grant, case = await held(unit, actor, Act.CONFIRM_PAYOUT, payout_id)
    if is_machine(unit, payout):
        raise NotAllowed("treasury.refused.nothing-to-pay")
    await payouts.confirm(unit, payout, grant, case, volunteer.id)
    await tell_paid(unit, case)


async def fund_waiting(unit: Unit, actor_name: str = "system") -> list[Grant]:
    """Reserve waiting grants as far as the money reaches, and ask their people how it is to reach them."""
    funded = await grants.fund_waiting(unit, actor_name)
    for grant in funded:
        case = await unit.session.get(Case, grant.case_id)
        if case is not None:
            await news.tell(unit, case, PERSON)
    return funded


async def _is_clear(unit: Unit, payout: Payout, case: Case) -> bool:
    """Whether a payout by hand may be paid now; a machine rail is screened when it is ordered."""
    rail = registry.find(unit, payout.rail)
    if isinstance(rail, MachineRail):
        return True
    verdict = await screen(unit, rail, payout, case.id, await intake.read_answer(unit, case, "payout") or "")
    return verdict is None or verdict.clear


async def _own_grant(unit: Unit, actor: Actor, case: Case) -> Grant:
    """The reserved grant of the actor's own case, with no payout under way."""
    grant = await _grant_of_own(unit, actor, case)
    if grant.status == GrantStatus.WAITING:
        raise FundShort
    if await grants.live_payout(unit, grant) is not None or case.status != CaseStatus.APPROVED:
        raise AlreadyDone
    return grant


async def _destination_of(unit: Unit, case: Case, grant: Grant, rail: Rail) -> str:
    destination = await intake.read_answer(unit, case, "payout")
    if not destination:
        raise BadInput("treasury.refused.no-destination")
    if await is_known_wrong(unit, grant, destination):
        raise BadInput("treasury.refused.same-destination")
    if isinstance(rail, ChoosyRail):
        rail.check_destination(unit, destination)
    await limits.check_destination(unit, grant, destination)
    return destination


async def _grant_of_own(unit: Unit, actor: Actor, case: Case) -> Grant:
    if actor.case is None or actor.case.id != case.id:
        raise ButtonGone
    await unit.session.refresh(case, with_for_update=True)
    grant = await grants.grant_of(unit, case)
    if grant is None:
        raise ButtonGone
    return grant


async def tell_paid(unit: Unit, case: Case | None) -> None:
    """The money is on its way for good: the person is told, and will be asked after it."""
    if case is not None and case.status == CaseStatus.PAID:
        await news.tell(unit, case, PERSON)
        await followup.schedule(unit, case)


def _index(unit: Unit, destination: str) -> BlindIndex:
    """The blind index of the whole destination, for telling a changed one; `whole` keeps it apart from others."""
    return unit.vault.index(IndexName.destination, f"whole {whole(destination)}")


async def _find_fundable(unit: Unit) -> Sequence[str]:
    first, currency = next(iter(await grants.waiting(unit)), None), unit.policy.currency
    free, short = [
        (await ledger.balance(unit, purpose, currency)).amount
        for purpose in (ledger.Purpose.FUND, ledger.Purpose.SHORTFALL)
    ]
    pays = first is not None and free + short >= first.amount
    return (currency,) if pays or (short < 0 < free) else ()


async def _fund_due(unit: Unit, _: str) -> None:
    await fund_waiting(unit)


async def _find_still(unit: Unit) -> Sequence[UUID]:
    since = func.coalesce(Payout.reminded_at, Payout.claimed_at, Payout.created_at)
    withdrawn = and_(col(Grant.case_id).is_(None), col(Payout.reminded_at).is_(None))
    found = await unit.session.exec(
        select(Payout.id)
        .join(Grant, col(Grant.id) == Payout.grant_id)
        .where(is_open_work(), or_(since <= unit.now - REMIND_AFTER, withdrawn))
    )
    return found.all()


async def _remind(unit: Unit, payout_id: UUID) -> None:
    """Tell those on whom a payout waits; coordinators too when its holder is no treasurer any more, or silent."""
    if payout_id not in await _find_still(unit):
        return
    payout, _, case = await payouts.load(unit, payout_id)
    payout.reminded_at = unit.now
    if payout.status == PayoutStatus.CLAIMED and not await is_abandoned(unit, payout):
        await remind_holder(unit, payout, case)
        return
    await tell_role(unit, Role.COORDINATOR, "treasury.told.still")
    acted = {
        PayoutStatus.ORDERED: payout.claimed_by,
        PayoutStatus.SENT: payout.claimed_by,
        PayoutStatus.RETURNING: payout.returned_by,
    }
    others = await to_call(unit, payout, case, but=acted.get(payout.status))
    await call(unit, f"treasury.told.{'missing' if payout.missing_at else 'still'}", payout, case, needed=0)
    if not others:
        await tell_role(unit, Role.COORDINATOR, "treasury.told.too-few", missing=1)


JOBS: tuple[Job, ...] = (
    Job("treasury.fund_waiting", timedelta(minutes=1), _find_fundable, _fund_due),
    Job("treasury.remind", timedelta(minutes=1), _find_still, _remind),
)
"""Money that came in by the command line reaches waiting grants within a minute; nothing stands still unseen."""
