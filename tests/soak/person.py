"""Somebody with a phone: they look, press one button or type one message, and wait for what comes of it.

Nobody here presses twice out of impatience. What an act must bring (an answer to the press, the typed words gone,
the next screen) is waited for until a generous deadline, over any number of restarts of the fund; what has not
come by then was lost, and is a failure (`NeverHappened`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.telegram.client import Group, NeverHappened, Person, PopupView, Refused, View
from tests.soak.reading import label, says

DEADLINE = 240.0
"""Seconds of real time for one effect: several restarts of all processes fit in, on a machine that is busy with
other things too."""

Fits = Callable[[View], bool]


class Lost(NeverHappened):
    """Something that must come into a chat has not come in time."""

    def __init__(self, chat: int, what: str) -> None:
        """`chat` is where it was waited for."""
        super().__init__(what)
        self.chat = chat


@dataclass(frozen=True, slots=True)
class Someone:
    """A person and the language of their app."""

    person: Person
    language: str

    def label(self, key: str) -> str:
        """The words on a button, in their language."""
        return label(key, self.language)

    def says(self, view: View, *keys: str) -> bool:
        """Whether a message says one of these texts."""
        return any(says(view.text, key, self.language) for key in keys)

    async def see(self, *keys: str, button: str | None = None, chat: Group | None = None) -> View:
        """Wait for a message that says one of these texts, with a button of this key if one is named."""

        def fits(view: View) -> bool:
            return self.says(view, *keys) and (button is None or self.label(button) in view.labels)

        return await self.see_that(fits, " or ".join(keys), chat=chat)

    async def see_that(self, fits: Fits, what: str, *, chat: Group | None = None) -> View:
        """Wait for a message of the bot that fits."""
        try:
            return await self.person.wait_for(fits, chat=chat, timeout=DEADLINE)
        except NeverHappened as lost:
            where = chat.id if chat else self.person.id
            raise Lost(where, f"{self.person.name} never saw {what} in {where}: {lost}") from None

    async def look(self, chat: Group | None = None) -> list[View]:
        """What the bot says in a chat now."""
        return [view for view in await self.person.messages(chat) if view.from_bot]

    async def press(self, view: View, key: str) -> PopupView | None:
        """Press the button with the words of `key`; see `press_that`."""
        return await self.press_that(view, lambda words: words == self.label(key))

    async def press_that(self, view: View, fits: Callable[[str], bool]) -> PopupView | None:
        """Press a button and wait until its wheel is stopped; none when the button is gone by now."""
        found = [button for row in view.buttons for button in row if fits(button["text"])]
        if not found:
            raise Lost(view.chat, f"{self.person.name} sees no such button under {view.text!r}: {view.labels}")
        body = {"button": found[0]["callback_data"], "chat": view.chat, "message_id": view.id}
        try:
            query = (await self.person.town.call("POST", f"/people/{self.person.id}/press", json=body))["query"]
        except Refused:
            return None

        async def answered() -> PopupView | None:
            return next((popup for popup in await self.person.popups() if popup.query_id == query), None)

        try:
            return await self.person.until(answered, DEADLINE)
        except NeverHappened as lost:
            what = f"{self.person.name} pressed {found[0]['text']!r} under {view.text!r}"
            raise Lost(view.chat, f"{what} in {view.chat}, and nothing answered: {lost}") from None

    async def type(self, text: str) -> None:
        """Type to the bot and wait until the words are gone from the chat."""
        await self.gone(await self.person.send(text))

    async def gone(self, view: View) -> None:
        """Wait until an own message is gone."""
        try:
            await self.person.wait_gone(view, timeout=DEADLINE)
        except NeverHappened as lost:
            raise Lost(view.chat, f"what {self.person.name} typed stays: {view.text!r}: {lost}") from None
