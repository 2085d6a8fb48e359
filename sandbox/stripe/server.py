"""The stand-in as a server on loopback: the API, the Checkout page and the client API on one port."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, Self

from aiohttp import web

from sandbox.clock import TravelClock
from sandbox.stripe.api import MOST_BYTES, Api
from sandbox.stripe.bank import BankApi
from sandbox.stripe.checkout import Checkout
from sandbox.stripe.core import Stripe
from sandbox.stripe.methods import include_all
from sandbox.stripe.terms import Terms
from sandbox.stripe.webhook import Webhooks
from sandbox.stripe.wire import NotAllowed, StripeError, dumps

HOST: Final = "127.0.0.1"
SHUTDOWN_SECONDS: Final = 0.2
TICK_SECONDS: Final = 1.0


class StripeServer:
    """A running stand-in: `async with StripeServer() as server: server.url, server.key`."""

    def __init__(
        self, *, clock: TravelClock | None = None, terms: Terms | None = None, port: int = 0, ticking: bool = False
    ) -> None:
        """Prepare a stand-in; port 0 takes any free one.

        What is due is done at every call; `ticking` does it every second too, so that webhooks leave by
        themselves.
        """
        self.clock = clock or TravelClock()
        self.stripe = Stripe(self.clock, terms or Terms())
        self.webhooks = Webhooks(self.stripe)
        include_all(self.stripe)
        self._port = port
        self._ticking = ticking
        self._ticker: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Base address without a slash at the end."""
        return f"http://{HOST}:{self._port}"

    @property
    def key(self) -> str:
        """The account's secret key."""
        return self.stripe.keys.secret

    async def __aenter__(self) -> Self:
        """Start listening on loopback."""
        app = web.Application(client_max_size=MOST_BYTES, middlewares=[_refusals])
        app.add_routes(Api(self.stripe).routes())
        app.add_routes(Checkout(self.stripe).routes())
        app.add_routes(BankApi(self.stripe, self.webhooks).routes())
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, handler_cancellation=True
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self._port, backlog=1024).start()
        self._port = self._runner.addresses[0][1]
        self.stripe.url = self.url
        if self._ticking:
            self._ticker = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop listening and delivering."""
        if self._ticker is not None:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker
        await self.webhooks.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.stripe.settle()


@web.middleware
async def _refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except NotAllowed as error:
        return _problem(409, str(error))
    except StripeError as error:
        return _problem(error.status, error.message)
    except (KeyError, ValueError, TypeError) as error:
        if request.path.startswith("/v1/"):
            raise
        return _problem(400, f"malformed request: {error!r}")


def _problem(status: int, text: str) -> web.Response:
    return web.Response(body=dumps({"error": text}).encode(), status=status, content_type="application/json")
