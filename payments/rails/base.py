"""What a way to pay is to the rest of the fund: one small interface, and the words that it answers in.

- A rail says what it can pay, what that costs, how long it takes and what a statement shows. A treasurer works a
  plain `Rail` by hand, outside the fund. A `MachineRail` is worked by the fund itself (`payments.executor`).
- The attempt's row is committed before a machine rail touches the network, and the idempotency key is made from
  that row alone. `execute` may be repeated with the same order for ever and pays once.
- `FAILED`, `REFUSED` and `ABSENT` are promises. Whoever is not sure answers `UNKNOWN`, and is asked again.
- Nothing here touches the network while a transaction is open: methods that take a unit run inside one and stay
  within the database; the others run outside.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable
from uuid import UUID

from models.unit import Unit
from payments.ledger import Purpose
from payments.money import Money


class Outcome(StrEnum):
    """What a provider says, or what its silence means."""

    DONE = "done"
    """Paid, and final."""
    PENDING = "pending"
    """Taken, not final yet: ask again."""
    REFUSED = "refused"
    """The provider is well and will not pay this (destination, amount): nothing has moved, nor ever will."""
    FAILED = "failed"
    """The rail's own fault: nothing has moved, nor ever will under this key."""
    ABSENT = "absent"
    """The provider does not know this key now. The same order may be executed again; another must not be."""
    UNKNOWN = "unknown"
    """A time-out, a lost answer, nonsense: it may have been paid."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What paying costs, before anybody has agreed to it."""

    pays: Money
    """What reaches the person, in the rail's own currency."""
    fee: Money
    """What the fund bears on top of it; never taken from the person."""
    takes: timedelta
    """How long it usually takes."""
    statement: str
    """Key of the text that says what a statement will show."""


@dataclass(frozen=True, slots=True)
class Order:
    """One payment as a provider is asked for it."""

    attempt: UUID
    key: str
    """The idempotency key: made from the attempt alone, it names neither fund nor case."""
    money: Money
    """What is to reach the person: `Quote.pays`."""
    destination: str = field(repr=False)
    """Empty where the rail needs none, and once the case has been erased: then only `look_up` makes sense."""
    prepared: bytes | None = field(default=None, repr=False)
    """What `prepare` left, such as a signed transaction; kept sealed with the attempt."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an order."""

    outcome: Outcome
    reference: str | None = None
    """What the provider calls the payment."""
    error: str | None = None
    """The class of what went wrong; never a text of the provider, which may quote the destination."""
    away: bool = False
    """The provider did not answer as it should, whatever is known without it: a failure of the rail."""
    for_people: bool = False
    """The provider has said all it knows, and only people can find out more: the rail is not to blame."""
    hold: str | None = None
    """The key of the text that says why screening lets nothing go; the rail is not to blame."""
    anew: bool = False
    """It failed because the fund's own rules have changed since it was prepared: it is queued anew, however often
    it failed before, and the rail is not to blame."""


class Rail(Protocol):
    """One way to pay."""

    name: str
    title: str
    """Key of the text that names it to people."""
    statement: str
    """Key of the text that says what a statement shows."""
    currencies: frozenset[str] | None
    """Currencies of grants that it can pay; none: any."""
    screened: bool
    """Whether it pays only with a fresh sanctions list and a clear verdict on its destination."""
    needs_destination: bool
    """Whether the person must say where the money goes; a code is shown to them instead."""
    account: Purpose | None
    """The account that it pays out of, where that is not the fund's own cash."""

    async def refuses(self, unit: Unit, money: Money) -> str | None:
        """The key of the text that says why it cannot pay this now (limit, currency, stock); none when it can."""
        ...

    async def quote(self, unit: Unit, money: Money) -> Quote:
        """What paying this costs, from what is known without asking anybody."""
        ...


@runtime_checkable
class ChoosyRail(Rail, Protocol):
    """A rail that knows a wrong destination when it sees one."""

    def check_destination(self, unit: Unit, typed: str) -> None:
        """Raise `BadInput` that says what is wrong with a destination, before anybody agrees to it."""
        ...


@runtime_checkable
class DistantRail(Rail, Protocol):
    """A rail that this process may lack the settings for: then it asks nobody, and another process does."""

    @property
    def out_of_reach(self) -> bool:
        """Whether there is nobody to ask from here."""
        ...


@runtime_checkable
class Stocked(Protocol):
    """A rail with a stock of its own, which an account of the books must equal: it pays with an entry alone."""

    account: Purpose

    async def stock(self, unit: Unit, currency: str) -> Money:
        """What is there, in minor units."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """What one purse of a rail holds, and what it must hold by all that the fund knows of it."""

    subject: str
    """Kind and id of the purse, as differences name it."""
    ours: Money
    theirs: Money | None
    """None: it could not be counted."""


@runtime_checkable
class HoldingRail(Rail, Protocol):
    """A rail that pays out of purses of its own, which somebody else can count."""

    async def held(self) -> Sequence[Held]:
        """Each purse, as far as it can be counted now. Network, in no transaction."""
        ...


@runtime_checkable
class SigningRail(Rail, Protocol):
    """A rail whose orders, once signed, nobody can take back: nobody may say that such a one never pays."""

    async def may_still_pay(self, unit: Unit, attempt: UUID) -> bool:
        """Whether something signed for an attempt may still be on its way."""
        ...


@runtime_checkable
class PartnerRail(Rail, Protocol):
    """A rail whose partner passes the money on, and gets something on top of it."""

    def with_fee(self, order: Order) -> Money:
        """All that leaves with an order: what it pays, and what the partner gets on top."""
        ...


@runtime_checkable
class MachineRail(Rail, Protocol):
    """A rail that the fund works itself."""

    reports_back: bool
    """Whether a partner passes the money on: the payment counts once a treasurer has entered their report."""

    async def prepare(self, unit: Unit, order: Order) -> bytes | None:
        """Set aside what the order needs (a code, a nonce), in the transaction that writes the attempt.

        What is returned comes back as `Order.prepared`. Raises `MoneyRefused` when there is nothing to set aside.
        """
        ...

    async def execute(self, order: Order) -> Result:
        """Pay. Network, in no transaction; the same order pays once however often it is executed."""
        ...

    async def look_up(self, order: Order) -> Result:
        """What the provider knows of the order. Network, in no transaction; changes nothing."""
        ...

    async def cancel(self, order: Order) -> bool:
        """Make sure that the order is never paid; False when that cannot be promised. Network."""
        ...

    async def finish(self, unit: Unit, order: Order, result: Result) -> None:
        """Keep the rail's own rows in step, in the transaction that writes a final outcome.

        Final is `DONE`, or `REFUSED` or `FAILED`: then what `prepare` set aside is free again.
        """
        ...

    async def probe(self) -> bool:
        """Whether the provider answers now; also fetches anew what `quote` needs. Network."""
        ...
