"""The process's own port: what it refuses, and that it says yes only after the store."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from web.app import LARGEST_BODY, build_app
from web.webhook import SECRET_HEADER, Webhook

SECRET = "s3cret"


@dataclass
class Store:
    """What was handed on; `gate` lets the store return, `full` makes it fail."""

    updates: list[object] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    healthy: bool = True
    full: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def keep(self, update: object) -> None:
        """Store an update."""
        if self.full:
            raise OSError
        await self.gate.wait()
        self.updates.append(update)

    async def health(self) -> Mapping[str, bool]:
        """Say how it is."""
        return {"database": self.healthy}


Client = TestClient[web.Request, web.Application]


@pytest.fixture
def store() -> Store:
    """A store that returns at once."""
    made = Store()
    made.gate.set()
    return made


@pytest.fixture
async def client(store: Store) -> AsyncIterator[Client]:
    """A client of the app."""
    hook = Webhook("/telegram", SECRET, store.keep, store.refused.append)
    async with TestClient(TestServer(build_app(store.health, lambda: b"plecho_x 1\n", hook))) as made:
        yield made


async def test_an_update_with_the_secret_is_stored(client: Client, store: Store) -> None:
    """Telegram's call is answered 200 and handed on as it came."""
    answer = await client.post("/telegram", json={"update_id": 1}, headers={SECRET_HEADER: SECRET})
    assert (answer.status, store.updates) == (200, [{"update_id": 1}])


@pytest.mark.parametrize("headers", [{}, {SECRET_HEADER: ""}, {SECRET_HEADER: "wrong"}, {SECRET_HEADER: "\xe9"}])
async def test_without_the_secret_nothing_is_stored(client: Client, store: Store, headers: dict[str, str]) -> None:
    """Whoever does not know the secret is refused before the body is read."""
    answer = await client.post("/telegram", json={"update_id": 1}, headers=headers)
    assert (answer.status, store.updates, store.refused) == (401, [], [401])


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"x" * (LARGEST_BODY + 1), 413), (b"not json", 400), (b"", 400), (b"\xff", 400), (b"[" * 100_000, 400)],
)
async def test_a_body_that_cannot_be_an_update_is_refused(
    client: Client, store: Store, body: bytes, status: int
) -> None:
    """Too large or not JSON is refused with its own status."""
    answer = await client.post("/telegram", data=body, headers={SECRET_HEADER: SECRET})
    assert (answer.status, store.updates, store.refused) == (status, [], [status])


async def test_a_body_of_just_the_limit_is_taken(client: Client, store: Store) -> None:
    """1 MiB is allowed."""
    filler = "x" * (LARGEST_BODY - len(json.dumps({"a": ""})))
    answer = await client.post("/telegram", data=json.dumps({"a": filler}), headers={SECRET_HEADER: SECRET})
    assert answer.status == 200
    assert len(store.updates) == 1


async def test_yes_is_said_only_after_the_store(client: Client, store: Store) -> None:
    """While the store is not done there is no answer; a store that fails is a 500, so that Telegram repeats."""
    store.gate.clear()
    call = asyncio.create_task(client.post("/telegram", json={"update_id": 1}, headers={SECRET_HEADER: SECRET}))
    assert (await client.get("/health")).status == 200
    assert not call.done()
    store.gate.set()
    assert (await call).status == 200
    store.full = True
    answer = await client.post("/telegram", json={"update_id": 2}, headers={SECRET_HEADER: SECRET})
    assert answer.status == 500


@pytest.mark.parametrize(("healthy", "status"), [(True, 200), (False, 503)])
async def test_health_is_what_it_is(client: Client, store: Store, healthy: bool, status: int) -> None:  # noqa: FBT001 - a parameter of the test
    """Any part that does not run makes the whole unhealthy."""
    store.healthy = healthy
    answer = await client.get("/health")
    assert (answer.status, await answer.json()) == (status, {"database": healthy})


async def test_metrics_are_prometheus_text(client: Client) -> None:
    """Counters are served as text."""
    answer = await client.get("/metrics")
    assert answer.content_type == "text/plain"
    assert await answer.text() == "plecho_x 1\n"


async def test_without_a_webhook_there_is_no_such_path(store: Store) -> None:
    """Long polling needs no inbound path."""
    async with TestClient(TestServer(build_app(store.health, lambda: b""))) as client:
        assert (await client.post("/telegram", json={})).status == 404
