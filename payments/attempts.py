"""Attempts, as rows: written before a rail is asked, closed by what it promises (`payments.executor` asks).

payout claimed or ordered -> paying             the attempt is written, the order made from it
done     -> payout paid, grant settled          or `sent`, where a partner must still report
refused  -> payout cancelled                    the person is asked for another way
failed   -> payout queued anew                  or cancelled, once the rail is shut or has failed often
pending, unknown, absent                        the attempt stays open, and is looked up later
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlmodel import col, func, select, update

from models.attempt import ATTEMPT_ALLOWED, OPEN_ATTEMPTS, Attempt, AttemptStatus
from models.case import ALLOWED as CASE_ALLOWED
from models.case import Case, CaseStatus
from models.grant import PAYOUT_ALLOWED, Grant, Payout, PayoutStatus
from models.states import move
from models.unit import Unit
from payments import breaker, payouts
from payments.money import Money
from payments.rails.base import MachineRail, Order, Outcome, Result
from payments.screening import Verdict
from vault.errors import CompartmentShredded
from vault.seal import Place
from vault.types import Compartment

FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(hours=1)
"""An open attempt is looked up after 30 s, then after twice as long each time, at least every hour."""

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
    """Open attempts whose rail is to be asked now, longest due first."""
    found = await unit.session.exec(
        select(Attempt.id)
        .where(col(Attempt.status).in_(OPEN_ATTEMPTS), col(Attempt.next_at) <= unit.now)
        .order_by(col(Attempt.next_at), col(Attempt.id))
        .limit(100)
    )
    return found.all()


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
    """After a backup was put back: every open attempt may have been made since, and is looked up first."""
    await unit.session.exec(
        update(Attempt).where(col(Attempt.status).in_(OPEN_ATTEMPTS), col(Attempt.tries) == 0).values(tries=1)
    )


async def take(unit: Unit, attempt_id: UUID) -> tuple[Attempt, Order] | None:
    """An open attempt that is about to be asked for: `SENT`, whatever happens next. None when it is closed."""
    attempt = await unit.session.get(Attempt, attempt_id, with_for_update=True, populate_existing=True)
    if attempt is None or attempt.status not in OPEN_ATTEMPTS:
        return None
    if attempt.status == AttemptStatus.PREPARED:
        await move(unit, attempt, AttemptStatus.SENT, ATTEMPT_ALLOWED, "system")
    attempt.next_at = unit.now + min(FIRST_PAUSE * 2 ** min(attempt.tries, 10), LONGEST_PAUSE)
    attempt.tries += 1
    await unit.session.flush()
    return attempt, await order_of(unit, attempt)


async def order_of(unit: Unit, attempt: Attempt) -> Order:
    """The order of an attempt, the same each time; without a destination once the case is gone."""
    prepared = attempt.prepared and unit.vault.open_server(attempt.prepared, _place(attempt, "prepared"))
    money = Money(attempt.amount, attempt.currency)
    return Order(attempt.id, str(attempt.id), money, await _destination(unit, attempt), prepared)


async def conclude(unit: Unit, attempt_id: UUID, rail: MachineRail, order: Order, result: Result) -> Concluded:
    """Write down what a rail has answered. An answer to what is closed already changes nothing."""
    payout_id = (await unit.session.exec(select(Attempt.payout_id).where(Attempt.id == attempt_id))).one()
    payout, grant, case = await payouts.load(unit, payout_id)
    attempt = await unit.session.get_one(Attempt, attempt_id, with_for_update=True, populate_existing=True)
    if attempt.status not in OPEN_ATTEMPTS:
        return Concluded(payout, case, Now.OPEN)
    attempt.error = result.error
    if result.reference is not None:
        attempt.reference = unit.vault.seal_server(result.reference.encode(), _place(attempt, "reference"))
    bad = result.outcome in {Outcome.UNKNOWN, Outcome.FAILED}
    shuts = await breaker.failed(unit, rail.name) if bad else False
    opens = False if bad else await breaker.worked(unit, rail.name)
    match result.outcome:
        case Outcome.DONE:
            now = await _done(unit, attempt, rail, payout, grant, case, result.reference or order.key)
        case Outcome.REFUSED | Outcome.FAILED:
            again = result.outcome == Outcome.FAILED and not await _gave_up(unit, attempt)
            now = await _failed(unit, attempt, payout, grant, case, again=again)
        case _:
            return Concluded(payout, case, Now.OPEN, shuts, opens)
    await rail.finish(unit, order, result)
    return Concluded(payout, case, now, shuts, opens)


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
        return Now.GONE
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
