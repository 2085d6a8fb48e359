"""`plecho demo`: the whole fund on this machine, on stand-ins for Telegram and Stripe; no setting needed.

Bot and stand-ins share one clock, which the chat page can jump forward; due rows are looked for every second.
Nothing is kept: database, keys and files lie in a directory that goes with the process, or, if that is killed,
when the next demo starts. Every role is filled through the same links and buttons that people use.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.alone import passing
from bot.app import App, Setup
from bot.database import Resources
from bot.demo_people import Cast, Casting
from bot.problems import Problem
from bot.rates import Rates
from bot.resources import make_directories, open_resources
from bot.serve import ended, stop_signal
from bot.settings import Settings
from bot.settling import Settling
from bot.stripe_setup import StripeSetup
from sandbox.clock import TravelClock
from sandbox.player import Stage, play
from sandbox.story import STORY, name_players
from sandbox.stripe.server import StripeServer
from sandbox.telegram.client import Town
from sandbox.telegram.limits import Limits
from sandbox.telegram.server import BOT_USERNAME, TelegramServer
from vault.keyring import Keyring
from vault.logs import report_loop_error

TICK = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Demo:
    """A fund at work on a stand-in, all roles filled; `url` is the chat page's address."""

    url: str
    app: App
    town: Town
    cast: Cast
    language: str

    def stage(self, pause: float) -> Stage:
        """The stage of the story, with everybody on it; `pause` is the seconds for reading a caption."""
        cast, texts = self.cast, self.app.resources.texts
        players = name_players(cast.applicant, cast.newcomer, cast.reviewers, cast.treasurers, cast.coordinators)
        return Stage(
            self.town, players, cast.group, lambda key: texts.render(key, self.language), self.language, pause
        )


async def demonstrate(
    settings: Settings, port: int, language: str, say: Callable[[str], None], pause: float | None = None
) -> None:
    """Run until a signal ends it; `say` prints the address of the chat page. Raises `Problem` for a taken port.

    The people of the page speak `language`. With `pause`, the seconds for reading a caption, the story plays.
    """
    stopped = stop_signal()
    async with open_demo(settings, port, language, say) as demo:
        say("All roles are filled. Ctrl+C ends the demo.")
        async with _playing(demo, pause):
            await ended(demo.app, stopped)


@asynccontextmanager
async def open_demo(
    settings: Settings, port: int, language: str, say: Callable[[str], None]
) -> AsyncIterator[Demo]:
    """Start everything and fill the roles; nothing is kept afterwards."""
    make_directories(settings)
    with passing(settings.data_dir, "demo") as folder:
        async with (
            _stand_in(port) as server,
            StripeServer(clock=server.clock, ticking=True) as stripe,
            _resources(settings, folder, server.clock) as resources,
        ):
            bind = _free_address()
            paid_by = StripeSetup(stripe.key, stripe.url, give_url=f"http://{bind}")
            setup = Setup(server.token, server.url, bind, rates=Rates.loose(), clock_every=TICK, stripe=paid_by)
            async with App(resources, setup) as app, Town(server.url) as town:
                say(f"Plecho's chat page: {server.url}")
                say(f"Its page for givers: {paid_by.give_url}/give")
                cast = await Casting(town, resources, BOT_USERNAME, language).fill()
                server.telegram.settle = Settling(app).settle
                yield Demo(server.url, app, town, cast, language)


@asynccontextmanager
async def _playing(demo: Demo, pause: float | None) -> AsyncIterator[None]:
    if pause is None:
        yield
        return
    story = asyncio.create_task(play(demo.stage(pause), STORY))
    story.add_done_callback(_report)
    try:
        yield
    finally:
        story.cancel()


def _report(story: asyncio.Task[None]) -> None:
    if not story.cancelled() and (error := story.exception()) is not None:
        report_loop_error(asyncio.get_running_loop(), {"message": "the story stopped", "exception": error})


def _free_address() -> str:
    """An address that nobody uses: the page for givers has to know its own before it is served."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{tried.getsockname()[1]}"


@asynccontextmanager
async def _stand_in(port: int) -> AsyncIterator[TelegramServer]:
    server = TelegramServer(clock=TravelClock(), limits=Limits.unthrottled(), port=port)
    try:
        await server.__aenter__()
    except OSError as error:
        raise Problem(f"--port {port} cannot be used ({error.strerror})") from None
    try:
        yield server
    finally:
        await server.__aexit__()


@asynccontextmanager
async def _resources(settings: Settings, folder: Path, clock: TravelClock) -> AsyncIterator[Resources]:
    apart = settings.model_copy(update={"data_dir": folder, "database_url": None, "keys_url": None})
    async with open_resources(apart, Keyring.new(), clock, migrate=True) as resources:
        yield resources
