"""What counsel is given: complete, sealed for them alone, on the record, and of no person who was helped."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest
from sqlmodel import select

from bot.compliance import export
from bot.database import Resources
from bot.problems import Problem
from models.audit import AuditEntry
from models.compliance import ComplianceRecord
from models.screening import ScreeningQuestion, SubjectKind
from payments.screening import State
from services import screening
from tests.unit.payments.screening.house import TYPED, ask, load_both
from tests.unit.services.desk import Desk, make_desk
from tests.unit.services.fund import volunteer
from vault.errors import RecipientWrong

REASON = "Born in another year, and lives in another country."
READER = pyrage.x25519.Identity.generate()


@pytest.fixture
async def desk(resources: Resources, tmp_path: Path) -> Desk:
    """A desk with both lists of today."""
    made = await make_desk(resources)
    await load_both(resources, tmp_path)
    return made


async def decide(desk: Desk, *, same: bool, **more: object) -> None:
    """One question about a partner like a listed person, decided by Coin."""
    verdict = await ask(desk.resources, SubjectKind.PARTNER, TYPED, **more)
    assert verdict.state is State.POSSIBLE
    async with desk.resources.unit() as unit:
        actor = await desk.actor(unit, "Coin")
        await screening.decide(unit, actor, verdict.questions[0], REASON, same=same)


async def written(desk: Desk, path: Path, days: int = 1) -> dict[str, Any]:
    """What the reader reads in an export of the last days."""
    today = desk.resources.clock.now().date()
    said = await export(desk.resources, path, f" {READER.to_public()}\n", today - timedelta(days=days), today)
    assert str(path) in said
    return opened(path)


def opened(path: Path) -> dict[str, Any]:
    """What is in a file that nobody else on this machine may read."""
    assert path.stat().st_mode & 0o077 == 0
    told: dict[str, Any] = json.loads(pyrage.decrypt(path.read_bytes(), [READER]))
    return told


async def test_an_export_is_whole_and_sealed(desk: Desk, tmp_path: Path) -> None:
    """Payments, decisions with their reasons, list versions; the log says that it was made, and of how much."""
    await desk.paid()
    await decide(desk, same=False, whose="one")
    path = tmp_path / "out.age"
    told = await written(desk, path)
    async with desk.resources.unit() as unit:
        row = (await unit.session.exec(select(ComplianceRecord))).one()
        entry = (await unit.session.exec(select(AuditEntry).where(AuditEntry.act == "compliance.exported"))).one()
    assert str(row.grant_number).encode() not in path.read_bytes()
    assert [payment["grant_number"] for payment in told["payments"]] == [row.grant_number]
    assert told["payments"][0]["amount"] == row.amount
    assert [decision["reason"] for decision in told["decisions"]] == [REASON]
    assert {listed["list"] for listed in told["lists"]} == {"ofac", "eu"}
    assert json.loads(entry.facts)["payments"] == 1
    assert str(READER.to_public()) not in entry.facts


async def test_only_who_is_listed_is_named(desk: Desk, tmp_path: Path) -> None:
    """Neither somebody else after all, nor a case, nor whoever decided; a listed partner is, to be reported."""
    payout_id = await desk.paid()
    async with desk.resources.unit() as unit:
        case_id = (await unit.session.exec(select(ScreeningQuestion.case_id))).first()
        assert case_id is None
        coin = await volunteer(unit, "Coin")
    await decide(desk, same=False, whose="one")
    assert TYPED not in json.dumps(await written(desk, tmp_path / "a.age"))
    await decide(desk, same=True, whose="two")
    told = await written(desk, tmp_path / "b.age")
    assert [decision.get("subject") for decision in told["decisions"]] == [None, TYPED]
    for secret in (coin.id, payout_id, "Coin"):
        assert str(secret) not in json.dumps(told)


async def test_what_a_case_was_asked_about_stays_with_it(desk: Desk, tmp_path: Path) -> None:
    """Of a person's own wallet or name there is the entry and the result, no word of theirs and no reason."""
    case_id = await desk.case(begin=False)
    await decide(desk, same=True, case_id=case_id)
    told = json.dumps(await written(desk, tmp_path / "out.age"))
    assert '"result": "same"' in told
    for secret in (TYPED, REASON, str(case_id)):
        assert secret not in told


async def test_other_days_are_left_out(desk: Desk, tmp_path: Path) -> None:
    """What was paid and decided before the first day is not there."""
    await desk.paid()
    await decide(desk, same=False)
    desk.later(days=3)
    told = await written(desk, tmp_path / "out.age")
    assert (told["payments"], told["decisions"], told["givers"]) == ([], [], [])
    assert len((await written(desk, tmp_path / "all.age", days=3))["payments"]) == 1


@pytest.mark.parametrize("recipient", ["", "age1", "AGE-SECRET-KEY-1", "counsel@example.org"])
async def test_without_a_reader_nothing_is_written(desk: Desk, tmp_path: Path, recipient: str) -> None:
    """No file, no entry in the log."""
    today = desk.resources.clock.now().date()
    with pytest.raises(RecipientWrong):
        await export(desk.resources, tmp_path / "out.age", recipient, today, today)
    assert not (tmp_path / "out.age").exists()
    async with desk.resources.unit() as unit:
        acts = (await unit.session.exec(select(AuditEntry.act))).all()
    assert "compliance.exported" not in acts


async def test_nothing_is_overwritten(desk: Desk, tmp_path: Path) -> None:
    """A file that is there stays, and days in the wrong order are refused."""
    (tmp_path / "out.age").write_text("mine")
    today = desk.resources.clock.now().date()
    for path, since in ((tmp_path / "out.age", today), (tmp_path / "new.age", today + timedelta(days=1))):
        with pytest.raises(Problem):
            await export(desk.resources, path, str(READER.to_public()), since, today)
    assert (tmp_path / "out.age").read_text() == "mine"
