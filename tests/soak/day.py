"""The scripted day: volunteers come in by the real commands, applicants in waves, time jumps, follow-ups come due.

Time jumps only while nothing is under way, so that whatever was pressed or typed before has had its effect.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from sandbox.telegram.client import NeverHappened, Town
from sandbox.telegram.server import TelegramServer
from tests.soak.applicant import Applicant, Paid
from tests.soak.docket import PAID_FATES, Docket, Script, in_waves
from tests.soak.fund import Fund, jump
from tests.soak.person import DEADLINE, Someone
from tests.soak.snapshot import count_open, count_paid
from tests.soak.volunteer import Coordinator, Reviewer, Treasurer, come_in
from tests.soak.watcher import Watcher, at_rest

REVIEWERS, TREASURERS = 6, 2
"""Two panels, so that an appeal has other people; a payer and a second pair of eyes."""

WAVE = 10
"""Cases that live at the same time."""

MONEY = "100000000"
MORNING = time(8)
"""When a day begins, in UTC."""

GLANCE = 0.1
"""Seconds between two looks at what is still to be done."""

QUARTER = (4, 28, 60, 4, 4, 4, 4)
"""Days between two mornings: the follow-ups come due, then their repeats, then nothing more."""

CALM_GLANCES = 2
"""How often in a row nothing may be open before it counts as rest."""


@dataclass(slots=True)
class Day:
    """Everything of one run. `engine` is a second connection to the fund's data, for looking only.

    `told` is called with the part of the day that is over, between 0 and 1.
    """

    fund: Fund
    server: TelegramServer
    town: Town
    engine: AsyncEngine
    docket: Docket
    dice: random.Random
    told: Callable[[float], None]
    watchers: list[Watcher] = field(default_factory=list)
    applicants: list[Applicant] = field(default_factory=list)

    async def live(self) -> None:
        """From an empty fund to the end of the last follow-up."""
        await self.open_up()
        async with asyncio.TaskGroup() as at_work:
            watching = [at_work.create_task(watcher.watch()) for watcher in self.watchers]
            for scripts in in_waves(self.docket.scripts, WAVE):
                await self.pass_time(timedelta(days=1))
                for paid in await self.ask_for_help(scripts):
                    self.watchers.append(paid)
                    watching.append(at_work.create_task(paid.watch()))
                await self.calm()
                self.told(len(self.applicants) / (len(self.docket.scripts) + WAVE))
            await self.rest_of_the_quarter()
            for task in watching:
                task.cancel()

    async def open_up(self) -> None:
        """Coordinators by the command line, everybody else by them; the group bound; money in the fund."""
        await self.answering()
        coordinators = []
        for number in range(2):
            me = await self._someone(f"Coordinator {number}")
            coordinators.append(Coordinator(me))
            await come_in(me, await self.fund.command("invite", "coordinator"))
            await me.see("volunteers.welcome.coordinator")
        inviting, confirming = coordinators
        group_language = inviting.me.language
        await self.fund.command("fund", "add", MONEY)
        for number in range(REVIEWERS + TREASURERS):
            role = "reviewer" if number < REVIEWERS else "treasurer"
            me = await self._someone(f"{role.title()} {number}")
            await confirming.confirm(await come_in(me, await inviting.invite(role)))
            await me.see(f"volunteers.welcome.{role}")
            if role == "reviewer":
                dice = random.Random(self.dice.random())  # noqa: S311 - who presses where is no secret
                self.watchers.append(Reviewer(me, docket=self.docket, group_language=group_language, dice=dice))
            else:
                self.watchers.append(Treasurer(me, docket=self.docket))
        await self._bind_group(inviting, confirming)

    async def answering(self) -> None:
        """Wait until the bot has introduced itself: the fund has started."""
        calls = self.server.telegram.calls
        if not await calls.wait("setMyCommands", None, 0, 2 * DEADLINE):
            raise NeverHappened(f"the fund has not started:\n{self.fund.last_words()}")

    async def ask_for_help(self, scripts: Sequence[Script]) -> list[Paid]:
        """A wave of applicants, until each is where its script leads on that day; returns who got money."""
        wave = []
        for script in scripts:
            person = await self.town.person(f"Applicant {script.number}", language_code=script.language)
            wave.append(Applicant(Someone(person, script.language), script, self.docket))
        async with asyncio.TaskGroup() as asking:
            for applicant in wave:
                asking.create_task(applicant.ask())
        self.applicants += wave
        return [Paid(each.me, good=each.script.good) for each in wave if each.script.fate in PAID_FATES]

    async def rest_of_the_quarter(self) -> None:
        """Everybody paid is asked three times; who never answers is left in peace."""
        for days in QUARTER:
            await self.pass_time(timedelta(days=days))
        for _ in range(int(DEADLINE / GLANCE)):
            if not await count_paid(self.engine):
                break
            await asyncio.sleep(GLANCE)

    async def pass_time(self, step: timedelta) -> None:
        """Jump to the morning that is so far away, when nothing is under way, and see what was due done."""
        await self.calm()
        now = self.server.clock.now()
        then = datetime.combine((now + step).date(), MORNING, now.tzinfo)
        jump(self.fund, self.server.clock, max(then, now) - now)
        await self.calm()

    async def calm(self) -> None:
        """Wait until nothing is unheard, unhandled, undelivered or due, and nobody has anything to do."""
        loop = asyncio.get_running_loop()
        end = loop.time() + DEADLINE
        still = 0
        while still < CALM_GLANCES:
            await asyncio.sleep(GLANCE)
            unheard = self.server.telegram.queue.pending
            left = await count_open(self.engine, self.server.clock.now())
            calm = not unheard and not any(left.values()) and await at_rest(self.watchers)
            still = still + 1 if calm else 0
            if loop.time() > end:
                raise NeverHappened(f"it never came to rest: {len(unheard)} unheard, {left}")

    async def _bind_group(self, inviting: Coordinator, confirming: Coordinator) -> None:
        group = await self.town.group("Desk", inviting.me.person)
        await group.join(confirming.me.person)
        for volunteer in self.watchers:
            if isinstance(volunteer, Reviewer):
                await group.join(volunteer.me.person)
                volunteer.group = group
        await group.add_bot()
        await inviting.me.person.send("/desk", chat=group)
        await inviting.me.see("group.opened", chat=group)

    async def _someone(self, name: str) -> Someone:
        language = self.dice.choice(("ru", "en"))
        return Someone(await self.town.person(name, language_code=language), language)
