"""The webhooks against bytes that no HTTP library would send, over a bare connection."""

import asyncio
import gzip
import hashlib
import hmac
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import pytest
from aiohttp import ClientSession, web

from web.app import build_app, make_runner
from web.stripe_hook import SIGNATURE_HEADER, StripeHook
from web.webhook import SECRET_HEADER, Webhook

CANARY: Final = b"canary-7713"
SECRET: Final = "s3cret"
NOW: Final = 1_800_000_000
BODY: Final = b'{"id": "evt_1", "text": "canary-7713"}'
NAMES: Final = {"/telegram": SECRET_HEADER.encode(), "/stripe": SIGNATURE_HEADER.encode()}
SIGNATURE: Final = hmac.new(SECRET.encode(), f"{NOW}.".encode() + BODY, hashlib.sha256).hexdigest()
RIGHT: Final = {"/telegram": SECRET.encode(), "/stripe": f"t={NOW},v1={SIGNATURE}".encode()}


@dataclass
class Port:
    """The server's port, what its webhooks handed on, and what they counted as refused."""

    number: int = 0
    stored: list[object] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    async def keep(self, event: object) -> None:
        """Store one."""
        self.stored.append(event)

    async def status(self, path: str, head: bytes) -> int:
        """Send the event with these lines in its head, and return the status of the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.number)
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(BODY)}\r\n".encode()
            + head
            + b"\r\n"
            + BODY
        )
        line = await reader.readline()
        writer.close()
        return int(line.split()[1])


@pytest.fixture
async def port() -> AsyncIterator[Port]:
    """Both webhooks."""
    made = Port()
    hook = StripeHook("/stripe", SECRET, made.keep, made.refused.append, lambda: float(NOW))

    async def health() -> dict[str, bool]:
        return {}

    telegram = Webhook("/telegram", SECRET, made.keep, made.refused.append)
    app = build_app(health, lambda: b"", telegram, [web.post(hook.path, hook.receive)])
    runner = make_runner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.number = runner.addresses[0][1]
    yield made
    await runner.cleanup()


def heads(path: str) -> dict[str, tuple[bytes, int]]:
    """Lines of a head that must not pass, by what is wrong with them, and the status that they earn."""
    name, right = NAMES[path], RIGHT[path]
    line = name + b": " + right + b"\r\n"
    return {
        "missing": (b"", 401),
        "empty": (name + b":\r\n", 401),
        "wrong": (name + b": " + CANARY + b"\r\n", 401),
        "not ASCII": (name + b": " + CANARY + b"\xff\xfe\xc3\xa9\r\n", 401),
        "right, and bytes that are not ASCII": (name + b": " + right + b"\xa0\r\n", 401),
        "twice, the right one last": (name + b": " + CANARY + b"\r\n" + line, 401),
        "twice, the right one first": (line + name + b": " + CANARY + b"\r\n", 401),
        "twice the same": (line + line, 401),
        "cut by a zero byte": (name + b": " + right + b"\x00" + CANARY + b"\r\n", 400),
        "a zero byte in its name": (name + b"\x00: " + right + b"\r\n", 400),
        "a bare line feed": (name + b": " + CANARY + b"\rx\r\n", 400),
        "longer than is signed": (name + b": " + right + b"," + CANARY * 500 + b"\r\n", 401),
        "longer than is read": (name + b": " + CANARY * 2000 + b"\r\n", 400),
        "more than are read": ((name + b": " + CANARY * 300 + b"\r\n") * 300, 400),
    }


@pytest.mark.parametrize("path", list(NAMES))
@pytest.mark.parametrize("wrong", list(heads("/stripe")))
async def test_header_that_proves_nothing_is_refused(port: Port, logs: io.StringIO, path: str, wrong: str) -> None:
    """Whatever the bytes: a clear refusal, nothing is stored, and no line of the log repeats them."""
    head, status = heads(path)[wrong]
    assert await port.status(path, head) == status
    assert port.stored == []
    assert port.refused == ([401] if status == 401 else [])
    assert CANARY.decode() not in logs.getvalue()
    assert RIGHT[path].decode() not in logs.getvalue()


@pytest.mark.parametrize("path", list(NAMES))
@pytest.mark.parametrize("form", [b"%s: %s", b"%s:%s", b"%s: \t %s \t "])
async def test_header_as_http_allows_it_passes(port: Port, path: str, form: bytes) -> None:
    """Spaces around the value, and letters of the name in any case, mean nothing."""
    for name in (NAMES[path], NAMES[path].lower(), NAMES[path].upper()):
        assert await port.status(path, form % (name, RIGHT[path]) + b"\r\n") == 200
    assert len(port.stored) == 3


async def test_packed_body_stays_packed(port: Port) -> None:
    """A body that says it is packed is measured and read as it came: nothing is unpacked in front of the limit."""
    packed = gzip.compress(BODY)
    async with (
        ClientSession() as session,
        session.post(
            f"http://127.0.0.1:{port.number}/telegram",
            data=packed,
            headers={SECRET_HEADER: SECRET, "Content-Encoding": "gzip"},
        ) as answer,
    ):
        assert answer.status == 400
    assert port.stored == []
