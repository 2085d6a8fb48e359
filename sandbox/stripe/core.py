"""The stand-in itself: the objects, the events about them, and what is due later.

Objects are JSON bodies by id, with ids where Stripe's are expandable. They are added and amended only here and an
event holds a copy of the moment it tells of. What is due later (renewals, bank debits, payouts becoming available)
is run in order of its time by `settle`, as if the clock stood at that time: a jump of a month does what the month
would have done.
"""

import base64
import heapq
import itertools
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from stripe._api_version import _ApiVersion

from sandbox.clock import TravelClock
from sandbox.stripe.calls import CallLog, Faults
from sandbox.stripe.idempotency import Answers
from sandbox.stripe.keys import Keys
from sandbox.stripe.means import Means, Payer
from sandbox.stripe.shapes import complete
from sandbox.stripe.terms import Terms
from sandbox.stripe.wire import JsonDict, copied, missing

API_VERSION: Final = _ApiVersion.CURRENT
_MORE: Final = b"Zz"


def new_id(prefix: str, length: int = 24) -> str:
    """Return an unused id like `ch_3Nv...`; they carry no time and no order."""
    return f"{prefix}_{base64.b64encode(secrets.token_bytes(length), _MORE).decode()[:length]}"


class Table:
    """All objects of one kind, oldest first; a list goes from the newest to the oldest."""

    def __init__(self) -> None:
        """Start empty."""
        self._order: list[JsonDict] = []
        self._place: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[JsonDict]:
        return iter(self._order)

    def add(self, body: JsonDict) -> None:
        """Append an object."""
        self._place[body["id"]] = len(self._order)
        self._order.append(body)

    def get(self, wanted: str) -> JsonDict | None:
        """Return the object, or None."""
        place = self._place.get(wanted)
        return None if place is None else self._order[place]

    def insert(self, body: JsonDict) -> None:
        """Put an object at its place in time: it is known only now, and lists show when it was made."""
        place = len(self._order)
        while place and self._order[place - 1]["created"] > body["created"]:
            place -= 1
        self._order.insert(place, body)
        for number in range(place, len(self._order)):
            self._place[self._order[number]["id"]] = number

    def remove(self, wanted: str) -> None:
        """Take an object out; only for the few kinds that can be deleted."""
        del self._order[self._place[wanted]]
        self._place = {body["id"]: number for number, body in enumerate(self._order)}

    def older_than(self, wanted: str | None) -> Iterator[JsonDict]:
        """Go from the newest (or from the one before `wanted`) to the oldest."""
        start = len(self._order) if wanted is None else self._place[wanted]
        for number in range(start - 1, -1, -1):
            yield self._order[number]

    def newer_than(self, wanted: str) -> Iterator[JsonDict]:
        """Go from the one after `wanted` to the newest."""
        for number in range(self._place[wanted] + 1, len(self._order)):
            yield self._order[number]


@dataclass(order=True, slots=True)
class _Due:
    moment: float
    number: int
    job: Callable[[], None] = field(compare=False)


@dataclass(slots=True)
class Cause:
    """The API call that is running: events name it."""

    request: str | None = None
    idempotency_key: str | None = None


@dataclass(slots=True)
class Memory:
    """What is remembered beside the objects: means by payment method or open debit, watchers by intent."""

    means: dict[str, Means] = field(default_factory=dict)
    watchers: dict[str, Callable[[bool], None]] = field(default_factory=dict)
    debits: dict[str, Means] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    """The signing secret of each webhook endpoint."""
    asked: dict[str, tuple[Means, Payer]] = field(default_factory=dict)
    """Who is being asked by their bank, by the Checkout Session."""
    plans: dict[str, JsonDict] = field(default_factory=dict)
    """What a Checkout Session was created with, by its id."""


class Stripe:
    """One account's Stripe."""

    def __init__(self, clock: TravelClock, terms: Terms) -> None:
        """Start empty, on `terms`."""
        self.clock = clock
        self.terms = terms
        self.tables: dict[str, Table] = {}
        self.account_id = new_id("acct", 16)
        self.keys = Keys()
        self.answers = Answers()
        self.faults = Faults(clock.seconds)
        self.calls = CallLog(terms.calls_logged)
        self.cause = Cause()
        self.memory = Memory()
        self.funds = {"available": 0, "pending": 0}
        """The balance in the settlement currency's minor units, by the status of its transactions."""
        self.url = ""
        """Where the stand-in can be reached, for the addresses in objects."""
        self.told: list[Callable[[JsonDict], None]] = []
        """Called with each new event: the webhook endpoints, and whoever waits."""
        self.hidden: list[JsonDict] | None = None
        """Events that happened while they are held back; None when they are not."""
        self.included: dict[tuple[str, str], Callable[[JsonDict], JsonDict]] = {}
        """Makes what an object holds only when asked, by its kind and field: `line_items` of a session."""
        self._kinds: dict[str, str] = {}
        self._due: list[_Due] = []
        self._numbers = itertools.count()
        self._moment: float | None = None

    def now(self) -> int:
        """Return the present in Unix seconds; inside `settle` the time at which the job was due."""
        return int(self.clock.seconds() if self._moment is None else self._moment)

    def table(self, kind: str) -> Table:
        """Return the objects of a kind."""
        return self.tables.setdefault(kind, Table())

    def add(self, kind: str, body: JsonDict) -> JsonDict:
        """Keep a new object, completed with the fields that Stripe sends, and return it."""
        whole = complete(kind, body)
        self.table(kind).add(whole)
        self._kinds[whole["id"]] = kind
        return whole

    def find(self, wanted: str) -> JsonDict | None:
        """Return any object by its id, or None."""
        kind = self._kinds.get(wanted)
        return self.tables[kind].get(wanted) if kind else None

    def get(self, kind: str, wanted: str, *, param: str = "id", status: int = 404) -> JsonDict:
        """Return an object of a kind; raises Stripe's `resource_missing`."""
        body = self.table(kind).get(wanted)
        if body is None:
            raise missing(kind, wanted, param=param, status=status)
        return body

    def emit(self, kind: str, body: JsonDict, previous: JsonDict | None = None) -> JsonDict:
        """Let it be known that something happened to `body`; `previous` are the old values of changed fields."""
        data: JsonDict = {"object": copied(body)}
        if previous is not None:
            data["previous_attributes"] = previous
        event = {
            "id": new_id("evt"),
            "api_version": API_VERSION,
            "created": self.now(),
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": self.cause.request, "idempotency_key": self.cause.idempotency_key},
            "type": kind,
        }
        if self.hidden is not None:
            self.hidden.append(event)
        else:
            self._publish(event)
        return event

    def hold(self) -> None:
        """Let what happens from now on be unknown to lists and webhooks, as when Stripe's events are late."""
        if self.hidden is None:
            self.hidden = []

    def release(self) -> int:
        """Let everything held become known, and return how much it was."""
        held, self.hidden = self.hidden or [], None
        for event in held:
            self._publish(event)
        return len(held)

    def amend(self, body: JsonDict, told: str | None = None, **changes: object) -> JsonDict | None:
        """Change fields of an object; with `told`, an event of that type says what they were."""
        previous = {name: copied(body[name]) for name, value in changes.items() if body[name] != value}
        body.update(changes)
        return self.emit(told, body, previous) if told else None

    def at(self, moment: float, job: Callable[[], None]) -> None:
        """Run `job` when the clock reaches `moment` (Unix seconds)."""
        heapq.heappush(self._due, _Due(moment, next(self._numbers), job))

    def settle(self) -> None:
        """Do everything that is due, in order of time."""
        if self._moment is not None:
            return
        while self._due and self._due[0].moment <= self.clock.seconds():
            due = heapq.heappop(self._due)
            self._moment = due.moment
            cause, self.cause = self.cause, Cause()
            try:
                due.job()
            finally:
                self._moment, self.cause = None, cause

    def _publish(self, event: JsonDict) -> None:
        whole = complete("event", event)
        self.table("event").insert(whole)
        for hear in self.told:
            hear(whole)
