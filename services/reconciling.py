"""Reconciliation on the clock and for the operator: treasurers are told of each new difference, once.

One that comes back after it was gone, or with other figures, is new. A debt is told once while it lasts.

That a provider refuses what it must be asked is told at once, and again each day while it lasts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlmodel import col, select

from models.audit import record
from models.reconciliation import KnownDifference
from models.unit import Unit
from models.volunteer import Role
from payments.reconcile import ASKED, Difference, Kind, compare, is_there
from services.jobs import Job
from services.roles import recipients, tell_role
from services.speak import Screen, notify
from texts.formats import money

TROUBLE_AGAIN: Final = timedelta(days=1)
"""After which it is told again that a provider refuses what it is asked."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A difference that was told of and is no more."""

    kind: str
    subject: str


async def new_differences(unit: Unit) -> Sequence[Difference | Gone]:
    """What differs within the fund's own rows and has not been told of, and what was told of and is gone."""
    found = await compare(unit)
    compared = [str(kind) for kind in Kind if kind not in ASKED]
    told = await unit.session.exec(select(KnownDifference).where(col(KnownDifference.kind).in_(compared)))
    known = {(row.kind, row.subject): row for row in told.all()}
    gone = known.keys() - {(difference.kind, difference.subject) for difference in found}
    new = [one for one in found if not _is_told(known.get((one.kind, one.subject)), one)]
    return [*new, *(Gone(kind, subject) for kind, subject in sorted(gone))]


async def told_of_rails(unit: Unit) -> Sequence[Gone]:
    """What was told of attempts whose provider says otherwise, each as if it were gone."""
    kinds = [str(Kind.PROVIDER_PAID), str(Kind.PROVIDER_NOT_PAID)]
    told = await unit.session.exec(select(KnownDifference).where(col(KnownDifference.kind).in_(kinds)))
    return [Gone(row.kind, row.subject) for row in told.all()]


async def tell_if_so(unit: Unit, what: Difference | Gone) -> None:
    """Tell of what was found, unless people have mended it meanwhile, or it has come back: then later."""
    if await is_there(unit, what.kind, what.subject) == isinstance(what, Difference):
        await tell(unit, what)


async def tell(unit: Unit, what: Difference | Gone) -> None:
    """Put a difference on record, and tell treasurers and coordinators. One known already is left alone."""
    known = await unit.session.get(KnownDifference, (what.kind, what.subject), with_for_update=True)
    if isinstance(what, Gone):
        if known is not None:
            await unit.session.delete(known)
        return
    if _is_told(known, what):
        return
    known = known or KnownDifference(kind=what.kind, subject=what.subject, found_at=unit.now)
    known.ours, known.theirs, known.found_at = what.ours, what.theirs, unit.now
    unit.session.add(known)
    await unit.session.flush()
    facts = {"ours": what.ours, "theirs": what.theirs}
    await record(unit, "system", f"reconcile.{what.kind}", what.subject, **facts)
    for role in (Role.TREASURER, Role.COORDINATOR):
        if what.kind == Kind.DEBT:
            await _tell_debt(unit, role, what)
        else:
            await tell_role(unit, role, "treasury.told.difference")


async def _tell_debt(unit: Unit, role: Role, debt: Difference) -> None:
    """Say which account is below zero and by how much: after a gift was paid back it is the fee, and no alarm."""
    _, purpose, currency = debt.subject.split(":")
    for to in await recipients(unit, role):
        amount = money(-debt.ours, currency, to.language)
        text = unit.texts.render(f"treasury.told.debt-{purpose}", to.language, amount=amount)
        await notify(unit, to, Screen(text))


def _is_told(known: KnownDifference | None, difference: Difference) -> bool:
    if known is None:
        return False
    return difference.kind == Kind.DEBT or (known.ours, known.theirs) == (difference.ours, difference.theirs)


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


JOBS: tuple[Job, ...] = (Job("treasury.reconcile", timedelta(hours=6), new_differences, tell_if_so),)
"""A difference is found within six hours; the operator can look at once (`plecho reconcile`)."""
