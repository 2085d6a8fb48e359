"""Monthly gifts: given each month, told when one fails, stopped by whoever may stop them."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.database import Resources
from bot.stripe_setup import StripeSetup
from models.donation import DonationStatus
from sandbox.clock import TravelClock
from sandbox.stripe.client import DECLINED_CARD, GOOD_CARD, MONTH, RUSSIAN_CARD, Bank
from sandbox.stripe.server import StripeServer
from tests.flows.chronicle import chronicle
from tests.flows.giving import books, hear, held_by_stripe, page_of, statuses, texts
from tests.flows.harness import World, open_world
from tests.stripe_town import bank, stripe_server

__all__ = ["bank", "stripe_server"]
from tests.stripe_town import connect


@pytest.fixture
async def world(
    resources: Resources, clock: TravelClock, stripe_server: StripeServer, receiving: str
) -> AsyncIterator[World]:
    """Telegram, Stripe, people, and the fund running with a key."""
    stripe = StripeSetup(stripe_server.key, stripe_server.url)
    async with open_world(resources, clock, receiving, stripe=stripe) as opened:
        yield opened


async def test_monthly_gift_is_given_each_month_and_stopped(world: World, bank: Bank) -> None:
    """Each month is a gift of its own; a press on Stop ends it at Stripe, and the giver hears so."""
    donor = await world.person("Dora", "en")
    await bank.pay(await page_of(world, donor, "By card, each month"))
    await hear(world)
    await bank.advance(MONTH)
    await hear(world)
    assert await statuses(world) == [DonationStatus.GIVEN] * 2
    held = await held_by_stripe(bank)
    assert await books(world) == {"contributions": -2000, "stripe": held, "fees": 2000 - held}
    await donor.send("/gifts")
    await world.settle()
    await donor.press("Stop 10\xa0€ a month")
    await world.settle()
    await bank.advance(MONTH)
    await hear(world)
    assert await statuses(world) == [DonationStatus.GIVEN] * 2
    assert [each["status"] for each in await bank.objects("subscription")] == ["canceled"]


@pytest.mark.parametrize(("mended", "database"), [(True, "sqlite"), (False, "postgresql")], indirect=["database"])
async def test_month_that_fails_is_told_and_tried_again(world: World, bank: Bank, *, mended: bool) -> None:
    """The giver hears that a month failed; another card mends it, else Stripe ends it and the giver hears that."""
    donor = await world.person("Dora", "en")
    await bank.pay(await page_of(world, donor, "By card, each month"))
    await hear(world)
    subscription = (await bank.objects("subscription"))[0]["id"]
    await bank.change_card(subscription, DECLINED_CARD)
    async with chronicle(world) as written:
        await bank.advance(MONTH)
        await hear(world)
        assert await statuses(world) == [DonationStatus.GIVEN]
        if mended:
            await bank.change_card(subscription, GOOD_CARD)
        for _ in range(4):
            await bank.advance(timedelta(days=5))
            await hear(world)
    assert await statuses(world) == [DonationStatus.GIVEN] * (2 if mended else 1)
    assert len(written.said(donor.id, "could not be charged")) == 1
    assert len(written.said(donor.id, "monthly gift of 10\xa0€ has ended")) == (0 if mended else 1)
    held = await held_by_stripe(bank)
    given = 2000 if mended else 1000
    assert await books(world) == {"contributions": -given, "stripe": held, "fees": given - held}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_monthly_gift_by_a_card_from_russia_ends_at_once(world: World, bank: Bank) -> None:
    """Its first month is paid back whole, and no other is ever asked for."""
    donor = await world.person("Dora", "en")
    await bank.pay(await page_of(world, donor, "By card, each month"), RUSSIAN_CARD)
    await hear(world)
    await bank.advance(MONTH)
    await hear(world)
    assert await statuses(world) == [DonationStatus.REFUNDED]
    assert [each["status"] for each in await bank.objects("subscription")] == ["canceled"]
    held = await held_by_stripe(bank)
    assert await books(world) == {"stripe": held, "fees": -held}


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_monthly_gift_that_stripe_ends_is_over(
    world: World, bank: Bank, stripe_server: StripeServer
) -> None:
    """Cancelled in Stripe's dashboard: the giver hears so, and `/gifts` offers no more to stop."""
    donor = await world.person("Dora", "en")
    await bank.pay(await page_of(world, donor, "By card, each month"))
    await hear(world)
    subscription = (await bank.objects("subscription"))[0]["id"]
    await connect(stripe_server).v1.subscriptions.cancel_async(subscription)
    await hear(world)
    assert "has ended" in str(await texts(donor))
    await donor.send("/gifts")
    await world.settle()
    assert not [label for view in await donor.messages() for label in view.labels if label.startswith("Stop")]
