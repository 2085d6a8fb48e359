"""Checkout from its session to its events, with the real stripe-python."""

from typing import Any

import pytest
from aiohttp import web
from stripe import HTTPXClient, StripeClient, Webhook
from stripe.params.checkout import SessionCreateParams

from sandbox.stripe.client import RUSSIAN_CARD, Bank, Declined
from sandbox.stripe.server import StripeServer
from tests.stripe_town import bank, stripe_server

__all__ = ["bank", "stripe_server"]


@pytest.fixture
def api(stripe_server: StripeServer) -> StripeClient:
    """stripe-python connected to the stand-in."""
    return StripeClient(
        stripe_server.key,
        base_addresses={"api": stripe_server.url},
        http_client=HTTPXClient(),
        max_network_retries=0,
    )


ONCE: SessionCreateParams = {
    "mode": "payment",
    "submit_type": "donate",
    "success_url": "http://127.0.0.1:1/thanks?id={CHECKOUT_SESSION_ID}",
    "cancel_url": "http://127.0.0.1:1/give",
    "line_items": [
        {"quantity": 1, "price_data": {"currency": "eur", "unit_amount": 2500, "product_data": {"name": "Gift"}}}
    ],
    "payment_intent_data": {"statement_descriptor_suffix": "GIFT", "metadata": {"gift": "g1"}},
    "metadata": {"gift": "g1"},
}


async def test_pay_once(api: StripeClient, bank: Bank) -> None:
    """A paid session is complete, its charge is booked with a fee, and the events say so."""
    session = await api.v1.checkout.sessions.create_async(ONCE)
    assert (session.status, session.payment_status, session.amount_total) == ("open", "unpaid", 2500)
    assert session.url
    with pytest.raises(Declined):
        await bank.pay(session.url, "4000000000000002")
    where = await bank.pay(session.url, RUSSIAN_CARD)
    assert where == f"http://127.0.0.1:1/thanks?id={session.id}"
    session = await api.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["payment_intent.latest_charge.balance_transaction", "line_items"]}
    )
    intent: Any = session.payment_intent
    charge = intent.latest_charge
    assert charge.payment_method_details.card.country == "RU"
    assert charge.balance_transaction.fee == 81 + 25
    events = await api.v1.events.list_async({"limit": 100})
    assert events.data[0].type == "checkout.session.completed"


async def test_webhook(api: StripeClient, bank: Bank) -> None:
    """An endpoint gets the event signed, and stripe-python accepts it."""
    got = []

    async def hear(request: web.Request) -> web.Response:
        got.append((await request.read(), request.headers["Stripe-Signature"]))
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", hear)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    secret = await bank.endpoint(f"http://127.0.0.1:{runner.addresses[0][1]}/hook", ["checkout.session.completed"])
    session = await api.v1.checkout.sessions.create_async(ONCE)
    await bank.pay(str(session.url))
    await bank.delivered()
    [(payload, header)] = got
    event = Webhook.construct_event(payload, header, secret)
    assert event.data.object["id"] == session.id
    await runner.cleanup()
