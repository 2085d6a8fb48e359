"""Checkout Sessions (docs.stripe.com/api/checkout/sessions): what they refuse, and how one is paid.

A session is open until it is paid, expired by its creator or by its time. Its page is `checkout`; this is what the
page does. The PaymentIntent of a one-off payment exists from the first attempt on, as with Stripe.
"""

import re
from datetime import timedelta
from typing import Final

from sandbox.stripe import payments, prices, subscriptions
from sandbox.stripe.core import Stripe, new_id
from sandbox.stripe.means import Means, Payer
from sandbox.stripe.prices import DESCRIPTOR, FORBIDDEN, LETTER
from sandbox.stripe.terms import MAXIMUM, MINIMUM, spoken
from sandbox.stripe.wire import JsonDict, NotAllowed, invalid, malformed

SOONEST: Final = timedelta(minutes=30)
_URL: Final = re.compile(r"https?://[^\s/]+\S*\Z")
_ONLY: Final = {
    "payment": ("payment_intent_data", "customer_creation", "invoice_creation"),
    "subscription": ("subscription_data", "payment_method_collection"),
}
"""Parameters that belong to one mode only."""
_PLAYED: Final = {
    "payment_intent_data": (
        "description", "metadata", "statement_descriptor", "statement_descriptor_suffix", "transfer_group",
        "receipt_email",
    ),
    "subscription_data": ("description", "metadata"),
}  # fmt: skip
"""Parts of a parameter that have an effect here."""


def create(stripe: Stripe, params: JsonDict) -> JsonDict:
    """Open a session; raises Stripe's refusals."""
    mode = _mode(params)
    _check_played(params)
    _check_urls(params)
    items = prices.line_items(stripe, params, mode)
    currency, total = items[0]["currency"], sum(item["amount_total"] for item in items)
    _check_total(total, currency)
    _check_descriptor(stripe, params.get("payment_intent_data", {}))
    if "customer" in params:
        stripe.get("customer", params["customer"], param="customer", status=400)
        if "customer_email" in params:
            raise invalid(
                "You may only specify one of these parameters: customer, customer_email.", param="customer"
            )
    session = stripe.add("checkout.session", _body(stripe, params, mode, currency, total))
    stripe.memory.plans[session["id"]] = {"items": items, "params": params}
    stripe.at(session["expires_at"], lambda: _expire_due(stripe, session))
    return session


def expire(stripe: Stripe, session: JsonDict) -> JsonDict:
    """End an open session; raises the refusal for another one."""
    if session["status"] != "open":
        raise invalid('Only Checkout Sessions with a status in ["open"] can be expired.')
    session.update(status="expired", url=None)
    stripe.emit("checkout.session.expired", session)
    return session


def items_of(stripe: Stripe, session: JsonDict) -> list[JsonDict]:
    """Return the line items of a session."""
    items: list[JsonDict] = stripe.memory.plans[session["id"]]["items"]
    return items


def pay(stripe: Stripe, session: JsonDict, means: Means, payer: Payer) -> JsonDict:
    """Pay an open session; raises the 402 refusal of a declined card, after which it is still open."""
    if session["status"] != "open":
        raise NotAllowed("This Checkout Session is no longer open.")
    if means.kind not in session["payment_method_types"]:
        raise NotAllowed("This way of paying is not offered here.")
    if means.secure:
        stripe.memory.asked[session["id"]] = (means, payer)
        if session["mode"] == "payment":
            payments.require_action(stripe, _intent(stripe, session), payments.keep_method(stripe, means, payer))
        return session
    return _complete(stripe, session, means, payer)


def is_asked(stripe: Stripe, session: JsonDict) -> bool:
    """Whether the payer's bank waits for their answer."""
    return session["id"] in stripe.memory.asked


def authenticate(stripe: Stripe, session: JsonDict, *, passed: bool) -> JsonDict:
    """Let the payer answer their bank; raises the 402 refusal of who did not pass, or of a declined card."""
    asked = stripe.memory.asked.pop(session["id"], None)
    if asked is None or session["status"] != "open":
        raise NotAllowed("Nobody is asked.")
    if not passed:
        intent = _intent(stripe, session) if session["mode"] == "payment" else None
        raise payments.refuse_action(stripe, intent)
    return _complete(stripe, session, *asked)


def _complete(stripe: Stripe, session: JsonDict, means: Means, payer: Payer) -> JsonDict:
    details = {
        "address": payer.billing()["address"], "business_name": None, "email": payer.email,
        "individual_name": None, "name": payer.name, "phone": None, "tax_exempt": "none", "tax_ids": [],
    }  # fmt: skip
    if session["mode"] == "subscription":
        intent = _subscribe(stripe, session, means, payer)
    else:
        intent = _pay_once(stripe, session, means, payer)
    paid = intent["status"] == "succeeded"
    session.update(
        status="complete", payment_status="paid" if paid else "unpaid", customer_details=details, url=None
    )
    if not paid:
        payments.watch(stripe, intent, lambda succeeded: _debit_done(stripe, session, intent, succeeded=succeeded))
    stripe.emit("checkout.session.completed", session)
    return session


def _pay_once(stripe: Stripe, session: JsonDict, means: Means, payer: Payer) -> JsonDict:
    params = stripe.memory.plans[session["id"]]["params"]
    if params.get("customer_creation") == "always" and session["customer"] is None:
        session["customer"] = subscriptions.new_customer(stripe, payer)["id"]
    payer = Payer(payer.email, payer.name, session["customer"], payer.country)
    intent = _intent(stripe, session)
    payments.pay(stripe, intent, payments.keep_method(stripe, means, payer), payer)
    return intent


def _intent(stripe: Stripe, session: JsonDict) -> JsonDict:
    """The PaymentIntent of a session, which exists from the first attempt on."""
    if session["payment_intent"] is None:
        data = stripe.memory.plans[session["id"]]["params"].get("payment_intent_data", {})
        intent = payments.open_intent(
            stripe, session["amount_total"], session["currency"], session["payment_method_types"], dict(data)
        )
        session["payment_intent"] = intent["id"]
    return stripe.get("payment_intent", session["payment_intent"])


def _subscribe(stripe: Stripe, session: JsonDict, means: Means, payer: Payer) -> JsonDict:
    plan = stripe.memory.plans[session["id"]]
    if session["customer"] is None:
        session["customer"] = subscriptions.new_customer(stripe, payer)["id"]
    payer = Payer(payer.email, payer.name, session["customer"], payer.country)
    started = subscriptions.start(stripe, plan["items"], plan["params"], means, payer)
    session.update(subscription=started.subscription["id"], invoice=started.invoice["id"])
    return started.intent


def _debit_done(stripe: Stripe, session: JsonDict, intent: JsonDict, *, succeeded: bool) -> None:
    if succeeded:
        session["payment_status"] = "paid"
    if session["subscription"] is not None:
        subscriptions.debit_done(stripe, session["invoice"], intent, succeeded=succeeded)
    stripe.emit(f"checkout.session.async_payment_{'succeeded' if succeeded else 'failed'}", session)


def _expire_due(stripe: Stripe, session: JsonDict) -> None:
    if session["status"] == "open":
        expire(stripe, session)


def _mode(params: JsonDict) -> str:
    mode = str(params.get("mode", ""))
    if not mode:
        raise malformed("Missing required param: mode.", param="mode", code="parameter_missing")
    if mode not in _ONLY:
        raise invalid(f"This stand-in plays no `{mode}` mode.", param="mode")
    for other, names in _ONLY.items():
        for name in names:
            if other != mode and name in params:
                raise invalid(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    return mode


def _check_played(params: JsonDict) -> None:
    for name, known in _PLAYED.items():
        for part in params.get(name, {}):
            if part not in known:
                raise malformed(f"This stand-in does not play {name}[{part}].", param=f"{name}[{part}]")
    for number, item in enumerate(params.get("line_items", [])):
        for part in item:
            if part not in {"price", "price_data", "quantity"}:
                raise malformed(f"This stand-in does not play {part}.", param=f"line_items[{number}][{part}]")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise malformed("This stand-in plays the hosted page only.", param="ui_mode")


def _check_urls(params: JsonDict) -> None:
    if "success_url" not in params:
        raise malformed("Missing required param: success_url.", param="success_url", code="parameter_missing")
    for name in ("success_url", "cancel_url"):
        if name in params and not _URL.match(params[name]):
            raise invalid("Not a valid URL", param=name, code="url_invalid")


def _check_total(total: int, currency: str) -> None:
    least = MINIMUM.get(currency, 50)
    if total < least:
        text = f"The Checkout Session's total amount due must add up to at least {spoken(least, currency)}"
        raise invalid(text, code="amount_too_small")
    if total > MAXIMUM:
        text = f"The Checkout Session's total amount due must be no more than {spoken(MAXIMUM, currency)}"
        raise invalid(text, code="amount_too_large")


def _check_descriptor(stripe: Stripe, data: JsonDict) -> None:
    if "statement_descriptor" in data:
        text = (
            "The `statement_descriptor` parameter is not supported for payments with cards. "
            "Use `statement_descriptor_suffix` instead."
        )
        raise invalid(text, param="payment_intent_data[statement_descriptor]")
    suffix = data.get("statement_descriptor_suffix")
    if suffix is None:
        return
    param = "payment_intent_data[statement_descriptor_suffix]"
    if FORBIDDEN.search(suffix) or not LETTER.search(suffix):
        raise invalid("The statement descriptor suffix has invalid characters or no letter.", param=param)
    if len(f"{stripe.terms.descriptor}* {suffix}") > DESCRIPTOR:
        text = f"The prefix and the statement descriptor suffix together can have up to {DESCRIPTOR} characters."
        raise invalid(text, param=param)


def _expiry(stripe: Stripe, params: JsonDict, now: int) -> int:
    longest = int(stripe.terms.session_life.total_seconds())
    wanted = int(params.get("expires_at", now + longest))
    if wanted < now + SOONEST.total_seconds():
        text = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise invalid(text, param="expires_at")
    if wanted > now + longest:
        text = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise invalid(text, param="expires_at")
    return wanted


def _body(stripe: Stripe, params: JsonDict, mode: str, currency: str, total: int) -> JsonDict:
    session_id = new_id("cs_test", 58)
    methods = params.get("payment_method_types") or [
        kind for kind in stripe.terms.methods if kind != "sepa_debit" or currency == "eur"
    ]
    given = (
        "cancel_url",
        "client_reference_id",
        "customer_email",
        "locale",
        "success_url",
        "billing_address_collection",
    )
    return {name: params.get(name) for name in given} | {
        "id": session_id,
        "adaptive_pricing": {"enabled": False},
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "created": stripe.now(),
        "currency": currency,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None, "shipping_address": None, "submit": None, "terms_of_service_acceptance": None
        },
        "customer": params.get("customer"),
        "customer_creation": params.get("customer_creation", "if_required" if mode == "payment" else "always"),
        "discounts": [],
        "expires_at": _expiry(stripe, params, stripe.now()),
        "invoice": None,
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "mode": mode,
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required" if mode == "payment" else "always",
        "payment_method_options": {},
        "payment_method_types": methods,
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "redirect_on_completion": None,
        "setup_intent": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": params.get("submit_type"),
        "subscription": None,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{stripe.url}/c/pay/{session_id}",
    }  # fmt: skip
