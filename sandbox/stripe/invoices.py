"""Invoices of subscriptions: drafted, finalised, paid or failed, and the record of which payment was for which.

An invoice does not name its payment: an InvoicePayment joins the two (`payments` of an invoice when expanded, or
`/v1/invoice_payments`), as in Stripe's API since 2025.
"""

from typing import Any

from sandbox.stripe.core import Stripe, new_id
from sandbox.stripe.wire import JsonDict


def draft(stripe: Stripe, subscription: JsonDict, email: str | None, reason: str) -> JsonDict:
    """Draft the invoice of the subscription's present period."""
    now, invoice_id = stripe.now(), new_id("in")
    lines = [_line(invoice_id, subscription, item) for item in subscription["items"]["data"]]
    total = sum(line["amount"] for line in lines)
    customer = stripe.get("customer", subscription["customer"])
    first = subscription["items"]["data"][0]
    body: JsonDict = _nothing_special() | {
        "id": invoice_id,
        "account_country": stripe.terms.country,
        "amount_due": total,
        "amount_remaining": total,
        "automatically_finalizes_at": now + int(stripe.terms.invoice_draft.total_seconds()),
        "billing_reason": reason,
        "created": now,
        "currency": subscription["currency"],
        "customer": customer["id"],
        "customer_email": email,
        "customer_name": customer["name"],
        "lines": {
            "object": "list", "data": lines, "has_more": False, "url": f"/v1/invoices/{invoice_id}/lines"
        },
        "parent": {
            "quote_details": None,
            "subscription_details": {
                "metadata": dict(subscription["metadata"]), "subscription": subscription["id"]
            },
            "type": "subscription_details",
        },
        "period_end": now,
        "period_start": now if reason == "subscription_create" else first["created"],
        "subtotal": total,
        "subtotal_excluding_tax": total,
        "total": total,
        "total_excluding_tax": total,
    }  # fmt: skip
    invoice = stripe.add("invoice", body)
    subscription["latest_invoice"] = invoice["id"]
    stripe.emit("invoice.created", invoice)
    return invoice


def _nothing_special() -> JsonDict:
    """What every new draft here has in common: no tax, no discount, nothing paid."""
    return {
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": {
            "disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None
        },
        "collection_method": "charge_automatically",
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "discounts": [],
        "issuer": {"type": "self"},
        "latest_revision": None,
        "livemode": False,
        "metadata": {},
        "on_behalf_of": None,
        "payment_settings": {
            "default_mandate": None, "payment_method_options": None, "payment_method_types": None
        },
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None, "marked_uncollectible_at": None, "paid_at": None, "voided_at": None
        },
        "test_clock": None,
        "total_discount_amounts": [],
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    }  # fmt: skip


def finalize(stripe: Stripe, invoice: JsonDict) -> None:
    """Number the invoice; from now on it is to be paid."""
    customer = stripe.get("customer", invoice["customer"])
    number = customer["next_invoice_sequence"]
    customer["next_invoice_sequence"] = number + 1
    invoice["status_transitions"]["finalized_at"] = stripe.now()
    invoice.update(
        automatically_finalizes_at=None,
        effective_at=stripe.now(),
        ending_balance=0,
        hosted_invoice_url=f"{stripe.url}/i/{invoice['id']}",
        invoice_pdf=f"{stripe.url}/i/{invoice['id']}/pdf",
        number=f"{customer['invoice_prefix']}-{number:04d}",
        status="open",
    )
    stripe.emit("invoice.finalized", invoice)


def attach(stripe: Stripe, invoice: JsonDict, intent: JsonDict) -> None:
    """Record that this PaymentIntent is to pay the invoice."""
    body: JsonDict = {
        "id": new_id("inpay"),
        "amount_requested": invoice["amount_due"],
        "created": stripe.now(),
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }
    stripe.add("invoice_payment", body)


def paid(stripe: Stripe, invoice: JsonDict, intent: JsonDict) -> None:
    """Close the invoice: its intent has succeeded."""
    for payment in payments_of(stripe, invoice):
        if payment["payment"]["payment_intent"] == intent["id"]:
            payment.update(status="paid", amount_paid=invoice["amount_due"])
            payment["status_transitions"]["paid_at"] = stripe.now()
            stripe.emit("invoice_payment.paid", payment)
    invoice["status_transitions"]["paid_at"] = stripe.now()
    invoice.update(
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        attempt_count=invoice["attempt_count"] + 1,
        attempted=True,
        auto_advance=False,
        next_payment_attempt=None,
        status="paid",
    )
    stripe.emit("invoice.paid", invoice)
    stripe.emit("invoice.payment_succeeded", invoice)


def failed(stripe: Stripe, invoice: JsonDict, again: int | None) -> None:
    """Record a failed attempt; `again` is when the next one will be."""
    invoice.update(attempt_count=invoice["attempt_count"] + 1, attempted=True, next_payment_attempt=again)
    if again is None:
        invoice["auto_advance"] = False
    stripe.emit("invoice.payment_failed", invoice)


def payments_of(stripe: Stripe, invoice: JsonDict) -> list[JsonDict]:
    """Return the InvoicePayments of an invoice."""
    return [payment for payment in stripe.table("invoice_payment") if payment["invoice"] == invoice["id"]]


def intent_of(stripe: Stripe, invoice: JsonDict) -> JsonDict:
    """Return the PaymentIntent that is to pay the invoice."""
    return stripe.get("payment_intent", payments_of(stripe, invoice)[-1]["payment"]["payment_intent"])


def _line(invoice_id: str, subscription: JsonDict, item: JsonDict) -> JsonDict:
    price: dict[str, Any] = item["price"]
    amount = price["unit_amount"] * item["quantity"]
    return {
        "id": new_id("il"), "object": "line_item", "amount": amount, "currency": price["currency"],
        "description": f"{item['quantity']} × monthly", "discount_amounts": [], "discountable": True,
        "discounts": [], "invoice": invoice_id, "livemode": False, "metadata": dict(subscription["metadata"]),
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None, "proration": False, "proration_details": {"credited_items": None},
                "subscription": subscription["id"], "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        "period": {"start": item["current_period_start"], "end": item["current_period_end"]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details", "unit_amount_decimal": str(price["unit_amount"]),
        },
        "quantity": item["quantity"], "subscription": subscription["id"], "subtotal": amount, "taxes": [],
    }  # fmt: skip
