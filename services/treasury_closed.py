"""A way that closes while somebody waits for it: its person is told, and offered the ways that are open.

- It closes by its own failures, its limits, its stock, an old list, or the policy. Nothing is taken from anybody:
  the payout keeps its place in the queue, and is paid that way when it opens again.
- The person is told at most once a day, and only when there is another way; they choose, and agree anew.
- What a treasurer holds is left to them. What may have been paid already is offered no other way.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlmodel import col, or_, select

from models.grant import Grant, Payout, PayoutStatus
from models.unit import Unit
from payments import payouts
from payments.money import Money
from payments.rails import registry
from payments.rails.base import DistantRail
from payments.screening.paying import why_stale
from services import news
from services.corridor import corridors
from services.jobs import Job
from services.treasury_returns import PERSON

OFFER_AGAIN: Final = timedelta(days=1)
"""How often somebody is told that the way they wait for is closed."""


async def is_closed(unit: Unit, payout: Payout, grant: Grant) -> bool:
    """Whether a payout that waits in the queue could not be paid its way now."""
    if payout.status != PayoutStatus.QUEUED or payout.unsure:
        return False
    rail = registry.find(unit, payout.rail)
    if isinstance(rail, DistantRail) and rail.out_of_reach:  # another process knows
        return False
    closed = await why_stale(unit, rail) or await registry.why_not(unit, rail, Money(grant.amount, grant.currency))
    return closed is not None


async def _find_closed(unit: Unit) -> Sequence[UUID]:
    told = col(Payout.offered_at)
    found = await unit.session.exec(
        select(Payout, Grant)
        .join(Grant, col(Grant.id) == Payout.grant_id)
        .where(
            Payout.status == PayoutStatus.QUEUED,
            col(Grant.case_id).is_not(None),
            or_(told.is_(None), told <= unit.now - OFFER_AGAIN),
        )
    )
    return [
        payout.id
        for payout, grant in found.all()
        if await is_closed(unit, payout, grant) and await corridors(unit, grant)
    ]


async def _offer(unit: Unit, payout_id: UUID) -> None:
    payout, grant, case = await payouts.load(unit, payout_id)
    if case is not None and payouts.is_wanted(case) and await is_closed(unit, payout, grant):
        payout.offered_at = unit.now
        await news.tell(unit, case, PERSON)


JOBS: tuple[Job, ...] = (Job("treasury.offer", timedelta(minutes=1), _find_closed, _offer),)
"""Whoever waits for a way that has closed hears so within a minute, in their hours."""
