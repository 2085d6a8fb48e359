"""Sealing: authenticated encryption that binds a value to its place and hides its length.

A sealed value is

    format (1 byte) | key version (4, big endian) | salt (24) | AES-256-GCM ciphertext and tag (bucket + 16)

Rules:

- One key and nonce per message, both derived from the key and a random 192-bit salt by keyed BLAKE2b. Random
  96-bit nonces alone would be safe for 2^32 messages per key (NIST SP 800-38D, 8.3), which the server's key
  could see within weeks.
- The associated data is the header and the place (table, column, row), each part with its length before it,
  so that no two places have the same encoding. A value moved to another row, column or table does not open.
- The plaintext is padded to a bucket, with its length inside the seal. See `BUCKETS`.
- Every failure to open is the same `SealBroken`.
"""

import os
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vault.errors import SealBroken
from vault.types import SealedBytes

KEY_BYTES: Final = 32

BUCKETS: Final = (256, 1024, 4096, 16384, 65536, 262144, 1048576)
"""Padded sizes in bytes; above the last, multiples of the last.

A Telegram message is at most 4096 UTF-16 units, so at most 12 KiB of UTF-8: every answer falls into one of
four sizes (a button or a number, a sentence, a paragraph, a story), which tells an observer at most two bits.
Files, which Telegram caps at 20 MB, fall into 21 more. Steps of four cost at most about four times the room.
"""

_FORMAT: Final = b"\x01"
_VERSION_BYTES: Final = 4
_SALT_BYTES: Final = 24
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_LENGTH_BYTES: Final = 8
_HEADER_BYTES: Final = len(_FORMAT) + _VERSION_BYTES + _SALT_BYTES


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A 256-bit key and the version written into the header of what it seals; its repr shows no key."""

    version: int
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a key of another length or a version that does not fit the header."""
        if len(self.secret) != KEY_BYTES:
            raise ValueError("a sealing key is 32 bytes")
        if not 0 <= self.version < 1 << (8 * _VERSION_BYTES):
            raise ValueError("a key version is an unsigned 32-bit number")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value lives. Row ids are compared by their text form."""

    table: str
    column: str
    row: UUID | int | str

    def encoded(self) -> bytes:
        """Encode unambiguously: each part as UTF-8 with its length (4 bytes) before it."""
        parts = (self.table.encode(), self.column.encode(), str(self.row).encode())
        return b"".join(len(part).to_bytes(4, "big") + part for part in parts)

    def broken(self) -> SealBroken:
        """Return the error that says: what was found here does not open here."""
        return SealBroken(self.table, self.column, str(self.row))


def new_key() -> bytes:
    """Return 256 random bits from the operating system."""
    return os.urandom(KEY_BYTES)


def bucket(length: int) -> int:
    """Return the padded size, in bytes, for a plaintext of `length` bytes (its length field included)."""
    need = length + _LENGTH_BYTES
    for size in BUCKETS:
        if need <= size:
            return size
    largest = BUCKETS[-1]
    return -(-need // largest) * largest


def sealed_size(length: int) -> int:
    """Return the size, in bytes, of the sealed form of a plaintext of `length` bytes."""
    return _HEADER_BYTES + bucket(length) + _TAG_BYTES


def seal(key: SealingKey, plaintext: bytes, place: Place) -> SealedBytes:
    """Seal `plaintext` for `place`; sealing twice gives two different results."""
    header = _FORMAT + key.version.to_bytes(_VERSION_BYTES, "big") + os.urandom(_SALT_BYTES)
    padded = (len(plaintext).to_bytes(_LENGTH_BYTES, "big") + plaintext).ljust(bucket(len(plaintext)), b"\x00")
    cipher, nonce = _message_key(key, header)
    return SealedBytes(header + cipher.encrypt(nonce, padded, header + place.encoded()))


def open_sealed(key: SealingKey, sealed: SealedBytes, place: Place) -> bytes:
    """Return what was sealed with `key` for `place`; raise SealBroken for anything else."""
    if len(sealed) < sealed_size(0) or key_version(sealed, place) != key.version:
        raise place.broken()
    header = bytes(sealed[:_HEADER_BYTES])
    cipher, nonce = _message_key(key, header)
    try:
        padded = cipher.decrypt(nonce, bytes(sealed[_HEADER_BYTES:]), header + place.encoded())
    except InvalidTag:
        raise place.broken() from None
    length = int.from_bytes(padded[:_LENGTH_BYTES], "big")
    return padded[_LENGTH_BYTES : _LENGTH_BYTES + length]


def key_version(sealed: SealedBytes, place: Place) -> int:
    """Return the version of the key that `sealed` claims; raise SealBroken when it has no header."""
    if len(sealed) < _HEADER_BYTES or sealed[:1] != _FORMAT:
        raise place.broken()
    return int.from_bytes(sealed[1 : 1 + _VERSION_BYTES], "big")


def _message_key(key: SealingKey, header: bytes) -> tuple[AESGCM, bytes]:
    """Derive the cipher and nonce of one message from its key and its header's salt."""
    derived = blake2b(header, key=key.secret, digest_size=KEY_BYTES + _NONCE_BYTES, person=b"plecho.seal").digest()
    return AESGCM(derived[:KEY_BYTES]), derived[KEY_BYTES:]
