"""The sender: takes effects from the outbox after the commit and does them in Telegram, lanes side by side.

- In order within a lane, urgent ones first; beside that order go what touches no message of the bot's: answers to
  presses, erasures of what a person typed. A lane that must wait (rates, flood control, an outage) is left out
  of the next look, so that meanwhile a later text for a slot can replace the one that waits.
- What became of a lane's effects is recorded before the lane is looked at again; records of several lanes share
  a commit.
- Flood control is obeyed per chat. What Telegram did not answer is done again: every effect may be (`delivery`).
- One process sends at a time: on PostgreSQL it holds an advisory lock.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from bot.batch import GroupWriter
from bot.bell import Bell
from bot.database import Resources, SenderLock
from bot.delivery import Delivery, PictureGone, Pictures
from bot.metrics import Metrics
from bot.outbox import Due, Record, Slot, Standing, read_due, read_standing, slots_of, write_records
from bot.rates import Pace, Rates
from bot.telegram_calls import (
    CallFailed,
    CallRefused,
    ChatClosed,
    ChatMoved,
    MessageGone,
    SlowDown,
    TelegramCalls,
)
from models.mail import EffectKind
from services import group, messages
from services.contact import Address
from vault.types import BlindIndex

SIDE_BY_SIDE: Final = 32
"""Lanes delivered at once; no more are read, so that what waits can still be replaced."""

PER_LANE: Final = 4
"""Effects of one turn as a rule: an answer, an erasure, a screen, a notice."""

MOST_PAUSED: Final = 1000
"""Paused lanes that are left out of a look one by one; with more, the sender waits for the first."""

FALLBACK_SECONDS: Final = 1.0
"""How often the outbox is looked at without a ring: for effects of other processes."""

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 30.0
"""Seconds that a lane waits after calls without an answer; doubles from the first to the longest."""

FADES_AGAIN: Final = timedelta(minutes=30)
"""When a message in a chat that is closed is tried again."""

PATIENCE: Final = 5.0
"""Seconds that deliveries under way are waited for at the end."""

log = structlog.get_logger()


class RateSpent(SlowDown):
    """A chat has had its share for now; asked before the call."""


@dataclass(slots=True)
class _Pause:
    until: float
    failures: int


class Sender:
    """Delivers until it is cancelled or stopped."""

    def __init__(
        self,
        resources: Resources,
        calls: TelegramCalls,
        rates: Rates,
        metrics: Metrics,
        *,
        pictures: Pictures,
        recorded: Callable[[], None],
    ) -> None:
        """`pictures` opens attachments; `recorded` is called after each record is committed."""
        self.bell = Bell()
        self._resources = resources
        self._metrics = metrics
        self._recorded = recorded
        self._pace = Pace(rates, asyncio.get_running_loop().time)
        self._lock = SenderLock(resources.engine)
        self._writer: GroupWriter[Record, bool] = GroupWriter(self._write)
        self._delivery = Delivery(calls, self._writer.add, pictures, resources.texts, resources.clock.now)
        self._busy: dict[BlindIndex, asyncio.Task[None]] = {}
        self._missed: set[BlindIndex] = set()
        self._hungry = False
        self._looking = False
        self._paused: dict[BlindIndex, _Pause] = {}
        self._waiting: set[BlindIndex] = set()
        self._stopping = False

    async def run(self) -> None:
        """Deliver what is due, again and again."""
        try:
            while not self._stopping:
                self._looking = True
                try:
                    more = await self._lock.hold() and await self.look()
                except Exception:
                    log.exception("sender_failed")
                    await self._lock.release()
                    more = False
                if not more and not self._stopping:
                    self._looking = False
                    await self.bell.wait(self._until_next())
            if self._busy:
                await asyncio.wait(self._busy.values(), timeout=PATIENCE)
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)
            await self._lock.release()

    @property
    def busy(self) -> bool:
        """Whether somebody's answer is about to leave."""
        return bool(self._busy) or self._looking or self.bell.rung

    def stop(self) -> None:
        """Finish what is under way and return from `run`."""
        self._stopping = True
        self.bell.ring()

    async def look(self) -> bool:
        """Read what is due and begin with it; tells whether there may be more to read at once."""
        now = asyncio.get_running_loop().time()
        self._waiting = {lane for lane, pause in self._paused.items() if pause.until > now}
        self._missed.update(self._busy)
        free = SIDE_BY_SIDE - len(self._busy)
        self._hungry = free <= 0
        if self._hungry or len(self._waiting) > MOST_PAUSED:
            return False
        limit = free * PER_LANE
        async with self._resources.glance(self._lock.connection) as unit:
            due = await read_due(unit, self._waiting | self._busy.keys(), limit)
            standing = await read_standing(unit, (slot for effect in due for slot in slots_of(effect)))
        lanes: dict[BlindIndex, list[Due]] = {}
        for effect in due:
            lanes.setdefault(effect.lane, []).append(effect)
        self._forget_pauses(lanes)
        self._hungry = len(lanes) > free
        for lane, effects in list(lanes.items())[:free]:
            here = {slot: there for slot, there in standing.items() if slot.lane == lane}
            self._busy[lane] = asyncio.create_task(self._serve(lane, effects, here))
        return len(due) == limit and not self._hungry

    def _forget_pauses(self, lanes: Collection[BlindIndex]) -> None:
        for lane in self._paused.keys() - self._waiting - set(lanes):
            del self._paused[lane]

    def _until_next(self) -> float:
        now = asyncio.get_running_loop().time()
        ends = (self._paused[lane].until for lane in self._waiting)
        return min([FALLBACK_SECONDS, *(max(end - now, 0.0) for end in ends)])

    async def _serve(self, lane: BlindIndex, effects: Sequence[Due], standing: dict[Slot, Standing]) -> None:
        record = Record()
        try:
            await self._deliver(lane, effects, standing, record)
            await self._writer.add(record)
            self._recorded()
        except Exception:
            log.exception("lane_failed")
            self._pause(lane, "error", None)
        finally:
            del self._busy[lane]
            if self._hungry or lane in self._missed or lane in self._paused:
                self._missed.discard(lane)
                self.bell.ring()

    async def _deliver(
        self, lane: BlindIndex, effects: Sequence[Due], standing: dict[Slot, Standing], record: Record
    ) -> None:
        """Do a lane's effects: those of slots in their order, and beside them those that touch none."""
        leaves = any(due.kind is EffectKind.LEAVE for due in effects)
        beside = [due for due in effects if not leaves and not slots_of(due)]
        chain = [due for due in effects if due not in beside]
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(self._in_order([due], standing, record)) for due in beside]
            stopped = [await self._in_order(chain, standing, record)]  # its first call goes out before theirs
        stopped += [other.result() for other in others]
        errors = [error for error in stopped if error is not None]
        for error in errors[:1]:
            await self._stop_at(error, lane, effects, standing, record)
        if not errors:
            self._paused.pop(lane, None)

    async def _in_order(
        self, effects: Sequence[Due], standing: dict[Slot, Standing], record: Record
    ) -> CallFailed | None:
        """Do these one after the other; returns what stopped them, if anything did."""
        for due in effects:
            try:
                if due.kind is EffectKind.SHOW:
                    self._spend(due.chat)
                await self._delivery.deliver(due, standing, record)
                self._count(due, "done")
            except (CallRefused, MessageGone, PictureGone) as error:
                record.failed.append((due.id, type(error).__name__))
                self._count(due, "failed")
            except CallFailed as error:
                return error
        return None

    def _spend(self, chat: int) -> None:
        wait = self._pace.wait(chat)
        if wait > 0:
            raise RateSpent(wait)
        self._pace.spend(chat)

    async def _stop_at(
        self,
        error: CallFailed,
        lane: BlindIndex,
        effects: Sequence[Due],
        standing: dict[Slot, Standing],
        record: Record,
    ) -> None:
        """Wait with the lane, follow it, or give it up, as the error says."""
        if isinstance(error, ChatClosed):
            record.closed = (lane, max(effect.id for effect in effects), type(error).__name__)
            self._give_up(effects, standing, record)
            self._metrics.effects.labels(effects[0].kind.value, "closed").inc()
        elif isinstance(error, ChatMoved):
            await self._move(effects[0].chat, error.chat)
        elif isinstance(error, SlowDown):
            self._pause(lane, "rate" if isinstance(error, RateSpent) else "flood", error.seconds)
        else:
            self._pause(lane, "outage", None)

    def _pause(self, lane: BlindIndex, reason: str, seconds: float | None) -> None:
        """Leave a lane alone for so many seconds, or for longer with each failure."""
        before = self._paused.get(lane)
        failures = before.failures if before else 0
        if seconds is None:
            seconds = min(FIRST_PAUSE * 2**failures, LONGEST_PAUSE)
            failures += 1
        self._paused[lane] = _Pause(asyncio.get_running_loop().time() + seconds, failures)
        self._metrics.paused.labels(reason).inc()

    def _count(self, due: Due, outcome: str) -> None:
        self._metrics.effects.labels(due.kind.value, outcome).inc()

    def _give_up(self, effects: Sequence[Due], standing: dict[Slot, Standing], record: Record) -> None:
        """What was to be erased in a closed chat stays there: it is put on record, and not tried for ever.

        What was only to fade is tried again until its end: the chat may open again.
        """
        for slot in (slot for due in effects if due.kind is EffectKind.ERASE for slot in slots_of(due)):
            there = standing.pop(slot, None)
            if there is not None:
                record.left.append((there.id, there.case_id))
                record.gone.append(there.id)
        for due in effects:
            if due.kind is EffectKind.SHOW and due.payload["if_there"]:
                there = standing.get(slots_of(due)[0])
                if there is not None:
                    there.fade_at = self._resources.clock.now() + FADES_AGAIN
                    record.shown.append(there)

    async def _move(self, old: int, new: int) -> None:
        async with self._resources.unit() as unit:
            await group.migrated(unit, Address(old), Address(new))
            await messages.chat_moved(unit, Address(old), Address(new))
        self.bell.ring()

    async def _write(self, records: Sequence[Record]) -> list[bool]:
        async with self._resources.unit() as unit:
            wanted = await write_records(unit, records)
        self._metrics.not_erased.inc(sum(len(record.left) for record in records))
        return wanted
