"""The client API: what donors, banks and the clock do to the account, and how the stand-in is to misbehave.

Everything here is JSON below `/bank/`; `client` speaks it. What people or banks could not do is refused by 409.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Final

from aiohttp import web

from sandbox.stripe import books, disputes, hooks, payments, refunds, subscriptions, transfers
from sandbox.stripe.calls import KINDS, Fault
from sandbox.stripe.core import Stripe
from sandbox.stripe.means import card
from sandbox.stripe.webhook import Webhooks
from sandbox.stripe.wire import JsonDict, dumps

_DURATIONS: Final = frozenset({"balance_after", "debit_after", "refund_after", "available_after", "invoice_draft"})
Act = Callable[[JsonDict], object | Awaitable[object]]


class BankApi:
    """Routes for everybody but the fund."""

    def __init__(self, stripe: Stripe, webhooks: Webhooks) -> None:
        """Act on `stripe`."""
        self._stripe = stripe
        self._webhooks = webhooks

    def routes(self) -> list[web.AbstractRouteDef]:
        """Return the routes to add to the application."""
        return [web.post("/bank/{act}", self.act), web.get("/bank/objects/{kind}", self.objects)]

    async def act(self, request: web.Request) -> web.Response:
        """Do what the path names with the JSON object of the body."""
        body = await request.json() if request.can_read_body else {}
        if not isinstance(body, dict):
            raise TypeError("a JSON object is expected")
        acts: dict[str, Act] = {
            "clock": self._clock, "terms": self._terms, "key": self._key, "topup": self._topup,
            "debit": self._debit, "refund": self._refund, "dispute": self._dispute, "verdict": self._verdict,
            "means": self._means, "account": self._account, "capability": self._capability,
            "fault": self._fault, "mend": self._mend, "calls": self._calls, "endpoint": self._endpoint,
            "hold": self._hold, "release": self._release, "copies": self._copies, "again": self._again,
            "delivered": self._delivered, "hide": self._hide, "reveal": self._reveal,
        }  # fmt: skip
        act = acts.get(request.match_info["act"])
        if act is None:
            raise web.HTTPNotFound(text="no such act")
        self._stripe.settle()
        done = act(body)
        return _answer(await done if isinstance(done, Awaitable) else done)

    async def objects(self, request: web.Request) -> web.Response:
        """Show all objects of a kind, oldest first."""
        self._stripe.settle()
        return _answer(list(self._stripe.table(request.match_info["kind"])))

    async def _clock(self, body: JsonDict) -> JsonDict:
        self._stripe.clock.advance(timedelta(seconds=float(body.get("seconds", 0))))
        self._stripe.settle()
        return {"now": self._stripe.clock.now().isoformat()}

    def _terms(self, body: JsonDict) -> JsonDict:
        terms = self._stripe.terms
        for currency, rate in body.pop("rates", {}).items():
            terms.rates[currency] = Decimal(rate)
        for name, seconds in body.items():
            if name not in _DURATIONS:
                raise ValueError(f"no such term: {name}")
            setattr(terms, name, timedelta(seconds=float(seconds)))
        return {}

    def _key(self, body: JsonDict) -> JsonDict:
        return {"key": self._stripe.keys.restrict(body["rights"])}

    def _topup(self, body: JsonDict) -> JsonDict:
        return books.book(self._stripe, "topup", "tu_stand_in", int(body["amount"]))

    def _debit(self, body: JsonDict) -> JsonDict:
        intent = self._stripe.get("payment_intent", str(body["id"]))
        payments.finish_debit(self._stripe, intent, succeed=bool(body["succeed"]))
        return intent

    def _refund(self, body: JsonDict) -> JsonDict:
        refund = self._stripe.get("refund", str(body["id"]))
        if body["succeed"]:
            refunds.succeed(self._stripe, refund)
        else:
            refunds.fail(self._stripe, refund, str(body.get("reason") or "lost_or_stolen_card"))
        return refund

    def _dispute(self, body: JsonDict) -> JsonDict:
        charge = self._stripe.get("charge", str(body["id"]))
        reason = str(body.get("reason") or "fraudulent")
        return disputes.open_dispute(self._stripe, charge, reason=reason, amount=body.get("amount"))

    def _verdict(self, body: JsonDict) -> JsonDict:
        dispute = self._stripe.get("dispute", str(body["id"]))
        return disputes.close(
            self._stripe, dispute, won=bool(body["won"]), return_fee=bool(body.get("return_fee"))
        )

    def _means(self, body: JsonDict) -> JsonDict:
        subscription = self._stripe.get("subscription", str(body["id"]))
        subscriptions.change_means(
            self._stripe, subscription, card(str(body["number"]), str(body.get("issued", "")))
        )
        return subscription

    def _account(self, body: JsonDict) -> JsonDict:
        country, capability = str(body.get("country", "EE")), str(body.get("transfers", "active"))
        return transfers.connect(self._stripe, country, transfers=capability, email=body.get("email"))

    def _capability(self, body: JsonDict) -> JsonDict:
        account = self._stripe.get("account", str(body["id"]))
        account["capabilities"]["transfers"] = str(body["transfers"])
        return account

    def _fault(self, body: JsonDict) -> JsonDict:
        if body["kind"] not in KINDS:
            raise ValueError(f"no such fault: {body['kind']}")
        self._stripe.faults.add(Fault(**body))
        return {}

    def _mend(self, _body: JsonDict) -> JsonDict:
        self._stripe.faults.waiting.clear()
        return {}

    def _calls(self, body: JsonDict) -> list[JsonDict]:
        calls = self._stripe.calls.select(body.get("verb"), body.get("path"), int(body.get("after", 0)))
        return [call.body() for call in calls]

    def _endpoint(self, body: JsonDict) -> JsonDict:
        endpoint = hooks.add(self._stripe, str(body["url"]), list(body.get("types") or ["*"]))
        return endpoint | {"secret": self._stripe.memory.secrets[endpoint["id"]]}

    def _hold(self, _body: JsonDict) -> JsonDict:
        self._webhooks.hold()
        return {}

    async def _release(self, body: JsonDict) -> JsonDict:
        self._webhooks.release(str(body.get("order", "kept")))
        await self._webhooks.settled()
        return {}

    def _copies(self, body: JsonDict) -> JsonDict:
        self._webhooks.copies = int(body["count"])
        return {}

    async def _again(self, body: JsonDict) -> JsonDict:
        event = self._stripe.get("event", str(body["id"]))
        payload = body.get("payload")
        statuses = await self._webhooks.again(
            event,
            secret=body.get("secret"),
            skew=int(body.get("skew", 0)),
            payload=None if payload is None else str(payload).encode(),
        )
        return {"statuses": statuses}

    async def _delivered(self, _body: JsonDict) -> list[JsonDict]:
        await self._webhooks.settled()
        return [delivery.body() for delivery in self._webhooks.deliveries]

    def _hide(self, _body: JsonDict) -> JsonDict:
        self._stripe.hold()
        return {}

    def _reveal(self, _body: JsonDict) -> JsonDict:
        return {"count": self._stripe.release()}


def _answer(body: object) -> web.Response:
    return web.Response(body=dumps(body).encode(), content_type="application/json")
