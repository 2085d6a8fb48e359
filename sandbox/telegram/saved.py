"""The town in a file, so that a demo may be stopped and go on another day.

Saved are people, chats, messages, files, pop-ups, pending updates, the clock's jump and the token; not webhooks,
which the bot sets anew, nor faults and the log of calls. The file holds the token, so only its owner may read it.
"""

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import TypeAdapter

from sandbox.telegram.core import Telegram
from sandbox.telegram.state import World
from sandbox.telegram.updates import Update


@dataclass(slots=True)
class Saved:
    """What the file holds; `offset` is the clock's jump in seconds."""

    token: str
    offset: float
    seq: int
    world: World
    pending: list[Update]
    next_update: int
    allowed: frozenset[str] | None


def load(file: Path) -> Saved | None:
    """Return what `save` wrote, or None if there is no file; raises `ValueError` for anything else."""
    return TypeAdapter(Saved).validate_json(file.read_bytes()) if file.exists() else None


def save(telegram: Telegram, token: str, file: Path) -> None:
    """Write the town to `file`, replacing it in one step."""
    queue = telegram.queue
    queue.expire()
    offset = telegram.clock.offset.total_seconds()
    seq = telegram.hub.seq
    saved = Saved(token, offset, seq, telegram.world, list(queue.pending), queue.next_id, queue.allowed)
    written = file.with_name(f"{file.name}.new")
    with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(TypeAdapter(Saved).dump_json(saved))
    written.replace(file)


def restore(telegram: Telegram, saved: Saved) -> None:
    """Put the saved town into a new stand-in."""
    telegram.world = saved.world
    telegram.clock.advance(timedelta(seconds=saved.offset))
    telegram.hub.seq = saved.seq
    telegram.queue.pending.extend(saved.pending)
    telegram.queue.next_id = saved.next_update
    telegram.queue.allowed = saved.allowed
