"""A phone that presses and types through aiogram, without a network."""

import json
from dataclasses import dataclass
from typing import Any

from aiogram import Bot, Dispatcher
from aiogram.types import Update
from sqlmodel import col, select

from models.mail import Effect, EffectKind
from services.speak import Button, Screen, effect_place, show
from tests.unit.services.desk import Desk


@dataclass
class Phone:
    """Presses and types what people would, as updates of the Bot API."""

    desk: Desk
    dispatcher: Dispatcher
    bot: Bot
    numbers: Any

    async def says(self, sign: str, text: str) -> None:
        """Send a message in a private chat."""
        number = self.desk.people[sign]
        message = {
            "message_id": next(self.numbers),
            "date": 0,
            "chat": {"id": number, "type": "private"},
            "text": text,
        }
        if text.startswith("/"):
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text)}]
        await self._feed(message=message | {"from": self._user(number)})

    async def sends_photo(self, sign: str, caption: str | None = None) -> None:
        """Send a photo in a private chat, with a caption or without."""
        number = self.desk.people[sign]
        photo = {"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1, "file_size": 10}
        message = {
            "message_id": next(self.numbers),
            "date": 0,
            "chat": {"id": number, "type": "private"},
            "from": self._user(number),
            "photo": [photo],
        }
        await self._feed(message=message | ({"caption": caption} if caption else {}))

    async def presses(self, sign: str, label: str, shown: dict[str, Any] | None = None) -> None:
        """Press a button of the one screen, or of another message."""
        shown = shown or await self.desk.screen(sign)
        await self.presses_data(sign, self.data(label, shown))

    @staticmethod
    def data(label: str, shown: dict[str, Any]) -> str:
        """What stands behind the button of a message."""
        data = [button["data"] for row in shown["keyboard"] for button in row if button["label"].startswith(label)]
        assert data, f"no button {label} below: {shown['text']}"
        return str(data[0])

    async def presses_data(self, sign: str, data: str) -> None:
        """Press a button by its data."""
        number = self.desk.people[sign]
        message = {"message_id": 1, "date": 0, "chat": {"id": number, "type": "private"}, "text": "x"}
        await self._feed(
            callback_query={
                "id": str(next(self.numbers)),
                "from": self._user(number),
                "chat_instance": "1",
                "data": data,
                "message": message,
            }
        )

    async def opens(self, sign: str, act: str) -> None:
        """Give a person a screen with one button, and press it."""
        async with self.desk.resources.unit() as unit:
            actor = await self.desk.actor(unit, sign)
            await show(unit, actor.to, Screen("x", [[Button("go", act)]]), case=actor.case)
        await self.presses(sign, "go")

    async def popup(self) -> tuple[str | None, bool]:
        """What the last press was answered with, and whether it must be closed by hand."""
        async with self.desk.resources.unit() as unit:
            found = await unit.session.exec(
                select(Effect).where(Effect.kind == EffectKind.ANSWER).order_by(col(Effect.id).desc())
            )
            effect = found.first()
            assert effect is not None
            assert effect.payload is not None
            said: dict[str, Any] = json.loads(unit.vault.open_server(effect.payload, effect_place(effect)))
        return said["text"], said["alert"]

    async def text(self, sign: str) -> str:
        """What the one screen says."""
        return str((await self.desk.screen(sign))["text"])

    async def _feed(self, **event: Any) -> None:  # noqa: ANN401 - an update's part
        update = Update.model_validate({"update_id": next(self.numbers), **event})
        async with self.desk.resources.unit() as unit:
            await self.dispatcher.feed_update(self.bot, update, unit=unit)

    @staticmethod
    def _user(number: int) -> dict[str, Any]:
        return {"id": number, "is_bot": False, "first_name": "X", "language_code": "en"}
