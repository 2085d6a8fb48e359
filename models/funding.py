"""Money that a treasurer says has come in, and that counts once a second treasurer confirms it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field, SQLModel

from models.base import UtcTime, enum_column, new_id


class FundingSource(StrEnum):
    """From where money has come."""

    HAND = "hand"
    """Bank transfer or cash, from whoever gave it."""
    STRIPE = "stripe"
    STARS = "stars"
    PARTNER = "partner"
    """What a partner could not pass on."""


class FundingStatus(StrEnum):
    """Where an entry of money stands."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    """The second treasurer does not see this money, or the first one took it back."""


M = FundingStatus

FUNDING_ALLOWED: dict[FundingStatus, frozenset[FundingStatus]] = {
    M.PENDING: frozenset({M.CONFIRMED, M.REFUSED}),
    M.CONFIRMED: frozenset(),
    M.REFUSED: frozenset(),
}


class Funding(SQLModel, table=True):
    """One treasurer's entry of money. Nothing is in the books before a second treasurer confirms."""

    __tablename__ = "funding"
    __table_args__ = (
        CheckConstraint("amount > 0 AND (taken IS NULL OR taken > 0)", name="positive"),
        CheckConstraint("(taken IS NULL) = (source = 'hand')", name="taken_from_somebody"),
        CheckConstraint("(taken IS NULL) = (taken_currency IS NULL)", name="taken_in_a_currency"),
        CheckConstraint("closed_by IS NULL OR status = 'refused' OR closed_by <> entered_by", name="two_people"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    status: FundingStatus = Field(default=M.PENDING, sa_column=enum_column(FundingStatus, "funding_status"))
    source: FundingSource = Field(
        default=FundingSource.HAND, sa_column=enum_column(FundingSource, "funding_source")
    )
    amount: int = Field(sa_type=BigInteger)
    """What has arrived, in minor units of `currency`."""
    currency: str = Field(max_length=3)
    """The fund's when it was entered."""
    taken: int | None = Field(default=None, sa_type=BigInteger)
    """What has left the source for it, in minor units of `taken_currency`."""
    taken_currency: str | None = Field(default=None, max_length=3)
    entered_by: UUID = Field(foreign_key="volunteer.id")
    entered_at: datetime = Field(sa_type=UtcTime)
    closed_by: UUID | None = Field(default=None, foreign_key="volunteer.id")
    closed_at: datetime | None = Field(default=None, sa_type=UtcTime)
