"""Private files: written whole or not at all, readable by their owner only.

- A file appears under its name only after its bytes are on the disk (write aside, fsync, rename, fsync the
  directory), with mode 0600 from its first byte on.
- A process that is killed leaves what it wrote aside, and an old half of the key grants or of a keyring opens what
  was erased since. So who writes has it locked, and whatever nobody has locked goes with the next file that is
  written there, and when the fund starts (`sweep_partial`).
- A sealed file is bound to its place like any sealed value. Shredding its compartment's key makes it
  unreadable; unlinking then frees the room. Overwriting would promise nothing on flash and copy-on-write
  disks, so nothing here pretends to.
"""

import asyncio
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from vault.seal import Place, SealingKey, open_sealed, seal
from vault.types import SealedBytes

_PRIVATE_FILE: Final = 0o600
_PRIVATE_DIRECTORY: Final = 0o700
_RANDOM_BYTES: Final = 8
_ASIDE: Final = f".*.{'[0-9a-f]' * 2 * _RANDOM_BYTES}.partial"
"""Names of what is written aside, as no other program gives them."""


async def seal_file(path: Path, data: bytes, key: SealingKey, place: Place) -> None:
    """Seal `data` into the file `path`, replacing it if it is there; OSError when the disk refuses."""
    await asyncio.to_thread(lambda: _write(path, seal(key, data, place), exclusive=False))


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
    sweep_partial(path.parent)
    _write(path, data, exclusive=False)


def create_private(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically with mode 0600; FileExistsError when the name is taken."""
    sweep_partial(path.parent)
    _write(path, data, exclusive=True)


@contextmanager
def written_aside(path: Path, *, exclusive: bool) -> Iterator[BinaryIO]:
    """A file of mode 0600 that appears as `path` once the block ends, and never when the block raises.

    It replaces what is there, or, when `exclusive`, raises FileExistsError.
    """
    descriptor, aside = _begun(path)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if exclusive:
                os.link(aside, path)
            else:
                aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    _sync_directory(path.parent)


def sweep_partial(folder: Path) -> None:
    """Unlink what killed processes have left half-written in `folder`; what is being written stays.

    Raises OSError for what cannot be unlinked: nobody may believe that it is gone.
    """
    for aside in folder.glob(_ASIDE):
        with suppress(FileNotFoundError, BlockingIOError):
            descriptor = os.open(aside, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                aside.unlink()
            finally:
                os.close(descriptor)


def _write(path: Path, data: bytes, *, exclusive: bool) -> None:
    path.parent.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    with written_aside(path, exclusive=exclusive) as file:
        file.write(data)


def _begun(path: Path) -> tuple[int, Path]:
    """A new file beside `path`, locked. One that was swept before its lock was there is begun anew."""
    while True:
        aside = path.with_name(f".{path.name}.{secrets.token_hex(_RANDOM_BYTES)}.partial")
        descriptor = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _PRIVATE_FILE)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, aside
        os.close(descriptor)


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
