"""How much may leave the fund: within 24 hours, and to one destination. The policy's `[limits]`.

- What is claimed counts from the moment of the claim, for as long as it is held: two treasurers at once cannot
  both take the last of it (payouts are claimed one after another, under the lock of the audit log's chain), and
  nobody can save the limit up by paying later.
- What went counts for a day after it went. Of what was sent by hand and waits for a second treasurer nobody else
  knows when: it counts until a day after that one has seen it.
- A destination is known by what names it (`payments.destinations`), however it is written; by a keyed mark each.
- Marks outlive the case that they were made for, cut off from it and from its payout, until the limit's days are
  over: who erases a case and asks anew finds the limit where it was.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, not_, or_
from sqlmodel import col, delete, func, select

from models.attempt import Attempt, AttemptStatus
from models.clock import to_day
from models.destination import DestinationMark
from models.errors import MoneyRefused
from models.grant import Grant, Payout, PayoutStatus
from models.unit import Unit
from payments.destinations import counted
from vault.types import BlindIndex, IndexName

DAY = timedelta(hours=24)

UNMOVED = (PayoutStatus.QUEUED, PayoutStatus.CANCELLED)

HELD = (PayoutStatus.CLAIMED, PayoutStatus.ORDERED, PayoutStatus.PAYING)
"""Its money may go at any moment."""


class LimitReached(MoneyRefused):
    """Nothing is wrong with the payment; it is too much for now."""

    key = "treasury.refused.day-limit"


async def check(unit: Unit, grant: Grant, payout: Payout) -> None:
    """Raise `LimitReached` when claiming a payout would exceed what the policy lets out."""
    if grant.amount + await _claimed(unit, grant.currency, payout) > unit.policy.limits.per_day:
        raise LimitReached
    marks = await unit.session.exec(select(DestinationMark.mark).where(DestinationMark.payout_id == payout.id))
    await _check(unit, grant, marks.all(), payout)


async def check_destination(unit: Unit, grant: Grant, typed: str) -> None:
    """Raise `LimitReached` when one destination would get more than the policy lets it."""
    await _check(unit, grant, _marks(unit, typed))


async def note(unit: Unit, grant: Grant, payout: Payout, typed: str) -> None:
    """Write down where a payout is to go: from its claim on it counts."""
    for mark in _marks(unit, typed):
        unit.session.add(
            DestinationMark(
                mark=mark, amount=grant.amount, currency=grant.currency, payout_id=payout.id, at=payout.created_at
            )
        )
    await unit.session.flush()


async def cut_off(unit: Unit, payout: Payout) -> None:
    """Cut the marks of a payout off from it; those of one that moved nothing go."""
    of_payout = col(DestinationMark.payout_id) == payout.id
    if payout.status in {*UNMOVED, PayoutStatus.RETURNED}:
        await unit.session.exec(delete(DestinationMark).where(of_payout))
        return
    for row in (await unit.session.exec(select(DestinationMark).where(of_payout))).all():
        row.payout_id, row.at = None, to_day(payout.claimed_at or payout.paid_at or payout.created_at)
    await unit.session.flush()


def marks_over(unit: Unit) -> ColumnElement[bool]:
    """The condition of a mark that no limit counts any more."""
    span = timedelta(days=unit.policy.limits.destination_days)
    old = select(Payout.id).where(_since() <= unit.now - span)
    return and_(
        col(DestinationMark.at) <= unit.now - span,
        or_(col(DestinationMark.payout_id).is_(None), col(DestinationMark.payout_id).in_(old)),
    )


def _since() -> ColumnElement[datetime]:
    """From when on a payout counts. What two found to be paid, nobody has claimed as far as the data know."""
    return func.coalesce(Payout.claimed_at, Payout.paid_at, Payout.created_at)


async def _check(unit: Unit, grant: Grant, marks: Collection[str], payout: Payout | None = None) -> None:
    for mark in marks:
        if grant.amount + await _went_to(unit, grant.currency, mark, payout) > unit.policy.limits.per_destination:
            raise LimitReached("treasury.refused.destination-limit")


def _marks(unit: Unit, typed: str) -> Collection[BlindIndex]:
    """The keyed marks of a destination; `limit` keeps them apart from other indexes of the same words."""
    return {unit.vault.index(IndexName.destination, f"limit {name}") for name in counted(typed)}


async def _claimed(unit: Unit, currency: str, but: Payout) -> int:
    """Minor units that are held now, or went within a day. Money that came back has left as well."""
    by_machine = (
        select(func.max(col(Attempt.ended_at)))
        .where(Attempt.payout_id == Payout.id, Attempt.status == AttemptStatus.DONE)
        .correlate(Payout)
        .scalar_subquery()
    )
    seen = func.coalesce(by_machine, col(Payout.paid_at))
    came_back = and_(col(Payout.status) == PayoutStatus.RETURNED, _since() <= unit.now - DAY)
    query = (
        select(func.coalesce(func.sum(Grant.amount), 0))
        .join(Payout, col(Payout.grant_id) == Grant.id)
        .where(
            Grant.currency == currency,
            col(Payout.status).not_in(UNMOVED),
            or_(col(Payout.status).in_(HELD), seen > unit.now - DAY, and_(seen.is_(None), not_(came_back))),
            Payout.id != but.id,
        )
    )
    return int((await unit.session.exec(query)).one())


async def _went_to(unit: Unit, currency: str, mark: str, but: Payout | None) -> int:
    """Minor units that went to one destination within the limit's days, and did not come back."""
    since = unit.now - timedelta(days=unit.policy.limits.destination_days)
    moved = and_(_since() > since, col(Payout.status).not_in({*UNMOVED, PayoutStatus.RETURNED}))
    cut = and_(col(DestinationMark.payout_id).is_(None), col(DestinationMark.at) > since)
    query = (
        select(func.coalesce(func.sum(DestinationMark.amount), 0))
        .select_from(DestinationMark)
        .join(Payout, col(Payout.id) == DestinationMark.payout_id, isouter=True)
        .where(DestinationMark.mark == mark, DestinationMark.currency == currency, or_(moved, cut))
    )
    if but is not None:
        query = query.where(or_(col(Payout.id).is_(None), col(Payout.id) != but.id))
    return int((await unit.session.exec(query)).one())
