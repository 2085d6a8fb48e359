"""Connected accounts, transfers to them and reversals (docs.stripe.com/connect/separate-charges-and-transfers).

A transfer needs available money and an account that may receive transfers. It moves at once and without a fee;
what the account does with the money afterwards is not Stripe's to tell.
"""

from sandbox.stripe import books
from sandbox.stripe.core import Stripe, new_id
from sandbox.stripe.terms import spoken
from sandbox.stripe.wire import JsonDict, StripeError, invalid, malformed


def connect(stripe: Stripe, country: str, *, transfers: str = "active", email: str | None = None) -> JsonDict:
    """Return a new connected account; `transfers` is its capability: active, pending or inactive."""
    return _account(stripe, new_id("acct", 16), country, transfers, email)


def own_account(stripe: Stripe) -> JsonDict:
    """Return the fund's own account, made at the first call."""
    found = stripe.table("account").get(stripe.account_id)
    return found or _account(stripe, stripe.account_id, stripe.terms.country, "active", None)


def create(stripe: Stripe, params: JsonDict) -> JsonDict:
    """Transfer available money to a connected account; raises Stripe's refusals."""
    amount, currency = params.get("amount"), params["currency"].lower()
    if amount is None:
        raise malformed("Missing required param: amount.", param="amount", code="parameter_missing")
    if amount < 1:
        raise invalid("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    account = stripe.table("account").get(params["destination"])
    if account is None or account["id"] == stripe.account_id:
        text = f"No such destination: '{params['destination']}'"
        raise invalid(text, param="destination", code="resource_missing")
    if account["capabilities"]["transfers"] != "active":
        text = (
            "Your destination account needs to have at least one of the following capabilities enabled: "
            "transfers, crypto_transfers, legacy_payments"
        )
        raise invalid(text, param="destination", code="insufficient_capabilities_for_transfer")
    if currency != stripe.terms.currency:
        text = f"Transfers are made in the currency of your balance ({stripe.terms.currency})."
        raise invalid(text, param="currency")
    if amount > stripe.funds["available"]:
        text = "You have insufficient available funds in your Stripe account."
        raise StripeError(400, "invalid_request_error", text, code="balance_insufficient", executed=True)
    return _move(stripe, params, amount, currency)


def reverse(stripe: Stripe, transfer: JsonDict, params: JsonDict) -> JsonDict:
    """Take a transfer back, wholly or in part; raises Stripe's refusals."""
    left = transfer["amount"] - transfer["amount_reversed"]
    amount = int(params.get("amount", left))
    if left == 0:
        raise invalid(f"Transfer {transfer['id']} is already fully reversed.")
    if not 0 < amount <= left:
        text = f"Reversal amount must be between 0.01 and {spoken(left, transfer['currency'])}"
        raise invalid(text, param="amount")
    body: JsonDict = {
        "id": new_id("trr"),
        "amount": amount,
        "balance_transaction": None,
        "created": stripe.now(),
        "currency": transfer["currency"],
        "destination_payment_refund": None,
        "metadata": params.get("metadata") or {},
        "source_refund": None,
        "transfer": transfer["id"],
    }
    reversal = stripe.add("transfer_reversal", body)
    reversal["balance_transaction"] = books.book(stripe, "transfer_refund", reversal["id"], amount)["id"]
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    transfer["reversals"]["data"].insert(0, dict(reversal))
    stripe.emit("transfer.reversed", transfer)
    return reversal


def _move(stripe: Stripe, params: JsonDict, amount: int, currency: str) -> JsonDict:
    transfer_id = new_id("tr")
    body: JsonDict = {
        "id": transfer_id,
        "amount": amount,
        "amount_reversed": 0,
        "balance_transaction": books.book(stripe, "transfer", transfer_id, -amount)["id"],
        "created": stripe.now(),
        "currency": currency,
        "description": params.get("description"),
        "destination": params["destination"],
        "destination_payment": new_id("py"),
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "reversals": {
            "object": "list", "data": [], "has_more": False, "url": f"/v1/transfers/{transfer_id}/reversals"
        },
        "reversed": False,
        "source_transaction": None,
        "source_type": "card",
        "transfer_group": params.get("transfer_group"),
    }  # fmt: skip
    transfer = stripe.add("transfer", body)
    stripe.emit("transfer.created", transfer)
    return transfer


def _account(stripe: Stripe, account_id: str, country: str, transfers: str, email: str | None) -> JsonDict:
    body = {
        "id": account_id,
        "capabilities": {"transfers": transfers, "card_payments": "active"},
        "charges_enabled": True,
        "country": country,
        "created": stripe.now(),
        "default_currency": stripe.terms.currency,
        "details_submitted": True,
        "email": email,
        "metadata": {},
        "payouts_enabled": transfers == "active",
        "settings": {
            "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
            "card_payments": {
                "decline_on": {"avs_failure": False, "cvc_failure": False},
                "statement_descriptor_prefix": stripe.terms.descriptor,
            },
            "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
            "payments": {"statement_descriptor": stripe.terms.descriptor},
        },
        "type": "standard" if account_id == stripe.account_id else "express",
    }
    return stripe.add("account", body)
