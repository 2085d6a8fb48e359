"""Nothing that a person typed can be found on the disk, whatever the database, after a whole interview."""

import os
from pathlib import Path

import pytest

from bot.database import Resources
from tests.flows.harness import World
from tests.flows.interview import TYPED, applicant
from tests.unit.services.pictures import KINDS

CANARIES = ("canary-", "2200 0000 0000 0000", "blue teapot", "то, что никто")


def find(folder: Path, words: list[bytes]) -> list[str]:
    """Files below a folder that hold any of the words, in UTF-8 or UTF-16."""
    # A walk that goes on where a directory is removed meanwhile, such as that of a database of another test.
    files = [Path(place, name) for place, _, names in os.walk(folder) for name in names]
    return [str(path) for path in files if path.is_file() and any(word in _read(path) for word in words)]


def _read(path: Path) -> bytes:
    """What a file holds; PostgreSQL removes some of its own while it runs."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


async def test_no_typed_word_is_on_the_disk(
    world: World,
    resources: Resources,
    database: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Database files, logs of writes ahead, key database, sealed files and log lines hold no answer."""
    asker = await applicant(world, language="en")
    asker.answers = {**TYPED, "story": "canary-story и то, что никто не должен прочесть"}
    await asker.submit()
    await asker.press("case.button.add")
    await asker.person.upload_photo(KINDS["jpeg"])
    await asker.type("canary-added")
    await asker.press("case.button.check")
    await asker.type("blue teapot")
    words = [word.encode(code) for word in CANARIES for code in ("utf-8", "utf-16-le")]
    assert find(tmp_path, words) == []
    if database == "postgresql":
        server = request.getfixturevalue("postgres")
        server.psql("CHECKPOINT")
        assert find(Path(server.pgdata), words) == []
    told = capfd.readouterr()
    assert not any(word in told.out + told.err for word in CANARIES)
    assert any(resources.files.iterdir())
