"""Providers asked by the clock: what no event told of is found, and what they hold is compared with the books."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlmodel import select

from bot.database import Resources
from bot.provider_errands import StripeMoney
from bot.stripe_errands import StripeErrands
from models.audit import AuditEntry
from models.donation import Donation, DonationStatus
from payments import debits, funding, reconcile
from payments.ledger import EntryKind, Purpose, balance, transfer
from payments.money import Money
from payments.stripe_gateway import StripeGateway
from payments.stripe_objects import Balance, Movement, StripeAway, StripeRefused
from sandbox.clock import TravelClock
from sandbox.stripe import books, refunds
from sandbox.stripe.calls import FaultKind
from sandbox.stripe.client import MONTH, Bank
from sandbox.stripe.server import StripeServer
from services import donate, donate_stripe, reconciling_providers
from services.donate import Way
from services.reconciling_providers import STRIPE
from tests.stripe_town import bank, stripe_server

__all__ = ["bank", "stripe_server"]


@pytest.fixture
async def gateway(stripe_server: StripeServer) -> AsyncIterator[StripeGateway]:
    """The gateway with the secret key."""
    opened = StripeGateway(stripe_server.key, stripe_server.url)
    yield opened
    await opened.close()


async def given(
    resources: Resources, gateway: StripeGateway, bank: Bank, way: Way = Way.CARD, iban: str | None = None
) -> None:
    """A gift that was paid and is in the books, or that the bank has to bring yet."""
    steps = StripeErrands(gateway, None)
    async with resources.unit() as unit:
        gift = await donate.begin(unit, way, Money(1000, "EUR"), "en", None, card=True)
        order = await donate_stripe.take_page(unit, gift.id, "https://a.example/", "https://a.example/")
    assert order is not None
    await bank.pay(str(await steps.open_page(resources, order)), iban=iban)
    async with resources.unit() as unit:
        row = await unit.session.get_one(Donation, gift.id)
        event = {"type": "checkout.session.completed", "data": {"object": {"id": row.checkout}}}
        await donate_stripe.stripe_event(unit, event)
    await steps.look_now(resources)


async def statuses(resources: Resources) -> list[DonationStatus]:
    """Where all gifts stand."""
    async with resources.unit() as unit:
        return sorted(gift.status for gift in (await unit.session.exec(select(Donation))).all())


async def told(resources: Resources) -> list[str]:
    """What was told of balances: the facts."""
    async with resources.unit() as unit:
        acts = await unit.session.exec(
            select(AuditEntry.facts).where(AuditEntry.act == "reconcile.held").order_by("number")
        )
        return [str(facts) for facts in acts.all()]


async def test_refund_that_no_event_told_of_is_found(
    resources: Resources, gateway: StripeGateway, bank: Bank, stripe_server: StripeServer
) -> None:
    """A refund made at Stripe itself is found in the list of movements; what is booked is not asked for."""
    await given(resources, gateway, bank)
    money, steps = StripeMoney(gateway), StripeErrands(gateway, None)
    await money.ask(resources)
    assert await steps.look_now(resources) == 0
    [charge] = await bank.objects("charge")
    refunds.create(stripe_server.stripe, {"charge": charge["id"], "amount": 400})
    await money.ask(resources)
    assert await steps.look_now(resources) == 1
    held = sum(moved["net"] for moved in await bank.objects("balance_transaction"))
    async with resources.unit() as unit:
        assert await balance(unit, Purpose.STRIPE, "EUR") == Money(held, "EUR")
        assert await balance(unit, Purpose.CONTRIBUTIONS, "EUR") == Money(-600, "EUR")


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("succeeds", [True, False])
async def test_debit_on_its_way_is_no_difference(
    resources: Resources, clock: TravelClock, gateway: StripeGateway, bank: Bank, *, succeeds: bool, asked: bool
) -> None:
    """Stripe counts a debit before the bank has paid: nobody is alarmed. What it keeps of a failed one is a fee.

    So it is also when nothing was asked before the end, and when no event tells of the end.
    """
    await given(resources, gateway, bank, iban="DE89370400440532013000")
    money, steps = StripeMoney(gateway), StripeErrands(gateway, None)
    if asked:
        for _ in range(3):
            await money.ask(resources)
            clock.advance(timedelta(hours=1))
        async with resources.unit() as unit:
            assert await balance(unit, Purpose.ON_WAY, "EUR") == Money(-1000, "EUR")
            assert await balance(unit, Purpose.CONTRIBUTIONS, "EUR") == Money(0, "EUR")
    [intent] = await bank.objects("payment_intent")
    await bank.finish_debit(intent["id"], succeed=succeeds)
    for _ in range(3):
        await money.ask(resources)
        await steps.look_now(resources)
        clock.advance(timedelta(hours=1))
    held = sum(moved["net"] for moved in await bank.objects("balance_transaction"))
    async with resources.unit() as unit:
        assert await balance(unit, Purpose.STRIPE, "EUR") == Money(held, "EUR")
        assert await balance(unit, Purpose.ON_WAY, "EUR") == Money(0, "EUR")
        assert await balance(unit, Purpose.CONTRIBUTIONS, "EUR") == Money(-1000 * succeeds, "EUR")
    wanted = DonationStatus.GIVEN if succeeds else DonationStatus.FAILED
    assert await statuses(resources) in ([wanted], [DonationStatus.PROCESSING])
    assert not await told(resources)
    async with resources.unit() as unit:
        assert await debits.under_way(unit) == []


@pytest.mark.parametrize("kind", ["server_error", "invalid"])
async def test_what_stripe_does_not_tell_of_is_asked_again_and_blocks_nothing_else(
    resources: Resources,
    clock: TravelClock,
    gateway: StripeGateway,
    bank: Bank,
    stripe_server: StripeServer,
    kind: FaultKind,
) -> None:
    """One source fails for days: the others are found, what is held is compared, and it is found in the end."""
    money, steps = StripeMoney(gateway), StripeErrands(gateway, None)
    for _ in range(2):
        await given(resources, gateway, bank)
    await money.ask(resources)
    await steps.look_now(resources)
    made = [
        refunds.create(stripe_server.stripe, {"charge": charge["id"], "amount": 400})
        for charge in await bank.objects("charge")
    ]
    first = min(refund["id"] for refund in made)
    await bank.fault(kind, f"/v1/refunds/{first}", verb="GET", times=1000)
    for hours, count in ((0, 1), (72, 0), (72, 0)):
        clock.advance(timedelta(hours=hours))
        with pytest.raises((StripeAway, StripeRefused)):
            await money.ask(resources)
        assert await steps.look_now(resources) == count
    assert len(await told(resources)) == 1
    await bank.mend()
    await money.ask(resources)
    assert await steps.look_now(resources) == 1
    async with resources.unit() as unit:
        assert await balance(unit, Purpose.CONTRIBUTIONS, "EUR") == Money(-1200, "EUR")


async def test_what_stripe_takes_out_of_nothing_is_set_aside_at_once(resources: Resources) -> None:
    """A monthly fee at an empty balance is a debt: what is free stands against it and is promised to nobody."""
    fee = Money(-700, "RUB")
    taken = Movement("stripe_fee", "", Balance("txn_fee", fee, Money(0, "RUB")))
    async with resources.unit() as unit:
        await funding.add(unit, Money(1000, "RUB"), "operator")
        for _ in range(2):
            await reconciling_providers.note(unit, [taken])
        assert await balance(unit, Purpose.STRIPE, "RUB") == fee
        assert await balance(unit, Purpose.COVERED, "RUB") == -fee
        assert await balance(unit, Purpose.FUND, "RUB") == Money(300, "RUB")
        assert await reconcile.compare(unit) == []


async def test_month_that_no_event_told_of_is_found(
    resources: Resources, gateway: StripeGateway, bank: Bank
) -> None:
    """A renewal's payment names no gift: the month that it was made for leads to it."""
    await given(resources, gateway, bank, Way.MONTHLY)
    await bank.advance(MONTH)
    money = StripeMoney(gateway)
    await money.ask(resources)
    assert await StripeErrands(gateway, None).look_now(resources) == 1
    assert await statuses(resources) == [DonationStatus.GIVEN] * 2
    await money.ask(resources)
    assert await StripeErrands(gateway, None).look_now(resources) == 0


async def test_what_stripe_holds_is_compared_and_told_once(
    resources: Resources, clock: TravelClock, gateway: StripeGateway, bank: Bank
) -> None:
    """A difference that stands for an hour is told once; another one anew; one that came and went never."""
    money = StripeMoney(gateway)
    await given(resources, gateway, bank)
    await bank.top_up(500)
    for hours, count in ((0, 0), (1, 1), (6, 1), (6, 1)):
        clock.advance(timedelta(hours=hours))
        await money.ask(resources)
        assert len(await told(resources)) == count
    await bank.top_up(1)
    await money.ask(resources)
    async with resources.unit() as unit:
        source, target = Purpose.CONTRIBUTIONS, Purpose.STRIPE
        found = Money(501, "EUR")
        await transfer(unit, EntryKind.GIFT, "gift:found", found, source=source, target=target, actor="t")
    clock.advance(timedelta(hours=1))
    await money.ask(resources)
    assert len(await told(resources)) == 1
    await bank.top_up(500)
    for _ in range(2):
        await money.ask(resources)
        clock.advance(timedelta(hours=1))
    assert len(await told(resources)) == 2


async def test_what_stripe_takes_for_itself_is_entered_once(
    resources: Resources, gateway: StripeGateway, stripe_server: StripeServer
) -> None:
    """A fee of the account that belongs to no gift is a cost in the books."""
    stripe_server.stripe.settle()
    books.book(stripe_server.stripe, "stripe_fee", "", -250, category="fee")
    for _ in range(2):
        await StripeMoney(gateway).ask(resources)
    async with resources.unit() as unit:
        assert await balance(unit, Purpose.FEES, "EUR") == Money(250, "EUR")
        assert await balance(unit, Purpose.STRIPE, "EUR") == Money(-250, "EUR")


async def test_stripe_is_asked_every_six_hours_and_sooner_after_a_failure(
    resources: Resources, clock: TravelClock, gateway: StripeGateway, bank: Bank
) -> None:
    """Who was asked is left alone; who did not answer is asked again soon, and nothing in between is missed."""
    errand = StripeMoney(gateway).errand()

    async def is_due() -> bool:
        async with resources.unit() as unit:
            return bool(await reconciling_providers.due(unit, STRIPE))

    async def run() -> None:
        async with resources.unit() as unit:
            keys = await errand.find(unit)
        for key in keys:
            await errand.run(resources, None, key)  # type: ignore[arg-type] # it asks Telegram nothing

    assert await is_due()
    await run()
    assert not await is_due()
    clock.advance(timedelta(hours=6))
    await bank.fault("server_error", "/v1/balance", verb="GET", times=2)
    await run()
    assert not await is_due()
    clock.advance(timedelta(minutes=16))
    assert await is_due()
