"""What stands in chats over time: texts fade to a neutral line, and every message is deleted in time.

Telegram lets a bot delete a message for 48 hours only (Bot API, deleteMessage). A slot in which something is
about to be shown is left alone: what comes replaces it, or sets a later time.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Exists
from sqlmodel import col, delete, exists, or_, select, update

from models.case import Case, CaseStatus
from models.mail import Effect, EffectStatus, Keyboard, SentMessage
from models.unit import Unit
from services.contact import Address, To, lane_of
from services.jobs import Job
from services.speak import Button, Life, Screen, effect_place, erase_slot, sent_address, show
from vault.seal import Place
from vault.types import BlindIndex, SealedBytes

BATCH = 200
"""Messages handled at one tick."""


TYPED = "typed:"
"""Slots of messages that a person wrote begin with this."""

TOO_LONG = f"{TYPED}long:"
"""Slots of those among them that were too long to be taken."""

DELETABLE = timedelta(hours=48)
"""How long a bot may delete a message (Bot API, deleteMessage)."""

REMEMBERED = timedelta(days=180)
"""How long a message that could not be deleted is remembered, for its person to be told."""


def keep_for_erasure(unit: Unit, address: Address, message: int) -> None:
    """Let a text that could not be taken stand as long as a screen does, for its person to send it again."""
    life = timedelta(minutes=unit.policy.retention.screen_minutes)
    _keep(unit, address, message, f"{TYPED}{message}", life)


def keep_for_shortening(unit: Unit, address: Address, message: int) -> None:
    """Let a text that was too long stand as long as a screen does, for its person to copy and shorten it."""
    life = timedelta(minutes=unit.policy.retention.screen_minutes)
    _keep(unit, address, message, f"{TOO_LONG}{message}", life)


async def is_for_shortening(unit: Unit, lane: BlindIndex, message: int) -> bool:
    """Whether a message of a person stands for them to shorten it."""
    slot = f"{TOO_LONG}{message}"
    found = await unit.session.exec(
        select(SentMessage.id).where(SentMessage.lane == lane, SentMessage.slot == slot)
    )
    return found.first() is not None


async def erase_too_long(unit: Unit, lane: BlindIndex) -> None:
    """Delete what stands for its person to shorten it: an answer is stored in its place."""
    standing = await unit.session.exec(
        select(SentMessage).where(SentMessage.lane == lane, col(SentMessage.slot).startswith(TOO_LONG))
    )
    for sent in standing.all():
        await erase_slot(unit, sent)


def _keep(unit: Unit, address: Address, message: int, slot: str, life: timedelta) -> None:
    row = SentMessage(
        lane=lane_of(unit, address),
        slot=slot,
        address=SealedBytes(b""),
        sent_at=unit.now,
        erase_at=unit.now + life,
    )
    row.address = unit.vault.seal_server(json.dumps([address, message]).encode(), sent_place(row.id))
    unit.session.add(row)


async def keep_undeletable(unit: Unit, lane: BlindIndex, address: Address, message: int) -> UUID:
    """Remember a message of a person that Telegram would not delete any more, so that `/erase` tells of it."""
    slot = f"{TYPED}{message}"
    await unit.session.exec(
        delete(SentMessage).where(col(SentMessage.lane) == lane, col(SentMessage.slot) == slot)
    )
    row = SentMessage(
        lane=lane,
        slot=slot,
        address=SealedBytes(b""),
        sent_at=unit.now - DELETABLE,
        erase_at=unit.now + REMEMBERED,
    )
    row.address = unit.vault.seal_server(json.dumps([address, message]).encode(), sent_place(row.id))
    unit.session.add(row)
    await unit.session.flush()
    return row.id


def sent_place(row: UUID) -> Place:
    """Where chat and number of a standing message are sealed."""
    return Place("sent_message", "address", str(row))


async def chat_moved(unit: Unit, old: Address, new: Address) -> None:
    """A group became a supergroup with another number: what is still to be said goes there.

    What was sent stands in the old group, which nobody can write to or delete from any more (Bot API,
    `migrate_to_chat_id`), so it is forgotten here.
    """
    source, target = lane_of(unit, old), lane_of(unit, new)
    pending = await unit.session.exec(
        select(Effect).where(Effect.lane == source, Effect.status == EffectStatus.PENDING)
    )
    for effect in pending.all():
        if effect.payload is not None:
            place = effect_place(effect)
            payload = json.loads(unit.vault.open_server(effect.payload, place)) | {"chat": new}
            effect.payload = unit.vault.seal_server(json.dumps(payload).encode(), place)
        effect.lane = target
    await unit.session.exec(update(Keyboard).where(col(Keyboard.lane) == source).values(lane=target))
    await unit.session.exec(delete(SentMessage).where(col(SentMessage.lane) == source))
    await unit.session.flush()


async def _find_fading(unit: Unit) -> Sequence[UUID]:
    found = await unit.session.exec(
        select(SentMessage.id).where(col(SentMessage.fade_at) <= unit.now, ~_stirring()).limit(BATCH)
    )
    return found.all()


async def _fade(unit: Unit, row: UUID) -> None:
    sent = await unit.session.get(SentMessage, row)
    if sent is None or sent.fade_at is None or sent.fade_at > unit.now or await _stirs(unit, sent):
        return
    chat = sent_address(unit, sent)[0]
    line = unit.texts.render("pipeline.neutral", sent.language)
    button = Button(unit.texts.render("pipeline.open", sent.language), "start.open")
    private = chat > 0  # groups have negative numbers (Bot API)
    screen = Screen(line, [[button]] if private else ())
    sent.fade_at = None
    life = Life(None, sent.erase_at - unit.now)
    await show(unit, To(chat, sent.language), screen, slot=sent.slot, life=life, if_there=True)


async def _find_ending(unit: Unit) -> Sequence[UUID]:
    found = await unit.session.exec(
        select(SentMessage.id)
        .where(or_(SentMessage.erase_at <= unit.now, _of_nothing()), ~_stirring())
        .limit(BATCH)
    )
    return found.all()


async def _end(unit: Unit, row: UUID) -> None:
    over = or_(SentMessage.erase_at <= unit.now, _of_nothing())
    found = await unit.session.exec(select(SentMessage).where(SentMessage.id == row, over))
    sent = found.first()
    if sent is not None and not await _stirs(unit, sent):
        await erase_slot(unit, sent)


def _of_nothing() -> ColumnElement[bool]:
    """Messages of a shredded case: one that was on its way to its chat as the case went is recorded after it."""
    return col(SentMessage.case_id).in_(select(Case.id).where(Case.status == CaseStatus.SHREDDED))


def _stirring() -> Exists:
    return exists().where(
        col(Effect.lane) == SentMessage.lane,
        col(Effect.slot) == SentMessage.slot,
        col(Effect.status) == EffectStatus.PENDING,
    )


async def _stirs(unit: Unit, sent: SentMessage) -> bool:
    found = await unit.session.exec(
        select(Effect.id).where(
            Effect.lane == sent.lane, Effect.slot == sent.slot, Effect.status == EffectStatus.PENDING
        )
    )
    return found.first() is not None


JOBS = (
    Job("messages.fade", timedelta(seconds=20), _find_fading, _fade),
    Job("messages.erase", timedelta(minutes=1), _find_ending, _end),
)
