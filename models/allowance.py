"""How often one account has done something that costs others work, so that nobody can do it without end."""

from datetime import datetime

from sqlalchemy import String
from sqlmodel import Field, SQLModel

from models.base import UtcTime
from vault.types import BlindIndex


class Allowance(SQLModel, table=True):
    """A count of one kind of one account, or of two together. It survives an erasure, and names no case."""

    __tablename__ = "allowance"

    person: BlindIndex = Field(sa_type=String, primary_key=True)
    kind: str = Field(max_length=16, primary_key=True)
    """Name of a `services.limits.Limit`."""
    count: int = 0
    until: datetime = Field(sa_type=UtcTime, index=True)
    """When the count begins anew."""
