"""What counsel or an auditor is given: what the law may ask for, and nothing that leads to who was helped.

- Payments: the compliance records as they stand. Lists: every version that was in use.
- Decisions about possible matches: what kind of subject, which entry, when, how, and why. What the subject is
  called stands there only when it was decided to be the listed one and belongs to no case (a firm, an exchange, a
  giver): that has to be reported. A decision about a case has neither words nor reason: they are the case's.
- Who decided is left out: the log of acts has it.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlmodel import col, select

from models.compliance import ComplianceRecord
from models.screening import (
    GiverCheck,
    ListStatus,
    QuestionStatus,
    SanctionsList,
    ScreeningQuestion,
)
from models.unit import Unit
from payments.screening import questions
from payments.screening.entries import Shown

FORMAT: Final = "plecho compliance 1"

DECIDED: Final = (QuestionStatus.SAME, QuestionStatus.NOT_SAME)


async def gather(unit: Unit, since: date, until: date) -> Mapping[str, Any]:
    """Everything of these days, the last included, as JSON has it. Amounts are in minor units."""
    begin = datetime.combine(since, time(), UTC)
    end = datetime.combine(until, time(), UTC) + timedelta(days=1)
    return {
        "format": FORMAT,
        "since": since.isoformat(),
        "until": until.isoformat(),
        "policy": unit.policy.version,
        "payments": await _payments(unit, since, until),
        "decisions": await _decisions(unit, begin, end),
        "givers": await _givers(unit, begin, end),
        "lists": await _lists(unit),
    }


async def _payments(unit: Unit, since: date, until: date) -> list[dict[str, Any]]:
    found = await unit.session.exec(
        select(ComplianceRecord)
        .where(col(ComplianceRecord.paid_on) >= since, col(ComplianceRecord.paid_on) <= until)
        .order_by(col(ComplianceRecord.paid_on), col(ComplianceRecord.grant_number), col(ComplianceRecord.attempt))
    )
    return [row.model_dump(mode="json", exclude={"id"}) for row in found.all()]


async def _decisions(unit: Unit, begin: datetime, end: datetime) -> list[dict[str, Any]]:
    found = await unit.session.exec(
        select(ScreeningQuestion)
        .where(
            col(ScreeningQuestion.status).in_(DECIDED),
            col(ScreeningQuestion.decided_at) >= begin,
            col(ScreeningQuestion.decided_at) < end,
        )
        .order_by(col(ScreeningQuestion.decided_at), col(ScreeningQuestion.id))
    )
    return [await _decision(unit, question) for question in found.all()]


async def _decision(unit: Unit, question: ScreeningQuestion) -> dict[str, Any]:
    decided, of_case = question.decided_at or question.asked_at, question.case_id is not None
    told = {
        "kind": str(question.kind),
        "result": str(question.status),
        "decided_on": decided.date().isoformat(),
        "asked_on": question.asked_at.date().isoformat(),
        "list": str(question.source),
        "entry": question.ref,
        "entry_name": Shown.unpacked(question.facts).name,
        "score": question.score,
        "versions": question.list_version,
    }
    if not of_case:
        told["reason"] = await questions.reason_of(unit, question)
    if not of_case and question.status is QuestionStatus.SAME:
        told["subject"] = await questions.words_of(unit, question)
    return told


async def _givers(unit: Unit, begin: datetime, end: datetime) -> list[dict[str, Any]]:
    """How many gifts of each day came to what: whose they were nobody is told."""
    found = await unit.session.exec(
        select(GiverCheck.asked_at, GiverCheck.status, GiverCheck.lists).where(
            GiverCheck.asked_at >= begin, GiverCheck.asked_at < end
        )
    )
    counts: dict[tuple[str, str, str], int] = {}
    for asked_at, status, lists in found.all():
        key = (asked_at.date().isoformat(), str(status), lists)
        counts[key] = counts.get(key, 0) + 1
    return [
        {"day": day, "result": status, "versions": lists, "gifts": count}
        for (day, status, lists), count in sorted(counts.items())
    ]


async def _lists(unit: Unit) -> list[dict[str, Any]]:
    found = await unit.session.exec(
        select(SanctionsList)
        .where(col(SanctionsList.status) != ListStatus.LOADING)
        .order_by(col(SanctionsList.id))
    )
    return [
        {
            "list": str(listed.source), "dated": listed.dated.date().isoformat(), "sha256": listed.sha256,
            "loaded_on": listed.loaded_at.date().isoformat(), "entries": listed.entries,
            "in_use": listed.status is ListStatus.CURRENT,
        }
        for listed in found.all()
    ]  # fmt: skip
