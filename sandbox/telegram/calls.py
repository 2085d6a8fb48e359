"""The log of Bot API calls, and faults to be played on coming ones."""

import asyncio
from dataclasses import asdict, dataclass, field
from typing import Final, Literal

from sandbox.calls import Log
from sandbox.telegram.wire import JsonDict

FaultKind = Literal["retry_after", "server_error", "forbidden", "hang_up", "lost_answer", "garbage"]
KINDS: Final = frozenset({"retry_after", "server_error", "forbidden", "hang_up", "lost_answer", "garbage"})


@dataclass(slots=True)
class Call:
    """One call the bot made: `date` in Unix seconds of the stand-in's clock, `code` the HTTP status."""

    seq: int
    method: str
    chat: int | str | None
    date: float
    ok: bool
    code: int
    description: str | None
    fault: str | None
    params: JsonDict = field(default_factory=dict)

    def body(self) -> JsonDict:
        """Return it as JSON."""
        return asdict(self)


class CallLog(Log[Call]):
    """The latest calls, oldest first."""

    def __init__(self, kept: int) -> None:
        """Keep the latest `kept` calls."""
        super().__init__(kept)
        self._waiting: set[asyncio.Future[None]] = set()

    def add(self, call: Call) -> None:
        """Append a finished call, and wake who waits for it."""
        super().add(call)
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    def select(self, method: str | None = None, chat: int | None = None, after: int = 0) -> list[Call]:
        """Return the calls with a number above `after`, of one method and chat if given."""
        wanted = method.lower() if method else None
        return [
            call
            for call in self._calls
            if call.seq > after
            and (wanted is None or call.method.lower() == wanted)
            and (chat is None or call.chat == chat)
        ]

    async def wait(self, method: str | None, chat: int | None, after: int, seconds: float) -> list[Call]:
        """Return what `select` finds, waiting up to `seconds` for the first such call."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not (found := self.select(method, chat, after)) and (left := end - loop.time()) > 0:
            future: asyncio.Future[None] = loop.create_future()
            self._waiting.add(future)
            try:
                await asyncio.wait([future], timeout=left)
            finally:
                self._waiting.discard(future)
        return found


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` calls of `method` (any method if `*`), in `chat` if given.

    `retry_after`: 429 with that many `seconds`; `server_error`: 500; `forbidden`: 403; `hang_up`: the
    connection breaks before anything is done; `lost_answer`: it is done and the connection breaks; `garbage`:
    it is done and the answer is not JSON.
    """

    kind: FaultKind
    method: str = "*"
    times: int = 1
    seconds: int = 1
    chat: int | None = None


class Faults:
    """The faults that are still to be played, first come first served."""

    def __init__(self) -> None:
        """Begin without any."""
        self.waiting: list[Fault] = []

    def take(self, method: str, chat: int | str | None) -> Fault | None:
        """Return the fault that this call must suffer, and count it."""
        for fault in self.waiting:
            if fault.method not in {"*", method} or (fault.chat is not None and fault.chat != chat):
                continue
            fault.times -= 1
            if fault.times <= 0:
                self.waiting.remove(fault)
            return fault
        return None
