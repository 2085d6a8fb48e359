"""Stripe for a test: the stand-in, everybody but the fund, stripe-python connected to it, and a webhook endpoint.

Import the fixtures you need into your test or conftest and list them in its `__all__`.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from stripe import HTTPXClient, StripeClient
from stripe.params.checkout import SessionCreateParams

from sandbox.clock import TravelClock
from sandbox.stripe.client import Bank
from sandbox.stripe.server import StripeServer


@pytest.fixture
async def stripe_server(clock: TravelClock) -> AsyncIterator[StripeServer]:
    """A running stand-in for Stripe; `key` is its secret key, `url` the address of its API."""
    async with StripeServer(clock=clock) as running:
        yield running


@pytest.fixture
async def bank(stripe_server: StripeServer) -> AsyncIterator[Bank]:
    """Everybody but the fund: donors, their banks, the clock."""
    async with Bank(stripe_server.url) as opened:
        yield opened


def connect(server: StripeServer, key: str | None = None) -> StripeClient:
    """Return stripe-python connected to the stand-in, by its secret key unless another is given; no retries."""
    return StripeClient(
        key or server.key,
        base_addresses={"api": server.url},
        http_client=HTTPXClient(),
        max_network_retries=0,
    )


@pytest.fixture
def stripe_api(stripe_server: StripeServer) -> StripeClient:
    """stripe-python with the secret key."""
    return connect(stripe_server)


@dataclass
class Hook:
    """A webhook endpoint: what it heard, as raw bytes and signature header, and the status that it answers."""

    url: str
    heard: list[tuple[bytes, str]] = field(default_factory=list)
    status: int = 200

    async def hear(self, request: web.Request) -> web.Response:
        """Take one delivery."""
        self.heard.append((await request.read(), request.headers["Stripe-Signature"]))
        return web.Response(status=self.status)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    """A listening webhook endpoint, not yet registered."""
    opened = Hook("")
    app = web.Application()
    app.router.add_post("/hook", opened.hear)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    opened.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield opened
    await runner.cleanup()


def gift(amount: int, currency: str = "eur") -> SessionCreateParams:
    """Return the parameters of a one-off gift of `amount` minor units."""
    return {
        "mode": "payment",
        "submit_type": "donate",
        "success_url": "http://127.0.0.1:9/thanks?id={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:9/give",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {"currency": currency, "unit_amount": amount, "product_data": {"name": "Gift"}},
            }
        ],
        "payment_intent_data": {"statement_descriptor_suffix": "GIFT"},
        "metadata": {"gift": "g1"},
    }


def monthly(amount: int, currency: str = "eur") -> SessionCreateParams:
    """Return the parameters of a monthly gift."""
    return {
        "mode": "subscription",
        "success_url": "http://127.0.0.1:9/thanks?id={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:9/give",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": currency,
                    "unit_amount": amount,
                    "product_data": {"name": "Monthly gift"},
                    "recurring": {"interval": "month"},
                },
            }
        ],
        "subscription_data": {"metadata": {"gift": "m1"}},
        "metadata": {"gift": "m1"},
    }
