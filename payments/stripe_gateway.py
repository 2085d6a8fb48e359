"""Stripe in use: the only module that imports `stripe`, and imported only where a key is set.

- What is asked carries an idempotency key made from our own row, so asking again after a lost answer does nothing
  twice. Nothing of a case or of a person is sent: an amount, our random id, neutral words, and where a page
  leads back to. That names the bot in Telegram where the fund has no web page of its own.
- The version of the API is pinned, so that Stripe's answers keep the shape that is read here.
- No message of Stripe's gets out: an error is its code, and an answer that makes no sense counts as none.
- Retries are the caller's, whose rows outlive the process.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import stripe
from stripe import RequestOptions, StripeClient

from payments.money import Money
from payments.stripe_amounts import fits, from_stripe, to_stripe
from payments.stripe_asking import KEY, page, product
from payments.stripe_means import country_of, may_hide
from payments.stripe_objects import (
    UNDONE,
    Balance,
    Cause,
    Charge,
    Dispute,
    DisputeEnd,
    Invoice,
    Movement,
    Order,
    Payment,
    PaymentState,
    Refund,
    Session,
    SessionState,
    StripeAway,
    StripeKeyRefused,
    StripeRefused,
    StripeUnknown,
    Subscription,
)

API_VERSION: Final = "2026-10-28.endive"
"""The version of Stripe's API that this module is written for, and that stripe-python's types describe."""

SECONDS: Final = 30.0
"""How long an answer may take."""

EVENTS: Final = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "invoice.paid",
    "invoice.payment_failed",
    "customer.subscription.deleted",
    "customer.subscription.updated",
    "charge.refunded",
    "charge.updated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
)
"""The types of events to ask for; Stripe takes 20 at most (API, list all events)."""

PAGE: Final = 100
"""Objects of one list (API, pagination: at most 100)."""

PAYMENT_STATES: Final[Mapping[str, PaymentState]] = {
    "succeeded": PaymentState.PAID, "processing": PaymentState.PROCESSING, "canceled": PaymentState.CANCELED,
}  # fmt: skip
"""Everything else is unpaid."""

ENDED: Final = frozenset({"canceled", "incomplete_expired"})
FAILING: Final = frozenset({"past_due", "unpaid"})


class StripeGateway:
    """`payments.stripe_objects.Gateway` by Stripe's API. Close it at the end."""

    def __init__(self, key: str, api_url: str) -> None:
        """`api_url` is the base address of Stripe's API, without a slash at the end; `key` may be restricted."""
        stripe.enable_telemetry = False  # it would name this machine, and keep an id of it on the disk
        self._http = stripe.AIOHTTPClient(timeout=SECONDS)
        self._client = StripeClient(
            key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_url},
            max_network_retries=0,
            http_client=self._http,
        )

    async def close(self) -> None:
        """End the connections."""
        http: Any = self._http  # its end has no types
        await http.close_async()

    async def open_session(self, order: Order) -> Session:
        """The page to pay on for a donation: the same each time for the same donation."""
        options: RequestOptions = {"idempotency_key": f"donation-{order.donation}-session"}
        if order.monthly:
            await self._product(order)
        asked: Any = page(order)  # the stand-in checks it against stripe-python's own types
        async with _translated():
            return await self._session(await self._client.v1.checkout.sessions.create_async(asked, options))
        raise AssertionError

    async def session(self, object_id: str) -> Session:
        """The newest state of a session and its payment."""
        async with _translated():
            return await self._session(await self._client.v1.checkout.sessions.retrieve_async(object_id))
        raise AssertionError

    async def payment(self, object_id: str) -> Payment:
        """The newest state of a payment, its refunds and disputes."""
        async with _translated():
            found = await self._client.v1.payment_intents.retrieve_async(
                object_id, {"expand": ["latest_charge.balance_transaction"]}
            )
            state = PAYMENT_STATES.get(found.status, PaymentState.UNPAID)
            donation = _donation(found.metadata)
            if state is not PaymentState.PAID:
                return Payment(found.id, state, donation)
            if donation is None and not fits(found.currency.upper()):
                return Payment(found.id, state, None)  # another program's: the fund asks for no such currency
            charge = _charge(found.latest_charge)
            refunds, disputes = await self._refunds(object_id), await self._disputes(object_id)
            return Payment(found.id, state, donation, charge, refunds, disputes)
        raise AssertionError

    async def invoice(self, object_id: str) -> Invoice:
        """The newest state of a month and its payment: the one that paid it, else the one that is to pay it."""
        async with _translated():
            found = await self._client.v1.invoices.retrieve_async(object_id, {"expand": ["payments"]})
            parent = found.parent.subscription_details if found.parent else None
            subscription = await self.subscription(_id(parent.subscription)) if parent else None
            intents = sorted(
                (made.status != "paid", _id(made.payment.payment_intent))
                for made in (found.payments.data if found.payments else ())
                if made.payment.payment_intent and (made.is_default or made.status == "paid")
            )
            payment = await self.payment(intents[0][1]) if intents else None
            return Invoice(_id(found), subscription, found.status == "paid", payment)
        raise AssertionError

    async def subscription(self, object_id: str) -> Subscription:
        """The newest state of a monthly gift."""
        async with _translated():
            found = await self._client.v1.subscriptions.retrieve_async(object_id)
            return Subscription(
                found.id, _donation(found.metadata), found.status in ENDED, found.status in FAILING
            )
        raise AssertionError

    async def refund(self, donation: UUID, payment: str) -> None:
        """Pay a whole payment back; once, however often it is asked for the same donation."""
        try:
            async with _translated():
                await self._client.v1.refunds.create_async(
                    {"payment_intent": payment, "metadata": {KEY: str(donation)}},
                    {"idempotency_key": f"donation-{donation}-refund"},
                )
        except StripeRefused as refused:
            if refused.args != ("charge_already_refunded",):
                raise

    async def transfer(self, key: str, money: Money, account: str) -> str:
        """Move money from the balance to a connected account; once, however often it is asked under a key."""
        async with _translated():
            made = await self._client.v1.transfers.create_async(
                {
                    "amount": to_stripe(money),
                    "currency": money.currency.lower(),
                    "destination": account,
                    "transfer_group": key,
                },
                {"idempotency_key": f"transfer-{key}"},
            )
            return str(made.id)
        raise AssertionError

    async def find_transfer(self, key: str) -> str | None:
        """What was moved under a key, if anything."""
        async with _translated():
            found = await self._client.v1.transfers.list_async({"transfer_group": key, "limit": 1})
            return str(found.data[0].id) if found.data else None
        raise AssertionError

    async def probe(self) -> None:
        """Ask for something small that each right of reading is needed for. Raises what the others raise."""
        async with _translated():
            await self._client.v1.events.list_async({"limit": 1})
            await self._client.v1.disputes.list_async({"limit": 1})
            await self._client.v1.refunds.list_async({"limit": 1, "expand": ["data.balance_transaction"]})
            await self._client.v1.invoices.list_async({"limit": 1})
            await self._client.v1.balance.retrieve_async()

    async def stop(self, subscription: str) -> None:
        """End a monthly gift at once; one that has ended already is fine."""
        try:
            async with _translated():
                await self._client.v1.subscriptions.cancel_async(subscription)
        except StripeUnknown:
            if not (await self.subscription(subscription)).ended:
                raise

    async def events(self, since: datetime) -> Sequence[dict[str, object]]:
        """The events made since then that the fund hears, oldest first, as Stripe sent them."""
        found: list[dict[str, object]] = []
        async with _translated():
            listed = await self._client.v1.events.list_async(
                {"types": list(EVENTS), "created": {"gte": int(since.timestamp())}, "limit": PAGE}
            )
            found.extend([event.to_dict(for_json=True) async for event in listed.auto_paging_iter()])
        return found[::-1]

    async def balances(self) -> Sequence[Money]:
        """What the account holds, at hand or on its way, in each currency. Those that do not fit are left out."""
        async with _translated():
            found = await self._client.v1.balance.retrieve_async()
            total: dict[str, int] = {}
            parts: list[Any] = [*found.available, *found.pending]
            for part in parts:
                total[part.currency] = total.get(part.currency, 0) + part.amount
            return [from_stripe(amount, code) for code, amount in total.items() if fits(code.upper())]
        raise AssertionError

    async def movements(self, since: datetime) -> Sequence[Movement]:
        """Everything that moved on the account since then, oldest first."""
        async with _translated():
            asked: Any = {"created": {"gte": int(since.timestamp())}, "limit": PAGE}
            listed = await self._client.v1.balance_transactions.list_async(asked)
            found = [each async for each in listed.auto_paging_iter()]
            return [
                Movement(str(each.type), _id(each.source) if each.source else "", balance, await self._order(each))
                for each in reversed(found)
                if fits(each.currency.upper()) and (balance := _balance(each)) is not None
            ]
        raise AssertionError

    async def cause(self, source: str) -> Cause:
        """The payment that a charge, a refund or a dispute is about."""
        retrieve: Mapping[str, Any] = {
            "ch": self._client.v1.charges, "py": self._client.v1.charges, "re": self._client.v1.refunds,
            "pyr": self._client.v1.refunds, "du": self._client.v1.disputes, "dp": self._client.v1.disputes,
        }  # fmt: skip
        objects = retrieve.get(source.partition("_")[0])
        async with _translated():
            found = await objects.retrieve_async(source) if objects else None
            on_way = isinstance(found, stripe.Charge) and found.status != "succeeded"
            return Cause(_id(found.payment_intent) if found and found.payment_intent else None, on_way)
        raise AssertionError

    async def invoice_of(self, payment: str) -> str | None:
        """The month of a monthly gift that a payment was made for."""
        async with _translated():
            listed = await self._client.v1.invoice_payments.list_async(
                {"payment": {"type": "payment_intent", "payment_intent": payment}, "limit": 1}
            )
            return _id(listed.data[0].invoice) if listed.data else None
        raise AssertionError

    async def _order(self, moved: stripe.BalanceTransaction) -> str:
        """The key of a transfer that was undone. Empty where there is none, or no right to see it."""
        if moved.type not in UNDONE or not moved.source:
            return ""
        try:
            async with _translated():
                source = _id(moved.source)
                if source.startswith("trr_"):
                    expand = ["source.transfer"]
                    whole: Any = await self._client.v1.balance_transactions.retrieve_async(
                        moved.id, {"expand": expand}
                    )
                    return str(whole.source.transfer.transfer_group or "")
                return str((await self._client.v1.transfers.retrieve_async(source)).transfer_group or "")
        except (StripeUnknown, StripeKeyRefused):
            return ""

    async def _product(self, order: Order) -> None:
        """What a monthly gift is a price of; made once for the same words."""
        asked: Any = product(order)
        try:
            async with _translated():
                await self._client.v1.products.create_async(asked)
        except StripeRefused as refused:
            if refused.args != ("resource_already_exists",):
                raise

    async def _session(self, found: stripe.checkout.Session) -> Session:
        payment, subscription = None, None
        if found.payment_intent:
            payment = await self.payment(_id(found.payment_intent))
        elif found.invoice:
            month = await self.invoice(_id(found.invoice))
            payment, subscription = month.payment, month.subscription
        return Session(
            found.id,
            SessionState(str(found.status)),
            _uuid(found.client_reference_id),
            found.url,
            payment,
            subscription,
        )

    async def _refunds(self, payment: str) -> tuple[Refund, ...]:
        expand = ["data.balance_transaction", "data.failure_balance_transaction"]
        listed = await self._client.v1.refunds.list_async(
            {"payment_intent": payment, "limit": PAGE, "expand": expand}
        )
        return tuple([_refund(refund) async for refund in listed.auto_paging_iter()])

    async def _disputes(self, payment: str) -> tuple[Dispute, ...]:
        listed = await self._client.v1.disputes.list_async({"payment_intent": payment, "limit": PAGE})
        return tuple([_dispute(dispute) async for dispute in listed.auto_paging_iter()])


def _charge(found: Any) -> Charge | None:  # noqa: ANN401 - an expandable field
    if not isinstance(found, stripe.Charge):
        return None
    details = found.payment_method_details.to_dict() if found.payment_method_details else {}
    return Charge(
        found.id,
        from_stripe(found.amount, found.currency),
        country_of(details),
        _balance(found.balance_transaction),
        datetime.fromtimestamp(found.created, UTC),
        found.billing_details.name if found.billing_details else None,
        may_hide(details),
    )


def _refund(found: stripe.Refund) -> Refund:
    ended, money = found.status in {"failed", "canceled"}, from_stripe(found.amount, found.currency)
    failed = _balance(found.failure_balance_transaction) if ended else None
    asked = _donation(found.metadata) is not None
    return Refund(found.id, money, _balance(found.balance_transaction), failed, ended, asked)


def _dispute(found: stripe.Dispute) -> Dispute:
    ends = {"won": DisputeEnd.WON, "lost": DisputeEnd.LOST}
    balances = tuple(balance for moved in found.balance_transactions if (balance := _balance(moved)) is not None)
    return Dispute(found.id, from_stripe(found.amount, found.currency), ends.get(found.status), balances)


def _balance(found: Any) -> Balance | None:  # noqa: ANN401 - an expandable field
    if not isinstance(found, stripe.BalanceTransaction):
        return None
    money = from_stripe(found.amount, found.currency)
    return Balance(found.id, money, from_stripe(found.fee, found.currency))


def _donation(metadata: stripe.StripeObject | None) -> UUID | None:
    return _uuid(metadata.to_dict().get(KEY)) if metadata else None


def _uuid(text: str | None) -> UUID | None:
    """Our id, or none: other programs may use the same account and write what they like."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _id(found: Any) -> str:  # noqa: ANN401 - an expandable field
    return found if isinstance(found, str) else str(found.id)


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Turn what Stripe and its library raise into ours. Nothing is chained: a message may quote what was sent."""
    try:
        yield
    except (StripeAway, StripeRefused):
        raise
    except stripe.InvalidRequestError as error:
        if error.code == "resource_missing":
            raise StripeUnknown(error.code) from None
        raise StripeRefused(str(error.code)) from None
    except stripe.IdempotencyError as error:
        if error.code == "idempotency_key_in_use":
            raise StripeAway from None
        raise StripeRefused(str(error.code or "idempotency_error")) from None
    except stripe.CardError as error:
        raise StripeRefused(str(error.code)) from None
    except (stripe.AuthenticationError, stripe.PermissionError):
        raise StripeKeyRefused from None
    except stripe.StripeError:
        raise StripeAway from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise StripeAway from None
