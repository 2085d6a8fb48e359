"""What Stripe is asked for when somebody wants to give: the page to pay on, and what a monthly gift is a price of.

Nothing of a person is in it. What a statement shows is the policy's: after the account's own prefix for a single
gift, and alone, each month, for a monthly one. Checkout has no word for the latter, so it stands in a product,
from which Stripe takes it for the invoice of each month (API, products: statement_descriptor, subscriptions only).
"""

import hashlib
from typing import Any, Final

from payments.stripe_amounts import to_stripe
from payments.stripe_objects import Order

KEY: Final = "donation"
"""The one key in Stripe's metadata: our random id of the gift."""

LOCALES: Final = frozenset(
    {
        *(
            "bg",
            "cs",
            "da",
            "de",
            "el",
            "en",
            "es",
            "et",
            "fi",
            "fil",
            "fr",
            "hr",
            "hu",
            "id",
            "it",
            "ja",
            "ko",
            "lt",
        ),
        *("lv", "ms", "mt", "nb", "nl", "pl", "pt", "ro", "ru", "sk", "sl", "sv", "th", "tr", "vi", "zh"),
    }
)
"""Languages that Checkout's page speaks (API, create a session: locale); for others it asks the browser."""


def page(order: Order) -> dict[str, Any]:
    """The parameters of a Checkout session (`stripe.params.checkout.SessionCreateParams`)."""
    metadata = {KEY: str(order.donation)}
    price: dict[str, Any] = {"currency": order.money.currency.lower(), "unit_amount": to_stripe(order.money)}
    asked: dict[str, Any] = {
        "client_reference_id": str(order.donation),
        "locale": order.language if order.language in LOCALES else "auto",
        "success_url": order.done_url,
        "cancel_url": order.back_url,
        # The giver pays the amount that was asked for, in its currency.
        "adaptive_pricing": {"enabled": False},
    }
    if order.monthly:
        price |= {"recurring": {"interval": "month"}, "product": product_id(order)}
        asked |= {"mode": "subscription", "subscription_data": {"metadata": metadata}}
    else:
        price["product_data"] = {"name": order.title}
        suffix = {"statement_descriptor_suffix": order.statement}
        asked |= {
            "mode": "payment",
            "submit_type": "donate",
            "payment_intent_data": {"metadata": metadata} | suffix,
        }
    asked["line_items"] = [{"price_data": price, "quantity": 1}]
    return asked


def product(order: Order) -> dict[str, Any]:
    """The parameters of the product (`stripe.params.ProductCreateParams`): the same for the same words."""
    return {"id": product_id(order), "name": order.title, "statement_descriptor": order.statement}


def product_id(order: Order) -> str:
    """Its id, made from its words: whoever asks for them again finds it."""
    words = f"{order.title}\n{order.statement}"
    return f"support_{hashlib.sha256(words.encode()).hexdigest()[:24]}"
