"""Monthly gifts: begun in Checkout, renewed as time passes, failing, ended."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe import InvalidRequestError, StripeClient

from sandbox.stripe.client import DECLINED_CARD, FAILING_IBAN, GOOD_CARD, GOOD_IBAN, MONTH, Bank, Declined
from sandbox.stripe.subscriptions import months_after
from tests.stripe_town import monthly

FAILS_LATER = "4000000000000341"


async def _begin(api: StripeClient, bank: Bank, number: str = GOOD_CARD, iban: str | None = None) -> str:
    session = await api.v1.checkout.sessions.create_async(monthly(10_00))
    await bank.pay(str(session.url), number, iban=iban)
    session = await api.v1.checkout.sessions.retrieve_async(session.id)
    return str(session.subscription)


async def _types(bank: Bank, only: str) -> list[str]:
    """The events since the beginning, not of the last 30 days only."""
    types = [event["type"] for event in await bank.objects("event")]
    return [type_.removeprefix(f"{only}.") for type_ in types if type_.startswith(f"{only}.")]


async def test_the_first_month(stripe_api: StripeClient, bank: Bank) -> None:
    """Paying begins a subscription with the metadata given, a customer, and a paid invoice that names it."""
    wanted = await _begin(stripe_api, bank)
    subscription = await stripe_api.v1.subscriptions.retrieve_async(
        wanted, {"expand": ["latest_invoice.payments"]}
    )
    assert (subscription.status, subscription.metadata["gift"]) == ("active", "m1")
    [invoice] = (
        await stripe_api.v1.invoices.list_async({"subscription": wanted, "expand": ["data.payments"]})
    ).data
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == ("paid", 10_00, "subscription_create")
    assert invoice.parent
    assert invoice.parent.subscription_details
    assert invoice.parent.subscription_details.subscription == wanted
    assert invoice.payments
    [payment] = invoice.payments.data
    [charge] = (await stripe_api.v1.charges.list_async()).data
    assert payment.payment.payment_intent == charge.payment_intent
    assert charge.customer == subscription.customer
    assert await _types(bank, "invoice") == ["created", "finalized", "paid", "payment_succeeded"]


async def test_a_declined_card_begins_nothing(stripe_api: StripeClient, bank: Bank) -> None:
    """No subscription exists until the first month is paid; the session stays open."""
    session = await stripe_api.v1.checkout.sessions.create_async(monthly(10_00))
    with pytest.raises(Declined):
        await bank.pay(str(session.url), DECLINED_CARD)
    assert await bank.objects("subscription") == []
    await bank.pay(str(session.url))
    assert len(await bank.objects("subscription")) == 1
    assert len(await bank.objects("customer")) == 1


async def test_each_month_is_charged_once(stripe_api: StripeClient, bank: Bank) -> None:
    """Three months in one jump make three invoices, each an hour after its period began, dated by their days."""
    wanted = await _begin(stripe_api, bank)
    begun = (await stripe_api.v1.subscriptions.retrieve_async(wanted)).billing_cycle_anchor
    await bank.advance(timedelta(seconds=months_after(begun, 3) - begun, hours=2))
    invoices = (await stripe_api.v1.invoices.list_async({"subscription": wanted})).data
    assert [invoice.created for invoice in reversed(invoices)] == [months_after(begun, n) for n in range(4)]
    assert {invoice.status for invoice in invoices} == {"paid"}
    assert {
        charge["created"] - months_after(begun, n) for n, charge in enumerate(await bank.objects("charge"))
    } == {
        0,
        3600,
    }
    events = [event for event in await bank.objects("event") if event["type"] == "invoice.paid"]
    assert [event["created"] for event in events][1:] == [months_after(begun, n) + 3600 for n in (1, 2, 3)]


async def test_a_card_that_fails_later_ends_it(stripe_api: StripeClient, bank: Bank) -> None:
    """A failed renewal is past due, is tried again on Stripe's days, and ends the subscription at last."""
    wanted = await _begin(stripe_api, bank, FAILS_LATER)
    await bank.advance(MONTH)
    subscription = await stripe_api.v1.subscriptions.retrieve_async(wanted)
    [invoice, _] = (await stripe_api.v1.invoices.list_async({"subscription": wanted})).data
    assert (subscription.status, invoice.status, invoice.attempt_count) == ("past_due", "open", 1)
    assert invoice.next_payment_attempt
    await bank.advance(timedelta(days=16))
    subscription = await stripe_api.v1.subscriptions.retrieve_async(wanted)
    assert subscription.status == "canceled"
    assert subscription.cancellation_details
    assert subscription.cancellation_details.reason == "payment_failed"
    assert (await _types(bank, "invoice")).count("payment_failed") == 4
    assert await _types(bank, "customer.subscription") == ["created", "updated", "updated", "deleted"]
    await bank.advance(MONTH)
    assert len(await bank.objects("invoice")) == 2


async def test_another_card_mends_it(stripe_api: StripeClient, bank: Bank) -> None:
    """With another card the next attempt succeeds, and the subscription is active again."""
    wanted = await _begin(stripe_api, bank, FAILS_LATER)
    await bank.advance(MONTH)
    await bank.change_card(wanted, GOOD_CARD)
    await bank.advance(timedelta(days=3))
    assert (await stripe_api.v1.subscriptions.retrieve_async(wanted)).status == "active"
    assert {invoice["status"] for invoice in await bank.objects("invoice")} == {"paid"}


async def test_the_fund_cancels(stripe_api: StripeClient, bank: Bank) -> None:
    """Cancelling ends it at once and once; nothing is charged any more."""
    wanted = await _begin(stripe_api, bank)
    ended = await stripe_api.v1.subscriptions.cancel_async(wanted)
    assert (ended.status, bool(ended.ended_at)) == ("canceled", True)
    with pytest.raises(InvalidRequestError) as refused:
        await stripe_api.v1.subscriptions.cancel_async(wanted)
    assert refused.value.code == "resource_missing"
    await bank.advance(MONTH)
    assert len(await bank.objects("charge")) == 1
    assert (await _types(bank, "customer.subscription"))[-1] == "deleted"


async def test_it_may_end_with_the_period(stripe_api: StripeClient, bank: Bank) -> None:
    """A subscription told to end with its period is active until then."""
    wanted = await _begin(stripe_api, bank)
    ending = await stripe_api.v1.subscriptions.update_async(
        wanted, {"cancel_at_period_end": True, "metadata": {"gift": "", "left": "yes"}}
    )
    assert (ending.status, ending.cancel_at_period_end, ending.metadata.to_dict()) == (
        "active",
        True,
        {"left": "yes"},
    )
    await bank.advance(MONTH)
    assert (await stripe_api.v1.subscriptions.retrieve_async(wanted)).status == "canceled"
    assert len(await bank.objects("invoice")) == 1


async def test_monthly_by_bank_debit(stripe_api: StripeClient, bank: Bank) -> None:
    """Debits for invoices arrive days later, the first and each further one."""
    wanted = await _begin(stripe_api, bank, iban=GOOD_IBAN)
    assert [invoice["status"] for invoice in await bank.objects("invoice")] == ["open"]
    await bank.advance(MONTH)
    await bank.advance(timedelta(days=5))
    assert [invoice["status"] for invoice in await bank.objects("invoice")] == ["paid", "paid"]
    assert (await stripe_api.v1.subscriptions.retrieve_async(wanted)).status == "active"


async def test_a_bank_debit_that_bounces(stripe_api: StripeClient, bank: Bank) -> None:
    """A bounced first debit leaves the invoice open and the subscription past due."""
    wanted = await _begin(stripe_api, bank, iban=FAILING_IBAN)
    await bank.advance(timedelta(days=5))
    assert (await stripe_api.v1.subscriptions.retrieve_async(wanted)).status == "past_due"
    assert "async_payment_failed" in str(await _types(bank, "checkout.session"))


@given(st.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)), st.integers(0, 40))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_months(begun: datetime, count: int) -> None:
    """A month later is the same day, or the last of a shorter month."""
    then = datetime.fromtimestamp(months_after(int(begun.timestamp()), count), UTC)
    assert (then.year * 12 + then.month) - (begun.year * 12 + begun.month) == count
    assert then.day == begun.day or ((then + timedelta(days=1)).day == 1 and then.day < begun.day)
