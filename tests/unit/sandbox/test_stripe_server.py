"""The stand-in as a server and as a process."""

import asyncio
import signal
import sys

import aiohttp
import pytest

from sandbox.stripe import sessions
from sandbox.stripe.client import GOOD_CARD, RUSSIAN_CARD, Bank, Refused
from sandbox.stripe.means import COUNTRIES, card, issued_in
from sandbox.stripe.server import HOST, StripeServer
from sandbox.stripe.wire import NotAllowed
from tests.stripe_town import connect, gift


async def test_it_listens_on_loopback_only(stripe_server: StripeServer) -> None:
    """Nobody else on the network can reach it."""
    assert HOST == "127.0.0.1"
    assert stripe_server.url.startswith("http://127.0.0.1:")


async def test_as_a_process() -> None:
    """`python -m sandbox.stripe` prints its address and key, serves, and ends on SIGTERM."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox.stripe", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    url, key = (await process.stdout.readline()).decode().split()
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{url}/v1/balance", headers={"Authorization": f"Bearer {key}"}) as answer,
    ):
        assert answer.status == 200
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


async def test_ticking_lets_webhooks_leave_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ticking stand-in does what is due without being asked."""
    monkeypatch.setattr("sandbox.stripe.server.TICK_SECONDS", 0.01)
    async with StripeServer(ticking=True) as server:
        session = await connect(server).v1.checkout.sessions.create_async(gift(500))
        expired = asyncio.Event()
        server.stripe.told.append(lambda _event: expired.set())

        def expire() -> None:
            sessions.expire(server.stripe, stored)

        stored = server.stripe.get("checkout.session", session.id)
        server.stripe.at(server.clock.seconds(), expire)
        await asyncio.wait_for(expired.wait(), 60)


@pytest.mark.parametrize(
    ("act", "body", "status"),
    [
        ("dispute", {}, 400),
        ("dispute", {"id": "ch_none"}, 404),
        ("clock", {"seconds": -1}, 400),
        ("clock", {"seconds": "x"}, 400),
        ("terms", {"colour": 1}, 400),
        ("key", {"rights": {"event": "all"}}, 400),
        ("clock", [], 400),
    ],
)
async def test_wrong_acts(stripe_server: StripeServer, act: str, body: object, status: int) -> None:
    """What the client API cannot make sense of is refused with a reason."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{stripe_server.url}/bank/{act}", json=body) as answer,
    ):
        assert answer.status == status
        assert (await answer.json())["error"]


async def test_there_is_no_such_act(stripe_server: StripeServer) -> None:
    """An unknown act or page is not found."""
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{stripe_server.url}/bank/rob") as answer:
            assert answer.status == 404
        async with session.get(f"{stripe_server.url}/c/pay/cs_none") as answer:
            assert answer.status == 404


async def test_a_bank_is_opened_first(stripe_server: StripeServer) -> None:
    """The client is used with `async with`."""
    with pytest.raises(RuntimeError):
        await Bank(stripe_server.url).now()


async def test_the_clock(bank: Bank, stripe_server: StripeServer) -> None:
    """The client reads the stand-in's clock."""
    before = stripe_server.clock.now()
    assert before <= await bank.now() <= stripe_server.clock.now()
    with pytest.raises(Refused):
        await bank.change_card("sub_none", GOOD_CARD)


@pytest.mark.parametrize("country", sorted(set(COUNTRIES.values())))
def test_a_card_of_every_country(country: str) -> None:
    """Every country of the list has a test card, and Russia's is the known one."""
    assert card(issued_in(country)).country == country
    assert issued_in("RU") == RUSSIAN_CARD


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("4242424242424241", ""),
        ("4111111111111111", ""),
        ("", ""),
        ("4242424242424242", "RUS"),
        ("4242424242424242", "7!"),
    ],
)
def test_no_real_card_can_be_paid_with(number: str, country: str) -> None:
    """Only Stripe's test cards are taken."""
    with pytest.raises(NotAllowed):
        card(number, country)
