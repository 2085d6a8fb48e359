"""SQLite's write-ahead log holds nothing for long that was deleted."""

from pathlib import Path

import pytest
from sqlalchemy import text

from bot import wal
from bot.database import Resources

CANARY = "canary-4471"
WRITTEN = "INSERT INTO note VALUES ('canary-4471')"


async def write(resources: Resources, statement: str) -> None:
    """Do one thing to a table of the test's own, committed."""
    async with resources.unit() as unit:
        await (await unit.session.connection()).execute(text(statement))


def holds(resources: Resources) -> bool:
    """Whether the words lie anywhere on the disk: in the database or in its log."""
    database = Path(str(resources.engine.url.database))
    return any(CANARY.encode() in path.read_bytes() for path in database.parent.glob(f"{database.name}*"))


@pytest.fixture
async def deleted(resources: Resources) -> Resources:
    """A database from which something was just deleted."""
    await write(resources, "CREATE TABLE note (words TEXT)")
    await write(resources, WRITTEN)
    await write(resources, "DELETE FROM note")
    assert holds(resources)
    return resources


@pytest.mark.parametrize("database", ["sqlite"])
async def test_what_was_deleted_goes_from_the_log_too(deleted: Resources) -> None:
    """After an emptying nothing of it is left on the disk, though connections stay open."""
    assert await wal.empty(deleted)
    assert not holds(deleted)


@pytest.mark.parametrize("database", ["sqlite"])
async def test_a_reader_is_not_disturbed_and_the_log_goes_after_it(deleted: Resources) -> None:
    """Who reads keeps what they see; the log is cut once they have ended."""
    async with deleted.glance() as unit:
        connection = await unit.session.connection()
        assert (await connection.execute(text("SELECT count(*) FROM note"))).scalar_one() == 0
        await write(deleted, WRITTEN)
        await write(deleted, "DELETE FROM note")
        assert not await wal.empty(deleted)
        assert (await connection.execute(text("SELECT count(*) FROM note"))).scalar_one() == 0
    assert await wal.empty(deleted)
    assert not holds(deleted)
