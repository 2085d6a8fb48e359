"""Gifts from the press of `/donate` to the books, over both stand-ins."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlmodel import select

from bot.database import Resources
from bot.stripe_setup import StripeSetup
from models.donation import Donation, DonationStatus, RefundReason
from sandbox.clock import TravelClock
from sandbox.stripe.client import FAILING_IBAN, GOOD_IBAN, RUSSIAN_CARD, Bank
from sandbox.stripe.server import StripeServer
from services.donate_settle import ask_refund
from tests.flows.chronicle import chronicle
from tests.flows.giving import books, choose, hear, held_by_stripe, page_of, press_newest_gift, statuses, texts
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


async def test_gift_is_taken_back_by_its_giver(world: World, bank: Bank) -> None:
    """Within the policy's days a giver has a gift paid back; what the provider keeps is a cost."""
    donor = await world.person("Dora", "en")
    await bank.pay(await page_of(world, donor))
    await hear(world)
    await press_newest_gift(world, donor)
    await hear(world)
    assert await statuses(world) == [DonationStatus.REFUNDED]
    held = await held_by_stripe(bank)
    assert await books(world) == {"stripe": held, "fees": -held}


@pytest.mark.parametrize(("won", "status"), [(True, DonationStatus.GIVEN), (False, DonationStatus.LOST)])
async def test_dispute_is_in_the_books_until_it_ends(
    world: World, bank: Bank, *, won: bool, status: DonationStatus
) -> None:
    """Disputed money stands apart while the bank has it, and comes back or is lost."""
    donor = await world.person("Dora", "en")
    await bank.pay(await page_of(world, donor))
    await hear(world)
    dispute = await bank.dispute((await bank.objects("charge"))[0]["id"])
    await hear(world)
    assert await statuses(world) == [DonationStatus.DISPUTED]
    assert (await books(world))["disputed"] == 1000
    await bank.decide(dispute, won=won)
    await hear(world)
    assert await statuses(world) == [status]
    after, held = await books(world), await held_by_stripe(bank)
    assert "disputed" not in after
    assert after["stripe"] == held
    assert after.get("contributions", 0) == (-1000 if won else 0)


@pytest.mark.parametrize("succeed", [True, False])
async def test_debit_is_on_its_way_for_days(world: World, bank: Bank, *, succeed: bool) -> None:
    """A bank debit arrives days later, or bounces without any entry; the giver hears how it ended."""
    donor = await world.person("Dora", "en")
    await bank.pay(await page_of(world, donor), iban=GOOD_IBAN if succeed else FAILING_IBAN)
    await hear(world)
    assert await statuses(world) == [DonationStatus.PROCESSING]
    assert "is on its way" in str(await texts(donor))
    await bank.finish_debit((await bank.objects("payment_intent"))[0]["id"], succeed=succeed)
    await hear(world)
    assert await statuses(world) == [DonationStatus.GIVEN if succeed else DonationStatus.FAILED]
    assert ("arrived on" if succeed else "did not go through") in str(await texts(donor))
    held = await held_by_stripe(bank)
    there = {"contributions": -1000, "stripe": held, "fees": 1000 - held}
    assert await books(world) == (there if succeed else {})


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_stripe_that_is_down_for_a_day_is_said_and_loses_nothing(world: World, bank: Bank) -> None:
    """Who paid before hears a day later that it arrived; who asked meanwhile hears that it did not go through."""
    early, late = await world.person("Dora", "en"), await world.person("Dan", "en")
    async with chronicle(world) as written:
        await bank.pay(await page_of(world, early))
        await bank.fault("down", "/v1/", seconds=25 * 3600)
        await choose(world, late, "By card, once", "10\xa0€")
        for _ in range(13):
            await world.jump(hours=2)
        await hear(world)
    assert sorted(await statuses(world)) == [DonationStatus.FAILED, DonationStatus.GIVEN]
    assert written.said(early.id, "arrived on")
    assert written.said(late.id, "did not go through. Nothing was taken.")
    assert len(await bank.objects("checkout.session")) == 1
    held = await held_by_stripe(bank)
    assert await books(world) == {"contributions": -1000, "stripe": held, "fees": 1000 - held}


async def test_page_nobody_paid_on_expires(world: World, bank: Bank) -> None:
    """A page that is left ends by itself, also when no event tells of it."""
    donor = await world.person("Dora", "en")
    await page_of(world, donor)
    await bank.hide_events()
    await world.jump(hours=25)
    assert await statuses(world) == [DonationStatus.EXPIRED]


async def test_rates_that_moved_are_a_cost_of_exchange(world: World, bank: Bank) -> None:
    """A gift in another currency is taken back at the rate of that day; the difference has its own account."""
    donor = await world.person("Dora", "en")
    await choose(world, donor, "By card, once", "USD", "50\xa0$")
    await bank.pay(str(await donor.press("Open the page to pay on")))
    await hear(world)
    await bank.set_rate("usd", "1.00")
    async with world.unit() as unit:
        donation = (await unit.session.exec(select(Donation))).one()
        await ask_refund(unit, donation, RefundReason.ASKED, "donor")
    await world.settle()
    await hear(world)
    held = await held_by_stripe(bank)
    assert await books(world) == {"stripe": held, "exchange": 400, "fees": -held - 400}


async def test_webhooks_twice_and_backwards_are_harmless(
    world: World, bank: Bank, stripe_server: StripeServer
) -> None:
    """Deliveries that come twice, in reverse, and are polled as well, make the same books."""
    assert world.setup.stripe is not None
    secret = await bank.endpoint(f"http://{world.setup.web_bind}/stripe")
    world.setup = replace(world.setup, stripe=StripeSetup(stripe_server.key, stripe_server.url, secret))
    await world.kill()
    await world.start()
    donor = await world.person("Dora", "en")
    await bank.duplicate(2)
    await bank.hold()
    await bank.pay(await page_of(world, donor))
    dispute = await bank.dispute((await bank.objects("charge"))[0]["id"])
    await bank.decide(dispute, won=True)
    await bank.release("reversed")
    assert {status for each in await bank.delivered() for status in each["answers"]} == {200}
    await world.settle()
    await hear(world)
    assert await statuses(world) == [DonationStatus.GIVEN]
    held = await held_by_stripe(bank)
    assert await books(world) == {"contributions": -1000, "stripe": held, "fees": 1000 - held}


@pytest.mark.parametrize("path", ["/v1/checkout/sessions", "/v1/refunds"])
async def test_lost_answers_do_nothing_twice(world: World, bank: Bank, path: str) -> None:
    """What Stripe did without our hearing is asked for again under the same key, and done once."""
    donor = await world.person("Dora", "en")
    await bank.fault("lost_answer", path, verb="POST")
    await choose(world, donor, "By card, once", "10\xa0€")
    await world.jump(minutes=2)
    await bank.pay(str(await donor.press("Open the page to pay on")), RUSSIAN_CARD)
    await hear(world)
    await world.jump(minutes=2)
    await hear(world)
    assert len(await bank.objects("checkout.session")) == 1
    assert len(await bank.objects("refund")) == 1
    assert await statuses(world) == [DonationStatus.REFUNDED]


async def test_crash_before_stripe_was_asked_loses_nothing(world: World, bank: Bank) -> None:
    """The row stands before the call: after a crash the page is made all the same."""
    donor = await world.person("Dora", "en")
    await bank.fault("hang_up", "/v1/checkout/sessions", times=100)
    await choose(world, donor, "By card, once", "10\xa0€")
    await world.kill()
    await bank.mend()
    await world.start()
    await world.jump(hours=1)
    assert await donor.press("Open the page to pay on")


async def test_typed_amount_is_taken_or_refused_kindly(world: World) -> None:
    """Another amount is typed, erased, and taken within the policy's bounds; anything else is answered exactly."""
    donor = await world.person("Dora", "en")
    await choose(world, donor, "By card, once", "Another amount")
    for typed, said in (
        ("0", "greater than zero"),
        ("1", "too little"),
        ("10000000", "more than"),
        ("x", "number"),
    ):
        await donor.send(typed)
        await world.settle()
        shown = await donor.messages()
        assert said in shown[-1].text
        assert typed not in [message.text for message in shown]
    await donor.send("33.50")
    await world.settle()
    assert await donor.press("Open the page to pay on")
    async with world.unit() as unit:
        donation = (await unit.session.exec(select(Donation))).one()
    assert (donation.amount, donation.currency) == (3350, "EUR")
