"""One run: a fund, a stand-in for Telegram, a day full of kills, and what the checks find afterwards."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.database import make_engine
from bot.keys import new_keyring, open_keyring
from bot.resources import open_resources
from bot.settings import read_settings
from sandbox.telegram.client import Town
from sandbox.telegram.limits import Limits
from sandbox.telegram.server import TelegramServer
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
from tests.soak.fund import Fund, Killer, under_fire
from tests.soak.hearing import Hearing, heard
from tests.soak.reading import catalogue
from tests.soak.snapshot import Snapshot, take
from vault.passwords import Argon2Cost

PASSPHRASE = "six words that nobody would guess"
POLICY = Path(__file__).with_name("policy.toml")
MINOR = 100
CASES_PER_KILL = 5
"""Aimed at; `Report.kills` tells how many there were."""

CALLS_PER_CASE = 140
"""About so many calls of the Bot API does a case take, follow-ups and volunteers included."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to. `orphans` are messages that a crash left at the neutral line."""

    findings: list[str]
    kills: int
    calls: int
    orphans: int


async def run(folder: Path, cases: int, seed: int) -> Report:
    """Live through a day with so many cases on SQLite in `folder`; the same seed gives the same plans."""
    dice = random.Random(seed)  # noqa: S311 - a plan is no secret
    docket = Docket(write_scripts(cases, dice))
    limits = Limits.unthrottled()
    async with TelegramServer(limits=limits) as server, Town(server.url) as town:
        settings = _settings(folder, server)
        fund = Fund(folder, settings)
        write_offset(fund.offset, timedelta())
        hearing = Hearing(server.telegram)
        listening = await heard(hearing)
        engine = make_engine(f"sqlite+aiosqlite:///{folder / 'plecho.db'}")
        day = Day(fund, server, town, engine, docket, dice)
        average = CALLS_PER_CASE * CASES_PER_KILL
        killer = Killer(fund, server, random.Random(seed + 1), (average // 2, average * 3 // 2))  # noqa: S311
        try:
            await under_fire(fund, killer, day.live())
        finally:
            listening.cancel()
            await engine.dispose()
        there = await _snapshot(fund)
        neutral = frozenset(catalogue().render("pipeline.neutral", code) for code in catalogue().languages)
        return Report(
            _findings(there, day, hearing), fund.kills, server.telegram.calls.count, hearing.orphans(neutral)
        )


def _settings(folder: Path, server: TelegramServer) -> Mapping[str, str]:
    new_keyring(read_settings(data_dir=folder), lambda _: PASSPHRASE, Argon2Cost(1, 8, 1))
    return {
        "PLECHO_BOT_TOKEN": server.token,
        "PLECHO_TELEGRAM_API_URL": server.url,
        "PLECHO_DATA_DIR": str(folder),
        "PLECHO_KEYRING_PASSPHRASE": PASSPHRASE,
        "PLECHO_POLICY": str(POLICY),
        "PLECHO_WEB_BIND": "127.0.0.1:0",
    }


async def _snapshot(fund: Fund) -> Snapshot:
    settings = read_settings(data_dir=fund.folder, keyring_passphrase=PASSPHRASE, policy=POLICY)
    keyring = open_keyring(settings)
    async with open_resources(settings, keyring, FileClock(fund.offset)) as resources, resources.unit() as unit:
        return await take(unit)


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
