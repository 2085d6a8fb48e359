"""Monthly subscriptions: begun in Checkout, renewed by the clock, failing, ended (docs.stripe.com/billing).

A renewal makes a draft invoice at the end of the period, which is finalised and charged an hour later. A failed
charge makes the subscription `past_due` and is tried again on the days of the terms; after the last it is
cancelled.
"""

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sandbox.stripe import invoices, payments
from sandbox.stripe.core import Stripe, new_id
from sandbox.stripe.means import Means, Payer
from sandbox.stripe.wire import JsonDict, NotAllowed, StripeError, invalid

ALIVE: Final = frozenset({"active", "past_due"})


@dataclass(frozen=True, slots=True)
class Started:
    """What Checkout began."""

    subscription: JsonDict
    invoice: JsonDict
    intent: JsonDict


def new_customer(stripe: Stripe, payer: Payer) -> JsonDict:
    """Create the customer that Checkout creates from what the payer typed."""
    body = {
        "id": new_id("cus", 14),
        "balance": 0,
        "created": stripe.now(),
        "delinquent": False,
        "email": payer.email,
        "invoice_prefix": new_id("x", 8)[2:].upper(),
        "invoice_settings": {
            "custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None
        },
        "livemode": False,
        "metadata": {},
        "name": payer.name,
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "tax_exempt": "none",
        "default_source": None,
        "test_clock": None,
    }  # fmt: skip
    customer = stripe.add("customer", body)
    stripe.emit("customer.created", customer)
    return customer


def start(stripe: Stripe, items: list[JsonDict], params: JsonDict, means: Means, payer: Payer) -> Started:
    """Charge the first month and begin; raises the 402 refusal of a declined card, and then nothing has begun."""
    total, currency = sum(item["amount_total"] for item in items), items[0]["currency"]
    more = _later_use("Subscription creation", _descriptor(stripe, items[0]["price"]))
    intent = payments.open_intent(stripe, total, currency, [means.kind], more)
    method = payments.keep_method(stripe, means, payer)
    payments.pay(stripe, intent, method, payer)
    subscription = _add(stripe, items, params.get("subscription_data", {}), method, payer)
    stripe.emit("customer.subscription.created", subscription)
    invoice = invoices.draft(stripe, subscription, payer.email, "subscription_create")
    invoices.finalize(stripe, invoice)
    invoices.attach(stripe, invoice, intent)
    if intent["status"] == "succeeded":
        invoices.paid(stripe, invoice, intent)
    _plan_renewal(stripe, subscription)
    return Started(subscription, invoice, intent)


def cancel(stripe: Stripe, subscription: JsonDict, details: JsonDict, reason: str) -> JsonDict:
    """End a subscription now; raises the refusal for one that has ended."""
    if subscription["status"] not in ALIVE:
        raise invalid(f"No such subscription: '{subscription['id']}'", param="id", code="resource_missing")
    now = stripe.now()
    told = {"comment": details.get("comment"), "feedback": details.get("feedback"), "reason": reason}
    subscription.update(
        status="canceled", canceled_at=subscription["canceled_at"] or now, ended_at=now, cancellation_details=told
    )
    stripe.emit("customer.subscription.deleted", subscription)
    return subscription


def update(stripe: Stripe, subscription: JsonDict, params: JsonDict) -> JsonDict:
    """Change metadata, description, or whether it ends with the period."""
    if subscription["status"] not in ALIVE:
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
    changes: JsonDict = {name: params[name] for name in ("description",) if name in params}
    if "metadata" in params:
        kept = subscription["metadata"] | params["metadata"] if params["metadata"] else {}
        changes["metadata"] = {key: value for key, value in kept.items() if value}
    if "cancel_at_period_end" in params:
        ending = params["cancel_at_period_end"]
        details = {"comment": None, "feedback": None, "reason": "cancellation_requested" if ending else None}
        changes |= {
            "cancel_at_period_end": ending,
            "cancel_at": _period(subscription)[1] if ending else None,
            "canceled_at": stripe.now() if ending else None,
            "cancellation_details": details,
        }
    stripe.amend(subscription, "customer.subscription.updated", **changes)
    return subscription


def change_means(stripe: Stripe, subscription: JsonDict, means: Means) -> None:
    """Let the donor pay with something else from now on."""
    if subscription["status"] not in ALIVE:
        raise NotAllowed("this subscription has ended")
    payer = _payer(stripe, subscription)
    method = payments.keep_method(stripe, means, payer)
    stripe.amend(subscription, "customer.subscription.updated", default_payment_method=method)


def debit_done(stripe: Stripe, invoice_id: str, intent: JsonDict, *, succeeded: bool) -> None:
    """Book the outcome of a bank debit for an invoice."""
    invoice = stripe.get("invoice", invoice_id)
    subscription = stripe.get("subscription", invoice["parent"]["subscription_details"]["subscription"])
    if succeeded:
        _collected(stripe, subscription, invoice, intent)
    else:
        _refused(stripe, subscription, invoice)


def _add(stripe: Stripe, items: list[JsonDict], data: JsonDict, method: str, payer: Payer) -> JsonDict:
    subscription_id, now = new_id("sub"), stripe.now()
    rows = [_item(stripe, subscription_id, item, now) for item in items if item["price"]["recurring"]]
    body = {
        "id": subscription_id,
        "application": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": now,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible", "updated_at": now},
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": now,
        "currency": rows[0]["price"]["currency"],
        "customer": payer.customer,
        "default_payment_method": method,
        "default_source": None,
        "default_tax_rates": [],
        "description": data.get("description"),
        "discounts": [],
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": {
            "object": "list", "data": rows, "has_more": False,
            "url": f"/v1/subscription_items?subscription={subscription_id}",
        },
        "latest_invoice": None,
        "livemode": False,
        "metadata": data.get("metadata") or {},
        "on_behalf_of": None,
        "payment_settings": {
            "payment_method_options": None, "payment_method_types": None, "save_default_payment_method": "off"
        },
        "pending_setup_intent": None,
        "schedule": None,
        "start_date": now,
        "status": "active",
        "test_clock": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
    }  # fmt: skip
    return stripe.add("subscription", body)


def _item(stripe: Stripe, subscription: str, item: JsonDict, now: int) -> JsonDict:
    price = item["price"]
    plan = {
        "id": price["id"], "object": "plan", "active": False, "amount": price["unit_amount"],
        "amount_decimal": str(price["unit_amount"]), "billing_scheme": "per_unit", "created": price["created"],
        "currency": price["currency"], "interval": "month", "interval_count": 1, "livemode": False, "metadata": {},
        "meter": None, "nickname": None, "product": price["product"], "tiers_mode": None, "transform_usage": None,
        "trial_period_days": None, "usage_type": "licensed",
    }  # fmt: skip
    body = {
        "id": new_id("si", 14), "created": now, "current_period_start": now,
        "current_period_end": months_after(now, 1), "discounts": [], "metadata": {}, "plan": plan, "price": price,
        "quantity": item["quantity"], "subscription": subscription, "tax_rates": [],
    }  # fmt: skip
    return stripe.add("subscription_item", body)


def _plan_renewal(stripe: Stripe, subscription: JsonDict) -> None:
    stripe.at(_period(subscription)[1], lambda: _renew(stripe, subscription))


def _renew(stripe: Stripe, subscription: JsonDict) -> None:
    if subscription["status"] not in ALIVE:
        return
    if subscription["cancel_at_period_end"]:
        cancel(stripe, subscription, {}, "cancellation_requested")
        return
    start, end = _period(subscription)
    for item in subscription["items"]["data"]:
        item["current_period_start"] = end
        item["current_period_end"] = _next_end(subscription, end)
    previous = {"items": {"data": [{"current_period_start": start, "current_period_end": end}]}}
    email = stripe.get("customer", subscription["customer"])["email"]
    invoice = invoices.draft(stripe, subscription, email, "subscription_cycle")
    stripe.emit("customer.subscription.updated", subscription, previous)
    stripe.at(invoice["automatically_finalizes_at"], lambda: _collect(stripe, subscription, invoice))
    _plan_renewal(stripe, subscription)


def _collect(stripe: Stripe, subscription: JsonDict, invoice: JsonDict) -> None:
    if subscription["status"] not in ALIVE:
        return
    invoices.finalize(stripe, invoice)
    intent = payments.open_intent(
        stripe,
        invoice["amount_due"],
        invoice["currency"],
        [stripe.memory.means[subscription["default_payment_method"]].kind],
        _later_use("Subscription update", _descriptor(stripe, subscription["items"]["data"][0]["price"])),
    )
    invoices.attach(stripe, invoice, intent)
    _attempt(stripe, subscription, invoice, intent)


def _attempt(stripe: Stripe, subscription: JsonDict, invoice: JsonDict, intent: JsonDict) -> None:
    if subscription["status"] not in ALIVE or invoice["status"] != "open":
        return
    method = subscription["default_payment_method"]
    try:
        payments.pay(stripe, intent, method, _payer(stripe, subscription), renewal=True)
    except StripeError:
        _refused(stripe, subscription, invoice)
        return
    if intent["status"] == "succeeded":
        _collected(stripe, subscription, invoice, intent)
    else:
        payments.watch(stripe, intent, lambda done: debit_done(stripe, invoice["id"], intent, succeeded=done))


def _collected(stripe: Stripe, subscription: JsonDict, invoice: JsonDict, intent: JsonDict) -> None:
    invoices.paid(stripe, invoice, intent)
    if subscription["status"] == "past_due":
        stripe.amend(subscription, "customer.subscription.updated", status="active")


def _refused(stripe: Stripe, subscription: JsonDict, invoice: JsonDict) -> None:
    pauses = stripe.terms.payment_retries
    tried = invoice["attempt_count"]
    again = stripe.now() + int(pauses[tried].total_seconds()) if tried < len(pauses) else None
    invoices.failed(stripe, invoice, again)
    if subscription["status"] == "active":
        stripe.amend(subscription, "customer.subscription.updated", status="past_due")
    if again is None:
        if subscription["status"] in ALIVE:
            cancel(stripe, subscription, {}, "payment_failed")
        return
    intent = invoices.intent_of(stripe, invoice)
    stripe.at(again, lambda: _attempt(stripe, subscription, invoice, intent))


def _later_use(description: str, descriptor: str | None) -> JsonDict:
    return {
        "setup_future_usage": "off_session", "description": description, "statement_descriptor": descriptor
    }  # fmt: skip


def _descriptor(stripe: Stripe, price: JsonDict) -> str | None:
    """What the statement shows: the product's own descriptor, if it has one."""
    found: str | None = stripe.get("product", price["product"])["statement_descriptor"]
    return found


def _payer(stripe: Stripe, subscription: JsonDict) -> Payer:
    customer = stripe.get("customer", subscription["customer"])
    return Payer(customer["email"] or "", customer["name"] or "", customer["id"])


def _period(subscription: JsonDict) -> tuple[int, int]:
    item = subscription["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def _next_end(subscription: JsonDict, start: int) -> int:
    anchor = subscription["billing_cycle_anchor"]
    passed = 1
    while months_after(anchor, passed) <= start:
        passed += 1
    return months_after(anchor, passed)


def months_after(moment: int, count: int) -> int:
    """Return the same day and time `count` months later, or the last day of a shorter month."""
    then = datetime.fromtimestamp(moment, UTC)
    year, month = divmod(then.year * 12 + then.month - 1 + count, 12)
    day = min(then.day, calendar.monthrange(year, month + 1)[1])
    return int(then.replace(year=year, month=month + 1, day=day).timestamp())
