"""What the fund wants said, put into the outbox as effects in the same transaction as everything else.

Nothing here touches the network. A chat has slots: `screen` is the one message of a private chat, a card has
its own slot in the group, a notice is a slot of its own. A later text for a slot replaces a pending earlier one.
"""

import json
import secrets
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Executable, bindparam, insert, update
from sqlmodel import col, delete, select

from models.base import new_id, table_of
from models.case import Case
from models.mail import Effect, EffectKind, EffectStatus, Keyboard, SentMessage
from models.unit import Unit
from services.contact import Address, To, lane_of
from services.keyboards import drop_keyboard
from vault.seal import Place
from vault.types import BlindIndex

SCREEN = "screen"
"""The slot of the one message of a private chat."""

NOTICE = "notice:"
"""Slots of notices begin with this."""

START = "start"
"""The slot of keyboards that live in a deep link."""

START_BUTTON = "b_"
"""Prefix of a start parameter that stands for a button. Letters, digits, _ and - only, 64 at most (Bot API)."""

OWN_NAME = "{bot}"
"""Stands in a screen's text for the bot's own user name, which the sender knows: `https://t.me/{bot}?start=`."""

MESSAGE = 4096
"""UTF-16 units that a message holds (Bot API, message text)."""

CHECKOUT_LANES = tuple(BlindIndex(f"checkout:{number}") for number in range(16))
"""Lanes of what is answered at once: events and effects about a payment wait behind nothing else."""

FOREVER = timedelta(days=365)
"""How long a keyboard outside private chats may live; its case ends it earlier."""


@dataclass(frozen=True, slots=True)
class Button:
    """A button: what it says, the act it stands for, and the act's arguments (ids and choices, never words).

    With `url` it opens that address instead, and nothing of it is stored but in the outgoing effect.
    """

    label: str
    act: str = ""
    args: Mapping[str, str | int] = field(default_factory=dict)
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Screen:
    """A text with rows of buttons, and at most one picture (the id of an attachment)."""

    text: str
    rows: Sequence[Sequence[Button]] = ()
    picture: UUID | None = None
    protect: bool = False
    """Telegram's protected content: no forwarding, no saving, no screenshots where the client obeys."""
    neutral: bool = False
    """It tells nothing: a notice of it needs no cover."""


@dataclass(frozen=True, slots=True)
class Life:
    """How long a message stands: when it fades to the neutral line, and when it is deleted."""

    fade: timedelta | None
    erase: timedelta


def units(text: str) -> int:
    """How long a text is for Telegram, in UTF-16 units: an emoji is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fitting(text: str, most: int) -> str:
    """As much of the beginning of a text as so many UTF-16 units hold."""
    return text.encode("utf-16-le")[: 2 * most].decode("utf-16-le", "ignore")


def unfading(unit: Unit) -> Life:
    """For what is neutral, or what nothing else leads to: it stands as long as a bot can delete it."""
    return Life(None, timedelta(hours=unit.policy.retention.message_hours))


def for_reading(unit: Unit) -> Life:
    """For what is read once: it goes after the reading time."""
    return Life(None, timedelta(minutes=unit.policy.panel.reading_minutes))


def for_copying(unit: Unit) -> Life:
    """For what is copied from a screen, as a destination or a code: it fades after the reading time."""
    return Life(for_reading(unit).erase, unfading(unit).erase)


async def show(
    unit: Unit,
    to: To,
    screen: Screen,
    *,
    slot: str = SCREEN,
    case: Case | None = None,
    life: Life | None = None,
    anew: bool = False,
    urgent: bool = False,
    open_to_all: bool = False,
    if_there: bool = False,
) -> None:
    """Put a screen into a slot of a chat.

    The buttons may be pressed by the chat's person alone, or with `open_to_all` by anyone in the group (the
    service then decides). With `case` they are bound to its version. `anew` moves the message to the bottom, as
    a typed command or a pressed notice always does with the one screen: they stand below it. `urgent` goes before
    all else in the chat but an erasure of the same slot. With `if_there` only a message that stands is edited:
    whoever has deleted it gets nothing new. What comes unasked, into a slot of its own, is covered until it is
    tapped, if it tells anything: it may come to a locked phone.
    """
    lane = lane_of(unit, to.address)
    policy = unit.policy.retention
    life = life or Life(timedelta(minutes=policy.screen_minutes), timedelta(hours=policy.message_hours))
    await _replace_pending(unit, lane, slot)
    keyboard = await _keyboard(unit, lane, slot, screen, case, life, open_to_all=open_to_all)
    payload = {
        "chat": to.address,
        "language": to.language,
        "text": screen.text,
        "keyboard": keyboard,
        "picture": str(screen.picture) if screen.picture else None,
        "protect": screen.protect,
        "anew": anew or (unit.to_bottom and slot == SCREEN),
        "covered": slot.startswith(NOTICE) and to.address > 0 and not (if_there or screen.neutral),
        "if_there": if_there,
        "fade": life.fade.total_seconds() if life.fade else None,
        "erase": life.erase.total_seconds(),
    }
    if urgent:
        await _hasten_erasure(unit, lane, slot)
    _put(unit, lane, EffectKind.SHOW, payload, slot=slot, case_id=case.id if case else None, urgent=urgent)


async def notify(
    unit: Unit,
    to: To,
    screen: Screen,
    *,
    case: Case | None = None,
    life: Life | None = None,
    urgent: bool = False,
    topic: str = "",
) -> str:
    """Say something in a message of its own and return its slot, which begins with `topic` after `NOTICE`."""
    slot = f"{NOTICE}{topic}{uuid4()}"
    await show(unit, to, screen, slot=slot, case=case, life=life, urgent=urgent)
    return slot


def erase_messages(unit: Unit, address: Address, messages: Sequence[int]) -> None:
    """Delete messages by number, such as the answer that a person has just typed."""
    payload = {"chat": address, "messages": list(messages)}
    _put(unit, lane_of(unit, address), EffectKind.ERASE, payload)


async def erase_slot(unit: Unit, sent: SentMessage) -> None:
    """Delete what stands in a slot; the row goes when Telegram has answered."""
    payload = {"chat": sent_address(unit, sent)[0], "slots": [sent.slot]}
    await drop_keyboard(unit, sent.lane, sent.slot)
    await _replace_pending(unit, sent.lane, sent.slot)
    _put(unit, sent.lane, EffectKind.ERASE, payload, slot=sent.slot)


async def clear_slot(unit: Unit, lane: BlindIndex, slot: str) -> None:
    """Delete what stands in a slot of a chat, if anything, and drop what is still pending for it."""
    await drop_keyboard(unit, lane, slot)
    await _replace_pending(unit, lane, slot)
    standing = await unit.session.exec(
        select(SentMessage).where(SentMessage.lane == lane, SentMessage.slot == slot)
    )
    for sent in standing.all():
        await erase_slot(unit, sent)


async def clear_notices(unit: Unit, lane: BlindIndex, case_id: UUID | None, topic: str = "") -> None:
    """Delete the notices about a case, or of a topic, that stand in a chat, and drop those still pending there."""
    begin = f"{NOTICE}{topic}"
    pending = select(Effect.slot).where(
        col(Effect.case_id) == case_id,
        col(Effect.lane) == lane,
        col(Effect.slot).startswith(begin),
        col(Effect.status) == EffectStatus.PENDING,
        col(Effect.kind) == EffectKind.SHOW,
    )
    standing = select(SentMessage.slot).where(
        SentMessage.lane == lane, SentMessage.case_id == case_id, col(SentMessage.slot).startswith(begin)
    )
    slots = {*(await unit.session.exec(pending)).all(), *(await unit.session.exec(standing)).all()}
    for slot in sorted(slot for slot in slots if slot is not None):
        await clear_slot(unit, lane, slot)


def answer(
    unit: Unit,
    address: Address,
    press: str,
    text: str | None = None,
    *,
    alert: bool = False,
    start: str | None = None,
) -> None:
    """Answer the press of a button: quietly, with a line at the top, or with a pop-up that only they see.

    `start` (from `start_link`) opens the bot's private chat with that parameter instead (Bot API,
    answerCallbackQuery: `url` may be a deep link into the bot).
    """
    payload = {"chat": address, "press": press, "text": text, "alert": alert, "start": start}
    _put(unit, lane_of(unit, address), EffectKind.ANSWER, payload, urgent=True)


def answer_checkout(unit: Unit, address: Address, query: str, refusal: str | None) -> None:
    """Answer Telegram's last question before a payment: yes, or why not. It waits ten seconds for it."""
    payload = {"chat": address, "query": query, "refusal": refusal}
    _put(unit, checkout_lane(query), EffectKind.CHECKOUT, payload, urgent=True)


def start_link(unit: Unit, person: BlindIndex, button: Button, case: Case | None = None) -> str:
    """A start parameter that stands for a button which only this person may press, for an hour."""
    token = secrets.token_urlsafe(16)
    unit.session.add(
        Keyboard(
            token=token,
            lane=person,
            slot=START,
            person=person,
            case_id=case.id if case else None,
            case_version=case.version if case else None,
            buttons=[[button.act, dict(button.args)]],
            expires_at=unit.now + timedelta(hours=1),
        )
    )
    return f"{START_BUTTON}{token}-0"


def leave(unit: Unit, address: Address) -> None:
    """Leave a group in which the bot has no business."""
    _put(unit, lane_of(unit, address), EffectKind.LEAVE, {"chat": address})


def sent_address(unit: Unit, sent: SentMessage) -> tuple[Address, int]:
    """Chat and message number of a message that stands."""
    place = Place("sent_message", "address", str(sent.id))
    chat, message = json.loads(unit.vault.open_server(sent.address, place))
    return Address(chat), message


def checkout_lane(query: str) -> BlindIndex:
    """The lane of one question before a payment: it stands in the order of no chat."""
    return CHECKOUT_LANES[zlib.crc32(query.encode(errors="replace")) % len(CHECKOUT_LANES)]


def effect_place(effect: Effect) -> Place:
    """Where an effect's payload is sealed."""
    return sealed_effect(effect.seal_id)


def sealed_effect(seal_id: UUID) -> Place:
    """The same, for whoever has only the row's number of the seal."""
    return Place("outbox_effect", "payload", seal_id)


def _put(
    unit: Unit,
    lane: BlindIndex,
    kind: EffectKind,
    payload: Mapping[str, Any],
    *,
    slot: str | None = None,
    case_id: UUID | None = None,
    urgent: bool = False,
) -> None:
    seal_id = new_id()
    row = {
        "lane": lane,
        "kind": kind,
        "slot": slot,
        "urgent": urgent,
        "payload": unit.vault.seal_server(json.dumps(payload).encode(), sealed_effect(seal_id)),
        "seal_id": seal_id,
        "case_id": case_id,
        "status": EffectStatus.PENDING,
        "attempts": 0,
        "due_at": unit.now,
        "error": None,
    }
    unit.said.append(row)


async def _keyboard(
    unit: Unit,
    lane: BlindIndex,
    slot: str,
    screen: Screen,
    case: Case | None,
    life: Life,
    *,
    open_to_all: bool,
) -> list[list[dict[str, str]]]:
    flat = [button for row in screen.rows for button in row]
    new: dict[str, Any] = {
        "token": secrets.token_urlsafe(16),
        "lane": lane,
        "slot": slot,
        "person": None if open_to_all else lane,
        "case_id": case.id if case else None,
        "case_version": case.version if case else None,
        "buttons": [[button.act, dict(button.args)] for button in flat],
        "expires_at": unit.now + (FOREVER if open_to_all else life.erase),
    }
    token = await _standing_token(unit, new) if open_to_all else None
    if token is None:
        await drop_keyboard(unit, lane, slot)
        if flat:
            await unit.run(_keyboard_new(), new)
            token = new["token"]
    positions = iter(range(len(flat)))
    return [
        [{"label": button.label, "data": button.url or f"{token}.{number}"} for button, number in row]
        for row in ([(button, next(positions)) for button in row] for row in screen.rows)
    ]


async def _standing_token(unit: Unit, new: Mapping[str, Any]) -> str | None:
    """The token of the keyboard that stands in the slot, when it means just the same.

    Several people press the buttons of one card: a new count of votes must not make a press under way stale.
    """
    found = await unit.session.exec(
        select(Keyboard).where(Keyboard.lane == new["lane"], Keyboard.slot == new["slot"])
    )
    meaning = ("person", "case_id", "case_version", "buttons")
    return next((old.token for old in found if all(getattr(old, name) == new[name] for name in meaning)), None)


async def _replace_pending(unit: Unit, lane: BlindIndex, slot: str) -> None:
    unit.said[:] = [row for row in unit.said if not _shows(row, lane, slot)]
    await unit.run(_pending(), {"in_lane": lane, "in_slot": slot})


async def _hasten_erasure(unit: Unit, lane: BlindIndex, slot: str) -> None:
    """What is about to be deleted in a slot goes before what comes there; after it, it would take the new one."""
    await unit.write()
    await unit.run(_erasure(), {"in_lane": lane, "in_slot": slot})


def _shows(row: Mapping[str, Any], lane: BlindIndex, slot: str) -> bool:
    return (row["lane"], row["slot"], row["kind"]) == (lane, slot, EffectKind.SHOW)


@cache
def _keyboard_new() -> Executable:
    """Built once, as below: each event runs these, and building them takes longer."""
    return insert(table_of(Keyboard))


@cache
def _pending() -> Executable:
    table = table_of(Effect)
    return delete(table).where(
        table.c.lane == bindparam("in_lane"),
        table.c.slot == bindparam("in_slot"),
        table.c.status == EffectStatus.PENDING,
        table.c.kind == EffectKind.SHOW,
    )


@cache
def _erasure() -> Executable:
    table = table_of(Effect)
    pending = (table.c.status == EffectStatus.PENDING) & (table.c.kind == EffectKind.ERASE)
    return (
        update(table)
        .where(table.c.lane == bindparam("in_lane"), table.c.slot == bindparam("in_slot"), pending)
        .values(urgent=True)
    )
