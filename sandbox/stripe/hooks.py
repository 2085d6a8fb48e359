"""Webhook endpoints over the API (docs.stripe.com/api/webhook_endpoints)."""

import secrets
from collections.abc import Mapping

from sandbox.stripe.core import API_VERSION, Stripe, new_id
from sandbox.stripe.wire import JsonDict, invalid


def add(stripe: Stripe, url: str, types: list[str], more: JsonDict | None = None) -> JsonDict:
    """Register an endpoint for these types (`*` is all); its secret is in `stripe.memory.secrets`."""
    body: JsonDict = {
        "id": new_id("we"),
        "api_version": API_VERSION,
        "created": stripe.now(),
        "enabled_events": types,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
    }
    endpoint = stripe.add("webhook_endpoint", body | (more or {}))
    stripe.memory.secrets[endpoint["id"]] = "whsec_" + secrets.token_urlsafe(24)
    return endpoint


def create(stripe: Stripe, _names: Mapping[str, str], given: JsonDict) -> JsonDict:
    """Register an endpoint; the answer is the only one that holds its secret."""
    if given.get("api_version", API_VERSION) != API_VERSION:
        raise invalid(f"This stand-in speaks {API_VERSION} only.", param="api_version")
    more = {name: given[name] for name in ("description", "metadata") if given.get(name)}
    endpoint = add(stripe, given["url"], given["enabled_events"], more)
    return endpoint | {"secret": stripe.memory.secrets[endpoint["id"]]}


def update(stripe: Stripe, names: Mapping[str, str], given: JsonDict) -> JsonDict:
    """Change an endpoint, or switch it off and on."""
    endpoint = stripe.get("webhook_endpoint", names["id"])
    endpoint.update({name: value for name, value in given.items() if name != "disabled"})
    if "disabled" in given:
        endpoint["status"] = "disabled" if given["disabled"] else "enabled"
    return endpoint


def delete(stripe: Stripe, names: Mapping[str, str], _given: JsonDict) -> JsonDict:
    """Deliver nothing there any more."""
    endpoint = stripe.get("webhook_endpoint", names["id"])
    stripe.table("webhook_endpoint").remove(endpoint["id"])
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}
