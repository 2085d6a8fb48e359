"""The clock: each job runs at its interval, finds what is due, and handles each key in a transaction of its own.

Looking for what is due only reads: it keeps nobody waiting who writes, however long it takes.
The rows are the truth: a job that fails or is cut off finds them again. A key that fails does not keep the
others waiting; errors are logged by type only. The time is the fund's (`Resources.clock`), which may jump in
the demo and in tests: `run_due_now` then does at once what the intervals would do later.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.database import Resources
from bot.metrics import Metrics
from services.jobs import Job

ROUNDS: Final = 20
"""How often `run_due_now` looks for what became due by what it did."""

_new_scheduler: Any = AsyncIOScheduler  # APScheduler 3 has no types

log = structlog.get_logger()


class JobClock:
    """Runs jobs until it is cancelled."""

    def __init__(
        self,
        resources: Resources,
        jobs: Sequence[Job],
        metrics: Metrics,
        *,
        handled: Callable[[], None],
        at_most: timedelta | None = None,
    ) -> None:
        """`handled` is called after each commit: it wakes the sender. `at_most` shortens every interval."""
        self._resources = resources
        self._jobs = jobs
        self._metrics = metrics
        self._handled = handled
        self._at_most = at_most
        self._turn = asyncio.Lock()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Tick until stopped; when cancelled, what is under way is cut off, and found again at the next start."""
        scheduler: Any = _new_scheduler()
        for job in self._jobs:
            every = min(job.every, self._at_most) if self._at_most else job.every
            scheduler.add_job(
                self.run_job, "interval", [job], seconds=every.total_seconds(), coalesce=True, max_instances=1
            )
        scheduler.start()
        try:
            await self.run_due_now(rounds=1)
            await self._stopping.wait()
            async with self._turn:
                pass
        finally:
            scheduler.shutdown(wait=False)

    def stop(self) -> None:
        """Finish the key under way and return from `run`."""
        self._stopping.set()

    async def run_due_now(self, rounds: int = ROUNDS) -> int:
        """Run every job until nothing is due that can be handled; returns how many keys were."""
        total = 0
        for _ in range(rounds):
            handled = sum([await self.run_job(job) for job in self._jobs])
            total += handled
            if handled == 0:
                break
        return total

    async def run_job(self, job: Job) -> int:
        """Handle what a job finds; returns how many keys were handled. Jobs take turns within a process."""
        async with self._turn:
            try:
                async with self._resources.glance() as unit:
                    keys = await job.find(unit)
            except Exception:
                log.exception("job_find_failed")
                self._metrics.jobs.labels(job.name, "find_failed").inc()
                return 0
            return sum([await self._handle(job, key) for key in keys if not self._stopping.is_set()])

    async def _handle(self, job: Job, key: Any) -> int:  # noqa: ANN401 - whatever the job finds
        try:
            async with self._resources.unit() as unit:
                await job.handle(unit, key)
        except Exception:
            log.exception("job_failed")
            self._metrics.jobs.labels(job.name, "failed").inc()
            return 0
        self._metrics.jobs.labels(job.name, "done").inc()
        self._handled()
        return 1
