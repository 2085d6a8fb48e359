"""Attempts, as rows: written before a rail is asked, closed by what it promises (`payments.executor` asks).

payout claimed or ordered -> paying             the attempt is written, the order made from it
done     -> payout paid, grant settled          or `sent`, where a partner must still report
refused  -> payout cancelled                    the person is asked for another way
failed   -> payout queued anew                  or cancelled, once the rail is shut or has failed often
pending, unknown, absent                        the attempt stays open, and is looked up later
done of what is over -> an incident             the money is gone, and perhaps twice (`payments.incidents`)

A doubted attempt (a backup was put back since it was made, or its grant proves to be paid by another) is looked up
and never executed again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import Final
from uuid import UUID

from sqlalchemy import Executable
from sqlmodel import col, func, select, update

from models import audit
from models.attempt import ATTEMPT_ALLOWED, OPEN_ATTEMPTS, Attempt, AttemptStatus
from models.base import NOW
from models.case import ALLOWED as CASE_ALLOWED
from models.case import Case, CaseStatus
from models.grant import PAYOUT_ALLOWED, Grant, Payout, PayoutStatus
from models.states import move
from models.unit import Unit
from payments import breaker, incidents, payouts
from payments.money import Money
from payments.rails.base import MachineRail, Order, Outcome, Result, Stocked
from payments.screening import Verdict
from vault.errors import CompartmentShredded
from vault.seal import Place
from vault.types import Compartment

BUSY: Final = timedelta(minutes=1)
"""For so long after a rail was asked nobody else asks it for the same: longer than `executor.PATIENCE`."""

FIRST_PAUSE: Final = BUSY
LONGEST_PAUSE: Final = timedelta(hours=1)
"""An open attempt is looked up after a minute, then after twice as long each time, at least every hour."""

FINAL: Final = frozenset({Outcome.DONE, Outcome.REFUSED, Outcome.FAILED})
"""Answers after which there is nothing left to ask."""

BOOKED: Final = (PayoutStatus.SENT, PayoutStatus.PAID, PayoutStatus.RETURNING)
"""A payout whose payment, by its reference, is in the books."""

CASE_GONE: Final = "CaseGone"
"""The case was withdrawn or erased before its order was executed."""

OFTEN: Final = 3
"""Failed attempts after which a payout is not tried by the same rail again."""


class Now(StrEnum):
    """What has become of the payout."""

    OPEN = "open"
    PAID = "paid"
    SENT = "sent"
    QUEUED = "queued"
    """It is tried again."""
    ANOTHER_WAY = "another_way"
    """The person is asked for another way."""
    GONE = "gone"
    """Nobody waits for it any more: the grant was released."""
    INCIDENT = "incident"
    """A rail has paid what was over; treasurers find out what it was."""


@dataclass(frozen=True, slots=True)
class Concluded:
    """What an answer of a rail came to."""

    payout: Payout
    case: Case | None
    now: Now
    shuts: bool = False
    """The rail was shut by it."""
    opens: bool = False


async def prepare(
    unit: Unit,
    rail: MachineRail,
    payout: Payout,
    grant: Grant,
    case: Case,
    destination: str,
    by: str,
    verdict: Verdict | None = None,
) -> Attempt:
    """Write an attempt down; the payout is `PAYING`. Raises `MoneyRefused` when the rail cannot set it aside.

    `verdict` is of its screening, and clear; none when the rail is not screened.
    """
    pays = (await rail.quote(unit, Money(grant.amount, grant.currency))).pays
    attempt = Attempt(
        payout_id=payout.id, rail=rail.name, amount=pays.amount, currency=pays.currency, case_id=case.id,
        next_at=unit.now, made_at=unit.now, lists=verdict.lists if verdict else None,
        decided=verdict is not None and verdict.decided,
    )  # fmt: skip
    await move(unit, payout, PayoutStatus.PAYING, PAYOUT_ALLOWED, by, attempt=str(attempt.id))
    if destination:
        attempt.destination = await unit.vault.seal(
            case.id, Compartment.payout, destination.encode(), _place(attempt, "destination")
        )
    unit.session.add(attempt)
    await unit.session.flush()
    prepared = await rail.prepare(unit, Order(attempt.id, str(attempt.id), pays, destination))
    if prepared is not None:
        attempt.prepared = unit.vault.seal_server(prepared, _place(attempt, "prepared"))
    await unit.session.flush()
    return attempt


async def due(unit: Unit) -> Sequence[UUID]:
    """Attempts whose rail is to be asked or looked up now, longest due first."""
    return (await unit.run(_due(), {"now": unit.now})).scalars().all()


@cache
def _due() -> Executable:
    watched = (col(Attempt.status) == AttemptStatus.DROPPED) & (col(Attempt.watch_until) > NOW)
    return (
        select(Attempt.id)
        .where(col(Attempt.status).in_(OPEN_ATTEMPTS) | watched, col(Attempt.next_at) <= NOW)
        .order_by(col(Attempt.next_at), col(Attempt.id))
        .limit(100)
    )


async def open_ones(unit: Unit) -> Sequence[UUID]:
    """Every open attempt, due or not."""
    found = await unit.session.exec(
        select(Attempt.id).where(col(Attempt.status).in_(OPEN_ATTEMPTS)).order_by(col(Attempt.id))
    )
    return found.all()


async def rail_of(unit: Unit, attempt_id: UUID) -> str:
    """The name of an attempt's rail; empty when there is no such attempt."""
    return (await unit.session.exec(select(Attempt.rail).where(Attempt.id == attempt_id))).first() or ""


async def doubt(unit: Unit) -> None:
    """After a backup was put back: what is open may have been asked for since, and its grant paid another way."""
    await unit.session.exec(
        update(Attempt).where(col(Attempt.status).in_(OPEN_ATTEMPTS)).values(doubted=True, asked_at=None)
    )


async def take(unit: Unit, attempt_id: UUID) -> tuple[Attempt, Order] | None:
    """An attempt whose rail is about to be asked: open ones are `SENT`, whatever happens next.

    None when it is over, or when somebody may be asking for it just now.
    """
    await audit.hold(unit)  # before the row, as everybody who moves money does
    attempt = await unit.session.get(Attempt, attempt_id, with_for_update=True, populate_existing=True)
    if attempt is None or not (attempt.status in OPEN_ATTEMPTS or _is_watched(unit, attempt)):
        return None
    if attempt.asked_at is not None and attempt.asked_at + BUSY > unit.now:
        return None
    if attempt.status == AttemptStatus.PREPARED:
        await move(unit, attempt, AttemptStatus.SENT, ATTEMPT_ALLOWED, "system")
    attempt.asked_at = unit.now
    attempt.next_at = unit.now + min(FIRST_PAUSE * 2 ** min(attempt.tries, 10), LONGEST_PAUSE)
    attempt.tries += 1
    await unit.session.flush()
    return attempt, await order_of(unit, attempt)


def only_looked_up(attempt: Attempt) -> bool:
    """Whether no machine may execute an attempt any more."""
    return attempt.doubted or attempt.status not in OPEN_ATTEMPTS


def _is_watched(unit: Unit, attempt: Attempt) -> bool:
    dropped = attempt.status == AttemptStatus.DROPPED
    return dropped and attempt.watch_until is not None and attempt.watch_until > unit.now


async def order_of(unit: Unit, attempt: Attempt) -> Order:
    """The order of an attempt, the same each time; without a destination once the case is gone."""
    prepared = attempt.prepared and unit.vault.open_server(attempt.prepared, _place(attempt, "prepared"))
    money = Money(attempt.amount, attempt.currency)
    return Order(attempt.id, str(attempt.id), money, await _destination(unit, attempt), prepared)


def name(unit: Unit, attempt: Attempt, reference: str | None) -> None:
    """Keep what the rail calls the payment, sealed; none forgets it."""
    place = _place(attempt, "reference")
    attempt.reference = None if reference is None else unit.vault.seal_server(reference.encode(), place)


def _named(unit: Unit, attempt: Attempt) -> str | None:
    if attempt.reference is None:
        return None
    return unit.vault.open_server(attempt.reference, _place(attempt, "reference")).decode()


async def conclude(unit: Unit, attempt_id: UUID, rail: MachineRail, order: Order, result: Result) -> Concluded:
    """Write down what a rail has answered. `DONE` for what is over is an incident; else that changes nothing.

    Out of a stock nothing is given to a case that was withdrawn or erased while the rail was asked.
    """
    payout_id = (await unit.session.exec(select(Attempt.payout_id).where(Attempt.id == attempt_id))).one()
    payout, grant, case = await payouts.load(unit, payout_id)
    attempt = await unit.session.get_one(Attempt, attempt_id, with_for_update=True, populate_existing=True)
    if attempt.status not in OPEN_ATTEMPTS:
        return Concluded(payout, case, await _too_late(unit, attempt, rail, payout, grant, order, result))
    if isinstance(rail, Stocked) and attempt.case_id is None and result.outcome == Outcome.DONE:
        result = Result(Outcome.REFUSED, error=CASE_GONE)  # this entry alone would pay, and pay nobody
    attempt.error, attempt.asked_at = result.error, None
    if result.reference is not None:
        name(unit, attempt, result.reference)
    payout.hold, done = result.hold, result.outcome == Outcome.DONE
    failed = result.outcome == Outcome.FAILED and result.hold is None and not result.anew
    unheard = result.outcome == Outcome.UNKNOWN and not result.for_people
    bad = result.away or unheard or failed
    shuts = await breaker.failed(unit, rail.name) if bad else False
    opens = await breaker.worked(unit, rail.name) if done else False
    match result.outcome:
        case Outcome.DONE:
            now = await _done(unit, attempt, rail, payout, grant, case, result.reference or order.key)
        case Outcome.REFUSED | Outcome.FAILED:
            again = result.anew or result.hold is not None or (failed and not await _gave_up(unit, attempt))
            now = await _failed(unit, attempt, payout, grant, case, again=again)
        case _:
            return Concluded(payout, case, Now.OPEN, shuts, opens)
    await rail.finish(unit, order, result)
    return Concluded(payout, case, now, shuts, opens)


async def _too_late(
    unit: Unit, attempt: Attempt, rail: MachineRail, payout: Payout, grant: Grant, order: Order, result: Result
) -> Now:
    """A rail's answer to what is over. That it has paid is an incident, unless the books have that payment."""
    if attempt.status == AttemptStatus.DROPPED and result.outcome in FINAL:
        attempt.watch_until = None
        await unit.session.flush()
    if result.outcome != Outcome.DONE or attempt.status == AttemptStatus.DONE or isinstance(rail, Stocked):
        return Now.OPEN
    reference = result.reference or order.key
    known = {payouts.reference_of(unit, payout), _named(unit, attempt)}  # a partner's report has its own
    is_booked = payout.status in BOOKED and reference in known
    if attempt.status == AttemptStatus.DROPPED and is_booked:
        return Now.OPEN
    begun = await incidents.begin(unit, attempt, payout, grant, order, reference)
    return Now.OPEN if begun is None else Now.INCIDENT


async def _done(
    unit: Unit,
    attempt: Attempt,
    rail: MachineRail,
    payout: Payout,
    grant: Grant,
    case: Case | None,
    reference: str,
) -> Now:
    await _end(unit, attempt, AttemptStatus.DONE)
    await payouts.machine_paid(unit, payout, grant, case, reference, reported=not rail.reports_back)
    return Now.SENT if rail.reports_back else Now.PAID


async def _failed(
    unit: Unit, attempt: Attempt, payout: Payout, grant: Grant, case: Case | None, *, again: bool
) -> Now:
    await _end(unit, attempt, AttemptStatus.FAILED)
    if case is None or not payouts.is_wanted(case):
        await payouts.put_back(unit, payout, grant, case, "system")
        return Now.QUEUED if payout.unsure else Now.GONE
    if again:
        await payouts.put_back(unit, payout, grant, case, "system")
        return Now.QUEUED
    await move(unit, payout, PayoutStatus.CANCELLED, PAYOUT_ALLOWED, "system")
    await move(unit, case, CaseStatus.APPROVED, CASE_ALLOWED, "system")
    return Now.ANOTHER_WAY


async def _gave_up(unit: Unit, attempt: Attempt) -> bool:
    """Whether the same rail is not to be tried again for this payout."""
    failed = await unit.session.exec(
        select(func.count(col(Attempt.id))).where(
            Attempt.payout_id == attempt.payout_id, Attempt.status == AttemptStatus.FAILED
        )
    )
    return failed.one() + 1 >= OFTEN or await breaker.is_shut(unit, attempt.rail)


async def _end(unit: Unit, attempt: Attempt, status: AttemptStatus) -> None:
    await move(unit, attempt, status, ATTEMPT_ALLOWED, "system", rail=attempt.rail)
    attempt.ended_at, attempt.destination = unit.now, None
    await payouts.overtake(unit, [attempt.payout_id])
    await unit.session.flush()


async def _destination(unit: Unit, attempt: Attempt) -> str:
    if attempt.destination is None or attempt.case_id is None:
        return ""
    try:
        opened = await unit.vault.open(
            attempt.case_id, Compartment.payout, attempt.destination, _place(attempt, "destination")
        )
    except CompartmentShredded:
        return ""
    return opened.decode()


def _place(attempt: Attempt, column: str) -> Place:
    return Place("attempt", column, str(attempt.id))
