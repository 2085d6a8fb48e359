"""What is known about a chat in which something never happened: enough to find out why.

The last calls of the bot to that chat, what the database holds for its lane, the kills, the end of the log. The
people of the stand-in are nobody, so their texts are shown.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlmodel import col, select

from bot.database import Resources
from models.mail import Effect, EffectStatus, EventStatus, InboxEvent, SentMessage
from models.unit import Unit
from sandbox.telegram.calls import Call, CallLog
from tests.soak.fund import Fund
from tests.soak.person import Lost
from vault.types import BlindIndex, IndexName

LATEST = 15
"""How many calls, events and effects are shown, and kills."""

WIDTH = 200


def chats_of(error: BaseException) -> set[int]:
    """The chats in which something never happened, also where several errors come together."""
    if isinstance(error, BaseExceptionGroup):
        return {chat for each in error.exceptions for chat in chats_of(each)}
    return {error.chat} if isinstance(error, Lost) else set()


async def examine(resources: Resources, calls: CallLog, fund: Fund, chats: Iterable[int]) -> str:
    """Everything that may explain it, line by line; without a chat, what is open anywhere."""
    kills = [f"{', '.join(kill.victims)} at {kill.calls}" for kill in fund.kills[-LATEST:]]
    lines = ["", "kills: " + "; ".join(kills)]
    async with resources.unit() as unit:
        lines += ["", "open anywhere:", *_rows(await _open(unit))]
        lines += ["", f"the latest calls, at {calls.count}:", *map(_called, calls.select()[-LATEST:])]
        for chat in chats:
            lane = resources.vault.index(IndexName.chat, str(chat))
            lines += ["", f"the latest calls to {chat}:", *map(_called, calls.select(chat=chat)[-LATEST:])]
            lines += ["", f"the lane of {chat}:", *_rows(await _lane(unit, lane))]
    return "\n".join([*lines, "", "the end of the log:", fund.last_words()])


async def _open(unit: Unit) -> list[Any]:
    events = await unit.session.exec(select(InboxEvent).where(InboxEvent.status != EventStatus.DONE))
    effects = await unit.session.exec(select(Effect).where(Effect.status != EffectStatus.DONE))
    return [*events.all(), *effects.all()]


async def _lane(unit: Unit, lane: BlindIndex) -> list[Any]:
    events = select(InboxEvent).where(InboxEvent.lane == lane).order_by(col(InboxEvent.id).desc()).limit(LATEST)
    effects = select(Effect).where(Effect.lane == lane).order_by(col(Effect.id).desc()).limit(LATEST)
    standing = await unit.session.exec(select(SentMessage).where(SentMessage.lane == lane))
    found: list[Sequence[Any]] = [(await unit.session.exec(query)).all()[::-1] for query in (events, effects)]
    return [row for rows in (*found, standing.all()) for row in rows]


def _rows(rows: Iterable[Any]) -> Iterator[str]:
    for row in rows:
        shown = {k: str(v) for k, v in row.model_dump().items() if v is not None and not isinstance(v, bytes)}
        shown.pop("lane", None)
        yield f"  {type(row).__name__}: " + ", ".join(f"{key} {value}" for key, value in shown.items())


def _called(call: Call) -> str:
    how = " ".join(str(part) for part in (call.code, call.description, call.fault) if part)
    return f"  {call.seq} {call.date:.3f} {call.method} {how} {call.params}"[:WIDTH]
