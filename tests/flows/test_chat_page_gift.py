"""A gift by card in Chromium: from the chat page to Stripe's page, and the receipt back in the chat."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from bot.database import Resources
from bot.stripe_setup import StripeSetup
from payments.ledger import Purpose, balance
from payments.money import Money
from sandbox.clock import TravelClock
from sandbox.stripe.client import RUSSIAN_CARD, Bank
from sandbox.stripe.server import StripeServer
from tests.flows.harness import World, open_world
from tests.flows.page import ChatPage, open_page
from tests.stripe_town import bank, stripe_server
from texts.catalogue import load

__all__ = ["bank", "stripe_server"]

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]

TEXTS = load()


def say(key: str) -> str:
    """A text of the fund in English."""
    return TEXTS.render(key, "en")


@pytest.fixture
async def world(
    resources: Resources, clock: TravelClock, stripe_server: StripeServer, receiving: str
) -> AsyncIterator[World]:
    """Telegram, Stripe, and the fund running with a key."""
    stripe = StripeSetup(stripe_server.key, stripe_server.url)
    async with open_world(resources, clock, receiving, stripe=stripe) as opened:
        yield opened


@pytest.fixture
async def page(world: World, chromium: str) -> AsyncIterator[ChatPage]:
    """The chat page with a giver on it, from which nothing leaves this machine."""
    await world.person("Dora", "en")
    async with open_page(world.server.url, chromium) as opened:
        await opened.page.context.route("https://t.me/**", lambda route: route.abort())
        yield opened
        assert opened.errors == []


@pytest.mark.parametrize("refused", [False, True])
async def test_a_card_gift_is_given_by_clicking(
    page: ChatPage, world: World, bank: Bank, *, refused: bool
) -> None:
    """The warning stands above the button; a good card is thanked for, a refused one explained and paid back."""
    await page.show("Dora")
    await page.start("Dora")
    await page.type("Dora", "/donate")
    await page.press("Dora", say("donate.button.card"))
    await page.press("Dora", "10\xa0€")
    await page.reads("Dora", say("donate.warning"))
    async with page.page.context.expect_page() as opened:
        await page.press("Dora", say("donate.button.pay"))
    checkout = await opened.value
    await checkout.get_by_label("Email").fill("dora@example.org")
    if refused:
        await checkout.get_by_label("Card number").fill(RUSSIAN_CARD)
    async with checkout.expect_response(lambda answer: answer.request.method == "POST") as paid:
        await checkout.get_by_role("button", name="Donate").click()
    assert (await paid.value).status == 303
    assert world.app.stripe is not None
    await world.app.stripe.poller.poll()
    await world.settle()
    if refused:
        await page.reads("Dora", "The card was issued in a country from which giving is not safe")
    else:
        await page.reads("Dora", "Thank you. 10\xa0€ arrived")
        await expect(page.phone("Dora").locator(".message").last).to_contain_text("Receipt number")
    held = sum(moved["net"] for moved in await bank.objects("balance_transaction"))
    async with world.unit() as unit:
        assert await balance(unit, Purpose.STRIPE, "EUR") == Money(held, "EUR")
