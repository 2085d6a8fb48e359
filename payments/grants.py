"""Grants: money promised to a case, from the approval to the day it is paid, comes back or is let go.

- The balance of `reserved` is the sum of all reserved grants, always.
- A grant is reserved only when the fund has the money, in the order of approval: nobody overtakes who waits.
- What is released, returned or settled is an entry in the books whose reference is made from the grant and the
  payout, so that no crash and no second press can enter it twice.
"""

import secrets
from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from sqlmodel import col, exists, func, or_, select, update

from models.attempt import OPEN_ATTEMPTS, Attempt
from models.case import Case
from models.clock import to_day
from models.doubt import Incident, IncidentEnd, IncidentStatus
from models.errors import AlreadyDone, BadInput
from models.grant import GRANT_ALLOWED, PAYOUT_ALLOWED, PAYOUT_OVER, Grant, GrantStatus, Payout, PayoutStatus
from models.states import move
from models.unit import Unit
from models.voucher import Voucher
from payments import ledger
from payments.ledger import EntryKind, Purpose
from payments.money import Money
from payments.rails import registry
from vault.types import BlindIndex, GrantNumber

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No sign that can be read as another."""

BY_HAND: Final = "manual"
"""The rail of a payout of which not even the rail is known."""

MOVING: Final = frozenset({PayoutStatus.CLAIMED, PayoutStatus.PAYING, PayoutStatus.SENT, PayoutStatus.RETURNING})
"""Somebody may have paid already: only they know."""


async def approve(unit: Unit, case: Case, amount: int, actor_name: str) -> Grant:
    """Promise an amount (minor units of the policy's currency) to a case.

    The grant is `RESERVED`, or `WAITING` when the fund is short or others wait already. Raises `AlreadyDone`
    when the case has a grant that was not cancelled, and `BadInput` for an amount outside the policy.
    """
    if not 0 < amount <= unit.policy.largest:
        raise BadInput("treasury.bad.not-positive" if amount <= 0 else "treasury.bad.above-policy")
    await ledger.lock(unit, unit.policy.currency)
    if await grant_of(unit, case) is not None:
        raise AlreadyDone
    waiting_before = await waiting(unit)
    grant = Grant(
        number=await _new_number(unit),
        case_id=case.id,
        status=GrantStatus.WAITING,
        amount=amount,
        currency=unit.policy.currency,
        second_treasurer=unit.policy.tier(amount).second_treasurer,
        policy_version=unit.policy.version,
        approved_at=unit.now,
    )
    unit.session.add(grant)
    await unit.session.flush()
    if not waiting_before:
        await _reserve(unit, grant, actor_name)
    return grant


async def grant_of(unit: Unit, case: Case) -> Grant | None:
    """The grant of a case that was not cancelled."""
    found = await unit.session.exec(
        select(Grant).where(Grant.case_id == case.id, Grant.status != GrantStatus.CANCELLED)
    )
    return found.first()


async def waiting(unit: Unit) -> Sequence[Grant]:
    """Grants that wait for money in the policy's currency, first approved first.

    One that was promised in another currency, before the policy changed, keeps nobody else waiting.
    """
    found = await unit.session.exec(
        select(Grant)
        .where(Grant.status == GrantStatus.WAITING, Grant.currency == unit.policy.currency)
        .order_by(col(Grant.approved_at), col(Grant.number))
    )
    return found.all()


async def fund_waiting(unit: Unit, actor_name: str = "system") -> list[Grant]:
    """Reserve waiting grants as far as the money reaches, in order of approval; return those now reserved."""
    await ledger.lock(unit, unit.policy.currency)
    await _cover(unit, unit.policy.currency, actor_name)
    funded = []
    for grant in await waiting(unit):
        if not await _reserve(unit, grant, actor_name):
            break
        funded.append(grant)
    return funded


async def settle(unit: Unit, grant: Grant, payout: Payout, actor_name: str) -> None:
    """Enter that a reserved grant has been paid by a payout.

    A rail with an account of its own pays out of that, and the cash that was set aside is free again.
    """
    money = Money(grant.amount, grant.currency)
    changes = {Purpose.RESERVED: -money, Purpose.GRANTED: money}
    account = registry.find(unit, payout.rail).account
    if account is not None:
        changes |= {account: -money, Purpose.FUND: money}
    await ledger.post(
        unit, EntryKind.SETTLE, f"settle:{payout.id}", changes, actor=actor_name, grant_number=grant.number
    )
    await move(unit, grant, GrantStatus.PAID, GRANT_ALLOWED, actor_name)
    grant.paid_at = unit.now
    await unit.session.flush()


async def reopen(unit: Unit, grant: Grant, payout: Payout, actor_name: str) -> None:
    """Enter that a paid grant's money came back, and reserve it anew. A grant not settled yet stays reserved.

    A code that does not work brings nothing back: it is lost. What a partner could not pass on stands with them
    until two treasurers have seen it arrive (`payments.funding`). In both cases the grant is reserved out of free
    cash, and waits anew when there is too little.
    """
    if grant.status != GrantStatus.PAID:
        return
    await ledger.lock(unit, grant.currency)
    money, target = Money(grant.amount, grant.currency), GrantStatus.RESERVED
    changes = {Purpose.GRANTED: -money, Purpose.RESERVED: money}
    account = registry.find(unit, payout.rail).account
    if account is not None:
        kept = Purpose.LOSSES if account == Purpose.VOUCHERS else account
        changes |= {kept: money, Purpose.FUND: -money}
        if not await _is_free(unit, money):
            changes, target = {Purpose.GRANTED: -money, kept: money}, GrantStatus.WAITING
    await ledger.post(
        unit, EntryKind.RETURN, f"return:{payout.id}", changes, actor=actor_name, grant_number=grant.number
    )
    await move(unit, grant, target, GRANT_ALLOWED, actor_name)
    grant.paid_at = None
    await unit.session.flush()


async def release(unit: Unit, grant: Grant, actor_name: str) -> None:
    """Cancel a grant that is not paid; what was reserved is free again."""
    if grant.status == GrantStatus.RESERVED:
        await ledger.transfer(
            unit,
            EntryKind.RELEASE,
            f"release:{grant.id}",
            Money(grant.amount, grant.currency),
            source=Purpose.RESERVED,
            target=Purpose.FUND,
            actor=actor_name,
            grant_number=grant.number,
        )
    await move(unit, grant, GrantStatus.CANCELLED, GRANT_ALLOWED, actor_name)


async def cancel_for_case(unit: Unit, case: Case, actor_name: str) -> Payout | None:
    """Let go of a case that is withdrawn or erased, and cut its grant from it; safe to repeat.

    What may have been paid before a backup was put back stays reserved, on the treasurers' desk, until two of them
    have found out (`payments.doubts`).

    The fingerprint of where the money went goes: with the server's keys a card's number could be found by trying.

    A payout that a treasurer holds or has sent, or may have paid before they left, is left to the treasurers, with
    its grant reserved, and returned: only they can tell whether money has moved (giving it back then releases the
    grant).
    """
    await ledger.lock(unit, unit.policy.currency)
    grant = await grant_of(unit, case)
    if grant is None:
        return None
    unsure = await is_unsure(unit, grant, case)
    payout = await live_payout(unit, grant)
    if payout is None and unsure and grant.status == GrantStatus.RESERVED:
        payout = Payout(grant_id=grant.id, rail=BY_HAND, unsure=True, created_at=unit.now)
        unit.session.add(payout)
        await unit.session.flush()
    await unit.session.exec(update(Payout).where(col(Payout.grant_id) == grant.id).values(destination=None))
    tries = select(Payout.id).where(Payout.grant_id == grant.id)
    await unit.session.exec(
        update(Attempt).where(col(Attempt.payout_id).in_(tries)).values(case_id=None, destination=None)
    )
    await (
        unit.session.exec(  # a rail may keep a destination of its own until it is asked to cancel: now, not later
            update(Attempt)
            .where(col(Attempt.payout_id).in_(tries), col(Attempt.status).in_(OPEN_ATTEMPTS))
            .values(next_at=unit.now)
        )
    )
    await unit.session.exec(update(Voucher).where(col(Voucher.case_id) == case.id).values(case_id=None, code=None))
    grant.case_id = grant.destination = None
    await _keep_days(unit, grant)
    await unit.session.flush()
    if payout is not None and payout.status in MOVING:
        return payout
    if payout is not None and payout.status in {PayoutStatus.QUEUED, PayoutStatus.ORDERED}:
        if unsure:
            payout.unsure = True
            return payout
        await move(unit, payout, PayoutStatus.CANCELLED, PAYOUT_ALLOWED, actor_name)
    if grant.status != GrantStatus.PAID:
        await release(unit, grant, "system")  # the books are never erased: they must not name the case
    return None


async def may_let_go(unit: Unit, chat: BlindIndex) -> bool:
    """Whether a case of this chat has a grant that would be let go with it: nobody has taken it up to pay."""
    moving = exists().where(col(Payout.grant_id) == col(Grant.id), col(Payout.status).in_(MOVING))
    found = await unit.session.exec(
        select(Grant.id)
        .join(Case, col(Case.id) == col(Grant.case_id))
        .where(Case.chat == chat, col(Grant.status).in_({GrantStatus.WAITING, GrantStatus.RESERVED}), ~moving)
        .limit(1)
    )
    return found.first() is not None


async def is_unsure(unit: Unit, grant: Grant, case: Case | None) -> bool:
    """Whether this grant may be paid, or is: a try that nobody has spoken of, or an incident."""
    if case is not None and case.restored:
        return True
    doubts = await unit.session.exec(select(Payout.id).where(Payout.grant_id == grant.id, col(Payout.unsure)))
    return doubts.first() is not None or await has_incident(unit, grant)


async def has_incident(unit: Unit, grant: Grant) -> bool:
    """Whether a rail has paid this grant beside its books, and two have not seen that money come back.

    Whatever else such an incident was said to be, its person may have the money: each new payout begins unsure.
    """
    found = await unit.session.exec(
        select(Incident.id)
        .join(Payout, col(Payout.id) == Incident.payout_id)
        .where(
            Payout.grant_id == grant.id,
            or_(col(Incident.status) != IncidentStatus.CLOSED, col(Incident.end) != IncidentEnd.BACK),
        )
        .limit(1)
    )
    return found.first() is not None


async def _keep_days(unit: Unit, grant: Grant) -> None:
    """Keep the days alone of what happened so far: the log of acts has the hours, and names the case."""
    grant.approved_at = to_day(grant.approved_at)
    grant.paid_at = grant.paid_at and to_day(grant.paid_at)
    for payout in (await unit.session.exec(select(Payout).where(Payout.grant_id == grant.id))).all():
        payout.created_at = to_day(payout.created_at)
        payout.claimed_at = payout.claimed_at and to_day(payout.claimed_at)
        payout.paid_at, payout.offered_at = payout.paid_at and to_day(payout.paid_at), None
        payout.missing_at = payout.missing_at and to_day(payout.missing_at)
        payout.reminded_at = payout.reminded_at and to_day(payout.reminded_at)
        for attempt in (await unit.session.exec(select(Attempt).where(Attempt.payout_id == payout.id))).all():
            if attempt.ended_at is not None:
                attempt.made_at, attempt.ended_at = to_day(attempt.made_at), to_day(attempt.ended_at)
                attempt.asked_at = None
                if attempt.watch_until is None:
                    attempt.next_at = to_day(attempt.next_at)


async def is_disputed(unit: Unit, case: Case) -> bool:
    """Whether what was paid is said not to have arrived, or to have come back, and nobody has found out yet."""
    said = col(Payout.missing_at).is_not(None) | (col(Payout.status) == PayoutStatus.RETURNING)
    found = await unit.session.exec(
        select(Payout.id)
        .join(Grant, col(Grant.id) == Payout.grant_id)
        .where(Grant.case_id == case.id, said, col(Payout.status).not_in(PAYOUT_OVER))
    )
    return found.first() is not None


async def live_payout(unit: Unit, grant: Grant) -> Payout | None:
    """The one payout of a grant that is neither returned nor cancelled, locked until the transaction ends."""
    found = await unit.session.exec(
        select(Payout)
        .where(Payout.grant_id == grant.id, col(Payout.status).not_in(PAYOUT_OVER))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.first()


async def _reserve(unit: Unit, grant: Grant, actor_name: str) -> bool:
    money = Money(grant.amount, grant.currency)
    if not await _is_free(unit, money):
        return False
    returned = await unit.session.exec(
        select(func.count(col(Payout.id))).where(
            Payout.grant_id == grant.id, Payout.status == PayoutStatus.RETURNED
        )
    )
    times = returned.one()  # it waits anew only after one more has come back
    await ledger.transfer(
        unit,
        EntryKind.RESERVE,
        f"reserve:{grant.id}:{times}" if times else f"reserve:{grant.id}",
        money,
        source=Purpose.FUND,
        target=Purpose.RESERVED,
        actor=actor_name,
        grant_number=grant.number,
    )
    await move(unit, grant, GrantStatus.RESERVED, GRANT_ALLOWED, actor_name)
    return True


async def _is_free(unit: Unit, money: Money) -> bool:
    free = await ledger.balance(unit, Purpose.FUND, money.currency)
    short = await ledger.balance(unit, Purpose.SHORTFALL, money.currency)
    return (free + short).amount >= money.amount


async def _cover(unit: Unit, currency: str, actor_name: str) -> None:
    """Make good, with what is free, cash that an incident took beyond that."""
    short = -(await ledger.balance(unit, Purpose.SHORTFALL, currency)).amount
    good = min(short, (await ledger.balance(unit, Purpose.FUND, currency)).amount)
    if good > 0:
        await ledger.transfer(
            unit, EntryKind.COVER, f"cover:{uuid4()}", Money(good, currency), source=Purpose.FUND,
            target=Purpose.SHORTFALL, actor=actor_name,
        )  # fmt: skip


async def _new_number(unit: Unit) -> GrantNumber:
    """A random number that no grant has; it tells neither order nor count."""
    while True:
        signs = "".join(secrets.choice(ALPHABET) for _ in range(8))
        number = GrantNumber(f"G-{signs[:4]}-{signs[4:]}")
        if (await unit.session.exec(select(Grant.id).where(Grant.number == number))).first() is None:
            return number
