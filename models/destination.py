"""What is kept of where money went, and who may not touch a payout: keyed marks that lead to nobody by themselves.

Both are made of a case, outlive its being cut off, and go as soon as they are not needed.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, String
from sqlmodel import Field, SQLModel

from models.base import UtcTime, new_id
from vault.types import BlindIndex


class DestinationMark(SQLModel, table=True):
    """Money went, or is to go, to one destination: the policy's limit per destination counts by it.

    When the case is cut off the payout's id goes, and amount and day stay, until the limit's days are over.
    """

    __tablename__ = "destination_mark"
    __table_args__ = (
        CheckConstraint("amount > 0", name="positive"),
        Index("ix_destination_mark_mark", "mark", "currency"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    mark: BlindIndex = Field(sa_type=String)
    """Blind index of one thing that names the destination (`payments.destinations.counted`)."""
    amount: int = Field(sa_type=BigInteger)
    """Minor units."""
    currency: str = Field(max_length=3)
    payout_id: UUID | None = Field(default=None, foreign_key="payout.id", index=True)
    at: datetime = Field(sa_type=UtcTime, index=True)
    """When the person agreed; once cut off, the day on which it was claimed, or else found to be paid."""


class PayoutBar(SQLModel, table=True):
    """Somebody who may not act on a payout whose case is cut off: whoever judged it, and whose it was.

    Without the keyring nobody can tell who: the mark is of the payout and the person together.
    """

    __tablename__ = "payout_bar"

    payout_id: UUID = Field(primary_key=True, foreign_key="payout.id")
    mark: BlindIndex = Field(primary_key=True, sa_type=String)
