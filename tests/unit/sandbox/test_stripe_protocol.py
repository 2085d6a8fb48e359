"""The protocol: keys, version, addresses, forms, pages, expansion, idempotency, as stripe-python meets them."""

import asyncio
import base64
import contextlib
import string
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe import AuthenticationError, IdempotencyError, InvalidRequestError, StripeClient, StripeError
from stripe import PermissionError as NoRight
from stripe._encode import _api_encode

from sandbox.stripe import wire
from sandbox.stripe.client import Bank
from sandbox.stripe.forms import decode
from sandbox.stripe.keys import Right
from sandbox.stripe.server import StripeServer
from tests.stripe_town import connect, gift, monthly

NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=8)
LEAVES = st.text(min_size=1, max_size=20) | st.integers()
TREES = st.dictionaries(
    NAMES,
    st.booleans()
    | st.recursive(
        LEAVES,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3) | st.dictionaries(NAMES, inner, min_size=1, max_size=3)
        ),
        max_leaves=12,
    ),
    max_size=5,
)


def _texts(value: Any) -> Any:  # noqa: ANN401 - a tree
    if isinstance(value, dict):
        return {name: _texts(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_texts(part) for part in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


@given(TREES)
def test_forms_come_back(tree: dict[str, object]) -> None:
    """Whatever stripe-python encodes is decoded to the same tree of texts."""
    assert decode(urlencode(list(_api_encode(tree)))) == _texts(tree)


@given(st.text(max_size=60))
def test_any_form_is_read_or_refused(text: str) -> None:
    """No form, however broken, does anything but be read or be refused as Stripe does."""
    with contextlib.suppress(wire.StripeError):
        assert isinstance(decode(text), dict)


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ({}, "/v1/events", 401),
        ({"Authorization": "Bearer sk_test_wrong"}, "/v1/events", 401),
        ({"Authorization": "Bearer {key}", "Stripe-Version": "2020-08-27"}, "/v1/events", 400),
        ({"Authorization": "Bearer {key}", "Stripe-Account": "acct_1"}, "/v1/events", 400),
        ({"Authorization": "Bearer {key}"}, "/v1/nothing", 404),
        ({"Authorization": "Bearer {key}"}, "/v1/events/evt_none", 404),
        ({"Authorization": "Bearer {key}"}, "/v1/events?a[b]=1&a=2", 400),
        ({"Authorization": "Bearer {key}"}, "/v1/events?limit=0", 400),
        ({"Authorization": "Bearer {key}"}, "/v1/events?limit=101", 400),
        ({"Authorization": "Bearer {key}"}, "/v1/events?starting_after=evt_none", 400),
        ({"Authorization": "Bearer {key}"}, "/v1/events?created[gte]=soon", 400),
        ({"Authorization": "Bearer {key}"}, "/v1/events?type=a&types[]=b", 400),
        ({"Authorization": "Bearer {key}"}, "/v1/events?delivery_success=true", 400),
        ({"Authorization": "Bearer {key}"}, "/v1/events?expand[]=data.nothing", 200),
        ({"Authorization": "Bearer {key}"}, "/v1/balance?expand[]=available", 400),
        ({"Authorization": "Bearer {key}"}, "/v1/events?expand[]=data.a.b.c.d.e", 400),
    ],
)
async def test_bare_calls(stripe_server: StripeServer, headers: dict[str, str], path: str, status: int) -> None:
    """Each refusal has Stripe's shape, its status and the number of its request."""
    given_headers = {name: value.format(key=stripe_server.key) for name, value in headers.items()}
    async with (
        aiohttp.ClientSession() as session,
        session.get(stripe_server.url + path, headers=given_headers) as answer,
    ):
        body = await answer.json()
        assert answer.status == status
        assert answer.headers["Request-Id"].startswith("req_")
        if status != 200:
            assert {"message", "type"} <= body["error"].keys()


async def test_a_secret_key_may_come_as_a_user_name(stripe_server: StripeServer) -> None:
    """As in Stripe's own examples with curl; what is no key is none."""
    basic = base64.b64encode(f"{stripe_server.key}:".encode()).decode()
    async with aiohttp.ClientSession() as session:
        for header, status in ((f"Basic {basic}", 200), ("Basic !", 401), ("Digest x", 401)):
            async with session.get(f"{stripe_server.url}/v1/balance", headers={"Authorization": header}) as answer:
                assert answer.status == status


async def test_wrong_keys(stripe_server: StripeServer) -> None:
    """stripe-python tells a wrong key as what it is."""
    with pytest.raises(AuthenticationError):
        await connect(stripe_server, "sk_test_wrong").v1.balance.retrieve_async()


async def test_restricted_keys(stripe_server: StripeServer, bank: Bank) -> None:
    """A restricted key does what it may, and is told which right is missing, also for what it would expand."""
    rights: dict[str, Right] = {"checkout_session": "write", "event": "read"}
    key = await bank.restricted_key(rights)
    assert key.startswith("rk_test_")
    api = connect(stripe_server, key)
    session = await api.v1.checkout.sessions.create_async(gift(500))
    await bank.pay(str(session.url))
    assert (await api.v1.events.list_async()).data
    with pytest.raises(NoRight, match="rak_refund_write"):
        await api.v1.refunds.create_async({"payment_intent": "pi_1"})
    with pytest.raises(NoRight, match="rak_payment_intent_read"):
        await api.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["payment_intent"]})
    with pytest.raises(NoRight, match="rak_balance_read"):
        await api.v1.balance.retrieve_async()


async def test_pages(stripe_api: StripeClient) -> None:
    """Pages go from the newest to the oldest and back, without gap or repeat, and say whether there is more."""
    made = [(await stripe_api.v1.checkout.sessions.create_async(gift(500))).id for _ in range(7)]
    newest_first = list(reversed(made))
    page = await stripe_api.v1.checkout.sessions.list_async({"limit": 3})
    assert ([one.id for one in page.data], page.has_more) == (newest_first[:3], True)
    walked = [one.id async for one in page.auto_paging_iter()]
    assert walked == newest_first
    last = await stripe_api.v1.checkout.sessions.list_async({"limit": 3, "starting_after": newest_first[5]})
    assert ([one.id for one in last.data], last.has_more) == (newest_first[6:], False)
    back = await stripe_api.v1.checkout.sessions.list_async({"limit": 3, "ending_before": newest_first[5]})
    assert ([one.id for one in back.data], back.has_more) == (newest_first[2:5], True)
    with pytest.raises(InvalidRequestError, match="only pass one"):
        await stripe_api.v1.checkout.sessions.list_async({"starting_after": made[0], "ending_before": made[1]})


async def test_intervals_and_filters(stripe_api: StripeClient, bank: Bank) -> None:
    """Lists are filtered by time and by fields."""
    old = await stripe_api.v1.checkout.sessions.create_async(gift(500))
    await bank.advance(timedelta(hours=1))
    new = await stripe_api.v1.checkout.sessions.create_async(gift(500))
    await bank.pay(str(new.url))
    sessions = stripe_api.v1.checkout.sessions
    assert [one.id for one in (await sessions.list_async({"status": "open"})).data] == [old.id]
    assert [one.id for one in (await sessions.list_async({"created": {"gt": old.created}})).data] == [new.id]
    assert [one.id for one in (await sessions.list_async({"created": {"lte": old.created}})).data] == [old.id]
    assert [one.id for one in (await sessions.list_async({"created": new.created})).data] == [new.id]


async def test_expansion(stripe_api: StripeClient, bank: Bank) -> None:
    """Ids become objects four levels deep; what is no reference is refused."""
    session = await stripe_api.v1.checkout.sessions.create_async(monthly(500))
    await bank.pay(str(session.url))
    whole: Any = await stripe_api.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["subscription.latest_invoice.payments.data", "customer", "subscription"]}
    )
    assert whole.customer.email == "donor@example.org"
    assert whole.subscription.latest_invoice.payments.data[0].payment.type == "payment_intent"
    with pytest.raises(InvalidRequestError, match="more than 4 levels"):
        await stripe_api.v1.checkout.sessions.retrieve_async(
            session.id, {"expand": ["subscription.latest_invoice.payments.data.invoice"]}
        )
    for wrong in ("metadata", "nothing", "data.id"):
        with pytest.raises(InvalidRequestError, match="cannot be expanded"):
            await stripe_api.v1.checkout.sessions.retrieve_async(session.id, {"expand": [wrong]})


async def test_metadata_is_changed_key_by_key(stripe_api: StripeClient) -> None:
    """A key is set, changed, and removed by an empty value."""
    session = await stripe_api.v1.checkout.sessions.create_async(gift(500))
    changed = await stripe_api.v1.checkout.sessions.update_async(session.id, {"metadata": {"gift": "", "b": "2"}})
    assert changed.metadata
    assert changed.metadata.to_dict() == {"b": "2"}


async def test_a_key_replays_its_answer(stripe_api: StripeClient, bank: Bank) -> None:
    """The same key and parameters give the same answer and do nothing new; after a day the key is forgotten."""
    sessions = stripe_api.v1.checkout.sessions
    first = await sessions.create_async(gift(500), {"idempotency_key": "k1"})
    again = await sessions.create_async(gift(500), {"idempotency_key": "k1"})
    assert again.id == first.id
    assert again.last_response
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(await bank.objects("checkout.session")) == 1
    await bank.advance(timedelta(hours=24))
    assert (await sessions.create_async(gift(500), {"idempotency_key": "k1"})).id != first.id


async def test_a_key_is_bound_to_its_parameters(stripe_api: StripeClient) -> None:
    """Other parameters, or another address, with a used key are an idempotency error."""
    sessions = stripe_api.v1.checkout.sessions
    await sessions.create_async(gift(500), {"idempotency_key": "k1"})
    with pytest.raises(IdempotencyError):
        await sessions.create_async(gift(501), {"idempotency_key": "k1"})
    with pytest.raises(IdempotencyError):
        await stripe_api.v1.refunds.create_async({"charge": "ch_1"}, {"idempotency_key": "k1"})
    with pytest.raises(InvalidRequestError, match="255"):
        await sessions.create_async(gift(500), {"idempotency_key": "k" * 256})


async def test_which_refusals_a_key_keeps(stripe_api: StripeClient, bank: Bank) -> None:
    """A refusal of the endpoint is replayed though it would succeed now; one of malformed parameters is not."""
    partner = await bank.connect()
    transfers = stripe_api.v1.transfers
    for _ in range(2):
        with pytest.raises(InvalidRequestError) as refused:
            await transfers.create_async(
                {"amount": 100, "currency": "eur", "destination": partner}, {"idempotency_key": "k1"}
            )
        assert refused.value.code == "balance_insufficient"
        await bank.top_up(1000)
    wrong: Any = {"amount": "x", "currency": "eur", "destination": partner}
    with pytest.raises(InvalidRequestError):
        await transfers.create_async(wrong, {"idempotency_key": "k2"})
    assert await transfers.create_async(wrong | {"amount": 100}, {"idempotency_key": "k2"})


async def test_two_at_once_conflict(stripe_api: StripeClient, bank: Bank) -> None:
    """While the first call of a key is being answered, a second is told to wait; afterwards it is replayed."""
    sessions = stripe_api.v1.checkout.sessions
    await bank.fault("slow", "/v1/checkout/sessions", seconds=0.3)
    first = asyncio.create_task(sessions.create_async(gift(500), {"idempotency_key": "k1"}))
    while not await bank.calls("/v1/checkout"):
        pass
    with pytest.raises(StripeError) as conflict:
        await sessions.create_async(gift(500), {"idempotency_key": "k1"})
    assert conflict.value.http_status == 409
    assert "idempotency_key_in_use" in str(conflict.value.http_body)
    made = await first
    assert (await sessions.create_async(gift(500), {"idempotency_key": "k1"})).id == made.id
