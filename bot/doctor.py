"""`plecho doctor`: looks at everything that can be wrong with an installation, and says how to mend each.

It changes nothing and tells no secret. Each check stands alone: one that fails does not hide the next, but what
cannot be looked at (no keyring, no database, no token) is left out.
"""

import asyncio
import shutil
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import aiohttp
from sqlmodel import col, select

from bot.database import Resources
from bot.keys import open_keyring
from bot.problems import Problem, SchemaBehind, SettingWrong
from bot.resources import open_resources, read_policy
from bot.settings import PREFIX, Settings
from bot.stripe_probe import fault_of_stripe
from models.volunteer import ReviewGroup, Role
from payments.money import Money
from payments.rails.stablecoin import NAME as CHAIN
from payments.rails.stablecoin import Stablecoin
from payments.screening import lists
from services.contact import group_recipient
from services.roles import holders, takes_work
from services.seats import reviewers_needed
from texts.catalogue import FALLBACK
from vault.keyring import Keyring

SKEW: Final = timedelta(seconds=30)
"""A larger difference to Telegram's clock spoils due dates and signatures."""

UNKNOWN_TOKEN: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND)
"""What Telegram answers to a token that is nobody's, or to one that is none."""

FREE: Final = 1 << 30
"""Bytes of disk that should be free: a backup and some months of attachments."""

SECONDS: Final = aiohttp.ClientTimeout(total=15)
COORDINATORS: Final = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `mend` says what to do when it is not well."""

    what: str
    well: bool
    detail: str
    mend: str = ""


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Look at everything, in the order in which an operator would mend it."""
    yield _directory(settings.data_dir)
    yield _disk(settings.data_dir)
    yield _policy(settings)
    keyring, finding = await asyncio.to_thread(_keyring, settings)
    yield finding
    if keyring is None:
        async for finding in _telegram(settings, None):
            yield finding
        return
    try:
        async with open_resources(settings, keyring) as resources:
            yield Finding("databases", well=True, detail=f"{resources.engine.dialect.name}, schema up to date")
            yield await _coordinators(resources)
            yield await _reviewers(resources)
            async for finding in _sanctions(resources):
                yield finding
            if CHAIN in resources.policy.rails:
                yield await _chain(resources)
            if (setup := settings.stripe) is not None:
                fault = await fault_of_stripe(setup)
                mend = "PLECHO_STRIPE_KEY with the rights that the README lists, PLECHO_STRIPE_API_URL"
                yield Finding("stripe", fault is None, fault or "answers, and takes the key", mend)
            async for finding in _telegram(settings, resources):
                yield finding
    except Problem as problem:
        behind = isinstance(problem, SchemaBehind)
        mend = "plecho migrate" if behind else "mend the setting or the server it names"
        yield Finding("databases", well=False, detail=str(problem), mend=mend)
        async for finding in _telegram(settings, None):
            yield finding


async def quick(settings: Settings) -> Finding:
    """Ask the running process for its health: what a container's health check needs."""
    host = f"[{settings.web_host}]" if ":" in settings.web_host else settings.web_host
    address = f"http://{host}:{settings.web_port}/health"
    mend = "see the log of the running process"
    try:
        async with aiohttp.ClientSession(timeout=SECONDS) as session, session.get(address) as response:
            return Finding("health", response.status == HTTPStatus.OK, f"answered {response.status}", mend)
    except (aiohttp.ClientError, TimeoutError) as error:
        return Finding("health", well=False, detail=type(error).__name__, mend="is `plecho run` running?")


def _directory(path: Path) -> Finding:
    if not path.is_dir():
        return Finding("data directory", well=False, detail=f"{path} is missing", mend=f"mkdir -m 700 {path}")
    mode = stat.S_IMODE(path.stat().st_mode)
    private = not mode & (stat.S_IRWXG | stat.S_IRWXO)
    return Finding("data directory", private, f"{path}, mode {mode:03o}", f"chmod 700 {path}")


def _disk(path: Path) -> Finding:
    free = shutil.disk_usage(path if path.is_dir() else Path.cwd()).free
    return Finding("disk", free >= FREE, f"{free >> 20} MiB free", "make room, or move PLECHO_DATA_DIR")


def _policy(settings: Settings) -> Finding:
    try:
        policy = read_policy(settings.policy)
    except Problem as problem:
        return Finding("policy", well=False, detail=str(problem), mend="mend the line that is named")
    return Finding("policy", well=True, detail=f"version {policy.version}, {policy.currency}")


def _keyring(settings: Settings) -> tuple[Keyring | None, Finding]:
    try:
        keyring = open_keyring(settings)
    except Problem as problem:
        mend = "plecho keys new, chmod 600, or the right PLECHO_KEYRING_PASSPHRASE"
        return None, Finding("keyring", well=False, detail=str(problem), mend=mend)
    detail = f"master key {keyring.masters.newest.version}, server key {keyring.servers.newest.version}"
    rotated = len(keyring.masters.keys) == 1
    return keyring, Finding("keyring", rotated, detail, "a rotation is open: plecho keys rotate --finish")


async def _coordinators(resources: Resources) -> Finding:
    async with resources.unit() as unit:
        count = len(await holders(unit, Role.COORDINATOR))
    return Finding("coordinators", count >= COORDINATORS, f"{count} confirmed", "plecho invite coordinator")


async def _reviewers(resources: Resources) -> Finding:
    async with resources.unit() as unit:
        count = sum(takes_work(one) and not one.probation_left for one in await holders(unit, Role.REVIEWER))
    needed = reviewers_needed(resources.policy)
    detail = f"{count} at work; an appeal about the largest amounts needs {needed}"
    return Finding("reviewers", count >= needed, detail, "coordinators invite more in Telegram")


async def _sanctions(resources: Resources) -> AsyncIterator[Finding]:
    """Each list that the policy asks for; missing ones are well as long as no open rail is screened."""
    async with resources.unit() as unit:
        found = await lists.current(unit)
        rests = any(unit.rails[name].screened for name in unit.policy.rails if name in unit.rails)
        for source in unit.policy.screening.lists:
            listed = found.get(source)
            if listed is None:
                detail = "not loaded" if rests else "not loaded; no open rail needs it"
                yield Finding(f"sanctions list {source}", not rests, detail, "plecho sanctions load FILE")
                continue
            ages = [(unit.now - when).days for when in (listed.dated, listed.loaded_at)]
            detail = f"{lists.label(listed)}: {ages[0]} days old, loaded {ages[1]} days ago, {listed.names} names"
            well = not lists.is_stale(unit, listed)
            yield Finding(f"sanctions list {source}", well, detail, "plecho sanctions load FILE")


async def _chain(resources: Resources) -> Finding:
    """The rail to a public chain: whether its node answers, and whether it would pay now."""
    rail = resources.rails.get(CHAIN)
    answers = isinstance(rail, Stablecoin) and await rail.probe()
    async with resources.unit() as unit:
        why = await rail.refuses(unit, Money(unit.policy.emergency_amount, unit.policy.currency)) if rail else None
    if not answers:
        return Finding("chain", well=False, detail="no answer", mend="PLECHO_CHAIN_URL, plecho chain key new")
    detail = resources.texts.render(why, FALLBACK) if why else "the node answers, the rail is open"
    return Finding("chain", why is None, detail, "plecho chain show; docs/RUNBOOK.md says what to do")


async def _telegram(settings: Settings, resources: Resources | None) -> AsyncIterator[Finding]:
    """The token, the clocks, the bot's privacy mode and the review group."""
    if settings.bot_token is None:
        yield Finding(
            "token", well=False, detail="not set", mend="set PLECHO_BOT_TOKEN to the token from BotFather"
        )
        return
    async with aiohttp.ClientSession(timeout=SECONDS) as session:
        api = BotApi(settings, session)
        try:
            me = await api.call("getMe")
        except Problem as problem:
            yield Finding("token", well=False, detail=str(problem), mend="check token, proxy and network")
            return
        yield Finding("token", well=True, detail=f"@{me['username']}")
        yield _skew(api.skew)
        private = not me.get("can_read_all_group_messages", False)
        yield Finding("privacy mode", private, "on" if private else "off", "BotFather: /setprivacy, Enable")
        if resources is not None:
            yield await _group(api, resources, me["id"])


def _skew(skew: timedelta) -> Finding:
    detail = f"{skew.total_seconds():+.0f} s against Telegram"
    return Finding("clock", abs(skew) <= SKEW, detail, "let the machine's time be set by NTP")


async def _group(api: "BotApi", resources: Resources, bot: int) -> Finding:
    async with resources.unit() as unit:
        newest = select(ReviewGroup).order_by(col(ReviewGroup.in_use).desc(), col(ReviewGroup.bound_at).desc())
        group = (await unit.session.exec(newest)).first()
        chat = int(group_recipient(unit, group).address) if group else None
    mend = (
        "a coordinator sends /desk in a private group without topics or a linked channel, where the bot may "
        "delete messages and history is hidden"
    )
    if group is None or chat is None:
        return Finding("review group", well=False, detail="not bound", mend=mend)
    try:
        member = await api.call("getChatMember", chat_id=chat, user_id=bot)
    except Problem as problem:
        return Finding("review group", well=False, detail=str(problem), mend=mend)
    deletes = member.get("status") == "creator" or bool(member.get("can_delete_messages"))
    state = "open" if group.open else "closed, because something about it was not safe"
    detail = f"{state}; the bot {'may' if deletes else 'may not'} delete messages"
    return Finding("review group", group.open and deletes, detail, mend)


class BotApi:
    """A few plain calls of the Bot API. Errors carry the server's words, never the address with its token."""

    def __init__(self, settings: Settings, session: aiohttp.ClientSession) -> None:
        self._base = f"{settings.telegram_api_url}/bot{settings.token}"
        self._proxy = settings.proxy.get_secret_value() if settings.proxy else None
        self._way = f"{PREFIX}TELEGRAM_API_URL" + (f" or {PREFIX}PROXY" if self._proxy else "")
        self._session = session
        self.skew = timedelta()
        """How far this machine's clock is ahead of the server's, by the last answer."""

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """The result of a call. Raises `Problem`."""
        address = f"{self._base}/{method}"
        try:
            async with self._session.post(address, json=arguments, proxy=self._proxy) as response:
                body: dict[str, Any] = await response.json()
                date = response.headers.get("Date")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Problem(f"{self._way}: the Bot API server does not answer ({type(error).__name__})") from None
        if date:
            self.skew = datetime.now(UTC) - parsedate_to_datetime(date)
        if body.get("error_code") in UNKNOWN_TOKEN:
            raise SettingWrong(
                f"{PREFIX}BOT_TOKEN", "the Bot API server does not know it; BotFather has the token"
            )
        if not body.get("ok"):
            raise Problem(f"{method} was refused: {body.get('description', 'no reason given')}")
        result: dict[str, Any] = body["result"]
        return result


async def username(settings: Settings) -> str:
    """The bot's name in links. Raises `Problem`."""
    async with aiohttp.ClientSession(timeout=SECONDS) as session:
        me = await BotApi(settings, session).call("getMe")
    return str(me["username"])
