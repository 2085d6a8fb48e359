"""What an endpoint is: verb, path, typed parameters, the right it takes, and what it does.

`plays` are the parameters that have an effect here. Another one that Stripe knows is refused out loud, so that
nobody believes it did something.
"""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.stripe.core import Stripe
from sandbox.stripe.keys import Right
from sandbox.stripe.lists import page
from sandbox.stripe.validate import signature
from sandbox.stripe.wire import JsonDict, malformed

Run = Callable[[Stripe, Mapping[str, str], JsonDict], JsonDict]
PAGING: Final = frozenset({"limit", "starting_after", "ending_before", "created"})
_PLACE: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint; `run` gets the stand-in, the names in the path and the parameters without `expand`."""

    verb: str
    path: str
    params: type
    resource: str
    right: Right
    run: Run
    plays: frozenset[str] = frozenset()

    def match(self, verb: str, path: str) -> Mapping[str, str] | None:
        """Return the names in the path if a call is for this endpoint."""
        if verb != self.verb:
            return None
        found = _pattern(self.path).match(path)
        return found.groupdict() if found else None

    def read(self, given: JsonDict) -> JsonDict:
        """Return the typed parameters; raises the 400 refusals."""
        values = signature(self.params).read(given)
        for name in values:
            if name not in self.plays and name != "expand":
                raise malformed(f"This stand-in does not play the parameter {name}.", param=name)
        return values


@functools.cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_PLACE.sub(r"(?P<\1>[^/]+)", path) + r"\Z")


def every(path: str, kind: str, params: type, resource: str, **filters: str) -> Endpoint:
    """Return the endpoint that lists the objects of a kind; `filters` name the field of each parameter."""
    fields = {parameter: tuple(where.split(".")) for parameter, where in filters.items()}

    def run(stripe: Stripe, _names: Mapping[str, str], given: JsonDict) -> JsonDict:
        asked = [(fields[name], value) for name, value in given.items() if name in fields]
        return page(
            stripe, kind, given, path, lambda body: all(_at(body, where) == value for where, value in asked)
        )

    return Endpoint("GET", path, params, resource, "read", run, PAGING | fields.keys())


def one(path: str, kind: str, params: type, resource: str) -> Endpoint:
    """Return the endpoint that retrieves an object of a kind."""

    def run(stripe: Stripe, names: Mapping[str, str], _given: JsonDict) -> JsonDict:
        return stripe.get(kind, names["id"])

    return Endpoint("GET", f"{path}/{{id}}", params, resource, "read", run)


def labelled(path: str, kind: str, params: type, resource: str) -> Endpoint:
    """Return the endpoint that changes the metadata of an object, key by key; an empty value removes a key."""

    def run(stripe: Stripe, names: Mapping[str, str], given: JsonDict) -> JsonDict:
        body = stripe.get(kind, names["id"])
        if "metadata" in given:
            kept = body["metadata"] | given["metadata"] if given["metadata"] else {}
            body["metadata"] = {key: value for key, value in kept.items() if value}
        return body

    return Endpoint("POST", f"{path}/{{id}}", params, resource, "write", run, frozenset({"metadata"}))


def _at(body: JsonDict, where: tuple[str, ...]) -> Any:  # noqa: ANN401 - a field of an object
    value: Any = body
    for name in where:
        value = value.get(name) if isinstance(value, dict) else None
    return value
