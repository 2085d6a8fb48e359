"""Differences between the books and what they are about, each told of once."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from models.base import UtcTime


class SeenBalance(SQLModel, table=True):
    """What a provider holds beside the books, while the two differ: entries may still be on their way."""

    __tablename__ = "seen_balance"

    account: str = Field(primary_key=True, max_length=64)
    """As the books name it: `stripe:EUR`."""
    more: int = Field(sa_type=BigInteger)
    """By how much the provider holds more than the books say, in minor units."""
    since: datetime = Field(sa_type=UtcTime)
    """Since when the difference is this one."""


class KnownDifference(SQLModel, table=True):
    """A difference that treasurers have been told of."""

    __tablename__ = "known_difference"

    kind: str = Field(primary_key=True, max_length=32)
    """A value of `payments.reconcile.Kind`."""
    subject: str = Field(primary_key=True, max_length=64)
    """Kind and id of what differs, as in the audit log."""
    ours: int = Field(default=0, sa_type=BigInteger)
    theirs: int = Field(default=0, sa_type=BigInteger)
    """What they were told: the same subject with other figures is a difference anew."""
    found_at: datetime = Field(sa_type=UtcTime)
