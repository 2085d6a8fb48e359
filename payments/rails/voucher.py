"""`voucher-<kind>`: codes out of the fund's own stock, shown to their person alone: there is no provider."""

from datetime import timedelta
from typing import Final

from sqlmodel import col, func, select

from models.attempt import Attempt
from models.unit import Unit
from models.voucher import Voucher, VoucherKind, VoucherStatus
from payments import vouchers
from payments.ledger import Purpose
from payments.money import Money
from payments.rails.base import Order, Outcome, Quote, Result

SOON: Final = timedelta(minutes=1)


class VoucherRail:
    """Pays with codes of one kind."""

    currencies: frozenset[str] | None = None
    screened = False
    needs_destination = False
    account: Purpose | None = Purpose.VOUCHERS
    reports_back = False

    def __init__(self, kind: VoucherKind) -> None:
        self.kind = kind
        self.name = f"voucher-{kind}"
        self.title = f"treasury.rail.voucher-{kind}"
        self.statement = "treasury.statement.voucher"

    async def refuses(self, unit: Unit, money: Money) -> str | None:
        """Unless codes in stock come to the amount exactly."""
        there = await vouchers.stock(unit, self.kind, money.currency)
        return None if vouchers.pick(there, money.amount) else vouchers.NoCodes.key

    async def quote(self, unit: Unit, money: Money) -> Quote:  # noqa: ARG002 - the interface of a rail
        """The whole amount, at once."""
        return Quote(money, Money(0, money.currency), SOON, self.statement)

    async def prepare(self, unit: Unit, order: Order) -> bytes | None:
        """Set the codes aside. Raises `NoCodes`."""
        await vouchers.take(unit, self.kind, order.money, order.attempt)
        return None

    async def execute(self, order: Order) -> Result:
        """Nothing is left to do: the codes are given in the transaction that writes the outcome."""
        return Result(Outcome.DONE, f"C-{order.key[:8]}")

    async def look_up(self, order: Order) -> Result:  # noqa: ARG002 - the interface of a rail
        """There is no provider that could know."""
        return Result(Outcome.ABSENT)

    async def cancel(self, order: Order) -> bool:  # noqa: ARG002 - the interface of a rail
        """Codes are given with the outcome only."""
        return True

    async def finish(self, unit: Unit, order: Order, result: Result) -> None:
        """Give the codes, or put them back into the stock."""
        attempt = await unit.session.get_one(Attempt, order.attempt)
        if result.outcome == Outcome.DONE:
            await vouchers.give(unit, order.attempt, attempt.case_id)
        else:
            await vouchers.put_back(unit, order.attempt, doubted=attempt.doubted)

    async def probe(self) -> bool:
        """Always there."""
        return True

    async def stock(self, unit: Unit, currency: str) -> Money:
        """What the codes that are not given are worth, set aside or in doubt too: the books say the same."""
        total = await unit.session.exec(
            select(func.coalesce(func.sum(Voucher.amount), 0)).where(
                Voucher.kind == self.kind,
                Voucher.currency == currency,
                col(Voucher.status).in_((VoucherStatus.STOCK, VoucherStatus.DOUBTED, VoucherStatus.TAKEN)),
            )
        )
        return Money(int(total.one()), currency)
