"""The endpoints that the stand-in plays, one line each."""

from collections.abc import Mapping
from typing import Final

import stripe.params as typed
from stripe.params import checkout as typed_checkout

from sandbox.stripe import (
    books,
    disputes,
    events,
    hooks,
    invoices,
    prices,
    refunds,
    sessions,
    subscriptions,
    transfers,
)
from sandbox.stripe.core import Stripe
from sandbox.stripe.endpoint import PAGING, Endpoint, Run, every, labelled, one
from sandbox.stripe.lists import limit_of, listed, page
from sandbox.stripe.wire import JsonDict, invalid

SESSIONS: Final = "/v1/checkout/sessions"
_SESSION: Final = frozenset(
    {
        "mode", "line_items", "success_url", "cancel_url", "client_reference_id", "customer", "customer_creation",
        "customer_email", "expires_at", "locale", "metadata", "payment_intent_data", "payment_method_types",
        "submit_type", "subscription_data", "ui_mode", "adaptive_pricing",
    }
)  # fmt: skip
_ENDING: Final = frozenset({"cancel_at_period_end", "description", "metadata"})


def find(verb: str, path: str) -> tuple[Endpoint, Mapping[str, str]] | None:
    """Return the endpoint of a call and the names in its path."""
    for endpoint in ENDPOINTS:
        names = endpoint.match(verb, path)
        if names is not None:
            return endpoint, names
    return None


def include_all(stripe: Stripe) -> None:
    """Teach the stand-in what its objects hold only when asked."""
    stripe.included["checkout.session", "line_items"] = lambda session: _items(stripe, session)
    stripe.included["invoice", "payments"] = lambda invoice: listed(
        invoices.payments_of(stripe, invoice), f"/v1/invoice_payments?invoice={invoice['id']}"
    )
    stripe.included["charge", "refunds"] = lambda charge: listed(
        [refund for refund in stripe.table("refund").older_than(None) if refund["charge"] == charge["id"]],
        f"/v1/charges/{charge['id']}/refunds",
    )


def _items(stripe: Stripe, session: JsonDict) -> JsonDict:
    return listed(sessions.items_of(stripe, session), f"{SESSIONS}/{session['id']}/line_items")


def _create_session(stripe: Stripe, _names: Mapping[str, str], given: JsonDict) -> JsonDict:
    return sessions.create(stripe, given)


def _create_product(stripe: Stripe, _names: Mapping[str, str], given: JsonDict) -> JsonDict:
    return prices.create_product(stripe, given)


def _expire_session(stripe: Stripe, names: Mapping[str, str], _given: JsonDict) -> JsonDict:
    return sessions.expire(stripe, stripe.get("checkout.session", names["id"]))


def _list_items(stripe: Stripe, names: Mapping[str, str], given: JsonDict) -> JsonDict:
    whole = _items(stripe, stripe.get("checkout.session", names["id"]))
    limit = limit_of(given)
    return whole | {"data": whole["data"][:limit], "has_more": len(whole["data"]) > limit}


def _create_refund(stripe: Stripe, _names: Mapping[str, str], given: JsonDict) -> JsonDict:
    return refunds.create(stripe, given)


def _update_subscription(stripe: Stripe, names: Mapping[str, str], given: JsonDict) -> JsonDict:
    return subscriptions.update(stripe, stripe.get("subscription", names["id"]), given)


def _cancel_subscription(stripe: Stripe, names: Mapping[str, str], given: JsonDict) -> JsonDict:
    subscription = stripe.get("subscription", names["id"])
    details = given.get("cancellation_details") or {}
    return subscriptions.cancel(stripe, subscription, details, "cancellation_requested")


def _lose_dispute(stripe: Stripe, names: Mapping[str, str], _given: JsonDict) -> JsonDict:
    dispute = stripe.get("dispute", names["id"])
    if dispute["status"] not in disputes.OPEN:
        raise invalid("This dispute is already closed.")
    return disputes.close(stripe, dispute, won=False)


def _create_transfer(stripe: Stripe, _names: Mapping[str, str], given: JsonDict) -> JsonDict:
    return transfers.create(stripe, given)


def _reverse_transfer(stripe: Stripe, names: Mapping[str, str], given: JsonDict) -> JsonDict:
    return transfers.reverse(stripe, stripe.get("transfer", names["id"]), given)


def _list_reversals(stripe: Stripe, names: Mapping[str, str], given: JsonDict) -> JsonDict:
    transfer = stripe.get("transfer", names["id"])
    url = transfer["reversals"]["url"]
    return page(stripe, "transfer_reversal", given, url, lambda body: body["transfer"] == transfer["id"])


def _own_account(stripe: Stripe, _names: Mapping[str, str], _given: JsonDict) -> JsonDict:
    return transfers.own_account(stripe)


def _balance(stripe: Stripe, _names: Mapping[str, str], _given: JsonDict) -> JsonDict:
    return books.balance(stripe)


def _act(verb: str, path: str, params: type, resource: str, run: Run, *plays: str) -> Endpoint:
    return Endpoint(verb, path, params, resource, "read" if verb == "GET" else "write", run, frozenset(plays))


_CHECKOUT: Final = (
    _act("POST", SESSIONS, typed_checkout.SessionCreateParams, "checkout_session", _create_session, *_SESSION),
    every(
        SESSIONS, "checkout.session", typed_checkout.SessionListParams, "checkout_session",
        payment_intent="payment_intent", customer="customer", subscription="subscription", status="status",
    ),
    one(SESSIONS, "checkout.session", typed_checkout.SessionRetrieveParams, "checkout_session"),
    labelled(SESSIONS, "checkout.session", typed_checkout.SessionUpdateParams, "checkout_session"),
    _act(
        "POST", f"{SESSIONS}/{{id}}/expire", typed_checkout.SessionExpireParams, "checkout_session",
        _expire_session,
    ),
    _act(
        "GET", f"{SESSIONS}/{{id}}/line_items", typed_checkout.SessionListLineItemsParams, "checkout_session",
        _list_items, "limit",
    ),
)  # fmt: skip

_PAYMENTS: Final = (
    _act("POST", "/v1/products", typed.ProductCreateParams, "product", _create_product,
         "id", "name", "statement_descriptor", "description", "metadata", "images"),
    one("/v1/products", "product", typed.ProductRetrieveParams, "product"),
    every(
        "/v1/payment_intents", "payment_intent", typed.PaymentIntentListParams, "payment_intent",
        customer="customer",
    ),
    one("/v1/payment_intents", "payment_intent", typed.PaymentIntentRetrieveParams, "payment_intent"),
    every(
        "/v1/charges", "charge", typed.ChargeListParams, "charge",
        payment_intent="payment_intent", customer="customer", transfer_group="transfer_group",
    ),
    one("/v1/charges", "charge", typed.ChargeRetrieveParams, "charge"),
    labelled("/v1/charges", "charge", typed.ChargeUpdateParams, "charge"),
    one("/v1/payment_methods", "payment_method", typed.PaymentMethodRetrieveParams, "payment_method"),
    _act("POST", "/v1/refunds", typed.RefundCreateParams, "refund", _create_refund,
         "amount", "charge", "payment_intent", "metadata", "reason"),
    every(
        "/v1/refunds", "refund", typed.RefundListParams, "refund", charge="charge", payment_intent="payment_intent"
    ),
    one("/v1/refunds", "refund", typed.RefundRetrieveParams, "refund"),
    labelled("/v1/refunds", "refund", typed.RefundUpdateParams, "refund"),
    every(
        "/v1/disputes", "dispute", typed.DisputeListParams, "dispute",
        charge="charge", payment_intent="payment_intent",
    ),
    one("/v1/disputes", "dispute", typed.DisputeRetrieveParams, "dispute"),
    _act("POST", "/v1/disputes/{id}/close", typed.DisputeCloseParams, "dispute", _lose_dispute),
)  # fmt: skip

_BILLING: Final = (
    every("/v1/customers", "customer", typed.CustomerListParams, "customer", email="email"),
    one("/v1/customers", "customer", typed.CustomerRetrieveParams, "customer"),
    every(
        "/v1/subscriptions", "subscription", typed.SubscriptionListParams, "subscription",
        customer="customer", status="status",
    ),
    one("/v1/subscriptions", "subscription", typed.SubscriptionRetrieveParams, "subscription"),
    _act("POST", "/v1/subscriptions/{id}", typed.SubscriptionUpdateParams, "subscription", _update_subscription,
         *_ENDING),
    _act("DELETE", "/v1/subscriptions/{id}", typed.SubscriptionCancelParams, "subscription", _cancel_subscription,
         "cancellation_details"),
    every(
        "/v1/invoices", "invoice", typed.InvoiceListParams, "invoice",
        customer="customer", status="status", subscription="parent.subscription_details.subscription",
    ),
    one("/v1/invoices", "invoice", typed.InvoiceRetrieveParams, "invoice"),
    every(
        "/v1/invoice_payments", "invoice_payment", typed.InvoicePaymentListParams, "invoice",
        invoice="invoice", payment="payment", status="status",
    ),
    one("/v1/invoice_payments", "invoice_payment", typed.InvoicePaymentRetrieveParams, "invoice"),
)  # fmt: skip

_MONEY: Final = (
    _act("GET", "/v1/balance", typed.BalanceRetrieveParams, "balance", _balance),
    every(
        "/v1/balance_transactions", "balance_transaction", typed.BalanceTransactionListParams, "balance",
        source="source", type="type", currency="currency",
    ),
    one("/v1/balance_transactions", "balance_transaction", typed.BalanceTransactionRetrieveParams, "balance"),
    _act("POST", "/v1/transfers", typed.TransferCreateParams, "transfer", _create_transfer,
         "amount", "currency", "destination", "description", "metadata", "transfer_group"),
    every(
        "/v1/transfers", "transfer", typed.TransferListParams, "transfer",
        destination="destination", transfer_group="transfer_group",
    ),
    one("/v1/transfers", "transfer", typed.TransferRetrieveParams, "transfer"),
    labelled("/v1/transfers", "transfer", typed.TransferUpdateParams, "transfer"),
    _act("POST", "/v1/transfers/{id}/reversals", typed.TransferReversalCreateParams, "transfer", _reverse_transfer,
         "amount", "metadata"),
    _act("GET", "/v1/transfers/{id}/reversals", typed.TransferReversalListParams, "transfer", _list_reversals,
         "limit", "starting_after", "ending_before"),
    _act("GET", "/v1/account", typed.AccountRetrieveCurrentParams, "account", _own_account),
    every("/v1/accounts", "account", typed.AccountListParams, "account"),
    one("/v1/accounts", "account", typed.AccountRetrieveParams, "account"),
)  # fmt: skip

_EVENTS: Final = (
    _act("GET", "/v1/events", typed.EventListParams, "event", events.every, "type", "types", *PAGING),
    _act("GET", "/v1/events/{id}", typed.EventRetrieveParams, "event", events.one),
    _act("POST", "/v1/webhook_endpoints", typed.WebhookEndpointCreateParams, "webhook", hooks.create,
         "url", "enabled_events", "description", "metadata", "api_version"),
    every("/v1/webhook_endpoints", "webhook_endpoint", typed.WebhookEndpointListParams, "webhook"),
    one("/v1/webhook_endpoints", "webhook_endpoint", typed.WebhookEndpointRetrieveParams, "webhook"),
    _act("POST", "/v1/webhook_endpoints/{id}", typed.WebhookEndpointUpdateParams, "webhook", hooks.update,
         "url", "enabled_events", "description", "metadata", "disabled"),
    _act("DELETE", "/v1/webhook_endpoints/{id}", typed.WebhookEndpointDeleteParams, "webhook", hooks.delete),
)  # fmt: skip

ENDPOINTS: Final = (*_CHECKOUT, *_PAYMENTS, *_BILLING, *_MONEY, *_EVENTS)
