"""Prices, products and line items, given inline by `price_data` (docs.stripe.com/api/prices)."""

import re
from typing import Final

from sandbox.stripe.core import Stripe, new_id
from sandbox.stripe.terms import MAXIMUM
from sandbox.stripe.wire import JsonDict, invalid, malformed

DESCRIPTOR: Final = 22
FORBIDDEN: Final = re.compile(r"[<>\\'\"*]|[^\x20-\x7e]")
LETTER: Final = re.compile(r"[A-Za-z]")
"""What a statement can show (docs.stripe.com/get-started/account/statement-descriptors)."""


def line_items(stripe: Stripe, params: JsonDict, mode: str) -> list[JsonDict]:
    """Return the line items of a session; raises Stripe's refusals for prices that do not fit each other or it."""
    wanted = params.get("line_items")
    if not wanted:
        raise malformed("Missing required param: line_items.", param="line_items", code="parameter_missing")
    items = [_item(stripe, item, f"line_items[{number}]") for number, item in enumerate(wanted)]
    currencies = {item["currency"] for item in items}
    if len(currencies) > 1:
        raise invalid("All prices on a Checkout Session must be in the same currency.", param="line_items")
    recurring = any(item["price"]["type"] == "recurring" for item in items)
    if mode == "payment" and recurring:
        text = (
            "You specified `payment` mode but passed a recurring price. "
            "Either switch to `subscription` mode or use only one-time prices."
        )
        raise invalid(text, param="mode")
    if mode == "subscription" and not recurring:
        raise invalid("You must provide at least one recurring price in `subscription` mode.", param="line_items")
    return items


def _item(stripe: Stripe, given: JsonDict, path: str) -> JsonDict:
    if "quantity" not in given:
        raise malformed(
            f"Missing required param: {path}[quantity].", param=f"{path}[quantity]", code="parameter_missing"
        )
    if ("price" in given) == ("price_data" in given):
        raise malformed(f"You must specify either `price` or `price_data` in {path}.", param=path)
    quantity = given["quantity"]
    if quantity < 1:
        raise invalid("Quantity must be at least 1.", param=f"{path}[quantity]", code="parameter_invalid_integer")
    price = (
        stripe.get("price", given["price"], param=f"{path}[price]", status=400)
        if "price" in given
        else _price(stripe, given["price_data"], f"{path}[price_data]")
    )
    product = stripe.get("product", price["product"])
    total = price["unit_amount"] * quantity
    return {
        "id": new_id("li"), "object": "item", "amount_discount": 0, "amount_subtotal": total, "amount_tax": 0,
        "amount_total": total, "currency": price["currency"], "description": product["name"], "metadata": {},
        "price": price, "quantity": quantity,
    }  # fmt: skip


def _price(stripe: Stripe, data: JsonDict, path: str) -> JsonDict:
    currency = data["currency"].lower()
    if not stripe.terms.known(currency):
        raise invalid(f"Invalid currency: {currency}.", param=f"{path}[currency]")
    amount = data.get("unit_amount")
    if amount is None:
        raise malformed(
            f"Missing required param: {path}[unit_amount].", param=f"{path}[unit_amount]", code="parameter_missing"
        )
    if not 0 <= amount <= MAXIMUM:
        text = "Invalid non-negative integer" if amount < 0 else "Invalid integer: too large"
        raise invalid(text, param=f"{path}[unit_amount]", code="parameter_invalid_integer")
    if ("product" in data) == ("product_data" in data):
        raise malformed(f"You must specify either `product` or `product_data` in {path}.", param=path)
    product = (
        stripe.get("product", data["product"], param=f"{path}[product]", status=400)
        if "product" in data
        else _product(stripe, data["product_data"], f"{path}[product_data]")
    )
    recurring = data.get("recurring")
    body = {
        "id": new_id("price"),
        "active": False,
        "billing_scheme": "per_unit",
        "created": stripe.now(),
        "currency": currency,
        "livemode": False,
        "metadata": {},
        "product": product["id"],
        "recurring": _recurring(recurring, path) if recurring else None,
        "tax_behavior": "unspecified",
        "type": "recurring" if recurring else "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }
    return stripe.add("price", body)


def _recurring(given: JsonDict, path: str) -> JsonDict:
    if given["interval"] != "month" or given.get("interval_count", 1) != 1:
        raise invalid("This stand-in renews monthly only.", param=f"{path}[recurring]")
    return {
        "interval": "month", "interval_count": 1, "meter": None, "trial_period_days": None,
        "usage_type": "licensed",
    }  # fmt: skip


def create_product(stripe: Stripe, params: JsonDict) -> JsonDict:
    """Make a product; raises the refusal of an id that is taken, or of a wrong descriptor."""
    if "id" in params and stripe.table("product").get(params["id"]) is not None:
        raise invalid("Product already exists.", param="id", code="resource_already_exists")
    descriptor = params.get("statement_descriptor")
    if descriptor is not None and (
        len(descriptor) > DESCRIPTOR or FORBIDDEN.search(descriptor) or not LETTER.search(descriptor)
    ):
        raise invalid("The statement descriptor is not allowed.", param="statement_descriptor")
    return _product(stripe, params, "product")


def _product(stripe: Stripe, data: JsonDict, path: str) -> JsonDict:
    if not data["name"].strip():
        raise malformed(
            "You passed an empty string for the name.", param=f"{path}[name]", code="parameter_invalid_empty"
        )
    body = {
        "id": data.get("id") or new_id("prod", 14),
        "active": False,
        "created": stripe.now(),
        "description": data.get("description"),
        "images": data.get("images", []),
        "livemode": False,
        "marketing_features": [],
        "metadata": data.get("metadata") or {},
        "name": data["name"],
        "statement_descriptor": data.get("statement_descriptor"),
        "type": "service",
        "updated": stripe.now(),
    }
    return stripe.add("product", body)
