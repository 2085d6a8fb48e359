"""Incidents: a rail has paid an attempt that was over. The money is gone, whatever the books thought.

- It stands in suspense at once, out of the account that it really left, with what a partner got on top: whoever
  reads the books sees it. Cash that was not free is a shortfall, so that nothing that was promised to others is
  touched.
- It is on the compliance record at once; of what turns out to be a payment of the books, one is kept.
- Its grant may be paid a second time, or may be about to be: as long as it is not, it is unsure from now on
  (`grants.is_unsure`), and what a machine is at for it is looked up and never executed.
- What it was, one treasurer says and another confirms; only then does it leave the suspense account.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlmodel import col, select, update

from models.attempt import OPEN_ATTEMPTS, Attempt
from models.clock import to_day
from models.doubt import INCIDENT_ALLOWED, Incident, IncidentEnd, IncidentStatus
from models.errors import ButtonGone, SamePerson
from models.grant import Grant, GrantStatus, Payout
from models.states import move
from models.unit import Unit
from payments import compliance, grants, ledger, payouts
from payments.ledger import EntryKind, Purpose
from payments.money import Money
from payments.rails import registry
from payments.rails.base import Order, PartnerRail
from payments.screening.paying import said_of
from vault.seal import Place
from vault.types import SealedBytes

STANDING: Final = (IncidentStatus.OPEN, IncidentStatus.SAID)


async def begin(
    unit: Unit, attempt: Attempt, payout: Payout, grant: Grant, order: Order, reference: str
) -> Incident | None:
    """Book that a rail has paid an attempt that was over, by its order. None when that is known already."""
    known = await unit.session.exec(select(Incident.id).where(Incident.attempt_id == attempt.id))
    if known.first() is not None:
        return None
    rail = registry.find(unit, payout.rail)
    money = rail.with_fee(order) if isinstance(rail, PartnerRail) else Money(grant.amount, grant.currency)
    written = await compliance.record(unit, grant, payout, said_of(attempt))
    incident = Incident(
        attempt_id=attempt.id, payout_id=payout.id, amount=money.amount, currency=money.currency,
        reference=SealedBytes(b""), record_number=written.attempt, found_on=to_day(unit.now),
    )  # fmt: skip
    incident.reference = unit.vault.seal_server(reference.encode(), _place(incident))
    unit.session.add(incident)
    await unit.session.flush()
    changes = {Purpose.SUSPENSE: money, **await _out_of(unit, payout, money)}
    await ledger.post(
        unit, EntryKind.INCIDENT, f"incident:{incident.id}", changes, actor="system", grant_number=grant.number
    )
    if grant.status != GrantStatus.PAID and (live := await grants.live_payout(unit, grant)) is not None:
        await _hold_up(unit, live)
    await unit.session.flush()
    return incident


async def payout_of(unit: Unit, incident_id: UUID) -> UUID:
    """Of which payout an incident is. Raises `ButtonGone`."""
    found = await unit.session.exec(select(Incident.payout_id).where(Incident.id == incident_id))
    payout_id = found.first()
    if payout_id is None:
        raise ButtonGone
    return payout_id


async def load(unit: Unit, incident_id: UUID) -> Incident:
    """An incident, locked until the transaction ends; its payout is loaded before. Raises `ButtonGone`."""
    incident = await unit.session.get(Incident, incident_id, with_for_update=True, populate_existing=True)
    if incident is None:
        raise ButtonGone
    return incident


async def standing(unit: Unit) -> Sequence[Incident]:
    """Incidents that nobody has closed, oldest first."""
    found = await unit.session.exec(
        select(Incident)
        .where(col(Incident.status).in_(STANDING))
        .order_by(col(Incident.found_on), col(Incident.id))
    )
    return found.all()


async def say(unit: Unit, incident: Incident, end: IncidentEnd, treasurer: UUID) -> None:
    """One treasurer says what it was. Raises `MoveRefused` when somebody has said so already."""
    await move(unit, incident, IncidentStatus.SAID, INCIDENT_ALLOWED, str(treasurer), end=str(end))
    incident.end, incident.said_by = end, treasurer
    await unit.session.flush()


async def deny(unit: Unit, incident: Incident, treasurer: UUID) -> None:
    """A second one does not see it so, or the first was mistaken: it stands open."""
    await move(unit, incident, IncidentStatus.OPEN, INCIDENT_ALLOWED, str(treasurer))
    incident.end = incident.said_by = None
    await unit.session.flush()


async def close(unit: Unit, incident: Incident, payout: Payout, grant: Grant, treasurer: UUID) -> None:
    """A second one has seen the same: it leaves the suspense account. Raises `SamePerson`, `MoveRefused`."""
    if incident.said_by == treasurer:
        raise SamePerson
    end = incident.end
    await move(unit, incident, IncidentStatus.CLOSED, INCIDENT_ALLOWED, str(treasurer), end=str(end))
    incident.ended_by = treasurer
    if end == IncidentEnd.COUNTED:
        await compliance.take_back(unit, grant, incident.record_number, str(treasurer))
    money = Money(incident.amount, incident.currency)
    to = {Purpose.LOSSES: money} if end == IncidentEnd.LOST else await _into(unit, payout, money)
    await ledger.post(
        unit, EntryKind.INCIDENT_ENDED, f"incident-ended:{incident.id}", {Purpose.SUSPENSE: -money, **to},
        actor=str(treasurer), grant_number=grant.number,
    )  # fmt: skip


def reference_of(unit: Unit, incident: Incident) -> str:
    """What the rail calls the payment."""
    return unit.vault.open_server(incident.reference, _place(incident)).decode()


async def _hold_up(unit: Unit, live: Payout) -> None:
    """What is about to pay the grant waits for people. Whoever asks a machine looks once more before it pays."""
    live.unsure = True
    await unit.session.exec(
        update(Attempt)
        .where(col(Attempt.payout_id) == live.id, col(Attempt.status).in_(OPEN_ATTEMPTS))
        .values(doubted=True)
    )
    await payouts.overtake(unit, [live.id])


async def _out_of(unit: Unit, payout: Payout, money: Money) -> Mapping[Purpose, Money]:
    """Where the money came from: the provider's account, or the fund's cash as far as it is free."""
    if registry.find(unit, payout.rail).account == Purpose.PARTNERS:
        return {Purpose.STRIPE: -money}
    await ledger.lock(unit, money.currency)
    free = min((await ledger.balance(unit, Purpose.FUND, money.currency)).amount, money.amount)
    return _parts(money.currency, {Purpose.FUND: -free, Purpose.SHORTFALL: free - money.amount})


async def _into(unit: Unit, payout: Payout, money: Money) -> Mapping[Purpose, Money]:
    """Where it goes back to: a shortfall is made good first."""
    if registry.find(unit, payout.rail).account == Purpose.PARTNERS:
        return {Purpose.STRIPE: money}
    await ledger.lock(unit, money.currency)
    short = min(-(await ledger.balance(unit, Purpose.SHORTFALL, money.currency)).amount, money.amount)
    return _parts(money.currency, {Purpose.SHORTFALL: short, Purpose.FUND: money.amount - short})


def _parts(currency: str, amounts: Mapping[Purpose, int]) -> dict[Purpose, Money]:
    return {purpose: Money(amount, currency) for purpose, amount in amounts.items() if amount}


def _place(incident: Incident) -> Place:
    return Place("incident", "reference", str(incident.id))
