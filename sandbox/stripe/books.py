"""The account's money: balance transactions, fees, exchange, what is pending and what is available.

Everything is booked in the settlement currency, in minor units; the balance is the sum of the nets, always.
"""

from decimal import Decimal
from typing import Final

from sandbox.stripe.core import Stripe, new_id
from sandbox.stripe.means import Means
from sandbox.stripe.wire import JsonDict

CATEGORIES: Final = {
    "charge": "charge", "payment": "charge", "refund": "refund", "payment_refund": "refund",
    "refund_failure": "refund_failure", "payment_failure_refund": "refund_failure", "transfer": "transfer",
    "transfer_refund": "transfer_reversal", "topup": "topup",
}  # fmt: skip
"""`reporting_category` by type (docs.stripe.com/reports/reporting-categories)."""


def book(
    stripe: Stripe,
    kind: str,
    source: str,
    amount: int,
    *,
    fee: int = 0,
    rate: Decimal | None = None,
    category: str | None = None,
    pending: bool = False,
    description: str | None = None,
) -> JsonDict:
    """Move `amount` minus `fee` (settlement currency) into the balance and return the balance transaction."""
    terms, now = stripe.terms, stripe.now()
    available_on = now + int(terms.available_after.total_seconds()) if pending else now
    details = [
        {"amount": fee, "application": None, "currency": terms.currency, "description": text, "type": "stripe_fee"}
        for text in ("Stripe processing fees" if fee > 0 else "Returned fee",)
        if fee
    ]
    body = {
        "id": new_id("txn"),
        "amount": amount,
        "available_on": available_on,
        "balance_type": "payments",
        "created": now,
        "currency": terms.currency,
        "description": description,
        "exchange_rate": None if rate is None else float(rate),
        "fee": fee,
        "fee_details": details,
        "net": amount - fee,
        "reporting_category": category or CATEGORIES[kind],
        "source": source,
        "status": "pending" if pending else "available",
        "type": kind,
    }
    transaction = stripe.add("balance_transaction", body)
    stripe.funds[transaction["status"]] += transaction["net"]
    if pending:
        stripe.at(available_on, lambda: _free(stripe, transaction))
    return transaction


def book_charge(stripe: Stripe, charge: JsonDict, means: Means) -> JsonDict:
    """Book a charge with its fee: a card's that succeeded, a bank debit that is handed to the bank."""
    terms = stripe.terms
    settled, rate = terms.settle(charge["amount"], charge["currency"])
    debit = means.kind == "sepa_debit"
    fee = terms.fee_debit if debit else terms.card_fee(settled, means.country, converted=rate is not None)
    kind = "payment" if debit else "charge"
    pending = not means.at_once
    return book(stripe, kind, charge["id"], settled, fee=fee, rate=rate, pending=pending)


def book_failure(stripe: Stripe, charge: JsonDict) -> JsonDict:
    """Take back what a debit that failed had brought; its fee stays with Stripe."""
    begun = stripe.get("balance_transaction", charge["balance_transaction"])
    return book(stripe, "payment_failure_refund", charge["id"], -begun["amount"], pending=True)


def balance(stripe: Stripe) -> JsonDict:
    """Return the balance object."""
    return {
        "object": "balance",
        "available": [_part(stripe, stripe.funds["available"])],
        "livemode": False,
        "pending": [_part(stripe, stripe.funds["pending"])],
    }


def _free(stripe: Stripe, transaction: JsonDict) -> None:
    transaction["status"] = "available"
    stripe.funds["pending"] -= transaction["net"]
    stripe.funds["available"] += transaction["net"]


def _part(stripe: Stripe, amount: int) -> JsonDict:
    return {"amount": amount, "currency": stripe.terms.currency, "source_types": {"card": amount}}
