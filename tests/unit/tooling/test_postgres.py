"""What PostgreSQL is told, so that it does not keep what was deleted: by hand, and in the container."""

import re
from pathlib import Path

import pytest
import yaml
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

ROOT = Path(__file__).parents[3]
RUNBOOK = (ROOT / "docs" / "RUNBOOK.md").read_text(encoding="utf-8")
TABLES = re.findall(r"^(ALTER TABLE .*);$", RUNBOOK, re.MULTILINE)
COMMAND = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]["db"]["command"]
TOLD = dict(word.removeprefix("-c").split("=") for word in COMMAND[1:])


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_postgresql_takes_what_it_is_told(engine: AsyncEngine) -> None:
    """The runbook's commands fit the schema, and the settings of compose.yaml exist."""
    assert TABLES
    async with engine.connect() as connection:
        for command in TABLES:
            await connection.execute(text(command))
        known = await connection.scalars(text("SELECT name FROM pg_settings"))
        assert TOLD.keys() <= set(known)
        await connection.rollback()


def test_the_container_is_told_what_the_runbook_says() -> None:
    """Who brings a server of their own gets by hand what the container's has."""
    by_hand = dict(re.findall(r"(\w+_wal_size) = (\w+)", RUNBOOK))
    for command in TABLES:
        by_hand |= dict(re.findall(r"(\w+) = (\d+)", command))
    assert by_hand == TOLD
