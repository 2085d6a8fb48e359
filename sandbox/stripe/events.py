"""The list of events: newest first, kept 30 days (docs.stripe.com/api/events)."""

import fnmatch
from collections.abc import Mapping
from typing import Final

from sandbox.stripe.core import Stripe
from sandbox.stripe.lists import page
from sandbox.stripe.wire import JsonDict, malformed, missing

MOST_TYPES: Final = 20


def every(stripe: Stripe, _names: Mapping[str, str], given: JsonDict) -> JsonDict:
    """List events of `type` (with `*`) or of up to twenty `types`."""
    wanted = given.get("types", [given["type"]] if "type" in given else ["*"])
    if "type" in given and "types" in given:
        raise malformed("You may only specify one of these parameters: type, types.", param="types")
    if len(wanted) > MOST_TYPES:
        raise malformed(f"You can pass up to {MOST_TYPES} types.", param="types")
    oldest = _oldest(stripe)

    def fits(event: JsonDict) -> bool:
        return event["created"] > oldest and any(fnmatch.fnmatchcase(event["type"], type_) for type_ in wanted)

    return page(stripe, "event", given, "/v1/events", fits)


def one(stripe: Stripe, names: Mapping[str, str], _given: JsonDict) -> JsonDict:
    """Retrieve an event; one older than 30 days is gone."""
    event = stripe.get("event", names["id"])
    if event["created"] <= _oldest(stripe):
        raise missing("event", names["id"])
    return event


def _oldest(stripe: Stripe) -> float:
    return stripe.now() - stripe.terms.events_kept.total_seconds()
