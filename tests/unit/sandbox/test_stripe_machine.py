"""Random lives of an account: whatever donors, banks, the fund and time do, Stripe's own books agree."""

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sandbox.clock import TravelClock
from sandbox.stripe import books, disputes, payments, refunds, sessions, subscriptions, transfers
from sandbox.stripe.core import Stripe
from sandbox.stripe.means import Payer, bank_account, card
from sandbox.stripe.methods import include_all
from sandbox.stripe.terms import Terms
from sandbox.stripe.wire import NotAllowed, StripeError
from tests.examples import examples
from tests.stripe_town import gift, monthly

CARDS = (
    "4242424242424242", "4000006430000009", "4000000000000002", "4000000000000341", "4000000000000259",
    "4000000000007726", "4000000000005126", "4000000000000077",
)  # fmt: skip
IBANS = ("DE89370400440532013000", "DE62370400440532013001")
AMOUNTS = st.integers(50, 2_000_00)


class Life(RuleBasedStateMachine):
    """One account; each rule is something that people or time may do, allowed or refused."""

    def __init__(self) -> None:
        """Open the account."""
        super().__init__()
        self.clock = TravelClock(real=lambda: 1_800_000_000.0)
        self.stripe = Stripe(self.clock, Terms())
        include_all(self.stripe)
        self.partner = transfers.connect(self.stripe, "EE")["id"]

    def tried(self, act: Callable[..., object], *given: Any, **named: Any) -> None:  # noqa: ANN401 - any act
        """Do it, or be refused as Stripe refuses."""
        with contextlib.suppress(StripeError, NotAllowed):
            act(self.stripe, *given, **named)

    def one(self, kind: str, number: int) -> dict[str, Any] | None:
        """Any object of a kind."""
        rows = list(self.stripe.table(kind))
        return rows[number % len(rows)] if rows else None

    @rule(amount=AMOUNTS, currency=st.sampled_from(["eur", "usd", "jpy"]), number=st.sampled_from(CARDS))
    def give(self, amount: int, currency: str, number: str) -> None:
        """A gift by card."""
        session = sessions.create(self.stripe, dict(gift(amount, currency)))
        self.tried(sessions.pay, session, card(number), Payer("a@b.c", "A"))

    @rule(amount=AMOUNTS, number=st.sampled_from(CARDS))
    def give_monthly(self, amount: int, number: str) -> None:
        """A monthly gift by card."""
        session = sessions.create(self.stripe, dict(monthly(amount)))
        self.tried(sessions.pay, session, card(number), Payer("a@b.c", "A"))

    @rule(amount=AMOUNTS, iban=st.sampled_from(IBANS), again=st.booleans())
    def give_by_debit(self, amount: int, iban: str, *, again: bool) -> None:
        """A gift, once or monthly, by bank debit."""
        session = sessions.create(self.stripe, dict(monthly(amount) if again else gift(amount)))
        self.tried(sessions.pay, session, bank_account(iban), Payer("a@b.c", "A"))

    @rule(number=st.integers(0), amount=st.none() | AMOUNTS)
    def refund(self, number: int, amount: int | None) -> None:
        """The fund refunds, wholly or in part."""
        if (charge := self.one("charge", number)) is not None:
            self.tried(refunds.create, {"charge": charge["id"]} | ({"amount": amount} if amount else {}))

    @rule(number=st.integers(0))
    def bounce(self, number: int) -> None:
        """A refund comes back."""
        if (refund := self.one("refund", number)) is not None:
            self.tried(refunds.fail, refund)

    @rule(number=st.integers(0), amount=st.none() | AMOUNTS)
    def dispute(self, number: int, amount: int | None) -> None:
        """A donor disputes."""
        if (charge := self.one("charge", number)) is not None:
            self.tried(disputes.open_dispute, charge, amount=amount)

    @rule(number=st.integers(0), won=st.booleans(), fee=st.booleans())
    def decide(self, number: int, *, won: bool, fee: bool) -> None:
        """A bank decides."""
        if (dispute := self.one("dispute", number)) is not None:
            self.tried(disputes.close, dispute, won=won, return_fee=fee)

    @rule(number=st.integers(0), succeed=st.booleans())
    def hurry(self, number: int, *, succeed: bool) -> None:
        """A bank debit ends early."""
        open_debits = sorted(self.stripe.memory.debits)
        if open_debits:
            intent = self.stripe.get("payment_intent", open_debits[number % len(open_debits)])
            self.tried(payments.finish_debit, intent, succeed=succeed)

    @rule(amount=AMOUNTS)
    def transfer(self, amount: int) -> None:
        """The fund pays a partner."""
        self.tried(transfers.create, {"amount": amount, "currency": "eur", "destination": self.partner})

    @rule(number=st.integers(0), amount=st.none() | AMOUNTS)
    def reverse(self, number: int, amount: int | None) -> None:
        """The fund takes it back."""
        if (transfer := self.one("transfer", number)) is not None:
            self.tried(transfers.reverse, transfer, {"amount": amount} if amount else {})

    @rule(number=st.integers(0))
    def cancel(self, number: int) -> None:
        """A monthly gift is stopped."""
        if (subscription := self.one("subscription", number)) is not None:
            self.tried(subscriptions.cancel, subscription, {}, "cancellation_requested")

    @rule(days=st.integers(0, 40), rate=st.decimals("0.5", "1.5", places=4))
    def time(self, days: int, rate: Any) -> None:  # noqa: ANN401 - a Decimal
        """Time goes on, and rates with it."""
        self.stripe.terms.rates["usd"] = rate
        self.clock.advance(timedelta(days=days, hours=2))
        self.stripe.settle()

    @invariant()
    def balance_is_the_sum(self) -> None:
        """The balance is what all balance transactions left, part by part; a net is an amount without its fee."""
        sums = {"available": 0, "pending": 0}
        for transaction in self.stripe.table("balance_transaction"):
            assert transaction["net"] == transaction["amount"] - transaction["fee"]
            assert transaction["fee"] == sum(detail["amount"] for detail in transaction["fee_details"])
            sums[transaction["status"]] += transaction["net"]
        balance = books.balance(self.stripe)
        assert {part: balance[part][0]["amount"] for part in sums} == sums

    @invariant()
    def parts_fit_the_whole(self) -> None:
        """No more is refunded, or reversed, than there was; what failed does not count."""
        kept: dict[str, int] = {}
        for refund in self.stripe.table("refund"):
            if refund["status"] != "failed":
                kept[refund["charge"]] = kept.get(refund["charge"], 0) + refund["amount"]
        for charge in self.stripe.table("charge"):
            assert charge["amount_refunded"] == kept.get(charge["id"], 0) <= charge["amount"]
            assert charge["refunded"] == (charge["amount_refunded"] == charge["amount"])
        for transfer in self.stripe.table("transfer"):
            assert 0 <= transfer["amount_reversed"] <= transfer["amount"]

    @invariant()
    def every_payment_is_booked_once(self) -> None:
        """A card's charge is booked when it succeeds, a debit at once, and back when it fails: each once.

        A paid invoice has one succeeded intent.
        """
        moved = list(self.stripe.table("balance_transaction"))
        booked = [each["source"] for each in moved if each["type"] in {"charge", "payment"}]
        back = [each["source"] for each in moved if each["type"] == "payment_failure_refund"]
        charges = list(self.stripe.table("charge"))
        debits = [charge for charge in charges if charge["id"].startswith("py_")]
        paid = {charge["id"] for charge in charges if charge["status"] == "succeeded"}
        assert sorted(booked) == sorted(paid | {charge["id"] for charge in debits})
        assert sorted(back) == sorted(charge["id"] for charge in debits if charge["status"] == "failed")
        for payment in self.stripe.table("invoice_payment"):
            invoice = self.stripe.get("invoice", payment["invoice"])
            intent = self.stripe.get("payment_intent", payment["payment"]["payment_intent"])
            assert (invoice["status"] == "paid") == (intent["status"] == "succeeded")

    @invariant()
    def events_come_in_order(self) -> None:
        """Events are listed by their time, and the last one about an object of Checkout shows how it stands."""
        events = list(self.stripe.table("event"))
        assert [event["created"] for event in events] == sorted(event["created"] for event in events)
        last = {event["data"]["object"]["id"]: event["data"]["object"] for event in events}
        for session in self.stripe.table("checkout.session"):
            if session["status"] != "open":
                assert last[session["id"]]["payment_status"] == session["payment_status"]


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=examples(40), stateful_step_count=25)
