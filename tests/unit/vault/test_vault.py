"""The vault: compartments, the server's rows, lookups, signatures, rotation, shredding."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise, product
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.errors import CompartmentShredded, KeyVersionUnknown, SealBroken, TooManyOrphans
from vault.keyring import Keyring
from vault.keystore import KeyStore
from vault.seal import Place, open_sealed, seal
from vault.types import Compartment, IndexName
from vault.vault import Vault

PLACE = Place("case_answer", "value", 7)
STORY = Compartment.story


@pytest.fixture
async def subject(vault: Vault) -> UUID:
    """A case with all its compartments."""
    made = uuid4()
    await vault.create(made)
    return made


async def test_a_compartment_gives_back_what_was_sealed(vault: Vault, subject: UUID) -> None:
    """Each compartment seals and opens; empty content too."""
    for compartment, content in product(Compartment, (b"", "слово".encode())):
        sealed = await vault.seal(subject, compartment, content, PLACE)
        assert await vault.open(subject, compartment, sealed, PLACE) == content


async def test_compartments_do_not_open_each_other(vault: Vault, subject: UUID) -> None:
    """Content in one compartment stays closed to every other one and to every other case."""
    other = uuid4()
    await vault.create(other)
    sealed = await vault.seal(subject, STORY, b"content", PLACE)
    for who, compartment in product((subject, other), Compartment):
        if (who, compartment) != (subject, STORY):
            with pytest.raises(SealBroken):
                await vault.open(who, compartment, sealed, PLACE)


async def test_a_moved_value_does_not_open(vault: Vault, subject: UUID) -> None:
    """Swapping two rows of one case is noticed."""
    sealed = await vault.seal(subject, STORY, b"content", PLACE)
    with pytest.raises(SealBroken):
        await vault.open(subject, STORY, sealed, replace(PLACE, row=8))


async def test_creating_again_keeps_the_key(vault: Vault, subject: UUID) -> None:
    """A repeated event does not lose what is already sealed."""
    sealed = await vault.seal(subject, STORY, b"content", PLACE)
    await vault.create(subject)
    assert await vault.open(subject, STORY, sealed, PLACE) == b"content"


async def test_only_the_named_compartments_are_made(vault: Vault) -> None:
    """A draft that needs one key has one key."""
    subject = uuid4()
    await vault.create(subject, STORY)
    assert await vault.compartments(subject) == {STORY}
    with pytest.raises(CompartmentShredded):
        await vault.seal(subject, Compartment.payout, b"content", PLACE)


async def test_an_unlocked_key_is_the_compartment(vault: Vault, subject: UUID) -> None:
    """Many values of one transaction cost one look at the key store."""
    key = await vault.unlock(subject, STORY)
    assert await vault.open(subject, STORY, seal(key, b"content", PLACE), PLACE) == b"content"
    assert open_sealed(key, await vault.seal(subject, STORY, b"content", PLACE), PLACE) == b"content"


async def test_a_swapped_grant_does_not_open(vault: Vault, store: KeyStore, subject: UUID) -> None:
    """Who can write the key database cannot give a key to another case or compartment."""
    other = uuid4()
    await store.add(other, [replace(await store.grant(subject, STORY), subject=other)])
    with pytest.raises(SealBroken):
        await vault.unlock(other, STORY)
    await store.shred(subject, [Compartment.payout])
    await store.add(subject, [replace(await store.grant(subject, STORY), compartment=Compartment.payout)])
    with pytest.raises(SealBroken):
        await vault.unlock(subject, Compartment.payout)


async def test_what_is_shredded_never_opens(vault: Vault, subject: UUID) -> None:
    """After the shred neither old content opens nor new content is sealed, nor is a key made again."""
    sealed = await vault.seal(subject, STORY, b"content", PLACE)
    await vault.shred(subject)
    with pytest.raises(CompartmentShredded):
        await vault.open(subject, STORY, sealed, PLACE)
    with pytest.raises(CompartmentShredded):
        await vault.seal(subject, STORY, b"more", PLACE)
    with pytest.raises(CompartmentShredded):
        await vault.create(subject)
    assert await vault.shredded([subject]) == {subject}


async def test_a_compartment_made_anew_opens_nothing_old(vault: Vault, subject: UUID) -> None:
    """A second payout destination has a key of its own; the first stays closed, the story stays open."""
    payout, story = [
        await vault.seal(subject, each, b"content", PLACE) for each in (Compartment.payout, Compartment.story)
    ]
    await vault.shred(subject, Compartment.payout)
    await vault.create(subject, Compartment.payout)
    with pytest.raises(SealBroken):
        await vault.open(subject, Compartment.payout, payout, PLACE)
    assert await vault.open(subject, STORY, story, PLACE) == b"content"


async def test_orphans_are_swept_when_old(vault: Vault, times: list[datetime]) -> None:
    """A key whose case never came to be goes; a fresh one and a known one stay."""
    orphan, known, fresh = uuid4(), uuid4(), uuid4()
    await vault.create(orphan)
    await vault.create(known)
    times.append(times[-1] + timedelta(days=2))
    await vault.create(fresh)
    limit = times[-1] - timedelta(days=1)
    assert await vault.orphans([known], limit) == {orphan}
    assert await vault.compartments(orphan) == set()
    assert await vault.compartments(known) == await vault.compartments(fresh) == set(Compartment)
    assert await vault.orphans([known], limit) == set()


async def test_a_sweep_that_finds_too_much_removes_nothing(vault: Vault, times: list[datetime]) -> None:
    """A wrong query for the known cases must not destroy every key."""
    subjects = [uuid4() for _ in range(3)]
    for each in subjects:
        await vault.create(each)
    with pytest.raises(TooManyOrphans, match=r"^3 orphan subjects found, at most 2 may be removed$"):
        await vault.orphans([], times[-1] + timedelta(days=1), at_most=2)
    for each in subjects:
        assert await vault.compartments(each) == set(Compartment)


async def test_rotation_keeps_everything_readable(keyring: Keyring, store: KeyStore) -> None:
    """Over two rotations, rewrapped and pruned, every old value still opens and new ones use the new keys."""
    rings = [keyring]
    subject = uuid4()
    await Vault(keyring, store).create(subject)
    values = []
    for _ in range(2):
        vault = Vault(rings[-1], store)
        values.append((vault.seal_server(b"row", PLACE), await vault.seal(subject, STORY, b"content", PLACE)))
        rings.append(rings[-1].rotated())
        assert await Vault(rings[-1], store).rewrap() == len(Compartment)
        assert await Vault(rings[-1], store).rewrap() == 0
    vault = Vault(rings[-1].pruned(), store)
    for row, story in values:
        assert vault.open_server(row, PLACE) == b"row"
        assert await vault.open(subject, STORY, story, PLACE) == b"content"
    for old, new in pairwise(rings):
        with pytest.raises(KeyVersionUnknown):
            Vault(old, store).open_server(Vault(new, store).seal_server(b"row", PLACE), PLACE)


async def test_an_old_keyring_says_that_it_is_old(keyring: Keyring, store: KeyStore) -> None:
    """A process that missed a rotation gets a clear error, not a broken seal."""
    subject = uuid4()
    await Vault(keyring.rotated(), store).create(subject)
    with pytest.raises(KeyVersionUnknown, match=r"^no master key of version 2 in this keyring$"):
        await Vault(keyring, store).unlock(subject, STORY)


async def test_rewrapping_goes_through_all_batches(keyring: Keyring, store: KeyStore) -> None:
    """More grants than one batch are all wrapped anew."""
    vault = Vault(keyring, store)
    for _ in range(70):
        await vault.create(uuid4())
    assert await Vault(keyring.rotated(), store).rewrap() == 70 * len(Compartment)


@settings(max_examples=30, deadline=None)
@given(acts=st.lists(st.tuples(st.sampled_from(["create", "shred", "rotate"]), st.sampled_from(Compartment))))
async def test_no_order_of_acts_opens_what_was_shredded(acts: list[tuple[str, Compartment]]) -> None:
    """However creating, shredding and rotating follow each other, a value opens until its key is shredded."""
    async with fresh_store() as lone_store:
        await _play(lone_store, acts)


async def _play(lone_store: KeyStore, acts: list[tuple[str, Compartment]]) -> None:
    ring, subject = Keyring.new(), uuid4()
    vault = Vault(ring, lone_store)
    live, dead = {}, []
    for act, compartment in acts:
        if act == "create":
            await vault.create(subject, compartment)
            if compartment not in live:
                live[compartment] = await vault.seal(subject, compartment, b"content", PLACE)
        elif act == "shred":
            await vault.shred(subject, compartment)
            dead += [(compartment, live.pop(compartment))] if compartment in live else []
        else:
            ring = ring.rotated()
            await Vault(ring, lone_store).rewrap()
            ring = ring.pruned()
            vault = Vault(ring, lone_store)
    for compartment, sealed in live.items():
        assert await vault.open(subject, compartment, sealed, PLACE) == b"content"
    for compartment, sealed in dead:
        with pytest.raises((CompartmentShredded, SealBroken)):
            await vault.open(subject, compartment, sealed, PLACE)


@asynccontextmanager
async def fresh_store() -> AsyncIterator[KeyStore]:
    """A store of its own for each example."""
    with TemporaryDirectory() as folder:
        opened = await KeyStore.open(f"sqlite+aiosqlite:///{folder}/keys.db")
        try:
            yield opened
        finally:
            await opened.close()


@pytest.fixture
async def lone_store() -> AsyncIterator[KeyStore]:
    """A store that stays empty."""
    async with fresh_store() as opened:
        yield opened


class TestWithoutStore:
    """What the keyring alone does; the store is not touched."""

    @pytest.fixture
    async def plain(self, keyring: Keyring, lone_store: KeyStore) -> Vault:
        """A vault whose store stays empty."""
        return Vault(keyring, lone_store)

    async def test_server_rows_open_in_their_place_only(self, plain: Vault) -> None:
        """The server's own rows are bound to their place like all others."""
        sealed = plain.seal_server(b"update", PLACE)
        assert plain.open_server(sealed, PLACE) == b"update"
        for place in (replace(PLACE, row=8), replace(PLACE, column="x"), replace(PLACE, table="x")):
            with pytest.raises(SealBroken):
                plain.open_server(sealed, place)

    async def test_an_index_is_keyed_and_stable(self, plain: Vault, lone_store: KeyStore) -> None:
        """Equal values match within one index of one keyring, and nowhere else; rotation changes nothing."""
        found = {name: plain.index(name, "123456") for name in IndexName}
        assert len(set(found.values())) == len(IndexName)
        ring = Keyring.new()
        one, rotated = Vault(ring, lone_store), Vault(ring.rotated(), lone_store)
        for name, value in found.items():
            assert plain.index(name, "123456") == value
            assert plain.index(name, "123457") != value
            assert one.index(name, "123456") != value
            assert one.index(name, "123456") == rotated.index(name, "123456")
            assert len(bytes.fromhex(value)) * 8 >= 128

    async def test_a_signature_proves_the_message(self, plain: Vault) -> None:
        """Anyone with the public key can check; another message, signature or signer does not pass."""
        signature = plain.sign(b"receipt")
        assert plain.verify(b"receipt", signature)
        assert not plain.verify(b"receipt!", signature)
        assert not plain.verify(b"receipt", signature[:-1])
        assert not plain.verify(b"receipt", signature[:-1] + bytes([signature[-1] ^ 1]))
        Ed25519PublicKey.from_public_bytes(plain.public_key).verify(signature, b"receipt")
