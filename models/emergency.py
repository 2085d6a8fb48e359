"""An emergency grant: proposed by a reviewer, agreed to by a coordinator, looked at by the panel afterwards."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import UtcTime, new_id


class Emergency(SQLModel, table=True):
    """The one emergency of a case: a proposal until `agreed_at`, and from then on the decision."""

    __tablename__ = "emergency"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    case_id: UUID = Field(foreign_key="fund_case.id", unique=True)
    case_version: int
    """What the reviewer had read."""
    proposed_by: UUID = Field(foreign_key="volunteer.id")
    proposed_at: datetime = Field(sa_type=UtcTime)
    agreed_by: UUID | None = Field(default=None, foreign_key="volunteer.id")
    agreed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    review_due_at: datetime | None = Field(default=None, sa_type=UtcTime, index=True)
    """Until when the panel says what it thinks of it."""
    reviewed_at: datetime | None = Field(default=None, sa_type=UtcTime)


class EmergencyVerdict(SQLModel, table=True):
    """What one member of the panel thinks of it afterwards. Changes nothing about the money."""

    __tablename__ = "emergency_verdict"
    __table_args__ = (UniqueConstraint("emergency_id", "volunteer_id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    emergency_id: UUID = Field(foreign_key="emergency.id", index=True)
    volunteer_id: UUID = Field(foreign_key="volunteer.id", index=True)
    agreed: bool | None = None
    """None until they have said it."""
    given_at: datetime | None = Field(default=None, sa_type=UtcTime)
