"""The pages of `/give` over real rows, with Stripe's page as the one thing that is handed in."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlmodel import select

from bot.database import Resources
from models.donation import Donation
from payments.money import Money
from payments.stripe_objects import Order, Payment, PaymentState, Session, SessionState, Subscription
from sandbox.clock import TravelClock
from services import donate, donate_settle
from services.donate import Way
from services.donors import make_token
from web.app import LARGEST_BODY, build_app
from web.give import Give
from web.visitors import MOST_OF_ONE, MOST_OF_UNKNOWN, SECONDS, Visitors

PAY = "https://checkout.example"
Client = TestClient[web.Request, web.Application]


@dataclass
class Pages:
    """Stripe's pages: where the next one is, and what was asked for."""

    url: str | None = PAY + "/c/pay/1"
    orders: list[Order] = field(default_factory=list)

    async def open(self, order: Order) -> str | None:
        """Make one."""
        self.orders.append(order)
        return self.url


@pytest.fixture
def pages() -> Pages:
    """Pages at the address that the policy of the page knows."""
    return Pages()


@pytest.fixture
async def client(resources: Resources, clock: TravelClock, pages: Pages) -> AsyncIterator[Client]:
    """A visitor, through a proxy on the same machine."""
    visitors, looks = [Visitors(lambda: clock.now().timestamp()) for _ in range(2)]
    give = Give(resources.unit, resources.glance, pages.open, visitors, looks, "https://fund.example", PAY)

    async def health() -> dict[str, bool]:
        return {}

    async with TestClient(TestServer(build_app(health, lambda: b"", routes=give.routes()))) as made:
        yield made


async def filled(client: Client) -> dict[str, str]:
    """The first form of the page, filled in."""
    async with client.get("/give?lang=en") as page:
        text = (await page.text()).partition("</form>")[0]
    return dict(re.findall(r"type=hidden name=(\w+) value='?([^'>]*)", text)) | {"amount": "10.00"}


async def post(client: Client, form: dict[str, str], **headers: str) -> tuple[int, str]:
    """Send a form; the status, and the text of the answer."""
    async with client.post("/give", data=form, headers=headers, allow_redirects=False) as answer:
        return answer.status, await answer.text()


async def test_one_visitor_cannot_shut_the_page_for_others(
    client: Client, clock: TravelClock, pages: Pages, resources: Resources
) -> None:
    """Who asks too often is told so, and writes nothing more; others give on, and so do they an hour later."""
    form = await filled(client)
    seen = {"X-Forwarded-For": "9.9.9.9, 8.8.8.8"}
    assert [(await post(client, form, **seen))[0] for _ in range(MOST_OF_ONE)] == [303] * MOST_OF_ONE
    status, text = await post(client, form, **seen)
    assert (status, "many times in an hour" in text) == (429, True)
    assert (await post(client, form, **{"X-Forwarded-For": "9.9.9.9, 1.1.1.1"}))[0] == 303
    assert (await post(client, form))[0] == 303
    async with resources.unit() as unit:
        asked = (await unit.session.exec(select(Donation.id))).all()
    assert len(asked) == len(pages.orders) == MOST_OF_ONE + 2
    clock.advance(timedelta(seconds=SECONDS))
    assert (await post(client, await filled(client), **seen))[0] == 303


async def test_one_visitor_cannot_have_the_books_read_all_the_time(
    client: Client, clock: TravelClock, resources: Resources
) -> None:
    """Who looks too often waits, also with a key that is known, and can still stop their gift; others look on."""
    async with resources.unit() as unit:
        gift = await donate.begin(unit, Way.MONTHLY, Money(1000, "EUR"), "en", None, card=True)
        promise = Subscription("sub_1", gift.id, ended=False, failing=False)
        paid = Payment("pi_1", PaymentState.PROCESSING, None)
        page = Session("cs_1", SessionState.COMPLETE, gift.id, None, paid, promise)
        await donate_settle.apply(unit, page)
        known = {"token": make_token(unit, gift.id), "language": "en"}
    one, other = {"X-Forwarded-For": "8.8.8.8"}, {"X-Forwarded-For": "1.1.1.1"}
    for headers, status in (*[(one, 200)] * MOST_OF_ONE, (one, 429), (other, 200)):
        async with client.post("/give/gift", data=known, headers=headers) as answer:
            assert answer.status == status
            assert "a month" in await answer.text()
    clock.advance(timedelta(seconds=SECONDS))
    async with client.post("/give/gift", data=known, headers=one) as answer:
        assert answer.status == 200


async def test_what_is_refused_is_not_counted(client: Client, pages: Pages) -> None:
    """Whoever mistypes an amount has as many tries as they need."""
    form = await filled(client)
    for _ in range(MOST_OF_UNKNOWN + 1):
        assert (await post(client, form | {"other": "ten"}))[0] == 400
    assert (await post(client, form))[0] == 303
    assert len(pages.orders) == 1


async def test_reading_waits_for_no_writer(client: Client, resources: Resources) -> None:
    """While a long transaction writes, the pages that only show something answer."""
    form = await filled(client)
    async with resources.unit():
        assert (await client.get("/give")).status == 200
        assert (await client.get("/give/thanks")).status == 200
        assert (await client.post("/give/gift", data={"token": "x"})).status == 400
        assert (await post(client, form | {"other": "ten"}))[0] == 400


async def test_forms_lead_to_us_and_to_the_page_to_pay_on_alone(client: Client) -> None:
    """A form that somebody smuggled into the page could send nothing elsewhere."""
    async with client.get("/give") as page:
        allowed = re.findall(r"form-action ([^;]*)", page.headers["Content-Security-Policy"])
    assert allowed == [f"'self' {PAY}"]


async def test_page_to_pay_on_at_another_address_is_a_link(client: Client, pages: Pages) -> None:
    """An account with a domain of its own at Stripe: no redirect that the browser would stop, but a link."""
    pages.url = "https://pay.fund.example/c/pay/1?a=1&b='2"
    async with client.post("/give", data=await filled(client), allow_redirects=False) as answer:
        text = await answer.text()
    assert answer.status == 200
    assert "href='https://pay.fund.example/c/pay/1?a=1&amp;b=&#x27;2'" in text
    assert answer.cookies["gift"]["path"] == "/give"


URLENCODED = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (URLENCODED + "; charset=none-such", b"amount=10", 400),
        (URLENCODED + "; charset=utf-16", b"\xff", 400),
        (URLENCODED, b"amount=\xff\xfe&currency=%00%ff&form=%00&language=%00", 400),
        (URLENCODED, b"form=" + b"9" * 5000, 400),
        (URLENCODED, b"token=%00" + b"9" * 5000, 400),
        (URLENCODED, b"x" * (LARGEST_BODY + 1), 413),
        ("multipart/form-data; boundary=x", b"--x\r\nnothing", 415),
        ("multipart/form-data", b"amount=10", 415),
        ("text/plain", b"amount=10", 415),
    ],
)
async def test_body_that_is_no_form_is_refused(
    client: Client, pages: Pages, kind: str, body: bytes, status: int
) -> None:
    """Whatever is sent instead of a form is a fault of the sender's, never one of ours."""
    for path in ("/give", "/give/gift"):
        answer = await client.post(path, data=body, headers={"Content-Type": kind})
        assert answer.status == status
    assert pages.orders == []
