"""The doctor: finds what is wrong with an installation, and says how to mend each."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from uuid import uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from sqlmodel import select

from bot.doctor import Finding, examine, quick, username
from bot.keys import new_keyring, open_keyring, rotate
from bot.problems import Problem
from bot.resources import open_resources
from bot.sanctions import load_list
from bot.settings import Settings
from models.screening import SanctionsList
from models.volunteer import ReviewGroup
from sandbox.telegram.client import Town
from sandbox.telegram.server import BOT_USERNAME, TelegramServer
from services.contact import Address, seal_group
from tests.unit.payments.screening.published import Eu, person, write
from vault.passwords import Argon2Cost
from vault.types import BlindIndex, SealedBytes

CANARY = "canary-passphrase-7Zq"


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    """A stand-in for Telegram."""
    async with TelegramServer() as running:
        yield running


@pytest.fixture
async def settings(tmp_path: Path, server: TelegramServer, cheap_argon2: Argon2Cost) -> Settings:
    """A sound installation with keyring and database, and a token of the stand-in."""
    made = Settings(
        data_dir=tmp_path / "data",
        keyring_passphrase=SecretStr(CANARY),
        bot_token=SecretStr(server.token),
        telegram_api_url=server.url,
    )
    new_keyring(made, cost=cheap_argon2)
    async with open_resources(made, open_keyring(made), migrate=True):
        return made


async def findings(settings: Settings) -> Mapping[str, Finding]:
    """What the doctor found, by what was looked at."""
    return {finding.what: finding async for finding in examine(settings)}


async def test_a_sound_installation(settings: Settings) -> None:
    """Everything is looked at; what is new and has neither people nor group says what to do next."""
    found = await findings(settings)
    wrong = {what for what, finding in found.items() if not finding.well}
    assert wrong == {"coordinators", "reviewers", "review group"}
    assert set(found) - wrong == {
        "data directory", "disk", "policy", "keyring", "databases", "token", "clock", "privacy mode",
        "sanctions list ofac", "sanctions list eu",
    }  # fmt: skip
    assert "plecho invite coordinator" in found["coordinators"].mend


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"keyring_passphrase": SecretStr("not the passphrase")}, "keyring"),
        ({"keyring": SecretStr("base64:AAAA")}, "keyring"),
        ({"policy": Path("missing.toml")}, "policy"),
        ({"database_url": SecretStr(f"postgresql://u:{CANARY}@127.0.0.1:1/d")}, "databases"),
        ({"keys_url": SecretStr(f"postgresql://u:{CANARY}@127.0.0.1:1/d")}, "databases"),
        ({"bot_token": None}, "token"),
        ({"bot_token": SecretStr("99999:" + "x" * 35)}, "token"),
        ({"telegram_api_url": "http://127.0.0.1:1"}, "token"),
    ],
)
async def test_what_is_wrong_is_found(settings: Settings, change: dict[str, object], what: str) -> None:
    """Each fault is found, with a way to mend it and without a secret, and does not hide the other checks."""
    found = await findings(settings.model_copy(update=change))
    assert not found[what].well
    assert found[what].mend
    assert {"data directory", "disk", "policy", "keyring", "token"} <= set(found)
    for finding in found.values():
        assert CANARY not in repr(finding)
        assert "xxxxx" not in repr(finding)


async def test_an_open_directory_is_found(settings: Settings) -> None:
    """A data directory that others may enter is wrong."""
    settings.data_dir.chmod(0o755)
    assert "chmod 700" in (await findings(settings))["data directory"].mend
    assert not (await findings(settings))["data directory"].well


async def test_an_unfinished_rotation_is_found(settings: Settings, cheap_argon2: Argon2Cost) -> None:
    """Old master keys must not lie about for ever."""
    rotate(settings, cost=cheap_argon2)
    assert "--finish" in (await findings(settings))["keyring"].mend


async def test_an_old_schema_is_found(tmp_path: Path, settings: Settings) -> None:
    """A database without the program's schema names the command that brings it there."""
    url = SecretStr(f"sqlite:///{tmp_path / 'other.db'}")
    found = await findings(settings.model_copy(update={"database_url": url}))
    assert "plecho migrate" in found["databases"].detail
    assert found["databases"].mend == "plecho migrate"


async def test_a_wrong_clock_is_found(settings: Settings) -> None:
    """A machine whose clock differs from Telegram's is told."""

    async def answer(_: web.Request) -> web.Response:
        late = datetime.now(UTC) - timedelta(minutes=10)
        body = {"ok": True, "result": {"id": 1, "username": "some_bot"}}
        return web.json_response(body, headers={"Date": format_datetime(late, usegmt=True)})

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    async with TestServer(app, host="127.0.0.1") as telegram:
        url = str(telegram.make_url("")).rstrip("/")
        found = await findings(settings.model_copy(update={"telegram_api_url": url}))
    assert not found["clock"].well
    assert found["clock"].detail.startswith("+60")


async def test_the_username_for_links(settings: Settings) -> None:
    """An invitation's link leads to the bot of the token; without a token there is none."""
    assert await username(settings) == BOT_USERNAME
    with pytest.raises(Problem, match="PLECHO_BOT_TOKEN"):
        await username(settings.model_copy(update={"bot_token": None}))


@pytest.mark.parametrize(("status", "well"), [(200, True), (503, False)])
async def test_the_health_of_a_running_process(settings: Settings, status: int, *, well: bool) -> None:
    """A container's health check asks the process itself."""

    async def health(_: web.Request) -> web.Response:
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/health", health)
    async with TestServer(app, host="127.0.0.1") as server:
        bound = settings.model_copy(update={"web_bind": f"127.0.0.1:{server.port}"})
        assert (await quick(bound)).well is well


@pytest.mark.parametrize("bind", ["127.0.0.1:1", "[::1]:1", "::1:1"])
async def test_no_running_process(settings: Settings, bind: str) -> None:
    """Nothing answers at an address of either family: not healthy, and said so."""
    finding = await quick(settings.model_copy(update={"web_bind": bind}))
    assert (finding.well, finding.detail) == (False, "ClientConnectorError")
    assert "running" in finding.mend


async def test_the_group_in_use_is_looked_at(settings: Settings, server: TelegramServer) -> None:
    """Not one that was refused, or that another has taken over, whichever was bound first."""
    async with Town(server.url) as town:
        used = await town.group("Desk", await town.person("Alpha"))
        await used.add_bot(admin=True)
    async with open_resources(settings, open_keyring(settings)) as resources:
        for number in (-1001, used.id, -1003):
            async with resources.unit() as unit:
                group = ReviewGroup(
                    chat=BlindIndex(""), contact=SealedBytes(b""), language="ru", check_at=unit.now,
                    in_use=number == used.id, open=number == used.id, bound_by=uuid4(), bound_at=unit.now,
                )  # fmt: skip
                seal_group(unit, group, Address(number))
                unit.session.add(group)
    finding = (await findings(settings))["review group"]
    assert (finding.well, finding.detail) == (True, "open; the bot may delete messages")


async def test_privacy_mode_off_is_found(settings: Settings) -> None:
    """A bot that hears everything in groups is wrong."""
    async with TelegramServer(privacy=False) as open_server, Town(open_server.url):
        open_bot = {"telegram_api_url": open_server.url, "bot_token": SecretStr(open_server.token)}
        found = await findings(settings.model_copy(update=open_bot))
    assert not found["privacy mode"].well


async def test_the_ages_of_sanctions_lists_are_told(settings: Settings, tmp_path: Path) -> None:
    """What is loaded is told with its date and age; a list that is too old is wrong, one nobody needs is not."""
    path = write(tmp_path / "eu.xml", Eu([person(1, "LAZAREV Taras")], generated=datetime.now(UTC).isoformat()))
    async with open_resources(settings, open_keyring(settings)) as resources:
        await load_list(resources, path)
        found = await findings(settings)
        assert found["sanctions list ofac"].well
        assert "no open rail needs it" in found["sanctions list ofac"].detail
        assert found["sanctions list eu"].well
        assert "0 days old, loaded 0 days ago, 1 names" in found["sanctions list eu"].detail
        async with resources.unit() as unit:
            listed = (await unit.session.exec(select(SanctionsList))).one()
            listed.loaded_at -= timedelta(days=9)
    old = (await findings(settings))["sanctions list eu"]
    assert not old.well
    assert "loaded 9 days ago" in old.detail
    assert old.mend == "plecho sanctions load FILE"
