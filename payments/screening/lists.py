"""Which lists are in use, how old they are, and whether that is still allowed."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlmodel import select

from models.policy import ListSource, Policy
from models.screening import ListStatus, SanctionsList
from models.unit import Unit

SHORT = 12
"""Hexadecimal digits of a SHA-256 that name a version."""


async def current(unit: Unit) -> Mapping[ListSource, SanctionsList]:
    """The lists in use, by source."""
    found = await unit.session.exec(select(SanctionsList).where(SanctionsList.status == ListStatus.CURRENT))
    return {listed.source: listed for listed in found.all()}


async def stale(unit: Unit) -> Sequence[ListSource]:
    """Lists that the policy asks for and that are missing or too old: while there is any, screened rails rest."""
    lists = await current(unit)
    return [source for source in unit.policy.screening.lists if is_stale(unit, lists.get(source))]


def is_stale(unit: Unit, listed: SanctionsList | None) -> bool:
    """Whether a list is missing, was loaded too long ago, or bears too old a date."""
    if listed is None:
        return True
    loaded, dated = _limits(unit.policy)
    return listed.loaded_at + loaded <= unit.now or listed.dated + dated <= unit.now


def label(listed: SanctionsList) -> str:
    """What names a version in records: `ofac 2026-11-20 0123456789ab`."""
    return f"{listed.source} {listed.dated:%Y-%m-%d} {listed.sha256[:SHORT]}"


def labels(lists: Mapping[ListSource, SanctionsList]) -> str:
    """All versions in use, in one line."""
    return ", ".join(label(lists[source]) for source in sorted(lists))


def _limits(policy: Policy) -> tuple[timedelta, timedelta]:
    return timedelta(days=policy.screening.loaded_days), timedelta(days=policy.screening.dated_days)
