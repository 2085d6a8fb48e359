"""What the fund needs to know of Stripe's objects, as plain values, and what it asks of Stripe.

Only `payments.stripe_gateway` makes these from Stripe's answers. Amounts are `Money` in our minor units.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from payments.money import Money

STRIPE_ACTOR: Final = "stripe"
"""How the books and the audit log name Stripe."""


class StripeAway(Exception):
    """No answer, or one that says to try again; what was asked may have been done."""


class StripeKeyRefused(StripeAway):
    """The key is not taken, or lacks a right: nothing was done, and the operator is to mend it."""


class StripeRefused(Exception):
    """Stripe found the request wrong, and will again. Holds the code, never the message."""


class StripeUnknown(StripeRefused):
    """Stripe knows no such object."""


def trouble_of(error: StripeAway | StripeRefused) -> str | None:
    """What people must mend before Stripe does what was asked, in a word; none when waiting may do."""
    if isinstance(error, StripeKeyRefused):
        return "key"
    return str(error.args[0])[:32] if isinstance(error, StripeRefused) and error.args else None


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance transaction: `money` came to (or left, below zero) the account at Stripe, before `fee`.

    In the currency of the account, which may not be the giver's.
    """

    id: str
    money: Money
    fee: Money


UNDONE: Final = frozenset({"transfer_refund", "transfer_cancel", "transfer_failure"})
"""Types of movements by which a transfer comes back (API, balance transaction types)."""


@dataclass(frozen=True, slots=True)
class Movement:
    """A balance transaction as the account lists it."""

    kind: str
    """Stripe's type of it."""
    source: str
    """What it is because of: a charge, a refund, a dispute, a transfer; empty for Stripe's own."""
    balance: Balance
    order: str = ""
    """Of a transfer that was undone: the key that it was asked under, where it can be found."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What a movement is because of."""

    payment: str | None
    on_way: bool
    """A charge that is no gift: its debit is on its way, or came to nothing."""


@dataclass(frozen=True, slots=True)
class Refund:
    """Money paid back, in the giver's currency; `failed` brought it back when the bank did not take it."""

    id: str
    money: Money
    balance: Balance | None
    failed: Balance | None
    ended: bool = False
    """It failed or was cancelled (API, refund: status). What had left comes back by `failed`, maybe later."""
    asked: bool = False
    """By the fund, not by a person at Stripe."""

    @property
    def stands(self) -> bool:
        """Whether the giver has the money, or it is on its way to them."""
        return not self.ended and self.failed is None


class DisputeEnd(StrEnum):
    """How a dispute ended."""

    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Dispute:
    """A giver's bank has asked for the money back. `balances` are all movements because of it, in order."""

    id: str
    money: Money
    end: DisputeEnd | None
    balances: tuple[Balance, ...]


@dataclass(frozen=True, slots=True)
class Charge:
    """Money that was paid, in the giver's currency. `country` is the card's or account's (ISO 3166)."""

    id: str
    money: Money
    country: str | None
    balance: Balance | None
    """None until Stripe knows it: some ways to pay settle days later."""
    made_at: datetime
    giver: str | None = field(default=None, repr=False)
    """The name that the giver wrote beside their card: for screening alone."""
    hidden: bool = False
    """It may be a card of any country: a wallet stands before it, and Stripe does not say more."""


class PaymentState(StrEnum):
    """Where a payment stands."""

    UNPAID = "unpaid"
    PROCESSING = "processing"
    PAID = "paid"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment intent and everything that became of it."""

    id: str
    state: PaymentState
    donation: UUID | None
    """Our id that the payment was made with."""
    charge: Charge | None = None
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()


def is_gone(payment: Payment) -> bool:
    """Whether nothing of a payment is left: all of it was paid back, is on its way back, or was kept by a bank."""
    back = sum(refund.money.amount for refund in payment.refunds if refund.stands)
    return payment.charge is not None and back + lost_part(payment) >= payment.charge.money.amount


def lost_part(payment: Payment) -> int:
    """What banks have kept of a payment, in the giver's minor units."""
    return sum(
        dispute.money.amount for dispute in payment.disputes if dispute.end is DisputeEnd.LOST and dispute.balances
    )


class SessionState(StrEnum):
    """Where a Checkout session stands."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A monthly gift at Stripe."""

    id: str
    donation: UUID | None
    """Our id of the first gift."""
    ended: bool
    failing: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A page to pay on. `url` is there while it is open."""

    id: str
    state: SessionState
    donation: UUID | None
    url: str | None = None
    payment: Payment | None = None
    subscription: Subscription | None = None


@dataclass(frozen=True, slots=True)
class Invoice:
    """One month of a monthly gift."""

    id: str
    subscription: Subscription | None
    paid: bool
    payment: Payment | None
    """The one that paid it, else the one that is to pay it."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a page to pay on is made from. Nothing of a person and nothing of a case is in it."""

    donation: UUID
    money: Money
    monthly: bool
    language: str
    title: str
    """What is paid for, as the page says it: neutral."""
    statement: str
    """What the giver's statement shows beside the account's own name."""
    done_url: str
    back_url: str


class Gateway(Protocol):
    """What the fund asks of Stripe. Each raises `StripeAway`, and `StripeRefused` where it is wrong."""

    async def open_session(self, order: Order) -> Session:
        """The page to pay on for a donation: the same each time for the same donation."""
        ...

    async def session(self, object_id: str) -> Session:
        """The newest state of a session and its payment. Raises `StripeUnknown`."""
        ...

    async def payment(self, object_id: str) -> Payment:
        """The newest state of a payment, its refunds and disputes. Raises `StripeUnknown`."""
        ...

    async def invoice(self, object_id: str) -> Invoice:
        """The newest state of a month and its payment. Raises `StripeUnknown`."""
        ...

    async def subscription(self, object_id: str) -> Subscription:
        """The newest state of a monthly gift. Raises `StripeUnknown`."""
        ...

    async def refund(self, donation: UUID, payment: str) -> None:
        """Pay a whole payment back; once, however often it is asked for the same donation."""
        ...

    async def stop(self, subscription: str) -> None:
        """End a monthly gift at once; one that has ended already is fine."""
        ...

    async def balances(self) -> Sequence[Money]:
        """What the account holds, at hand or on its way, in each currency."""
        ...

    async def movements(self, since: datetime) -> Sequence[Movement]:
        """Everything that moved on the account since then, oldest first."""
        ...

    async def cause(self, source: str) -> Cause:
        """The payment that a charge, a refund or a dispute is about. Raises `StripeUnknown`."""
        ...

    async def invoice_of(self, payment: str) -> str | None:
        """The month of a monthly gift that a payment was made for."""
        ...

    async def events(self, since: datetime) -> Sequence[dict[str, object]]:
        """The events made since then that the fund hears, oldest first, as Stripe sent them."""
        ...
