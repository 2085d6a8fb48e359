"""Gifts for which a provider is to be asked: which are due, taken by one asker at a time, tried again later."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select

from models import audit
from models.base import NOW, table_of
from models.donation import Donation, DonationStatus, Provider
from models.unit import Unit

LEASE: Final = timedelta(seconds=90)
"""For so long nobody else looks up what is being looked up; longer than a provider is waited for."""

FIRST_PAUSE: Final = timedelta(seconds=2)
LONGEST_PAUSE: Final = timedelta(hours=1)
"""Between two tries; doubles from the first to the longest."""

BATCH: Final = 20

_GIFTS: Final = table_of(Donation).c

_DUE: Final = (
    select(_GIFTS.id)
    .where(_GIFTS.status == bindparam("in_state"), _GIFTS.provider == bindparam("of"), _GIFTS.due_at <= NOW)
    .order_by(_GIFTS.due_at)
    .limit(BATCH)
)


def pause(attempts: int) -> timedelta:
    """How long to wait after so many tries."""
    grown: timedelta = FIRST_PAUSE * 2 ** min(attempts, 12)
    return min(grown, LONGEST_PAUSE)


async def due(unit: Unit, provider: Provider, status: DonationStatus) -> Sequence[UUID]:
    """Gifts of a provider in this state that are due, longest due first."""
    which = {"of": provider, "in_state": status, "now": unit.now}
    return (await unit.run(_DUE, which)).scalars().all()


async def take(unit: Unit, donation_id: UUID, status: DonationStatus) -> Donation | None:
    """A due gift, locked, and not due again while it is asked for; none when somebody else was first."""
    donation = await locked(unit, donation_id)
    if donation.status is not status or donation.due_at > unit.now:
        return None
    donation.attempts += 1
    donation.due_at = unit.now + max(LEASE, pause(donation.attempts))
    await unit.session.flush()
    return donation


async def locked(unit: Unit, donation_id: UUID) -> Donation:
    """A gift as it stands, locked until the transaction ends."""
    await audit.hold(unit)  # before the row, as in `services.donate_settle.apply`
    return await unit.session.get_one(Donation, donation_id, with_for_update=True, populate_existing=True)
