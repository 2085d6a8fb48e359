"""The revisions: up, down with data in the tables, and in step with the models."""

from typing import Any
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.database import Resources, make_engine
from migrations.schema import downgrade, every_table, functions, head, triggers, upgrade, version
from models.audit import about, record

TRIGGERS_OF = {
    "sqlite": "SELECT sql FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
}


async def test_head_equals_models(engine: AsyncEngine) -> None:
    """A model that was changed without a revision is found here."""

    def compare(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, every_table()))

    async with engine.connect() as connection:
        assert await connection.run_sync(compare) == []
    assert await version(engine) == head()


async def test_triggers_equal_models(engine: AsyncEngine, empty_database_url: str) -> None:
    """A trigger that the models list is in the migrated database as listed."""
    fresh = make_engine(empty_database_url)
    async with fresh.begin() as connection:
        await connection.run_sync(every_table().create_all)
        for statement in triggers()[fresh.dialect.name]:
            await connection.exec_driver_sql(statement)
    query = text(TRIGGERS_OF[engine.dialect.name])
    async with engine.connect() as migrated, fresh.connect() as wanted:
        found = set(await migrated.scalars(query))
        assert {_plain(sql) for sql in found} == {_plain(sql) for sql in await wanted.scalars(query)}
    await fresh.dispose()


async def test_down_and_up_with_data(resources: Resources) -> None:
    """A database that holds rows can be taken down to nothing and brought up again, and nothing is left behind."""
    async with resources.unit() as unit:
        await record(unit, "operator", "test.acted", about("case", uuid4()))
    await downgrade(resources.engine, "base")
    async with resources.engine.connect() as connection:
        assert set(await connection.run_sync(lambda sync: inspect(sync).get_table_names())) == {"alembic_version"}
    assert await version(resources.engine) is None
    await upgrade(resources.engine)
    async with resources.unit() as unit:
        entry = await record(unit, "operator", "test.acted", about("case", uuid4()))
        assert entry.number == 1


async def test_upgrade_is_repeatable(engine: AsyncEngine) -> None:
    """A start on a database that is up to date changes nothing."""
    await upgrade(engine)
    assert await version(engine) == head()


@pytest.mark.parametrize("prefix", ["CREATE FUNCTION", "create or replace function"])
def test_functions_are_found(prefix: str) -> None:
    """Functions behind triggers are known by name, so that the way down can drop them."""
    assert functions((f"{prefix} refuse_change() RETURNS trigger", "CREATE TRIGGER t")) == ("refuse_change",)


def _plain(sql: str) -> str:
    return " ".join(sql.split())
