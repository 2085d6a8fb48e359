"""The floor: what the database alone takes to keep as many rows, with the fund's own engine and durability.

Two tables of bare rows (a number and 512 random bytes), inserted by SQLAlchemy Core through
`bot.database.make_engine`; no seal, no index, no conversation, no answer to anybody. As in the fund, writers to
SQLite take turns, and writers to PostgreSQL run side by side on the engine's pool.

- `one commit`: both rows of a turn in one transaction.
- `two commits`: a transaction for each, as it must be where the update is stored before it is acknowledged.
"""

import asyncio
import os
import time

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.database import make_engine

WRITERS = 50
BYTES = 512

METADATA = MetaData()
HEARD, SAID = (
    Table(name, METADATA, Column("id", Integer, primary_key=True), Column("body", LargeBinary, nullable=False))
    for name in ("floor_heard", "floor_said")
)


async def measure(url: str, seconds: float) -> tuple[float, float]:
    """Turns per second with one commit, and with two."""
    engine = make_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(METADATA.create_all)
        rates = await _turns(engine, seconds, [(HEARD, SAID)]), await _turns(engine, seconds, [(HEARD,), (SAID,)])
        async with engine.begin() as connection:
            await connection.run_sync(METADATA.drop_all)
    finally:
        await engine.dispose()
    return rates


async def _turns(engine: AsyncEngine, seconds: float, transactions: list[tuple[Table, ...]]) -> float:
    body = os.urandom(BYTES)
    turn = asyncio.Lock() if engine.dialect.name == "sqlite" else asyncio.Semaphore(WRITERS)
    begin = time.perf_counter()
    count = 0

    async def write() -> None:
        nonlocal count
        while time.perf_counter() - begin < seconds:
            for tables in transactions:
                async with turn, engine.begin() as connection:
                    for table in tables:
                        await connection.execute(insert(table), {"body": body})
            count += 1

    await asyncio.gather(*(write() for _ in range(WRITERS)))
    return count / (time.perf_counter() - begin)
