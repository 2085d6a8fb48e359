"""A savepoint holds whatever way a statement takes."""

import pytest
from sqlmodel import col, select

from bot.database import Resources
from models import audit
from models.audit import AuditEntry
from models.unit import Unit


class Broken(Exception):
    """What goes wrong."""


async def refused(unit: Unit) -> None:
    """Act and fail."""
    async with unit.attempt():
        await audit.record(unit, "system", "test.refused", "test:1")
        raise Broken


async def test_what_runs_past_the_session_goes_with_its_attempt(resources: Resources) -> None:
    """A refused act leaves no entry, even when nothing before it in the block has asked the session."""
    async with resources.unit() as unit:
        with pytest.raises(Broken):
            await refused(unit)
        await audit.record(unit, "system", "test.done", "test:2")
        acts = (await unit.session.exec(select(AuditEntry.act).order_by(col(AuditEntry.number)))).all()
    assert acts == ["test.done"]
