"""Codes that pay for something: a phone, groceries, a VPN. Each is handed out once, and then erased here."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, String
from sqlmodel import Field, SQLModel

from models.base import Sealed, UtcTime, enum_column, new_id
from vault.types import BlindIndex, SealedBytes


class VoucherKind(StrEnum):
    """What a code is good for."""

    MOBILE = "mobile"
    GROCERIES = "groceries"
    VPN = "vpn"


class VoucherStatus(StrEnum):
    """Where a code stands."""

    STOCK = "stock"
    DOUBTED = "doubted"
    """In stock when a backup was made that was put back: perhaps given since, so it is given to nobody."""
    TAKEN = "taken"
    """Set aside for an attempt."""
    GIVEN = "given"
    """A person's; they may still read it."""
    ERASED = "erased"
    """The person has it; here it is no more."""


V = VoucherStatus

VOUCHER_ALLOWED: dict[VoucherStatus, frozenset[VoucherStatus]] = {
    V.STOCK: frozenset({V.TAKEN, V.DOUBTED}),
    V.DOUBTED: frozenset({V.STOCK}),
    V.TAKEN: frozenset({V.GIVEN, V.STOCK, V.DOUBTED, V.ERASED}),
    V.GIVEN: frozenset({V.ERASED}),
    V.ERASED: frozenset(),
}


class Voucher(SQLModel, table=True):
    """One code."""

    __tablename__ = "voucher"
    __table_args__ = (CheckConstraint("amount > 0", name="positive"), Index("ix_voucher_stock", "kind", "status"))

    id: UUID = Field(default_factory=new_id, primary_key=True)
    kind: VoucherKind = Field(sa_column=enum_column(VoucherKind, "voucher_kind"))
    status: VoucherStatus = Field(default=V.STOCK, sa_column=enum_column(VoucherStatus, "voucher_status"))
    amount: int = Field(sa_type=BigInteger)
    """Minor units that it is worth."""
    currency: str = Field(max_length=3)
    code: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """Under the server's key, once given in the case's `payout`. Place: (`voucher`, `code`, id)."""
    fingerprint: BlindIndex = Field(sa_type=String, unique=True)
    """Keyed: the same code is never loaded twice, not even after it was erased."""
    attempt_id: UUID | None = Field(default=None, foreign_key="attempt.id", index=True)
    case_id: UUID | None = Field(default=None, index=True)
    """Whose compartment the code is sealed in; cut when it is erased."""
    loaded_at: datetime = Field(sa_type=UtcTime)
    given_at: datetime | None = Field(default=None, sa_type=UtcTime)
    shown: int = 0
    """How often its person has looked at it."""
    seen_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """When they first did."""
