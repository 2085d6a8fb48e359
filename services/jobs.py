"""What the clock does: due rows are found, and each is handled in a transaction of its own.

A job's rows are the truth: a restart forgets nothing, and a job is safe to run twice.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from models.unit import Unit


@dataclass(frozen=True, slots=True)
class Job:
    """Find the keys of what is due, then handle one: `find` only reads, `handle` checks that it is still due."""

    name: str
    every: timedelta
    find: Callable[[Unit], Awaitable[Sequence[Any]]]
    handle: Callable[[Unit, Any], Awaitable[None]]
