"""How one effect is done in Telegram, so that doing it again after a crash changes nothing.

- A new message is sent in two phases: the neutral line, whose number is recorded and committed, then an edit to
  its text. A crash in between leaves a neutral line, never a text twice, and never a text whose number nobody
  knows. Protection is set with the neutral line: it cannot be added later.
- An edit to what is shown already, a deletion of what is gone, a second answer to a press: all are harmless.
- A message that is too old to be deleted in time is not filled anew, but replaced.
- A picture that Telegram refuses is left out, and the text says so: the buttons below it are the only way on.
"""

import contextlib
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from bot.outbox import Due, Record, Slot, Standing
from bot.telegram_calls import CallFailed, CallRefused, ChatClosed, Face, MessageGone, TelegramCalls
from models.mail import EffectKind
from services.messages import DELETABLE
from texts.catalogue import Catalogue
from vault.errors import VaultError

LONGEST: Final = DELETABLE - timedelta(hours=1)
"""How long a message may stand: an hour of the time in which Telegram deletes it is kept for retries."""

log = structlog.get_logger()

Place = Callable[[Record], Awaitable[bool]]
"""Commits a placed line; tells whether its text is still wanted."""

Pictures = Callable[[UUID], Awaitable[bytes]]
"""The bytes of an attachment by its id; raises what the vault raises when it is gone."""


class PictureGone(CallFailed):
    """The picture cannot be read any more."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Does effects. `place` commits, `pictures` opens attachments, `now` tells the fund's time."""

    calls: TelegramCalls
    place: Place
    pictures: Pictures
    texts: Catalogue
    now: Callable[[], datetime]

    async def deliver(self, due: Due, standing: dict[Slot, Standing], record: Record) -> None:
        """Do one effect and note in `record` what became of it; raises `CallFailed` when it was not done."""
        if due.kind is EffectKind.SHOW:
            if due.shredded:
                record.failed.append((due.id, "CaseShredded"))
                return
            if due.payload["if_there"]:
                await self._fade(due, standing, record)
            elif not await self._show(due, standing, record):
                return
        elif due.kind is EffectKind.ERASE:
            await self._erase(due, standing, record)
        elif due.kind is EffectKind.ANSWER:
            payload = due.payload
            await self.calls.answer(
                payload["press"], payload["text"], alert=payload["alert"], start=payload["start"]
            )
        elif due.kind is EffectKind.CHECKOUT:
            await self.calls.answer_checkout(due.payload["query"], due.payload["refusal"])
        else:
            await self.calls.leave(due.chat)
        record.done.append(due.id)

    async def _show(self, due: Due, standing: dict[Slot, Standing], record: Record) -> bool:
        slot = Slot(due.lane, due.slot or "")
        face = await self._face(due)  # before anything is sent: a picture may be gone
        there = standing.get(slot)
        digest = _digest(due)
        if there is not None and self._outlived(due, there):
            await self._remove(there, record)
            there, replaced = None, standing.pop(slot)
        else:
            replaced = None
        if there is not None and there.digest != digest:
            try:
                await self._fill(there, face, due)
            except MessageGone:
                await self._remove(there, record)
                there, replaced = None, standing.pop(slot)
        if there is None:
            there = await self._send(due, slot, replaced, record)
            if there is None:
                return False
            standing[slot] = there
            await self._fill(there, face, due)
        self._age(due, there, digest)
        record.shown.append(there)
        return True

    async def _fill(self, there: Standing, face: Face, due: Due) -> None:
        try:
            await self.calls.edit(there.chat, there.message, face)
        except CallRefused:
            if face.picture is None:
                raise
            log.warning("picture_refused")
            line = self.texts.render("pipeline.no-picture", due.payload["language"])
            bare = Face(f"{face.text}\n\n{line}".strip(), face.rows)
            await self.calls.edit(there.chat, there.message, bare)

    async def _fade(self, due: Due, standing: dict[Slot, Standing], record: Record) -> None:
        """Let a message that stands show something else. Where it cannot be edited it goes; nothing comes anew."""
        slot = Slot(due.lane, due.slot or "")
        there = standing.get(slot)
        if there is None:
            return
        try:
            await self.calls.edit(there.chat, there.message, await self._face(due))
        except (MessageGone, ChatClosed):
            await self._take_away(slot, standing, record)
        else:
            self._age(due, there, _digest(due))
            record.shown.append(there)

    def _outlived(self, due: Due, there: Standing) -> bool:
        """Whether the message must give way to a new one; never when it was just placed for this very effect."""
        if there.placed_for == due.id:
            return False
        too_old = self.now() - there.sent_at >= LONGEST
        unprotected = due.payload["protect"] and not there.protect
        return bool(due.payload["anew"] or too_old or unprotected or there.chat != due.chat)

    async def _send(self, due: Due, slot: Slot, replaced: Standing | None, record: Record) -> Standing | None:
        """Place the neutral line; none when its text is not wanted any more."""
        payload = due.payload
        now = self.now()
        line = self.texts.render("pipeline.neutral", payload["language"])
        message = await self.calls.send(due.chat, line, protect=payload["protect"])
        before = replaced.id if replaced else record.emptied.pop(slot, None)
        placed = Standing(
            lane=slot.lane,
            slot=slot.name,
            chat=due.chat,
            message=message,
            sent_at=now,
            erase_at=now + LONGEST,
            language=payload["language"],
            protect=payload["protect"],
            case_id=due.case_id,
            placed_for=due.id,
        )
        if await self.place(Record(placed=placed, replaced=before)):
            return placed
        await self.calls.delete(due.chat, [message])
        return None

    async def _face(self, due: Due) -> Face:
        payload = due.payload
        rows = [[(button["label"], button["data"]) for button in row] for row in payload["keyboard"]]
        picture = None
        if payload["picture"]:
            try:
                picture = await self.pictures(UUID(payload["picture"]))
            except (VaultError, LookupError, OSError):
                raise PictureGone from None
        return Face(payload["text"], rows, picture, covered=payload["covered"])

    def _age(self, due: Due, there: Standing, digest: str) -> None:
        now, payload = self.now(), due.payload
        there.digest, there.placed_for = digest, None
        there.case_id, there.language = due.case_id, payload["language"]
        there.fade_at = now + timedelta(seconds=payload["fade"]) if payload["fade"] is not None else None
        there.erase_at = min(now + timedelta(seconds=payload["erase"]), there.sent_at + LONGEST)

    async def _erase(self, due: Due, standing: dict[Slot, Standing], record: Record) -> None:
        loose = list(due.payload.get("messages", ()))
        if loose:
            record.kept += [(due, message) for message in await self.calls.delete(due.chat, loose)]
        for name in due.payload.get("slots", ()):
            await self._take_away(Slot(due.lane, name), standing, record)

    async def _take_away(self, slot: Slot, standing: dict[Slot, Standing], record: Record) -> None:
        there = standing.get(slot)
        if there is not None:
            await self._remove(there, record)
            del standing[slot]  # only now: a closed chat is given up by what still stands
            record.gone.append(there.id)
            record.emptied[slot] = there.id

    async def _remove(self, there: Standing, record: Record) -> None:
        """Delete a message. One that Telegram keeps is at least emptied to the neutral line, and put on record."""
        if not await self.calls.delete(there.chat, [there.message]):
            return
        line = self.texts.render("pipeline.neutral", there.language)
        with contextlib.suppress(MessageGone, CallRefused):
            await self.calls.edit(there.chat, there.message, Face(line))
        record.left.append((there.id, there.case_id))


def _digest(due: Due) -> str:
    """What a message shows, buttons with their data: a message that shows it already is left alone."""
    payload = due.payload
    shown = [payload[part] for part in ("text", "keyboard", "picture", "protect", "covered")]
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()
