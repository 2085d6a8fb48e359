"""The compliance record: one for each payment, nothing of a person, kept for the policy's years and no longer."""

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import inspect
from sqlmodel import col, select

from bot.database import Resources
from models.audit import AuditEntry
from models.compliance import ComplianceRecord, ScreeningResult
from models.grant import Grant, GrantStatus, Payout
from models.unit import Unit
from payments import compliance
from payments.compliance import record
from payments.screening import State, Verdict
from sandbox.clock import TravelClock
from vault.types import GrantNumber

LISTS = "eu 2026-11-20 0123456789ab, ofac 2026-11-21 ba9876543210"


def paid(unit: Unit, number: str = "G-1") -> tuple[Grant, Payout]:
    """A grant that was paid now; neither is stored."""
    grant = Grant(
        number=GrantNumber(number), case_id=uuid4(), status=GrantStatus.PAID, amount=1_500_000, currency="RUB",
        second_treasurer=False, policy_version="2026-11", approved_at=unit.now,
    )  # fmt: skip
    payout = Payout(grant_id=grant.id, rail="manual", created_at=unit.now)
    payout.paid_at = unit.now
    return grant, payout


@pytest.mark.parametrize(
    ("verdict", "result", "version"),
    [
        (None, ScreeningResult.NOT_SCREENED, ""),
        (Verdict(State.CLEAR, ""), ScreeningResult.NOT_SCREENED, ""),
        (Verdict(State.CLEAR, LISTS), ScreeningResult.CLEAR, LISTS),
        (Verdict(State.CLEAR, LISTS, decided=True), ScreeningResult.CLEARED, LISTS),
        (Verdict(State.POSSIBLE, LISTS), ScreeningResult.POSSIBLE, LISTS),
        (Verdict(State.BLOCKED, LISTS), ScreeningResult.BLOCKED, LISTS),
        (Verdict(State.STALE, ""), ScreeningResult.STALE, ""),
    ],
)
async def test_a_payment_is_written_down(
    resources: Resources, verdict: Verdict | None, result: ScreeningResult, version: str
) -> None:
    """Grant number, amount, day, rail, purpose, lists, result: all that the law may ask, and no more."""
    async with resources.unit() as unit:
        grant, payout = paid(unit)
        await record(unit, grant, payout, verdict)
        today = unit.now.date()
    async with resources.unit() as unit:
        row = (await unit.session.exec(select(ComplianceRecord))).one()
        kept = row.model_dump(exclude={"id"})
    assert kept == {
        "grant_number": "G-1", "attempt": 1, "amount": 1_500_000, "currency": "RUB", "paid_on": today,
        "rail": "manual", "purpose": "CHAR", "list_version": version, "policy_version": "2026-11",
        "result": result,
    }  # fmt: skip


def test_nothing_in_it_leads_to_a_person() -> None:
    """The columns are these; none is an id of a case, a payout or a volunteer, none points to another table."""
    table = inspect(ComplianceRecord).local_table
    assert {column.name for column in table.columns} == {
        "id", "grant_number", "attempt", "amount", "currency", "paid_on", "rail", "purpose", "list_version",
        "policy_version", "result",
    }  # fmt: skip
    assert not list(table.foreign_keys)


async def test_a_grant_paid_anew_has_two_records(resources: Resources) -> None:
    """Money that came back and went out again went out twice."""
    async with resources.unit() as unit:
        for _ in range(2):
            await record(unit, *paid(unit), None)
        await record(unit, *paid(unit, "G-2"), None)
        rows = (await unit.session.exec(select(ComplianceRecord))).all()
    assert sorted((row.grant_number, row.attempt) for row in rows) == [("G-1", 1), ("G-1", 2), ("G-2", 1)]


async def test_one_payment_of_two_records_is_taken_back_and_the_last_one_stays(resources: Resources) -> None:
    """No word of treasurers leaves a paid grant without a record; a later payment has a number of its own."""
    async with resources.unit() as unit:
        grant, payout = paid(unit)
        for _ in range(2):
            await record(unit, grant, payout, None)
        for attempt in (1, 1, 2):
            await compliance.take_back(unit, grant, attempt, "system")
        await record(unit, grant, payout, None)
        rows = (await unit.session.exec(select(ComplianceRecord))).all()
        acts = await unit.session.exec(select(AuditEntry).where(col(AuditEntry.act) == "compliance.taken_back"))
        assert len(acts.all()) == 1
    assert sorted(row.attempt for row in rows) == [2, 3]


async def test_records_go_after_the_policys_years(resources: Resources, clock: TravelClock) -> None:
    """Ten years, and the removal is on the log of acts with a number alone."""
    async with resources.unit() as unit:
        await record(unit, *paid(unit), None)
    clock.advance(timedelta(days=3650))
    async with resources.unit() as unit:
        assert await compliance.count_old(unit) == 0
    clock.advance(timedelta(days=5))
    async with resources.unit() as unit:
        assert await compliance.count_old(unit) == 1
        await compliance.remove_old(unit)
        await compliance.remove_old(unit)
        assert (await unit.session.exec(select(ComplianceRecord))).first() is None
        removed = await unit.session.exec(select(AuditEntry).where(col(AuditEntry.act) == "compliance.removed"))
        assert removed.one().facts == '{"count":1}'


async def test_a_leap_day_has_its_year(resources: Resources) -> None:
    """What was paid on a 29 February is kept for whole years too."""
    async with resources.unit() as unit:
        unit.now = unit.now.replace(year=2028, month=2, day=29)
        assert compliance.oldest(unit) == date(2018, 2, 28)


def test_ids_are_random() -> None:
    """Two records of one day cannot be put in order by their ids."""
    row = ComplianceRecord(
        grant_number=GrantNumber("G-1"), attempt=1, amount=1, currency="RUB", paid_on=date(2026, 1, 1),
        rail="manual", purpose="CHAR", list_version="", policy_version="1", result=ScreeningResult.CLEAR,
    )  # fmt: skip
    assert isinstance(row.id, UUID)
    assert row.id.version == 4
