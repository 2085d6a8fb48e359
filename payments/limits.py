"""How much may leave the fund: within 24 hours, and to one destination. The policy's `[limits]`.

What is claimed counts from the moment of the claim: two treasurers at once cannot both take the last of it
(payouts are claimed one after another, under the lock of the audit log's chain).
"""

from datetime import timedelta

from sqlmodel import col, func, select

from models.errors import MoneyRefused
from models.grant import Grant, Payout, PayoutStatus
from models.unit import Unit
from vault.types import BlindIndex

DAY = timedelta(hours=24)

UNMOVED = (PayoutStatus.QUEUED, PayoutStatus.CANCELLED)


class LimitReached(MoneyRefused):
    """Nothing is wrong with the payment; it is too much for now."""

    key = "treasury.refused.day-limit"


async def check(unit: Unit, grant: Grant, payout: Payout) -> None:
    """Raise `LimitReached` when claiming a payout would exceed what the policy lets out."""
    limits = unit.policy.limits
    if grant.amount + await _claimed(unit, grant.currency, DAY, payout) > limits.per_day:
        raise LimitReached
    if payout.destination is not None:
        await check_destination(unit, grant, payout.destination, payout)


async def check_destination(
    unit: Unit, grant: Grant, destination: BlindIndex, payout: Payout | None = None
) -> None:
    """Raise `LimitReached` when one destination would get more than the policy lets it."""
    limits = unit.policy.limits
    span = timedelta(days=limits.destination_days)
    if grant.amount + await _claimed(unit, grant.currency, span, payout, destination) > limits.per_destination:
        raise LimitReached("treasury.refused.destination-limit")


async def _claimed(
    unit: Unit, currency: str, span: timedelta, but: Payout | None, destination: BlindIndex | None = None
) -> int:
    """Minor units claimed within a span. Money that came back has left as well, but not to stay."""
    query = (
        select(func.coalesce(func.sum(Grant.amount), 0))
        .join(Payout, col(Payout.grant_id) == Grant.id)
        .where(
            Grant.currency == currency,
            col(Payout.claimed_at) > unit.now - span,
            col(Payout.status).not_in(UNMOVED),
        )
    )
    if but is not None:
        query = query.where(Payout.id != but.id)
    if destination is not None:
        query = query.where(Payout.destination == destination, Payout.status != PayoutStatus.RETURNED)
    return int((await unit.session.exec(query)).one())
