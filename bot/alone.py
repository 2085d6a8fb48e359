"""Whose data directory it is: a lock that the kernel drops with the process, however that ends.

On SQLite one process runs the bot, and it alone holds the directory; on PostgreSQL those on one machine share it.
A restore wants it for itself: a bot that ran on would write into files that are no longer there, and what was paid
or erased meanwhile would be lost.

A demo holds a directory of its own in the same way. One whose process was killed is held by nobody, and goes when
the next demo starts.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sqlalchemy import make_url

from bot.problems import Problem
from bot.resources import PRIVATE_FILE, make_directories
from bot.settings import Settings


@contextmanager
def held(settings: Settings, *, alone: bool = False) -> Iterator[None]:
    """Hold the data directory, on SQLite or when told so `alone`. Raises `Problem` while another has it."""
    make_directories(settings)
    alone = alone or make_url(settings.data_url).get_backend_name() == "sqlite"
    with _locked(settings.data_dir / "lock", fcntl.LOCK_EX if alone else fcntl.LOCK_SH) as free:
        if not free:
            raise Problem(f"another process of Plecho uses {settings.data_dir}: stop it first")
        yield


@contextmanager
def passing(within: Path, name: str) -> Iterator[Path]:
    """A directory that goes at the end; if the process is killed before, when the next of this name is made."""
    with ExitStack() as stack:
        with _opened(within / f"{name}.lock") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)  # nobody sweeps what another is about to lock
            _sweep(within.glob(f"{name}-*"))
            made = tempfile.TemporaryDirectory(prefix=f"{name}-", dir=within, ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(made))
            stack.enter_context(_locked(folder / "lock", fcntl.LOCK_EX))
        yield folder


def _sweep(folders: Iterable[Path]) -> None:
    for folder in folders:
        with suppress(FileNotFoundError), _locked(folder / "lock", fcntl.LOCK_EX) as free:
            if free:
                shutil.rmtree(folder)


@contextmanager
def _locked(path: Path, how: int) -> Iterator[bool]:
    """Whether the lock was free; it is held in this block if so."""
    with _opened(path) as opened:
        try:
            fcntl.flock(opened, how | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    opened = os.open(path, os.O_CREAT | os.O_RDWR, PRIVATE_FILE)
    try:
        yield opened
    finally:
        os.close(opened)
