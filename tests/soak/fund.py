"""The fund as processes that can be killed: started, killed at any moment, started again on the same data.

On SQLite it is one process with all parts, on PostgreSQL a process for each part and two for the worker. The
stand-in for Telegram lives in the driver's own process and survives. `Killer` strikes by the count of the bot's
calls, so that kills are spread over the work and not over the waiting; a random pause of milliseconds puts each
between two steps, whichever these are.
"""

import asyncio
import os
import random
import signal
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from bot.app import Part
from sandbox.clock import TravelClock
from sandbox.telegram.server import TelegramServer
from tests import forked
from tests.soak.clock import write_offset

TICK = "0.5"
"""Seconds between two runs of each job."""

WHOLE: tuple[Part | None, ...] = (None,)
"""One process with all parts: the only way on SQLite."""

APART: tuple[Part | None, ...] = (Part.RECEIVER, Part.WORKER, Part.WORKER, Part.SENDER, Part.CLOCK)
"""A process for each part, and a second worker beside the first: needs PostgreSQL."""

LONGEST_PAUSE = 0.05
STARTING = 0.5
"""A kill during the start comes within so many seconds of it."""

AGAIN = 1 / 4
"""How often a kill is followed by one during the start."""

ALL_AT_ONCE = 1 / 5
"""How often all processes are killed together, as when the machine fails."""

NOISE = '"library": "apscheduler.scheduler"'
"""The clock's remark that the tick is shorter than a job."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One strike: after how many calls of the bot, and which processes."""

    calls: int
    victims: tuple[str, ...]


@dataclass(slots=True)
class Process:
    """One process of the fund and which part it runs; none: all."""

    part: Part | None
    name: str
    running: ForkServerProcess | None = None


@dataclass(slots=True)
class Fund:
    """The processes and what they are started with."""

    folder: Path
    settings: Mapping[str, str]
    parts: Sequence[Part | None] = WHOLE
    processes: list[Process] = field(init=False)
    kills: list[Kill] = field(default_factory=list)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by whoever starts, kills or stops processes."""

    def __post_init__(self) -> None:
        self.processes = [Process(part, f"{part or 'fund'} {n}") for n, part in enumerate(self.parts, 1)]

    @property
    def log(self) -> Path:
        """What the processes logged."""
        return self.folder / "fund.log"

    @property
    def offset(self) -> Path:
        """The file that moves the processes' clock."""
        return self.folder / "offset"

    async def start(self, processes: Iterable[Process] | None = None) -> None:
        """Start all processes, or these."""
        for process in self.processes if processes is None else processes:
            only = ("--only", process.part) if process.part else ()
            words = ("--clock", str(self.offset), "--tick", TICK, *only)
            process.running = await asyncio.to_thread(forked.live, self._environment(), words, self.log)

    async def kill(self, processes: Sequence[Process], calls: int) -> None:
        """Kill processes where they stand; fails if one has ended by itself."""
        await self._end(processes, signal.SIGKILL, {-signal.SIGKILL})
        self.kills.append(Kill(calls, tuple(process.name for process in processes)))

    async def stop(self) -> None:
        """Let all processes end in order; fails if one does not end well.

        Who was killed just before is still starting and listens to no signal yet: it ends by the signal itself.
        """
        await self._end(self.processes, signal.SIGTERM, {0, -signal.SIGTERM})

    async def command(self, *words: str) -> str:
        """Run `plecho ...` beside the processes and return what it prints."""
        ended = await asyncio.to_thread(forked.plecho, self._environment(), *words)
        if ended.returncode != 0:
            raise AssertionError(f"plecho {' '.join(words)}: {ended.stderr}")
        return ended.stdout.strip()

    async def _end(self, processes: Sequence[Process], how: signal.Signals, expected: set[int]) -> None:
        running = [(process, process.running) for process in processes if process.running is not None]
        for _, started in running:
            if started.exitcode is None and started.pid is not None:
                os.kill(started.pid, how)
        for process, started in running:
            await asyncio.to_thread(started.join)
            ended = started.exitcode
            process.running = None
            if ended not in expected:
                raise AssertionError(f"{process.name} ended by itself with {ended}:\n{self.last_words()}")

    def require_alive(self) -> None:
        """Fail if a process has ended by itself."""
        for process in self.processes:
            if process.running is not None and process.running.exitcode is not None:
                raise AssertionError(f"{process.name} ended by itself:\n{self.last_words()}")

    def last_words(self) -> str:
        """The end of the log, without the scheduler's remarks."""
        lines = [line for line in self.log.read_text().splitlines() if NOISE not in line]
        return "\n".join(lines[-20:])

    def _environment(self) -> dict[str, str]:
        known = {name: value for name, value in os.environ.items() if not name.startswith("PLECHO_")}
        return known | dict(self.settings)


@dataclass(slots=True)
class Killer:
    """Kills the fund again and again; `between` is the least and the most calls from one kill to the next."""

    fund: Fund
    server: TelegramServer
    dice: random.Random
    between: tuple[int, int]

    async def run(self) -> None:
        """Kill and restart until cancelled; the fund runs when this ends."""
        calls = self.server.telegram.calls
        while True:
            await self._called(calls.count + self.dice.randint(*self.between))
            await asyncio.sleep(self.dice.uniform(0, LONGEST_PAUSE))
            await asyncio.shield(self._strike())

    async def _strike(self) -> None:
        async with self.fund.turn:
            await self._kill_and_start(self._victims())
            while self.dice.random() < AGAIN:
                await asyncio.sleep(self.dice.uniform(0, STARTING))
                await self._kill_and_start(self._victims())

    def _victims(self) -> list[Process]:
        """One process, whichever; sometimes all of them."""
        every = self.fund.processes
        return list(every) if self.dice.random() < ALL_AT_ONCE else [self.dice.choice(every)]

    async def _kill_and_start(self, victims: Sequence[Process]) -> None:
        await self.fund.kill(victims, self.server.telegram.calls.count)
        await self.fund.start(victims)

    async def _called(self, count: int) -> None:
        calls = self.server.telegram.calls
        while calls.count < count:
            await calls.wait(None, None, calls.count, 1.0)
            self.fund.require_alive()


async def under_fire(fund: Fund, killer: Killer, day: Coroutine[Any, Any, None]) -> None:
    """Live through a day while the fund is killed now and then, and end it in order. Raises what went wrong."""
    await fund.start()
    killing, living = asyncio.create_task(killer.run()), asyncio.create_task(day)
    try:
        await asyncio.wait((killing, living), return_when=asyncio.FIRST_COMPLETED)
    finally:
        living.cancel()
        killing.cancel()
        ended = await asyncio.gather(living, killing, return_exceptions=True)
        async with fund.turn:
            stopped = await asyncio.gather(fund.stop(), return_exceptions=True)
    failed = [error for error in (*ended, *stopped) if isinstance(error, Exception)]
    if failed:
        raise failed[0]


def jump(fund: Fund, clock: TravelClock, step: timedelta) -> None:
    """Let time pass for Telegram and for the fund."""
    clock.advance(step)
    write_offset(fund.offset, clock.offset)
