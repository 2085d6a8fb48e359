"""Sealed files: private, whole or absent, bound to their place, gone when shredded."""

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from vault.errors import SealBroken
from vault.files import (
    create_private,
    open_file,
    seal_file,
    shred_file,
    sweep_partial,
    write_private,
    written_aside,
)
from vault.seal import Place, SealingKey, new_key, sealed_size

KEY = SealingKey(0, new_key())
PLACE = Place("attachment", "content", 3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file in a folder that does not exist yet."""
    return tmp_path / "attachments" / "3"


def test_a_sealed_file_opens(path: Path) -> None:
    """What was stored comes back; the file is private, padded, and holds nothing readable."""
    asyncio.run(seal_file(path, b"canary-5512" * 100, KEY, PLACE))
    assert asyncio.run(open_file(path, KEY, PLACE)) == b"canary-5512" * 100
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size == sealed_size(1100)
    assert b"canary" not in path.read_bytes()
    assert list(path.parent.iterdir()) == [path]


def test_a_renamed_file_does_not_open(path: Path) -> None:
    """Files swapped on the disk are noticed."""
    asyncio.run(seal_file(path, b"content", KEY, PLACE))
    with pytest.raises(SealBroken):
        asyncio.run(open_file(path, KEY, Place("attachment", "content", 4)))


def test_a_torn_file_does_not_open(path: Path) -> None:
    """A file cut short is refused, not given out in part."""
    asyncio.run(seal_file(path, b"content", KEY, PLACE))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SealBroken):
        asyncio.run(open_file(path, KEY, PLACE))


def test_shredding_says_whether_there_was_a_file(path: Path) -> None:
    """Deletion tells what really happened, and may be repeated."""
    asyncio.run(seal_file(path, b"content", KEY, PLACE))
    assert asyncio.run(shred_file(path))
    assert not path.exists()
    assert not asyncio.run(shred_file(path))
    with pytest.raises(FileNotFoundError):
        asyncio.run(open_file(path, KEY, PLACE))


def test_writing_replaces_and_creating_does_not(path: Path) -> None:
    """The two acts differ in one thing: what happens when the name is taken."""
    write_private(path, b"one")
    write_private(path, b"two")
    with pytest.raises(FileExistsError):
        create_private(path, b"three")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file(path: Path) -> None:
    """When the disk refuses, what was there stays and nothing half-written is left."""
    write_private(path, b"one")
    target = path.parent / "folder"
    (target / "inner").mkdir(parents=True)
    with pytest.raises(OSError, match="irectory"):
        write_private(target, b"two")
    assert path.read_bytes() == b"one"
    assert sorted(each.name for each in path.parent.iterdir()) == ["3", "folder"]


@pytest.mark.parametrize("write", [write_private, create_private])
def test_what_a_killed_writer_left_goes_with_the_next(path: Path, write: Callable[[Path, bytes], None]) -> None:
    """An old half of the key grants opens what was erased since: it goes when the next file is written."""
    path.parent.mkdir()
    left = path.with_name(f".other.{'0f' * 8}.partial")
    kept = [path.with_name(name) for name in (".other.partial", f"other.{'0f' * 8}.partial", ".x.zz.partial")]
    for each in (left, *kept):
        each.write_bytes(b"half")
    write(path, b"whole")
    assert sorted(path.parent.iterdir()) == sorted([path, *kept])


def test_what_is_being_written_stays(path: Path) -> None:
    """A start beside a command that writes must not take its file away."""
    path.parent.mkdir()
    with written_aside(path, exclusive=True) as file:
        file.write(b"whole")
        sweep_partial(path.parent)
    assert path.read_bytes() == b"whole"
    assert list(path.parent.iterdir()) == [path]


def test_what_raises_while_it_is_written_never_appears(path: Path) -> None:
    """Half a file has no name, and nothing of it stays."""
    path.parent.mkdir()
    with pytest.raises(TypeError), written_aside(path, exclusive=False) as file:
        file.writelines([b"half", "no bytes"])  # type: ignore[list-item] # on purpose
    assert list(path.parent.iterdir()) == []
