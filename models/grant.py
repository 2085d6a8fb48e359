"""Grants and their payouts. A grant is a promise of money; a payout is one try to keep it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, String, text
from sqlmodel import Field, SQLModel

from models.base import Sealed, UtcTime, enum_column, new_id
from vault.types import BlindIndex, GrantNumber, SealedBytes


class GrantStatus(StrEnum):
    """Where a grant stands."""

    WAITING = "waiting"
    """Approved, but the fund is short: nothing is reserved yet."""
    RESERVED = "reserved"
    """Money is set aside; a payout may be made."""
    PAID = "paid"
    CANCELLED = "cancelled"


G = GrantStatus

GRANT_ALLOWED: dict[GrantStatus, frozenset[GrantStatus]] = {
    G.WAITING: frozenset({G.RESERVED, G.CANCELLED}),
    G.RESERVED: frozenset({G.PAID, G.CANCELLED}),
    G.PAID: frozenset({G.RESERVED, G.WAITING}),
    G.CANCELLED: frozenset(),
}
"""`PAID -> RESERVED`: the money came back and is set aside anew. `PAID -> WAITING`: it came back as something else
than cash, such as a code that does not work, and the fund is short."""


class PayoutStatus(StrEnum):
    """Where one try to pay stands."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    """One treasurer holds it; the destination has been shown to them alone."""
    ORDERED = "ordered"
    """The first treasurer has ordered a machine rail to pay; a second one must agree (above a tier)."""
    PAYING = "paying"
    """A machine rail is at work: whether it has paid is not known yet."""
    SENT = "sent"
    """Paid by the first treasurer, with a reference; a second one must confirm (above a tier)."""
    PAID = "paid"
    RETURNING = "returning"
    """One treasurer says that the money came back; a second one must see it too."""
    RETURNED = "returned"
    """The money came back."""
    CANCELLED = "cancelled"


Y = PayoutStatus

PAYOUT_ALLOWED: dict[PayoutStatus, frozenset[PayoutStatus]] = {
    Y.QUEUED: frozenset({Y.CLAIMED, Y.SENT, Y.PAID, Y.CANCELLED}),
    Y.CLAIMED: frozenset({Y.QUEUED, Y.ORDERED, Y.PAYING, Y.SENT, Y.PAID, Y.CANCELLED}),
    Y.ORDERED: frozenset({Y.QUEUED, Y.PAYING, Y.CANCELLED}),
    Y.PAYING: frozenset({Y.QUEUED, Y.SENT, Y.PAID, Y.CANCELLED}),
    Y.SENT: frozenset({Y.PAID, Y.RETURNING, Y.RETURNED}),
    Y.PAID: frozenset({Y.RETURNING, Y.RETURNED}),
    Y.RETURNING: frozenset({Y.RETURNED, Y.SENT, Y.PAID}),
    Y.RETURNED: frozenset(),
    Y.CANCELLED: frozenset(),
}
"""`CLAIMED -> QUEUED`: the treasurer gave it back before paying. `SENT` cannot be given back: money has moved.
`QUEUED -> SENT, PAID`: two treasurers have found that it was paid before a backup was put back."""

PAYOUT_OVER: frozenset[PayoutStatus] = frozenset({Y.RETURNED, Y.CANCELLED})
"""Nobody acts on such a payout any more, and another one may be made for its grant."""


class ReturnReason(StrEnum):
    """Why money came back."""

    WRONG_DETAILS = "wrong_details"
    REFUSED = "refused"
    """The bank or the service did not take it."""
    NOT_ARRIVED = "not_arrived"
    OTHER = "other"


class Grant(SQLModel, table=True):
    """Money promised to one case, at most once. Survives the case: number, amount and dates stay after erasure."""

    __tablename__ = "fund_grant"
    __table_args__ = (
        CheckConstraint("amount > 0", name="positive"),
        Index(
            "uq_fund_grant_live",
            "case_id",
            unique=True,
            sqlite_where=text("status <> 'cancelled'"),
            postgresql_where=text("status <> 'cancelled'"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    number: GrantNumber = Field(sa_type=String, unique=True)
    case_id: UUID | None = Field(default=None, index=True)
    """Cut when the case is shredded, so that the books name no case."""
    destination: BlindIndex | None = Field(default=None, sa_type=String)
    """Blind index of where the money was to go at approval: a later change gets a second look. Cut as above."""
    status: GrantStatus = Field(sa_column=enum_column(GrantStatus, "grant_status"))
    amount: int = Field(sa_type=BigInteger)
    """Minor units."""
    currency: str = Field(max_length=3)
    second_treasurer: bool
    """The tier asks for a second treasurer's confirmation."""
    policy_version: str = Field(max_length=32)
    approved_at: datetime = Field(sa_type=UtcTime)
    paid_at: datetime | None = Field(default=None, sa_type=UtcTime)


class Payout(SQLModel, table=True):
    """One try to pay one grant by one rail. At most one is alive per grant, and the database says so."""

    __tablename__ = "payout"
    __table_args__ = (
        Index(
            "uq_payout_live",
            "grant_id",
            unique=True,
            sqlite_where=text("status NOT IN ('returned', 'cancelled')"),
            postgresql_where=text("status NOT IN ('returned', 'cancelled')"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    grant_id: UUID = Field(foreign_key="fund_grant.id", index=True)
    rail: str = Field(max_length=32)
    status: PayoutStatus = Field(default=Y.QUEUED, sa_column=enum_column(PayoutStatus, "payout_status"))
    claimed_by: UUID | None = Field(default=None, foreign_key="volunteer.id")
    confirmed_by: UUID | None = Field(default=None, foreign_key="volunteer.id")
    changed: bool = False
    """The destination is not the one of the approval: another treasurer than the holder looks at it first."""
    looked_by: UUID | None = Field(default=None, foreign_key="volunteer.id")
    """Who has looked at the changed destination."""
    returned_by: UUID | None = Field(default=None, foreign_key="volunteer.id")
    """Who said first that the money came back."""
    reference: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """Sealed under the server's key. Place of the seal: (`payout`, `reference`, id)."""
    destination: BlindIndex | None = Field(default=None, sa_type=String)
    """Blind index of where the money went: finds repeats, tells nothing."""
    return_reason: ReturnReason | None = Field(
        default=None, sa_column=enum_column(ReturnReason, "return_reason", nullable=True)
    )
    pays: int | None = Field(default=None, sa_type=BigInteger)
    """Minor units that were to reach the person when they agreed; none: nobody agreed to an amount."""
    pays_currency: str | None = Field(default=None, max_length=3)
    """Of `pays`: the rail's own."""
    created_at: datetime = Field(sa_type=UtcTime)
    """When the person confirmed how the money reaches them."""
    claimed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    missing_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """When its person said that nothing has arrived; none once a treasurer has found out what became of it."""
    unsure: bool = False
    """Its holder lost access, or fell silent, before saying whether they had paid, a backup was put back, or an
    earlier try proves to be paid: what became of it is found out first (`payments.doubts`)."""
    lists: str | None = None
    """Versions of the sanctions lists that were looked at last; none: nothing was screened."""
    decided: bool = False
    """A human has decided that a possible match is somebody else."""
    hold: str | None = Field(default=None, max_length=64)
    """Key of the text that says why screening holds it back."""
    reminded_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """When treasurers were last told that it stands still."""
    offered_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """When its person was last told that this way is closed and others are open."""
    paid_at: datetime | None = Field(default=None, sa_type=UtcTime)
