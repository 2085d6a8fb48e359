"""Somebody who looks at their chat, takes what is new there, and does it, one thing at a time.

They are idle when nothing in their chat is new to them. Everything that they are told of is done once: a message
that they have taken up is not taken up again.
"""

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sandbox.telegram.client import NeverHappened, View
from tests.soak.person import Someone

NAP = 20.0
"""Seconds after which somebody looks even though nothing has moved."""


@dataclass(slots=True)
class Watcher:
    """`tasks` are the texts that give something to do, each with a button of the key `button`."""

    me: Someone
    idle: bool = False
    done: set[tuple[int, str]] = field(default_factory=set)
    """What was taken up, by number and text of the message."""

    tasks: tuple[str, ...] = ()
    button: str = ""

    async def watch(self) -> None:
        """Do what comes, until cancelled."""
        while True:
            new = await self.new()
            self.idle = new is None
            if new is None:
                with suppress(NeverHappened):
                    await self.me.person.until(self.new, NAP)
                continue
            for view in new:
                self.done.add((view.id, view.text))
                await self.take_up(view)

    @abstractmethod
    async def take_up(self, view: View) -> None:
        """Do what a message asks for."""

    async def new(self) -> Sequence[View] | None:
        """What is new, or none when nothing is."""
        wanted = self.me.label(self.button)
        return [
            view
            for view in await self.me.look()
            if (view.id, view.text) not in self.done and wanted in view.labels and self.me.says(view, *self.tasks)
        ] or None


async def at_rest(watchers: Sequence[Watcher]) -> bool:
    """Whether nobody is at work, nor will be as soon as they look."""
    for watcher in watchers:
        if not watcher.idle or await watcher.new() is not None:
            return False
    return all(watcher.idle for watcher in watchers)
