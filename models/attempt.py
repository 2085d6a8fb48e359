"""Attempts of machine rails to pay, and how well each rail does.

An attempt's row is committed before its rail touches the network; the idempotency key is the row's id. It is open
until the rail promises an outcome, and a payout has one open attempt at most.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from models.base import Sealed, UtcTime, enum_column, new_id
from vault.types import SealedBytes


class AttemptStatus(StrEnum):
    """Where one attempt stands."""

    PREPARED = "prepared"
    """Written down; the rail has not been asked."""
    SENT = "sent"
    """The rail is being asked, or was: whether it has paid is not known yet."""
    DONE = "done"
    FAILED = "failed"
    """Nothing has moved, nor ever will."""
    DROPPED = "dropped"
    """Two people have said what became of its payout: never asked for again, but looked up for a while still."""


A = AttemptStatus

ATTEMPT_ALLOWED: dict[AttemptStatus, frozenset[AttemptStatus]] = {
    A.PREPARED: frozenset({A.SENT, A.FAILED, A.DROPPED}),
    A.SENT: frozenset({A.DONE, A.FAILED, A.DROPPED}),
    A.DONE: frozenset(),
    A.FAILED: frozenset(),
    A.DROPPED: frozenset(),
}

OPEN_ATTEMPTS = (A.PREPARED, A.SENT)


class Attempt(SQLModel, table=True):
    """One order to one rail."""

    __tablename__ = "attempt"
    __table_args__ = (
        CheckConstraint("amount > 0", name="positive"),
        Index(
            "uq_attempt_open",
            "payout_id",
            unique=True,
            sqlite_where=text("status IN ('prepared', 'sent')"),
            postgresql_where=text("status IN ('prepared', 'sent')"),
        ),
        Index("ix_attempt_due", "status", "next_at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    """Its text is the idempotency key."""
    payout_id: UUID = Field(foreign_key="payout.id", index=True)
    rail: str = Field(max_length=32)
    status: AttemptStatus = Field(default=A.PREPARED, sa_column=enum_column(AttemptStatus, "attempt_status"))
    amount: int = Field(sa_type=BigInteger)
    """Minor units of what is to reach the person."""
    currency: str = Field(max_length=3)
    case_id: UUID | None = None
    """Whose compartment `payout` the destination is sealed in; cut when the case is let go."""
    destination: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """Place of the seal: (`attempt`, `destination`, id)."""
    prepared: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """What the rail set aside. Sealed under the server's key. Place of the seal: (`attempt`, `prepared`, id)."""
    reference: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """What the provider calls it. Sealed alike. Place of the seal: (`attempt`, `reference`, id)."""
    lists: str | None = None
    """Versions of the sanctions lists that were looked at last before it was paid; none: nothing was screened."""
    decided: bool = False
    """A human has decided that a possible match is somebody else."""
    error: str | None = Field(default=None, max_length=64)
    """The class of what went wrong last."""
    tries: int = 0
    """How often the rail was asked."""
    doubted: bool = False
    """A backup was put back since it was made, or another attempt proves to be paid: its grant may have been paid
    another way, so it is looked up, and never executed again."""
    asked_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """When the rail was asked last; nobody else asks until that must be over."""
    next_at: datetime = Field(sa_type=UtcTime)
    """When it is asked next."""
    watch_until: datetime | None = Field(default=None, sa_type=UtcTime)
    """Of a dropped one: how long it is looked up whether its rail pays after all."""
    made_at: datetime = Field(sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)


class RailHealth(SQLModel, table=True):
    """How well a rail does: the circuit breaker's memory."""

    __tablename__ = "rail_health"

    rail: str = Field(primary_key=True, max_length=32)
    failures: int = 0
    """One after another, the last ones."""
    shut_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """Since when nothing is paid by it."""
    probe_at: datetime | None = Field(default=None, sa_type=UtcTime, index=True)
    """When it is tried whether it works again."""
