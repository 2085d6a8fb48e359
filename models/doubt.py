"""What people have to find out: a payout of which nobody knows whether it was paid, and money that went twice.

Both are said by one treasurer and count once a second one has seen the same. Rows keep days alone, as grants do.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from models.base import Sealed, UtcTime, enum_column, new_id
from vault.types import SealedBytes


class Found(StrEnum):
    """What became of a payout in doubt."""

    PAID = "paid"
    NEVER = "never"
    """It was never paid, and never will be."""


class Ground(StrEnum):
    """How somebody knows."""

    STATEMENT = "statement"
    """A statement of the bank or the provider, or the chain itself, shows it, or all of it and not this."""
    PROVIDER = "provider"
    """The provider, or a partner, has answered so."""
    PAYER = "payer"
    """Who held the payout says so."""


class FindingStatus(StrEnum):
    """Where a finding stands."""

    SAID = "said"
    CONFIRMED = "confirmed"
    DENIED = "denied"
    """The second one does not see it, or the first was mistaken."""
    OVERTAKEN = "overtaken"
    """The rail has answered meanwhile, or somebody else has had the payout: it is to be said anew."""


F = FindingStatus

FINDING_ALLOWED: dict[FindingStatus, frozenset[FindingStatus]] = {
    F.SAID: frozenset({F.CONFIRMED, F.DENIED, F.OVERTAKEN}),
    F.CONFIRMED: frozenset(),
    F.DENIED: frozenset(),
    F.OVERTAKEN: frozenset(),
}


class Finding(SQLModel, table=True):
    """What one treasurer has found out about a payout in doubt, and who has seen the same."""

    __tablename__ = "finding"
    __table_args__ = (
        Index(
            "uq_finding_said",
            "payout_id",
            unique=True,
            sqlite_where=text("status = 'said'"),
            postgresql_where=text("status = 'said'"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    payout_id: UUID = Field(foreign_key="payout.id", index=True)
    status: FindingStatus = Field(default=F.SAID, sa_column=enum_column(FindingStatus, "finding_status"))
    found: Found = Field(sa_column=enum_column(Found, "found"))
    ground: Ground = Field(sa_column=enum_column(Ground, "ground"))
    reference: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """Of a payment. Sealed under the server's key. Place of the seal: (`finding`, `reference`, id)."""
    said_by: UUID = Field(foreign_key="volunteer.id")
    ended_by: UUID | None = Field(default=None, foreign_key="volunteer.id")
    said_on: datetime = Field(sa_type=UtcTime)
    """The day."""


class IncidentEnd(StrEnum):
    """What an incident turned out to be."""

    COUNTED = "counted"
    """It is the payment that the books have under another name."""
    BACK = "back"
    """The money came back."""
    LOST = "lost"
    """It went twice, or astray, and does not come back."""


class IncidentStatus(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    SAID = "said"
    """One treasurer says what it was."""
    CLOSED = "closed"


N = IncidentStatus

INCIDENT_ALLOWED: dict[IncidentStatus, frozenset[IncidentStatus]] = {
    N.OPEN: frozenset({N.SAID}),
    N.SAID: frozenset({N.OPEN, N.CLOSED}),
    N.CLOSED: frozenset(),
}


class Incident(SQLModel, table=True):
    """A rail says that it has paid an attempt that was over: the money may have gone twice."""

    __tablename__ = "incident"
    __table_args__ = (CheckConstraint("amount > 0", name="positive"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    attempt_id: UUID = Field(foreign_key="attempt.id", unique=True)
    payout_id: UUID = Field(foreign_key="payout.id", index=True)
    status: IncidentStatus = Field(default=N.OPEN, sa_column=enum_column(IncidentStatus, "incident_status"))
    amount: int = Field(sa_type=BigInteger)
    """Minor units that left, in the grant's currency: with what a partner got on top."""
    currency: str = Field(max_length=3)
    reference: SealedBytes = Field(sa_type=Sealed)
    """What the rail calls the payment. Sealed under the server's key. Place: (`incident`, `reference`, id)."""
    record_number: int
    """Which of its grant's compliance records is its own."""
    end: IncidentEnd | None = Field(
        default=None, sa_column=enum_column(IncidentEnd, "incident_end", nullable=True)
    )
    said_by: UUID | None = Field(default=None, foreign_key="volunteer.id")
    ended_by: UUID | None = Field(default=None, foreign_key="volunteer.id")
    found_on: datetime = Field(sa_type=UtcTime)
    """The day."""
