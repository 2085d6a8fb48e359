"""`manual`: a treasurer pays by hand, with whatever their bank can do, and enters the reference."""

from datetime import timedelta
from typing import Final

from models.unit import Unit
from payments.ledger import Purpose
from payments.money import Money
from payments.rails.base import Quote

USUAL: Final = timedelta(days=1)
"""How long a transfer by hand takes, its treasurer's evening included."""


class Manual:
    """Pays whatever there is in any currency, without a fee that the books know of."""

    name = "manual"
    title = "treasury.rail.manual"
    statement = "treasury.statement.manual"
    currencies: frozenset[str] | None = None
    screened = False
    needs_destination = True
    account: Purpose | None = None

    async def refuses(self, unit: Unit, money: Money) -> str | None:  # noqa: ARG002 - the interface of a rail
        """Nothing but an amount that is none."""
        return None if money.amount > 0 else "treasury.refused.no-rail"

    async def quote(self, unit: Unit, money: Money) -> Quote:  # noqa: ARG002 - the interface of a rail
        """The whole amount, for nothing."""
        return Quote(money, Money(0, money.currency), USUAL, self.statement)
