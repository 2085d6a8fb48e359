r"""A sealed file of any length, written and read in pieces, so that a backup needs little memory.

    "plecho-backup-1\n" | archive id (16 bytes) | (length (4, big endian) | sealed piece) ...

Each piece is sealed for its place: the archive, its number, and whether it is the last. So a piece that was
altered, moved, repeated or cut off does not open.
"""

from io import RawIOBase
from typing import BinaryIO, Final
from uuid import UUID, uuid4

from typing_extensions import Buffer

from bot.problems import Problem
from vault.errors import VaultError
from vault.keyring import KeySet
from vault.seal import BUCKETS, Place, key_version, open_sealed, seal
from vault.types import SealedBytes

MAGIC: Final = b"plecho-backup-1\n"
PIECE: Final = BUCKETS[-1] - 8
"""Bytes of a piece: the largest bucket of the vault, less its length field."""

LARGEST: Final = 2 * BUCKETS[-1]
"""No piece is larger; a forged length must not make the reader take all memory."""


class SealedWriter(RawIOBase):
    """Seals what is written to it. Nothing is whole before `close`."""

    def __init__(self, out: BinaryIO, keys: KeySet) -> None:
        self._out, self._key = out, keys.newest
        self._archive, self._number, self._waiting = uuid4(), 0, bytearray()
        out.write(MAGIC + self._archive.bytes)

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Buffer, /) -> int:
        """Take bytes; whole pieces are sealed at once."""
        taken = bytes(data)
        self._waiting += taken
        while len(self._waiting) > PIECE:
            self._put(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]
        return len(taken)

    def close(self) -> None:
        """Seal the last piece."""
        if not self.closed:
            self._put(bytes(self._waiting), last=True)
        super().close()

    def _put(self, piece: bytes, *, last: bool) -> None:
        sealed = seal(self._key, piece, _place(self._archive, self._number, last=last))
        self._out.write(len(sealed).to_bytes(4, "big") + sealed)
        self._number += 1


class SealedReader(RawIOBase):
    """Gives back what a `SealedWriter` sealed. Raises `Problem` for anything else, also for a cut file."""

    def __init__(self, source: BinaryIO, keys: KeySet) -> None:
        self._source, self._keys = source, keys
        if source.read(len(MAGIC)) != MAGIC:
            raise Problem("this is not a backup of Plecho")
        self._archive, self._number, self._ready = UUID(bytes=source.read(16).ljust(16)), 0, b""
        self._next = self._fetch()

    def readable(self) -> bool:
        """Yes."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, all of it when negative; nothing at the end."""
        while (size < 0 or len(self._ready) < size) and self._next is not None:
            piece, self._next = self._next, self._fetch()
            self._ready += self._opened(piece, last=self._next is None)
        size = len(self._ready) if size < 0 else size
        taken, self._ready = self._ready[:size], self._ready[size:]
        return taken

    def _fetch(self) -> bytes | None:
        head = self._source.read(4)
        if not head:
            return None
        length = int.from_bytes(head, "big")
        piece = self._source.read(length) if length <= LARGEST else b""
        if len(head) != 4 or len(piece) != length:  # noqa: PLR2004 - the bytes of a length
            raise Problem("the backup is cut off")
        return piece

    def _opened(self, piece: bytes, *, last: bool) -> bytes:
        place = _place(self._archive, self._number, last=last)
        self._number += 1
        try:
            sealed = SealedBytes(piece)
            return open_sealed(self._keys.of(key_version(sealed, place)), sealed, place)
        except VaultError:
            raise Problem("the backup does not open: altered, cut off, or made with another keyring") from None


def _place(archive: UUID, number: int, *, last: bool) -> Place:
    return Place("backup", "last" if last else "piece", f"{archive}:{number}")
