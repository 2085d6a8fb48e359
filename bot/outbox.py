"""The database side of the sender: what is due is read, what became of it is recorded, many lanes in one commit.

Payloads are blanked when an effect is done or has failed. A message's row goes when Telegram has answered that
the message is gone; one that Telegram would not delete is on record in the audit log.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import bindparam, delete, insert, select, tuple_, update

from models import audit
from models.base import table_of
from models.case import Case, CaseStatus
from models.clock import day_after
from models.mail import ENDED, Effect, EffectKind, EffectStatus, SentMessage
from models.unit import Unit
from services.contact import Address
from services.messages import keep_undeletable, sent_place
from services.speak import sealed_effect
from vault.seal import Place
from vault.types import BlindIndex


@dataclass(slots=True)
class Due:
    """One effect to be done now."""

    id: int
    lane: BlindIndex
    kind: EffectKind
    slot: str | None
    case_id: UUID | None
    payload: Mapping[str, Any]
    shredded: bool
    """The case was shredded since: a text about it must not go out."""

    @property
    def chat(self) -> int:
        """The chat that it concerns."""
        return int(self.payload["chat"])


@dataclass(slots=True)
class Standing:
    """A message that stands in a slot."""

    lane: BlindIndex
    slot: str
    chat: int
    message: int
    sent_at: datetime
    erase_at: datetime
    language: str
    protect: bool
    case_id: UUID | None = None
    fade_at: datetime | None = None
    digest: str | None = None
    placed_for: int | None = None
    """The effect for which it was sent as the neutral line, until its text is in."""
    id: UUID = field(default_factory=uuid4)


class Slot(NamedTuple):
    """A place for one message."""

    lane: BlindIndex
    name: str


@dataclass(slots=True)
class Record:
    """What became of a lane's effects; `placed` is a new neutral line for the effect that it names."""

    done: list[int] = field(default_factory=list)
    failed: list[tuple[int, str]] = field(default_factory=list)
    closed: tuple[BlindIndex, int, str] | None = None
    """Nothing arrives in this lane: all its pending effects up to this one fail, with this error."""
    placed: Standing | None = None
    replaced: UUID | None = None
    shown: list[Standing] = field(default_factory=list)
    gone: list[UUID] = field(default_factory=list)
    emptied: dict[Slot, UUID] = field(default_factory=dict)
    """Slots whose message is gone but still stored: whatever is placed there next replaces that row."""
    left: list[tuple[UUID, UUID | None]] = field(default_factory=list)
    """Messages that Telegram would not delete, with their case."""
    kept: list[tuple[Due, int]] = field(default_factory=list)
    """Messages of a person that Telegram would not delete, by their numbers, with the effect that asked for it."""


# Built once: building them takes longer than running them.
_EFFECT: Final = table_of(Effect)
_SENT: Final = table_of(SentMessage)
_CHANGING: Final = ("case_id", "language", "fade_at", "erase_at", "shown")
_DUE: Final = (
    select(
        *(_EFFECT.c[name] for name in ("id", "lane", "kind", "slot", "case_id", "payload", "seal_id")),
        table_of(Case).c.status.label("case_status"),
    )
    .outerjoin(table_of(Case), table_of(Case).c.id == _EFFECT.c.case_id)
    .where(
        _EFFECT.c.status == EffectStatus.PENDING,
        _EFFECT.c.due_at <= bindparam("now"),
        _EFFECT.c.lane.not_in(bindparam("busy", expanding=True)),
    )
    .order_by(_EFFECT.c.urgent.desc(), _EFFECT.c.id)
    .limit(bindparam("most"))
)
_STANDING_IN: Final = select(_SENT).where(
    tuple_(_SENT.c.lane, _SENT.c.slot).in_(bindparam("slots", expanding=True))
)
_TRIED: Final = (
    update(_EFFECT)
    .where(_EFFECT.c.id == bindparam("effect"), _EFFECT.c.status == EffectStatus.PENDING)
    .values(attempts=_EFFECT.c.attempts + 1)
)
_FAILED: Final = (
    update(_EFFECT)
    .where(_EFFECT.c.id.in_(bindparam("effects", expanding=True)))
    .values(status=EffectStatus.FAILED, payload=None, error=bindparam("error"))
)
_DONE: Final = (
    update(_EFFECT)
    .where(_EFFECT.c.id.in_(bindparam("effects", expanding=True)))
    .values(status=EffectStatus.DONE, payload=None, lane=ENDED, slot=None, case_id=None, due_at=bindparam("day"))
)
_CLOSED: Final = (
    update(_EFFECT)
    .where(
        _EFFECT.c.lane == bindparam("in_lane"),
        _EFFECT.c.id <= bindparam("last"),
        _EFFECT.c.status == EffectStatus.PENDING,
    )
    .values(status=EffectStatus.FAILED, payload=None, error=bindparam("error"))
)
_PLACED: Final = insert(_SENT)
_SHOWN: Final = (
    update(_SENT).where(_SENT.c.id == bindparam("row")).values({name: bindparam(name) for name in _CHANGING})
)
_GONE: Final = delete(_SENT).where(_SENT.c.id.in_(bindparam("rows", expanding=True)))


async def read_due(unit: Unit, busy: Collection[BlindIndex], limit: int) -> list[Due]:
    """Pending effects of lanes that are not busy: urgent ones first, then in order."""
    params = {"now": unit.now, "busy": list(busy), "most": limit}
    rows = (await unit.run(_DUE, params)).all()
    return [
        Due(
            row.id,
            row.lane,
            EffectKind(row.kind),
            row.slot,
            row.case_id,
            json.loads(unit.vault.open_server(row.payload, sealed_effect(row.seal_id))),
            row.case_status == CaseStatus.SHREDDED,
        )
        for row in rows
    ]


async def read_standing(unit: Unit, slots: Iterable[Slot]) -> dict[Slot, Standing]:
    """The messages that stand in these slots."""
    wanted = sorted(set(slots))
    if not wanted:
        return {}
    rows = (await unit.run(_STANDING_IN, {"slots": wanted})).all()
    return {Slot(row.lane, row.slot): _standing(unit, row) for row in rows}


async def write_records(unit: Unit, records: Sequence[Record]) -> list[bool]:
    """Record many lanes at once; tells for each whether its placed line is still wanted."""
    wanted = [await _place(unit, record) if record.placed else True for record in records]
    await _end_effects(unit, records)
    shown = [standing for record in records for standing in record.shown]
    if shown:
        await _write_shown(unit, shown)
    gone = [row for record in records for row in record.gone]
    if gone:
        await unit.run(_GONE, {"rows": gone})
    for record in records:
        for row, case_id in record.left:
            subject = audit.about("case", case_id) if case_id else audit.about("sent_message", row)
            await audit.record(unit, "system", "messages.not_erased", subject)
        for due, message in record.kept:
            row = await keep_undeletable(unit, due.lane, Address(due.chat), message)
            await audit.record(unit, "system", "messages.not_erased", audit.about("sent_message", row))
    return wanted


def slots_of(due: Due) -> list[Slot]:
    """The slots that an effect touches."""
    names = {*due.payload.get("slots", ()), *([due.slot] if due.slot else ())}
    return [Slot(due.lane, name) for name in names]


async def _place(unit: Unit, record: Record) -> bool:
    standing = record.placed
    if standing is None:
        return True
    # The row's lock makes an erasure wait for this record, or this record see the erasure.
    touched = await unit.run(_TRIED, {"effect": standing.placed_for})
    if record.replaced is not None:
        await unit.run(_GONE, {"rows": [record.replaced]})
    if touched.rowcount != 1:
        return False
    place = json.dumps([standing.chat, standing.message]).encode()
    values = _columns(unit, standing) | {
        "id": standing.id,
        "lane": standing.lane,
        "slot": standing.slot,
        "sent_at": standing.sent_at,
        "address": unit.vault.seal_server(place, sent_place(standing.id)),
    }
    await unit.run(_PLACED, values)
    return True


async def _end_effects(unit: Unit, records: Sequence[Record]) -> None:
    done = [effect for record in records for effect in record.done]
    if done:
        await unit.run(_DONE, {"effects": done, "day": day_after(unit.now)})
    for record in records:
        for effect, error in record.failed:
            await unit.run(_FAILED, {"effects": [effect], "error": error})
        if record.closed is not None:
            lane, last, error = record.closed
            await unit.run(_CLOSED, {"in_lane": lane, "last": last, "error": error})


async def _write_shown(unit: Unit, shown: Sequence[Standing]) -> None:
    await unit.run(_SHOWN, [_columns(unit, standing) | {"row": standing.id} for standing in shown])


def _columns(unit: Unit, standing: Standing) -> dict[str, Any]:
    shown = {"digest": standing.digest, "protect": standing.protect, "placed_for": standing.placed_for}
    return {
        "case_id": standing.case_id,
        "language": standing.language,
        "fade_at": standing.fade_at,
        "erase_at": standing.erase_at,
        "shown": unit.vault.seal_server(json.dumps(shown).encode(), _shown_place(standing.id)),
    }


def _standing(unit: Unit, row: Any) -> Standing:  # noqa: ANN401 - a row of `sent_message`
    chat, message = json.loads(unit.vault.open_server(row.address, sent_place(row.id)))
    shown = json.loads(unit.vault.open_server(row.shown, _shown_place(row.id))) if row.shown else {}
    return Standing(
        lane=row.lane,
        slot=row.slot,
        chat=chat,
        message=message,
        sent_at=row.sent_at,
        erase_at=row.erase_at,
        language=row.language,
        protect=shown.get("protect", False),
        case_id=row.case_id,
        fade_at=row.fade_at,
        digest=shown.get("digest"),
        placed_for=shown.get("placed_for"),
        id=row.id,
    )


def _shown_place(row: UUID) -> Place:
    return Place("sent_message", "shown", str(row))
