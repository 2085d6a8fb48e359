"""Reconciliation on the clock and for the operator: treasurers are told of each new difference, once.

That a provider refuses what it must be asked is told at once, and again each day while it lasts.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlmodel import select

from models.audit import record
from models.reconciliation import KnownDifference
from models.unit import Unit
from models.volunteer import Role
from payments.reconcile import Difference, Kind, compare
from services.jobs import Job
from services.roles import tell_role

TROUBLE_AGAIN: Final = timedelta(days=1)
"""After which it is told again that a provider refuses what it is asked."""


async def new_differences(unit: Unit) -> Sequence[Difference]:
    """What differs within the fund's own rows and has not been told of."""
    found = await compare(unit)
    if not found:
        return ()
    known = set((await unit.session.exec(select(KnownDifference.kind, KnownDifference.subject))).all())
    return [difference for difference in found if (difference.kind, difference.subject) not in known]


async def tell(unit: Unit, difference: Difference) -> None:
    """Put a difference on record, and tell treasurers and coordinators. One known already is left alone."""
    if await unit.session.get(KnownDifference, (difference.kind, difference.subject)) is not None:
        return
    unit.session.add(KnownDifference(kind=difference.kind, subject=difference.subject, found_at=unit.now))
    await unit.session.flush()
    facts = {"ours": difference.ours, "theirs": difference.theirs}
    await record(unit, "system", f"reconcile.{difference.kind}", difference.subject, **facts)
    for role in (Role.TREASURER, Role.COORDINATOR):
        await tell_role(unit, role, "treasury.told.difference")


async def tell_trouble(unit: Unit, trouble: str | None) -> None:
    """Tell treasurers what Stripe refuses (a code, or `key`), at most once a day; none: nothing."""
    if trouble is None:
        return
    known = await unit.session.get(
        KnownDifference, (Kind.PROVIDER_REFUSES, subject := f"stripe:{trouble}"), with_for_update=True
    )
    if known is None:
        known = KnownDifference(kind=Kind.PROVIDER_REFUSES, subject=subject, found_at=unit.now)
    elif known.found_at > unit.now - TROUBLE_AGAIN:
        return
    known.found_at = unit.now
    unit.session.add(known)
    await unit.session.flush()
    await record(unit, "system", f"reconcile.{Kind.PROVIDER_REFUSES}", subject)
    await tell_role(unit, Role.TREASURER, "donate.told.trouble", what=trouble)


JOBS: tuple[Job, ...] = (Job("treasury.reconcile", timedelta(hours=6), new_differences, tell),)
"""A difference is found within six hours; the operator can look at once (`plecho reconcile`)."""
