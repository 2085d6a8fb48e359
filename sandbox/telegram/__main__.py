"""`python -m sandbox.telegram --port N`: the stand-in as its own process, until it is interrupted."""

import argparse
import asyncio
import contextlib
import gc
import signal
import sys
from pathlib import Path

from sandbox.telegram.limits import Limits
from sandbox.telegram.server import TelegramServer


async def serve(port: int, token: str | None, state: Path | None, *, throttled: bool) -> None:
    """Run until SIGINT or SIGTERM."""
    gc.freeze()  # a full collection through what the libraries have brought would stop everything for 0.15 s
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    limits = Limits() if throttled else Limits.unthrottled()
    async with TelegramServer(port=port, token=token, limits=limits, state=state) as server:
        sys.stdout.write(f"{server.url} {server.token}\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.telegram", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes any free one")
    parser.add_argument("--token", help="the bot's token; without it one is made up and printed")
    parser.add_argument("--state", type=Path, help="file to go on from and to save to at the end")
    parser.add_argument("--unthrottled", action="store_true", help="no rate limits, for benchmarks")
    given = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(given.port, given.token, given.state, throttled=not given.unthrottled))


if __name__ == "__main__":
    main()
