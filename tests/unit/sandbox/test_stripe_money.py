"""Fees, exchange, refunds, disputes and transfers: what each does to the balance."""

from datetime import timedelta
from typing import Any

import pytest
from stripe import Charge, InvalidRequestError, StripeClient

from sandbox.stripe.client import GOOD_IBAN, RUSSIAN_CARD, Bank, Refused
from tests.stripe_town import gift

EURO = 100_00


async def _charge(api: StripeClient, bank: Bank, number: str = RUSSIAN_CARD, **wanted: Any) -> Charge:  # noqa: ANN401 - parameters of `gift`
    session = await api.v1.checkout.sessions.create_async(gift(**{"amount": EURO} | wanted))
    await bank.pay(str(session.url), number)
    return (await api.v1.charges.list_async({"limit": 1})).data[0]


async def _balance(api: StripeClient) -> tuple[int, int]:
    """Available and pending, checked against the sum of all balance transactions."""
    balance = await api.v1.balance.retrieve_async()
    listed = await api.v1.balance_transactions.list_async({"limit": 100})
    assert not listed.has_more
    available, pending = balance.available[0].amount, balance.pending[0].amount
    assert available + pending == sum(transaction.net for transaction in listed.data)
    return available, pending


async def _transaction(api: StripeClient, source: str, kind: str) -> Any:  # noqa: ANN401 - a balance transaction
    [found] = (await api.v1.balance_transactions.list_async({"source": source, "type": kind})).data
    return found


async def _newest(api: StripeClient, count: int) -> list[str]:
    return [event.type for event in reversed((await api.v1.events.list_async({"limit": count})).data)]


async def test_money_becomes_available(stripe_api: StripeClient, bank: Bank) -> None:
    """A payment is pending for days, and then available."""
    await _charge(stripe_api, bank)
    net = EURO - 350
    assert await _balance(stripe_api) == (0, net)
    await bank.advance(timedelta(days=3))
    assert await _balance(stripe_api) == (net, 0)
    [transaction] = (await stripe_api.v1.balance_transactions.list_async()).data
    assert transaction.status == "available"


async def test_a_test_card_brings_money_at_once(stripe_api: StripeClient, bank: Bank) -> None:
    """The card that bypasses the pending balance does."""
    await _charge(stripe_api, bank, "4000000000000077")
    assert (await _balance(stripe_api))[1] == 0


async def test_another_currency_is_exchanged(stripe_api: StripeClient, bank: Bank) -> None:
    """A gift in dollars is booked in euro at the day's rate; its refund at that of its own day."""
    charge = await _charge(stripe_api, bank, currency="usd")
    paid = await _transaction(stripe_api, charge.id, "charge")
    assert (charge.currency, paid.currency, paid.exchange_rate, paid.amount) == ("usd", "eur", 0.92, 92_00)
    # 3.25 % for a card from elsewhere, 2 % for the exchange, 25 cents.
    assert paid.fee == 483 + 25
    await bank.set_rate("usd", "0.95")
    refund = await stripe_api.v1.refunds.create_async({"charge": charge.id})
    back = await _transaction(stripe_api, refund.id, "refund")
    assert (back.amount, back.fee, back.exchange_rate) == (-95_00, 0, 0.95)
    assert sum(await _balance(stripe_api)) == 92_00 - 508 - 95_00


async def test_yen_have_no_decimals(stripe_api: StripeClient, bank: Bank) -> None:
    """A thousand yen are a thousand minor units, and some euro in cents."""
    charge = await _charge(stripe_api, bank, amount=1000, currency="jpy")
    assert (await _transaction(stripe_api, charge.id, "charge")).amount == 610


async def test_late_balance_transactions(stripe_api: StripeClient, bank: Bank) -> None:
    """A charge may have no balance transaction yet; an update tells when it has."""
    await bank.set_terms(balance_after=timedelta(hours=1))
    charge = await _charge(stripe_api, bank)
    assert charge.balance_transaction is None
    await bank.advance(timedelta(hours=1))
    assert (await stripe_api.v1.charges.retrieve_async(charge.id)).balance_transaction
    assert await _newest(stripe_api, 1) == ["charge.updated"]


async def test_refunds_in_parts(stripe_api: StripeClient, bank: Bank) -> None:
    """Parts of a charge are refunded until nothing is left; more is refused; the fee is not given back."""
    charge = await _charge(stripe_api, bank)
    await stripe_api.v1.refunds.create_async({"charge": charge.id, "amount": 30_00})
    partly = await stripe_api.v1.charges.retrieve_async(charge.id, {"expand": ["refunds"]})
    assert (partly.amount_refunded, partly.refunded) == (30_00, False)
    assert partly.refunds
    assert [refund.amount for refund in partly.refunds.data] == [30_00]
    with pytest.raises(InvalidRequestError, match="greater than unrefunded"):
        await stripe_api.v1.refunds.create_async({"charge": charge.id, "amount": 70_01})
    await stripe_api.v1.refunds.create_async({"payment_intent": str(charge.payment_intent)})
    with pytest.raises(InvalidRequestError) as refused:
        await stripe_api.v1.refunds.create_async({"charge": charge.id, "amount": 1})
    assert refused.value.code == "charge_already_refunded"
    assert sum(await _balance(stripe_api)) == -350
    assert await _newest(stripe_api, 4) == ["refund.created", "charge.refunded"] * 2


@pytest.mark.parametrize("params", [{}, {"charge": "ch_1", "payment_intent": "pi_1"}, {"charge": "ch_none"}])
async def test_what_a_refund_refuses(stripe_api: StripeClient, params: Any) -> None:  # noqa: ANN401 - wrong ones
    """A refund names one charge that exists."""
    with pytest.raises(InvalidRequestError):
        await stripe_api.v1.refunds.create_async(params)


@pytest.mark.parametrize("amount", [0, -5, 10**12])
async def test_amounts_a_refund_refuses(stripe_api: StripeClient, bank: Bank, amount: int) -> None:
    """Nothing, less than nothing and too much are refused."""
    charge = await _charge(stripe_api, bank)
    with pytest.raises(InvalidRequestError) as refused:
        await stripe_api.v1.refunds.create_async({"charge": charge.id, "amount": amount})
    assert refused.value.param == "amount"


async def test_a_refund_that_fails_comes_back(stripe_api: StripeClient, bank: Bank) -> None:
    """A refund may fail days after it succeeded: the money is back, and the charge may be refunded again."""
    charge = await _charge(stripe_api, bank, "4000000000005126", currency="usd")
    before = sum(await _balance(stripe_api))
    refund = await stripe_api.v1.refunds.create_async({"charge": charge.id})
    assert refund.status == "succeeded"
    await bank.set_rate("usd", "0.80")
    await bank.advance(timedelta(days=5))
    refund = await stripe_api.v1.refunds.retrieve_async(refund.id)
    assert (refund.status, bool(refund.failure_balance_transaction)) == ("failed", True)
    assert sum(await _balance(stripe_api)) == before
    assert (await stripe_api.v1.charges.retrieve_async(charge.id)).amount_refunded == 0
    assert await _newest(stripe_api, 3) == ["refund.failed", "refund.updated", "charge.refund.updated"]
    with pytest.raises(Refused):
        await bank.finish_refund(refund.id, succeed=False)


async def test_a_refund_to_a_bank_account_is_pending(stripe_api: StripeClient, bank: Bank) -> None:
    """It succeeds days later, or when the bank is told to hurry."""
    session = await stripe_api.v1.checkout.sessions.create_async(gift(EURO))
    await bank.pay(str(session.url), iban=GOOD_IBAN)
    [intent] = await bank.objects("payment_intent")
    with pytest.raises(InvalidRequestError, match="does not have a successful charge"):
        await stripe_api.v1.refunds.create_async({"payment_intent": intent["id"]})
    await bank.finish_debit(intent["id"], succeed=True)
    with pytest.raises(Refused):
        await bank.finish_debit(intent["id"], succeed=True)
    refund = await stripe_api.v1.refunds.create_async({"payment_intent": intent["id"]})
    assert (refund.status, refund.pending_reason) == ("pending", "processing")
    await bank.finish_refund(refund.id, succeed=True)
    assert (await stripe_api.v1.refunds.retrieve_async(refund.id)).status == "succeeded"
    assert await _newest(stripe_api, 1) == ["charge.refund.updated"]


@pytest.mark.parametrize(("won", "left"), [(True, EURO - 350 - 2000), (False, -350 - 2000)])
async def test_disputes(stripe_api: StripeClient, bank: Bank, *, won: bool, left: int) -> None:
    """A dispute takes the payment and a fee; winning it brings the payment back, losing it nothing."""
    charge = await _charge(stripe_api, bank)
    wanted = await bank.dispute(charge.id)
    assert sum(await _balance(stripe_api)) == -350 - 2000
    with pytest.raises(InvalidRequestError) as refused:
        await stripe_api.v1.refunds.create_async({"charge": charge.id})
    assert refused.value.code == "charge_disputed"
    with pytest.raises(Refused):
        await bank.dispute(charge.id)
    await bank.decide(wanted, won=won)
    dispute = await stripe_api.v1.disputes.retrieve_async(wanted)
    assert dispute.status == ("won" if won else "lost")
    assert [part.net for part in dispute.balance_transactions] == [-EURO - 2000] + [EURO] * won
    assert sum(await _balance(stripe_api)) == left
    told = ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed"]
    told += ["charge.dispute.funds_reinstated"] * won
    assert await _newest(stripe_api, len(told)) == told
    with pytest.raises(Refused):
        await bank.decide(wanted, won=True)


async def test_a_dispute_nobody_answers_is_lost(stripe_api: StripeClient, bank: Bank) -> None:
    """The card that is disputed by itself is, and without evidence the dispute is lost in time."""
    await _charge(stripe_api, bank, "4000000000000259")
    await bank.advance(timedelta(seconds=2))
    [dispute] = (await stripe_api.v1.disputes.list_async()).data
    assert (dispute.status, dispute.reason) == ("needs_response", "fraudulent")
    await bank.advance(timedelta(days=7))
    assert (await stripe_api.v1.disputes.retrieve_async(dispute.id)).status == "lost"
    with pytest.raises(InvalidRequestError, match="closed"):
        await stripe_api.v1.disputes.close_async(dispute.id)


async def test_a_dispute_may_be_given_up_and_its_fee_returned(stripe_api: StripeClient, bank: Bank) -> None:
    """The fund may accept a dispute; where the bank gives the fee back, it is booked."""
    first, second = await _charge(stripe_api, bank), await _charge(stripe_api, bank)
    lost = await stripe_api.v1.disputes.close_async(await bank.dispute(first.id, amount=10_00))
    assert (lost.status, lost.amount) == ("lost", 10_00)
    await bank.decide(await bank.dispute(second.id), won=True, return_fee=True)
    assert sum(await _balance(stripe_api)) == 2 * (EURO - 350) - 10_00 - 2000


async def test_transfers_and_reversals(stripe_api: StripeClient, bank: Bank) -> None:
    """A transfer moves available money at once and without a fee, and can be taken back in parts."""
    partner = await bank.connect("EE")
    await bank.top_up(500_00)
    transfer = await stripe_api.v1.transfers.create_async(
        {
            "amount": 200_00,
            "currency": "eur",
            "destination": partner,
            "transfer_group": "p1",
            "metadata": {"n": "1"},
        }
    )
    assert (await _transaction(stripe_api, transfer.id, "transfer")).net == -200_00
    await stripe_api.v1.transfers.reversals.create_async(transfer.id, {"amount": 50_00})
    await stripe_api.v1.transfers.reversals.create_async(transfer.id)
    whole = await stripe_api.v1.transfers.retrieve_async(transfer.id)
    assert (whole.amount_reversed, whole.reversed) == (200_00, True)
    reversals = await stripe_api.v1.transfers.reversals.list_async(transfer.id, {"limit": 1})
    assert (reversals.data[0].amount, reversals.has_more) == (150_00, True)
    with pytest.raises(InvalidRequestError, match="already fully reversed"):
        await stripe_api.v1.transfers.reversals.create_async(transfer.id)
    assert await _balance(stripe_api) == (500_00, 0)
    assert await _newest(stripe_api, 3) == ["transfer.created", "transfer.reversed", "transfer.reversed"]
    found = await stripe_api.v1.transfers.list_async({"transfer_group": "p1", "destination": partner})
    assert [one.id for one in found.data] == [transfer.id]


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"amount": 0}, "amount", "parameter_invalid_integer"),
        ({"amount": -1}, "amount", "parameter_invalid_integer"),
        ({"amount": 101_00}, None, "balance_insufficient"),
        ({"currency": "usd"}, "currency", None),
        ({"destination": "acct_none"}, "destination", "resource_missing"),
        ({"source_transaction": "ch_1"}, "source_transaction", None),
    ],
)
async def test_what_a_transfer_refuses(
    stripe_api: StripeClient,
    bank: Bank,
    changes: dict[str, object],
    param: str | None,
    code: str | None,
) -> None:
    """A transfer that cannot be made is refused by name, and the balance stays."""
    await bank.top_up(100_00)
    params: Any = {"amount": 1_00, "currency": "eur", "destination": await bank.connect()} | changes
    with pytest.raises(InvalidRequestError) as refused:
        await stripe_api.v1.transfers.create_async(params)
    assert (refused.value.param, refused.value.code) == (param, code)
    assert await _balance(stripe_api) == (100_00, 0)


async def test_an_account_may_be_unable_to_receive(stripe_api: StripeClient, bank: Bank) -> None:
    """Without the capability nothing is transferred; the account tells it, and it may come or go."""
    partner = await bank.connect("GE", transfers="pending")
    await bank.top_up(100_00)
    account = await stripe_api.v1.accounts.retrieve_async(partner)
    assert account.capabilities
    assert (account.country, account.capabilities.transfers) == ("GE", "pending")
    with pytest.raises(InvalidRequestError) as refused:
        await stripe_api.v1.transfers.create_async({"amount": 100, "currency": "eur", "destination": partner})
    assert refused.value.code == "insufficient_capabilities_for_transfer"
    await bank.set_capability(partner, "active")
    await stripe_api.v1.transfers.create_async({"amount": 100, "currency": "eur", "destination": partner})


async def test_the_own_account(stripe_api: StripeClient) -> None:
    """The fund's own account tells its country, currency and statement descriptor."""
    account = await stripe_api.v1.accounts.retrieve_current_async()
    assert (account.country, account.default_currency) == ("EE", "eur")
