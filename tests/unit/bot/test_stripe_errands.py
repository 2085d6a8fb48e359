"""What Stripe refuses to tell: nothing is settled by it, and people are told what they must mend."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from bot.stripe_errands import StripeErrands
from models.audit import AuditEntry
from models.donation import Donation, DonationStatus, Looked, RefundReason, StripeLook
from payments.money import Money
from payments.stripe_gateway import StripeGateway
from sandbox.clock import TravelClock
from sandbox.stripe.calls import FaultKind
from sandbox.stripe.client import RUSSIAN_CARD, SECURE_CARD, SECURE_DECLINED_CARD, Bank, Declined
from sandbox.stripe.server import StripeServer
from services import donate, donate_stripe
from services.donate import Way
from services.donate_settle import ask_refund
from tests.stripe_town import bank, stripe_server
from tests.unit.services.founding import peopled
from tests.unit.services.fund import shows

__all__ = ["bank", "stripe_server"]


@pytest.fixture
async def errands(stripe_server: StripeServer) -> AsyncIterator[StripeErrands]:
    """What is asked of Stripe, with the secret key."""
    gateway = StripeGateway(stripe_server.key, stripe_server.url)
    yield StripeErrands(gateway, None)
    await gateway.close()


async def page(resources: Resources, errands: StripeErrands, money: Money | None = None) -> tuple[UUID, str]:
    """A gift and the page to pay it on."""
    async with resources.unit() as unit:
        asked = money or Money(1000, "EUR")
        gift = await donate.begin(unit, Way.CARD, asked, "en", None, card=True)
        order = await donate_stripe.take_page(unit, gift.id, "https://a.example/", "https://a.example/")
    assert order is not None
    return gift.id, str(await errands.open_page(resources, order))


async def ask(resources: Resources, gift_id: UUID) -> None:
    """Have a gift's page looked up."""
    async with resources.unit() as unit:
        gift = await unit.session.get_one(Donation, gift_id)
        await donate_stripe.ask_look(unit, Looked.SESSION, str(gift.checkout))


async def troubles(resources: Resources) -> list[str]:
    """What people were told that Stripe refuses, in order."""
    async with resources.unit() as unit:
        acts = await unit.session.exec(
            select(AuditEntry.subject).where(AuditEntry.act == "reconcile.provider-refuses").order_by("number")
        )
        return [str(subject) for subject in acts.all()]


async def looks(resources: Resources) -> int:
    """How many looks are open."""
    async with resources.unit() as unit:
        return len((await unit.session.exec(select(StripeLook))).all())


@pytest.mark.parametrize(("kind", "told"), [("forbidden", "stripe:key"), ("invalid", "stripe:parameter_unknown")])
async def test_a_refusal_settles_nothing_and_is_told(
    resources: Resources, clock: TravelClock, errands: StripeErrands, bank: Bank, kind: FaultKind, told: str
) -> None:
    """A right that is missing or a wrong request keeps the look open; it is told once a day."""
    gift_id, url = await page(resources, errands)
    await bank.pay(url)
    await bank.fault(kind, "/v1/checkout/sessions", verb="GET", times=1000)
    await ask(resources, gift_id)
    for _ in range(30):
        await errands.look_now(resources)
        clock.advance(timedelta(minutes=61))
    assert await looks(resources) == 1
    assert await troubles(resources) == [told, told]
    await bank.mend()
    await errands.look_now(resources)
    assert await looks(resources) == 0
    async with resources.unit() as unit:
        assert (await unit.session.get_one(Donation, gift_id)).status is DonationStatus.GIVEN


async def _run(errands: StripeErrands, resources: Resources, name: str) -> None:
    [errand] = [each for each in errands.all() if each.name == name]
    async with resources.unit() as unit:
        due = await errand.find(unit)
    for key in due:
        await errand.run(resources, None, key)  # type: ignore[arg-type] # it asks Telegram nothing


async def test_a_refund_is_made_once_over_a_day_of_silence(
    resources: Resources, clock: TravelClock, errands: StripeErrands, bank: Bank
) -> None:
    """Stripe paid back and its answer was lost; a day later it knows the key no more, and is not asked twice."""
    gift_id, url = await page(resources, errands)
    await bank.pay(url)
    await ask(resources, gift_id)
    await errands.look_now(resources)
    async with resources.unit() as unit:
        gift = await unit.session.get_one(Donation, gift_id)
        await ask_refund(unit, gift, RefundReason.ASKED, "donor")
    await bank.fault("lost_answer", "/v1/refunds", verb="POST")
    await _run(errands, resources, "donate.refunds")
    await bank.fault("down", "/v1/", seconds=25 * 3600)
    for _ in range(30):
        clock.advance(timedelta(minutes=61))
        await _run(errands, resources, "donate.refunds")
    await errands.look_now(resources)
    assert len(await bank.objects("refund")) == 1
    assert len(await bank.calls("/v1/refunds", verb="POST")) == 1
    async with resources.unit() as unit:
        assert (await unit.session.get_one(Donation, gift_id)).status is DonationStatus.REFUNDED


async def _asked_back(resources: Resources, errands: StripeErrands, bank: Bank) -> UUID:
    """A gift by a card that the policy refuses, whose refund was asked for; there is a treasurer to hear of it."""
    await peopled(resources, treasurers=["Till"], group=False)
    gift_id, url = await page(resources, errands)
    await bank.pay(url, RUSSIAN_CARD)
    await ask(resources, gift_id)
    await errands.look_now(resources)
    await _run(errands, resources, "donate.refunds")
    return gift_id


async def test_a_refund_that_comes_back_is_told(resources: Resources, errands: StripeErrands, bank: Bank) -> None:
    """A card that the policy refuses was paid back, and its bank did not take it: treasurers hear so, once."""
    gift_id = await _asked_back(resources, errands, bank)
    await errands.look_now(resources)
    async with resources.unit() as unit:
        before = len(await shows(unit, "notice:"))
    await bank.finish_refund((await bank.objects("refund"))[0]["id"], succeed=False)
    for _ in range(2):
        await ask(resources, gift_id)
        await errands.look_now(resources)
    async with resources.unit() as unit:
        gift = await unit.session.get_one(Donation, gift_id)
        assert (gift.status, gift.refund_reason) == (DonationStatus.GIVEN, RefundReason.CARD)
        assert len(await shows(unit, "notice:")) == before + 1


@pytest.mark.parametrize("status", ["canceled", "failed"])
@pytest.mark.parametrize("heard", [False, True])
async def test_a_refund_that_never_moved_money_is_told(
    resources: Resources,
    errands: StripeErrands,
    bank: Bank,
    clock: TravelClock,
    stripe_server: StripeServer,
    *,
    status: str,
    heard: bool,
) -> None:
    """It ends before Stripe has paid anything: the gift is there, treasurers hear so once, nobody asks again."""
    gift_id = await _asked_back(resources, errands, bank)
    refund = stripe_server.stripe.get("refund", (await bank.objects("refund"))[0]["id"])
    refund.update(status="pending", balance_transaction=None)
    if heard:
        await errands.look_now(resources)
    async with resources.unit() as unit:
        before = len(await shows(unit, "notice:"))
        gift = await unit.session.get_one(Donation, gift_id)
        assert gift.status is (DonationStatus.REFUNDED if heard else DonationStatus.REFUNDING)
    refund.update(status=status)
    for _ in range(2):
        clock.advance(donate_stripe.UNSETTLED)
        await ask(resources, gift_id)
        await errands.look_now(resources)
        await _run(errands, resources, "donate.refunds")
    async with resources.unit() as unit:
        gift = await unit.session.get_one(Donation, gift_id)
        assert (gift.status, gift.refund_reason) == (DonationStatus.GIVEN, RefundReason.CARD)
        assert len(await shows(unit, "notice:")) == before + 1
    assert await looks(resources) == 0
    assert len(await bank.objects("refund")) == 1


async def test_a_page_of_the_web_is_asked_for_anew_to_the_letter(
    resources: Resources, clock: TravelClock, stripe_server: StripeServer, bank: Bank
) -> None:
    """A lost answer is no fault of the key: the same page is found, and nobody is called to mend anything."""
    site = "https://fund.example"
    await bank.fault("lost_answer", "/v1/checkout/sessions", verb="POST")
    async with resources.unit() as unit:
        gift = await donate.begin(unit, Way.CARD, Money(1000, "EUR"), "en", None, card=True)
        order = await donate_stripe.take_page(unit, gift.id, *donate_stripe.give_pages(site))
    gateway = StripeGateway(stripe_server.key, stripe_server.url)
    errands = StripeErrands(gateway, site)
    assert order is not None
    assert await errands.open_page(resources, order) is None
    clock.advance(timedelta(minutes=2))
    await _run(errands, resources, "donate.pages")
    await gateway.close()
    async with resources.unit() as unit:
        assert (await unit.session.get_one(Donation, gift.id)).status is DonationStatus.OPEN
    (session,) = await bank.objects("checkout.session")
    assert session["cancel_url"] == f"{site}/give"


async def test_a_page_is_not_made_anew_after_a_day_of_silence(
    resources: Resources, clock: TravelClock, errands: StripeErrands, bank: Bank
) -> None:
    """A page whose making was not heard of is not made a second time once Stripe has forgotten the first."""
    await bank.fault("lost_answer", "/v1/checkout/sessions", verb="POST")
    async with resources.unit() as unit:
        gift = await donate.begin(unit, Way.CARD, Money(1000, "EUR"), "en", None, card=True)
        order = await donate_stripe.take_page(unit, gift.id, "https://a.example/", "https://a.example/")
    assert order is not None
    assert await errands.open_page(resources, order) is None
    clock.advance(timedelta(hours=24, minutes=1))
    async with resources.unit() as unit:
        assert await donate_stripe.take_page(unit, gift.id, "https://a.example/", "https://a.example/") is None
    assert len(await bank.objects("checkout.session")) == 1


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize(
    ("country", "status"),
    [("DE", DonationStatus.GIVEN), ("RU", DonationStatus.REFUNDED), ("", DonationStatus.REFUNDED)],
)
async def test_a_wallet_is_paid_back_unless_it_says_that_it_is_safe(
    resources: Resources,
    errands: StripeErrands,
    bank: Bank,
    country: str,
    status: DonationStatus,
    *,
    closed: bool,
) -> None:
    """Behind Link may be a card of a refused country: who cannot say is paid back, closed gifts or not."""
    gift_id, url = await page(resources, errands)
    if closed:
        resources.policy = resources.policy.model_copy(update={"donations": None})
    await bank.pay(url, link=True, issued=country)
    await ask(resources, gift_id)
    await errands.look_now(resources)
    await _run(errands, resources, "donate.refunds")
    await errands.look_now(resources)
    async with resources.unit() as unit:
        assert (await unit.session.get_one(Donation, gift_id)).status is status


@pytest.mark.parametrize(
    ("card", "passed", "status"),
    [
        (SECURE_CARD, True, DonationStatus.GIVEN),
        (SECURE_CARD, False, DonationStatus.OPEN),
        (SECURE_DECLINED_CARD, True, DonationStatus.OPEN),
    ],
)
async def test_a_bank_that_asks_first_gives_nothing_before_its_answer(
    resources: Resources, errands: StripeErrands, bank: Bank, card: str, *, passed: bool, status: DonationStatus
) -> None:
    """While 3-D Secure waits nothing is given; who fails it may pay with another card on the same page."""
    gift_id, url = await page(resources, errands)
    assert await bank.pay(url, card) == url
    await ask(resources, gift_id)
    await errands.look_now(resources)
    async with resources.unit() as unit:
        assert (await unit.session.get_one(Donation, gift_id)).status is DonationStatus.OPEN
    with nullcontext() if status is DonationStatus.GIVEN else pytest.raises(Declined):
        await bank.authenticate(url, passed=passed)
    await ask(resources, gift_id)
    await errands.look_now(resources)
    async with resources.unit() as unit:
        assert (await unit.session.get_one(Donation, gift_id)).status is status
    if status is DonationStatus.OPEN:
        await bank.pay(url)
        await ask(resources, gift_id)
        await errands.look_now(resources)
        async with resources.unit() as unit:
            assert (await unit.session.get_one(Donation, gift_id)).status is DonationStatus.GIVEN


async def test_what_stripe_does_not_know_is_settled_at_once(resources: Resources, errands: StripeErrands) -> None:
    """An id that nothing belongs to is not asked for again, and nobody is told."""
    async with resources.unit() as unit:
        await donate_stripe.ask_look(unit, Looked.PAYMENT, "pi_of_nobody")
    await errands.look_now(resources)
    assert await looks(resources) == 0
    assert await troubles(resources) == []
