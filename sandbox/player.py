"""Plays a story on the chat page: steps are data, each a caption and a few acts of people.

Nothing waits for a fixed time: an act looks at what its person sees until it can be done. Only the pause in
which a reader reads is a time, and it may be 0. What buttons and screens say is asked of `label`, by its key in
the fund's catalogue, since the stand-ins know nothing of the fund.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

from sandbox.telegram.client import Group, Person, PopupView, Town, View

Words = Mapping[str, str]
"""What is said, by language."""

Label = Callable[[str], str]
"""The text of a key, in the players' language, with its `{places}` unfilled."""

SECONDS: Final = 60.0
"""How long an act waits for what it needs; a real fund answers at once."""

WRITING: Final = 0.25
"""The share of a pause that one act takes."""

NOON: Final = 9
"""In UTC: noon in Moscow."""

STALE: Final = ("refused.button-gone", "refused.case-changed", "refused.stale")
"""What a pop-up says when the message has just changed."""

_PLACE: Final = re.compile(r"\{\w+\}")


@dataclass(slots=True)
class Stage:
    """Who plays, by the name of the role, and where. Roles may be given while the story runs (`Draw`)."""

    town: Town
    players: dict[str, Person]
    group: Group
    label: Label
    language: str
    pause: float
    popups: dict[int, int] = field(default_factory=dict)

    def person(self, role: str) -> Person:
        """Who plays a role."""
        return self.players[role]

    def place(self, *, in_group: bool) -> Group | None:
        """The group, or None for a private chat with the bot."""
        return self.group if in_group else None

    def fits(self, key: str, text: str) -> bool:
        """Whether a text contains what the key says, whatever its places are filled with."""
        parts = _PLACE.split(self.label(key))
        return re.search(".*?".join(map(re.escape, parts)), text, re.DOTALL) is not None

    async def breathe(self, share: float = 1.0) -> None:
        """Let the reader read."""
        await asyncio.sleep(self.pause * share)

    async def button(self, role: str, key: str, *, in_group: bool, since: int = 0) -> tuple[View, str]:
        """Wait for a message with the button, changed after number `since`, and return both."""

        def found(view: View) -> str | None:
            return next((label for label in view.labels if self.fits(key, label)), None)

        chat = self.place(in_group=in_group)
        view = await self.person(role).wait_for(
            lambda seen: found(seen) is not None, chat=chat, since=since, timeout=SECONDS
        )
        return view, found(view) or ""


class Act(Protocol):
    """Something that somebody does or sees."""

    async def do(self, stage: Stage) -> None:
        """Do it; raises `NeverHappened` or `Refused` when it cannot be done."""


@dataclass(frozen=True, slots=True)
class Step:
    """A caption, the roles it is about, and what they do. `in_group` opens the group on their phones."""

    caption: Words
    roles: Sequence[str]
    acts: Sequence[Act]
    in_group: bool = False


@dataclass(frozen=True, slots=True)
class Say:
    """Write to the bot."""

    role: str
    words: Words

    async def do(self, stage: Stage) -> None:
        """Send it."""
        await stage.person(self.role).send(self.words.get(stage.language, self.words["en"]))


@dataclass(frozen=True, slots=True)
class See:
    """Wait until the person's chat shows what a key says."""

    role: str
    key: str
    in_group: bool = False

    async def do(self, stage: Stage) -> None:
        """Wait."""
        chat = stage.place(in_group=self.in_group)
        await stage.person(self.role).wait_for(
            lambda view: stage.fits(self.key, view.text), chat=chat, timeout=SECONDS
        )


@dataclass(frozen=True, slots=True)
class Press:
    """Press the newest button with a label, once it is there."""

    role: str
    key: str
    in_group: bool = False

    async def do(self, stage: Stage) -> None:
        """Press it."""
        view, label = await stage.button(self.role, self.key, in_group=self.in_group)
        await stage.person(self.role).press(label, on=view)


@dataclass(frozen=True, slots=True)
class Follow:
    """Press a button of the group that opens the private chat, and go there."""

    role: str
    key: str

    async def do(self, stage: Stage) -> None:
        """Press it, wait for the link, press START. What changed under the finger is pressed once more."""
        person = stage.person(self.role)
        popup, pressed = await self._press(stage, since=0)
        while any(stage.fits(key, popup.text) for key in STALE):
            popup, pressed = await self._press(stage, since=pressed.changed)
        if popup.url is not None:
            await stage.breathe(WRITING)
            await person.open_link(popup.url)

    async def _press(self, stage: Stage, since: int) -> tuple[PopupView, View]:
        """Press the button of a message that has changed since, and return what came of it."""
        person = stage.person(self.role)
        before = await person.popups()
        view, label = await stage.button(self.role, self.key, in_group=True, since=since)
        await person.press(label, on=view)
        return await person.wait_popup(since=before[-1].seq if before else 0, timeout=SECONDS), view


@dataclass(frozen=True, slots=True)
class Photo:
    """Send a picture."""

    role: str
    content: bytes

    async def do(self, stage: Stage) -> None:
        """Send it."""
        await stage.person(self.role).upload_photo(self.content)


@dataclass(frozen=True, slots=True)
class Draw:
    """Wait until one of `keys` was told to as many as there are `names`, of those whose role begins with `among`.

    They get these names as roles, and who was not drawn the roles `others`.
    """

    among: str
    keys: Sequence[str]
    names: Sequence[str]
    others: Sequence[str] = ()

    async def do(self, stage: Stage) -> None:
        """Wait, and hand out the roles."""
        candidates = [person for role, person in stage.players.items() if role.startswith(self.among)]
        told = {asyncio.create_task(self._told(stage, person)) for person in candidates}
        drawn: list[Person] = []
        while len(drawn) < len(self.names):
            done, told = await asyncio.wait(told, return_when=asyncio.FIRST_COMPLETED)
            drawn += [task.result() for task in done]
        for task in told:
            task.cancel()
        left = [person for person in candidates if person not in drawn]
        stage.players |= dict(zip([*self.names, *self.others], [*drawn, *left], strict=False))

    async def _told(self, stage: Stage, person: Person) -> Person:
        await person.wait_for(lambda view: any(stage.fits(key, view.text) for key in self.keys), timeout=SECONDS)
        return person


@dataclass(frozen=True, slots=True)
class Jump:
    """Let time pass, and then on until noon, when nobody sleeps."""

    step: timedelta

    async def do(self, stage: Stage) -> None:
        """Jump."""
        then = await stage.town.now() + self.step
        noon = then.replace(hour=NOON, minute=0, second=0, microsecond=0)
        rest = noon - then if noon >= then else noon + timedelta(days=1) - then
        await stage.town.advance(self.step + rest)


async def play(stage: Stage, story: Sequence[Step], until: int | None = None) -> None:
    """Play the story, or its first steps; raises `NeverHappened` or `Refused` where it cannot be played."""
    for number, step in enumerate(story[:until], 1):
        people = [stage.players[role] for role in step.roles if role in stage.players]
        caption = step.caption.get(stage.language, step.caption["en"])
        chat = stage.place(in_group=step.in_group)
        await stage.town.narrate(caption, people, chat=chat, step=number, steps=len(story))
        await stage.breathe()
        for act in step.acts:
            await act.do(stage)
            await stage.breathe(WRITING)
