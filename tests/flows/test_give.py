"""The web page: the same way to give without Telegram, and without a script."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest
from playwright.async_api import async_playwright, expect
from sqlmodel import select

from bot.database import Resources
from bot.stripe_setup import StripeSetup
from models.donation import Donation, DonationStatus
from sandbox.clock import TravelClock
from sandbox.stripe.client import GOOD_IBAN, RUSSIAN_CARD, Bank
from sandbox.stripe.server import StripeServer
from tests.flows.harness import World, open_world
from tests.flows.page import BROWSER_OPTIONS, MILLISECONDS
from tests.stripe_town import bank, stripe_server

__all__ = ["bank", "stripe_server"]

Form = dict[str, str]


@pytest.fixture
async def world(
    resources: Resources, clock: TravelClock, stripe_server: StripeServer, receiving: str
) -> AsyncIterator[World]:
    """The fund with a web page and a webhook's secret."""
    stripe = StripeSetup(stripe_server.key, stripe_server.url, "whsec_unused_here", "http://give.example")
    async with open_world(resources, clock, receiving, stripe=stripe) as opened:
        yield opened


@pytest.fixture
async def browser(world: World) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser without scripts."""
    base = f"http://127.0.0.1:{world.app.web_port}"
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(
        base, cookie_jar=jar, headers={"Accept-Language": "en-GB,en;q=0.8"}
    ) as opened:
        yield opened


async def form_of(browser: aiohttp.ClientSession) -> Form:
    """The hidden fields and first choices of the page's first form."""
    async with browser.get("/give") as page:
        text = (await page.text()).partition("</form>")[0]
    hidden = re.findall(r"type=hidden name=(\w+) value='?([^'>]*)", text)
    return dict(hidden) | {"amount": "10.00", "way": "card", "other": ""}


async def test_gift_by_the_page_has_no_giver(world: World, browser: aiohttp.ClientSession, bank: Bank) -> None:
    """A form leads to Stripe's page; the gift is in the books without a chat, and its token shows it."""
    async with browser.post("/give", data=await form_of(browser), allow_redirects=False) as answer:
        assert answer.status == 303
        done = await bank.pay(answer.headers["Location"])
    assert done == "http://give.example/give/thanks"
    assert world.app.stripe is not None
    await world.app.stripe.poller.poll()
    await world.settle()
    async with world.unit() as unit:
        donation = (await unit.session.exec(select(Donation))).one()
    assert (donation.status, donation.chat, donation.contact) == (DonationStatus.GIVEN, None, None)
    async with browser.get("/give/thanks") as page:
        token = re.findall(r"<code>(.*?)</code>", await page.text())[0]
    async with browser.post("/give/gift", data={"token": token.lower(), "language": "en"}) as page:
        assert "100 %: not paid out yet" in await page.text()


@pytest.mark.parametrize(
    ("iban", "database"), [(None, "postgresql"), (GOOD_IBAN, "sqlite")], indirect=["database"]
)
async def test_monthly_gift_of_the_page_is_stopped_by_its_key(
    world: World, browser: aiohttp.ClientSession, bank: Bank, iban: str | None
) -> None:
    """Who has no chat stops it where its key shows it, paid or on its way; another key, or none, stops nothing."""
    form = await form_of(browser) | {"way": "monthly"}
    async with browser.post("/give", data=form, allow_redirects=False) as answer:
        await bank.pay(answer.headers["Location"], iban=iban)
    assert world.app.stripe is not None
    await world.app.stripe.poller.poll()
    await world.settle()
    async with browser.get("/give/thanks") as page:
        token = re.findall(r"<code>(.*?)</code>", await page.text())[0]
    async with browser.post("/give/gift", data={"token": token, "language": "en"}) as page:
        assert "Stop 10\xa0€ a month" in await page.text()
    for wrong in ("", "AAAAAA-AAAAAA-AAAAAA-AAAAAA"):
        async with browser.post("/give/stop", data={"token": wrong, "language": "en"}) as page:
            assert page.status == 400
    assert [each["status"] for each in await bank.objects("subscription")] == ["active"]
    async with browser.post("/give/stop", data={"token": token, "language": "en"}) as page:
        assert "has been stopped" in await page.text()
    await world.settle()
    assert [each["status"] for each in await bank.objects("subscription")] == ["canceled"]
    async with browser.post("/give/gift", data={"token": token, "language": "en"}) as page:
        assert "a month" not in await page.text()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_giver_by_the_page_reads_why_a_card_is_paid_back(
    world: World, browser: aiohttp.ClientSession, bank: Bank
) -> None:
    """Who cannot be written to finds the plain reason where they come back to, and under the key of their gift."""
    async with browser.post("/give", data=await form_of(browser), allow_redirects=False) as answer:
        await bank.pay(answer.headers["Location"], RUSSIAN_CARD)
    assert world.app.stripe is not None
    await world.app.stripe.poller.poll()
    await world.settle()
    async with world.unit() as unit:
        assert (await unit.session.exec(select(Donation))).one().status is DonationStatus.REFUNDED
    async with browser.get("/give/thanks") as page:
        text = await page.text()
    assert "The card was issued in a country from which giving is not safe" in text
    assert "Thank you" not in text
    token = re.findall(r"<code>(.*?)</code>", text)[0]
    async with browser.post("/give/gift", data={"token": token, "language": "en"}) as page:
        assert "paid back, because of the country of the card" in await page.text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"amount": "0"}, "greater than zero"),
        ({"way": "barter"}, "lay open too long"),
        ({"amount": "-5"}, "greater than zero"),
        ({"amount": "1.0055"}, "digits after the point"),
        ({"amount": "1"}, "too little"),
        ({"amount": "99999999"}, "more than can be taken"),
        ({"amount": "NaN"}, "number"),
        ({"amount": "<script>"}, "number"),
        ({"other": "1" + " " * 20_000 + "1"}, "number"),
        ({"currency": "JPY"}, "cannot be taken"),
        ({"currency": "../.."}, "cannot be taken"),
        ({"form": "1.00"}, "too long"),
        ({"form": "9" * 400}, "too long"),
    ],
)
async def test_bad_form_is_answered_kindly(
    world: World, browser: aiohttp.ClientSession, change: Form, said: str
) -> None:
    """Whatever is sent, the page says what is wanted, echoes nothing, and no gift begins."""
    async with browser.post("/give", data=await form_of(browser) | change, allow_redirects=False) as answer:
        text = await answer.text()
    assert answer.status == 400
    assert said in text
    assert "<script>" not in text
    async with world.unit() as unit:
        assert (await unit.session.exec(select(Donation))).all() == []


async def test_form_from_elsewhere_or_from_yesterday_is_refused(
    world: World, browser: aiohttp.ClientSession
) -> None:
    """A form that another site sends, or that lay open too long, begins nothing."""
    form = await form_of(browser)
    async with browser.post("/give", data=form, headers={"Sec-Fetch-Site": "cross-site"}) as answer:
        assert answer.status == 400
    async with browser.post("/give", data=form, headers={"Origin": "https://evil.example"}) as answer:
        assert answer.status == 400
    world.clock.advance(timedelta(hours=2))
    async with browser.post("/give", data=form) as answer:
        assert answer.status == 400


async def test_page_loads_nothing_and_cannot_be_framed(browser: aiohttp.ClientSession) -> None:
    """No script, no foreign address, no frame; the warning stands before the button."""
    async with browser.get("/give?lang=en") as page:
        text, headers = await page.text(), page.headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "<script" not in text
    assert "http" not in text.replace("</html>", "")
    assert text.index("inside Russia") < text.index("<button>")


@pytest.mark.browser
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_browser_comes_from_the_form_to_the_page_to_pay_on(
    world: World, chromium: str, stripe_server: StripeServer
) -> None:
    """What the page forbids the browser does not stop the one way that it is for; and nothing is wrong with it."""
    faults: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(BROWSER_OPTIONS))
        page = await browser.new_page(locale="en-GB", java_script_enabled=False)
        page.set_default_timeout(MILLISECONDS)
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        await page.goto(f"http://127.0.0.1:{world.app.web_port}/give")
        await page.locator("form button").first.click()
        await page.wait_for_url(f"{stripe_server.url}/**")
        await expect(page.locator("form button")).to_be_visible()
        await browser.close()
    assert [fault for fault in faults if "Content Security Policy" in fault] == []
