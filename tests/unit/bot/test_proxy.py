"""With a proxy set, everything to Telegram goes through it: what hears and what speaks."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from bot.listening import listening_bot
from bot.rates import Rates
from bot.telegram_calls import TelegramCalls
from sandbox.telegram.client import Town
from sandbox.telegram.limits import Limits
from sandbox.telegram.server import TelegramServer


class Proxy:
    """A forward proxy for plain HTTP that notes what passes."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.address = ""

    async def forward(self, request: web.Request) -> web.Response:
        """Send a request on to where its absolute address says."""
        self.passed.append(request.path.rpartition("/")[2])
        headers = {"Content-Type": request.headers.get("Content-Type", "application/octet-stream")}
        body = await request.read()
        async with (
            ClientSession() as session,
            session.request(request.method, request.url, data=body, headers=headers) as answer,
        ):
            return web.Response(body=await answer.read(), status=answer.status, content_type=answer.content_type)


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """A running proxy."""
    made = Proxy()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", made.forward)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


async def test_everything_goes_through_the_proxy(proxy: Proxy) -> None:
    """Neither the listening bot nor the speaking one goes past it."""
    async with TelegramServer(limits=Limits.unthrottled()) as server, Town(server.url) as town:
        anna = await town.person("Anna")
        await anna.send("/start")
        bot = listening_bot(server.token, server.url, proxy.address)
        [update] = await bot.get_updates()
        await bot.session.close()
        assert update.message is not None
        async with TelegramCalls(server.token, server.url, Rates.loose(), proxy.address) as calls:
            await calls.send(anna.id, "да", protect=False)
        assert [view.text for view in await anna.messages()] == ["/start", "да"]
    assert proxy.passed == ["getUpdates", "sendMessage"]
