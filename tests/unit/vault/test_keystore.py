"""The key store, on SQLite and PostgreSQL: granting, refusing, shredding without leftovers."""

import asyncio
import sqlite3
import stat
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from vault.errors import CompartmentShredded, ShredIncomplete
from vault.keystore import KeyGrant, KeyStore, prepare_sqlite
from vault.types import Compartment

ALL = set(Compartment)


def grants(subject: UUID, *compartments: Compartment, wrapped: bytes = b"wrapped") -> list[KeyGrant]:
    """Grants as the vault would make them, with bytes that can be told apart."""
    return [KeyGrant(subject, each, wrapped + each.encode(), 1) for each in compartments or ALL]


async def test_a_grant_is_found(store: KeyStore) -> None:
    """What was granted comes back whole, and only for its pair."""
    subject = uuid4()
    await store.add(subject, grants(subject, Compartment.story))
    assert await store.grant(subject, Compartment.story) == grants(subject, Compartment.story)[0]
    with pytest.raises(CompartmentShredded):
        await store.grant(subject, Compartment.contact)
    with pytest.raises(CompartmentShredded):
        await store.grant(uuid4(), Compartment.story)


async def test_the_first_grant_stays(store: KeyStore) -> None:
    """Granting again must not replace a key under which something is sealed."""
    subject = uuid4()
    await store.add(subject, grants(subject, Compartment.story))
    await store.add(subject, grants(subject, wrapped=b"later"))
    assert (await store.grant(subject, Compartment.story)).wrapped == b"wrappedstory"
    assert (await store.grant(subject, Compartment.contact)).wrapped == b"latercontact"
    assert await store.compartments(subject) == ALL


async def test_grants_survive_a_restart(empty_database_url: str) -> None:
    """Opening the store again finds the tables and what is in them."""
    subject = uuid4()
    first = await KeyStore.open(empty_database_url)
    await first.add(subject, grants(subject))
    await first.close()
    second = await KeyStore.open(empty_database_url)
    assert await second.compartments(subject) == ALL
    await second.close()


async def test_shredding_whole_leaves_a_tombstone(store: KeyStore) -> None:
    """A shredded subject has no key, can get none again, and is found in a restored backup."""
    subject, other = uuid4(), uuid4()
    await store.add(subject, grants(subject))
    await store.add(other, grants(other))
    await store.shred(subject)
    assert await store.compartments(subject) == set()
    assert await store.compartments(other) == ALL
    with pytest.raises(CompartmentShredded):
        await store.add(subject, grants(subject))
    assert await store.shredded([subject, other, uuid4()]) == {subject}


async def test_shredding_a_part_leaves_the_rest(store: KeyStore) -> None:
    """One compartment can go alone, and be made anew under another key."""
    subject = uuid4()
    await store.add(subject, grants(subject))
    await store.shred(subject, [Compartment.payout])
    assert await store.compartments(subject) == {Compartment.contact, Compartment.story}
    assert await store.shredded([subject]) == set()
    await store.add(subject, grants(subject, Compartment.payout, wrapped=b"new"))
    assert (await store.grant(subject, Compartment.payout)).wrapped == b"newpayout"


async def test_shredding_every_compartment_by_name_is_shredding_whole(store: KeyStore) -> None:
    """There is one meaning of all, however it is written."""
    subject = uuid4()
    await store.shred(subject, list(Compartment))
    assert await store.shredded([subject]) == {subject}


async def test_shredding_reaches_every_holder(store: KeyStore) -> None:
    """No recipient's copy of a key outlives the server's."""
    subject = uuid4()
    held = KeyGrant(subject, Compartment.story, b"wrapped for a person", 0, holder="recipient")
    await store.add(subject, [held, *grants(subject)])
    await store.shred(subject, [Compartment.story])
    await store.add(subject, [KeyGrant(subject, Compartment.story, b"new", 0, holder="recipient")])
    with pytest.raises(CompartmentShredded):
        await store.grant(subject, Compartment.story)


async def test_shredding_repeats_safely(store: KeyStore) -> None:
    """A job that dies after the deletion may run again; an unknown subject is no error."""
    subject = uuid4()
    await store.shred(subject)
    await store.shred(subject)
    assert await store.shredded([subject]) == {subject}


async def test_granting_and_shredding_at_once_leaves_no_key(store: KeyStore) -> None:
    """Whatever their order, after both are done a shredded subject has no grant."""
    for _ in range(20):
        subject = uuid4()
        acts = [store.add(subject, grants(subject)), store.shred(subject), store.add(subject, grants(subject))]
        await asyncio.gather(*acts, return_exceptions=True)
        assert await store.shredded([subject]) == {subject}
        assert await store.compartments(subject) == set()


async def test_another_process_sees_a_shred_at_once(store: KeyStore, empty_database_url: str) -> None:
    """Two stores on one database agree from the commit on."""
    subject = uuid4()
    other = await KeyStore.open(empty_database_url)
    await store.add(subject, grants(subject))
    assert await other.compartments(subject) == ALL
    await store.shred(subject)
    with pytest.raises(CompartmentShredded):
        await other.grant(subject, Compartment.story)
    await other.close()


async def test_many_subjects_are_swept_in_batches(store: KeyStore) -> None:
    """A restored backup of thousands of rows is asked about in one call."""
    gone = {uuid4(), uuid4()}
    for subject in gone:
        await store.shred(subject)
    asked = [uuid4() for _ in range(1200)] + list(gone)
    assert await store.shredded(asked) == gone
    assert await store.shredded([]) == set()


async def test_rewrapping_does_not_undo_a_shred(store: KeyStore) -> None:
    """A grant that vanished or changed meanwhile is left alone."""
    subject = uuid4()
    old, new = grants(subject, Compartment.story)[0], KeyGrant(subject, Compartment.story, b"new", 2)
    await store.rewrap([(old, new)])
    assert await store.compartments(subject) == set()
    await store.add(subject, [new])
    await store.rewrap([(old, KeyGrant(subject, Compartment.story, b"stale", 2))])
    assert (await store.grant(subject, Compartment.story)).wrapped == b"new"


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    """Where a SQLite store lies, for the tests that look at its bytes."""
    return tmp_path / "keys.db"


async def test_a_shredded_key_is_in_no_file(sqlite_file: Path) -> None:
    """Neither database nor log holds the wrapped key after the shred, though both did before."""
    store = await KeyStore.open(f"sqlite+aiosqlite:///{sqlite_file}")
    subject = uuid4()
    await store.add(subject, grants(subject, wrapped=b"canary-9021-"))
    await store.empty_log()
    assert _files_with(sqlite_file.parent, b"canary-9021-story") == ["keys.db"]
    await store.shred(subject)
    assert _files_with(sqlite_file.parent, b"canary-9021-") == []
    await store.close()
    assert _files_with(sqlite_file.parent, b"canary-9021-") == []


async def test_a_shred_that_cannot_empty_the_log_says_so(sqlite_file: Path) -> None:
    """Deletion never claims more than happened: a stuck reader makes it an error, and repeating mends it."""
    store = await KeyStore.open(f"sqlite+aiosqlite:///{sqlite_file}", busy_seconds=0.05)
    subject = uuid4()
    await store.add(subject, grants(subject))
    with closing(sqlite3.connect(sqlite_file)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM key_grant").fetchone()
        with pytest.raises(ShredIncomplete):
            await store.shred(subject)
        assert await store.compartments(subject) == set()
    await store.shred(subject)
    assert sqlite_file.with_name("keys.db-wal").stat().st_size == 0
    await store.close()


def test_sqlite_is_set_up_to_lose_and_keep_nothing(sqlite_file: Path) -> None:
    """Full sync keeps what was granted; secure_delete overwrites what was shredded."""
    with closing(sqlite3.connect(sqlite_file)) as connection:
        prepare_sqlite(connection)
        names = ("journal_mode", "synchronous", "secure_delete")
        found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
    assert found == ["wal", 2, 1]


def test_the_key_database_is_private(sqlite_file: Path) -> None:
    """Database and log are for their owner only, from the moment they exist."""

    async def modes() -> set[int]:
        store = await KeyStore.open(f"sqlite+aiosqlite:///{sqlite_file}")
        await store.add(subject := uuid4(), grants(subject))
        found = {stat.S_IMODE(file.stat().st_mode) for file in sqlite_file.parent.iterdir()}
        await store.close()
        return found

    assert asyncio.run(modes()) == {0o600}


MEMORY = [
    "sqlite+aiosqlite://",
    "sqlite+aiosqlite:///:memory:",
    "sqlite+aiosqlite:///file:keys?mode=memory&uri=true",
]


@pytest.mark.parametrize("url", MEMORY)
async def test_keys_are_not_kept_in_memory(url: str) -> None:
    """A setting that would lose every key at the next start stops this one."""
    with pytest.raises(ValueError, match="must be a file"):
        await KeyStore.open(url)


async def test_age_is_that_of_the_youngest_grant(store: KeyStore, times: list[datetime]) -> None:
    """A subject with a fresh key is not old, whatever else it has."""
    subject, other = uuid4(), uuid4()
    await store.add(subject, grants(subject, Compartment.story))
    await store.add(other, grants(other))
    times.append(times[-1] + timedelta(hours=2))
    await store.add(subject, grants(subject, Compartment.payout))
    assert await store.subjects_before(times[-1] - timedelta(hours=1)) == {other}


def _files_with(folder: Path, content: bytes) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if content in file.read_bytes())
