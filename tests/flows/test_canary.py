"""Nothing that a person typed can be found on the disk, whatever the database, after a whole interview."""

import os
from pathlib import Path

import pytest
from sqlmodel import select

from bot.database import Resources
from models.audit import AuditEntry
from models.clock import day_after
from models.mail import ENDED, Effect, InboxEvent
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


async def test_what_is_done_leads_to_nobody_and_to_no_moment(world: World) -> None:
    """A seized database tells of no account when it wrote: the moments of an interview would name its person."""
    asker = await applicant(world, language="en")
    await asker.submit()
    async with world.unit() as unit:
        events = (await unit.session.exec(select(InboxEvent))).all()
        effects = (await unit.session.exec(select(Effect))).all()
        acts = (await unit.session.exec(select(AuditEntry.at))).all()
        assert {event.lane for event in events} == {effect.lane for effect in effects} == {ENDED}
        assert {(effect.case_id, effect.slot) for effect in effects} == {(None, None)}
        times = {event.received_at for event in events} | {event.next_try_at for event in events}
        times |= {effect.due_at for effect in effects}
        assert times <= {day_after(moment) for moment in acts} | {day_after(unit.now)}
        assert times.isdisjoint(acts)
