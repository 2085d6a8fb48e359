"""What goes in and out: inbox, outbox, what was sent, conversations and keyboards.

A lane is the blind index of a chat: events and effects of one lane happen in order. Raw updates and outgoing
texts are sealed under the server's key, and blanked once done; so are the lane, the case and the time.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.base import Sealed, UtcTime, enum_column, new_id
from vault.types import BlindIndex, SealedBytes

Counter = BigInteger().with_variant(Integer, "sqlite")
"""A number given by the database in order of insertion."""

NEVER_REUSED = {"sqlite_autoincrement": True}
"""SQLite gives the number of a deleted last row anew unless told not to (its `AUTOINCREMENT`); what became of a
replaced effect would then be recorded for the one that replaced it, which would never be done."""


ENDED = BlindIndex("")
"""The lane of what is done: its row stays so that a repeat is known, and tells neither whose it was nor when."""


class EventStatus(StrEnum):
    """Where an event stands."""

    NEW = "new"
    DONE = "done"
    DEAD = "dead"
    """Failed too often; parked with the error's type, and the person told."""


class InboxEvent(SQLModel, table=True):
    """One event from outside, stored before it is acknowledged."""

    __tablename__ = "inbox_event"
    __table_args__ = (
        UniqueConstraint("source", "external_id"),
        Index("ix_inbox_event_lane_open", "lane", "status", "id"),
        Index("ix_inbox_event_open", "status", "id"),
        NEVER_REUSED,
    )

    id: int | None = Field(default=None, sa_column=Column(Counter, primary_key=True, autoincrement=True))
    source: str = Field(max_length=16)
    """`telegram`, later `stripe`."""
    external_id: str = Field(max_length=64)
    lane: BlindIndex = Field(sa_type=String)
    payload: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """Place of the seal: (`inbox_event`, `payload`, `<source>:<external_id>`)."""
    status: EventStatus = Field(default=EventStatus.NEW, sa_column=enum_column(EventStatus, "event_status"))
    attempts: int = 0
    next_try_at: datetime = Field(sa_type=UtcTime)
    error: str | None = Field(default=None, max_length=128)
    """The error's type, never its message."""
    received_at: datetime = Field(sa_type=UtcTime)
    """Once it is done: the end of the day on which it was."""


class EffectKind(StrEnum):
    """What the sender is to do."""

    SHOW = "show"
    """Put a text (with keyboard, picture) into a slot of a chat: edit what is there, or send it anew."""
    ERASE = "erase"
    """Delete messages."""
    ANSWER = "answer"
    """Answer the press of a button with a pop-up, or with nothing."""
    LEAVE = "leave"
    """Leave a chat."""
    CHECKOUT = "checkout"
    """Answer Telegram's last question before a payment."""


class EffectStatus(StrEnum):
    """Where an effect stands."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    """Telegram refused for good (blocked, kicked): recorded, not tried again."""


class Effect(SQLModel, table=True):
    """One thing to do in Telegram after the commit."""

    __tablename__ = "outbox_effect"
    __table_args__ = (Index("ix_outbox_effect_open", "status", "urgent", "id"), NEVER_REUSED)

    id: int | None = Field(default=None, sa_column=Column(Counter, primary_key=True, autoincrement=True))
    lane: BlindIndex = Field(sa_type=String, index=True)
    kind: EffectKind = Field(sa_column=enum_column(EffectKind, "effect_kind"))
    slot: str | None = Field(default=None, max_length=64)
    """`screen`, `card:<case>`, `notice:<id>`: a later SHOW of a slot replaces a pending earlier one."""
    urgent: bool = False
    payload: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """Place of the seal: (`outbox_effect`, `payload`, seal_id). JSON of `services.speak` payloads."""
    seal_id: UUID = Field(default_factory=new_id)
    case_id: UUID | None = Field(default=None, index=True)
    status: EffectStatus = Field(
        default=EffectStatus.PENDING, sa_column=enum_column(EffectStatus, "effect_status")
    )
    attempts: int = 0
    due_at: datetime = Field(sa_type=UtcTime)
    """Once it is done: the end of the day on which it was."""
    error: str | None = Field(default=None, max_length=128)


class SentMessage(SQLModel, table=True):
    """A message of the bot (or of a person, still to be deleted) that stands in some chat."""

    __tablename__ = "sent_message"
    __table_args__ = (UniqueConstraint("lane", "slot"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    lane: BlindIndex = Field(sa_type=String, index=True)
    slot: str = Field(max_length=64)
    address: SealedBytes = Field(sa_type=Sealed)
    """Sealed under the server's key: JSON [chat, message]. Place of the seal: (`sent_message`, `address`, id)."""
    case_id: UUID | None = Field(default=None, index=True)
    shown: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """Sealed JSON: a digest of what the slot shows, so that an unchanged screen is not sent again; whether it is
    protected. Place of the seal: (`sent_message`, `shown`, id)."""
    language: str = Field(default="en", max_length=8)
    """In which language the message fades."""
    sent_at: datetime = Field(sa_type=UtcTime)
    fade_at: datetime | None = Field(default=None, sa_type=UtcTime, index=True)
    """When the text gives way to the neutral line."""
    erase_at: datetime = Field(sa_type=UtcTime, index=True)
    """When the message is deleted, before Telegram's 48 hours."""


class Conversation(SQLModel, table=True):
    """aiogram's FSM state of one person in one chat, in the same transaction as everything else."""

    __tablename__ = "conversation"

    lane: BlindIndex = Field(sa_type=String, primary_key=True)
    person: BlindIndex = Field(sa_type=String, primary_key=True)
    state: str | None = Field(default=None, max_length=64)
    data: SealedBytes | None = Field(default=None, sa_type=Sealed)
    """Place of the seal: (`conversation`, `data`, `<lane>:<person>`)."""
    changed_at: datetime = Field(sa_type=UtcTime, index=True)


class Keyboard(SQLModel, table=True):
    """The buttons under one message. Callback data is `<token>.<position>`; everything else is here."""

    __tablename__ = "keyboard"

    token: str = Field(max_length=32, primary_key=True)
    lane: BlindIndex = Field(sa_type=String, index=True)
    slot: str = Field(max_length=64)
    person: BlindIndex | None = Field(default=None, sa_type=String)
    """Who may press; none: anyone in the chat, checked by the service."""
    case_id: UUID | None = Field(default=None, index=True)
    case_version: int | None = None
    buttons: list[list[Any]] = Field(sa_column=Column(JSON, nullable=False))
    """`[[act, {argument: value}], ...]` in the order of the positions; never anything a person wrote."""
    expires_at: datetime = Field(sa_type=UtcTime, index=True)
