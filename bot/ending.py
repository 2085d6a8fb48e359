"""How a signal ends a short command: as an error would, so that what it has half-written is taken away.

Python by itself ends at SIGTERM (a shutdown) and SIGHUP (a terminal that was closed) without any of that. `run`
and `demo` end in an order of their own. A signal that is ignored stays so: `nohup` asks for that.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

ENDING: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
BY_SIGNAL: Final = 128
"""A shell's exit code of what a signal has ended, less its number."""


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Within the block a signal that ends the process raises SystemExit where it stands."""
    heeded = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _end) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(BY_SIGNAL + number)
