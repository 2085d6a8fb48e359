"""Stripe's form encoding: `a[b][0][c]=v` to nested objects and lists, as its API reads bodies and query strings.

Repeated `a[]=v` append. Every value stays a string: types are the parameters' affair.
"""

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

from sandbox.stripe.wire import JsonDict, malformed

_PATH: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")
_STEP: Final = re.compile(r"\[([^\[\]]*)\]")
_DEEPEST: Final = 12


def decode(text: str) -> JsonDict:
    """Return the nested parameters of an encoded form; raises the 400 refusal for a name that is none."""
    return nested(parse_qsl(text, keep_blank_values=True))


def nested(pairs: Iterable[tuple[str, str]]) -> JsonDict:
    """Return the nested parameters of decoded pairs."""
    root: JsonDict = {}
    for name, value in pairs:
        found = _PATH.match(name)
        steps = [found[1], *_STEP.findall(found[2])] if found else []
        if not 0 < len(steps) <= _DEEPEST:
            raise malformed("Invalid parameter name", param=name)
        _put(root, steps, value, name)
    return {key: _listed(value) for key, value in root.items()}


def _put(root: JsonDict, steps: list[str], value: str, name: str) -> None:
    place = root
    for step in steps[:-1]:
        place = place.setdefault(step, {})
        if not isinstance(place, dict):
            raise malformed(f"Invalid {name}: it is both a value and an object", param=name)
    last = steps[-1] or str(len(place))
    if isinstance(place.get(last), dict):
        raise malformed(f"Invalid {name}: it is both a value and an object", param=name)
    place[last] = value


def _listed(value: Any) -> Any:  # noqa: ANN401 - a decoded tree
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(part) for key, part in value.items()}
    if inner and all(key.isdecimal() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner
