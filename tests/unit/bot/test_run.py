"""The bot as its command runs it: what stops the start, in one line; what it does until it is told to end."""

import asyncio
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from bot.keys import new_keyring
from bot.settings import Settings
from sandbox.story import STORY
from sandbox.telegram.client import Town
from tests.flows.harness import free_port
from tests.forked import begin, plecho
from texts.catalogue import load
from vault.passwords import Argon2Cost

ROOT = Path(__file__).parents[3]
PASSPHRASE = "a passphrase for tests"
PATIENCE = 60.0
"""Seconds for what comes at once on a machine that is not busy."""


@pytest.fixture
def environment(tmp_path: Path, cheap_argon2: Argon2Cost) -> dict[str, str]:
    """The environment of an installation with keyring and database."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    new_keyring(Settings(data_dir=data, keyring_passphrase=SecretStr(PASSPHRASE)), cost=cheap_argon2)
    known = {name: value for name, value in os.environ.items() if not name.startswith("PLECHO_")}
    made = known | {"PLECHO_DATA_DIR": str(data), "PLECHO_KEYRING_PASSPHRASE": PASSPHRASE}
    assert plecho(made, "migrate").returncode == 0
    return made


@pytest.fixture(scope="module")
def server() -> Iterator[Mapping[str, str]]:
    """The settings of a bot on a stand-in for Telegram, with Telegram's own rates, in a process of its own."""
    program = [sys.executable, "-m", "sandbox.telegram"]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        url, token = process.stdout.readline().split()
        yield {"PLECHO_TELEGRAM_API_URL": url, "PLECHO_BOT_TOKEN": token, "PLECHO_WEB_BIND": "127.0.0.1:0"}
        process.terminate()


BAD: Mapping[str, tuple[str, str]] = {
    "BOT_TOKEN": ("12345", "not a bot token as BotFather gives it; for example PLECHO_BOT_TOKEN="),
    "TELEGRAM_API_URL": ("http://127.0.0.1:1", "PLECHO_TELEGRAM_API_URL: the Bot API server does not answer"),
    "PROXY": ("http://127.0.0.1:1", "PLECHO_TELEGRAM_API_URL or PLECHO_PROXY: the Bot API server does not answer"),
    "DATABASE_URL": ("postgresql://u:canary@127.0.0.1:1/d", "the database cannot be used"),
    "KEYS_URL": ("sqlite:////dev/null/keys.db", "the database cannot be used"),
    "KEYRING": ("/dev/null/keyring", "make one with `plecho keys new`"),
    "KEYRING_PASSPHRASE": ("canary, and wrong", "wrong passphrase"),
    "POLICY": ("missing.toml", "missing.toml"),
    "DATA_DIR": ("/dev/null/data", "no keyring at /dev/null/data"),
    "WEB_BIND": ("localhost", "not HOST:PORT"),
    "WEBHOOK_URL": ("http://bot.example.org", "not an https address"),
    "STRIPE_KEY": ("canary", "not a secret or restricted key of Stripe's"),
    "STRIPE_API_URL": ("api.stripe.com", "not an http or https address"),
    "STRIPE_WEBHOOK_SECRET": ("canary", "not the signing secret of a webhook endpoint"),
    "GIVE_URL": ("https://give.example.org", "PLECHO_STRIPE_KEY: is not set"),
    "CHAIN_URL": ("canary", "not an http or https address"),
}
"""For each setting a value that cannot be used, and what is said then."""


def test_every_setting_can_be_wrong() -> None:
    """A new setting comes with what stops the start."""
    assert {name.upper() for name in Settings.model_fields} == set(BAD)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_setting_stops_the_start(environment: dict[str, str], server: Mapping[str, str], name: str) -> None:
    """`plecho run` does not begin: one line says which setting is wrong, and shows no secret."""
    value, said = BAD[name]
    result = plecho({**environment, **server, f"PLECHO_{name}": value}, "run")
    assert result.returncode == 1
    assert result.stderr.startswith("plecho: ")
    assert result.stderr.count("\n") == 1
    assert said in result.stderr
    assert "canary" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("arguments", "changed", "said"),
    [
        (("run", "--only", "worker"), {}, "--only needs PostgreSQL"),
        (
            ("run",),
            {"PLECHO_BOT_TOKEN": f"1234567890:{'x' * 35}"},
            "PLECHO_BOT_TOKEN: the Bot API server does not know it",
        ),
        (("run",), {"PLECHO_BOT_TKEN": "x"}, "did you mean PLECHO_BOT_TOKEN?"),
    ],
)
def test_what_cannot_run_says_why(
    environment: dict[str, str],
    server: Mapping[str, str],
    arguments: tuple[str, ...],
    changed: dict[str, str],
    said: str,
) -> None:
    """A bot that could not work does not begin: one line."""
    result = plecho({**environment, **server, **changed}, *arguments)
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert said in result.stderr


def test_the_bot_runs_until_it_is_told_to_end(
    environment: dict[str, str], server: Mapping[str, str], tmp_path: Path
) -> None:
    """`plecho run` answers within Telegram's rates; beside it, links are made that bring somebody in once."""
    port = free_port()
    running = {**environment, **server, "PLECHO_WEB_BIND": f"127.0.0.1:{port}"}
    out, errors = tmp_path / "out", tmp_path / "errors"
    process = begin(running, ["run"], out, errors)
    asyncio.run(_come_in(running))
    assert plecho(running, "doctor", "--quick").returncode == 0
    taken = plecho(running, "run")
    assert (taken.returncode, taken.stderr.count("\n")) == (1, 1)
    assert f"PLECHO_WEB_BIND: 127.0.0.1:{port} cannot be used" in taken.stderr
    for words in (("restore", "a.backup", "--force"), ("run",)):  # nothing may move the files from under it
        second = plecho({**running, "PLECHO_WEB_BIND": "127.0.0.1:0"}, *words)
        assert (second.returncode, "stop it first" in second.stderr) == (1, True)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGTERM)
    process.join()
    assert (process.exitcode, out.read_text(), errors.read_text()) == (0, "", "")
    ended = plecho(running, "doctor", "--quick")
    assert ended.returncode == 1
    assert "mend: " in ended.stdout


async def _come_in(running: Mapping[str, str]) -> None:
    """Somebody says something and is answered; somebody comes in by a link, and nobody else by the same."""
    texts = load()
    async with Town(running["PLECHO_TELEGRAM_API_URL"]) as town:
        anna, gleb, mallory = [await town.person(name) for name in ("Anna", "Gleb", "Mallory")]
        await anna.send("/start")
        answer = texts.render("start.button.answer", "ru")
        await anna.wait_for(lambda view: answer in view.labels, timeout=PATIENCE)
        link = (await asyncio.to_thread(plecho, running, "invite", "coordinator")).stdout.strip()
        await gleb.open_link(link)
        agree = texts.render("volunteers.button.agree", "ru")
        await gleb.wait_for(lambda view: agree in view.labels, timeout=PATIENCE)
        await gleb.press(agree)
        home = texts.render("volunteers.button.home", "ru")
        await gleb.wait_for(lambda view: home in view.labels, timeout=PATIENCE)
        await mallory.open_link(link)
        gone = texts.render("volunteers.invitation-gone", "ru")
        await mallory.wait_for(lambda view: view.text == gone, timeout=PATIENCE)


def test_the_demo_plays_its_story_and_ends(environment: dict[str, str], tmp_path: Path) -> None:
    """`plecho demo --play` fills every role, plays its story in English to the end, and leaves nothing behind."""
    program = [sys.executable, "-m", "bot.cli", "demo", "--port", "0", "--play", "--pause", "0"]
    with (
        (tmp_path / "errors").open("w") as errors,
        subprocess.Popen(  # noqa: S603 - our own
            program, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdout is not None
        try:
            page = re.fullmatch(r"Plecho's chat page: (http://127\.0\.0\.1:\d+)\n", process.stdout.readline())
            assert re.match(r"Its page for givers: http://127\.0\.0\.1:\d+/give$", process.stdout.readline())
            assert process.stdout.readline().startswith("All roles are filled")
            assert page is not None
            told = asyncio.run(_last_caption(page[1]))
            process.send_signal(signal.SIGINT)
            assert process.wait() == 0
        finally:
            process.kill()
    assert (tmp_path / "errors").read_text() == ""
    assert told == STORY[-1].caption["en"]
    assert not list((tmp_path / "data").glob("demo-*"))


async def _last_caption(page: str) -> str:
    """What the chat page shows as the story's last step, once it has come to it."""
    async with aiohttp.ClientSession() as session, session.get(f"{page}/events") as stream, Town(page) as town:
        await stream.content.readuntil(b"\n\n")  # from here on nothing is missed
        while (told := await town.call("GET", "/narration")).get("step") != len(STORY):
            while b"event: narration" not in await stream.content.readuntil(b"\n\n"):
                pass
        return str(told["text"])


def test_an_altered_log_is_found(environment: dict[str, str], tmp_path: Path) -> None:
    """`plecho audit verify` names what was changed behind the fund's back, and ends with 1."""
    assert plecho(environment, "fund", "add", "1000").returncode == 0
    assert plecho(environment, "audit", "verify").returncode == 0
    with sqlite3.connect(tmp_path / "data" / "plecho.db") as books:
        books.execute("UPDATE audit_entry SET actor = 'nobody'")
    broken = plecho(environment, "audit", "verify")
    assert broken.returncode == 1
    assert broken.stdout.startswith("entry 1: altered\n")
    assert "THE LOG IS NOT WHOLE." in broken.stdout
