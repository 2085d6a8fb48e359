"""Due rows are found and handled each by itself, and the clock may jump."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import select

from bot.bell import Bell
from bot.clock import JobClock
from bot.database import Resources
from bot.errands import Errand
from bot.metrics import Metrics
from bot.parts import ERRANDS, JOBS
from models.mail import Effect, EffectKind
from models.unit import Unit
from sandbox.clock import TravelClock
from services.jobs import Job
from vault.types import BlindIndex


class Broken(Exception):
    """What a job may raise by mistake."""


class Numbers:
    """A job that is due for some numbers; each is handled once, by a row."""

    def __init__(self, *due: int) -> None:
        self.due = list(due)
        self.job = Job("test.numbers", timedelta(hours=1), self.find, self.handle)

    async def find(self, unit: Unit) -> Sequence[int]:
        """Those that have no row yet."""
        done = set((await unit.session.exec(select(Effect.slot))).all())
        return [number for number in self.due if str(number) not in done]

    async def handle(self, unit: Unit, number: int) -> None:
        """Write a row, and fail for negative numbers."""
        unit.session.add(Effect(lane=BlindIndex("l"), kind=EffectKind.LEAVE, slot=str(number), due_at=unit.now))
        await unit.session.flush()
        if number < 0:
            raise Broken


async def rows(resources: Resources) -> list[str | None]:
    """What was handled, in order."""
    async with resources.unit() as unit:
        return list((await unit.session.exec(select(Effect.slot).order_by(Effect.id))).all())  # type: ignore[arg-type] # SQLModel types a column as its value


async def test_a_key_that_fails_keeps_no_other_waiting(resources: Resources) -> None:
    """Each key has its own transaction: one rolls back, the others stand."""
    numbers = Numbers(1, -2, 3)
    clock = JobClock(resources, [numbers.job], Metrics(), handled=lambda: None)
    assert await clock.run_due_now() == 2
    assert await rows(resources) == ["1", "3"]


async def test_a_job_that_cannot_look_keeps_no_other_waiting(resources: Resources) -> None:
    """A job whose search fails is left to the next tick."""

    async def fail(_: Unit) -> Sequence[int]:
        raise Broken

    numbers = Numbers(1)
    jobs = [Job("test.fails", timedelta(hours=1), fail, numbers.handle), numbers.job]
    assert await JobClock(resources, jobs, Metrics(), handled=lambda: None).run_due_now() == 1


async def test_looking_keeps_nobody_waiting_who_writes(resources: Resources) -> None:
    """While a job looks for what is due, a person's event can be committed: SQLite has one writer."""
    numbers = Numbers(1)

    async def find(unit: Unit) -> Sequence[int]:
        due = await numbers.find(unit)
        async with asyncio.timeout(60), resources.unit() as other:
            other.session.add(Effect(lane=BlindIndex("l"), kind=EffectKind.LEAVE, slot="person", due_at=unit.now))
        return due

    job = Job("test.looks", timedelta(hours=1), find, numbers.handle)
    assert await JobClock(resources, [job], Metrics(), handled=lambda: None).run_job(job) == 1
    assert await rows(resources) == ["person", "1"]


async def test_looking_only_reads(resources: Resources) -> None:
    """What a search would write were lost: its transaction ends without a commit."""
    works: list[Job | Errand] = [*JOBS, *ERRANDS]
    said: list[str] = []

    def hear(*heard: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own arguments
        said.append(heard[2])

    engine = resources.engine.sync_engine
    event.listen(engine, "before_cursor_execute", hear)
    try:
        for work in works:
            async with resources.glance() as unit:
                await work.find(unit)
                await unit.session.flush()
    finally:
        event.remove(engine, "before_cursor_execute", hear)
    assert [statement for statement in said if not statement.startswith("SELECT")] == []


async def test_what_becomes_due_by_handling_is_done_too(resources: Resources) -> None:
    """A jump of days does everything that would have come due in turn."""
    numbers = Numbers(1)

    async def handle(unit: Unit, number: int) -> None:
        await numbers.handle(unit, number)
        if number < 5:
            numbers.due.append(number + 1)

    job = Job("test.chain", timedelta(hours=1), numbers.find, handle)
    assert await JobClock(resources, [job], Metrics(), handled=lambda: None).run_due_now() == 5


async def test_the_clock_ticks_by_itself_and_stops_in_order(resources: Resources) -> None:
    """Jobs run at the start and at their interval, and `run` returns when told to stop."""
    rung = Bell()
    numbers = Numbers(1)
    clock = JobClock(resources, [numbers.job], Metrics(), handled=rung.ring, at_most=timedelta(seconds=0.05))
    task = asyncio.create_task(clock.run())
    async with asyncio.timeout(60):
        await rung.wait()
        numbers.due.append(2)
        await rung.wait()
    clock.stop()
    await asyncio.wait_for(task, 60)
    assert await rows(resources) == ["1", "2"]


@pytest.mark.parametrize("jump", [timedelta(0), timedelta(days=3)])
async def test_units_have_the_funds_time(resources: Resources, clock: TravelClock, jump: timedelta) -> None:
    """A job sees the time of the clock that may jump."""
    clock.advance(jump)
    numbers = Numbers(1)
    await JobClock(resources, [numbers.job], Metrics(), handled=lambda: None).run_due_now()
    async with resources.unit() as unit:
        [effect] = (await unit.session.exec(select(Effect))).all()
    assert abs(clock.now() - effect.due_at) < timedelta(minutes=1)
