"""`python -m tests.soak.process`: the fund as `plecho run` starts it, on a stand-in for Telegram.

Settings come from the environment, as always, and `--only` runs one part, as there. Two things differ from
`plecho run`: the clock may be moved by whoever started it, through a small file, because the stand-in's clock
jumps; and Telegram's rates are not kept, because the stand-in is told to have none.
"""

import argparse
import asyncio
import dataclasses
import gc
import logging
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from models.clock import Clock, SystemClock
from tests.soak.clock import FileClock


async def run(clock: Clock, clock_every: timedelta | None, part: str | None) -> None:
    """Run all parts, or one of them, until a signal ends it."""
    gc.disable()  # as in `bot.cli`
    from bot.app import App, Part  # noqa: PLC0415
    from bot.keys import open_keyring  # noqa: PLC0415
    from bot.rates import Rates  # noqa: PLC0415
    from bot.resources import open_resources  # noqa: PLC0415
    from bot.serve import make_setup, run_app  # noqa: PLC0415
    from bot.settings import read_settings  # noqa: PLC0415
    from vault.logs import configure_logs  # noqa: PLC0415

    gc.enable()
    configure_logs(sys.stderr)
    logging.root.setLevel(logging.WARNING)
    settings = read_settings()
    token = settings.bot_token.get_secret_value() if settings.bot_token else ""
    only = Part(part) if part else None
    setup = dataclasses.replace(make_setup(settings, token, only), rates=Rates.loose(), clock_every=clock_every)
    keyring = open_keyring(settings)
    async with open_resources(settings, keyring, clock, migrate=only is None) as resources:
        await run_app(App(resources, setup))


def main(words: Sequence[str] | None = None) -> None:
    """Read the command line, or these words, and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.process", description=__doc__)
    parser.add_argument("--clock", type=Path, help="file with the seconds that the clock is ahead")
    parser.add_argument("--tick", type=float, help="most seconds between two runs of a job")
    parser.add_argument("--only", help="the one part to run")
    given = parser.parse_args(words)
    clock = FileClock(given.clock) if given.clock else SystemClock()
    asyncio.run(run(clock, timedelta(seconds=given.tick) if given.tick else None, given.only))


if __name__ == "__main__":
    main()
