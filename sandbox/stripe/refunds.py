"""Refunds (docs.stripe.com/refunds): whole or partial, pending, failing days later.

The fee of the payment is not given back. A refund is booked at the exchange rate of its own day, so it may cost
more or less than the payment brought; a failed one comes back at the rate at which it left.
"""

from decimal import Decimal

from sandbox.stripe import books
from sandbox.stripe.core import Stripe, new_id
from sandbox.stripe.terms import spoken
from sandbox.stripe.wire import JsonDict, NotAllowed, invalid, malformed


def create(stripe: Stripe, params: JsonDict) -> JsonDict:
    """Refund a charge; raises Stripe's refusals."""
    charge = _charge(stripe, params)
    amount = _amount(charge, params)
    means = stripe.memory.means[charge["payment_method"]]
    waits = means.kind == "sepa_debit" or means.later == "refund_pending"
    body = {
        "id": new_id("re"),
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": stripe.now(),
        "currency": charge["currency"],
        "customer": charge["customer"],
        "destination_details": {"card": {"type": "refund"}, "type": "card"} if means.kind == "card" else None,
        "failure_balance_transaction": None,
        "metadata": params.get("metadata") or {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "pending_reason": "processing" if waits else None,
        "reason": params.get("reason"),
        "source_transfer_reversal": None,
        "status": "pending" if waits else "succeeded",
        "transfer_reversal": None,
    }
    refund = stripe.add("refund", body)
    settled, rate = stripe.terms.settle(amount, charge["currency"])
    kind = "payment_refund" if means.kind == "sepa_debit" else "refund"
    refund["balance_transaction"] = books.book(stripe, kind, refund["id"], -settled, rate=rate)["id"]
    _count(charge, amount)
    stripe.emit("refund.created", refund)
    stripe.emit("charge.refunded", charge, {"amount_refunded": charge["amount_refunded"] - amount})
    later = stripe.now() + stripe.terms.refund_after.total_seconds()
    if means.later == "refund_fails":
        stripe.at(later, lambda: _fail_due(stripe, refund))
    elif waits:
        stripe.at(later, lambda: _succeed_due(stripe, refund))
    return refund


def succeed(stripe: Stripe, refund: JsonDict) -> None:
    """Let a pending refund arrive."""
    if refund["status"] != "pending":
        raise NotAllowed("this refund is not pending")
    stripe.amend(refund, "refund.updated", status="succeeded", pending_reason=None)
    stripe.emit("charge.refund.updated", refund)


def fail(stripe: Stripe, refund: JsonDict, reason: str = "lost_or_stolen_card") -> None:
    """Let the bank send a refund back, days after it seemed to succeed."""
    if refund["status"] not in {"pending", "succeeded"}:
        raise NotAllowed("this refund cannot fail any more")
    charge = stripe.get("charge", refund["charge"])
    left = stripe.get("balance_transaction", refund["balance_transaction"])
    rate = None if left["exchange_rate"] is None else Decimal(str(left["exchange_rate"]))
    back = books.book(stripe, "refund_failure", refund["id"], -left["amount"], rate=rate)
    refund.update(
        status="failed", failure_reason=reason, failure_balance_transaction=back["id"], pending_reason=None
    )
    _count(charge, -refund["amount"])
    stripe.emit("refund.failed", refund)
    stripe.emit("refund.updated", refund)
    stripe.emit("charge.refund.updated", refund)


def _fail_due(stripe: Stripe, refund: JsonDict) -> None:
    if refund["status"] in {"pending", "succeeded"}:
        fail(stripe, refund)


def _succeed_due(stripe: Stripe, refund: JsonDict) -> None:
    if refund["status"] == "pending":
        succeed(stripe, refund)


def _count(charge: JsonDict, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]


def _charge(stripe: Stripe, params: JsonDict) -> JsonDict:
    if ("charge" in params) == ("payment_intent" in params):
        raise malformed(
            "One of the following params should be provided for this request: payment_intent or charge."
        )
    if "charge" in params:
        charge = stripe.get("charge", params["charge"], param="charge", status=400)
    else:
        intent = stripe.get("payment_intent", params["payment_intent"], param="payment_intent", status=400)
        if intent["status"] != "succeeded":
            raise invalid(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
        charge = stripe.get("charge", intent["latest_charge"])
    if charge["status"] != "succeeded":
        raise invalid(f"Charge {charge['id']} has not succeeded and cannot be refunded.")
    if charge["disputed"]:
        raise invalid(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    if charge["refunded"]:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    return charge


def _amount(charge: JsonDict, params: JsonDict) -> int:
    left: int = charge["amount"] - charge["amount_refunded"]
    amount = int(params.get("amount", left))
    if amount < 1:
        raise invalid("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    if amount > left:
        text = (
            f"Refund amount ({spoken(amount, charge['currency'])}) is greater than unrefunded amount on charge "
            f"({spoken(left, charge['currency'])})"
        )
        raise invalid(text, param="amount")
    return amount
