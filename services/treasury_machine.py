"""Payouts by rails that the fund works itself: ordered by a treasurer, agreed to by a second one above the tier.

- Both decide before anything moves: a machine rail asks nobody afterwards.
- What a rail has promised reaches who waits for it: the person when it is paid or another way is needed, the
  treasurers when a partner must report, when a rail shuts or opens, and when a payout is theirs again.
- A destination that was changed after the approval is looked at by another treasurer than the holder first.
"""

from uuid import UUID

from models.audit import about_money, record
from models.case import Case
from models.errors import NotAllowed, SamePerson
from models.grant import Grant, Payout, PayoutStatus
from models.unit import Unit
from models.volunteer import Role
from payments import attempts, payouts
from payments.attempts import Concluded, Now
from payments.money import Money
from payments.rails import registry
from payments.rails.base import MachineRail
from payments.screening.paying import screen, why_stale
from services import corridor, intake, news, treasury, treasury_leaving
from services.access import Act, Actor
from services.roles import tell_role
from services.treasury_returns import PERSON
from services.treasury_rights import call, end_call, held


def machine(unit: Unit, payout: Payout) -> MachineRail | None:
    """The rail of a payout, when the fund works it itself."""
    rail = registry.find(unit, payout.rail)
    return rail if isinstance(rail, MachineRail) else None


async def order(unit: Unit, actor: Actor, payout_id: UUID) -> PayoutStatus:
    """The holder wants the rail to pay: `PAYING`, or `ORDERED` until a second treasurer agrees.

    It stays `CLAIMED` when screening holds it back (`Payout.hold` says why), and is `CANCELLED` when the rail
    would now pay less than its person has agreed to: they are asked anew. Raises `NotAllowed` while it is unsure.
    """
    volunteer, payout, grant, case = await held(unit, actor, Act.CLAIM_PAYOUT, payout_id)
    payouts.only_holder(payout, volunteer.id)
    if payout.unsure:
        raise NotAllowed("treasury.refused.unsure")
    if grant.second_treasurer:
        await payouts.order(unit, payout, volunteer.id)
        await call(unit, "treasury.told.order", payout, case, but=volunteer.id)
        return PayoutStatus.ORDERED
    await _prepare(unit, actor, payout, grant, case)
    return payout.status


async def agree_order(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """A second treasurer agrees, and the rail pays. Raises `SamePerson` for the one who ordered it."""
    volunteer, payout, grant, case = await held(unit, actor, Act.CONFIRM_PAYOUT, payout_id)
    if payout.claimed_by == volunteer.id:
        raise SamePerson
    if payout.status != PayoutStatus.ORDERED:
        raise NotAllowed("treasury.refused.nothing-to-pay")
    payout.confirmed_by = volunteer.id
    await _prepare(unit, actor, payout, grant, case)


async def refuse_order(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """A treasurer does not agree, or the first changed their mind: the payout is in the queue again."""
    _, payout, grant, case = await held(unit, actor, Act.CONFIRM_PAYOUT, payout_id)
    if payout.status != PayoutStatus.ORDERED:
        raise NotAllowed("treasury.refused.nothing-to-pay")
    await payouts.put_back(unit, payout, grant, case, actor.name)


async def report(unit: Unit, actor: Actor, payout_id: UUID, typed: str) -> None:
    """A partner reports, under a reference, that the money has reached the person."""
    volunteer, payout, grant, case = await held(unit, actor, Act.CONFIRM_PAYOUT, payout_id)
    rail = machine(unit, payout)
    if rail is None or not rail.reports_back:
        raise NotAllowed("treasury.refused.nothing-to-pay")
    await payouts.report(unit, payout, grant, case, volunteer.id, treasury.read_reference(typed))
    await treasury.tell_paid(unit, case)


async def awaits_report(unit: Unit, payout_id: UUID) -> bool:
    """Whether a partner has the money of a payout and has not reported yet."""
    payout = await unit.session.get(Payout, payout_id)
    return payout is not None and payout.status == PayoutStatus.SENT and machine(unit, payout) is not None


async def look(unit: Unit, actor: Actor, payout_id: UUID) -> str:
    """The changed destination, for a treasurer who does not hold the payout. Each reading is audited."""
    _, payout, _, case = await held(unit, actor, Act.CONFIRM_PAYOUT, payout_id)
    if not _waits_for_look(payout) or case is None:
        raise NotAllowed("treasury.refused.nothing-to-pay")
    await record(unit, actor.name, "payout.destination_read", about_money(unit, "payout", payout.id))
    return await intake.read_answer(unit, case, "payout") or ""


async def looked(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """A treasurer finds nothing wrong with the changed destination: another one may pay."""
    volunteer, payout, _, case = await held(unit, actor, Act.CONFIRM_PAYOUT, payout_id)
    if not _waits_for_look(payout):
        raise NotAllowed("treasury.refused.nothing-to-pay")
    payout.looked_by = volunteer.id
    await end_call(unit, payout)
    await record(unit, actor.name, "payout.looked", about_money(unit, "payout", payout.id))
    await unit.session.flush()
    await call(unit, "treasury.told.queued", payout, case, but=volunteer.id)


async def doubt(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """A treasurer doubts the changed destination: the payout is cancelled, and the person asked anew."""
    _, payout, _, case = await held(unit, actor, Act.CONFIRM_PAYOUT, payout_id)
    if not _waits_for_look(payout) or case is None:
        raise NotAllowed("treasury.refused.nothing-to-pay")
    await payouts.take_back(unit, payout, case, actor.name)
    await end_call(unit, payout)
    await news.tell(unit, case, PERSON)


async def told(unit: Unit, concluded: Concluded) -> None:
    """Say what an answer of a rail came to."""
    payout, case = concluded.payout, concluded.case
    if concluded.shuts:
        await tell_role(unit, Role.TREASURER, "treasury.told.rail-shut")
    if concluded.opens:
        await tell_open(unit)
    match concluded.now:
        case Now.PAID:
            await treasury.tell_paid(unit, case)
        case Now.SENT:
            await treasury_leaving.call_to_report(unit, payout, case)
        case Now.QUEUED:
            await call(unit, "treasury.told.doubt" if payout.unsure else "treasury.told.failed", payout, case)
        case Now.INCIDENT:
            for role in (Role.TREASURER, Role.COORDINATOR):
                await tell_role(unit, role, "treasury.told.incident", urgent=True)
        case Now.ANOTHER_WAY if case is not None:
            await news.tell(unit, case, PERSON)
        case _:
            return


async def tell_open(unit: Unit) -> None:
    """Tell the treasurers that a rail that was shut works again."""
    await tell_role(unit, Role.TREASURER, "treasury.told.rail-open")


async def _prepare(unit: Unit, actor: Actor, payout: Payout, grant: Grant, case: Case | None) -> None:
    rail = machine(unit, payout)
    if rail is None or case is None or not payouts.is_wanted(case):
        raise NotAllowed("treasury.refused.nothing-to-pay")
    if payout.unsure:
        raise NotAllowed("treasury.refused.unsure")
    whole = Money(grant.amount, grant.currency)
    closed = await why_stale(unit, rail) or await registry.why_not(unit, rail, whole)
    if closed is not None:
        raise registry.NoRail(closed)
    if not await corridor.still_pays(unit, rail, payout, whole):
        await payouts.ask_anew(unit, payout, case, actor.name)
        await news.tell(unit, case, PERSON)
        return
    destination = (await intake.read_answer(unit, case, "payout") if rail.needs_destination else "") or ""
    verdict = await screen(unit, rail, payout, case.id, destination)
    if verdict is None or verdict.clear:
        await attempts.prepare(unit, rail, payout, grant, case, destination, actor.name, verdict)


def _waits_for_look(payout: Payout) -> bool:
    return payout.changed and payout.looked_by is None and payout.status == PayoutStatus.QUEUED
