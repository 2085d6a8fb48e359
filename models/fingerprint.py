"""Keyed fingerprints of what two cases may have in common; they go with their case when it is erased."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import String, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import enum_column, new_id
from vault.types import BlindIndex


class FingerprintKind(StrEnum):
    """What a fingerprint is of."""

    DESTINATION = "destination"
    COURT_CASE = "court_case"


class Fingerprint(SQLModel, table=True):
    """One thing that a case names, as a blind index: finds repeats, tells nothing without the server's keys."""

    __tablename__ = "fingerprint"
    __table_args__ = (UniqueConstraint("case_id", "kind", "value"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    case_id: UUID = Field(foreign_key="fund_case.id", index=True)
    kind: FingerprintKind = Field(sa_column=enum_column(FingerprintKind, "fingerprint_kind"))
    value: BlindIndex = Field(sa_type=String, index=True)
