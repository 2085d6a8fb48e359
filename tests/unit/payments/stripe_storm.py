"""A Stripe in memory for storms of events: payments that go through everything, and events about each change.

It knows the newest state of all objects, and answers like the gateway; now and then it does not answer.
"""

import copy
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from payments.money import Money
from payments.stripe_objects import (
    Balance,
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
MADE: Final = datetime(2026, 5, 1, tzinfo=UTC)


class Storm:
    """One account at Stripe."""

    def __init__(self, dice: random.Random, away: float = 0.05) -> None:
        """`away` is how often there is no answer."""
        self.dice = dice
        self.away = away
        self.sessions: dict[str, Session] = {}
        self.payments: dict[str, Payment] = {}
        self._asked: dict[str, tuple[str, Money]] = {}
        """The payment of each page, and what is to be paid."""
        self._numbers = 0

    def ask(self, donation: UUID, money: Money) -> Session:
        """A page to pay on, whose payment waits."""
        payment = Payment(self._id("pi"), PaymentState.UNPAID, donation)
        session = Session(self._id("cs"), SessionState.OPEN, donation, "https://pay.example/")
        self.payments[payment.id], self.sessions[session.id] = payment, session
        self._asked[session.id] = (payment.id, money)
        return session

    def step(self) -> list[Event]:
        """Let something happen; returns the events about it."""
        session_id = self.dice.choice(list(self._asked))
        payment_id, money = self._asked[session_id]
        session, payment = self.sessions[session_id], self.payments[payment_id]
        if session.state is SessionState.OPEN:
            return self._complete(session, payment, money)
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
        done = found.state is SessionState.COMPLETE
        return replace(found, payment=self.payments[self._asked[object_id][0]] if done else None)

    async def payment(self, object_id: str) -> Payment:
        """As the gateway."""
        self._stumble()
        if object_id not in self.payments:
            raise StripeUnknown("resource_missing")
        return self.payments[object_id]

    async def invoice(self, object_id: str) -> Invoice:
        """None are known."""
        raise StripeUnknown(object_id)

    async def subscription(self, object_id: str) -> Subscription:
        """None are known."""
        raise StripeUnknown(object_id)

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

    async def payment_of(self, source: str) -> str | None:
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
        self.sessions[session.id] = replace(session, state=SessionState.COMPLETE)
        if fate < 0.3:
            self.payments[payment.id] = replace(payment, state=PaymentState.PROCESSING)
            return [self._event("checkout.session.completed", id=session.id)]
        return [*self._pay(payment, money), self._event("checkout.session.completed", id=session.id)]

    def _arrive(self, session: Session, payment: Payment, money: Money) -> list[Event]:
        if self.dice.random() < 0.2:
            self.payments[payment.id] = replace(payment, state=PaymentState.UNPAID)
            return [self._event("checkout.session.async_payment_failed", id=session.id)]
        return [*self._pay(payment, money), self._event("checkout.session.async_payment_succeeded", id=session.id)]

    def _pay(self, payment: Payment, money: Money) -> list[Event]:
        charge = Charge(self._id("ch"), money, "DE", self._balance(self._settled(money), 58), MADE)
        self.payments[payment.id] = replace(payment, state=PaymentState.PAID, charge=charge)
        return [self._about(payment, "charge.updated")]

    def _refund(self, payment: Payment) -> list[Event]:
        charge = _charge(payment)
        live = sum(refund.money.amount for refund in payment.refunds if refund.failed is None)
        left = charge.money.amount - live
        if left <= 0 or payment.disputes:
            return []
        part = Money(self.dice.choice([left, self.dice.randint(1, left)]), charge.money.currency)
        made = Refund(self._id("re"), part, self._balance(-self._settled(part), 0), None)
        self.payments[payment.id] = replace(payment, refunds=(*payment.refunds, made))
        return [self._about(payment, "charge.refunded"), self._about(payment, "refund.created")]

    def _fail_refund(self, payment: Payment) -> list[Event]:
        live = [refund for refund in payment.refunds if refund.failed is None]
        if not live:
            return []
        bad = self.dice.choice(live)
        back = replace(bad, failed=self._balance(self._settled(bad.money), 0))
        refunds = tuple(back if refund is bad else refund for refund in payment.refunds)
        self.payments[payment.id] = replace(payment, refunds=refunds)
        return [self._about(payment, "refund.failed")]

    def _dispute(self, payment: Payment) -> list[Event]:
        if payment.disputes or any(refund.failed is None for refund in payment.refunds):
            return []
        money = _charge(payment).money
        made = Dispute(self._id("du"), money, None, (self._balance(-self._settled(money), 2000),))
        self.payments[payment.id] = replace(payment, disputes=(made,))
        names = ("created", "funds_withdrawn")
        return [self._about(payment, f"charge.dispute.{name}") for name in names]

    def _decide(self, payment: Payment) -> list[Event]:
        found = payment.disputes[0] if payment.disputes else None
        if found is None or found.end is DisputeEnd.WON:
            return []
        lost = found.end is None and self.dice.random() < 0.5
        if lost:
            decided = replace(found, end=DisputeEnd.LOST)
        else:
            back = self._balance(self._settled(found.money), 0)
            decided = replace(found, end=DisputeEnd.WON, balances=(*found.balances, back))
        self.payments[payment.id] = replace(payment, disputes=(decided,))
        return [self._about(payment, "charge.dispute.closed")]

    def _touch(self, payment: Payment) -> list[Event]:
        return [self._about(payment, "charge.updated")]

    def _settled(self, money: Money) -> Money:
        """At a rate that wanders."""
        rate = 100 if money.currency == SETTLED else self.dice.randint(85, 99)
        return Money(money.amount * rate // 100, SETTLED)

    def _balance(self, money: Money, fee: int) -> Balance:
        return Balance(self._id("txn"), money, Money(fee, SETTLED))

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
