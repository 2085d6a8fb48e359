"""Monthly gifts: given each month, told when one fails, stopped by whoever may stop them."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlmodel import select

from bot.database import Resources
from bot.stripe_setup import StripeSetup
from models.donation import Donation, DonationStatus, MonthlyGift, MonthlyStatus
from sandbox.clock import TravelClock
from sandbox.stripe.client import (
    DECLINED_CARD,
    FAILING_IBAN,
    GOOD_CARD,
    GOOD_IBAN,
    MONTH,
    RUSSIAN_CARD,
    Bank,
)
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


async def subscriptions(bank: Bank) -> list[str]:
    """Where each monthly gift stands at Stripe."""
    return [each["status"] for each in await bank.objects("subscription")]


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
    assert await subscriptions(bank) == ["canceled"]


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


async def test_monthly_gift_by_bank_debit_is_stopped_before_it_arrives(world: World, bank: Bank) -> None:
    """While the first debit is on its way, the giver sees it, and one press on Stop ends all later ones."""
    donor = await world.person("Dora", "en")
    await bank.pay(await page_of(world, donor, "By card, each month"), iban=GOOD_IBAN)
    await hear(world)
    assert await statuses(world) == [DonationStatus.PROCESSING]
    await donor.send("/gifts")
    await world.settle()
    await donor.press("Stop 10\xa0€ a month")
    await world.settle()
    assert await subscriptions(bank) == ["canceled"]
    await bank.advance(MONTH)
    await hear(world)
    assert await statuses(world) == [DonationStatus.GIVEN]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_bank_debit_that_fails_is_told_until_its_monthly_gift_ends(world: World, bank: Bank) -> None:
    """The giver hears once that it failed and is tried again, and once that Stripe has given up.

    What Stripe keeps for five debits that failed is a fee.
    """
    donor = await world.person("Dora", "en")
    async with chronicle(world) as written:
        await bank.pay(await page_of(world, donor, "By card, each month"), iban=FAILING_IBAN)
        await hear(world)
        for _ in range(10):
            await bank.advance(timedelta(days=7))
            await hear(world)
    assert await statuses(world) == [DonationStatus.FAILED]
    assert await subscriptions(bank) == ["canceled"]
    for words in ("is on its way", "could not be charged", "monthly gift of 10\xa0€ has ended"):
        assert len(written.said(donor.id, words)) == 1
    assert not written.said(donor.id, "did not go through")
    assert await books(world) == {"stripe": -175, "fees": 175}


@pytest.mark.parametrize(("heard", "database"), [(True, "sqlite"), (False, "postgresql")], indirect=["database"])
async def test_who_is_forgotten_is_charged_no_more(world: World, bank: Bank, *, heard: bool) -> None:
    """What is said to be stopped is stopped: also before the first debit, and before anybody heard of the page."""
    donor = await world.person("Dora", "en")
    await bank.pay(await page_of(world, donor))
    await hear(world)
    await bank.pay(await page_of(world, donor, "By card, each month"), iban=GOOD_IBAN)
    if heard:
        await hear(world)
    await donor.send("/gifts")
    await world.settle()
    for label in ("Forget me", "Yes, forget me"):
        await donor.press(label)
        await world.settle()
    await hear(world)
    assert await subscriptions(bank) == ["canceled"]
    async with world.unit() as unit:
        assert (await unit.session.exec(select(MonthlyGift.status))).all() == [MonthlyStatus.STOPPED]
        assert set((await unit.session.exec(select(Donation.chat))).all()) == {None}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_monthly_gift_by_a_card_from_russia_ends_at_once(world: World, bank: Bank) -> None:
    """Its first month is paid back whole, and no other is ever asked for."""
    donor = await world.person("Dora", "en")
    await bank.pay(await page_of(world, donor, "By card, each month"), RUSSIAN_CARD)
    await hear(world)
    await bank.advance(MONTH)
    await hear(world)
    assert await statuses(world) == [DonationStatus.REFUNDED]
    assert await subscriptions(bank) == ["canceled"]
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
