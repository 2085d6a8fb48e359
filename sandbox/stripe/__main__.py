"""`python -m sandbox.stripe --port N`: the stand-in as its own process, until it is interrupted."""

import argparse
import asyncio
import contextlib
import signal
import sys

from sandbox.stripe.server import StripeServer


async def serve(port: int) -> None:
    """Run until SIGINT or SIGTERM; tells its address and secret key on one line."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with StripeServer(port=port, ticking=True) as server:
        sys.stdout.write(f"{server.url} {server.key}\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.stripe", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes any free one")
    given = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(given.port))


if __name__ == "__main__":
    main()
