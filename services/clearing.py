"""Clearing a private chat, or all chats of a case: messages deleted, buttons dropped, nothing pending left."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, delete, select

from models.case import Case
from models.mail import Conversation, Effect, EffectKind, EffectStatus, Keyboard, SentMessage
from models.unit import Unit
from models.volunteer import Volunteer
from services.messages import DELETABLE, TYPED
from services.speak import SCREEN, erase_slot
from vault.types import BlindIndex


@dataclass(frozen=True, slots=True)
class Cleared:
    """How many messages are being deleted, and how many are too old for Telegram to allow it."""

    deleted: int
    too_old: int


async def clear_work(unit: Unit, lane: BlindIndex) -> None:
    """Clear a private chat of all but its person's own case: whoever loses access keeps nothing that they saw."""
    own = select(Case.id).where(Case.chat == lane)
    effects = (col(Effect.lane) == lane) & (col(Effect.status) == EffectStatus.PENDING)
    for_work = col(Effect.case_id).is_(None) | col(Effect.case_id).not_in(own)
    await unit.session.exec(delete(Effect).where(effects, for_work, col(Effect.kind) == EffectKind.SHOW))
    await unit.session.exec(delete(Conversation).where(col(Conversation.person) == lane))
    seen = col(SentMessage.case_id).is_(None) | col(SentMessage.case_id).not_in(own)
    standing = await unit.session.exec(select(SentMessage).where(SentMessage.lane == lane, seen))
    for message in standing.all():
        await erase_slot(unit, message)


async def clear_chat(unit: Unit, lane: BlindIndex, cases: Collection[UUID]) -> Cleared:
    """Clear a person's private chat: all of it, or for a volunteer the screen and what concerns these cases."""
    volunteer = (await unit.session.exec(select(Volunteer.id).where(Volunteer.chat == lane))).first()
    sent, effects, keyboards = (
        col(SentMessage.lane) == lane,
        (col(Effect.lane) == lane) & (col(Effect.status) == EffectStatus.PENDING),
        col(Keyboard.lane) == lane,
    )
    if volunteer is not None:
        concerned = col(SentMessage.case_id).in_(cases) | (col(SentMessage.slot) == SCREEN)
        sent &= concerned | col(SentMessage.slot).startswith(TYPED)
        effects &= col(Effect.case_id).in_(cases) | (col(Effect.slot) == SCREEN)
        keyboards &= col(Keyboard.case_id).in_(cases) | (col(Keyboard.slot) == SCREEN)
    await unit.session.exec(delete(Effect).where(effects, col(Effect.kind) == EffectKind.SHOW))
    await unit.session.exec(delete(Keyboard).where(keyboards))
    await unit.session.exec(delete(Conversation).where(col(Conversation.lane) == lane))
    standing = (await unit.session.exec(select(SentMessage).where(sent))).all()
    for message in standing:
        await erase_slot(unit, message)
    too_old = sum(unit.now - message.sent_at >= DELETABLE for message in standing)
    return Cleared(len(standing) - too_old, too_old)


async def erase_case_messages(unit: Unit, case_id: UUID) -> int:
    """Delete every message of a case on all sides and drop what is still pending. Returns how many stood.

    What was delivered is forgotten too: chat, case and moment together would outlive the case.
    """
    await unit.session.exec(delete(Keyboard).where(col(Keyboard.case_id) == case_id))
    await unit.session.exec(delete(Effect).where(col(Effect.case_id) == case_id))
    standing = (await unit.session.exec(select(SentMessage).where(SentMessage.case_id == case_id))).all()
    for sent in standing:
        await erase_slot(unit, sent)
    return len(standing)
