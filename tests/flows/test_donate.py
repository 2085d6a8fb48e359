"""Gifts from the press of `/donate` to the books, over both stand-ins."""

from collections.abc import AsyncIterator

import pytest
from sqlmodel import select

from bot.database import Resources
from bot.stripe_setup import StripeSetup
from models.donation import Donation, DonationStatus, RefundReason
from payments.ledger import Purpose, balance
from sandbox.clock import TravelClock
from sandbox.stripe.client import RUSSIAN_CARD, Bank
from sandbox.stripe.server import StripeServer
from sandbox.telegram.client import Person, Refused
from services.donate_settle import ask_refund
from tests.flows.harness import World, open_world
from tests.stripe_town import bank, stripe_server

__all__ = ["bank", "stripe_server"]


@pytest.fixture
async def world(
    resources: Resources, clock: TravelClock, stripe_server: StripeServer, receiving: str
) -> AsyncIterator[World]:
    """Telegram, Stripe, people, and the fund running with a key."""
    stripe = StripeSetup(stripe_server.key, stripe_server.url)
    async with open_world(resources, clock, receiving, stripe=stripe) as opened:
        yield opened


async def hear(world: World) -> None:
    """Let the fund poll Stripe and do what follows."""
    assert world.app.stripe is not None
    await world.app.stripe.poller.poll()
    await world.settle()


async def page_of(world: World, donor: Person, way: str = "By card, once", amount: str = "10\xa0€") -> str:
    """Go through `/donate` and return the address of the page to pay on."""
    await donor.send("/donate")
    await world.settle()
    await donor.press(way)
    await world.settle()
    await donor.press(amount)
    await world.settle()
    return str(await donor.press("Open the page to pay on"))


async def books(world: World, currency: str = "EUR") -> dict[str, int]:
    """What stands on the accounts of a currency."""
    async with world.unit() as unit:
        found = {purpose.value: (await balance(unit, purpose, currency)).amount for purpose in Purpose}
    return {name: amount for name, amount in found.items() if amount}


async def held_by_stripe(bank: Bank) -> int:
    """What the account at Stripe holds, in cents, by Stripe's own count."""
    return sum(moved["net"] for moved in await bank.objects("balance_transaction"))


async def statuses(world: World) -> list[DonationStatus]:
    """Where each gift stands, in the order of asking."""
    async with world.unit() as unit:
        return list((await unit.session.exec(select(Donation.status).order_by(Donation.asked_at))).all())


async def test_gift_by_card_reaches_the_books(world: World, bank: Bank) -> None:
    """A giver pays on Stripe's page; gift and fee stand in the books, and a receipt in the chat."""
    donor = await world.person("Dora", "en")
    await bank.pay(await page_of(world, donor))
    await hear(world)
    assert await statuses(world) == [DonationStatus.GIVEN]
    held = await held_by_stripe(bank)
    assert await books(world) == {"contributions": -1000, "stripe": held, "fees": 1000 - held}
    assert "Receipt number" in str(await donor.messages())


async def test_card_from_russia_is_paid_back_at_once(world: World, bank: Bank) -> None:
    """A refused card is refunded whole, the giver hears why, and only the fee is lost."""
    donor = await world.person("Dora", "en")
    await bank.pay(await page_of(world, donor), RUSSIAN_CARD)
    await hear(world)
    assert await statuses(world) == [DonationStatus.REFUNDED]
    held = await held_by_stripe(bank)
    assert await books(world) == {"stripe": held, "fees": -held}
    assert "not safe" in str(await donor.messages())


async def test_stars_are_paid_once_and_paid_back(world: World) -> None:
    """An invoice in stars is paid once; a second payment is refused; the books hold stars apart from money."""
    donor = await world.person("Dora", "en")
    link = await page_of(world, donor, "Telegram Stars", "500 ⭐")
    await donor.pay(link)
    await world.settle()
    assert await statuses(world) == [DonationStatus.GIVEN]
    assert await books(world, "XTR") == {"contributions": -500, "stars": 500}
    with pytest.raises(Refused, match="no longer valid"):
        await donor.pay(link)
    async with world.unit() as unit:
        donation = (await unit.session.exec(select(Donation))).one()
        await ask_refund(unit, donation, RefundReason.ASKED, "donor")
    await world.settle()
    assert await statuses(world) == [DonationStatus.REFUNDED]
    assert await books(world, "XTR") == {}


async def test_stars_that_nobody_told_of_are_found(world: World) -> None:
    """A payment whose message was lost is found in Telegram's list of transactions."""
    donor = await world.person("Dora", "en")
    await donor.pay(await page_of(world, donor, "Telegram Stars", "500 ⭐"), lost=True)
    await world.jump(hours=7)
    assert await statuses(world) == [DonationStatus.GIVEN]
    assert await books(world, "XTR") == {"contributions": -500, "stars": 500}
