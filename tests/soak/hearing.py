"""What was ever shown to anybody, as the stand-in saw it: every text of every message, also those long gone."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from sandbox.telegram.core import Telegram
from tests.soak.reading import says


@dataclass(slots=True)
class Hearing:
    """Texts by chat and number of the message, in the order shown."""

    telegram: Telegram
    texts: dict[tuple[int, int], list[str]] = field(default_factory=dict)
    standing: set[tuple[int, int]] = field(default_factory=set)

    async def listen(self) -> None:
        """Write down everything until cancelled."""
        with self.telegram.hub.following() as events:
            while True:
                event = await events.get()
                if event.chat is None or event.kind not in {"message", "edited", "deleted"}:
                    continue
                at = (event.chat, event.body["message_id"])
                if event.kind == "deleted":
                    self.standing.discard(at)
                elif event.body.get("from", {}).get("id") == self.telegram.bot.id:
                    self.standing.add(at)
                    self.texts.setdefault(at, []).append(str(event.body.get("text") or event.body.get("caption")))

    def messages(self, chat: int, key: str, language: str) -> int:
        """How many messages in a chat ever showed a text of the catalogue."""
        return sum(any(says(text, key, language) for text in texts) for texts in self._of(chat))

    def doubles(self, chat: int, key: str, language: str) -> list[str]:
        """Texts of one key, with what stands in their gaps, that two messages of a chat have shown."""
        shown = [{text for text in texts if says(text, key, language)} for texts in self._of(chat)]
        every = [text for texts in shown for text in texts]
        return sorted({text for text in every if every.count(text) > 1})

    def orphans(self, neutral: frozenset[str]) -> int:
        """How many messages stand that never showed more than the neutral line: a crash came in between."""
        return sum(set(self.texts[at]) <= neutral for at in self.standing)

    def _of(self, chat: int) -> Iterator[list[str]]:
        return (texts for (where, _), texts in self.texts.items() if where == chat)


async def heard(hearing: Hearing) -> asyncio.Task[None]:
    """Start to listen."""
    task = asyncio.create_task(hearing.listen())
    await asyncio.sleep(0)
    return task
