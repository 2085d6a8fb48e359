"""stripe-python against the stand-in: what is sent, with which key, what an answer that is lost or bad means."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from payments.money import Money
from payments.stripe_asking import LOCALES
from payments.stripe_gateway import API_VERSION, EVENTS, StripeGateway
from payments.stripe_means import country_of, may_hide
from payments.stripe_objects import (
    Order,
    PaymentState,
    SessionState,
    StripeAway,
    StripeRefused,
    StripeUnknown,
)
from sandbox.stripe import transfers
from sandbox.stripe.client import FAILING_IBAN, GOOD_IBAN, MONTH, RUSSIAN_CARD, Bank
from sandbox.stripe.keys import Right
from sandbox.stripe.server import StripeServer
from tests.stripe_town import bank, stripe_server

__all__ = ["bank", "stripe_server"]

RIGHTS: dict[str, Right] = {
    "checkout_session": "write",
    "charge": "read",
    "refund": "write",
    "subscription": "write",
    "payment_intent": "read",
    "balance": "read",
    "dispute": "read",
    "invoice": "read",
    "event": "read",
    "product": "write",
}
"""What README.md says a restricted key needs, as the stand-in names it."""


@pytest.fixture
async def gateway(stripe_server: StripeServer) -> AsyncIterator[StripeGateway]:
    """The gateway with the secret key."""
    opened = StripeGateway(stripe_server.key, stripe_server.url)
    yield opened
    await opened.close()


def order(donation: UUID | None = None, money: Money | None = None, *, monthly: bool = False) -> Order:
    """A page to pay on."""
    asked = money or Money(1000, "EUR")
    back = "https://give.example/give"
    return Order(donation or uuid4(), asked, monthly, "ru", "Поддержка", "SHOULDER", back, back)


async def test_asking_again_after_a_lost_answer_makes_one_page(
    gateway: StripeGateway, bank: Bank, stripe_server: StripeServer
) -> None:
    """The key comes from our row: whoever asks again gets the page that was made."""
    asked = order()
    await bank.fault("lost_answer", "/v1/checkout/sessions", verb="POST")
    with pytest.raises(StripeAway):
        await gateway.open_session(asked)
    session = await gateway.open_session(asked)
    assert session.donation == asked.donation
    assert [each["id"] for each in await bank.objects("checkout.session")] == [session.id]
    assert stripe_server.stripe.calls.select()[-1].idempotency_key == f"donation-{asked.donation}-session"


async def test_a_language_that_checkout_does_not_speak_closes_no_page(gateway: StripeGateway) -> None:
    """A language of the fund is only a folder: Stripe takes each that is passed on."""
    for language in ("uk", *LOCALES):
        assert (await gateway.open_session(replace(order(), language=language))).url


async def test_what_moves_money_is_asked_under_the_key_of_our_row(
    gateway: StripeGateway, bank: Bank, stripe_server: StripeServer
) -> None:
    """A refund and a transfer that are asked for again carry the key of the first time, and are done once."""
    session = await gateway.open_session(order())
    await bank.pay(str(session.url))
    payment = (await gateway.session(session.id)).payment
    assert payment is not None
    donation, partner, calls = session.donation or uuid4(), await bank.connect(), stripe_server.stripe.calls
    await bank.top_up(5000)
    for path, kind in (("/v1/refunds", "refund"), ("/v1/transfers", "transfer")):
        await bank.fault("lost_answer", path, verb="POST")
        for again in (False, True):
            asked = (
                gateway.refund(donation, payment.id)
                if kind == "refund"
                else gateway.transfer("attempt", Money(500, "EUR"), partner)
            )
            with contextlib.nullcontext() if again else pytest.raises(StripeAway):
                await asked
        assert len(await bank.objects(kind)) == 1
    refund, transfer = (calls.select("POST", path) for path in ("/v1/refunds", "/v1/transfers"))
    assert [call.idempotency_key for call in refund] == [f"donation-{donation}-refund"] * 2
    assert [call.idempotency_key for call in transfer] == ["transfer-attempt"] * 2
    assert [call.replayed for call in (*refund, *transfer)] == [False, True] * 2


async def test_nothing_of_a_person_is_sent(gateway: StripeGateway, bank: Bank) -> None:
    """All that Stripe learns from us is an amount, neutral words, our random id and where to lead back."""
    asked = order(monthly=True)
    await gateway.open_session(asked)
    await gateway.open_session(order())
    for call in await bank.calls("/v1/checkout/sessions", verb="POST"):
        sent = call["params"]
        assert set(sent) <= {
            *("mode", "submit_type", "locale", "success_url", "cancel_url", "client_reference_id"),
            *("adaptive_pricing", "line_items", "payment_intent_data", "subscription_data"),
        }
        data = sent.get("payment_intent_data") or sent["subscription_data"]
        assert data["metadata"] == {"donation": sent["client_reference_id"]}


async def test_yen_have_no_decimals(gateway: StripeGateway, bank: Bank) -> None:
    """Five hundred yen are five hundred, on the page, in the charge and back in our money."""
    session = await gateway.open_session(order(money=Money(500, "JPY")))
    await bank.pay(str(session.url))
    payment = (await gateway.session(session.id)).payment
    assert payment is not None
    assert payment.charge is not None
    assert payment.charge.money == Money(500, "JPY")


async def test_payment_is_read_whole(gateway: StripeGateway, bank: Bank) -> None:
    """Charge, country of the card, fee, refund: all with their balance transactions."""
    session = await gateway.open_session(order())
    await bank.pay(str(session.url), RUSSIAN_CARD)
    payment = (await gateway.session(session.id)).payment
    assert payment is not None
    assert payment.charge is not None
    assert payment.charge.country == "RU"
    assert payment.charge.giver == "Test Donor"
    assert payment.charge.balance is not None
    for _ in range(2):
        await gateway.refund(session.donation or uuid4(), payment.id)
    payment = await gateway.payment(payment.id)
    assert payment.state is PaymentState.PAID
    assert [refund.money for refund in payment.refunds] == [Money(1000, "EUR")]
    assert payment.refunds[0].balance is not None
    await gateway.refund(uuid4(), payment.id)  # under another key: Stripe says that it has been paid back


@pytest.mark.parametrize("arrives", [True, False])
async def test_month_by_bank_debit_is_read_before_it_arrives(
    gateway: StripeGateway, bank: Bank, *, arrives: bool
) -> None:
    """For days nothing is paid: the page still tells of the promise, and of the payment that is to pay it."""
    opened = await gateway.open_session(order(monthly=True))
    await bank.pay(str(opened.url), iban=GOOD_IBAN if arrives else FAILING_IBAN)
    session = await gateway.session(opened.id)
    assert session.subscription is not None
    assert session.payment is not None
    assert session.payment.state is PaymentState.PROCESSING
    await bank.finish_debit(session.payment.id, succeed=arrives)
    session = await gateway.session(opened.id)
    assert session.subscription is not None
    assert session.payment is not None
    assert session.payment.state is (PaymentState.PAID if arrives else PaymentState.UNPAID)
    assert session.subscription.failing is not arrives
    invoice = await gateway.invoice((await bank.objects("invoice"))[0]["id"])
    assert (invoice.paid, invoice.payment) == (arrives, session.payment)


async def test_restricted_key_is_enough(stripe_server: StripeServer, bank: Bank) -> None:
    """With the rights of the README everything works; without one of them it is as if Stripe were away."""
    gateway = StripeGateway(await bank.restricted_key(RIGHTS), stripe_server.url)
    session = await gateway.open_session(order())
    await bank.pay(str(session.url))
    payment = (await gateway.session(session.id)).payment
    assert payment is not None
    await gateway.refund(session.donation or uuid4(), payment.id)
    monthly = await gateway.open_session(order(monthly=True))
    await bank.pay(str(monthly.url))
    subscription = (await gateway.session(monthly.id)).subscription
    assert subscription is not None
    for _ in range(2):
        await gateway.stop(subscription.id)
    assert (await gateway.subscription(subscription.id)).ended
    yesterday = await bank.now() - timedelta(days=1)
    assert await gateway.events(yesterday)
    await gateway.probe()
    held = sum(moved["net"] for moved in await bank.objects("balance_transaction"))
    assert await gateway.balances() == [Money(held, "EUR")]
    moved = {each.kind: each.source for each in await gateway.movements(yesterday)}
    assert {(await gateway.cause(moved[kind])).payment for kind in ("charge", "refund")} >= {payment.id}
    invoices = [each["id"] for each in await bank.objects("invoice")]
    months = [await gateway.invoice_of(each["id"]) for each in await bank.objects("payment_intent")]
    assert [month for month in months if month] == invoices
    assert (await gateway.invoice(invoices[0])).paid
    await gateway.close()
    paying = StripeGateway(await bank.restricted_key(RIGHTS | {"transfer": "write"}), stripe_server.url)
    await bank.top_up(5000)
    made = await paying.transfer("key", Money(500, "EUR"), await bank.connect())
    assert await paying.find_transfer("key") == made
    transfers.reverse(stripe_server.stripe, stripe_server.stripe.get("transfer", made), {})
    assert [each.order for each in await paying.movements(yesterday) if each.kind == "transfer_refund"] == ["key"]
    weak = StripeGateway(await bank.restricted_key(RIGHTS), stripe_server.url)
    assert not any(each.order for each in await weak.movements(yesterday))
    await weak.close()
    await paying.close()
    weak = StripeGateway(await bank.restricted_key(RIGHTS | {"checkout_session": "read"}), stripe_server.url)
    with pytest.raises(StripeAway):
        await weak.open_session(order())
    await weak.close()


@pytest.mark.parametrize("kind", ["server_error", "hang_up", "garbage", "rate_limit"])
async def test_no_answer_is_no_answer(gateway: StripeGateway, bank: Bank, kind: str) -> None:
    """Whatever goes wrong on the way is told as one thing, and holds nothing of what was sent."""
    await bank.fault(kind)  # type: ignore[arg-type] # each is one of the kinds
    with pytest.raises(StripeAway) as raised:
        await gateway.open_session(order())
    assert raised.value.args == ()
    assert raised.value.__cause__ is None


async def test_wrong_key_is_no_answer(stripe_server: StripeServer) -> None:
    """A key that was taken away is mended by the operator: nothing that was asked is lost meanwhile."""
    gateway = StripeGateway("sk_test_of_somebody_else", stripe_server.url)
    with pytest.raises(StripeAway):
        await gateway.open_session(order())
    await gateway.close()


async def test_unknown_objects_are_told_apart(gateway: StripeGateway) -> None:
    """What Stripe does not know is not waited for; an amount that it does not take is refused for good."""
    for ask in (gateway.session, gateway.payment, gateway.invoice, gateway.subscription):
        with pytest.raises(StripeUnknown):
            await ask("xx_unknown")
    with pytest.raises(StripeRefused):
        await gateway.open_session(order(money=Money(1, "EUR")))


async def test_a_single_gift_shows_the_neutral_words_after_the_accounts(
    gateway: StripeGateway, bank: Bank
) -> None:
    """What a giver's statement says of one gift is the policy's, behind the account's own words."""
    await bank.pay(str((await gateway.open_session(order())).url))
    [charge] = await bank.objects("charge")
    assert charge["calculated_statement_descriptor"] == "OPEN HANDS* SHOULDER"


async def test_each_month_shows_the_neutral_words(gateway: StripeGateway, bank: Bank) -> None:
    """The first payment and the renewals of a monthly gift show the policy's words alone."""
    for _ in range(2):
        session = await gateway.open_session(order(monthly=True))
    await bank.pay(str(session.url))
    await bank.advance(MONTH)
    shown = [charge["calculated_statement_descriptor"] for charge in await bank.objects("charge")]
    assert shown == ["SHOULDER"] * 2


@pytest.mark.parametrize(
    ("details", "country", "hidden"),
    [
        ({"type": "card", "card": {"country": "RU"}}, "RU", False),
        ({"type": "card", "card": {"country": None, "wallet": {"type": "apple_pay"}}}, None, True),
        ({"type": "link", "link": {"country": "ru"}}, "RU", False),
        ({"type": "link", "link": {"country": None}}, None, True),
        ({"type": "revolut_pay", "revolut_pay": {"funding": {"card": {"country": "RU"}}}}, "RU", False),
        ({"type": "mobilepay", "mobilepay": {"card": {"country": "DK"}}}, "DK", False),
        ({"type": "cashapp", "cashapp": {}}, None, True),
        ({"type": "ideal", "ideal": {"bank": "ing"}}, None, False),
        ({"type": "sepa_debit", "sepa_debit": {"country": "DE"}}, "DE", False),
        ({}, None, True),
    ],
)
def test_country_is_read_wherever_stripe_says_it(
    details: dict[str, object], country: str | None, *, hidden: bool
) -> None:
    """A wallet may stand before a card of any country; what says nothing is not taken for safe."""
    assert (country_of(details), may_hide(details)) == (country, hidden)


async def test_events_come_oldest_first_over_all_pages(gateway: StripeGateway, bank: Bank) -> None:
    """More events than one page holds are read whole, in order, and only those that are heard."""
    session = await gateway.open_session(order())
    await bank.pay(str(session.url))
    charge = (await bank.objects("charge"))[0]["id"]
    dispute = await bank.dispute(charge)
    await bank.decide(dispute, won=True)
    found = await gateway.events(await bank.now() - timedelta(days=1))
    made = [int(str(event["created"])) for event in found]
    assert made == sorted(made)
    assert {str(event["type"]) for event in found} <= set(EVENTS)
    assert (await gateway.session(session.id)).state is SessionState.COMPLETE


def test_version_is_the_one_of_the_types() -> None:
    """The pinned version of the API is the one that stripe-python's types describe."""
    import stripe  # noqa: PLC0415 - only here, and slow

    assert stripe.api_version == API_VERSION
