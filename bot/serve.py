"""`plecho run`: opens what the settings name, starts the parts, and ends them in order on SIGTERM or SIGINT."""

import asyncio
import gc
import signal
import socket

from bot.alone import held
from bot.app import App, Part, Setup
from bot.doctor import username
from bot.problems import Problem
from bot.resources import open_resources
from bot.settings import Settings
from vault.keyring import Keyring
from vault.logs import report_loop_error


async def serve(settings: Settings, token: str, keyring: Keyring, part: str | None) -> None:
    """Run all parts, or one of them, until the process is told to end. Raises `Problem` when it cannot start.

    A process with all parts brings the schema up to date by itself; parts that run apart must not race for that.
    """
    only = Part(part) if part else None
    setup = make_setup(settings, token, only)
    await username(settings)
    with held(settings):
        async with open_resources(settings, keyring, migrate=only is None) as resources:
            if only is not None and resources.is_sqlite:
                raise Problem("--only needs PostgreSQL (PLECHO_DATABASE_URL): SQLite serves one process")
            await run_app(App(resources, setup))


def make_setup(settings: Settings, token: str, only: Part | None) -> Setup:
    """What the parts need of the settings. Raises `Problem` when the port is taken."""
    setup = Setup(
        token=token,
        api_url=settings.telegram_api_url,
        web_bind=settings.web_bind,
        webhook_url=settings.webhook_url,
        proxy=settings.proxy.get_secret_value() if settings.proxy else None,
        only=only,
        stripe=settings.stripe,
    )
    if setup.runs(Part.WEB):
        _refuse_taken_port(settings)
    return setup


async def run_app(app: App) -> None:
    """Run until a signal ends it; raises what ended a part."""
    # The libraries' 300,000 objects stay for good: each full collection through them stops everything for 0.3 s.
    gc.freeze()
    stopped = stop_signal()
    async with app:
        await ended(app, stopped)


def stop_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set; errors that nobody awaits are logged by type from now on."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(report_loop_error)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped


async def ended(app: App, stopped: asyncio.Event) -> None:
    """Return when the process is to stop; raises what ended a part."""
    parts, stop = asyncio.create_task(app.wait()), asyncio.create_task(stopped.wait())
    done, pending = await asyncio.wait((parts, stop), return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    if parts in done:
        parts.result()


def _refuse_taken_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.web_host else socket.AF_INET
    try:
        with socket.create_server((settings.web_host, settings.web_port), family=family):
            pass
    except OSError as error:
        raise Problem(f"PLECHO_WEB_BIND: {settings.web_bind} cannot be used ({error.strerror})") from None
