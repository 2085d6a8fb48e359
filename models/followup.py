"""Follow-ups: what the fund asks after, when, and what came of it; and calls of those in danger."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import Sealed, UtcTime, enum_column, new_id
from vault.types import SealedBytes


class FollowUpKind(StrEnum):
    """What is asked."""

    ARRIVED = "arrived"
    MONTH = "month"
    QUARTER = "quarter"
    COURT_BEFORE = "court_before"
    COURT_AFTER = "court_after"


class FollowUpStatus(StrEnum):
    """Where a follow-up stands."""

    SCHEDULED = "scheduled"
    ASKED = "asked"
    ANSWERED = "answered"
    SILENT = "silent"
    """Asked, gently repeated, never answered."""
    CANCELLED = "cancelled"


F = FollowUpStatus

ALLOWED: dict[FollowUpStatus, frozenset[FollowUpStatus]] = {
    F.SCHEDULED: frozenset({F.ASKED, F.CANCELLED}),
    F.ASKED: frozenset({F.ANSWERED, F.SILENT, F.CANCELLED}),
    F.ANSWERED: frozenset(),
    F.SILENT: frozenset({F.ANSWERED}),
    F.CANCELLED: frozenset(),
}


class Outcome(StrEnum):
    """What the person said by a button."""

    GOOD = "good"
    BAD = "bad"
    NOT_ARRIVED = "not_arrived"
    DANGER = "danger"
    WORDS = "words"
    """Said in their own words only."""


class FollowUp(SQLModel, table=True):
    """One question to come. `due_at` already respects the person's hours.

    Once asked, `due_at` is when it is asked again or taken for silent.
    """

    __tablename__ = "follow_up"
    __table_args__ = (UniqueConstraint("case_id", "kind", "due_at"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    case_id: UUID = Field(foreign_key="fund_case.id", index=True)
    kind: FollowUpKind = Field(sa_column=enum_column(FollowUpKind, "follow_up_kind"))
    status: FollowUpStatus = Field(default=F.SCHEDULED, sa_column=enum_column(FollowUpStatus, "follow_up_status"))
    due_at: datetime = Field(sa_type=UtcTime, index=True)
    repeats: int = 0
    put_off: bool = False
    """Of a day in court that was put off: it says nothing of the new one."""
    outcome: Outcome | None = Field(default=None, sa_column=enum_column(Outcome, "outcome", nullable=True))
    words: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """Sealed in the case's `story`. Place of the seal: (`follow_up`, `words`, id)."""
    answered_at: datetime | None = Field(default=None, sa_type=UtcTime)


class UnreadWords(SQLModel, table=True):
    """One who decided has not read yet what a person wrote; the row goes when they have."""

    __tablename__ = "unread_words"

    follow_up_id: UUID = Field(foreign_key="follow_up.id", primary_key=True)
    volunteer_id: UUID = Field(foreign_key="volunteer.id", primary_key=True, index=True)


class DangerCall(SQLModel, table=True):
    """Somebody pressed the button for danger; one coordinator takes the call, writes, and closes it."""

    __tablename__ = "danger_call"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    case_id: UUID = Field(foreign_key="fund_case.id", index=True)
    at: datetime = Field(sa_type=UtcTime)
    told_at: datetime = Field(sa_type=UtcTime, index=True)
    """When coordinators were last told."""
    waits_since: datetime | None = Field(default=None, sa_type=UtcTime)
    """Since when the person, who pressed or wrote then, has had no line; none once there is one."""
    taken_by: UUID | None = Field(default=None, foreign_key="volunteer.id")
    taken_at: datetime | None = Field(default=None, sa_type=UtcTime)
    undelivered: int = Field(default=0, sa_type=BigInteger)
    """The last effect with a line that could not be delivered, and whose holder knows that."""
    closed_at: datetime | None = Field(default=None, sa_type=UtcTime, index=True)
