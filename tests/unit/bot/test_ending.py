"""Signals to a short command: it ends as by an error, so that what it has half-written goes."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from bot.ending import ENDING, ended_by_signals
from tests.forked import heed


@pytest.fixture
def _heeded() -> Iterator[None]:
    """Signals as at a terminal; afterwards all is as it was."""
    before = {number: signal.getsignal(number) for number in ENDING}
    heed()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_heeded")
@pytest.mark.parametrize("number", ENDING)
def test_a_signal_is_an_ordinary_end(number: signal.Signals) -> None:
    """Whatever was begun is cleaned up on the way out, with a shell's exit code; afterwards all is as before."""
    before = signal.getsignal(number)
    cleaned: list[bool] = []

    def work() -> None:
        with ended_by_signals(), ExitStack() as cleaning:
            cleaning.callback(cleaned.append, True)
            os.kill(os.getpid(), number)

    with pytest.raises(SystemExit) as ended:
        work()
    assert cleaned
    assert ended.value.code == 128 + number
    assert signal.getsignal(number) is before


def test_what_is_ignored_stays_ignored() -> None:
    """Under nohup a command goes on when its terminal is closed."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
