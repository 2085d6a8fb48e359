"""Donations: what is asked for, what was paid, what became of it since; monthly gifts; what is to be looked up.

A row holds ids of the provider, an amount, and nothing about the giver but how to reach them: their chat sealed,
beside its blind index. A gift made on the web page has neither. Stripe's events are only the bell: what is to be
looked up at Stripe because of them stands in `stripe_look`, and the newest state found there decides.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, String, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import Sealed, UtcTime, enum_column, new_id
from vault.types import BlindIndex, SealedBytes


class Provider(StrEnum):
    """Through whom a gift comes."""

    STRIPE = "stripe"
    STARS = "stars"
    """Telegram Stars: amounts in whole stars, currency `XTR` (Bot API)."""
    HAND = "hand"
    """Bank transfer or cash: entered by one treasurer, confirmed by a second."""


class DonationStatus(StrEnum):
    """Where one gift stands."""

    ASKED = "asked"
    """Recorded; the provider is yet to give a page to pay on."""
    OPEN = "open"
    """There is a page or an invoice to pay on."""
    PROCESSING = "processing"
    """The giver has done their part; the money is on its way (bank debits take days)."""
    GIVEN = "given"
    REFUNDING = "refunding"
    """To be paid back: the provider is yet to be told."""
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    """The giver's bank has taken the money back for now."""
    LOST = "lost"
    """The bank has kept it, or what had not been paid back of it."""
    FAILED = "failed"
    EXPIRED = "expired"


D = DonationStatus

PAID_SINCE = frozenset({D.GIVEN, D.REFUNDING, D.REFUNDED, D.DISPUTED, D.LOST})
"""States that only a payment leads to; none of them leads back to an unpaid one."""

DONATION_ALLOWED: dict[DonationStatus, frozenset[DonationStatus]] = {
    D.ASKED: frozenset({D.OPEN, D.PROCESSING, D.FAILED, D.EXPIRED}) | PAID_SINCE - {D.REFUNDING},
    D.OPEN: frozenset({D.PROCESSING, D.FAILED, D.EXPIRED}) | PAID_SINCE - {D.REFUNDING},
    D.PROCESSING: frozenset({D.FAILED, D.EXPIRED}) | PAID_SINCE - {D.REFUNDING},
    D.FAILED: PAID_SINCE - {D.REFUNDING},
    D.EXPIRED: PAID_SINCE - {D.REFUNDING},
    D.GIVEN: frozenset({D.REFUNDING, D.REFUNDED, D.DISPUTED, D.LOST}),
    D.REFUNDING: frozenset({D.GIVEN, D.REFUNDED, D.DISPUTED, D.LOST}),
    D.REFUNDED: frozenset({D.GIVEN, D.DISPUTED, D.LOST}),
    D.DISPUTED: frozenset({D.GIVEN, D.REFUNDED, D.LOST}),
    D.LOST: frozenset({D.GIVEN, D.REFUNDED, D.DISPUTED}),
}
"""Events come late or never, so a gift may be found refunded that was last seen open. `REFUNDED -> GIVEN`: the
bank did not take the refund, or it was cancelled. `REFUNDING -> GIVEN`: the same, or the provider refused.
From `LOST`: the bank was overruled, and the rest stands as it would without that dispute."""


class RefundReason(StrEnum):
    """Why the fund pays a gift back."""

    CARD = "card"
    """The card was issued in a country that the policy refuses."""
    ASKED = "asked"
    """The giver asked for it."""
    TWICE = "twice"
    """The same gift was paid again, or not as it was asked for."""


class MonthlyStatus(StrEnum):
    """Where a monthly gift stands."""

    ACTIVE = "active"
    STOPPING = "stopping"
    """The giver has stopped it; the provider is yet to be told."""
    STOPPED = "stopped"


MONTHLY_ALLOWED: dict[MonthlyStatus, frozenset[MonthlyStatus]] = {
    MonthlyStatus.ACTIVE: frozenset({MonthlyStatus.STOPPING, MonthlyStatus.STOPPED}),
    MonthlyStatus.STOPPING: frozenset({MonthlyStatus.STOPPED}),
    MonthlyStatus.STOPPED: frozenset(),
}


class MonthlyGift(SQLModel, table=True):
    """A promise to give each month, kept by Stripe. Each payment of it is a donation of its own."""

    __tablename__ = "monthly_gift"
    __table_args__ = (CheckConstraint("amount > 0", name="positive"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    status: MonthlyStatus = Field(
        default=MonthlyStatus.ACTIVE, sa_column=enum_column(MonthlyStatus, "monthly_status")
    )
    amount: int = Field(sa_type=BigInteger)
    currency: str = Field(max_length=3)
    subscription: str = Field(max_length=255, unique=True)
    """Stripe's id."""
    chat: BlindIndex | None = Field(default=None, sa_type=String, index=True)
    contact: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """Place of the seal: (`monthly_gift`, `contact`, id)."""
    language: str = Field(max_length=8)
    failing: bool = False
    """The last month could not be charged; Stripe tries again by itself."""
    started_at: datetime = Field(sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)
    attempts: int = 0
    due_at: datetime = Field(sa_type=UtcTime)
    """While ACTIVE: when it is looked up next though no event came; while STOPPING: when Stripe is told next."""


class Donation(SQLModel, table=True):
    """One gift: one payment, asked for or made."""

    __tablename__ = "donation"
    __table_args__ = (
        CheckConstraint("amount > 0", name="positive"),
        Index("ix_donation_open", "status", "due_at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    status: DonationStatus = Field(
        default=DonationStatus.ASKED, sa_column=enum_column(DonationStatus, "donation_status")
    )
    provider: Provider = Field(sa_column=enum_column(Provider, "donation_provider"))
    amount: int = Field(sa_type=BigInteger)
    """Minor units, as the giver sees it."""
    currency: str = Field(max_length=3)
    monthly: bool = False
    """The first of a monthly gift, or a later month of it."""
    monthly_id: UUID | None = Field(default=None, foreign_key="monthly_gift.id", index=True)
    chat: BlindIndex | None = Field(default=None, sa_type=String, index=True)
    contact: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """Place of the seal: (`donation`, `contact`, id)."""
    language: str = Field(max_length=8)
    token: str = Field(max_length=64, unique=True)
    """Digest of the token by which the giver follows the gift."""
    checkout: str | None = Field(default=None, max_length=255, unique=True)
    """Stripe's id of the page to pay on."""
    payment: str | None = Field(default=None, max_length=255, unique=True)
    """The provider's id of the payment: Stripe's payment intent, Telegram's charge."""
    refund_reason: RefundReason | None = Field(
        default=None, sa_column=enum_column(RefundReason, "refund_reason", nullable=True)
    )
    asked_at: datetime = Field(sa_type=UtcTime)
    given_at: datetime | None = Field(default=None, sa_type=UtcTime)
    attempts: int = 0
    due_at: datetime = Field(sa_type=UtcTime)
    """While ASKED or REFUNDING: when the provider is to be asked next. While OPEN or PROCESSING: when to look."""


class GiftEntry(SQLModel, table=True):
    """Which gift an entry of the books is about: by this its way is followed, and by nothing else."""

    __tablename__ = "gift_entry"

    entry_id: UUID = Field(primary_key=True, foreign_key="journal_entry.id")
    donation_id: UUID = Field(foreign_key="donation.id", index=True)
    part: int = Field(default=0, sa_type=BigInteger)
    """What the entry takes from the gift, in the giver's minor units; below zero it brings that back."""


class Looked(StrEnum):
    """What kind of Stripe's objects is to be looked up."""

    SESSION = "session"
    PAYMENT = "payment"
    INVOICE = "invoice"
    SUBSCRIPTION = "subscription"


class StripeLook(SQLModel, table=True):
    """One object whose newest state is to be fetched. Events about it while it is fetched ask for it anew."""

    __tablename__ = "stripe_look"
    __table_args__ = (UniqueConstraint("kind", "object_id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    kind: Looked = Field(sa_column=enum_column(Looked, "looked"))
    object_id: str = Field(max_length=255)
    asked: int = 1
    """How often it was asked for; the row goes when the newest asking is answered."""
    attempts: int = 0
    due_at: datetime = Field(sa_type=UtcTime, index=True)
    """When to fetch; whoever fetches moves it on first, so that nobody else does meanwhile."""


class EventCursor(SQLModel, table=True):
    """How far the events of a source have been polled."""

    __tablename__ = "event_cursor"

    source: str = Field(primary_key=True, max_length=16)
    seen_until: datetime = Field(sa_type=UtcTime)
    """When the newest stored event was made, by the source's clock."""
