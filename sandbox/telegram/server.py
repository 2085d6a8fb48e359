"""The stand-in as a server on loopback: the Bot API, the client API and the chat page on one port."""

import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Self

from aiohttp import web

from sandbox.clock import TravelClock
from sandbox.telegram.botapi import BotApi
from sandbox.telegram.core import Telegram
from sandbox.telegram.limits import Limits
from sandbox.telegram.people import People, Unknown
from sandbox.telegram.places import Places
from sandbox.telegram.saved import load, restore, save
from sandbox.telegram.state import User
from sandbox.telegram.wire import ApiError, NotAllowed, dumps

HOST: Final = "127.0.0.1"
BOT_ID: Final = 7_000_000_001
BOT_NAME: Final = "Plecho"
BOT_USERNAME: Final = "plecho_demo_bot"
PAGE: Final = Path(__file__).parent / "page"
SHUTDOWN_SECONDS: Final = 0.2


def new_token() -> str:
    """Return a token in Telegram's form for the stand-in's bot."""
    return f"{BOT_ID}:{secrets.token_urlsafe(26)}"


class TelegramServer:
    """A running stand-in: `async with TelegramServer() as server: server.url`."""

    def __init__(
        self,
        *,
        clock: TravelClock | None = None,
        limits: Limits | None = None,
        token: str | None = None,
        port: int = 0,
        privacy: bool = True,
        state: Path | None = None,
        page: Path = PAGE,
    ) -> None:
        """Prepare a stand-in; port 0 takes any free one. The bot's id is the number before the token's colon.

        With `state` the town is taken from that file if it exists, and written there at the end. The files in
        `page` are served at `/` if there is an index.html among them.
        """
        saved = load(state) if state else None
        self._state = state
        self._page = page
        self.clock = clock or TravelClock()
        self.token = token or (saved.token if saved else new_token())
        bot_id = int(self.token.partition(":")[0])
        bot = User(bot_id, BOT_NAME, BOT_USERNAME, is_bot=True)
        self.telegram = Telegram(bot, self.clock, limits or Limits(), privacy=privacy)
        if saved:
            restore(self.telegram, saved)
            self.telegram.world.bot = bot
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Base address without a slash at the end."""
        return f"http://{HOST}:{self._port}"

    async def __aenter__(self) -> Self:
        """Start listening on loopback."""
        app = web.Application(client_max_size=64 * 1024 * 1024, middlewares=[_refusals])
        app.add_routes(BotApi(self.telegram, self.token).routes())
        app.add_routes(People(self.telegram).routes())
        app.add_routes(Places(self.telegram).routes())
        if (self._page / "index.html").is_file():
            app.router.add_get("/", self._index)
            app.router.add_static("/", self._page)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, handler_cancellation=True
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self._port, backlog=1024)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop listening and delivering."""
        await self.telegram.webhook.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._state is not None:
            save(self.telegram, self.token, self._state)

    async def _index(self, _request: web.Request) -> web.FileResponse:
        return web.FileResponse(self._page / "index.html")


@web.middleware
async def _refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except NotAllowed as error:
        return _problem(409, str(error))
    except ApiError as error:
        return _problem(error.code, error.description)
    except Unknown as error:
        return _problem(404, str(error))
    except (KeyError, ValueError, TypeError) as error:
        return _problem(400, f"malformed request: {error}")


def _problem(status: int, text: str) -> web.Response:
    return web.Response(body=dumps({"error": text}).encode(), status=status, content_type="application/json")
