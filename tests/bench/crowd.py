"""Many people at one stand-in, each of whom acts, waits for the bot's reply, and acts again.

Replies are heard over the stand-in's event stream, so that watching costs little. A reply is a message of the
bot, new or edited, whose text is not the neutral line: that one only holds a place until its text is in.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from sandbox.telegram.client import Person, Town

PATIENCE = 30.0
"""Seconds after which a reply that did not come is a failure."""

JsonDict = dict[str, Any]
Act = Callable[["Member"], Awaitable[object]]
"""Does what a member does next; returns when the stand-in has taken it."""


@dataclass(slots=True)
class Member:
    """One of the crowd, and the reply that they see."""

    person: Person
    language: str
    seen: JsonDict | None = None
    reply: asyncio.Future[float] | None = None
    dice: random.Random = field(default_factory=random.Random)


class Crowd:
    """People who have started the bot, or are about to."""

    def __init__(self, members: Sequence[Member], neutral: Collection[str]) -> None:
        self.members = list(members)
        self._neutral = frozenset(neutral)
        self._by_chat = {member.person.id: member for member in members}

    def apart(self, size: int) -> "Crowd":
        """The first of them, as a crowd to act with; replies are still heard here."""
        return Crowd(self.members[:size], self._neutral)

    async def follow(self, url: str, ready: asyncio.Event) -> None:
        """Hear every reply until cancelled."""
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{url}/events") as stream:
            ready.set()
            kind = ""
            async for line in stream.content:
                if line.startswith(b"event: "):
                    kind = line[7:].strip().decode()
                elif line.startswith(b"data: ") and kind in {"message", "edited"}:
                    self._hear(json.loads(line[6:]))

    async def turn(self, member: Member, act: Act, since: float | None = None) -> float:
        """One act and its reply; returns the seconds from `since`, by default from now, until it is seen."""
        start = time.perf_counter() if since is None else since
        member.reply = asyncio.get_running_loop().create_future()
        await act(member)
        async with asyncio.timeout(PATIENCE):
            return await member.reply - start

    def _hear(self, event: JsonDict) -> None:
        member = self._by_chat.get(event["chat"])
        view = event["body"]
        if member is None or not view["from_bot"] or view["text"] in self._neutral:
            return
        member.seen = view
        if member.reply is not None and not member.reply.done():
            member.reply.set_result(time.perf_counter())


@asynccontextmanager
async def gather_crowd(url: str, size: int, neutral: Collection[str], seed: int) -> AsyncIterator[Crowd]:
    """So many people who have not written yet, half with a Russian app and half with an English one."""
    async with Town(url) as town:
        dice = random.Random(seed)  # noqa: S311 - which answer somebody gives is no secret
        members = []
        for number in range(size):
            language = "ru" if number % 2 else "en"
            person = await town.person(f"Person {number}", language_code=language)
            members.append(Member(person, language, dice=random.Random(dice.random())))  # noqa: S311
        crowd = Crowd(members, neutral)
        ready = asyncio.Event()
        following = asyncio.create_task(crowd.follow(url, ready))
        try:
            await ready.wait()
            yield crowd
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following


async def closed_loop(crowd: Crowd, act: Act, seconds: float) -> float:
    """Everybody acts as soon as they have their reply; returns turns per second."""
    begin = time.perf_counter()

    async def live(member: Member) -> int:
        count = 0
        while time.perf_counter() - begin < seconds:
            await crowd.turn(member, act)
            count += 1
        return count

    counts = await asyncio.gather(*(live(member) for member in crowd.members))
    return sum(counts) / (time.perf_counter() - begin)


async def open_loop(crowd: Crowd, act: Act, per_second: float, seconds: float) -> list[float]:
    """Acts by schedule, whether or not earlier ones were answered; returns each one's seconds, sorted.

    Who waits for a reply does not act again; when everybody waits, the next turn begins late. What that costs
    counts: each turn is timed from its place in the schedule.
    """
    idle: asyncio.Queue[Member] = asyncio.Queue()
    for member in crowd.members:
        idle.put_nowait(member)
    begin = time.perf_counter()
    waiting: set[asyncio.Task[None]] = set()
    took: list[float] = []

    async def once(member: Member, due: float) -> None:
        took.append(await crowd.turn(member, act, due))
        idle.put_nowait(member)

    for number in range(int(per_second * seconds)):
        due = begin + number / per_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        waiting.add(asyncio.create_task(once(await idle.get(), due)))
    await asyncio.gather(*waiting)
    return sorted(took)


def percentile(times: Sequence[float], share: float) -> float:
    """The time within which this share of sorted times lies."""
    return times[min(len(times) - 1, int(share * len(times)))]
