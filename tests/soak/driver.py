"""One run: a fund, a stand-in for Telegram, a day full of kills, and what the checks find afterwards."""

import random
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bot.database import Resources, make_engine
from bot.keys import new_keyring, open_keyring
from bot.resources import open_resources
from bot.settings import Settings, read_settings
from models.policy import DEFAULT
from sandbox.telegram.client import Town
from sandbox.telegram.limits import Limits
from sandbox.telegram.server import TelegramServer
from tests.soak.autopsy import chats_of, examine
from tests.soak.checks import (
    check_applicants,
    check_books,
    check_cases,
    check_mail,
    check_payouts,
    check_volunteers,
)
from tests.soak.clock import FileClock, write_offset
from tests.soak.day import MONEY, Day
from tests.soak.docket import Docket, write_scripts
from tests.soak.fund import APART, WHOLE, Fund, Killer, under_fire
from tests.soak.hearing import Hearing, heard
from tests.soak.reading import catalogue
from tests.soak.snapshot import Snapshot, take
from vault.passwords import Argon2Cost

PASSPHRASE = "six words that nobody would guess"
RULES: Mapping[str, str] = {
    "version": '"soak"',
    "cap": "1000",
    "reconfirm_days": "1000",
    "unclaimed_days": "3650",
    "closed_case_days": "3650",
    "inbox_hours": "100000",
    "per_day": "100000000000",
}
"""Where the run's policy differs from the one that comes with the program: nobody is full, nothing is purged."""

MINOR = 100
CALLS_PER_CASE = 140
"""About so many calls of the Bot API does a case take, follow-ups and volunteers included."""


@dataclass(frozen=True, slots=True)
class Storage:
    """Where the fund keeps its data and its key grants; none: SQLite files in the run's folder."""

    data: str | None = None
    keys: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be lived through; the same seed gives the same plans. `kill_every`: cases from kill to kill."""

    cases: int
    seed: int
    kill_every: float = 5.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: the part of the day that is over (0 to 1), seconds so far, kills, calls."""

    over: float
    seconds: float
    kills: int
    calls: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to. `orphans` are messages that a crash left at the neutral line."""

    findings: list[str]
    kills: int
    calls: int
    orphans: int
    seconds: float


def _untold(_: Progress) -> None:
    """Nobody is told."""


@dataclass(slots=True)
class _Run:
    plan: Plan
    fund: Fund
    server: TelegramServer
    settings: Settings
    tell: Callable[[Progress], None]
    began: float = field(default_factory=time.monotonic)

    def told(self, over: float) -> None:
        """Pass on how far it is."""
        calls = self.server.telegram.calls.count
        self.tell(Progress(over, time.monotonic() - self.began, len(self.fund.kills), calls))

    @asynccontextmanager
    async def resources(self) -> AsyncIterator[Resources]:
        """The fund's data, opened beside its processes."""
        keyring = open_keyring(self.settings)
        async with open_resources(self.settings, keyring, FileClock(self.fund.offset)) as resources:
            yield resources


async def run(
    folder: Path, plan: Plan, storage: Storage | None = None, tell: Callable[[Progress], None] = _untold
) -> Report:
    """Live through a day; on PostgreSQL with a process for each part. Raises AssertionError for what was lost."""
    storage = storage or Storage()
    async with TelegramServer(limits=Limits.unthrottled()) as server, Town(server.url) as town:
        environment = _environment(folder, server, storage)
        settings = read_settings(**_opened(folder, storage))
        fund = Fund(folder, environment, APART if storage.data else WHOLE)
        write_offset(fund.offset, timedelta())
        await fund.command("migrate")
        live = _Run(plan, fund, server, settings, tell)
        hearing = Hearing(server.telegram)
        listening = await heard(hearing)
        try:
            day = await _lived(live, town)
        finally:
            listening.cancel()
        async with live.resources() as resources, resources.unit() as unit:
            there = await take(unit)
        neutral = frozenset(catalogue().render("pipeline.neutral", code) for code in catalogue().languages)
        calls, seconds = server.telegram.calls.count, time.monotonic() - live.began
        return Report(_findings(there, day, hearing), len(fund.kills), calls, hearing.orphans(neutral), seconds)


async def _lived(live: _Run, town: Town) -> Day:
    dice = random.Random(live.plan.seed)  # noqa: S311 - a plan is no secret
    docket = Docket(write_scripts(live.plan.cases, dice))
    engine = make_engine(live.settings.data_url)
    day = Day(live.fund, live.server, town, engine, docket, dice, live.told)
    average = int(CALLS_PER_CASE * live.plan.kill_every)
    killing = random.Random(live.plan.seed + 1)  # noqa: S311
    killer = Killer(live.fund, live.server, killing, (average // 2, average * 3 // 2))
    try:
        await under_fire(live.fund, killer, day.live())
    except Exception as error:
        async with live.resources() as resources:
            known = await examine(resources, live.server.telegram.calls, live.fund, chats_of(error))
        raise AssertionError(f"{_first(error)}\n{known}") from error
    finally:
        await engine.dispose()
    return day


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _policy(folder: Path) -> Path:
    """The policy of a run, written where the fund finds it."""
    text = DEFAULT.read_text()
    for name, value in RULES.items():
        text, found = re.subn(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
        if found != 1:
            raise ValueError(f"{name} stands {found} times in {DEFAULT}")
    path = folder / "policy.toml"
    path.write_text(text)
    return path


def _opened(folder: Path, storage: Storage) -> dict[str, object]:
    known = {"database_url": storage.data, "keys_url": storage.keys}
    given = {name: url for name, url in known.items() if url}
    return {"data_dir": folder, "keyring_passphrase": PASSPHRASE, "policy": _policy(folder)} | given


def _environment(folder: Path, server: TelegramServer, storage: Storage) -> Mapping[str, str]:
    new_keyring(read_settings(data_dir=folder), lambda _: PASSPHRASE, Argon2Cost(1, 8, 1))
    urls = {"PLECHO_DATABASE_URL": storage.data, "PLECHO_KEYS_URL": storage.keys}
    return {
        "PLECHO_BOT_TOKEN": server.token,
        "PLECHO_TELEGRAM_API_URL": server.url,
        "PLECHO_DATA_DIR": str(folder),
        "PLECHO_KEYRING_PASSPHRASE": PASSPHRASE,
        "PLECHO_POLICY": str(_policy(folder)),
        "PLECHO_WEB_BIND": "127.0.0.1:0",
    } | {name: url for name, url in urls.items() if url}


def _findings(there: Snapshot, day: Day, hearing: Hearing) -> list[str]:
    money = int(MONEY) * MINOR
    return [
        *check_cases(there, day.docket),
        *check_payouts(there, day.docket),
        *check_books(there, money),
        *check_mail(there),
        *check_applicants(hearing, day.applicants),
        *check_volunteers(hearing, day.watchers, day.docket),
    ]
