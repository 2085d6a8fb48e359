"""The bot that hears: aiogram's, by any Bot API server, through an HTTP proxy where one is set."""

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiohttp import ClientSession


class ProxiedSession(AiohttpSession):
    """aiogram's session through an HTTP proxy, by aiohttp's own means: aiogram's ask for another library."""

    def __init__(self, api: TelegramAPIServer, proxy: str | None) -> None:
        super().__init__(api=api)
        self._address = proxy

    async def create_session(self) -> ClientSession:
        """A session that asks the proxy for everything."""
        if self._session is None or self._session.closed:
            connector = self._connector_type(**self._connector_init)
            self._session = ClientSession(connector=connector, proxy=self._address)
            self._should_reset_connector = False
        return self._session

    async def close(self) -> None:
        """Close at once; aiogram waits a while for the connections to end by themselves."""
        if self._session is not None:
            await self._session.close()


def listening_bot(token: str, api_url: str, proxy: str | None = None) -> Bot:
    """A bot for getUpdates, files and questions; whoever makes it closes its session."""
    return Bot(token, session=ProxiedSession(TelegramAPIServer.from_base(api_url), proxy))
