"""Private files: written whole or not at all, readable by their owner only.

- A file appears under its name only after its bytes are on the disk (write aside, fsync, rename, fsync the
  directory), with mode 0600 from its first byte on. A crash leaves at most a sealed `.partial` file.
- A sealed file is bound to its place like any sealed value. Shredding its compartment's key makes it
  unreadable; unlinking then frees the room. Overwriting would promise nothing on flash and copy-on-write
  disks, so nothing here pretends to.
"""

import asyncio
import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

from vault.seal import Place, SealingKey, open_sealed, seal
from vault.types import SealedBytes

_PRIVATE_FILE: Final = 0o600
_PRIVATE_DIRECTORY: Final = 0o700


async def seal_file(path: Path, data: bytes, key: SealingKey, place: Place) -> None:
    """Seal `data` into the file `path`, replacing it if it is there; OSError when the disk refuses."""
    await asyncio.to_thread(lambda: write_private(path, seal(key, data, place)))


async def open_file(path: Path, key: SealingKey, place: Place) -> bytes:
    """Return what `seal_file` was given; SealBroken when altered or moved, FileNotFoundError when gone."""
    return await asyncio.to_thread(lambda: open_sealed(key, SealedBytes(path.read_bytes()), place))


async def shred_file(path: Path) -> bool:
    """Unlink the file, for good after a power cut too; tell whether it was there.

    Its compartment must be shredded first: only that makes the content unreadable.
    """
    return await asyncio.to_thread(_unlink, path)


def write_private(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically with mode 0600, replacing what is there."""
    _write(path, data, exclusive=False)


def create_private(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically with mode 0600; FileExistsError when the name is taken."""
    _write(path, data, exclusive=True)


def _write(path: Path, data: bytes, *, exclusive: bool) -> None:
    path.parent.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _PRIVATE_FILE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if exclusive:
            os.link(aside, path)
        else:
            aside.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            aside.unlink()
    _sync_directory(path.parent)


def _unlink(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    _sync_directory(path.parent)
    return True


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
