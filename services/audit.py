"""The log of acts is whole: walked from the first entry, against its chain and the signed checkpoints.

- The chain of hashes shows an entry that was altered, lost, inserted or put elsewhere.
- A checkpoint signs the length of the log and the root of a Merkle tree over it (RFC 9162, as pymerkle hashes
  it), so that a log that was cut or rewritten with a fresh chain shows too. A checkpoint is itself an act of the
  log, so that a lost checkpoint shows.
- The newest checkpoint's size and root are noted beside the keys too, so that a log that was cut back to an
  earlier checkpoint, together with the later ones, shows. What happened after the last checkpoint can be cut off
  by whoever owns the database, and more by whoever owns both: hence one every hour, and the operator may note the
  root that `plecho audit verify` prints.
- Nothing is signed while the part to be signed is broken.
"""

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

import pymerkle.hasher
from sqlalchemy import func
from sqlmodel import col, select

from models.audit import GENESIS, AuditCheckpoint, AuditEntry, chained, leaf, record
from models.unit import Unit
from services.jobs import Job
from vault.keystore import LogEnd

BATCH = 1000
"""Entries read at once."""

BEFORE_ALL = -(2**63)
"""Less than any number that a row can have: the walk meets entries slipped in before the first one."""

CHECKPOINT = "audit.checkpoint"

_Hasher: Any = pymerkle.hasher.MerkleHasher  # pymerkle has no types


class AuditFault(StrEnum):
    """What may be wrong with the log."""

    MISSING = "missing"
    """The number is not there, and a later one is."""
    ALTERED = "altered"
    """The entry does not follow from the one before: altered, inserted or moved."""
    CUT = "cut"
    """A checkpoint has seen this number, and the log ends before it."""
    REWRITTEN = "rewritten"
    """The root up to this number is not the signed one, though the chain may hold."""
    UNSIGNED = "unsigned"
    """The checkpoint at this number is not signed by the fund's key."""
    CHECKPOINT_LOST = "checkpoint_lost"
    """The log says that a checkpoint was made at this number, and there is none."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, at one number of the log."""

    number: int
    fault: AuditFault


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What a walk through the whole log has found, in order of the numbers."""

    size: int
    """How many entries there are."""
    root: bytes
    """The Merkle root of them all."""
    checkpoints: int
    findings: tuple[Finding, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


class LogBroken(Exception):
    """The log is not whole, so nothing is signed. `number` is the first entry that is wrong."""

    def __init__(self, number: int) -> None:
        super().__init__(f"the audit log is broken at entry {number}")
        self.number = number


@dataclass(slots=True)
class Frontier:
    """A growing Merkle tree kept as the roots of its full subtrees, largest first: enough for the root."""

    size: int = 0
    roots: list[bytes] = field(default_factory=list)

    def append(self, content: bytes) -> None:
        """Add a leaf."""
        hasher = _Hasher("sha256")
        digest: bytes = hasher.hash_buff(content)
        full = self.size
        while full & 1:
            digest = hasher.hash_pair(self.roots.pop(), digest)
            full >>= 1
        self.roots.append(digest)
        self.size += 1

    @property
    def root(self) -> bytes:
        """The root over all leaves."""
        hasher = _Hasher("sha256")
        root: bytes = hasher.hash_fold(self.roots[::-1]) if self.roots else hasher.hash_empty()
        return root


@dataclass(slots=True)
class Walk:
    """Goes through entries in order; keeps the tree, the chain and what was found."""

    checkpoints: Mapping[int, AuditCheckpoint]
    noted: LogEnd | None = None
    """What lies beside the keys."""
    tree: Frontier = field(default_factory=Frontier)
    previous: bytes = GENESIS
    number: int = 0
    findings: list[Finding] = field(default_factory=list)

    def step(self, entry: AuditEntry) -> None:
        """Take the next entry."""
        for gap in range(self.number + 1, entry.number):
            self.findings.append(Finding(gap, AuditFault.MISSING))
        if entry.number <= self.number or chained(self.previous, entry) != entry.digest:
            self.findings.append(Finding(entry.number, AuditFault.ALTERED))
        if entry.act == CHECKPOINT and _signed_size(entry) not in self.checkpoints:
            self.findings.append(Finding(entry.number, AuditFault.CHECKPOINT_LOST))
        self.number, self.previous = entry.number, entry.digest
        self.tree.append(leaf(entry))
        signed = (self.checkpoints.get(entry.number), self.noted)
        if any(each.root != self.tree.root for each in signed if each and each.size == entry.number):
            self.findings.append(Finding(entry.number, AuditFault.REWRITTEN))

    def end(self) -> None:
        """There are no more entries."""
        if self.noted is not None and self.noted.size > self.number:
            self.findings.append(Finding(self.noted.size, AuditFault.CUT))


async def verify(unit: Unit) -> AuditReport:
    """Walk the whole log. Reads every entry once, in batches; changes nothing."""
    found = await unit.session.exec(select(AuditCheckpoint).order_by(col(AuditCheckpoint.size)))
    checkpoints = {checkpoint.size: checkpoint for checkpoint in found.all()}
    walk = Walk(checkpoints, await unit.vault.log_end())
    async for batch in _batches(unit, after=BEFORE_ALL):
        for entry in batch:
            walk.step(entry)
            unit.session.expunge(entry)
    walk.end()
    findings = [*walk.findings, *_unsigned(unit, checkpoints.values()), *_cut(checkpoints, walk.number)]
    findings.sort(key=lambda finding: finding.number)
    return AuditReport(walk.tree.size, walk.tree.root, len(checkpoints), tuple(findings))


async def checkpoint(unit: Unit) -> AuditCheckpoint | None:
    """Sign the log as it is, or return none when nothing but the last checkpoint was added since.

    Only what came after the last checkpoint is read. Raises `LogBroken` when that part, or the last checkpoint
    itself, is not whole.
    """
    last = await latest(unit)
    walk = await _resume(unit, last)
    acts = 0
    async for batch in _batches(unit, after=walk.number):
        for entry in batch:
            walk.step(entry)
            acts += entry.act != CHECKPOINT
    walk.end()
    if walk.findings:
        raise LogBroken(walk.findings[0].number)
    if not acts:
        return None
    tree = walk.tree
    made = AuditCheckpoint(
        size=tree.size, root=tree.root, frontier=b"".join(tree.roots), at=unit.now, signature=b""
    )
    made.signature = unit.vault.sign(_message(made))
    unit.session.add(made)
    await unit.session.flush()
    await record(unit, "system", CHECKPOINT, "log", size=made.size)
    await unit.vault.note_log_end(LogEnd(made.size, made.root))
    return made


async def begin_anew(unit: Unit) -> None:
    """After a restore the log is as long as the backup's, and is measured by its last checkpoint again."""
    last = await latest(unit)
    await unit.vault.note_log_end(None if last is None else LogEnd(last.size, last.root))


async def latest(unit: Unit) -> AuditCheckpoint | None:
    """The last checkpoint, if any."""
    found = await unit.session.exec(select(AuditCheckpoint).order_by(col(AuditCheckpoint.size).desc()).limit(1))
    return found.first()


async def _resume(unit: Unit, last: AuditCheckpoint | None) -> Walk:
    """A walk that has already come to the last checkpoint. Raises `LogBroken` when that is not ours."""
    noted = await unit.vault.log_end()
    if last is None:
        return Walk({}, noted)
    width = len(GENESIS)
    roots = [last.frontier[start : start + width] for start in range(0, len(last.frontier), width)]
    tree = Frontier(last.size, roots)
    head = await unit.session.get(AuditEntry, last.size)
    if head is None or tree.root != last.root or not unit.vault.verify(_message(last), last.signature):
        raise LogBroken(last.size)
    return Walk({last.size: last}, noted, tree, head.digest, last.size)


async def _batches(unit: Unit, after: int) -> AsyncIterator[Sequence[AuditEntry]]:
    while True:
        query = select(AuditEntry).where(AuditEntry.number > after).order_by(col(AuditEntry.number)).limit(BATCH)
        batch = (await unit.session.exec(query)).all()
        if not batch:
            return
        after = batch[-1].number
        yield batch


def _signed_size(entry: AuditEntry) -> int | None:
    """What a checkpoint's own entry says; none when somebody has spoilt it."""
    try:
        facts = json.loads(entry.facts)
    except ValueError:
        return None
    size = facts.get("size") if isinstance(facts, dict) else None
    return size if isinstance(size, int) else None


def _unsigned(unit: Unit, checkpoints: Iterable[AuditCheckpoint]) -> Iterator[Finding]:
    for made in checkpoints:
        if not unit.vault.verify(_message(made), made.signature):
            yield Finding(made.size, AuditFault.UNSIGNED)


def _cut(checkpoints: Mapping[int, AuditCheckpoint], end: int) -> Iterator[Finding]:
    return (Finding(size, AuditFault.CUT) for size in checkpoints if size > end)


def _message(made: AuditCheckpoint) -> bytes:
    return json.dumps(["plecho audit checkpoint", made.size, made.root.hex(), made.at.isoformat()]).encode()


async def _unchecked(unit: Unit) -> Sequence[int]:
    """The length of the log, when it has grown by an act since the last checkpoint."""
    last = await latest(unit)
    query = select(func.max(AuditEntry.number)).where(
        AuditEntry.number > (last.size if last else 0), AuditEntry.act != CHECKPOINT
    )
    newest = (await unit.session.exec(query)).one()
    return [newest] if newest is not None else []


async def _sign(unit: Unit, _: int) -> None:
    await checkpoint(unit)


JOBS: tuple[Job, ...] = (Job("audit.checkpoint", timedelta(hours=1), _unchecked, _sign),)
