"""Parameters of a call, checked against stripe-python's typed parameters (`stripe.params`).

A TypedDict is read once into a `Signature`. Strings of the form become integers, booleans, lists and objects as
the type says; an unknown parameter, at any depth, is refused as `parameter_unknown`. stripe-python leaves
enumerations open (`Literal[...]|str`) so that old libraries read new values; Stripe itself refuses values that it
does not know, and so does this.
"""

import functools
import re
import sys
import types
import typing
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import typing_extensions
from stripe._request_options import RequestOptions
from stripe._stripe_object import UntypedStripeObject

from sandbox.stripe.wire import JsonDict, StripeError, malformed

_INTEGER: Final = re.compile(r"-?\d{1,18}\Z", re.ASCII)
_BOOLEANS: Final = {"true": True, "false": False}
_OPTIONS: Final = frozenset(RequestOptions.__annotations__)
_UNIONS: Final = (typing.Union, types.UnionType)
_KEY_CHARS, _VALUE_CHARS, _MOST_KEYS = 40, 500, 50


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of one endpoint or of one object inside it: the type of each, and which must be given."""

    types: dict[str, object]
    required: frozenset[str]

    def read(self, given: JsonDict, path: str = "") -> JsonDict:
        """Return the values in their types; raises the 400 refusal that names the parameter."""
        for name in given:
            if name not in self.types:
                where = _inside(path, name)
                raise malformed(f"Received unknown parameter: {where}", param=where, code="parameter_unknown")
        for name in sorted(self.required - given.keys()):
            where = _inside(path, name)
            raise malformed(f"Missing required param: {where}.", param=where, code="parameter_missing")
        return {name: _converted(self.types[name], value, _inside(path, name)) for name, value in given.items()}


@functools.cache
def signature(params: type) -> Signature:
    """Read a TypedDict of `stripe.params`; options of the request (keys, headers) are not parameters."""
    own = {name: kind for name, kind in params.__annotations__.items() if name not in _OPTIONS}
    holder = types.SimpleNamespace(__annotations__=own)
    resolved = typing.get_type_hints(holder, vars(sys.modules[params.__module__]), include_extras=True)
    required: frozenset[str] = getattr(params, "__required_keys__", frozenset())
    return Signature({name: _bare(kind) for name, kind in resolved.items()}, frozenset(required & own.keys()))


def check_metadata(given: JsonDict, path: str) -> JsonDict:
    """Return metadata unchanged; raises for more than 50 keys, a key above 40 or a value above 500 characters."""
    if len(given) > _MOST_KEYS:
        raise malformed(f"Metadata can have up to {_MOST_KEYS} keys.", param=path)
    for key, value in given.items():
        if not isinstance(value, str):
            raise malformed("Metadata values must be strings", param=f"{path}[{key}]")
        if len(key) > _KEY_CHARS or "[" in key or "]" in key:
            raise malformed(f"Metadata keys can be up to {_KEY_CHARS} characters without brackets.", param=path)
        if len(value) > _VALUE_CHARS:
            raise malformed(f"Metadata values can have up to {_VALUE_CHARS} characters.", param=f"{path}[{key}]")
    return given


def _bare(kind: object) -> object:
    while typing.get_origin(kind) in {typing_extensions.NotRequired, typing_extensions.Required}:
        kind = typing.get_args(kind)[0]
    return kind


def _inside(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _converted(kind: Any, value: Any, path: str) -> Any:  # noqa: ANN401 - a type and a decoded value
    origin = typing.get_origin(kind)
    if origin in _UNIONS:
        return _one_of(kind, value, path)
    if origin is typing.Literal:
        return _literal(typing.get_args(kind), value, path)
    if origin is list:
        if not isinstance(value, list):
            raise malformed("Invalid array", param=path)
        inner = typing.get_args(kind)[0]
        return [_converted(inner, item, f"{path}[{number}]") for number, item in enumerate(value)]
    if origin is dict or origin is UntypedStripeObject:
        if not isinstance(value, dict):
            raise malformed("Invalid object", param=path)
        return check_metadata(value, path)
    if typing_extensions.is_typeddict(kind):
        if not isinstance(value, dict):
            raise malformed("Invalid object", param=path)
        return signature(kind).read(value, path)
    return _scalar(kind, value, path)


def _one_of(kind: object, value: object, path: str) -> object:
    options = typing.get_args(kind)
    closed = [option for option in options if typing.get_origin(option) is typing.Literal]
    # Literal[...]|str is an open enumeration of the library, not a free text.
    named = any(typing.get_args(option) != ("",) for option in closed)
    open_enumeration = named and len(options) == len(closed) + 1 and str in options
    refusal: StripeError | None = None
    for option in closed if open_enumeration else options:
        try:
            return _converted(option, value, path)
        except StripeError as error:
            refusal = refusal if refusal and not _nearer(option, value) else error
    if refusal is None:
        raise malformed("Invalid value", param=path)
    raise refusal


def _nearer(option: object, value: object) -> bool:
    return typing_extensions.is_typeddict(option) and isinstance(value, dict)


def _literal(options: tuple[object, ...], value: object, path: str) -> object:
    if value in options:
        return value
    wanted = ", ".join(str(option) for option in options)
    raise malformed(f"Invalid {path}: must be one of {wanted}", param=path)


def _scalar(kind: object, value: object, path: str) -> object:
    if not isinstance(value, str):
        raise malformed("Invalid string: an object or array was given", param=path)
    if kind is str:
        return value
    if kind is bool:
        if value not in _BOOLEANS:
            raise malformed(f"Invalid boolean: {value}", param=path)
        return _BOOLEANS[value]
    if kind is int:
        if not _INTEGER.match(value):
            raise malformed(f"Invalid integer: {value}", param=path, code="parameter_invalid_integer")
        return int(value)
    try:
        return Decimal(value)
    except InvalidOperation:
        raise malformed(f"Invalid decimal: {value}", param=path) from None
