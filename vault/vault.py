"""The vault: the one door to sealed content.

- Content of a case is sealed under its compartment's key, the server's own rows (inbox, outbox,
  conversations) under the server key. What is sealed opens only in its place.
- Compartment keys are fetched and unwrapped for each act and never cached: another process may shred at any
  moment, and from its commit on nothing may open. `unlock` gives the key to a caller with many values; it
  must not outlive the caller's transaction.
- Keys are made in another database than the data. A crash in between leaves a key without data, which harms
  nothing and is swept by `orphans`.
- The vault decides nothing about who may read; services do.
"""

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vault.errors import TooManyOrphans
from vault.keyring import Keyring
from vault.keystore import SERVER, KeyGrant, KeyStore, LastHolder, LogEnd
from vault.seal import Place, SealingKey, key_version, new_key, open_sealed, seal
from vault.types import BlindIndex, Compartment, IndexName, SealedBytes

_COMPARTMENT_KEY_VERSION: Final = 0
_INDEX_BYTES: Final = 20
_REWRAP_BATCH: Final = 200


class Vault:
    """Seals, opens, looks up, signs and shreds, with one keyring and one key store."""

    def __init__(self, keyring: Keyring, store: KeyStore) -> None:
        """Take an opened keyring and an opened store; the store stays the caller's to close."""
        self._masters = keyring.masters
        self._servers = keyring.servers
        self._index_keys = dict(keyring.index_keys)
        self._signing_key = Ed25519PrivateKey.from_private_bytes(keyring.signing_seed)
        self._verifying_key = self._signing_key.public_key()
        self._wallet_keys = keyring.wallet_keys
        self._store = store

    async def create(self, subject: UUID, *compartments: Compartment) -> None:
        """Make keys for these compartments (all when none is named); those that have one keep it.

        Raises CompartmentShredded when the subject was shredded.
        """
        wanted = compartments or tuple(Compartment)
        grants = [self._wrapped(subject, compartment, new_key()) for compartment in wanted]
        await self._store.add(subject, grants)

    async def seal(self, subject: UUID, compartment: Compartment, plaintext: bytes, place: Place) -> SealedBytes:
        """Seal for this compartment and place; CompartmentShredded when it has no key."""
        return seal(await self.unlock(subject, compartment), plaintext, place)

    async def open(self, subject: UUID, compartment: Compartment, sealed: SealedBytes, place: Place) -> bytes:
        """Return what was sealed; CompartmentShredded without a key, SealBroken when altered or moved."""
        return open_sealed(await self.unlock(subject, compartment), sealed, place)

    async def unlock(self, subject: UUID, compartment: Compartment) -> SealingKey:
        """Return the compartment's key for several `seal.seal` and `seal.open_sealed` of one transaction.

        Raises CompartmentShredded when there is none, KeyVersionUnknown when the keyring is older than it.
        """
        grant = await self._store.grant(subject, compartment)
        return self._unwrapped(grant)

    async def compartments(self, subject: UUID) -> set[Compartment]:
        """Return the compartments of the subject that can still be opened."""
        return await self._store.compartments(subject)

    async def shred(self, subject: UUID, *compartments: Compartment) -> None:
        """Delete the keys of these compartments, of all and for good when none is named; safe to repeat.

        From the return on, in every process, nothing sealed in them opens. Raises ShredIncomplete when the
        keys are deleted but a copy may linger in the database's log; shred again.
        """
        await self._store.shred(subject, compartments or None)

    async def shredded(self, subjects: Iterable[UUID]) -> set[UUID]:
        """Return those of `subjects` that were shredded whole: after a restore, their rows must go."""
        return await self._store.shredded(subjects)

    async def note_holder(self, subject: UUID, holder: LastHolder) -> None:
        """Remember apart from the data who holds a case or a volunteer's place, so that no restore undoes it."""
        await self._store.note_holder(subject, holder)

    async def forget_holder(self, subject: UUID) -> None:
        """Somebody whose access had ended was let in anew."""
        await self._store.forget_holder(subject)

    async def last_holders(self) -> dict[UUID, LastHolder]:
        """Return all that were noted."""
        return await self._store.last_holders()

    async def note_log_end(self, end: LogEnd | None) -> None:
        """Remember apart from the data how long the log of acts is."""
        await self._store.note_log_end(end)

    async def log_end(self) -> LogEnd | None:
        """Return what was noted last of the log of acts."""
        return await self._store.log_end()

    async def orphans(self, known: Iterable[UUID], created_before: datetime, at_most: int = 100) -> set[UUID]:
        """Remove the keys of subjects that no data row knows, and return those subjects.

        Only subjects whose keys are all older than `created_before` count: a younger one may belong to a
        transaction under way. Raises TooManyOrphans, removing nothing, above `at_most`: then `known` is
        likely not whole (an empty query, a restored old backup), and removal would be for good.
        """
        found = await self.unclaimed(known, created_before)
        if len(found) > at_most:
            raise TooManyOrphans(len(found), at_most)
        for subject in found:
            await self._store.shred(subject)
        return found

    async def unclaimed(self, known: Iterable[UUID], created_before: datetime) -> set[UUID]:
        """Return the subjects that `orphans` would remove, however many, and remove none."""
        return await self._store.subjects_before(created_before) - set(known)

    async def rewrap(self) -> int:
        """Wrap every grant under the newest master key; return how many were wrapped anew.

        Safe beside a running server, once that has the rotated keyring, and safe to repeat.
        """
        count = 0
        while grants := await self._store.wrapped_before(self._masters.newest.version, _REWRAP_BATCH):
            await self._store.rewrap([(grant, self._rewrapped(grant)) for grant in grants])
            count += len(grants)
        await self._store.empty_log()
        return count

    def seal_server(self, plaintext: bytes, place: Place) -> SealedBytes:
        """Seal one of the server's own rows under the newest server key."""
        return seal(self._servers.newest, plaintext, place)

    def open_server(self, sealed: SealedBytes, place: Place) -> bytes:
        """Open one of the server's own rows, whatever version sealed it; SealBroken, KeyVersionUnknown."""
        return open_sealed(self._servers.of(key_version(sealed, place)), sealed, place)

    def index(self, name: IndexName, value: str) -> BlindIndex:
        """Return the keyed fingerprint (160 bits, hex) of a value that the caller has normalised."""
        digest = blake2b(value.encode(), key=self._index_keys[name], digest_size=_INDEX_BYTES)
        return BlindIndex(digest.hexdigest())

    def sign(self, message: bytes) -> bytes:
        """Return an Ed25519 signature (64 bytes). Callers begin each kind of message with its own name."""
        return self._signing_key.sign(message)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether `signature` was made by `sign` over exactly this message."""
        try:
            self._verifying_key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    @property
    def public_key(self) -> bytes:
        """The 32 raw bytes with which anyone can check our signatures."""
        return self._verifying_key.public_bytes_raw()

    @property
    def wallet_keys(self) -> tuple[bytes, ...]:
        """The keys of wallets on a public chain, 32 bytes each, the newest last; it signs."""
        return self._wallet_keys

    def _wrapped(self, subject: UUID, compartment: Compartment, secret: bytes) -> KeyGrant:
        master = self._masters.newest
        wrapped = seal(master, secret, _grant_place(subject, compartment))
        return KeyGrant(subject, compartment, wrapped, master.version)

    def _rewrapped(self, grant: KeyGrant) -> KeyGrant:
        return self._wrapped(grant.subject, grant.compartment, self._unwrapped(grant).secret)

    def _unwrapped(self, grant: KeyGrant) -> SealingKey:
        place = _grant_place(grant.subject, grant.compartment)
        secret = open_sealed(self._masters.of(grant.master_version), SealedBytes(grant.wrapped), place)
        return SealingKey(_COMPARTMENT_KEY_VERSION, secret)


def _grant_place(subject: UUID, compartment: Compartment) -> Place:
    return Place("key_grant", f"{SERVER}/{compartment}", subject)
