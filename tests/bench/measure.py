"""The measurements: each starts what it needs, loads it, reads its figures, and ends it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.keys import new_keyring
from bot.settings import read_settings
from tests.bench.crowd import Act, Crowd, Member, closed_loop, gather_crowd, open_loop, percentile
from tests.bench.processes import StandIn, bot, memory, stand_in
from tests.bench.walk import echo_step, step
from tests.soak.reading import catalogue

PEOPLE = 50
"""Who are in the interview at once when the rate is measured."""

SPARE = 150
"""Who take turns when the latency is measured: enough that somebody is always free to act."""

PER_SECOND = 30.0
"""Turns per second of the schedule."""

WARM_UP, RATE_SECONDS, LATENCY_SECONDS = 3.0, 12.0, 15.0
SEED = 20260301
PASSPHRASE = "six words that nobody would guess"


@dataclass(frozen=True, slots=True)
class Figures:
    """What one bot does: turns per second, seconds, bytes. A start is from the process to the first answer."""

    rate: float
    p50: float
    p99: float
    first_start: float
    restart: float
    memory: int


async def measure_echo() -> Figures:
    """The bare echo bot."""

    def command(there: StandIn) -> Sequence[str]:
        return "tests.bench.echo", there.url, there.token

    return await _measure(command, lambda _: {}, echo_step)


async def measure_fund(folder: Path, database_url: str) -> Figures:
    """The fund on a database that does not have its schema yet; keys and files lie in `folder`."""
    apart = {"PLECHO_DATA_DIR": str(folder), "PLECHO_KEYRING_PASSPHRASE": PASSPHRASE}
    new_keyring(read_settings(data_dir=folder), lambda _: PASSPHRASE)

    def settings(there: StandIn) -> Mapping[str, str]:
        return apart | {
            "PLECHO_BOT_TOKEN": there.token,
            "PLECHO_TELEGRAM_API_URL": there.url,
            "PLECHO_DATABASE_URL": database_url,
            "PLECHO_WEB_BIND": "127.0.0.1:0",
        }

    return await _measure(lambda _: ("tests.soak.process",), settings, step)


async def _measure(
    command: Callable[[StandIn], Sequence[str]], settings: Callable[[StandIn], Mapping[str, str]], act: Act
) -> Figures:
    neutral = [catalogue().render("pipeline.neutral", language) for language in catalogue().languages]
    async with stand_in() as there, gather_crowd(there.url, PEOPLE + SPARE, neutral, SEED) as crowd:

        @asynccontextmanager
        async def running() -> AsyncIterator[tuple[int, float]]:
            """The bot, and how long it took to answer the message that waited for it."""
            begin = time.perf_counter()
            async with bot(*command(there), settings=settings(there)) as process:
                yield process.pid, await crowd.turn(crowd.members[0], _greet, begin)

        async with running() as (_, first_start):
            pass
        async with running() as (pid, restart):
            rate, times = await _load(crowd, act)
            resident = memory(pid)
    return Figures(rate, percentile(times, 0.5), percentile(times, 0.99), first_start, restart, resident)


async def _load(crowd: Crowd, act: Act) -> tuple[float, list[float]]:
    few = crowd.apart(PEOPLE)
    await closed_loop(few, act, WARM_UP)
    rate = await closed_loop(few, act, RATE_SECONDS)
    await _everybody(crowd, act)
    return rate, await open_loop(crowd, act, PER_SECOND, LATENCY_SECONDS)


async def _everybody(crowd: Crowd, act: Act) -> None:
    """Everybody is in the conversation before latency is measured."""
    for _ in range(2):
        await asyncio.gather(*(crowd.turn(member, act) for member in crowd.members))


def _greet(member: Member) -> Awaitable[object]:
    return member.person.send("/start")
