"""`stripe_transfer`: to a vetted partner's account at Stripe, who passes the money on and reports back.

- Money leaves the balance at Stripe and stands with the partner (`Purpose.PARTNERS`) until a treasurer has entered
  the partner's report; only then does the grant count as paid.
- Whom an order pays, by account and name, and what the partner takes for passing it on, is set aside with the
  order and never read from the settings again: a policy that changes while an order is open pays nobody else,
  screens nobody else, and pays nobody twice.
- The partner gets their fee on top, so that the whole amount reaches the person. It is a cost of the fund.
- The partner is named in the policy and screened each time. Stripe learns an amount, the partner's account and our
  random key; neither the person nor where they are paid. That goes to the partner by the treasurers' own way.
- The balance at Stripe is in one currency, and pays grants in that currency only.
"""

import json
from datetime import timedelta
from typing import Final, Protocol

from models.attempt import Attempt
from models.grant import Grant, Payout
from models.unit import Unit
from payments import ledger
from payments.ledger import EntryKind, Purpose
from payments.money import Money
from payments.rails.base import Order, Outcome, Quote, Result
from payments.rails.registry import NoRail
from payments.screening import givers
from payments.stripe_objects import StripeRefused

NAME: Final = "stripe_transfer"


class TransferGateway(Protocol):
    """What the rail asks of Stripe. Raises `StripeAway` when there is no answer, `StripeRefused` when it is no."""

    async def transfer(self, key: str, money: Money, account: str) -> str:
        """Move money to a connected account, once for a key; returns what Stripe calls it."""
        ...

    async def find_transfer(self, key: str) -> str | None:
        """What was moved under a key, if anything."""
        ...


class StripeTransfer:
    """Pays through one partner; closed without a gateway or without a partner in the policy."""

    name = NAME
    title = "treasury.rail.stripe_transfer"
    statement = "treasury.statement.stripe_transfer"
    currencies: frozenset[str] | None = None
    screened = True
    needs_destination = True
    account: Purpose | None = Purpose.PARTNERS
    reports_back = True

    def __init__(self, gateway: TransferGateway | None = None, account: str = "", partner: str = "") -> None:
        """`account` of the partner at Stripe (`acct_...`), and the `partner`'s name as it is screened."""
        self._gateway = gateway
        self._account = account
        self.partner = partner

    @property
    def out_of_reach(self) -> bool:
        """Whether there is no key to Stripe."""
        return self._gateway is None

    async def refuses(self, unit: Unit, money: Money) -> str | None:
        """Without a partner, in another currency, or with too little at Stripe."""
        partner = unit.policy.partner
        if (
            self._gateway is None
            or partner is None
            or (partner.name, partner.account) != (self.partner, self._account)
        ):
            return "treasury.refused.no-rail"
        if money.currency != unit.policy.currency:
            return "treasury.refused.rail-currency"
        there = await ledger.balance(unit, Purpose.STRIPE, money.currency)
        there -= await givers.held(unit, Purpose.STRIPE, money.currency)
        return "treasury.refused.balance" if there < money + Money(partner.fee, money.currency) else None

    async def quote(self, unit: Unit, money: Money) -> Quote:
        """The whole amount; what the partner takes for passing it on is in the policy."""
        partner = unit.policy.partner
        days, fee = (partner.days, partner.fee) if partner else (1, 0)
        return Quote(money, Money(fee, money.currency), timedelta(days=days), self.statement)

    async def prepare(self, unit: Unit, order: Order) -> bytes | None:  # noqa: ARG002 - the interface of a rail
        """Whom the order pays, and with which fee. Raises `NoRail` when the policy names no partner any more."""
        partner = unit.policy.partner
        if partner is None:
            raise NoRail
        return json.dumps({"account": partner.account, "partner": partner.name, "fee": partner.fee}).encode()

    def through(self, order: Order) -> tuple[str, ...]:
        """The partner's name at the order, and what the policy calls the same account now: it may be corrected."""
        name = _set_aside(order, "partner")
        renamed = _set_aside(order, "account") == self._account and self.partner != name
        return (name, self.partner) if renamed else (name,)

    def with_fee(self, order: Order) -> Money:
        """What is to reach the person, and the partner's fee that was set aside with the order."""
        return order.money + _fee(order)

    async def execute(self, order: Order) -> Result:
        """Move the money to the partner; asked again under the same key, Stripe moves nothing more."""
        gateway, account, whole = self._open(), _set_aside(order, "account"), self.with_fee(order)
        try:
            return Result(Outcome.DONE, await gateway.transfer(order.key, whole, account))
        except StripeRefused as refused:
            found = await gateway.find_transfer(order.key)
            return (
                Result(Outcome.DONE, found) if found else Result(Outcome.FAILED, error=str(refused.args[0])[:64])
            )

    async def look_up(self, order: Order) -> Result:
        """Whether Stripe has moved anything under the key."""
        found = await self._open().find_transfer(order.key)
        return Result(Outcome.DONE, found) if found else Result(Outcome.ABSENT)

    async def cancel(self, order: Order) -> bool:  # noqa: ARG002 - the interface of a rail
        """Stripe has no word for a request that may still arrive: treasurers decide."""
        return False

    async def finish(self, unit: Unit, order: Order, result: Result) -> None:
        """The money stands with the partner; their fee is spent."""
        if result.outcome != Outcome.DONE:
            return
        attempt = await unit.session.get_one(Attempt, order.attempt)
        payout = await unit.session.get_one(Payout, attempt.payout_id)
        grant = await unit.session.get_one(Grant, payout.grant_id)
        await ledger.transfer(
            unit,
            EntryKind.HAND_OVER,
            f"hand-over:{order.attempt}",
            order.money,
            source=Purpose.STRIPE,
            target=Purpose.PARTNERS,
            actor="system",
            grant_number=grant.number,
        )
        if (fee := _fee(order)).amount:
            await ledger.transfer(
                unit,
                EntryKind.PAYOUT_FEE,
                f"fee:{order.attempt}",
                fee,
                source=Purpose.STRIPE,
                target=Purpose.FEES,
                actor="system",
                grant_number=grant.number,
            )

    async def probe(self) -> bool:
        """Whether Stripe answers."""
        await self._open().find_transfer("probe")
        return True

    def _open(self) -> TransferGateway:
        if self._gateway is None:
            raise ConnectionError
        return self._gateway


def _set_aside(order: Order, what: str) -> str:
    return str(json.loads(order.prepared or b"")[what])


def _fee(order: Order) -> Money:
    """What the partner gets on top; nothing where nothing was set aside, as of what people found to be paid."""
    fee = json.loads(order.prepared)["fee"] if order.prepared else 0
    return Money(int(fee), order.money.currency)
