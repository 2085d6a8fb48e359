"""The schema as the program wants it, and the way from one version of it to another.

The models are the truth. `every_table` imports every module below `models`, so that no table can be forgotten;
`triggers` collects what a table cannot say in columns: any module of `models` may hold `TRIGGERS`, a mapping from
dialect to the statements that make its triggers. A revision carries its own text and never reads the models.
"""

import importlib
import pkgutil
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import AsyncEngine

import models
from models.base import metadata

HERE = Path(__file__).parent
DIALECTS = ("sqlite", "postgresql")
FUNCTION = re.compile(r"CREATE\s+(?:OR\s+REPLACE\s+)?FUNCTION\s+(\w+)", re.IGNORECASE)


def every_table() -> MetaData:
    """Import all models and return their tables."""
    for name in _names():
        importlib.import_module(name)
    return metadata


def triggers() -> dict[str, tuple[str, ...]]:
    """The statements that make all triggers, by dialect, in the order of the modules' names."""
    found: dict[str, tuple[str, ...]] = dict.fromkeys(DIALECTS, ())
    for name in _names():
        listed: Mapping[str, Sequence[str]] = getattr(importlib.import_module(name), "TRIGGERS", {})
        for dialect, statements in listed.items():
            found[dialect] += tuple(statements)
    return found


def functions(statements: Sequence[str]) -> tuple[str, ...]:
    """The functions that statements make: unlike triggers they do not go with their table."""
    return tuple(match.group(1) for statement in statements for match in FUNCTION.finditer(statement))


def settings(connection: Connection | None = None) -> Config:
    """Alembic's settings, made here rather than in a file, so that an installed program needs none."""
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """The newest revision that this program knows."""
    found = ScriptDirectory.from_config(settings()).get_current_head()
    if found is None:
        raise RuntimeError("the program was built without its revisions")
    return found


async def version(engine: AsyncEngine) -> str | None:
    """The revision that the database is at; none when it is empty."""
    async with engine.connect() as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


async def upgrade(engine: AsyncEngine, target: str = "head") -> None:
    """Bring the database to a later revision, in one transaction."""
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: command.upgrade(settings(sync), target))


async def downgrade(engine: AsyncEngine, target: str) -> None:
    """Bring the database back to an earlier revision (`base`: to nothing), in one transaction."""
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(settings(sync), target))


def _names() -> list[str]:
    return sorted(f"models.{module.name}" for module in pkgutil.iter_modules(models.__path__))
