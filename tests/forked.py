"""Processes forked from one that has imported the fund and done nothing else.

A start of Python with all that the fund imports takes seconds of a core, and tests start it hundreds of times. A
forked process shares nothing else with the test: environment, working directory and output are its own.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from tempfile import TemporaryDirectory

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    ["bot.cli", "bot.serve", "asyncpg", "aiosqlite", "tests.soak.process", "tests.forked"]
)


def take_over(environment: Mapping[str, str], out: Path, errors: Path) -> None:
    """Give the process that calls this its environment and the files that its output goes to the end of."""
    os.environ.clear()
    os.environ.update(environment)
    for stream, path in ((sys.stdout, out), (sys.stderr, errors)):
        with path.open("ab") as file:
            os.dup2(file.fileno(), stream.fileno())


def heed() -> None:
    """Let signals end the process, as at a terminal: tests that run in the background ignore Ctrl+C."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def plecho(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the operator's to its end."""
    with TemporaryDirectory() as folder:
        out, errors = Path(folder, "out"), Path(folder, "errors")
        process = begin(environment, words, out, errors)
        process.join()
        return subprocess.CompletedProcess(words, process.exitcode or 0, out.read_text(), errors.read_text())


def begin(environment: Mapping[str, str], words: Sequence[str], out: Path, errors: Path) -> ForkServerProcess:
    """Begin a command of the operator's."""
    process = FORKED.Process(target=_command, args=(dict(environment), words, out, errors), daemon=True)
    process.start()
    return process


def live(environment: Mapping[str, str], words: Sequence[str], log: Path) -> ForkServerProcess:
    """Begin a process of the fund as `tests.soak.process` runs it; both outputs go to the end of a log."""
    process = FORKED.Process(target=_live, args=(dict(environment), words, log), daemon=True)
    process.start()
    return process


def _live(environment: Mapping[str, str], words: Sequence[str], log: Path) -> None:
    from tests.soak.process import main  # noqa: PLC0415 - in the process that runs it

    take_over(environment, log, log)
    main(words)


def _command(environment: Mapping[str, str], words: Sequence[str], out: Path, errors: Path) -> None:
    from bot.cli import main  # noqa: PLC0415 - in the process that runs it

    take_over(environment, out, errors)
    heed()
    sys.argv = ["plecho", *words]
    main()
