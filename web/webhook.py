"""The webhook: checks that Telegram is calling, hands the update on, and answers 200 only once it is stored.

Any other answer makes Telegram send the update again (Bot API, setWebhook). A body over 1 MiB is refused with
413, a wrong secret with 401, also beside a right one, what is not JSON with 400. A header that is no header, or
longer than 8 KiB, aiohttp refuses with 400.
"""

import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a name, not a secret
"""Where Telegram repeats the secret that setWebhook was given."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """`store` returns once the update is committed; `refused` counts, by status."""

    path: str
    secret: str = field(repr=False)
    store: Callable[[object], Awaitable[None]]
    refused: Callable[[int], None]

    async def receive(self, request: web.Request) -> web.Response:
        """Store one update."""
        given = only_header(request, SECRET_HEADER)
        if not hmac.compare_digest(given.encode(errors="surrogateescape"), self.secret.encode()):
            return self._refuse(401)
        try:
            update: object = json.loads(await request.read())
        except web.HTTPRequestEntityTooLarge:
            return self._refuse(413)
        except (ValueError, RecursionError):
            return self._refuse(400)
        await self.store(update)
        return web.Response()

    def _refuse(self, status: int) -> web.Response:
        self.refused(status)
        return web.Response(status=status)


def only_header(request: web.Request, name: str) -> str:
    """The value of a header that a request has once; empty when it has none, or several to choose from."""
    values = request.headers.getall(name, [])
    return values[0] if len(values) == 1 else ""
