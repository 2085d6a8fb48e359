"""The panel of a case: seats drawn at random, blind votes bound to a version, readings on the record."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import Sealed, UtcTime, enum_column, new_id
from models.case import Case
from vault.types import SealedBytes


class SeatStatus(StrEnum):
    """Where one seat of a panel stands."""

    DRAWN = "drawn"
    VOTED = "voted"
    STEPPED_ASIDE = "stepped_aside"
    """Said "I know this person"; gives no reason."""
    REPLACED = "replaced"
    """Was silent for too long, or lost access."""
    CLOSED = "closed"
    """The case was decided or withdrawn."""


P = SeatStatus

ALLOWED: dict[SeatStatus, frozenset[SeatStatus]] = {
    P.DRAWN: frozenset({P.VOTED, P.STEPPED_ASIDE, P.REPLACED, P.CLOSED}),
    P.VOTED: frozenset({P.DRAWN, P.STEPPED_ASIDE, P.REPLACED, P.CLOSED}),
    P.STEPPED_ASIDE: frozenset(),
    P.REPLACED: frozenset(),
    P.CLOSED: frozenset(),
}
"""`VOTED -> DRAWN`: the case changed, and the vote is asked for anew."""

SEATED = frozenset({P.DRAWN, P.VOTED})
"""Seats whose holder may read and vote."""


class Seat(SQLModel, table=True):
    """One reviewer's place on the panel of one case; drawn once per case and person."""

    __tablename__ = "seat"
    __table_args__ = (UniqueConstraint("case_id", "volunteer_id", "round"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    case_id: UUID = Field(foreign_key="fund_case.id", index=True)
    volunteer_id: UUID = Field(foreign_key="volunteer.id", index=True)
    round: int = 1
    """1 for the first review, 2 for the appeal, which is drawn from others."""
    status: SeatStatus = Field(default=P.DRAWN, sa_column=enum_column(SeatStatus, "seat_status"))
    drawn_at: datetime = Field(sa_type=UtcTime)
    due_at: datetime = Field(sa_type=UtcTime, index=True)
    """When a silent holder is replaced."""
    counts: bool = True
    """False for a reviewer on probation, drawn beside the panel: their vote is compared, not counted."""


def round_of(case: Case) -> int:
    """1 for the first review, 2 for the appeal."""
    return 2 if case.appealed else 1


class VoteKind(StrEnum):
    """What a reviewer says."""

    APPROVE = "approve"
    DECLINE = "decline"


class Vote(SQLModel, table=True):
    """One blind vote, bound to the version of the case it was cast on."""

    __tablename__ = "vote"
    __table_args__ = (UniqueConstraint("seat_id", "case_version"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    seat_id: UUID = Field(foreign_key="seat.id", index=True)
    case_id: UUID = Field(foreign_key="fund_case.id", index=True)
    volunteer_id: UUID = Field(foreign_key="volunteer.id", index=True)
    case_version: int
    kind: VoteKind = Field(sa_column=enum_column(VoteKind, "vote_kind"))
    amount: int | None = Field(default=None, sa_type=BigInteger)
    """Minor units of the policy's currency; none when declined."""
    reason: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """Sealed in the case's `story`. Place of the seal: (`vote`, `reason`, id)."""
    counts: bool = True
    """False for a reviewer on probation: compared, not counted."""
    cast_at: datetime = Field(sa_type=UtcTime)


class Recusal(SQLModel, table=True):
    """A reviewer who stepped aside from a case: never drawn for it again and never told anything of it."""

    __tablename__ = "recusal"
    __table_args__ = (UniqueConstraint("case_id", "volunteer_id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    case_id: UUID = Field(foreign_key="fund_case.id", index=True)
    volunteer_id: UUID = Field(foreign_key="volunteer.id")
    at: datetime = Field(sa_type=UtcTime)


class RailWait(SQLModel, table=True):
    """An approved case whose person has not said yet how its money is to reach them."""

    __tablename__ = "rail_wait"

    case_id: UUID = Field(foreign_key="fund_case.id", primary_key=True)
    due_at: datetime = Field(sa_type=UtcTime)
    """When they are reminded next."""
    reminded: int = 0
    no_way_since: datetime | None = Field(default=None, sa_type=UtcTime)
    """Since when nothing that is open pays their grant; none while there is a way."""


class News(SQLModel, table=True):
    """Something the applicant is to be told once their safe-contact profile lets a message arrive."""

    __tablename__ = "news"
    __table_args__ = (UniqueConstraint("case_id", "act"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    case_id: UUID = Field(foreign_key="fund_case.id", index=True)
    act: str = Field(max_length=32)
    """The button that shows it."""
    due_at: datetime = Field(sa_type=UtcTime, index=True)
