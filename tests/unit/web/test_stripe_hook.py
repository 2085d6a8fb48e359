"""Stripe's webhook: only what Stripe signed just now is stored, whatever else is sent."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from web.app import LARGEST_BODY, build_app
from web.stripe_hook import SIGNATURE_HEADER, TOLERANCE_SECONDS, StripeHook, is_signed

SECRET = "whsec_of_the_tests"
NOW = 1_800_000_000
BODY = json.dumps({"id": "evt_1", "type": "charge.updated"}).encode()

Client = TestClient[web.Request, web.Application]


@dataclass
class Store:
    """What was handed on, and what was refused."""

    events: list[object] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    async def keep(self, event: object) -> None:
        """Store an event."""
        self.events.append(event)


@pytest.fixture
def store() -> Store:
    """An empty store."""
    return Store()


@pytest.fixture
async def client(store: Store) -> AsyncIterator[Client]:
    """A client of the app with the hook."""
    hook = StripeHook("/stripe", SECRET, store.keep, store.refused.append, lambda: float(NOW))

    async def health() -> dict[str, bool]:
        return {}

    app = build_app(health, lambda: b"", routes=[web.post(hook.path, hook.receive)])
    async with TestClient(TestServer(app)) as made:
        yield made


def signature(body: bytes, made: int = NOW, secret: str = SECRET) -> str:
    """What Stripe signs a body with."""
    return hmac.new(secret.encode(), f"{made}.".encode() + body, hashlib.sha256).hexdigest()


def header(body: bytes = BODY, made: int = NOW, secret: str = SECRET) -> str:
    """Stripe's header over a body."""
    return f"t={made},v1={signature(body, made, secret)}"


async def test_signed_event_is_stored(client: Client, store: Store) -> None:
    """What Stripe signed just now is answered 200 and handed on."""
    answer = await client.post("/stripe", data=BODY, headers={SIGNATURE_HEADER: header()})
    assert answer.status == 200
    assert store.events == [json.loads(BODY)]


@pytest.mark.parametrize(
    ("body", "head"),
    [
        (BODY, ""),
        (BODY, "t=,v1="),
        (BODY, header(secret="whsec_another")),
        (BODY + b" ", header()),
        (BODY[:-1], header()),
        (BODY, header(made=NOW - TOLERANCE_SECONDS - 1)),
        (BODY, header(made=NOW + TOLERANCE_SECONDS + 1)),
        (BODY, header().replace("v1=", "v0=")),
        (BODY, header().replace("t=", "t=1,t=")),
        (BODY, header().replace(str(NOW), f"+{NOW}")),
        (BODY, header().replace(str(NOW), "٣")),
        (BODY, "t=" + "9" * 300 + ",v1=" + "0" * 64),
        (BODY, header() + ",v1=" + "0" * 5000),
    ],
)
async def test_unsigned_event_is_refused(client: Client, store: Store, body: bytes, head: str) -> None:
    """Forged, altered, truncated, old, future: 401, nothing is handed on, the refusal is counted."""
    answer = await client.post("/stripe", data=body, headers={SIGNATURE_HEADER: head})
    assert answer.status == 401
    assert store.events == []
    assert store.refused == [401]


async def test_either_of_two_secrets_of_stripe_is_enough(client: Client, store: Store) -> None:
    """While Stripe changes secrets it signs with both; the order of them says nothing."""
    head = f"t={NOW},v1={signature(BODY, NOW, 'whsec_old')},v1={signature(BODY)}"
    assert (await client.post("/stripe", data=BODY, headers={SIGNATURE_HEADER: head})).status == 200
    assert len(store.events) == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b"[" * 100_000, b'"x"', b"\xff\xfe"])
async def test_signed_nonsense_is_refused(client: Client, store: Store, body: bytes) -> None:
    """What is signed and no JSON object is answered 400, and nothing breaks."""
    answer = await client.post("/stripe", data=body, headers={SIGNATURE_HEADER: header(body)})
    assert answer.status == 400
    assert store.events == []


async def test_body_that_is_too_large_is_refused(client: Client, store: Store) -> None:
    """More than 1 MiB is not read."""
    body = b"x" * (LARGEST_BODY + 1)
    assert (await client.post("/stripe", data=body, headers={SIGNATURE_HEADER: header(body)})).status == 413
    assert store.events == []


@given(st.integers(min_value=-(10**6), max_value=10**6))
def test_tolerance_has_two_sides(skew: int) -> None:
    """A right signature counts within 300 seconds of now on both sides, and at no other time."""
    assert is_signed(BODY, header(made=NOW + skew), SECRET, float(NOW)) == (abs(skew) <= TOLERANCE_SECONDS)


@given(st.text(max_size=200))
def test_no_header_of_a_stranger_is_a_signature(head: str) -> None:
    """Whatever stands in the header, without the secret it is refused, and nothing is raised."""
    assert not is_signed(BODY, head, SECRET, float(NOW))
