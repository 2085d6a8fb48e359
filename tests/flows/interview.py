"""A person going through the interview as on Telegram: buttons by their words, answers by typing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.telegram.client import Person, View
from services.questions import KEYS, QUESTIONS
from tests.flows.harness import World
from texts.catalogue import load

TEXTS = load()

PRESSED: Mapping[str, str] = {
    "happened": "fine",
    "district": "volga",
    "urgency": "week",
    "zone": "utc4",
    "hours": "day",
    "messages": "yes",
}
"""Choices by the name of the button."""

TYPED: Mapping[str, str] = {
    "when": "вчера",
    "need": "canary-need to pay what was imposed",
    "amount": "15 000",
    "story": "canary-story happened to me",
    "confirmation": "canary-confirmation",
    "payout": "canary-payout 2200 0000 0000 0000",
}

SKIPPABLE = frozenset(question.key for question in QUESTIONS if question.skippable)


@dataclass
class Applicant:
    """Somebody who asks, in a language."""

    world: World
    person: Person
    language: str = "ru"
    answers: dict[str, str] = field(default_factory=dict)

    def say(self, key: str, **params: str | int) -> str:
        """A text of the fund in the applicant's language."""
        return TEXTS.render(key, self.language, **params)

    async def screen(self) -> View:
        """What the bot's one message shows once everything has settled."""
        await self.world.settle()
        shown = await self.person.screen()
        assert shown is not None
        return shown

    async def press(self, key: str) -> View:
        """Press a button by the key of its label."""
        await self.world.settle()
        await self.person.press(self.say(key))
        return await self.screen()

    async def type(self, text: str) -> View:
        """Type a message."""
        await self.person.send(text)
        return await self.screen()

    async def start(self) -> View:
        """Come to the first question."""
        await self.type("/start")
        await self.press("start.button.language")
        return await self.press("start.button.answer")

    async def reply(self, key: str) -> View:
        """Answer one question as this applicant would."""
        if key in self.answers:
            return await self.type(self.answers[key])
        if key in PRESSED:
            return await self.press(f"intake.button.{key}.{PRESSED[key]}")
        if key in TYPED:
            return await self.type(TYPED[key])
        assert key in SKIPPABLE
        return await self.press("intake.button.skip")

    async def answer_all(self, keys: Sequence[str] = KEYS) -> View:
        """Answer these questions in order; the last screen is returned."""
        shown = await self.screen()
        for key in keys:
            assert self.say(f"intake.ask.{key}") in shown.text
            shown = await self.reply(key)
        return shown

    async def submit(self) -> View:
        """From /start to the status screen; the recovery phrase is thrown away."""
        await self.start()
        await self.answer_all()
        await self.press("intake.button.send")
        await self.press("case.button.written")
        return await self.press("case.button.later")


async def applicant(world: World, name: str = "Asker", language: str = "ru") -> Applicant:
    """A newcomer whose app speaks the language."""
    return Applicant(world, await world.person(name, language), language)
