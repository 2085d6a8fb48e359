"""PaymentIntents and the charges that try to pay them.

A card answers at once; a bank debit is `processing` until its day comes, or the bank is told to hurry. Whoever
asked for the payment (a session, an invoice) is told the outcome by `watch`, in the same step. The balance has a
debit from its beginning (support.stripe.com, "Changes to Balance Transaction behavior for debit payment methods").
"""

import contextlib
from collections.abc import Callable
from typing import Final

from sandbox.stripe import books, disputes
from sandbox.stripe.core import Stripe, new_id
from sandbox.stripe.means import Means, Payer
from sandbox.stripe.wire import JsonDict, NotAllowed, StripeError

MESSAGES: Final = {
    "generic_decline": ("card_declined", "Your card was declined."),
    "insufficient_funds": ("card_declined", "Your card has insufficient funds."),
    "lost_card": ("card_declined", "Your card was declined."),
    "stolen_card": ("card_declined", "Your card was declined."),
    "card_velocity_exceeded": (
        "card_declined",
        "Your card was declined for making repeated attempts too frequently.",
    ),
    "expired_card": ("expired_card", "Your card has expired."),
    "incorrect_cvc": ("incorrect_cvc", "Your card's security code is incorrect."),
    "processing_error": (
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
    ),
}
"""Error code and words by decline code (docs.stripe.com/declines/codes)."""


def open_intent(stripe: Stripe, amount: int, currency: str, methods: list[str], more: JsonDict) -> JsonDict:
    """Create a PaymentIntent that waits for a payment method; `more` are further fields."""
    intent_id = new_id("pi")
    body: JsonDict = {
        "id": intent_id,
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{intent_id}_secret_{new_id('x')[2:]}",
        "confirmation_method": "automatic",
        "created": stripe.now(),
        "currency": currency,
        "customer": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_types": methods,
        "payment_record": None,
        "review": None,
        "setup_future_usage": None,
        "source": None,
        "status": "requires_payment_method",
    }
    intent = stripe.add("payment_intent", body | more)
    stripe.emit("payment_intent.created", intent)
    return intent


def watch(stripe: Stripe, intent: JsonDict, told: Callable[[bool], None]) -> None:
    """Let `told` hear whether the intent was paid."""
    stripe.memory.watchers[intent["id"]] = told


def keep_method(stripe: Stripe, means: Means, payer: Payer) -> str:
    """Return the id of a new payment method for these means."""
    body = {
        "id": new_id("pm"),
        "billing_details": payer.billing(),
        "created": stripe.now(),
        "customer": payer.customer,
        "livemode": False,
        "metadata": {},
    }
    method: str = stripe.add("payment_method", body | means.method())["id"]
    stripe.memory.means[method] = means
    return method


def pay(stripe: Stripe, intent: JsonDict, method: str, payer: Payer, *, renewal: bool = False) -> JsonDict:
    """Try to pay the intent and return the charge; raises the 402 refusal of a card that is declined."""
    means = stripe.memory.means[method]
    intent["payment_method"] = method
    intent["customer"] = payer.customer
    intent["next_action"] = None
    decline = means.decline or ("generic_decline" if renewal and means.later == "charge_fails" else "")
    if means.kind == "sepa_debit":
        charge = _charge(stripe, intent, means, payer, "pending")
        intent.update(status="processing", latest_charge=charge["id"])
        charge["balance_transaction"] = books.book_charge(stripe, charge, means)["id"]
        stripe.memory.debits[intent["id"]] = means
        stripe.emit("charge.pending", charge)
        stripe.emit("payment_intent.processing", intent)
        stripe.at(stripe.now() + stripe.terms.debit_after.total_seconds(), lambda: _debit_due(stripe, intent))
        return charge
    if decline:
        charge = _charge(stripe, intent, means, payer, "failed", decline)
        raise _failed(stripe, intent, charge, decline)
    charge = _charge(stripe, intent, means, payer, "succeeded")
    _succeeded(stripe, intent, charge, means)
    return charge


def require_action(stripe: Stripe, intent: JsonDict, method: str) -> None:
    """Let the bank ask the card's holder before anything is charged (docs.stripe.com/payments/3d-secure)."""
    intent.update(
        payment_method=method, status="requires_action",
        next_action={"type": "use_stripe_sdk", "use_stripe_sdk": {}},
    )  # fmt: skip
    stripe.emit("payment_intent.requires_action", intent)


def refuse_action(stripe: Stripe, intent: JsonDict | None) -> StripeError:
    """The holder was not recognised: nothing is charged, and another card may be tried."""
    words = "We are unable to authenticate your payment method. Please choose a different payment method."
    error = StripeError(402, "card_error", words, code="payment_intent_authentication_failure", executed=True)
    if intent is not None:
        intent.update(
            status="requires_payment_method", payment_method=None, next_action=None,
            last_payment_error=error.body()["error"],
        )  # fmt: skip
        stripe.emit("payment_intent.payment_failed", intent)
    return error


def finish_debit(stripe: Stripe, intent: JsonDict, *, succeed: bool, reason: str = "insufficient_funds") -> None:
    """Let a bank debit that is on its way succeed or fail now."""
    means = stripe.memory.debits.pop(intent["id"])
    charge = stripe.get("charge", intent["latest_charge"])
    if succeed:
        charge.update(status="succeeded", paid=True, captured=True, amount_captured=charge["amount"])
        _succeeded(stripe, intent, charge, means)
    else:
        _, words = MESSAGES[reason]
        back = books.book_failure(stripe, charge)
        charge.update(
            status="failed", failure_code=reason, failure_message=words, failure_balance_transaction=back["id"]
        )
        _failed(stripe, intent, charge, reason)
    _tell(stripe, intent, succeed=succeed)


def _debit_due(stripe: Stripe, intent: JsonDict) -> None:
    if intent["id"] in stripe.memory.debits:
        means = stripe.memory.debits[intent["id"]]
        finish_debit(stripe, intent, succeed=not means.decline, reason=means.decline or "insufficient_funds")


def _tell(stripe: Stripe, intent: JsonDict, *, succeed: bool) -> None:
    told = stripe.memory.watchers.get(intent["id"])
    if told is not None:
        told(succeed)


def _succeeded(stripe: Stripe, intent: JsonDict, charge: JsonDict, means: Means) -> None:
    intent.update(
        status="succeeded", amount_received=intent["amount"], latest_charge=charge["id"], last_payment_error=None
    )
    booked = charge["balance_transaction"] is not None
    wait = 0.0 if booked else stripe.terms.balance_after.total_seconds()
    if not booked and not wait:
        charge["balance_transaction"] = books.book_charge(stripe, charge, means)["id"]
    stripe.emit("charge.succeeded", charge)
    stripe.emit("payment_intent.succeeded", intent)
    if wait:
        stripe.at(stripe.now() + wait, lambda: _book_late(stripe, charge, means))
    if means.later in {"fraudulent", "product_not_received"}:
        stripe.at(stripe.now() + 1, lambda: _dispute(stripe, charge, means.later))


def _dispute(stripe: Stripe, charge: JsonDict, reason: str) -> None:
    # Meanwhile it may have been refunded, or disputed by its holder's own act.
    with contextlib.suppress(NotAllowed):
        disputes.open_dispute(stripe, charge, reason=reason)


def _book_late(stripe: Stripe, charge: JsonDict, means: Means) -> None:
    transaction = books.book_charge(stripe, charge, means)
    stripe.amend(charge, "charge.updated", balance_transaction=transaction["id"])


def _failed(stripe: Stripe, intent: JsonDict, charge: JsonDict, decline: str) -> StripeError:
    code, words = MESSAGES[decline]
    more = {"charge": charge["id"], "decline_code": decline, "payment_method": None}
    error = StripeError(402, "card_error", words, code=code, more=more, executed=True)
    intent.update(
        status="requires_payment_method", latest_charge=charge["id"], payment_method=None,
        last_payment_error=error.body()["error"],
    )  # fmt: skip
    stripe.emit("charge.failed", charge)
    stripe.emit("payment_intent.payment_failed", intent)
    return error


def _charge(
    stripe: Stripe, intent: JsonDict, means: Means, payer: Payer, status: str, decline: str = ""
) -> JsonDict:
    succeeded = status == "succeeded"
    suffix = intent["statement_descriptor_suffix"]
    prefix = intent.get("statement_descriptor") or stripe.terms.descriptor
    code, words = MESSAGES[decline] if decline else (None, None)
    body: JsonDict = {
        "id": new_id("py" if means.kind == "sepa_debit" else "ch"),
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if succeeded else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "balance_transaction": None,
        "billing_details": payer.billing(),
        "calculated_statement_descriptor": f"{prefix}* {suffix}" if suffix else prefix,
        "captured": succeeded,
        "created": stripe.now(),
        "currency": intent["currency"],
        "customer": payer.customer,
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": code,
        "failure_message": words,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": _outcome(decline),
        "paid": succeeded,
        "payment_intent": intent["id"],
        "payment_method": intent["payment_method"],
        "payment_method_details": means.details(),
        "radar_options": {},
        "refunded": False,
        "review": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor_suffix": suffix,
        "status": status,
        "transfer": None,
        "transfer_group": intent["transfer_group"],
    }
    return stripe.add("charge", body)


def _outcome(decline: str) -> JsonDict:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if decline else "approved_by_network",
        "reason": decline or None,
        "risk_level": "normal",
        "risk_score": 7,
        "seller_message": "The bank returned the decline code." if decline else "Payment complete.",
        "type": "issuer_declined" if decline else "authorized",
    }
