"""The compliance record: what the law may ask of a payment, kept apart from the case and from who did what.

One record for each payment, written in the transaction that enters that money has left: by hand, by a machine, to
a partner who has yet to report, or as an incident. Money that comes back stays on record. A record survives every
erasure and goes after the policy's years (`screening.record_years`). It holds nothing of a person: see
`models.compliance`.
"""

from datetime import date
from typing import Final

from sqlalchemy import ColumnElement
from sqlmodel import col, delete, func, select

from models.audit import record as audit
from models.compliance import ComplianceRecord, ScreeningResult
from models.grant import Grant, Payout
from models.unit import Unit
from payments.screening.checking import Verdict

PURPOSE: Final = "CHAR"
"""Charity payment: ISO 20022, external purpose codes."""


async def record(unit: Unit, grant: Grant, payout: Payout, verdict: Verdict | None) -> ComplianceRecord:
    """Write down that a payout was paid. `verdict`: of its screening; none when its rail is not screened.

    To be called once per payment, when it is entered. What was paid by hand is written down whatever the lists say
    by then.
    """
    earlier = select(func.coalesce(func.max(ComplianceRecord.attempt), 0)).where(_of(grant))
    row = ComplianceRecord(
        grant_number=grant.number,
        attempt=(await unit.session.exec(earlier)).one() + 1,
        amount=grant.amount,
        currency=grant.currency,
        paid_on=unit.now.date(),
        rail=payout.rail,
        purpose=PURPOSE,
        list_version=verdict.lists if verdict else "",
        policy_version=unit.policy.version,
        result=_result(verdict),
    )
    unit.session.add(row)
    await unit.session.flush()
    return row


async def take_back(unit: Unit, grant: Grant, attempt: int, by: str) -> None:
    """Remove a record of a payment that another one has too. The only one of a grant stays, whatever is said."""
    of_grant = (await unit.session.exec(select(ComplianceRecord).where(_of(grant)))).all()
    double = next((row for row in of_grant if row.attempt == attempt), None)
    if double is not None and len(of_grant) > 1:
        await unit.session.delete(double)
        await unit.session.flush()
        await audit(unit, by, "compliance.taken_back", "compliance", count=1)


async def count_old(unit: Unit) -> int:
    """How many records have been kept long enough."""
    query = select(func.count()).select_from(ComplianceRecord).where(col(ComplianceRecord.paid_on) <= oldest(unit))
    return (await unit.session.exec(query)).one()


async def remove_old(unit: Unit) -> None:
    """Remove the records that have been kept long enough; how many is on the log of acts."""
    removed = await count_old(unit)
    if removed:
        await unit.session.exec(delete(ComplianceRecord).where(col(ComplianceRecord.paid_on) <= oldest(unit)))
        await audit(unit, "system", "compliance.removed", "compliance", count=removed)


def oldest(unit: Unit) -> date:
    """What was paid on this day or before has been kept for the policy's years."""
    today, years = unit.now.date(), unit.policy.screening.record_years
    try:
        return today.replace(year=today.year - years)
    except ValueError:  # 29 February
        return today.replace(year=today.year - years, day=28)


def _of(grant: Grant) -> ColumnElement[bool]:
    return col(ComplianceRecord.grant_number) == grant.number


def _result(verdict: Verdict | None) -> ScreeningResult:
    if verdict is not None and not verdict.clear:
        return ScreeningResult(verdict.state)
    if verdict is None or not verdict.lists:
        return ScreeningResult.NOT_SCREENED
    return ScreeningResult.CLEARED if verdict.decided else ScreeningResult.CLEAR
