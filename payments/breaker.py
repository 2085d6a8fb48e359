"""The circuit breaker of each rail: it shuts after failures in a row, and a probe opens it again.

A shut rail is offered to nobody and takes no new order; orders under way are looked up as before. After a probe it
is open on trial: one more failure shuts it at once.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache

from sqlalchemy import Executable
from sqlmodel import col, select

from models import audit
from models.attempt import RailHealth
from models.base import NOW
from models.unit import Unit


async def is_shut(unit: Unit, rail: str) -> bool:
    """Whether nothing may be paid by a rail now."""
    found = await unit.session.exec(select(RailHealth.shut_at).where(RailHealth.rail == rail))
    return found.first() is not None


async def worked(unit: Unit, rail: str) -> bool:
    """The rail has paid, or a probe was answered: nothing less opens a shut one. True when that opens it."""
    health = await _locked(unit, rail)
    if health is None:
        return False
    was_shut = health.shut_at is not None
    health.failures = max(0, unit.policy.limits.rail_failures - 1) if was_shut else 0
    health.shut_at = health.probe_at = None
    await unit.session.flush()
    if was_shut:
        await audit.record(unit, "system", "rail.opened", f"rail:{rail}")
    return was_shut


async def failed(unit: Unit, rail: str) -> bool:
    """The rail has not done what it should. True when that shuts it."""
    health = await _locked(unit, rail)
    if health is None:
        health = RailHealth(rail=rail)
        unit.session.add(health)
    health.failures += 1
    if health.shut_at is not None:
        health.probe_at = unit.now + _pause(unit)
    shuts = health.shut_at is None and health.failures >= unit.policy.limits.rail_failures
    if shuts:
        health.shut_at, health.probe_at = unit.now, unit.now + _pause(unit)
        await audit.record(unit, "system", "rail.shut", f"rail:{rail}", failures=health.failures)
    await unit.session.flush()
    return shuts


async def due(unit: Unit) -> Sequence[str]:
    """Shut rails whose time to be tried has come."""
    return (await unit.run(_due(), {"now": unit.now})).scalars().all()


@cache
def _due() -> Executable:
    return select(RailHealth.rail).where(col(RailHealth.shut_at).is_not(None), col(RailHealth.probe_at) <= NOW)


def _pause(unit: Unit) -> timedelta:
    return timedelta(minutes=unit.policy.limits.probe_minutes)


async def _locked(unit: Unit, rail: str) -> RailHealth | None:
    await audit.hold(unit)  # before the row, as everybody who moves money does
    return await unit.session.get(RailHealth, rail, with_for_update=True, populate_existing=True)
