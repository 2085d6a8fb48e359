"""Whatever anybody does leaves its entry in the log, and the log shows when any of these entries is touched."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import UpdateBase, delete, update
from sqlmodel import col, select

from bot.database import Resources
from models.audit import AuditEntry
from models.unit import Unit
from services import submission
from services.access import Act
from services.audit import AuditFault, checkpoint, verify
from tests.unit.payments.screening.house import load_both
from tests.unit.services.deeds import FURTHER, PERSONS, PERSONS_FURTHER, PLAYED
from tests.unit.services.desk import Desk, make_desk
from tests.unit.services.readiness import do, draft, on_case


@pytest.fixture
async def fund(resources: Resources, tmp_path: Path) -> Desk:
    """A fund with money, lists, treasurers, a group, and reviewers enough for every panel at once."""
    wide = resources.policy.panel.model_copy(update={"cap": 1000})
    resources.policy = resources.policy.model_copy(update={"panel": wide})
    made = await make_desk(resources, 10_000_000_000)
    await load_both(resources, tmp_path)
    await made.reviewers("Heron", "Otter", "Raven", "Swift", "Fern", "Moss")
    await made.bound()
    return made


def test_every_act_is_played() -> None:
    """A new right comes with what its use leaves on record."""
    assert set(PLAYED) == set(Act)


async def test_every_act_leaves_its_entry_and_none_can_be_touched(fund: Desk) -> None:
    """Each act is on record under its actor; each such entry is named when it is altered, removed or moved."""
    left: dict[str, int] = {}
    for act, deed in PLAYED.items():
        sign, key = await deed.ready(fund)
        entries = await do(fund, sign, key, deed.do)
        async with fund.resources.unit() as unit:
            name = (await fund.actor(unit, sign)).name
        mine = [entry for entry in entries if entry.actor == name and entry.act == deed.leaves]
        assert len(mine) == 1, (act, [(entry.actor, entry.act) for entry in entries])
        left[deed.leaves] = mine[0].number
    for deed in PERSONS:
        sign, key = await deed.ready(fund)
        entries = await do(fund, sign, key, deed.do)
        mine = [entry for entry in entries if entry.actor.startswith("applicant:") and entry.act == deed.leaves]
        assert len(mine) == 1, (deed.leaves, [(entry.actor, entry.act) for entry in entries])
        left[deed.leaves] = mine[0].number
    await touched(fund, left)


async def test_whatever_else_is_done_leaves_its_entry(fund: Desk) -> None:
    """Not one act of each right alone: whatever is done by it is on record, once, under who did it."""
    for deed in FURTHER:
        sign, key = await deed.ready(fund)
        entries = await do(fund, sign, key, deed.do)
        async with fund.resources.unit() as unit:
            name = (await fund.actor(unit, sign)).name
        mine = [entry for entry in entries if entry.actor == name and entry.act == deed.leaves]
        assert len(mine) == 1, (deed.leaves, [(entry.actor, entry.act) for entry in entries])
    for deed in PERSONS_FURTHER:
        sign, key = await deed.ready(fund)
        entries = await do(fund, sign, key, deed.do)
        mine = [entry for entry in entries if entry.actor.startswith("applicant:") and entry.act == deed.leaves]
        assert len(mine) == 1, (deed.leaves, [(entry.actor, entry.act) for entry in entries])


async def touched(fund: Desk, left: Mapping[str, int]) -> None:
    """Alter, remove and move each of these entries in the database; each time the walk names it."""
    async with fund.resources.unit() as unit:
        await checkpoint(unit)
        assert (await verify(unit)).whole
        for act, number in left.items():
            here = col(AuditEntry.number) == number
            altered = await found(unit, update(AuditEntry).where(here).values(actor="nobody"))
            assert altered[number] is AuditFault.ALTERED, act
            assert (await found(unit, delete(AuditEntry).where(here)))[number] is AuditFault.MISSING, act
            moved = await found(
                unit,
                update(AuditEntry).where(here).values(number=-1),
                update(AuditEntry).where(col(AuditEntry.number) == number + 1).values(number=number),
                update(AuditEntry).where(col(AuditEntry.number) == -1).values(number=number + 1),
            )
            assert moved[number] is AuditFault.ALTERED, act


async def found(unit: Unit, *changes: UpdateBase) -> dict[int, AuditFault]:
    """The first fault that is found at each number after changes of the rows, which are undone again."""
    async with unit.session.begin_nested() as save:
        for change in changes:
            await unit.session.exec(change)
        unit.session.expunge_all()
        findings = (await verify(unit)).findings
        await save.rollback()
    return {finding.number: finding.fault for finding in reversed(findings)}


async def test_a_draft_is_on_record_as_a_whole(fund: Desk) -> None:
    """When each answer was typed is told by nothing that stays; how much was sent is (decision 16)."""
    owner, case_id = await draft(fund)
    async with fund.resources.unit() as unit:
        by = await unit.session.exec(select(AuditEntry.act).where(AuditEntry.actor == f"applicant:{case_id}"))
        assert by.all() == ["intake.begin"]
    (sent_entry, *_) = await do(fund, owner, case_id, on_case(submission.submit))
    facts = json.loads(sent_entry.facts)
    assert (facts["answers"], facts["pages"]) == (10, 2)
