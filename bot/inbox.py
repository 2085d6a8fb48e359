"""The inbox: what arrives is stored, sealed, before it is acknowledged, and is blanked once done.

Whatever comes is stored, also what nobody can read: the lane is taken from the bare JSON, and a shape that
nobody knows goes into a lane of its own. A repeat of an event is harmless (unique source and number).
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import Executable, bindparam, exists, update
from sqlalchemy import select as core_select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, delete, select

from bot.batch import GroupWriter
from bot.database import Resources, insert_new
from bot.metrics import Metrics
from models.base import table_of
from models.clock import day_after
from models.mail import ENDED, Effect, EffectStatus, EventStatus, InboxEvent
from models.unit import Unit
from services.donate_stripe import object_of
from services.jobs import Job
from services.speak import checkout_lane
from vault.seal import Place
from vault.types import BlindIndex, IndexName, SealedBytes

TELEGRAM: Final = "telegram"
"""The source of updates of the Bot API."""

STRIPE: Final = "stripe"
"""The source of Stripe's events."""

EVENT_ID: Final = re.compile(r"evt_[A-Za-z0-9_]{1,59}", re.ASCII)
"""What the id of an event of Stripe's looks like; whatever else comes is known by its digest."""

NO_LANE: Final = BlindIndex("none")
"""The lane of events that belong to no chat and no person."""

PEOPLE: Final = ("from", "user", "voter_chat", "actor_chat")
"""Where an update without a chat names a person (Bot API: inline queries, payments, polls, reactions)."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event from outside: its number at the source, its lane, and its body as it came."""

    source: str
    external_id: str
    lane: BlindIndex
    body: bytes


class Inbox:
    """Stores arrivals, those of concurrent callers in one commit."""

    def __init__(self, resources: Resources, stored: Callable[[], None], metrics: Metrics) -> None:
        """`stored` is called after each commit: it wakes the worker."""
        self._resources = resources
        self._stored = stored
        self._metrics = metrics
        self._writer: GroupWriter[Sequence[Arrival], None] = GroupWriter(self._write)

    async def store(self, arrivals: Sequence[Arrival]) -> None:
        """Return once all are committed; only then may they be acknowledged. Repeats are left out."""
        if arrivals:
            await self._writer.add(arrivals)

    async def _write(self, groups: Sequence[Sequence[Arrival]]) -> list[None]:
        async with self._resources.unit() as unit:
            rows = [_new(unit, arrival) for group in groups for arrival in group]
            await insert_new(unit, InboxEvent, rows)
        for row in rows:
            self._metrics.stored.labels(row["source"]).inc()
        self._stored()
        return [None] * len(groups)


async def store_done(unit: Unit, arrival: Arrival) -> bool:
    """Store an event as done, in the transaction that handles it, and never its body.

    False when it must not be handled now: it is a repeat, or an earlier event of its lane waits.
    """
    row = _row(unit, arrival, None, EventStatus.DONE) | blank(unit.now) | {"its_lane": arrival.lane}
    return (await unit.run(_storing_done(unit.session.get_bind().dialect.name), row)).rowcount == 1


def blank(now: datetime) -> dict[str, Any]:
    """What is kept of an event that is done, beside its number: it leads to no person, and to no moment."""
    return {"lane": ENDED, "next_try_at": day_after(now), "received_at": day_after(now)}


async def name_unread(unit: Unit, arrival: Arrival, why: str) -> None:
    """Say of an event that it could not be read."""
    await unit.run(_unread(), {"of": arrival.source, "number": arrival.external_id, "why": why})


def telegram_arrival(resources: Resources, update: object) -> Arrival:
    """An update of the Bot API as it came, of whatever shape. One without a number is known by its digest."""
    # Half a pair of UTF-16, which JSON can carry and UTF-8 cannot, must not stop what came with it.
    body = json.dumps(update, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    number = update.get("update_id") if isinstance(update, Mapping) else None
    known = isinstance(number, int) and not isinstance(number, bool)
    external = str(number) if known else f"?{hashlib.sha256(body).hexdigest()[:40]}"
    chat, payment = chat_of(update), _payment_query(update)
    if payment is not None:
        lane = checkout_lane(payment)
    else:
        lane = NO_LANE if chat is None else resources.vault.index(IndexName.chat, str(chat))
    return Arrival(TELEGRAM, external, lane, body)


def stripe_arrival(resources: Resources, event: object) -> Arrival:
    """An event of Stripe's as it came; what is about one object is in one lane, so that it runs in order."""
    body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    name = event.get("id") if isinstance(event, Mapping) else None
    known = isinstance(name, str) and EVENT_ID.fullmatch(name) is not None
    external = str(name) if known else f"?{hashlib.sha256(body).hexdigest()[:40]}"
    about = object_of(event)
    lane = NO_LANE if about is None else resources.vault.index(IndexName.chat, f"stripe:{about[1]}")
    return Arrival(STRIPE, external, lane, body)


def chat_of(update: object) -> int | None:
    """The chat in whose order an update belongs: its chat, else its person's private chat, else none."""
    content = _content(update)
    message = content.get("message")
    for place in (content, message if isinstance(message, Mapping) else {}):
        chat = _number(place.get("chat"))
        if chat is not None:
            return chat
    return next((found for name in PEOPLE if (found := _number(content.get(name))) is not None), None)


def event_place(source: str, external_id: str) -> Place:
    """Where an event's body is sealed."""
    return Place("inbox_event", "payload", f"{source}:{external_id}")


def _content(update: object) -> Mapping[str, Any]:
    if not isinstance(update, Mapping):
        return {}
    return next((value for value in update.values() if isinstance(value, Mapping)), {})


def _payment_query(update: object) -> str | None:
    """The id of Telegram's last question before a payment, which must be answered within ten seconds."""
    query = update.get("pre_checkout_query") if isinstance(update, Mapping) else None
    return str(query.get("id")) if isinstance(query, Mapping) else None


def _number(thing: object) -> int | None:
    number = thing.get("id") if isinstance(thing, Mapping) else None
    return number if isinstance(number, int) and not isinstance(number, bool) else None


@cache
def _storing_done(dialect: str) -> Executable:
    """Built once: building it takes as long as running it."""
    event, earlier = table_of(InboxEvent), table_of(InboxEvent).alias()
    names = [column.name for column in event.c if column.name not in {"id", "error"}]
    waits = exists().where(earlier.c.lane == bindparam("its_lane"), earlier.c.status == EventStatus.NEW)
    row = core_select(*(bindparam(name, type_=event.c[name].type) for name in names)).where(~waits)
    adding = sqlite.insert(event) if dialect == "sqlite" else postgresql.insert(event)
    return adding.from_select(names, row).on_conflict_do_nothing()


@cache
def _unread() -> Executable:
    event = table_of(InboxEvent)
    one = (event.c.source == bindparam("of"), event.c.external_id == bindparam("number"))
    return update(event).where(*one).values(error=bindparam("why"))


def _new(unit: Unit, arrival: Arrival) -> dict[str, Any]:
    sealed = unit.vault.seal_server(arrival.body, event_place(arrival.source, arrival.external_id))
    return _row(unit, arrival, sealed, EventStatus.NEW)


def _row(unit: Unit, arrival: Arrival, payload: SealedBytes | None, status: EventStatus) -> dict[str, Any]:
    return {
        "source": arrival.source,
        "external_id": arrival.external_id,
        "lane": arrival.lane,
        "payload": payload,
        "status": status,
        "attempts": 0,
        "next_try_at": unit.now,
        "received_at": unit.now,
    }


async def _find_old(unit: Unit) -> Sequence[str]:
    oldest = unit.now - timedelta(hours=unit.policy.retention.inbox_hours)
    events = select(InboxEvent.id).where(InboxEvent.status != EventStatus.NEW, InboxEvent.received_at < oldest)
    effects = select(Effect.id).where(Effect.status != EffectStatus.PENDING, Effect.due_at < oldest)
    old_events = (await unit.session.exec(events.limit(1))).first()
    old_effects = (await unit.session.exec(effects.limit(1))).first()
    return [name for name, found in (("inbox", old_events), ("outbox", old_effects)) if found is not None]


async def _purge(unit: Unit, box: str) -> None:
    oldest = unit.now - timedelta(hours=unit.policy.retention.inbox_hours)
    if box == "inbox":
        await unit.session.exec(
            delete(InboxEvent).where(
                col(InboxEvent.status) != EventStatus.NEW, col(InboxEvent.received_at) < oldest
            )
        )
    else:
        await unit.session.exec(
            delete(Effect).where(col(Effect.status) != EffectStatus.PENDING, col(Effect.due_at) < oldest)
        )


JOBS = (Job("mail.purge", timedelta(minutes=10), _find_old, _purge),)
"""Rows of what is done are kept longer than Telegram's 24 hours, so that a repeat is known, and then go."""
