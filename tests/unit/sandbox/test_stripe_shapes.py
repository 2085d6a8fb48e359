"""Every object that the stand-in makes has the shape of stripe-python's class for it, all the way down."""

import types
import typing
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import stripe
from stripe import ListObject, StripeClient, StripeObject
from stripe._stripe_object import UntypedStripeObject
from stripe.params import WebhookEndpointCreateParams

from sandbox.stripe.client import DECLINED_CARD, FAILING_IBAN, GOOD_IBAN, MONTH, Bank, Declined
from sandbox.stripe.server import StripeServer
from sandbox.stripe.shapes import CLASSES, complete
from sandbox.stripe.validate import signature
from tests.stripe_town import Hook, gift, monthly


def _faults(hint: Any, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - a type and JSON
    """Where `value` does not fit the annotation `hint`."""
    origin = typing.get_origin(hint) or hint
    if origin in {typing.Union, types.UnionType}:
        found = [list(_faults(part, value, path)) for part in typing.get_args(hint)]
        yield from min(found, key=len)
    elif isinstance(hint, str | typing.ForwardRef):
        name = hint if isinstance(hint, str) else hint.__forward_arg__
        yield from _faults(getattr(stripe, name, None), value, path)
    elif origin is typing.Literal:
        yield from [] if value in typing.get_args(hint) else [f"{path}: {value!r}"]
    elif origin is ListObject or origin is list:
        yield from _list_faults(hint, value, path)
    elif isinstance(origin, type) and issubclass(origin, StripeObject):
        yield from _object_faults(origin, value, path)
    else:
        yield from _leaf_faults(hint, value, path)


def _list_faults(hint: Any, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - a type and JSON
    whole = typing.get_origin(hint) is ListObject
    if whole and not (isinstance(value, dict) and value.keys() == {"object", "data", "has_more", "url"}):
        yield f"{path}: no list object"
        return
    if not whole and not isinstance(value, list):
        yield f"{path}: no list"
        return
    for item in value["data"] if whole else value:
        yield from _faults(typing.get_args(hint)[0], item, f"{path}[]")


def _object_faults(cls: type, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - JSON
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no {cls.__name__}"
        return
    if cls is UntypedStripeObject:
        return
    everything: dict[str, object] = cls.__annotations__
    hints = {name: hint for name, hint in everything.items() if "ClassVar" not in str(hint)}
    for name in value.keys() - hints.keys():
        yield f"{path}.{name}: unknown"
    for name, hint in hints.items():
        if name in value:
            yield from _faults(hint, value[name], f"{path}.{name}")
        elif type(None) not in typing.get_args(hint):
            yield f"{path}.{name}: missing"


def _leaf_faults(hint: Any, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - JSON
    # The library names some classes that it does not have; nothing fits them.
    wanted = {None: (), Decimal: str, float: float | int}.get(hint, hint)
    if wanted is not Any and (not isinstance(value, wanted) or (wanted is int and isinstance(value, bool))):
        yield f"{path}: {value!r} is no {hint}"


async def _live(api: StripeClient, bank: Bank, hook: Hook) -> None:
    """Let everything happen that can."""
    await bank.endpoint(hook.url)
    for currency, number in (
        ("eur", "4242424242424242"),
        ("usd", "4000000000000259"),
        ("jpy", "4000000000005126"),
    ):
        session = await api.v1.checkout.sessions.create_async(gift(1000, currency))
        with pytest.raises(Declined):
            await bank.pay(str(session.url), DECLINED_CARD)
        await bank.pay(str(session.url), number)
    for charge in await bank.objects("charge"):
        if charge["status"] == "succeeded" and not charge["disputed"]:
            await api.v1.refunds.create_async({"charge": charge["id"], "amount": 300})
    await bank.advance(timedelta(seconds=2))
    for dispute in await bank.objects("dispute"):
        await bank.decide(dispute["id"], won=True)
    for iban in (GOOD_IBAN, FAILING_IBAN):
        session = await api.v1.checkout.sessions.create_async(monthly(1000))
        await bank.pay(str(session.url), iban=iban)
    session = await api.v1.checkout.sessions.create_async(monthly(1000))
    await bank.pay(str(session.url), "4000000000000341")
    await api.v1.checkout.sessions.create_async(gift(1000))
    await bank.top_up(1000_00)
    wanted: Any = {"amount": 500, "currency": "eur", "destination": await bank.connect()}
    transfer = await api.v1.transfers.create_async(wanted)
    await api.v1.transfers.reversals.create_async(transfer.id, {"amount": 100})
    await api.v1.accounts.retrieve_current_async()
    await bank.advance(MONTH)
    await bank.advance(MONTH)


async def test_every_object_and_event_fits(
    stripe_api: StripeClient, stripe_server: StripeServer, bank: Bank, hook: Hook
) -> None:
    """After all that can happen, all objects, and the objects in all events, fit; every kind was there."""
    await _live(stripe_api, bank, hook)
    wrong, seen = set[str](), set[str]()
    for kind, table in stripe_server.stripe.tables.items():
        for body in table:
            seen.add(kind)
            wrong |= set(_faults(CLASSES[kind], body, kind))
            if kind == "event":
                inner = body["data"]["object"]
                wrong |= set(_faults(CLASSES[inner["object"]], inner, body["type"]))
    assert wrong == set()
    assert seen == CLASSES.keys() - {"balance"}
    balance = await stripe_api.v1.balance.retrieve_async()
    assert list(_faults(stripe.Balance, balance.to_dict(), "balance")) == []


async def test_every_type_of_event_is_stripes(
    stripe_api: StripeClient, stripe_server: StripeServer, bank: Bank, hook: Hook
) -> None:
    """No event has a type that an endpoint could not ask for."""
    await _live(stripe_api, bank, hook)
    [known] = typing.get_args(signature(WebhookEndpointCreateParams).types["enabled_events"])
    types_seen = {event["type"] for event in stripe_server.stripe.table("event")}
    assert types_seen <= set(typing.get_args(known))
    assert len(types_seen) > 30


def test_a_missing_or_unknown_field_is_noticed() -> None:
    """An object cannot be made without a field that Stripe always sends, nor with one that it does not know."""
    with pytest.raises(TypeError, match="amount"):
        complete("refund", {"id": "re_1"})
    with pytest.raises(TypeError, match="colour"):
        complete("balance", {"available": [], "livemode": False, "pending": [], "colour": "red"})
