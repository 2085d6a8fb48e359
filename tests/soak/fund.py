"""The fund as a process that can be killed: started, killed at any moment, started again on the same data.

The stand-in for Telegram lives in the driver's own process and survives. `Killer` strikes by the count of the
bot's calls, so that kills are spread over the work and not over the waiting; a random pause of milliseconds puts
each between two steps, whichever these are.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sandbox.clock import TravelClock
from sandbox.telegram.server import TelegramServer
from tests.soak.clock import write_offset

ROOT = Path(__file__).resolve().parents[2]
TICK = "1"
"""Seconds between two runs of each job."""

LONGEST_PAUSE = 0.05
STARTING = 3.0
"""A kill during the start comes within so many seconds of it."""


@dataclass(slots=True)
class Fund:
    """The process and what it is started with."""

    folder: Path
    settings: Mapping[str, str]
    process: asyncio.subprocess.Process | None = None
    kills: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by whoever starts, kills or stops the process."""

    @property
    def log(self) -> Path:
        """What the processes logged."""
        return self.folder / "fund.log"

    @property
    def offset(self) -> Path:
        """The file that moves the process's clock."""
        return self.folder / "offset"

    async def start(self) -> None:
        """Start the process."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.soak.process", "--clock", str(self.offset), "--tick", TICK,
                cwd=ROOT, env=self._environment(), stdout=log, stderr=log,
            )  # fmt: skip

    async def kill(self) -> None:
        """Kill the process where it stands; fails if it has ended by itself."""
        await self._end(signal.SIGKILL, -signal.SIGKILL)
        self.kills += 1

    async def stop(self) -> None:
        """Let the process end in order; fails if it does not end well."""
        await self._end(signal.SIGTERM, 0)

    async def command(self, *words: str) -> str:
        """Run `plecho ...` beside the process and return what it prints."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot.cli", *words,
            cwd=ROOT, env=self._environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        if process.returncode != 0:
            raise AssertionError(f"plecho {' '.join(words)}: {err.decode()}")
        return out.decode().strip()

    async def _end(self, how: signal.Signals, expected: int) -> None:
        if self.process is None:
            return
        if self.process.returncode is None:
            self.process.send_signal(how)
        ended = await self.process.wait()
        self.process = None
        if ended != expected:
            raise AssertionError(f"the process ended by itself with {ended}:\n{self.last_words()}")

    def require_alive(self) -> None:
        """Fail if the process has ended by itself."""
        if self.process is not None and self.process.returncode is not None:
            raise AssertionError(f"the process ended by itself:\n{self.last_words()}")

    def last_words(self) -> str:
        """The end of the log."""
        return "\n".join(self.log.read_text().splitlines()[-20:])

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
            await self.fund.kill()
            await self.fund.start()
            while self.dice.random() < 1 / 4:
                await asyncio.sleep(self.dice.uniform(0, STARTING))
                await self.fund.kill()
                await self.fund.start()

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
            await fund.stop()
    failed = [error for error in ended if isinstance(error, Exception)]
    if failed:
        raise failed[0]


def jump(fund: Fund, clock: TravelClock, step: timedelta) -> None:
    """Let time pass for Telegram and for the fund."""
    clock.advance(step)
    write_offset(fund.offset, clock.offset)
