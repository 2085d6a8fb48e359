"""Errands give way to people who wait for an answer, and only for a while; no kind of them waits for another."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import errands
from bot.database import Resources
from bot.errands import Errand, Errands
from bot.listening import listening_bot
from bot.metrics import Metrics
from models.unit import Unit


async def looked(resources: Resources, answers: list[bool]) -> int:
    """How often it was asked whether somebody is busy before the look was made; the last answer stands."""
    asked: list[bool] = []
    seen: list[int] = []

    async def find(_unit: Unit) -> Sequence[Any]:
        seen.append(len(asked))
        return ()

    async def run(_resources: Resources, _bot: object, _row: object) -> None:
        """Nothing is ever due."""

    def busy() -> bool:
        asked.append(True)
        return answers.pop(0) if len(answers) > 1 else answers[0]

    bot = listening_bot("1:x", "http://127.0.0.1:9")
    runner = Errands(resources, bot, [Errand("e", find, run)], Metrics(), ran=lambda: None, busy=busy)
    await runner.run_due_now()
    await bot.session.close()
    [count] = seen
    return count


async def test_a_look_waits_until_nobody_is_being_answered(resources: Resources) -> None:
    """As long as an answer is under way nothing is looked for."""
    assert await looked(resources, [True, True, True, False]) == 4


async def test_a_look_is_not_put_off_for_ever(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody is always being answered, errands are run all the same."""
    monkeypatch.setattr(errands, "PATIENCE_SECONDS", 3 * errands.STEP_SECONDS)
    assert await looked(resources, [True]) >= 3


class Away(Resources):
    """Resources of a process that cannot reach its database at first."""

    tries: int = 0

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[AsyncConnection]:
        """A connection, but not at the first try."""
        self.tries += 1
        if self.tries == 1:
            raise ConnectionRefusedError
        async with super().kept() as kept:
            yield kept


async def test_a_database_that_is_away_for_a_while_ends_nothing(resources: Resources) -> None:
    """Follow-ups and repeated calls go on once it is back, without a supervisor that starts them anew."""
    looked_for = asyncio.Event()

    async def find(_unit: Unit) -> Sequence[Any]:
        looked_for.set()
        return ()

    async def run(_resources: Resources, _bot: object, _row: object) -> None:
        """Nothing is ever due."""

    away = Away(**{each.name: getattr(resources, each.name) for each in fields(resources) if each.init})
    bot = listening_bot("1:x", "http://127.0.0.1:9")
    runner = Errands(away, bot, [Errand("e", find, run)], Metrics(), ran=lambda: None)
    task = asyncio.create_task(runner.run())
    while not looked_for.is_set():
        assert not task.done()
        runner.bell.ring()
        await asyncio.sleep(0.01)
    runner.stop()
    await task
    await bot.session.close()
    assert away.tries > 1


class Kinds:
    """Errands of two kinds, one row each: the slow one is answered when the test says so."""

    def __init__(self, resources: Resources) -> None:
        self.asked, self.answered, self.quick = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.slow_done = False
        bot = listening_bot("1:x", "http://127.0.0.1:9")
        kinds = [
            Errand("slow", self._rows(self.asked), self._ask_slowly),
            Errand("quick", self._rows(self.quick), self._ask_quickly),
        ]
        self.runner = Errands(resources, bot, kinds, Metrics(), ran=lambda: None)

    @staticmethod
    def _rows(taken: asyncio.Event) -> Callable[[Unit], Awaitable[Sequence[str]]]:
        async def find(_unit: Unit) -> Sequence[str]:
            return [] if taken.is_set() else ["row"]

        return find

    async def _ask_slowly(self, _resources: Resources, _bot: object, _row: object) -> None:
        self.asked.set()
        await self.answered.wait()
        self.slow_done = True

    async def _ask_quickly(self, _resources: Resources, _bot: object, _row: object) -> None:
        self.quick.set()


async def test_a_provider_that_takes_its_time_keeps_no_other_kind_waiting(resources: Resources) -> None:
    """While one kind waits for its answer, what is due of another is done."""
    kinds = Kinds(resources)
    running = asyncio.create_task(kinds.runner.run())
    await kinds.asked.wait()
    await kinds.quick.wait()
    assert not kinds.slow_done
    kinds.answered.set()
    kinds.runner.stop()
    await running


async def test_what_is_under_way_is_finished_at_the_end(resources: Resources) -> None:
    """Who stops the errands waits for the answer that somebody has been asked for."""
    kinds = Kinds(resources)
    running = asyncio.create_task(kinds.runner.run())
    await kinds.asked.wait()
    kinds.runner.stop()
    kinds.answered.set()
    await running
    assert kinds.slow_done


async def test_what_is_under_way_is_cut_off_with_the_process(resources: Resources) -> None:
    """Nothing goes on behind a part that was cancelled."""
    kinds = Kinds(resources)
    running = asyncio.create_task(kinds.runner.run())
    await kinds.asked.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    kinds.answered.set()
    await asyncio.sleep(0)
    assert not kinds.slow_done
