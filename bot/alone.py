"""Whose data directory it is: a lock that the kernel drops with the process, however that ends.

On SQLite one process runs the bot, and it alone holds the directory; on PostgreSQL those on one machine share it.
A restore wants it for itself: a bot that ran on would write into files that are no longer there, and what was paid
or erased meanwhile would be lost.

A demo and a backup hold a directory of their own in the same way. One whose process was killed is held by nobody,
and goes with the next of its kind; a backup's, and whatever else was left half-written, also when the fund starts.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from bot.problems import Problem
from bot.resources import PRIVATE_FILE, make_directories
from bot.settings import Settings
from vault.files import sweep_partial

STAGING: Final = ".backup"
"""The name of the directories in which backups are made and unpacked."""


@contextmanager
def held(settings: Settings, *, alone: bool = False) -> Iterator[None]:
    """Hold the data directory, on SQLite or when told so `alone`. Raises `Problem` while another has it."""
    make_directories(settings)
    alone = alone or make_url(settings.data_url).get_backend_name() == "sqlite"
    with _locked(settings.data_dir / "lock", fcntl.LOCK_EX if alone else fcntl.LOCK_SH) as free:
        if not free:
            raise Problem(f"another process of Plecho uses {settings.data_dir}: stop it first")
        sweep_left(settings)
        yield


def sweep_left(settings: Settings) -> None:
    """Remove what killed processes have left beside the data. Raises `Problem` when it cannot be removed."""
    beside = {settings.data_dir, settings.files, (settings.keyring_path or settings.data_dir / "keyring").parent}
    try:
        with turn(settings.data_dir, STAGING):
            for folder in beside:
                sweep_partial(folder)
    except OSError as error:
        raise Problem(
            f"{error.filename}: was left half-written and cannot be removed ({error.strerror})"
        ) from None


@contextmanager
def passing(within: Path, name: str) -> Iterator[Path]:
    """A directory that goes at the end; if the process is killed before, when the next of this name is made."""
    with ExitStack() as stack:
        with turn(within, name):
            made = tempfile.TemporaryDirectory(prefix=f"{name}-", dir=within, ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(made))
            stack.enter_context(_locked(folder / "lock", fcntl.LOCK_EX))
        yield folder


@contextmanager
def turn(within: Path, name: str) -> Iterator[None]:
    """One after the other by this name. Its directories that nobody holds are swept; none is made meanwhile."""
    with _opened(within / f"{name}.lock") as taken:
        fcntl.flock(taken, fcntl.LOCK_EX)
        _sweep(within.glob(f"{name}-*"))
        yield


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
