"""Delivery of updates to the bot's webhook.

Updates of one chat are delivered in order, those of different chats side by side up to `max_connections`.
Anything but a 2xx answer is repeated with growing pauses until it succeeds, the webhook is removed, or the
update is older than Telegram keeps it. The secret goes into `X-Telegram-Bot-Api-Secret-Token`
(core.telegram.org/bots/api#setwebhook).
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp

from sandbox.clock import TravelClock
from sandbox.telegram.limits import Limits
from sandbox.telegram.updates import Update, UpdateQueue
from sandbox.telegram.wire import JsonDict, dumps

ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where updates go."""

    url: str
    secret_token: str | None
    max_connections: int


class Webhook:
    """Delivers what is in the queue while a target is set."""

    def __init__(self, queue: UpdateQueue, limits: Limits, clock: TravelClock) -> None:
        """Serve `queue`; nothing is delivered before `set`."""
        self._queue = queue
        self._limits = limits
        self._clock = clock
        self.target: Target | None = None
        self.last_error: tuple[int, str] | None = None
        self._lanes: dict[int | None, deque[Update]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(1)

    async def set(self, target: Target) -> None:
        """Deliver to `target` from now on, beginning with what is pending."""
        await self.stop()
        self.target = target
        self.last_error = None
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS))
        self._slots = asyncio.Semaphore(target.max_connections)
        self._queue.webhook_active = True
        self._queue.interrupt("terminated by setWebhook request")
        self._queue.on_push = self._add
        self._queue.expire()
        for update in tuple(self._queue.pending):
            self._add(update)

    async def stop(self) -> None:
        """Deliver nothing any more; what was not delivered stays in the queue."""
        self.target = None
        self._queue.webhook_active = False
        self._queue.on_push = None
        self._lanes.clear()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    def info(self) -> JsonDict:
        """Return the Bot API's WebhookInfo."""
        self._queue.expire()
        body: JsonDict = {
            "url": self.target.url if self.target else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self._queue.pending),
        }
        if self.target:
            body["max_connections"] = self.target.max_connections
        if self.last_error:
            body["last_error_date"], body["last_error_message"] = self.last_error
        if self._queue.allowed is not None:
            body["allowed_updates"] = sorted(self._queue.allowed)
        return body

    def _add(self, update: Update) -> None:
        lane = self._lanes.get(update.lane)
        if lane is None:
            lane = self._lanes[update.lane] = deque()
            task = asyncio.get_running_loop().create_task(self._run(update.lane, lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        lane.append(update)

    async def _run(self, key: int | None, lane: deque[Update]) -> None:
        while lane:
            await self._deliver(lane[0])
            lane.popleft()
        del self._lanes[key]

    async def _deliver(self, update: Update) -> None:
        pause = self._limits.webhook_first_retry.total_seconds()
        while not self._expired(update):
            async with self._slots:
                problem = await self._attempt(update)
            if problem is None:
                break
            self.last_error = (int(self._clock.seconds()), problem)
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._limits.webhook_last_retry.total_seconds())
        if update in self._queue.pending:
            self._queue.pending.remove(update)

    def _expired(self, update: Update) -> bool:
        return update.date < self._clock.seconds() - self._limits.update_retention.total_seconds()

    async def _attempt(self, update: Update) -> str | None:
        if self.target is None or self._session is None:
            return "Webhook was removed"
        headers = {"Content-Type": "application/json"}
        if self.target.secret_token:
            headers["X-Telegram-Bot-Api-Secret-Token"] = self.target.secret_token
        try:
            async with self._session.post(
                self.target.url, data=dumps(update.body).encode(), headers=headers
            ) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            return f"Connection failed: {type(error).__name__}"
        if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return None
        return f"Wrong response from the webhook: {answer.status} {answer.reason}"
