"""Stripe's webhook: checks that Stripe is calling, hands the event on, and answers 200 only once it is stored.

The signature is over the body as it came. A timestamp more than 300 seconds away is refused on both sides: a
stolen signature of the future must not be kept for later (Stripe's own library lets that pass). All signatures of
the header are compared, each in constant time. Any other answer than 200 makes Stripe send the event again.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from web.webhook import only_header

SIGNATURE_HEADER: Final = "Stripe-Signature"
"""`t=<Unix seconds>,v1=<hex>[,v1=<hex>]` (Stripe's docs, verify webhook signatures manually)."""

TOLERANCE_SECONDS: Final = 300

HEADER_LENGTH: Final = 4096
"""Characters; Stripe sends one signature per secret, at most two."""

TIMESTAMP: Final = re.compile(r"\d{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class StripeHook:
    """`store` returns once the event is committed; `refused` counts, by status; `seconds` is Unix time."""

    path: str
    secret: str = field(repr=False)
    store: Callable[[object], Awaitable[None]]
    refused: Callable[[int], None]
    seconds: Callable[[], float]

    async def receive(self, request: web.Request) -> web.Response:
        """Store one event. 401: not signed by Stripe just now; 413: over 1 MiB; 400: no JSON object."""
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._refuse(413)
        if not is_signed(body, only_header(request, SIGNATURE_HEADER), self.secret, self.seconds()):
            return self._refuse(401)
        try:
            event: object = json.loads(body)
        except (ValueError, RecursionError):
            return self._refuse(400)
        if not isinstance(event, dict):
            return self._refuse(400)
        await self.store(event)
        return web.Response()

    def _refuse(self, status: int) -> web.Response:
        self.refused(status)
        return web.Response(status=status)


def is_signed(body: bytes, header: str, secret: str, now: float) -> bool:
    """Whether one of the header's signatures is Stripe's over this body, made within the tolerance of now."""
    if len(header) > HEADER_LENGTH:
        return False
    pairs = [part.strip().partition("=")[::2] for part in header.split(",")]
    times = [value for name, value in pairs if name == "t"]
    if len(times) != 1 or not TIMESTAMP.fullmatch(times[0]):
        return False
    if abs(now - int(times[0])) > TOLERANCE_SECONDS:
        return False
    expected = hmac.new(secret.encode(), times[0].encode() + b"." + body, hashlib.sha256).hexdigest()
    given = (value.encode(errors="surrogateescape") for name, value in pairs if name == "v1")
    return any(hmac.compare_digest(value, expected.encode()) for value in given)
