"""A rail of the test tree: a provider that works, fails, answers late, twice or not at all, as it is told.

Nothing of the fund knows of it; a test puts it into `Resources.rails` and into the policy, as an operator would.
"""

from collections import deque
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

from models.unit import Unit
from payments.ledger import Purpose
from payments.money import Money
from payments.rails.base import Order, Outcome, Quote, Result


class Crashed(BaseException):
    """The process has died here. No `except Exception` of the program sees it."""


class Fault(StrEnum):
    """What goes wrong with one call."""

    NONE = "none"
    DIES_BEFORE = "dies-before"
    """The process, before the provider has heard."""
    DIES_AFTER = "dies-after"
    """The process, after the provider has paid."""
    LOST = "lost"
    """The provider has paid; the answer is lost."""
    LATE = "late"
    """The same, as a time-out."""
    DOWN = "down"
    """The provider does not hear."""
    SLOW = "slow"
    """Taken, and paid by the time it is asked after."""
    NONSENSE = "nonsense"
    """Paid, and an answer that says nothing."""
    LATER = "later"
    """The answer is lost, and the provider hears only after it was asked what it knows."""
    OVERTAKEN = "overtaken"
    """The same, and it refuses what it is asked then."""
    TWICE = "twice"
    """The request arrives twice."""
    FAILS = "fails"
    """Not paid, for sure."""
    REFUSES = "refuses"
    """Will not pay this destination."""


class Carrier:
    """A provider with idempotency keys."""

    name = "carrier"
    title = "treasury.rail.manual"
    statement = "treasury.statement.manual"
    currencies: frozenset[str] | None = None
    screened = False
    needs_destination = True
    account: Purpose | None = None
    reports_back = False

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        """`faults` are met one after another by its calls; after the last all is well."""
        self.faults = deque(faults)
        self.by_key: dict[str, Fault] = {}
        """A fault of one order's next execution, whoever else is under way."""
        self.paid: dict[str, Money] = {}
        """What reached somebody, by key."""
        self.taken: set[str] = set()
        self.coming: set[str] = set()
        """Keys that arrive after the next look."""
        self.closed: set[str] = set()
        """Keys that will never be paid."""
        self.moves = 0
        """How often money has really moved."""
        self.well = True
        self.percent = 100
        """Of a grant that reaches the person: the rate."""

    async def refuses(self, unit: Unit, money: Money) -> str | None:  # noqa: ARG002 - the interface of a rail
        """Nothing."""
        return None

    async def quote(self, unit: Unit, money: Money) -> Quote:  # noqa: ARG002 - the interface of a rail
        """A little, soon, at today's rate."""
        pays = Money(money.amount * self.percent // 100, money.currency)
        return Quote(pays, Money(100, money.currency), timedelta(hours=1), self.statement)

    async def prepare(self, unit: Unit, order: Order) -> bytes | None:  # noqa: ARG002 - the interface of a rail
        """Something to be kept."""
        return order.key.encode()

    async def execute(self, order: Order) -> Result:
        """Pay, with the next fault."""
        assert order.destination
        assert order.prepared == order.key.encode()
        fault = self.by_key.pop(order.key, None) or (self.faults.popleft() if self.faults else Fault.NONE)
        match fault:
            case Fault.DIES_BEFORE:
                raise Crashed
            case Fault.DOWN:
                raise ConnectionError
            case Fault.FAILS | Fault.REFUSES if order.key not in self.paid:
                self.closed.add(order.key)
                return Result(Outcome.FAILED if fault == Fault.FAILS else Outcome.REFUSED, error=str(fault))
            case Fault.SLOW if order.key not in self.paid:
                self.taken.add(order.key)
                return Result(Outcome.PENDING)
            case Fault.LATER:
                self.coming.add(order.key)
                raise TimeoutError
            case Fault.TWICE:
                self._pay(order)
        self._pay(order)
        return self._answer(order, fault)

    def _answer(self, order: Order, fault: Fault) -> Result:
        """What becomes of the answer that it is paid."""
        match fault:
            case Fault.DIES_AFTER:
                raise Crashed
            case Fault.LATE:
                raise TimeoutError
            case Fault.LOST:
                raise ConnectionResetError
            case Fault.NONSENSE:
                return Result(Outcome.UNKNOWN, error="Nonsense")
        return Result(Outcome.DONE, f"T-{order.key[:8]}")

    async def look_up(self, order: Order) -> Result:
        """What is known of a key, with the next fault."""
        fault = self.faults.popleft() if self.faults else Fault.NONE
        if fault in {Fault.DIES_BEFORE, Fault.DIES_AFTER}:
            raise Crashed
        if fault in {Fault.DOWN, Fault.LOST, Fault.LATE}:
            raise TimeoutError
        if order.key in self.taken:
            self._pay(order)
        if order.key in self.paid:
            return Result(Outcome.DONE, f"T-{order.key[:8]}")
        if order.key in self.closed:
            return Result(Outcome.FAILED)
        if order.key in self.coming:
            self._pay(order)
        return Result(Outcome.ABSENT)

    async def cancel(self, order: Order) -> bool:
        """Never pay a key that was not paid."""
        if any(order.key in known for known in (self.paid, self.taken, self.coming)):
            return False
        self.closed.add(order.key)
        return True

    async def finish(self, unit: Unit, order: Order, result: Result) -> None:
        """Nothing of its own to keep."""

    async def probe(self) -> bool:
        """Whether it is well."""
        return self.well

    def _pay(self, order: Order) -> None:
        if order.key not in self.paid:
            assert order.key not in self.closed
            self.moves += 1
            self.paid[order.key] = order.money
