"""What the law may ask of a payment: kept apart from the case, for the policy's years, through every erasure.

A record holds nothing of a person and no id that leads to one: neither case nor payout nor volunteer. The day, not
the hour, so that it cannot be laid beside other logs.
"""

from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, Integer, String, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import enum_column, new_id
from vault.types import GrantNumber


class ScreeningResult(StrEnum):
    """What screening said of a payment that was made."""

    CLEAR = "clear"
    CLEARED = "cleared"
    """There was a possible match, and a human decided that it is somebody else."""
    NOT_SCREENED = "not_screened"
    """The policy does not screen this rail or beneficiaries."""
    POSSIBLE = "possible"
    """Paid by hand, and by the time that it was entered there was a possible match that nobody had decided."""
    BLOCKED = "blocked"
    """The same, and it was listed by then."""
    STALE = "stale"
    """The same, and a list was missing or too old."""


class ComplianceRecord(SQLModel, table=True):
    """One payment of one grant. `attempt` counts the payments of a grant: money that came back was paid anew."""

    __tablename__ = "compliance_record"
    __table_args__ = (
        UniqueConstraint("grant_number", "attempt"),
        CheckConstraint("amount > 0", name="positive"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    grant_number: GrantNumber = Field(sa_type=String)
    attempt: int = Field(sa_type=Integer)
    amount: int = Field(sa_type=BigInteger)
    """Minor units."""
    currency: str = Field(max_length=3)
    paid_on: date = Field(sa_type=Date, index=True)
    rail: str = Field(max_length=32)
    purpose: str = Field(max_length=32)
    """Purpose code (`payments.compliance.PURPOSE`)."""
    list_version: str = Field(max_length=256)
    """Lists that it was screened against, each with its date and the beginning of its SHA-256; empty: none."""
    policy_version: str = Field(max_length=32)
    result: ScreeningResult = Field(sa_column=enum_column(ScreeningResult, "screening_result"))
