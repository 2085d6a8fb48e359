"""A stand-in for Stripe as a fixture: `pytest_plugins` or a plain import of the fixtures makes it available.

`stripe_server` is the running stand-in on the test's `clock`, `bank` acts as donors, their banks and the clock.
"""

from collections.abc import AsyncIterator

import pytest

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
    """Everybody but the fund."""
    async with Bank(stripe_server.url) as opened:
        yield opened
