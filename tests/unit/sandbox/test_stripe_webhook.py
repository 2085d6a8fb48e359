"""Events and their delivery: signed, retried, repeated, reordered, late, forged, forgotten."""

import json
from datetime import timedelta
from typing import Final

import pytest
from stripe import InvalidRequestError, SignatureVerificationError, StripeClient, Webhook, WebhookSignature

from sandbox.stripe.client import Bank
from tests.stripe_town import Hook, gift

COMPLETED: Final = "checkout.session.completed"


async def _paid(api: StripeClient, bank: Bank) -> str:
    session = await api.v1.checkout.sessions.create_async(gift(500))
    await bank.pay(str(session.url))
    return session.id


def _ids(hook: Hook) -> list[str]:
    return [json.loads(payload)["data"]["object"]["id"] for payload, _ in hook.heard]


async def test_a_delivery_is_signed(stripe_api: StripeClient, bank: Bank, hook: Hook) -> None:
    """stripe-python accepts the delivery with the endpoint's secret only, and it equals the listed event."""
    secret = await bank.endpoint(hook.url, [COMPLETED])
    session = await _paid(stripe_api, bank)
    await bank.delivered()
    [(payload, header)] = hook.heard
    event = Webhook.construct_event(payload, header, secret)
    assert (event.type, event.data.object["id"], event.api_version) == (COMPLETED, session, "2026-10-28.endive")
    listed = await stripe_api.v1.events.retrieve_async(event.id)
    assert listed.data.object.to_dict() == event.data.object.to_dict()
    assert listed.pending_webhooks == 0
    with pytest.raises(SignatureVerificationError):
        Webhook.construct_event(payload, header, "whsec_other")


async def test_failed_deliveries_are_repeated(stripe_api: StripeClient, bank: Bank, hook: Hook) -> None:
    """An endpoint that fails hears the event again with growing pauses, until it answers; then never more."""
    await bank.endpoint(hook.url, [COMPLETED])
    hook.status = 500
    await _paid(stripe_api, bank)
    for pause, count in ((0, 1), (4, 1), (1, 2), (30, 3)):
        await bank.advance(timedelta(minutes=pause))
        await bank.delivered()
        assert len(hook.heard) == count
    hook.status = 200
    await bank.advance(timedelta(days=3))
    [delivery] = await bank.delivered()
    assert (delivery["answers"], delivery["done"]) == ([500, 500, 500, 200], True)
    assert len({header for _, header in hook.heard}) == 4, "each attempt is signed anew"


async def test_nobody_listens_for_three_days(stripe_api: StripeClient, bank: Bank) -> None:
    """Without an answer Stripe gives up; the event stays in the list."""
    await bank.endpoint("http://127.0.0.1:9/hook", [COMPLETED])
    await _paid(stripe_api, bank)
    for _ in range(8):
        await bank.advance(timedelta(days=1))
        await bank.delivered()
    [delivery] = await bank.delivered()
    assert (set(delivery["answers"]), len(delivery["answers"]), delivery["done"]) == ({0}, 9, False)
    [event] = (await stripe_api.v1.events.list_async({"types": [COMPLETED]})).data
    assert event.pending_webhooks == 1


async def test_on_demand(stripe_api: StripeClient, bank: Bank, hook: Hook) -> None:
    """Deliveries are held back, released in reverse, and doubled."""
    await bank.endpoint(hook.url, [COMPLETED])
    await bank.hold()
    paid = [await _paid(stripe_api, bank) for _ in range(3)]
    await bank.delivered()
    assert hook.heard == []
    await bank.release("reversed")
    assert _ids(hook) == list(reversed(paid))
    await bank.duplicate(2)
    session = await _paid(stripe_api, bank)
    await bank.delivered()
    assert _ids(hook)[3:] == [session, session]


async def test_forgeries(stripe_api: StripeClient, bank: Bank, hook: Hook) -> None:
    """A delivery can be signed by another secret, at another time, or be altered after it was signed."""
    secret = await bank.endpoint(hook.url, [COMPLETED])
    await _paid(stripe_api, bank)
    await bank.delivered()
    [event] = (await stripe_api.v1.events.list_async({"type": COMPLETED})).data
    assert await bank.deliver_again(event.id) == [200]
    await bank.deliver_again(event.id, secret="whsec_forged")
    await bank.deliver_again(event.id, payload='{"id": "evt_1"}')
    await bank.deliver_again(event.id, skew=-301)
    await bank.deliver_again(event.id, skew=3600)
    good, again, forged, altered, old, future = hook.heard
    for payload, header in (good, again, future):
        assert WebhookSignature.verify_header(payload, header, secret, 300)
    for payload, header in (forged, altered, old):
        with pytest.raises(SignatureVerificationError):
            WebhookSignature.verify_header(payload, header, secret, 300)


async def test_late_events(stripe_api: StripeClient, bank: Bank, hook: Hook) -> None:
    """Events may come to be known after newer ones: they are listed at their place in time."""
    await bank.endpoint(hook.url, [COMPLETED])
    await bank.hide_events()
    late = await _paid(stripe_api, bank)
    assert (await stripe_api.v1.events.list_async()).data == []
    assert await bank.reveal_events() == 4
    await bank.advance(timedelta(seconds=2))
    await bank.hide_events()
    later = await _paid(stripe_api, bank)
    await bank.reveal_events()
    listed = (await stripe_api.v1.events.list_async({"type": COMPLETED})).data
    assert [event.data.object["id"] for event in listed] == [later, late]


async def test_events_are_kept_thirty_days(stripe_api: StripeClient, bank: Bank) -> None:
    """Then they can be neither listed nor retrieved."""
    await _paid(stripe_api, bank)
    event = (await stripe_api.v1.events.list_async()).data[0]
    await bank.advance(timedelta(days=29))
    assert (await stripe_api.v1.events.retrieve_async(event.id)).id == event.id
    await bank.advance(timedelta(days=1))
    assert (await stripe_api.v1.events.list_async()).data == []
    with pytest.raises(InvalidRequestError, match="No such event"):
        await stripe_api.v1.events.retrieve_async(event.id)


async def test_an_event_names_the_call(stripe_api: StripeClient, bank: Bank) -> None:
    """What the API did carries the request and its idempotency key; what a donor did carries none."""
    session = await stripe_api.v1.checkout.sessions.create_async(gift(500))
    await stripe_api.v1.checkout.sessions.expire_async(session.id, {}, {"idempotency_key": "k1"})
    await _paid(stripe_api, bank)
    completed, *_, expired = (await stripe_api.v1.events.list_async()).data
    assert completed.request
    assert expired.request
    assert (completed.request.id, completed.request.idempotency_key) == (None, None)
    assert str(expired.request.id).startswith("req_")
    assert expired.request.idempotency_key == "k1"


async def test_endpoints_over_the_api(stripe_api: StripeClient, bank: Bank, hook: Hook) -> None:
    """An endpoint is made by the API, which tells its secret once; it can be changed, switched off and deleted."""
    hooks = stripe_api.v1.webhook_endpoints
    made = await hooks.create_async({"url": hook.url, "enabled_events": [COMPLETED], "description": "gifts"})
    assert str(made.secret).startswith("whsec_")
    assert "secret" not in (await hooks.retrieve_async(made.id)).to_dict()
    await _paid(stripe_api, bank)
    await bank.delivered()
    await hooks.update_async(made.id, {"disabled": True})
    await _paid(stripe_api, bank)
    await hooks.update_async(made.id, {"disabled": False, "enabled_events": ["refund.created"]})
    await _paid(stripe_api, bank)
    await bank.delivered()
    assert len(hook.heard) == 1
    deleted = await hooks.delete_async(made.id)
    assert deleted.deleted
    assert (await hooks.list_async()).data == []
    with pytest.raises(InvalidRequestError):
        await hooks.create_async({"url": hook.url, "enabled_events": ["*"], "api_version": "2020-08-27"})
