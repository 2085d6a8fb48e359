"""The log of API calls, and faults to be played on coming ones."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Final, Literal, get_args

from sandbox.calls import Log
from sandbox.stripe.wire import JsonDict

FaultKind = Literal[
    "rate_limit", "server_error", "server_error_after", "hang_up", "lost_answer", "stall", "garbage", "doubled",
    "slow", "down", "forbidden", "invalid", "late",
]  # fmt: skip
KINDS: Final[frozenset[str]] = frozenset(get_args(FaultKind))


@dataclass(slots=True)
class Call:
    """One call: `date` in Unix seconds of the stand-in's clock; `replayed` when an idempotency key answered it."""

    seq: int
    verb: str
    path: str
    date: float
    status: int
    error: str | None
    fault: str | None
    replayed: bool
    idempotency_key: str | None
    params: JsonDict = field(default_factory=dict)

    def body(self) -> JsonDict:
        """Return it as JSON."""
        return asdict(self)


class CallLog(Log[Call]):
    """The latest calls, oldest first."""

    def select(self, verb: str | None = None, path: str | None = None, after: int = 0) -> list[Call]:
        """Return the calls numbered above `after`, of one verb and with a path that begins so if given."""
        return [
            call
            for call in self._calls
            if call.seq > after and verb in {None, call.verb} and (path is None or call.path.startswith(path))
        ]


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` calls of `verb` and `path` (a beginning like `/v1/transfers`).

    With `of` only to calls that have a parameter of that value.

    Before the work: `rate_limit` (429), `server_error` (500, and no idempotency key remembers it), `hang_up`
    (the connection breaks), `forbidden` (403), `invalid` (400, as for a parameter that is known no more). After
    it: `server_error_after` (500, which the idempotency key replays, as Stripe's do), `lost_answer` (the
    connection breaks), `stall` (no answer ever), `garbage` (an answer that is no JSON). `doubled`: the call
    arrives twice, with the same key. `late`: the connection breaks, and the call arrives only after the next one
    (with `of`: the next such one) was answered. `slow`: the answer takes `seconds`. `down`: 503 for all such calls
    during `seconds` of the stand-in's clock, whatever `times` says.
    """

    kind: FaultKind
    verb: str = "*"
    path: str = "/"
    times: int = 1
    seconds: float = 1.0
    since: float = 0.0
    of: str = ""

    def fits(self, verb: str, path: str, given: JsonDict) -> bool:
        """Whether a call with these parameters suffers it."""
        return self.verb in {"*", verb} and path.startswith(self.path) and self.is_about(given)

    def is_about(self, given: JsonDict) -> bool:
        """Whether a call with these parameters is one of those that it is about."""
        return not self.of or self.of in given.values()


class Faults:
    """The faults that are still to be played, first come first served."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        """Begin without any; `seconds` tells the stand-in's time."""
        self.waiting: list[Fault] = []
        self._seconds = seconds

    def add(self, fault: Fault) -> None:
        """Plan a fault."""
        fault.since = self._seconds()
        self.waiting.append(fault)

    def take(self, verb: str, path: str, given: JsonDict) -> Fault | None:
        """Return the fault that this call must suffer, and count it."""
        now = self._seconds()
        self.waiting = [f for f in self.waiting if f.kind != "down" or now < f.since + f.seconds]
        for fault in self.waiting:
            if not fault.fits(verb, path, given):
                continue
            if fault.kind != "down":
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
            return fault
        return None


async def paused(fault: Fault | None) -> None:
    """Wait as long as a `slow` or `stall` fault asks for: the first its seconds, the second for ever."""
    if fault is not None and fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    if fault is not None and fault.kind == "stall":
        await asyncio.Event().wait()
