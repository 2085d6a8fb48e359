"""Gifts from the press of `/donate` to the books, over both stand-ins."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest
from sqlmodel import col, select

from bot.database import Resources
from bot.stripe_setup import StripeSetup
from models.audit import AuditEntry
from models.donation import Donation, DonationStatus, RefundReason
from payments.ledger import EntryKind, Purpose, balance, transfer
from payments.money import STARS, Money
from sandbox.clock import TravelClock
from sandbox.stripe.client import DECLINED_CARD, FAILING_IBAN, GOOD_CARD, GOOD_IBAN, MONTH, RUSSIAN_CARD, Bank
from sandbox.stripe.server import StripeServer
from sandbox.telegram.client import Person, Refused
from services.donate_settle import ask_refund
from tests.flows.chronicle import chronicle
from tests.flows.harness import World, open_world
from tests.stripe_town import bank, connect, stripe_server

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


async def choose(world: World, donor: Person, *labels: str) -> None:
    """Go through `/donate` by these buttons."""
    await donor.send("/donate")
    await world.settle()
    for label in labels:
        await donor.press(label)
        await world.settle()


async def page_of(world: World, donor: Person, way: str = "By card, once", amount: str = "10\xa0€") -> str:
    """Go through `/donate` and return the address of the page to pay on."""
    await choose(world, donor, way, amount)
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
        gifts = (await unit.session.exec(select(Donation).order_by(col(Donation.asked_at)))).all()
    return [gift.status for gift in gifts]


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


@pytest.mark.parametrize("kind", ["lost_answer", "garbage", "server_error", "hang_up"])
async def test_stars_are_paid_back_once_over_a_day_without_answers(
    world: World, kind: Literal["lost_answer", "garbage", "server_error", "hang_up"]
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


@pytest.mark.parametrize("mended", [True, False])
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


async def press_newest_gift(world: World, donor: Person) -> None:
    """Take the newest gift back by `/gifts`."""
    await donor.send("/gifts")
    await world.settle()
    labels = [label for message in await donor.messages() for label in message.labels]
    await donor.press(next(label for label in labels if label.endswith("arrived")))
    await world.settle()
    await donor.press("Take this gift back")
    await world.settle()


async def texts(person: Person) -> list[str]:
    """What a person can read."""
    return [view.text for view in await person.messages()]


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
