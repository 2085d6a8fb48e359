"""Reconciliation on the clock and for the operator: treasurers are told of each new difference, once."""

from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import select

from models.audit import record
from models.reconciliation import KnownDifference
from models.unit import Unit
from models.volunteer import Role
from payments.reconcile import Difference, compare
from services.jobs import Job
from services.roles import tell_role


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


JOBS: tuple[Job, ...] = (Job("treasury.reconcile", timedelta(hours=6), new_differences, tell),)
"""A difference is found within six hours; the operator can look at once (`plecho reconcile`)."""
