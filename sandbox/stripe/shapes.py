"""The shape of Stripe's objects, read from stripe-python's resource classes.

An object that the stand-in makes gets every optional field of its class as null, as Stripe's answers have, and
must come with every other one: a field that a new version of the library adds is noticed at once. Which fields may
be expanded is told by the same annotations.
"""

import functools
import typing
from typing import Final

import stripe
from stripe import checkout

from sandbox.stripe.wire import JsonDict

CLASSES: Final[dict[str, type]] = {
    "account": stripe.Account,
    "balance": stripe.Balance,
    "balance_transaction": stripe.BalanceTransaction,
    "charge": stripe.Charge,
    "checkout.session": checkout.Session,
    "customer": stripe.Customer,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "invoice": stripe.Invoice,
    "invoice_payment": stripe.InvoicePayment,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "price": stripe.Price,
    "product": stripe.Product,
    "refund": stripe.Refund,
    "subscription": stripe.Subscription,
    "subscription_item": stripe.SubscriptionItem,
    "transfer": stripe.Transfer,
    "transfer_reversal": stripe.TransferReversal,
    "webhook_endpoint": stripe.WebhookEndpoint,
}
"""Resource classes by the `object` field."""

INCLUDED: Final[dict[str, frozenset[str]]] = {
    "charge": frozenset({"refunds"}),
    "checkout.session": frozenset({"line_items"}),
    "customer": frozenset({"sources", "subscriptions", "tax", "tax_ids", "cash_balance", "deleted"}),
    "invoice": frozenset({"payments", "deleted"}),
}
"""Fields that come only when they are asked for by `expand[]`, with a right of their own."""

_ABSENT: Final[dict[str, frozenset[str]]] = {
    "event": frozenset({"account", "context"}),
    "price": frozenset({"currency_options", "tiers", "deleted"}),
    "product": frozenset({"deleted"}),
    "subscription_item": frozenset({"deleted"}),
    "webhook_endpoint": frozenset({"secret", "deleted"}),
    "account": frozenset({"deleted"}),
}


@functools.cache
def _fields(kind: str) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The names of the required, the optional and the expandable fields."""
    required: set[str] = set()
    optional: set[str] = set()
    expandable: set[str] = set()
    for name, hint in CLASSES[kind].__annotations__.items():
        origin: object = typing.get_origin(hint)
        if origin is typing.ClassVar:
            continue
        parts = typing.get_args(hint) if origin is typing.Union else (hint,)
        (optional if type(None) in parts else required).add(name)
        if str in parts and any(isinstance(part, typing.ForwardRef) for part in parts):
            expandable.add(name)
    return frozenset(required), frozenset(optional), frozenset(expandable)


def complete(kind: str, body: JsonDict) -> JsonDict:
    """Return `body` with every field that Stripe sends; raises `TypeError` for one that is missing or unknown."""
    required, optional, _ = _fields(kind)
    whole = {"object": kind} | body
    if wrong := (required - whole.keys()) | (whole.keys() - required - optional):
        raise TypeError(f"{kind}: {sorted(wrong)}")
    left_out = INCLUDED.get(kind, frozenset()) | _ABSENT.get(kind, frozenset())
    nulls = {name: None for name in sorted(optional - left_out) if name not in whole}
    return {"id": whole["id"], "object": kind} | whole | nulls if "id" in whole else whole | nulls


def expandable(kind: str, name: str) -> bool:
    """Whether `name` of an object of this kind holds an id that `expand[]` turns into the object."""
    return kind in CLASSES and name in _fields(kind)[2]
