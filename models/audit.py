"""The log of acts: who, in which role, did what, to what, when. Never content.

Entries are numbered without gaps and chained by hash, so that an altered, missing or reordered entry shows
(`services.audit` verifies and signs checkpoints over a Merkle tree of them).
"""

import hashlib
import json
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Executable, LargeBinary, insert, select, text
from sqlmodel import Field, SQLModel

from models.base import UtcTime, table_of
from models.unit import Unit

GENESIS = bytes(32)
"""The hash before the first entry."""

CHAIN_LOCK = 0x506C6563
"""PostgreSQL advisory lock that puts writers of the chain in a row; SQLite has one writer anyway."""


_LOCK = text("SELECT pg_advisory_xact_lock(:key)")


class AuditEntry(SQLModel, table=True):
    """One act. `facts` holds ids, states, amounts and counts as canonical JSON."""

    __tablename__ = "audit_entry"

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_type=UtcTime)
    actor: str
    """A volunteer's id, `applicant:` and a case id, `system`, or `operator`."""
    act: str
    subject: str
    """Kind and id of what was acted on, as `case:<uuid>`."""
    facts: str
    digest: bytes = Field(sa_type=LargeBinary)


class AuditCheckpoint(SQLModel, table=True):
    """A signed statement of how long the log was and what its Merkle root was."""

    __tablename__ = "audit_checkpoint"

    size: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    root: bytes = Field(sa_type=LargeBinary)
    frontier: bytes = Field(sa_type=LargeBinary)
    """Roots of the tree's full subtrees, largest first, joined: from them the next checkpoint goes on."""
    at: datetime = Field(sa_type=UtcTime)
    signature: bytes = Field(sa_type=LargeBinary)


def leaf(entry: AuditEntry) -> bytes:
    """The bytes that stand for an entry in the chain and in the tree."""
    parts = [entry.number, entry.at.isoformat(), entry.actor, entry.act, entry.subject, entry.facts]
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()


def chained(previous: bytes, entry: AuditEntry) -> bytes:
    """The digest of an entry, given the digest before it."""
    return hashlib.sha256(previous + leaf(entry)).digest()


async def hold(unit: Unit) -> None:
    """Take the chain's lock early, before other locks that another writer may hold and wait for."""
    if unit.session.get_bind().dialect.name == "postgresql":
        await unit.run(_LOCK, {"key": CHAIN_LOCK})


async def record(unit: Unit, actor: str, act: str, subject: str, **facts: Any) -> AuditEntry:  # noqa: ANN401 - JSON
    """Append one act. Facts are ids, states and numbers; a person's words never go in."""
    await hold(unit)
    last = (await unit.run(_last())).first()
    entry = AuditEntry(
        number=last.number + 1 if last else 1,
        at=unit.now,
        actor=actor,
        act=act,
        subject=subject,
        facts=json.dumps(facts, default=str, ensure_ascii=True, sort_keys=True, separators=(",", ":")),
        digest=b"",
    )
    entry.digest = chained(last.digest if last else GENESIS, entry)
    await unit.run(insert(table_of(AuditEntry)), entry.model_dump())
    return entry


@cache
def _last() -> Executable:
    entry = table_of(AuditEntry)
    return select(entry.c.number, entry.c.digest).order_by(entry.c.number.desc()).limit(1)


def about_money(unit: Unit, kind: str, row: UUID) -> str:
    """Name money as a subject of the log: only who has the keyring can tell of which row an entry speaks.

    Books and grants outlive the case and the log outlives everything: with a row's own id, or the same moment, in
    both, the log would say for good which case a grant was for, and who judged it.
    """
    keyed = unit.vault.sign(b"plecho log subject\0" + kind.encode() + row.bytes)
    return f"{kind}:{hashlib.sha256(keyed).hexdigest()[:32]}"


def about(kind: str, row: UUID) -> str:
    """Name a subject of the log."""
    return f"{kind}:{row}"
