"""The stand-in as a server and as a process."""

import asyncio
import signal
import sys
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from yarl import URL

from sandbox.clock import TravelClock
from sandbox.telegram.client import Group, Person, Town
from sandbox.telegram.server import TelegramServer


def bot_at(server: TelegramServer) -> Bot:
    """Return aiogram's bot for the stand-in."""
    return Bot(server.token, session=AiohttpSession(api=TelegramAPIServer.from_base(server.url)))


async def test_a_town_goes_on_after_a_restart(tmp_path: Path) -> None:
    """People, messages, files, groups, pending updates, time and token survive in a private file."""
    file = tmp_path / "town.json"
    async with TelegramServer(state=file) as server, Town(server.url) as town:
        anna = await town.person("Anna")
        await anna.send("/start")
        await anna.upload_document(bytes(range(256)), name="a.bin")
        group = await town.group("Щит", anna)
        await group.add_bot()
        await town.advance(timedelta(days=2))
        then, token = await town.now(), server.token
    assert file.stat().st_mode & 0o077 == 0
    async with TelegramServer(state=file) as server, Town(server.url) as town:
        assert server.token == token
        assert await town.now() >= then
        anna = Person(town, anna.id, anna.name)
        start, upload = await anna.messages()
        assert start.text == "/start"
        assert upload.document
        assert server.telegram.world.files[upload.document["file_id"]].content == bytes(range(256))
        assert (await Group(town, group.id, anna).view())["title"] == "Щит"
        assert (await anna.send("again")).id == upload.id + 1
        async with bot_at(server) as bot:
            # What was sent two days before has expired meanwhile.
            assert [u.message.text for u in await bot.get_updates() if u.message] == ["again"]


async def test_the_page_is_served_beside_the_apis(tmp_path: Path) -> None:
    """The chat page and its files are at the root, and hide neither API nor anything outside their folder."""
    (tmp_path / "index.html").write_text("<title>page</title>")
    (tmp_path / "page.js").write_text("let x")
    async with TelegramServer(page=tmp_path) as server, aiohttp.ClientSession() as session:
        got = {}
        for path in ("/", "/page.js", "/people", "/%2e%2e/secret", "/nothing"):
            async with session.get(URL(server.url + path, encoded=True)) as response:
                got[path] = (response.status, await response.text())
    assert got["/"] == (200, "<title>page</title>")
    assert got["/page.js"] == (200, "let x")
    assert got["/people"] == (200, "[]")
    assert {got["/%2e%2e/secret"][0], got["/nothing"][0]} <= {403, 404}


async def test_it_runs_as_a_process_of_its_own() -> None:
    """`python -m sandbox.telegram` prints its address and token, serves, and ends cleanly by SIGTERM."""
    arguments = ("-m", "sandbox.telegram", "--port", "0", "--unthrottled")
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    url, token = (await process.stdout.readline()).decode().split()
    async with Town(url) as town:
        assert (await town.call("GET", "/bot"))["id"] == int(token.partition(":")[0])
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


async def test_it_listens_on_loopback_only() -> None:
    """Nothing outside this machine reaches the stand-in."""
    async with TelegramServer() as server:
        assert server.url.startswith("http://127.0.0.1:")


def test_the_clock_never_goes_back() -> None:
    """Jumps add up, and a negative one is refused."""
    clock = TravelClock()
    first = clock.now()
    clock.advance(timedelta(hours=1))
    clock.advance(timedelta(hours=1))
    assert clock.offset == timedelta(hours=2)
    assert clock.now() - first >= timedelta(hours=2)
    with pytest.raises(ValueError, match="forward"):
        clock.advance(timedelta(seconds=-1))
