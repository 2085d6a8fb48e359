"""Gifts in Telegram Stars: paid once, paid back once, found unheard of, and compared with what Telegram holds."""

from collections.abc import AsyncIterator
from typing import Literal

import pytest
from sqlmodel import select

from bot.database import Resources
from bot.stripe_setup import StripeSetup
from models.audit import AuditEntry
from models.donation import Donation, DonationStatus, RefundReason
from payments.ledger import EntryKind, Purpose, transfer
from payments.money import STARS, Money
from sandbox.clock import TravelClock
from sandbox.stripe.server import StripeServer
from sandbox.telegram.client import Refused
from services.donate_settle import ask_refund
from tests.flows.chronicle import chronicle
from tests.flows.giving import books, page_of, press_newest_gift, statuses
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


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kind", ["lost_answer", "garbage", "server_error"])
async def test_stars_are_paid_back_once_over_a_day_without_answers(
    world: World, kind: Literal["lost_answer", "garbage", "server_error"]
) -> None:
    """Done and unheard, or not heard of for a day: asked for again until it is known, and paid back once."""
    donor = await world.person("Dora", "en")
    await donor.pay(await page_of(world, donor, "Telegram Stars", "500 ⭐"))
    await world.settle()
    await world.town.fault(
        kind, method="refundStarPayment", times=12 if kind in {"server_error", "hang_up"} else 1
    )
    async with chronicle(world) as written:
        await press_newest_gift(world, donor)
        for _ in range(13):
            await world.jump(hours=2)
    assert await statuses(world) == [DonationStatus.REFUNDED]
    assert await books(world, "XTR") == {}
    assert [payment.refunded is not None for payment in world.server.telegram.world.payments] == [True]
    assert len(written.said(donor.id, "was paid back")) == 1


async def test_stars_that_nobody_told_of_are_found(world: World) -> None:
    """A payment whose message was lost is found in Telegram's list of transactions."""
    donor = await world.person("Dora", "en")
    await donor.pay(await page_of(world, donor, "Telegram Stars", "500 ⭐"), lost=True)
    await world.jump(hours=7)
    assert await statuses(world) == [DonationStatus.GIVEN]
    assert await books(world, "XTR") == {"contributions": -500, "stars": 500}


async def test_list_of_stars_that_cannot_be_read_is_read_later(world: World) -> None:
    """A Bot API server that refuses the list is not asked again at once, and loses nothing."""
    donor = await world.person("Dora", "en")
    await donor.pay(await page_of(world, donor, "Telegram Stars", "500 ⭐"), lost=True)
    await world.town.fault("server_error", method="getStarTransactions")
    await world.jump(hours=7)
    assert await statuses(world) == [DonationStatus.OPEN]
    await world.jump(minutes=16)
    assert await statuses(world) == [DonationStatus.GIVEN]


async def test_stars_that_telegram_does_not_hold_are_told_once(world: World) -> None:
    """What Telegram says it holds is compared with the books; a difference that stands is told once."""
    donor = await world.person("Dora", "en")
    await donor.pay(await page_of(world, donor, "Telegram Stars", "500 ⭐"))
    await world.settle()
    async with world.unit() as unit:
        more, source, target = Money(7, STARS), Purpose.CONTRIBUTIONS, Purpose.STARS
        await transfer(unit, EntryKind.GIFT, "gift:7", more, source=source, target=target, actor="t")
    for hours in (7, 1, 1, 7):
        await world.jump(hours=hours)
    async with world.unit() as unit:
        acts = await unit.session.exec(select(AuditEntry.facts).where(AuditEntry.act == "reconcile.held"))
        assert acts.all() == ['{"ours":0,"theirs":-7}']
