"""A Stripe in memory for storms of events: payments that go through everything, and events about each change.

It knows the newest state of all objects, and answers like the gateway; now and then it does not answer. It keeps a
book of its own of all that moved on the account (`Book`), by which the fund's books are judged.
"""

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from payments.money import Money
from payments.stripe_objects import (
    Balance,
    Cause,
    Charge,
    Dispute,
    DisputeEnd,
    Invoice,
    Movement,
    Order,
    Payment,
    PaymentState,
    Refund,
    Session,
    SessionState,
    StripeAway,
    StripeUnknown,
    Subscription,
)

Event = dict[str, object]
SETTLED: Final = "EUR"
"""The account settles in this, and some payments in their own currency."""
MADE: Final = datetime(2026, 5, 1, tzinfo=UTC)


@dataclass
class Book:
    """What the account at Stripe says of one payment, by its own balance transactions."""

    currency: str
    """In which it is settled."""
    gift: int = 0
    net: int = 0
    fees: int = 0
    held_back: int = 0
    """Taken because of a dispute that nobody has decided."""
    gone: int = 0
    """What the giver has again, in their own minor units."""


@dataclass
class Promise:
    """A monthly gift, and the payment of the month that could not be charged, if there is one."""

    subscription: str
    donation: UUID
    money: Money
    ended: bool = False
    unpaid: str | None = None


class Storm:
    """One account at Stripe."""

    def __init__(self, dice: random.Random, away: float = 0.05) -> None:
        """`away` is how often there is no answer."""
        self.dice = dice
        self.away = away
        self.sessions: dict[str, Session] = {}
        self.payments: dict[str, Payment] = {}
        self.books: dict[str, Book] = {}
        """By payment."""
        self.invoices: dict[str, tuple[Promise, str]] = {}
        """The promise and the payment of each month."""
        self.promises: dict[str, Promise] = {}
        """By subscription."""
        self._asked: dict[str, tuple[str, Money]] = {}
        """The payment of each page, and what is to be paid."""
        self._monthly: dict[str, list[str]] = {}
        """The payments of each page to give monthly."""
        self._numbers = 0

    def ask(self, donation: UUID, money: Money, *, monthly: bool = False) -> Session:
        """A page to pay on, whose payment waits. What a month is paid with does not name the gift."""
        payment = self._await_payment(None if monthly else donation, money)
        session = Session(self._id("cs"), SessionState.OPEN, donation, "https://pay.example/")
        self.sessions[session.id] = session
        self._asked[session.id] = (payment.id, money)
        if monthly:
            self._monthly[session.id] = [payment.id]
        return session

    def step(self) -> list[Event]:
        """Let something happen; returns the events about it."""
        session_id = self.dice.choice(list(self._asked))
        payment_id, money = self._asked[session_id]
        session = self.sessions[session_id]
        payment = self.payments[self.dice.choice(self._monthly.get(session_id, [payment_id]))]
        if session.state is SessionState.OPEN:
            return self._complete(session, payment, money)
        if session.subscription is not None and self.dice.random() < 0.3:
            return self._next_month(self._monthly[session_id], self.promises[session.subscription.id])
        if payment.state is PaymentState.PROCESSING:
            return self._arrive(session, payment, money)
        if payment.charge is None:
            return []
        act = self.dice.choice([self._refund, self._fail_refund, self._dispute, self._decide, self._touch])
        return act(payment)

    async def session(self, object_id: str) -> Session:
        """As the gateway."""
        self._stumble()
        found = self.sessions.get(object_id)
        if found is None:
            raise StripeUnknown("resource_missing")
        payment = self.payments[self._asked[object_id][0]]
        if found.state is not SessionState.COMPLETE:
            return found
        promise = self.promises.get(found.subscription.id) if found.subscription else None
        return replace(found, payment=payment, subscription=_as_seen(promise) if promise else None)

    async def payment(self, object_id: str) -> Payment:
        """As the gateway."""
        self._stumble()
        if object_id not in self.payments:
            raise StripeUnknown("resource_missing")
        return self.payments[object_id]

    async def invoice(self, object_id: str) -> Invoice:
        """As the gateway: a month that is not paid has the payment that is to pay it."""
        self._stumble()
        if object_id not in self.invoices:
            raise StripeUnknown("resource_missing")
        promise, payment_id = self.invoices[object_id]
        payment = self.payments[payment_id]
        return Invoice(object_id, _as_seen(promise), payment.state is PaymentState.PAID, payment)

    async def subscription(self, object_id: str) -> Subscription:
        """As the gateway."""
        self._stumble()
        if object_id not in self.promises:
            raise StripeUnknown("resource_missing")
        return _as_seen(self.promises[object_id])

    async def open_session(self, order: Order) -> Session:
        """Not asked here."""
        raise StripeAway(order)

    async def refund(self, donation: UUID, payment: str) -> None:
        """Not asked here."""
        raise StripeAway(donation, payment)

    async def stop(self, subscription: str) -> None:
        """Not asked here."""
        raise StripeAway(subscription)

    async def balances(self) -> Sequence[Money]:
        """Not asked here."""
        raise StripeAway

    async def movements(self, since: datetime) -> Sequence[Movement]:
        """Not asked here."""
        raise StripeAway(since)

    async def cause(self, source: str) -> Cause:
        """Not asked here."""
        raise StripeAway(source)

    async def invoice_of(self, payment: str) -> str | None:
        """Not asked here."""
        raise StripeAway(payment)

    async def events(self, since: datetime) -> Sequence[Event]:
        """Not asked here."""
        raise StripeAway(since)

    def _stumble(self) -> None:
        if self.dice.random() < self.away:
            raise StripeAway

    def _complete(self, session: Session, payment: Payment, money: Money) -> list[Event]:
        fate = self.dice.random()
        if fate < 0.1:
            self.sessions[session.id] = replace(session, state=SessionState.EXPIRED)
            return [self._event("checkout.session.expired", id=session.id)]
        session = replace(session, state=SessionState.COMPLETE)
        if session.id in self._monthly and session.donation is not None:
            promise = Promise(self._id("sub"), session.donation, money)
            self.promises[promise.subscription] = promise
            self.invoices[self._id("in")] = (promise, payment.id)
            session = replace(session, subscription=_as_seen(promise))
        self.sessions[session.id] = session
        told = self._event("checkout.session.completed", id=session.id)
        if fate < 0.3:
            self.payments[payment.id] = replace(payment, state=PaymentState.PROCESSING)
            return [told]
        return [*self._pay(payment, money), told]

    def _next_month(self, payments: list[str], promise: Promise) -> list[Event]:
        """A month is paid, or cannot be charged for now; the promise ends at times."""
        fate = self.dice.random()
        if promise.ended:
            return []
        if fate < 0.1:
            promise.ended = True
            return [self._event("customer.subscription.deleted", id=promise.subscription)]
        invoice_id = promise.unpaid or self._id("in")
        if promise.unpaid is None:
            payment = self._await_payment(None, promise.money)
            payments.append(payment.id)
            self.invoices[invoice_id] = (promise, payment.id)
        payment = self.payments[self.invoices[invoice_id][1]]
        promise.unpaid = invoice_id if fate < 0.3 else None
        changed = self._event("customer.subscription.updated", id=promise.subscription)
        if promise.unpaid is not None:
            return [self._event("invoice.payment_failed", id=invoice_id), changed]
        return [*self._pay(payment, promise.money), self._event("invoice.paid", id=invoice_id), changed]

    def _arrive(self, session: Session, payment: Payment, money: Money) -> list[Event]:
        if self.dice.random() < 0.2:
            self.payments[payment.id] = replace(payment, state=PaymentState.UNPAID)
            return [self._event("checkout.session.async_payment_failed", id=session.id)]
        return [*self._pay(payment, money), self._event("checkout.session.async_payment_succeeded", id=session.id)]

    def _pay(self, payment: Payment, money: Money) -> list[Event]:
        book, settled = self.books[payment.id], self._settled(payment, money)
        book.gift = settled.amount
        charge = Charge(self._id("ch"), money, "DE", self._balance(payment, settled, 58), MADE)
        self.payments[payment.id] = replace(payment, state=PaymentState.PAID, charge=charge)
        return [self._about(payment, "charge.updated")]

    def _refund(self, payment: Payment) -> list[Event]:
        part = self._part(payment)
        if part is None:
            return []
        made = Refund(self._id("re"), part, self._balance(payment, -self._settled(payment, part), 0), None)
        self.books[payment.id].gone += part.amount
        self.payments[payment.id] = replace(payment, refunds=(*payment.refunds, made))
        return [self._about(payment, "charge.refunded"), self._about(payment, "refund.created")]

    def _fail_refund(self, payment: Payment) -> list[Event]:
        live = [refund for refund in payment.refunds if refund.failed is None]
        if not live:
            return []
        bad = self.dice.choice(live)
        back = replace(bad, failed=self._balance(payment, self._settled(payment, bad.money), 0))
        self.books[payment.id].gone -= bad.money.amount
        refunds = tuple(back if refund is bad else refund for refund in payment.refunds)
        self.payments[payment.id] = replace(payment, refunds=refunds)
        return [self._about(payment, "refund.failed")]

    def _dispute(self, payment: Payment) -> list[Event]:
        money = None if payment.disputes else self._part(payment)
        if money is None:
            return []
        taken = self._settled(payment, money)
        self.books[payment.id].held_back = taken.amount
        made = Dispute(self._id("du"), money, None, (self._balance(payment, -taken, 2000),))
        self.payments[payment.id] = replace(payment, disputes=(made,))
        names = ("created", "funds_withdrawn")
        return [self._about(payment, f"charge.dispute.{name}") for name in names]

    def _decide(self, payment: Payment) -> list[Event]:
        found = payment.disputes[0] if payment.disputes else None
        if found is None or found.end is DisputeEnd.WON:
            return []
        book = self.books[payment.id]
        lost = found.end is None and self.dice.random() < 0.5
        book.held_back = 0
        book.gone += found.money.amount * (lost - (found.end is DisputeEnd.LOST))
        if lost:
            decided = replace(found, end=DisputeEnd.LOST)
        else:
            fee = self.dice.choice([0, -2000])  # what a dispute cost is given back at times
            back = self._balance(payment, self._settled(payment, found.money), fee)
            decided = replace(found, end=DisputeEnd.WON, balances=(*found.balances, back))
        self.payments[payment.id] = replace(payment, disputes=(decided,))
        return [self._about(payment, "charge.dispute.closed")]

    def _part(self, payment: Payment) -> Money | None:
        """So much as the giver may have back, or all that is left to them; none when nothing is."""
        whole = _charge(payment).money
        gone = sum(refund.money.amount for refund in payment.refunds if refund.failed is None)
        gone += sum(each.money.amount for each in payment.disputes if each.end is not DisputeEnd.WON)
        left = whole.amount - gone
        if left <= 0:
            return None
        return Money(left if self.dice.random() < 0.3 else self.dice.randint(1, left), whole.currency)

    def _touch(self, payment: Payment) -> list[Event]:
        return [self._about(payment, "charge.updated")]

    def _await_payment(self, donation: UUID | None, money: Money) -> Payment:
        payment = Payment(self._id("pi"), PaymentState.UNPAID, donation)
        self.payments[payment.id] = payment
        self.books[payment.id] = Book(self.dice.choice([SETTLED, money.currency]))
        return payment

    def _settled(self, payment: Payment, money: Money) -> Money:
        """At a rate that wanders, where it is settled in another currency."""
        currency = self.books[payment.id].currency
        rate = 100 if money.currency == currency else self.dice.randint(85, 99)
        return Money(money.amount * rate // 100, currency)

    def _balance(self, payment: Payment, money: Money, fee: int) -> Balance:
        book = self.books[payment.id]
        book.net += money.amount - fee
        book.fees += fee
        return Balance(self._id("txn"), money, Money(fee, book.currency))

    def _about(self, payment: Payment, kind: str) -> Event:
        return self._event(kind, id=self._id("ob"), payment_intent=payment.id, amount=self.dice.randint(1, 10**6))

    def _event(self, kind: str, **body: object) -> Event:
        return {"id": self._id("evt"), "type": kind, "created": 1_777_777_777, "data": {"object": body}}

    def _id(self, prefix: str) -> str:
        self._numbers += 1
        return f"{prefix}_{self._numbers:012d}"


JUNK: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    10**30,
    0.1,
    "",
    "\x00",
    "pi_ü",
    "x" * 5000,
    [],
    {},
    [[]],
    {"id": "pi_1"},
)


def mutated(event: Event, others: Sequence[Event], dice: random.Random) -> object:
    """An event with something in it lost, turned into junk, or taken from another event."""
    spoiled: Any = copy.deepcopy(event)
    if dice.random() < 0.02:
        return dice.choice(JUNK)
    for _ in range(dice.randint(1, 3)):
        place: Any = spoiled
        while isinstance(place, dict) and place:
            name = dice.choice(list(place))
            if not isinstance(place[name], dict) or dice.random() < 0.3:
                fate = dice.random()
                if fate < 0.3:
                    del place[name]
                elif fate < 0.6:
                    place[name] = copy.deepcopy(dice.choice(JUNK))
                else:
                    place[name] = copy.deepcopy(dice.choice(others).get(name, dice.choice(JUNK)))
                break
            place = place[name]
    return spoiled


def _charge(payment: Payment) -> Charge:
    if payment.charge is None:
        raise AssertionError(payment.id)
    return payment.charge


def _as_seen(promise: Promise) -> Subscription:
    return Subscription(promise.subscription, promise.donation, promise.ended, promise.unpaid is not None)
