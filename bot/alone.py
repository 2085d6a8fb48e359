"""Whose data directory it is: a lock that the kernel drops with the process, however that ends.

On SQLite one process runs the bot, and it alone holds the directory; on PostgreSQL those on one machine share it.
A restore wants it for itself: a bot that ran on would write into files that are no longer there, and what was paid
or erased meanwhile would be lost.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import make_url

from bot.problems import Problem
from bot.resources import PRIVATE_FILE, make_directories
from bot.settings import Settings


@contextmanager
def held(settings: Settings, *, alone: bool = False) -> Iterator[None]:
    """Hold the data directory, on SQLite or when told so `alone`. Raises `Problem` while another has it."""
    make_directories(settings)
    alone = alone or make_url(settings.data_url).get_backend_name() == "sqlite"
    opened = os.open(settings.data_dir / "lock", os.O_CREAT | os.O_RDWR, PRIVATE_FILE)
    try:
        _take(opened, settings, alone=alone)
        yield
    finally:
        os.close(opened)


def _take(opened: int, settings: Settings, *, alone: bool) -> None:
    try:
        fcntl.flock(opened, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Problem(f"another process of Plecho uses {settings.data_dir}: stop it first") from None
