"""Checkout from its session to its events: paid, declined, by bank debit, abandoned, refused."""

from datetime import timedelta
from typing import Any, cast

import pytest
from stripe import InvalidRequestError, StripeClient
from stripe.params.checkout import SessionCreateParams

from sandbox.stripe.client import DECLINED_CARD, FAILING_IBAN, GOOD_IBAN, RUSSIAN_CARD, Bank, Declined
from tests.stripe_town import gift

EURO = 25_00


async def _types(api: StripeClient) -> list[str]:
    events = await api.v1.events.list_async({"limit": 100})
    return [event.type for event in reversed(events.data)]


async def test_a_card_pays_once(stripe_api: StripeClient, bank: Bank) -> None:
    """A paid session is complete, leads to its success_url, and its charge is booked with Stripe's fee."""
    session = await stripe_api.v1.checkout.sessions.create_async(gift(EURO))
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert await bank.pay(str(session.url)) == f"http://127.0.0.1:9/thanks?id={session.id}"
    whole = await stripe_api.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["payment_intent.latest_charge.balance_transaction", "line_items"]}
    )
    intent: Any = whole.payment_intent
    charge = intent.latest_charge
    assert (whole.status, whole.payment_status, intent.status) == ("complete", "paid", "succeeded")
    assert (charge.amount, charge.calculated_statement_descriptor) == (EURO, "OPEN HANDS* GIFT")
    assert charge.payment_method_details.card.country == "US"
    # An American card: 3.25 % and 25 cents.
    assert (charge.balance_transaction.fee, charge.balance_transaction.net) == (106, EURO - 106)
    assert whole.line_items
    assert whole.line_items.data[0].amount_total == EURO
    assert whole.customer_details
    assert whole.customer_details.email == "donor@example.org"
    assert await _types(stripe_api) == [
        "payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed",
    ]  # fmt: skip


async def test_the_country_of_a_card(stripe_api: StripeClient, bank: Bank) -> None:
    """A card issued in Russia pays, and its charge says where it was issued; a chosen country overrides it."""
    for number, issued, wanted in ((RUSSIAN_CARD, "", "RU"), ("4242424242424242", "BY", "BY")):
        session = await stripe_api.v1.checkout.sessions.create_async(gift(EURO))
        await bank.pay(str(session.url), number, issued=issued)
        charge = (await bank.objects("charge"))[-1]
        assert charge["payment_method_details"]["card"]["country"] == wanted


async def test_a_declined_card_leaves_the_session_open(stripe_api: StripeClient, bank: Bank) -> None:
    """The page says that the card was declined, and another card may pay the same PaymentIntent."""
    session = await stripe_api.v1.checkout.sessions.create_async(gift(EURO))
    for number, words in ((DECLINED_CARD, "declined"), ("4000000000009995", "insufficient"), ("1234", "invalid")):
        with pytest.raises(Declined, match=words):
            await bank.pay(str(session.url), number)
    await bank.pay(str(session.url))
    assert await bank.pay(str(session.url)), "a second press leads on and pays nothing"
    [intent] = await bank.objects("payment_intent")
    charges = await bank.objects("charge")
    assert [charge["status"] for charge in charges] == ["failed", "failed", "succeeded"]
    assert {charge["payment_intent"] for charge in charges} == {intent["id"]}
    assert intent["latest_charge"] == charges[-1]["id"]


@pytest.mark.parametrize(("iban", "outcome"), [(GOOD_IBAN, "succeeded"), (FAILING_IBAN, "failed")])
async def test_a_bank_debit_ends_days_later(stripe_api: StripeClient, bank: Bank, iban: str, outcome: str) -> None:
    """A debit completes the session unpaid; days later it is paid, or has failed, and the event tells."""
    session = await stripe_api.v1.checkout.sessions.create_async(gift(EURO))
    await bank.pay(str(session.url), iban=iban)
    session = await stripe_api.v1.checkout.sessions.retrieve_async(session.id)
    assert (session.status, session.payment_status) == ("complete", "unpaid")
    await bank.advance(timedelta(days=5))
    session = await stripe_api.v1.checkout.sessions.retrieve_async(session.id)
    assert session.payment_status == ("paid" if outcome == "succeeded" else "unpaid")
    assert (await _types(stripe_api))[-1] == f"checkout.session.async_payment_{outcome}"
    assert (await bank.objects("charge"))[0]["status"] == outcome


async def test_an_abandoned_session_expires(stripe_api: StripeClient, bank: Bank) -> None:
    """After a day, or when it is told to, a session expires once; its page says so and takes no card."""
    left = await stripe_api.v1.checkout.sessions.create_async(gift(EURO))
    ended = await stripe_api.v1.checkout.sessions.create_async(gift(EURO))
    ended = await stripe_api.v1.checkout.sessions.expire_async(ended.id)
    assert (ended.status, ended.url) == ("expired", None)
    with pytest.raises(InvalidRequestError, match="can be expired"):
        await stripe_api.v1.checkout.sessions.expire_async(ended.id)
    await bank.advance(timedelta(hours=24))
    assert "expired" in await bank.page(str(left.url))
    with pytest.raises(Declined):
        await bank.pay(str(left.url))
    assert await _types(stripe_api) == ["checkout.session.expired"] * 2


async def test_the_page(stripe_api: StripeClient, bank: Bank) -> None:
    """The page shows what is paid for, how much, the wish to donate, and the way back; markup is text there."""
    wanted = gift(EURO)
    wanted["line_items"] = [
        {
            "quantity": 2,
            "price_data": {"currency": "usd", "unit_amount": 700, "product_data": {"name": "<b>Gift</b>"}},
        }
    ]
    session = await stripe_api.v1.checkout.sessions.create_async(wanted)
    page = await bank.page(str(session.url))
    assert "14.00 USD" in page
    assert "&lt;b&gt;Gift" in page
    assert "<button>Donate</button>" in page
    assert "href='http://127.0.0.1:9/give'" in page
    assert "sepa_debit" not in page, "a direct debit is for euro"


def _changed(**changes: object) -> SessionCreateParams:
    wrong: dict[str, object] = {**gift(EURO), **changes}
    return cast("SessionCreateParams", wrong)


def _price(**changes: object) -> SessionCreateParams:
    data = {"currency": "eur", "unit_amount": EURO, "product_data": {"name": "Gift"}} | changes
    kept = {name: value for name, value in data.items() if value is not None}
    return _changed(line_items=[{"quantity": 1, "price_data": kept}])


@pytest.mark.parametrize(
    ("params", "param", "code"),
    [
        (_changed(mode="gift"), "mode", None),
        (_changed(mode="setup"), "mode", None),
        (_changed(submit_type="give"), "submit_type", None),
        (_changed(colour="red"), "colour", "parameter_unknown"),
        (_changed(payment_intent_data={"colour": "red"}), "payment_intent_data[colour]", "parameter_unknown"),
        (_changed(payment_intent_data={"capture_method": "manual"}), "payment_intent_data[capture_method]", None),
        (_changed(allow_promotion_codes=True), "allow_promotion_codes", None),
        (_changed(ui_mode="embedded_page"), "ui_mode", None),
        (_changed(success_url="thanks"), "success_url", "url_invalid"),
        (_changed(line_items=[]), "line_items", "parameter_missing"),
        (_changed(subscription_data={"description": "x"}), "subscription_data", None),
        (_changed(mode="subscription", payment_intent_data={"description": "x"}), "payment_intent_data", None),
        (_changed(customer="cus_none"), "customer", "resource_missing"),
        (_changed(metadata={"k" * 41: "v"}), "metadata", None),
        (_changed(metadata={"k": "v" * 501}), "metadata[k]", None),
        (_changed(expires_at=1), "expires_at", None),
        (_changed(expires_at="soon"), "expires_at", "parameter_invalid_integer"),
        (_changed(payment_intent_data={"statement_descriptor_suffix": "A" * 11}),
         "payment_intent_data[statement_descriptor_suffix]", None),
        (_changed(payment_intent_data={"statement_descriptor_suffix": "A*B"}),
         "payment_intent_data[statement_descriptor_suffix]", None),
        (_changed(payment_intent_data={"statement_descriptor": "GIFT"}),
         "payment_intent_data[statement_descriptor]", None),
        (_price(unit_amount=49), None, "amount_too_small"),
        (_price(unit_amount=0), None, "amount_too_small"),
        (_price(unit_amount=-1), "line_items[0][price_data][unit_amount]", "parameter_invalid_integer"),
        (_price(unit_amount=100_000_000), "line_items[0][price_data][unit_amount]", "parameter_invalid_integer"),
        (_price(unit_amount="12.50"), "line_items[0][price_data][unit_amount]", "parameter_invalid_integer"),
        (_price(unit_amount=None), "line_items[0][price_data][unit_amount]", "parameter_missing"),
        (_price(currency="rub"), "line_items[0][price_data][currency]", None),
        (_price(product_data=None), "line_items[0][price_data]", None),
        (_price(product_data={"name": " "}), "line_items[0][price_data][product_data][name]",
         "parameter_invalid_empty"),
        (_price(recurring={"interval": "month"}), "mode", None),
        (_changed(line_items=[{"price_data": {"currency": "eur"}}]), "line_items[0][quantity]",
         "parameter_missing"),
        (_changed(line_items=[{"quantity": 0, "price": "price_none"}]), "line_items[0][quantity]",
         "parameter_invalid_integer"),
        (_changed(line_items=[{"quantity": 1, "price": "price_none"}]), "line_items[0][price]",
         "resource_missing"),
    ],
)  # fmt: skip
async def test_what_a_session_refuses(
    stripe_api: StripeClient, bank: Bank, params: SessionCreateParams, param: str | None, code: str | None
) -> None:
    """Each wrong parameter is refused by name and with Stripe's code, and no session exists."""
    with pytest.raises(InvalidRequestError) as refused:
        await stripe_api.v1.checkout.sessions.create_async(params)
    assert (refused.value.param, refused.value.code) == (param, code)
    assert await bank.objects("checkout.session") == []


async def test_a_card_error_is_one(stripe_api: StripeClient, bank: Bank) -> None:
    """What a failed attempt leaves in the PaymentIntent is a card error with its decline code."""
    session = await stripe_api.v1.checkout.sessions.create_async(gift(EURO))
    with pytest.raises(Declined):
        await bank.pay(str(session.url), DECLINED_CARD)
    [found] = (await stripe_api.v1.payment_intents.list_async()).data
    assert found.last_payment_error
    assert (found.last_payment_error.type, found.last_payment_error.decline_code) == (
        "card_error",
        "generic_decline",
    )
