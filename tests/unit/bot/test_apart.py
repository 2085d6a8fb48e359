"""Parts as processes of their own: which of them needs the port, and that a webhook reaches the inbox."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlmodel import select

from bot.app import App, Part, Setup
from bot.database import Resources
from bot.problems import Problem
from bot.rates import Rates
from bot.serve import make_setup
from bot.settings import Settings
from models.mail import InboxEvent
from sandbox.telegram.client import Person
from tests.flows.harness import free_port
from tests.unit.bot.post import Post

TOKEN = "1234567890:" + "A" * 35
PATIENCE = 60.0
"""Seconds for what comes at once on a machine that is not busy."""


@pytest.fixture
def taken(tmp_path: Path) -> Iterator[Settings]:
    """Settings with a webhook, whose port another process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        bind = f"127.0.0.1:{server.getsockname()[1]}"
        yield Settings(
            data_dir=tmp_path, bot_token=SecretStr(TOKEN), web_bind=bind, webhook_url="https://bot.example.org"
        )


@pytest.mark.parametrize("part", [Part.WEB, None])
def test_who_serves_the_port_says_that_it_is_taken(taken: Settings, part: Part | None) -> None:
    """One line names the setting, before anything is opened."""
    with pytest.raises(Problem, match=f"PLECHO_WEB_BIND: {taken.web_bind} cannot be used"):
        make_setup(taken, TOKEN, part)


@pytest.mark.parametrize("part", [part for part in Part if part is not Part.WEB])
def test_the_other_parts_run_beside_it(taken: Settings, part: Part) -> None:
    """With a webhook too they need no port: all parts stand on one machine with the same settings."""
    assert make_setup(taken, TOKEN, part).only is part


async def test_a_webhook_needs_the_receiver_and_the_web(post: Post, resources: Resources, anna: Person) -> None:
    """The one has Telegram told where to deliver, the other takes it and stores it for the worker."""
    bind = f"127.0.0.1:{free_port()}"

    def alone(part: Part) -> App:
        server = post.server
        setup = Setup(server.token, server.url, bind, f"http://{bind}", rates=Rates.loose(), only=part)
        return App(resources, setup)

    async with alone(Part.WEB) as web, alone(Part.RECEIVER) as receiver:
        assert (web.web_port, receiver.web_port) == (int(bind.rpartition(":")[2]), None)
        await anna.send("слово")
        async with asyncio.timeout(PATIENCE):
            while not await _stored(resources):
                await web.progress.wait()


async def _stored(resources: Resources) -> bool:
    async with resources.unit() as unit:
        return (await unit.session.exec(select(InboxEvent))).first() is not None
