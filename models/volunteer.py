"""Volunteers: vetted people under a call sign, their roles, and the invitations that bring them in."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import String, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import Sealed, UtcTime, enum_column, new_id
from vault.types import BlindIndex, CallSign, SealedBytes


class Role(StrEnum):
    """What a volunteer may do."""

    REVIEWER = "reviewer"
    TREASURER = "treasurer"
    COORDINATOR = "coordinator"


class VolunteerStatus(StrEnum):
    """Where a volunteer stands."""

    PENDING = "pending"
    """Has come by an invitation; a second coordinator has not confirmed yet."""
    ACTIVE = "active"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    LEFT = "left"
    FORGOTTEN = "forgotten"
    """Left or suspended long ago: nothing says any more who it was (`services.former`)."""


V = VolunteerStatus

ALLOWED: dict[VolunteerStatus, frozenset[VolunteerStatus]] = {
    V.PENDING: frozenset({V.ACTIVE, V.SUSPENDED, V.LEFT}),
    V.ACTIVE: frozenset({V.PAUSED, V.SUSPENDED, V.LEFT}),
    V.PAUSED: frozenset({V.ACTIVE, V.SUSPENDED, V.LEFT}),
    V.SUSPENDED: frozenset({V.PENDING, V.LEFT, V.FORGOTTEN}),
    V.LEFT: frozenset({V.PENDING, V.FORGOTTEN}),
    V.FORGOTTEN: frozenset(),
}


class Volunteer(SQLModel, table=True):
    """One volunteer. `contact` is sealed in the compartment `contact` whose subject is the volunteer's id."""

    __tablename__ = "volunteer"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    chat: BlindIndex = Field(sa_type=String, unique=True)
    contact: SealedBytes = Field(sa_type=Sealed)
    call_sign: CallSign = Field(sa_type=String, unique=True)
    language: str = Field(max_length=8)
    status: VolunteerStatus = Field(default=V.PENDING, sa_column=enum_column(VolunteerStatus, "volunteer_status"))
    probation_left: int = 0
    """Cases whose outcome must still agree with this reviewer's vote before their votes count."""
    silences: int = 0
    """Seats lost by silence, one after the other; nought again with the next act on any seat."""
    reconfirm_at: datetime = Field(sa_type=UtcTime)
    reconfirm_told_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """When the coordinators were told that this re-confirmation comes due."""
    created_at: datetime = Field(sa_type=UtcTime)
    since: datetime = Field(sa_type=UtcTime)
    """When they came, came back, or their access ended."""


class VolunteerRole(SQLModel, table=True):
    """A role that a volunteer holds."""

    __tablename__ = "volunteer_role"
    __table_args__ = (UniqueConstraint("volunteer_id", "role"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    volunteer_id: UUID = Field(foreign_key="volunteer.id", index=True)
    role: Role = Field(sa_column=enum_column(Role, "role"))
    invited_by: UUID | None = None
    """The coordinator who invited; none for the operator's command line."""
    confirmed_by: UUID | None = None
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """A role without this does not count yet."""


class Invitation(SQLModel, table=True):
    """A single-use link that brings one volunteer in; only a hash of its token is stored."""

    __tablename__ = "invitation"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    token_hash: str = Field(max_length=64, unique=True)
    role: Role = Field(sa_column=enum_column(Role, "invited_role"))
    invited_by: UUID | None = None
    created_at: datetime = Field(sa_type=UtcTime)
    expires_at: datetime = Field(sa_type=UtcTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcTime)
    used_by: UUID | None = None


class ReviewGroup(SQLModel, table=True):
    """The group chat in which cards are posted. `contact` is sealed under the server's key."""

    __tablename__ = "review_group"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    chat: BlindIndex = Field(sa_type=String, unique=True)
    contact: SealedBytes = Field(sa_type=Sealed)
    """Place of the seal: (`review_group`, `contact`, id): the chat's number as text."""
    language: str = Field(max_length=8)
    open: bool = False
    """False until checked, and whenever the group is not safe: nothing is posted until it is bound anew."""
    fault: str | None = Field(default=None, max_length=32)
    """What is not safe about the group, as a key below `group.fault`."""
    in_use: bool = False
    """Whether this is the fund's group: the one that opened last, though it may be closed now."""
    asked: bool = True
    """A coordinator has asked to bind it and waits for the check: only such a check may open the group."""
    check_at: datetime = Field(sa_type=UtcTime, index=True)
    """When `bot.groupcheck` asks Telegram about the group next."""
    bound_by: UUID
    bound_at: datetime = Field(sa_type=UtcTime)
