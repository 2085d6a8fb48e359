"""What the bot ever showed in any chat of a world, and whether it said something twice at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from sandbox.telegram.core import Telegram
from tests.flows.harness import World


@dataclass(slots=True)
class Chronicle:
    """Texts by chat, in the order shown. `neutral` are the lines that may stand in a chat more than once."""

    telegram: Telegram
    neutral: frozenset[str]
    shown: dict[int, list[str]] = field(default_factory=dict)
    standing: dict[tuple[int, int], str] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    """Texts that stood in two messages of one chat at the same time."""

    async def write(self) -> None:
        """Write down everything until cancelled."""
        with self.telegram.hub.following() as events:
            while True:
                event = await events.get()
                if event.chat is None or event.kind not in {"message", "edited", "deleted"}:
                    continue
                at = (event.chat, event.body["message_id"])
                if event.kind == "deleted":
                    self.standing.pop(at, None)
                elif event.body.get("from", {}).get("id") == self.telegram.bot.id:
                    self._show(at, str(event.body.get("text") or event.body.get("caption") or ""))

    def _show(self, at: tuple[int, int], text: str) -> None:
        chat = at[0]
        self.shown.setdefault(chat, []).append(text)
        others = (words for other, words in self.standing.items() if other[0] == chat and other != at)
        if text not in self.neutral and text in others:
            self.twice.append(text)
        self.standing[at] = text

    def said(self, chat: int, *words: str) -> list[str]:
        """Texts ever shown in a chat that hold one of these words."""
        return [text for text in self.shown.get(chat, []) if any(word in text for word in words)]


@asynccontextmanager
async def chronicle(world: World) -> AsyncIterator[Chronicle]:
    """Write down what is shown from now on."""
    texts = world.resources.texts
    neutral = frozenset(texts.render("pipeline.neutral", language) for language in texts.languages)
    written = Chronicle(world.server.telegram, neutral)
    task = asyncio.create_task(written.write())
    await asyncio.sleep(0)
    try:
        yield written
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
