"""Planned faults: what stripe-python sees, whether the work was done, and what the same key gets afterwards."""

import asyncio
import contextlib
from datetime import timedelta

import pytest
from stripe import APIConnectionError, APIError, RateLimitError, StripeClient, StripeError
from stripe import PermissionError as NoRight
from stripe.params import TransferCreateParams

from sandbox.stripe.calls import Fault, FaultKind
from sandbox.stripe.client import Bank, Refused
from sandbox.stripe.server import StripeServer
from tests.stripe_town import gift

SESSIONS = "/v1/checkout/sessions"


@pytest.mark.parametrize(
    ("kind", "error", "done", "status_again"),
    [
        ("rate_limit", RateLimitError, False, 200),
        ("server_error", APIError, False, 200),
        ("hang_up", APIConnectionError, False, 200),
        ("forbidden", NoRight, False, 200),
        ("server_error_after", APIError, True, 500),
        ("lost_answer", APIConnectionError, True, 200),
        ("garbage", APIError, True, 200),
    ],
)
async def test_faults_strike_the_next_calls_only(
    stripe_api: StripeClient,
    bank: Bank,
    kind: FaultKind,
    error: type[StripeError],
    *,
    done: bool,
    status_again: int,
) -> None:
    """Each fault is seen as what it is; the same key then gets the answer of the work, or a kept 500."""
    await bank.fault(kind, SESSIONS, verb="POST")
    sessions = stripe_api.v1.checkout.sessions
    with pytest.raises(error):
        await sessions.create_async(gift(500), {"idempotency_key": "k1"})
    assert len(await bank.objects("checkout.session")) == done
    if status_again == 500:
        with pytest.raises(APIError):
            await sessions.create_async(gift(500), {"idempotency_key": "k1"})
    else:
        await sessions.create_async(gift(500), {"idempotency_key": "k1"})
    assert len(await bank.objects("checkout.session")) == 1
    assert [call["status"] for call in await bank.calls(SESSIONS)][1:] == [status_again]


async def test_a_call_that_arrives_twice(stripe_api: StripeClient, bank: Bank) -> None:
    """A call that a network repeats does its work once, because of its key."""
    await bank.fault("doubled", SESSIONS)
    session = await stripe_api.v1.checkout.sessions.create_async(gift(500), {"idempotency_key": "k1"})
    assert [one["id"] for one in await bank.objects("checkout.session")] == [session.id]


async def test_a_call_that_another_overtakes(stripe_api: StripeClient, bank: Bank) -> None:
    """It arrives once the next call was answered, which could not see it; the key makes it harmless."""
    sessions = stripe_api.v1.checkout.sessions
    await bank.fault("late", SESSIONS, verb="POST")
    with pytest.raises(APIConnectionError):
        await sessions.create_async(gift(500), {"idempotency_key": "k1"})
    assert await bank.objects("checkout.session") == []
    assert (await sessions.list_async()).data == []
    [made] = await bank.objects("checkout.session")
    assert (await sessions.create_async(gift(500), {"idempotency_key": "k1"})).id == made["id"]


async def test_a_fault_of_certain_calls_only(
    stripe_api: StripeClient, bank: Bank, stripe_server: StripeServer
) -> None:
    """With `of` it waits for a call with that parameter, whatever else is asked meanwhile."""
    await bank.top_up(5000)
    account = await bank.connect()
    stripe_server.stripe.faults.add(Fault("hang_up", path="/v1/transfers", of="two"))
    for group in ("one", "two"):
        asked: TransferCreateParams = {
            "amount": 500, "currency": "eur", "destination": account, "transfer_group": group
        }  # fmt: skip
        with contextlib.nullcontext() if group == "one" else pytest.raises(APIConnectionError):
            await stripe_api.v1.transfers.create_async(asked)
    assert [made["transfer_group"] for made in await bank.objects("transfer")] == ["one"]


async def test_no_answer_ever(stripe_api: StripeClient, bank: Bank) -> None:
    """The caller gives up; the work was done, and the key replays its answer."""
    sessions = stripe_api.v1.checkout.sessions
    await bank.fault("stall", SESSIONS)
    call = asyncio.create_task(sessions.create_async(gift(500), {"idempotency_key": "k1"}))
    async with asyncio.timeout(60):
        while not (made := await bank.objects("checkout.session")):
            assert not call.done()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (await sessions.create_async(gift(500), {"idempotency_key": "k1"})).id == made[0]["id"]


async def test_down_for_a_day(stripe_api: StripeClient, bank: Bank) -> None:
    """Until the time is over every call meets 503, by the stand-in's clock; donors can still pay."""
    session = await stripe_api.v1.checkout.sessions.create_async(gift(500))
    await bank.fault("down", seconds=86400)
    for _ in range(3):
        with pytest.raises(APIError) as down:
            await stripe_api.v1.events.list_async()
        assert down.value.http_status == 503
    await bank.pay(str(session.url))
    await bank.advance(timedelta(days=1))
    assert (await stripe_api.v1.events.list_async({"type": "checkout.session.completed"})).data


async def test_faults_can_be_mended(stripe_api: StripeClient, bank: Bank) -> None:
    """What was planned can be forgotten; an unknown fault is none."""
    await bank.fault("server_error", times=5)
    await bank.mend()
    assert await stripe_api.v1.balance.retrieve_async()
    with pytest.raises(Refused):
        await bank.fault("earthquake")  # type: ignore[arg-type]  # a wrong one on purpose
