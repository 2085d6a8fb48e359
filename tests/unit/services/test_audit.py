"""The audit log: whatever is done to it behind the fund's back is found."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import UpdateBase, delete, insert, update
from sqlmodel import col, select

from bot.database import Resources
from models.audit import GENESIS, AuditCheckpoint, AuditEntry, chained, leaf, record
from models.unit import Unit
from sandbox.clock import TravelClock
from services.audit import (
    JOBS,
    AuditFault,
    Finding,
    Frontier,
    LogBroken,
    Walk,
    begin_anew,
    checkpoint,
    latest,
    verify,
)

SIZE = 12
"""Acts in the log of a test: one checkpoint after the fifth, one after the last."""


FIELDS: dict[str, Any] = {
    "at": timedelta(seconds=1),
    "actor": "nobody",
    "act": "case.closed",
    "subject": "case:0",
    "facts": "{}",
    "digest": bytes(32),
}

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


async def fill(unit: Unit) -> None:
    """Write acts with two checkpoints among and after them: entries 6 and 14 are the checkpoints' own."""
    for number in range(1, SIZE + 1):
        await record(unit, f"somebody{number % 3}", "case.read", f"case:{number}", count=number)
        if number == 5:
            await checkpoint(unit)
    await checkpoint(unit)


async def tampered(unit: Unit, change: UpdateBase) -> list[Finding]:
    """What is found after a change of the rows, which is undone again."""
    async with unit.session.begin_nested() as save:
        await unit.session.exec(change)
        found = await findings(unit)
        await save.rollback()
    unit.session.expunge_all()
    return found


async def findings(unit: Unit) -> list[Finding]:
    """What a fresh look at the rows finds."""
    unit.session.expunge_all()
    return list((await verify(unit)).findings)


async def crash_after_a_checkpoint(log: Resources) -> None:
    """Sign, and die before the commit."""
    async with log.unit() as unit:
        await checkpoint(unit)
        raise RuntimeError


@pytest.fixture
async def log(resources: Resources) -> Resources:
    """A database with a log in it."""
    async with resources.unit() as unit:
        await fill(unit)
    return resources


async def test_a_whole_log_is_whole(log: Resources) -> None:
    """An untouched log with checkpoints has no finding, or nobody would heed one."""
    async with log.unit() as unit:
        report = await verify(unit)
    assert report.whole
    assert (report.size, report.checkpoints) == (SIZE + 2, 2)


async def test_an_empty_log_is_whole(resources: Resources) -> None:
    """A fresh fund passes."""
    async with resources.unit() as unit:
        report = await verify(unit)
        assert await checkpoint(unit) is None
    assert report.whole
    assert report.size == 0


async def test_any_altered_field_is_found(log: Resources) -> None:
    """Every field of every entry is covered by the chain, and the finding names the entry."""
    async with log.unit() as unit:
        for number, name in product(range(1, SIZE + 3), FIELDS):
            entry = await unit.session.get_one(AuditEntry, number)
            value = entry.at + FIELDS[name] if name == "at" else FIELDS[name]
            change = update(AuditEntry).where(col(AuditEntry.number) == number).values({name: value})
            assert (await tampered(unit, change))[0] == Finding(number, AuditFault.ALTERED)


async def test_any_missing_entry_is_found(log: Resources) -> None:
    """A gap in the numbers, or an end before a checkpoint's, names what is gone."""
    async with log.unit() as unit:
        for number in range(1, SIZE + 2):
            found = await tampered(unit, delete(AuditEntry).where(col(AuditEntry.number) == number))
            assert Finding(number, AuditFault.MISSING) in found


async def test_a_log_that_was_cut_is_found(log: Resources) -> None:
    """A checkpoint remembers how long the log was, even when it all went."""
    async with log.unit() as unit:
        for keep in range(SIZE + 1):
            found = await tampered(unit, delete(AuditEntry).where(col(AuditEntry.number) > keep))
            assert Finding(SIZE + 1, AuditFault.CUT) in found


async def test_a_log_cut_back_to_an_earlier_checkpoint_is_found(log: Resources) -> None:
    """Who also deletes the later checkpoints leaves a log that is whole in itself; what lies by the keys knows."""
    async with log.unit() as unit:
        earlier = (await unit.session.exec(select(AuditCheckpoint.size).order_by(col(AuditCheckpoint.size)))).all()
        kept = earlier[0] + 1  # with the checkpoint's own entry
        await unit.session.exec(delete(AuditCheckpoint).where(col(AuditCheckpoint.size) > earlier[0]))
        await unit.session.exec(delete(AuditEntry).where(col(AuditEntry.number) > kept))
        unit.session.expunge_all()
        assert await findings(unit) == [Finding(earlier[-1], AuditFault.CUT)]
        await record(unit, "somebody", "case.read", "case:1")
        with pytest.raises(LogBroken):
            await checkpoint(unit)


async def test_a_restored_log_is_measured_anew(log: Resources) -> None:
    """A backup's log is shorter than the one that was signed last, and is whole all the same."""
    async with log.unit() as unit:
        earlier = (await unit.session.exec(select(AuditCheckpoint.size).order_by(col(AuditCheckpoint.size)))).all()
        await unit.session.exec(delete(AuditCheckpoint).where(col(AuditCheckpoint.size) > earlier[0]))
        await unit.session.exec(delete(AuditEntry).where(col(AuditEntry.number) > earlier[0] + 1))
        unit.session.expunge_all()
        await begin_anew(unit)
        assert await findings(unit) == []
        await record(unit, "somebody", "case.read", "case:1")
        assert await checkpoint(unit) is not None


async def test_a_checkpoint_that_was_not_committed_harms_nothing(log: Resources) -> None:
    """What is noted by the keys is noted before the commit: a crash in between leaves a log that is whole."""
    async with log.unit() as unit:
        await record(unit, "somebody", "case.read", "case:1")
    with pytest.raises(RuntimeError):
        await crash_after_a_checkpoint(log)
    async with log.unit() as unit:
        assert await findings(unit) == []
        await record(unit, "somebody", "case.read", "case:2")
        assert await checkpoint(unit) is not None
        assert await findings(unit) == []


@pytest.mark.parametrize("number", [-7, 0, SIZE + 3])
async def test_an_entry_slipped_in_is_found(log: Resources, number: int) -> None:
    """An entry before the first or after the last is walked like any other."""
    forged = {
        "number": number,
        "at": EPOCH,
        "actor": "a",
        "act": "b.c",
        "subject": "d",
        "facts": "[",
        "digest": b"x",
    }
    async with log.unit() as unit:
        found = await tampered(unit, insert(AuditEntry).values(forged))
        assert Finding(number, AuditFault.ALTERED) in found


async def test_a_log_rewritten_with_a_fresh_chain_is_found(log: Resources) -> None:
    """Whoever recomputes every digest after a change still cannot sign the root."""
    async with log.unit() as unit:
        entries = list((await unit.session.exec(select(AuditEntry).order_by(col(AuditEntry.number)))).all())
        entries[7].actor = "nobody"
        rechain(entries)
        await unit.session.flush()
        assert await findings(unit) == [Finding(SIZE + 1, AuditFault.REWRITTEN)]


async def test_a_forged_or_lost_checkpoint_is_found(log: Resources) -> None:
    """A checkpoint is worth its signature, and the log itself knows that it was made."""
    here = col(AuditCheckpoint.size) == 5
    changes = {
        AuditFault.UNSIGNED: update(AuditCheckpoint).where(here).values(signature=bytes(64)),
        AuditFault.REWRITTEN: update(AuditCheckpoint).where(here).values(root=bytes(32)),
        AuditFault.CHECKPOINT_LOST: delete(AuditCheckpoint).where(here),
    }
    async with log.unit() as unit:
        for fault, change in changes.items():
            assert fault in {finding.fault for finding in await tampered(unit, change)}
        later = update(AuditCheckpoint).where(here).values(at=EPOCH)
        assert Finding(5, AuditFault.UNSIGNED) in await tampered(unit, later)


@pytest.mark.parametrize("size", [SIZE + 1, SIZE + 3])
async def test_nothing_is_signed_over_a_broken_log(log: Resources, size: int) -> None:
    """A signature must not bless what was tampered with."""
    async with log.unit() as unit:
        await record(unit, "somebody", "case.read", "case:1")
        await unit.session.exec(update(AuditEntry).where(col(AuditEntry.number) == size).values(digest=bytes(32)))
        unit.session.expunge_all()
        with pytest.raises(LogBroken):
            await checkpoint(unit)


async def test_the_job_signs_once_and_then_rests(log: Resources, clock: TravelClock) -> None:
    """An hour without acts adds nothing; an hour with acts adds one checkpoint that holds."""
    (job,) = JOBS
    async with log.unit() as unit:
        assert list(await job.find(unit)) == []
        await record(unit, "somebody", "case.read", "case:1")
    clock.advance(job.every)
    async with log.unit() as unit:
        for due in await job.find(unit):
            await job.handle(unit, due)
        made = await latest(unit)
        assert made is not None
        assert made.size == SIZE + 3
        assert list(await job.find(unit)) == []
        assert (await verify(unit)).whole


@given(st.lists(st.binary(max_size=8), max_size=40))
def test_the_frontier_is_the_tree(leaves: list[bytes]) -> None:
    """The root that is signed is the one that pymerkle, and so anyone, computes from the entries."""
    frontier = Frontier()
    for leaf_bytes in leaves:
        frontier.append(leaf_bytes)
    tree: Any = pymerkle.InmemoryTree
    assert frontier.root == tree.init_from_entries(leaves, algorithm="sha256").get_root()


@given(st.data())
def test_any_tampering_is_found(data: st.DataObject) -> None:
    """Alter, remove, swap or insert anything in a log under a checkpoint, and the walk finds it."""
    entries = chain(data.draw(st.integers(2, 20)))
    end = len(entries)
    checkpoints = {end: AuditCheckpoint(size=end, root=root_of(entries), frontier=b"", at=EPOCH, signature=b"")}
    at = data.draw(st.integers(0, end - 1))
    act = data.draw(st.sampled_from(("alter", "remove", "swap", "insert")))
    if act == "alter":
        name = data.draw(st.sampled_from(sorted(FIELDS)))
        setattr(entries[at], name, entries[at].at + FIELDS[name] if name == "at" else FIELDS[name])
    elif act == "remove":
        del entries[at]
    elif act == "swap":
        other = data.draw(st.integers(0, end - 1).filter(lambda value: value != at))
        entries[at], entries[other] = entries[other], entries[at]
    else:
        entries.insert(at, entry_of(at + 1, "intruder"))
    if data.draw(st.booleans(), label="renumber"):
        for number, entry in enumerate(entries, 1):
            entry.number = number
    if data.draw(st.booleans(), label="rechain") and act != "alter":
        rechain(entries)
    walk = Walk(checkpoints)
    for entry in entries:
        walk.step(entry)
    assert walk.findings or walk.number < end


def entry_of(number: int, actor: str) -> AuditEntry:
    """An entry without a digest."""
    return AuditEntry(number=number, at=EPOCH, actor=actor, act="case.read", subject="x", facts="[]", digest=b"")


def rechain(entries: list[AuditEntry]) -> None:
    """Give entries a chain that holds."""
    previous = GENESIS
    for entry in entries:
        entry.digest = previous = chained(previous, entry)


def chain(size: int) -> list[AuditEntry]:
    """A whole log in memory."""
    entries = [entry_of(number, f"somebody{number}") for number in range(1, size + 1)]
    rechain(entries)
    return entries


def root_of(entries: list[AuditEntry]) -> bytes:
    """The Merkle root of entries."""
    frontier = Frontier()
    for entry in entries:
        frontier.append(leaf(entry))
    return frontier.root
