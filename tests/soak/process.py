"""`python -m tests.soak.process`: the fund as `plecho run` starts it, on a stand-in for Telegram.

Settings come from the environment, as always. Two things differ from `plecho run`: the clock may be moved by
whoever started it, through a small file, because the stand-in's clock jumps; and Telegram's rates are not kept,
because the stand-in is told to have none.
"""

import argparse
import asyncio
import dataclasses
import logging
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.app import App
from bot.keys import open_keyring
from bot.rates import Rates
from bot.resources import open_resources
from bot.serve import make_setup, run_app
from bot.settings import read_settings
from models.clock import Clock, SystemClock
from vault.logs import configure_logs


class FileClock:
    """Real time moved forward by as many seconds as a file says."""

    def __init__(self, file: Path) -> None:
        """`file` holds a number; whoever writes it replaces it in one step."""
        self._file = file

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.fromtimestamp(time.time() + float(self._file.read_text()), UTC)


def write_offset(file: Path, offset: timedelta) -> None:
    """Move the clock of every process that reads `file`, in one step."""
    fresh = file.with_suffix(".new")
    fresh.write_text(str(offset.total_seconds()))
    fresh.replace(file)


async def run(clock: Clock, clock_every: timedelta | None) -> None:
    """Run until a signal ends it."""
    settings = read_settings()
    token = settings.bot_token.get_secret_value() if settings.bot_token else ""
    setup = dataclasses.replace(make_setup(settings, token, None), rates=Rates.loose(), clock_every=clock_every)
    async with open_resources(settings, open_keyring(settings), clock, migrate=True) as resources:
        await run_app(App(resources, setup))


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.process", description=__doc__)
    parser.add_argument("--clock", type=Path, help="file with the seconds that the clock is ahead")
    parser.add_argument("--tick", type=float, help="most seconds between two runs of a job")
    given = parser.parse_args()
    configure_logs(sys.stderr)
    logging.root.setLevel(logging.WARNING)
    clock = FileClock(given.clock) if given.clock else SystemClock()
    asyncio.run(run(clock, timedelta(seconds=given.tick) if given.tick else None))


if __name__ == "__main__":
    main()
