"""The keyring: every long-lived key of the server, in one sealed document.

- master keys wrap the key grants of compartments; server keys seal the server's own rows (inbox, outbox,
  conversations). Both are versioned: the newest seals, every version opens.
- index keys (one per blind index) and the signing key never change: changing them would lose lookups and
  proofs already handed out.
- wallet keys sign transfers on a public chain; the newest signs, older ones still sign what they began.
- On disk it is sealed with a passphrase (Argon2id, then AES-256-GCM with the readable header as associated
  data), mode 0600. In the environment it is base64 of that document, or of the open one for a machine that
  keeps its secrets elsewhere.
- A process must not start without it, with a wrong one, or with one that others can read: `load` refuses.
"""

import binascii
import json
import os
import stat
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vault.errors import (
    KeyringExists,
    KeyringMissing,
    KeyringReadableByOthers,
    KeyringWrong,
    KeyVersionUnknown,
)
from vault.files import create_private, write_private
from vault.passwords import STRONG, Argon2Cost, stretch
from vault.seal import SealingKey, new_key
from vault.types import IndexName, Secret

_SEALED_FORMAT: Final = "plecho-keyring-sealed-1"
_OPEN_FORMAT: Final = "plecho-keyring-open-1"
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

_Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class KeySet:
    """Versions of one key, oldest to newest; versions start at 1 and only grow."""

    kind: str
    keys: tuple[SealingKey, ...]

    @property
    def newest(self) -> SealingKey:
        """The key that seals."""
        return self.keys[-1]

    def of(self, version: int) -> SealingKey:
        """Return the key of this version; raise KeyVersionUnknown when the keyring lacks it."""
        for key in reversed(self.keys):
            if key.version == version:
                return key
        raise KeyVersionUnknown(self.kind, version)

    def rotated(self) -> Self:
        """Return the set with a fresh newest key."""
        return replace(self, keys=(*self.keys, SealingKey(self.newest.version + 1, new_key())))

    def pruned(self) -> Self:
        """Return the set with nothing but its newest key."""
        return replace(self, keys=(self.newest,))


@dataclass(frozen=True, slots=True)
class Keyring:
    """All keys of one server. Its repr shows versions, never keys."""

    masters: KeySet
    servers: KeySet
    index_keys: Mapping[IndexName, bytes] = field(repr=False)
    signing_seed: bytes = field(repr=False)
    wallet_keys: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def new(cls) -> Self:
        """Return a keyring of fresh random keys."""
        return cls(
            masters=KeySet("master", (SealingKey(1, new_key()),)),
            servers=KeySet("server", (SealingKey(1, new_key()),)),
            index_keys={name: new_key() for name in IndexName},
            signing_seed=new_key(),
        )

    @classmethod
    def load(cls, path: Path, passphrase: Secret) -> Self:
        """Open the keyring file.

        Raises KeyringMissing, KeyringReadableByOthers (mode allows group or others anything), KeyringWrong
        (wrong passphrase, altered, or not a keyring). Takes as long as Argon2 does.
        """
        return cls._from_document(_opened(_parsed(_read_private(path)), passphrase))

    @classmethod
    def from_environment(cls, text: str, passphrase: Secret | None) -> Self:
        """Open a keyring given as base64: a sealed document with its passphrase, an open one without.

        Raises KeyringMissing when the text is empty, KeyringWrong as `load` does; also when a passphrase is
        given for an open keyring, since whoever set it believes that the keyring is sealed.
        """
        if not text.strip():
            raise KeyringMissing(None)
        try:
            document = _parsed(b64decode("".join(text.split()), validate=True))
        except binascii.Error:
            raise KeyringWrong("not base64") from None
        if passphrase is not None:
            document = _opened(document, passphrase)
        elif document["format"] == _SEALED_FORMAT:
            raise KeyringWrong("it is sealed and no passphrase was given")
        return cls._from_document(document)

    def save(self, path: Path, passphrase: Secret, cost: Argon2Cost = STRONG) -> None:
        """Seal to `path` atomically with mode 0600, replacing what is there.

        Only tests lower `cost`.
        """
        write_private(path, _sealed(self._document(), passphrase, cost))

    def save_new(self, path: Path, passphrase: Secret, cost: Argon2Cost = STRONG) -> None:
        """Save as `save` does, but raise KeyringExists rather than overwrite."""
        try:
            create_private(path, _sealed(self._document(), passphrase, cost))
        except FileExistsError:
            raise KeyringExists(path) from None

    def to_environment(self, passphrase: Secret | None, cost: Argon2Cost = STRONG) -> Secret:
        """Return the base64 text that `from_environment` takes; open when `passphrase` is None."""
        document = self._document()
        data = _dumped(document) if passphrase is None else _sealed(document, passphrase, cost)
        return Secret(b64encode(data).decode())

    def rotated(self) -> Self:
        """Return a keyring with a new master and a new server key; all old versions still open."""
        return replace(self, masters=self.masters.rotated(), servers=self.servers.rotated())

    def pruned(self) -> Self:
        """Return a keyring without the old master keys.

        Only after `Vault.rewrap`: from then on no old copy of the key database can be opened, wherever a disk
        still holds one. Old server keys stay, since rows sealed under them do.
        """
        return replace(self, masters=self.masters.pruned())

    def with_wallet(self, key: bytes) -> Self:
        """Return a keyring whose newest wallet key is this one."""
        others = tuple(one for one in self.wallet_keys if one != key)
        return replace(self, wallet_keys=(*others, SealingKey(0, key).secret))

    def _document(self) -> _Document:
        return {
            "format": _OPEN_FORMAT,
            "masters": _encoded_set(self.masters),
            "servers": _encoded_set(self.servers),
            "indexes": {name.value: _encoded(key) for name, key in self.index_keys.items()},
            "signing": _encoded(self.signing_seed),
            "wallets": [_encoded(key) for key in self.wallet_keys],
        }

    @classmethod
    def _from_document(cls, document: _Document) -> Self:
        if document["format"] != _OPEN_FORMAT:
            raise KeyringWrong("not a keyring")
        try:
            return cls(
                masters=_decoded_set("master", document["masters"]),
                servers=_decoded_set("server", document["servers"]),
                index_keys={name: _decoded_key(document["indexes"][name.value]) for name in IndexName},
                signing_seed=_decoded_key(document["signing"]),
                wallet_keys=tuple(_decoded_key(key) for key in document.get("wallets", [])),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise KeyringWrong("keys are missing or malformed") from None


def _read_private(path: Path) -> bytes:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise KeyringMissing(path) from None
    with file:
        # The mode of the open file, not of the name: what is checked is what is read.
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & _OTHERS:
            raise KeyringReadableByOthers(path, mode)
        return file.read()


def _parsed(data: bytes) -> _Document:
    try:
        document = json.loads(data)
    except ValueError:
        raise KeyringWrong("not a keyring") from None
    if not isinstance(document, dict) or document.get("format") not in {_SEALED_FORMAT, _OPEN_FORMAT}:
        raise KeyringWrong("not a keyring")
    return document


def _dumped(document: _Document) -> bytes:
    return json.dumps(document, sort_keys=True, indent=1).encode()


def _sealed(document: _Document, passphrase: Secret, cost: Argon2Cost) -> bytes:
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    header: _Document = {
        "format": _SEALED_FORMAT,
        "argon2id": asdict(cost),
        "salt": _encoded(salt),
        "nonce": _encoded(nonce),
    }
    cipher = AESGCM(stretch(passphrase, salt, cost))
    return _dumped({**header, "sealed": _encoded(cipher.encrypt(nonce, _dumped(document), _dumped(header)))})


def _opened(document: _Document, passphrase: Secret) -> _Document:
    if document["format"] != _SEALED_FORMAT:
        raise KeyringWrong("a passphrase was given, but it is not sealed")
    header = {name: value for name, value in document.items() if name != "sealed"}
    try:
        cost = Argon2Cost(**document["argon2id"])
        salt, nonce = b64decode(document["salt"]), b64decode(document["nonce"])
        sealed = b64decode(document["sealed"])
        key = stretch(passphrase, salt, cost)
        opened = AESGCM(key).decrypt(nonce, sealed, _dumped(header))
    except InvalidTag:
        raise KeyringWrong("wrong passphrase, or an altered file") from None
    except (KeyError, TypeError, ValueError):
        raise KeyringWrong("its header is malformed") from None
    return _parsed(opened)


def _encoded(data: bytes) -> str:
    return b64encode(data).decode()


def _decoded_key(text: str) -> bytes:
    return SealingKey(0, b64decode(text, validate=True)).secret


def _encoded_set(keys: KeySet) -> dict[str, str]:
    return {str(key.version): _encoded(key.secret) for key in keys.keys}


def _decoded_set(kind: str, encoded: dict[str, str]) -> KeySet:
    keys = sorted(
        (SealingKey(int(version), _decoded_key(text)) for version, text in encoded.items()), key=_version
    )
    if not keys:
        raise ValueError("no keys")
    return KeySet(kind, tuple(keys))


def _version(key: SealingKey) -> int:
    return key.version
