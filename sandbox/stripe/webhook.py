"""Delivery of events to webhook endpoints (docs.stripe.com/webhooks).

Each event goes to each enabled endpoint that wants its type, signed with `t=...,v1=...` over the exact bytes. Any
answer but 2xx is repeated with growing pauses of the stand-in's clock, three days in all. Deliveries have no order
that a receiver may rely on; on demand they are held back, shuffled, repeated or forged.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Coroutine
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import aiohttp

from sandbox.stripe.core import Stripe
from sandbox.stripe.wire import JsonDict

LEAST_SIDE_BY_SIDE: Final = 16


def signature(payload: bytes, secret: str, moment: int) -> str:
    """Return the `Stripe-Signature` header for these bytes at this Unix second."""
    signed = b"%d.%b" % (moment, payload)
    return f"t={moment},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


@dataclass(slots=True)
class Delivery:
    """One event on its way to one endpoint; `answers` are the HTTP statuses so far, 0 for no answer."""

    event: JsonDict
    endpoint: str
    attempts: int = 0
    answers: list[int] = field(default_factory=list)
    done: bool = False

    def body(self) -> JsonDict:
        """Return it as JSON."""
        return {
            "event": self.event["id"],
            "type": self.event["type"],
            "endpoint": self.endpoint,
            "answers": self.answers,
            "done": self.done,
        }


class Webhooks:
    """Delivers what happens; `deliveries` is the log, `held` keeps new deliveries waiting until `release`."""

    def __init__(self, stripe: Stripe) -> None:
        """Hear of every event of `stripe`."""
        self._stripe = stripe
        self._session: aiohttp.ClientSession | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(LEAST_SIDE_BY_SIDE)
        self.deliveries: list[Delivery] = []
        self.held: list[Delivery] | None = None
        self.copies = 1
        stripe.told.append(self._hear)

    def hold(self) -> None:
        """Deliver nothing new until `release`."""
        self.held = self.held or []

    def release(self, order: str = "kept") -> None:
        """Deliver what was held: in the order `kept`, `reversed` or `shuffled`."""
        held, self.held = self.held or [], None
        if order == "reversed":
            held.reverse()
        elif order == "shuffled":
            secrets.SystemRandom().shuffle(held)
        # One after the other: an order is worth nothing if they race.
        self._start(self._in_order(held))

    async def again(
        self, event: JsonDict, *, secret: str | None = None, skew: int = 0, payload: bytes | None = None
    ) -> list[int]:
        """Deliver an event once more, now, and return the statuses that the endpoints answered.

        `secret` and `skew` (seconds) make a signature that is forged or of another time; `payload` replaces the
        bytes that are sent, not those that were signed.
        """
        statuses = []
        for endpoint in self._wanting(event):
            key = secret or self._stripe.memory.secrets[endpoint["id"]]
            statuses.append(await self._post(endpoint["url"], event, key, skew, payload))
        return statuses

    async def settled(self) -> None:
        """Wait until nothing is on its way; what waits for its next attempt by the clock is not."""
        while self._running:
            await asyncio.wait(tuple(self._running))

    async def close(self) -> None:
        """Stop at once."""
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _wanting(self, event: JsonDict) -> list[JsonDict]:
        return [
            endpoint
            for endpoint in self._stripe.table("webhook_endpoint")
            if endpoint["status"] == "enabled" and {"*", event["type"]} & set(endpoint["enabled_events"])
        ]

    def _hear(self, event: JsonDict) -> None:
        for endpoint in self._wanting(event):
            event["pending_webhooks"] += 1
            for _ in range(self.copies):
                delivery = Delivery(event, endpoint["id"])
                self.deliveries.append(delivery)
                if self.held is not None:
                    self.held.append(delivery)
                else:
                    self._start(self._attempt(delivery))

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _in_order(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            await self._attempt(delivery)

    async def _attempt(self, delivery: Delivery) -> None:
        endpoint = self._stripe.table("webhook_endpoint").get(delivery.endpoint)
        if endpoint is None or endpoint["status"] != "enabled" or delivery.done:
            return
        delivery.attempts += 1
        async with self._slots:
            status = await self._post(endpoint["url"], delivery.event, self._stripe.memory.secrets[endpoint["id"]])
        delivery.answers.append(status)
        delivery.done = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
        pauses = self._stripe.terms.webhook_retries
        if delivery.done:
            delivery.event["pending_webhooks"] = max(0, delivery.event["pending_webhooks"] - 1)
        elif delivery.attempts <= len(pauses):
            moment = self._stripe.clock.seconds() + pauses[delivery.attempts - 1].total_seconds()
            self._stripe.at(moment, lambda: self._start(self._attempt(delivery)))

    async def _post(self, url: str, event: JsonDict, secret: str, skew: int = 0, sent: bytes | None = None) -> int:
        payload = json.dumps(event, indent=2).encode()
        moment = int(self._stripe.clock.seconds()) + skew
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(payload, secret, moment),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._stripe.terms.webhook_seconds)
            self._session = aiohttp.ClientSession(timeout=timeout)
        try:
            async with self._session.post(
                url, data=payload if sent is None else sent, headers=headers, allow_redirects=False
            ) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0
