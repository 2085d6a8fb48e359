"""An applicant: walks the interview, sends it, reacts to news, and answers follow-ups, as their script says."""

import io
from dataclasses import dataclass, field

from PIL import Image

from sandbox.telegram.client import NeverHappened, View
from services.questions import KEYS, Kind, Question
from tests.soak.docket import Docket, Fate, Script
from tests.soak.person import Someone
from tests.soak.reading import asked, choice, read
from tests.soak.watcher import Watcher

CHOSEN = {
    "happened": "fine",
    "district": "volga",
    "urgency": "week",
    "zone": "utc3",
    "hours": "any",
    "messages": "yes",
}
TYPED = {
    "when": "yesterday",
    "deadline": "tomorrow",
    "need": "A lawyer for the hearing.",
    "story": "It happened on the way home. There is a paper about it.",
    "confirmation": "The paper can be seen.",
    "payout": "By the number that ends with {number}.",
    "court": "",
}
SMALL, LARGE = "15000", "90000"
HALF_WAY = "amount"
"""The question at which somebody leaves the interview for good."""

NEWS = "relay.notice"


FOLLOW_UPS = ("followup.ask.arrived", "followup.ask.month", "followup.ask.quarter")


@dataclass(slots=True)
class Paid(Watcher):
    """An applicant after the money: answers what they are asked, or never does."""

    good: bool = True
    tasks: tuple[str, ...] = FOLLOW_UPS
    button: str = "followup.button.danger"

    async def take_up(self, view: View) -> None:
        """Answer a follow-up by a button."""
        if self.good:
            arrived = self.me.says(view, "followup.ask.arrived")
            await self.me.press(view, "followup.button.yes" if arrived else "followup.button.good")
            await self.me.see_that(
                lambda seen: seen.id == view.id and self.me.says(seen, "followup.done.good"), "thanks"
            )


@dataclass(slots=True)
class Applicant:
    """One applicant and their script."""

    me: Someone
    script: Script
    docket: Docket
    seen: set[int] = field(default_factory=set)
    """News that were opened, by number of the message."""

    async def ask(self) -> None:
        """From /start to the end of the script, but for what takes days."""
        me = self.me
        await me.type("/start")
        await me.press(await me.see("start.what", button="start.button.answer"), "start.button.answer")
        for key in KEYS:
            if key == HALF_WAY and self.script.fate is Fate.ABANDONED:
                return
            await self._answer(key)
        await me.press(await me.see("intake.review.ask", button="intake.button.send"), "intake.button.send")
        await self._keep_phrase()
        match self.script.fate:
            case Fate.WITHDRAWN:
                await self._withdraw()
            case Fate.ERASED:
                await self._erase()
            case _:
                await self._live_through()

    async def _answer(self, key: str) -> None:
        me = self.me
        view = await me.see_that(lambda seen: self._asks(seen, key), f"the question {key}")
        question = self._question(view)
        if question.kind is Kind.DOCUMENTS and self.script.photo:
            await self._send_photo(view)
        elif question.skippable and (self.script.skips or not (CHOSEN.get(key) or TYPED.get(key))):
            await me.press(view, "intake.button.skip")
        elif key in CHOSEN:
            wanted = choice(question, CHOSEN[key], me.language)
            await me.press_that(view, lambda words: words == wanted)
        else:
            await me.type(self._words(key))

    def _words(self, key: str) -> str:
        if key == "amount":
            return LARGE if self.script.fate is Fate.BIG else SMALL
        return TYPED[key].format(number=f"{self.script.number:04}")

    def _question(self, view: View) -> Question:
        question = asked(view.text, self.me.language)
        if question is None:
            raise NeverHappened(f"no question in {view.text!r}")
        return question

    def _asks(self, view: View, key: str) -> bool:
        question = asked(view.text, self.me.language)
        return question is not None and question.key == key

    async def _send_photo(self, view: View) -> None:
        picture = io.BytesIO()
        Image.new("RGB", (48, 32), (200, 180, self.script.number % 256)).save(picture, "JPEG")
        await self.me.gone(await self.me.person.upload_photo(picture.getvalue()))
        done = self.me.label("intake.button.done")
        added = await self.me.see_that(
            lambda seen: seen.id == view.id and done in seen.labels and self._added(seen), "the photo added"
        )
        await self.me.press(added, "intake.button.done")

    def _added(self, view: View) -> bool:
        waiting, refused = (self.me.label(f"intake.file.{how}") for how in ("waiting", "refused"))
        return not any(text.format(number=1, reason="") in view.text for text in (waiting, refused))

    async def _keep_phrase(self) -> None:
        view = await self.me.see("case.phrase", button="case.button.written")
        found = read(view.text, "case.phrase", self.me.language)
        if found is None:
            raise NeverHappened("the recovery phrase")
        await self.docket.file(self.script, found["code"])
        await self.me.press(view, "case.button.written")
        await self.me.see("case.ask.check")
        await self.me.type(f"check {self.script.number}")
        await self.me.see("case.done.check")

    async def _withdraw(self) -> None:
        view = await self.me.see("case.code", button="case.button.withdraw")
        await self.me.press(view, "case.button.withdraw")
        await self.me.press(await self.me.see("case.ask.withdraw"), "case.button.withdraw")
        await self.me.see("case.state.withdrawn")
        self.script.over.set()

    async def _erase(self) -> None:
        await self.me.type("/erase")
        await self.me.press(await self.me.see("case.ask.erase"), "case.button.erase")
        await self.me.see("case.erased.case")
        self.script.over.set()

    async def _live_through(self) -> None:
        """React to each piece of news until the money is there, or the answer is no for good."""
        while True:
            view = await self.me.see_that(self._is_news, "news")
            self.seen.add(view.id)
            await self.me.press(view, "relay.notice-open")
            shown = await self.me.see_that(self._is_behind_news, "what is behind the news")
            if self.me.says(shown, "relay.question"):
                self.script.answered = True
                await self.me.type("Yes, the paper is from last week.")
                await self.me.see("relay.thanks")
            elif self.me.says(shown, "review.outcome-declined"):
                if self.script.fate is not Fate.APPEALED:
                    return
                self.script.appealed = True
                await self.me.press(shown, "review.button.appeal")
                await self.me.see("review.appeal-filed")
            elif self.me.says(shown, "review.outcome-approved"):
                await self.me.press(shown, "review.button.rail")
                agreed = await self.me.see("treasury.person.ask", button="treasury.person.button.agree")
                await self.me.press(agreed, "treasury.person.button.agree")
                await self.me.see("treasury.person.paying")
            else:
                return

    def _is_news(self, view: View) -> bool:
        return view.id not in self.seen and self.me.says(view, NEWS) and bool(view.buttons)

    def _is_behind_news(self, view: View) -> bool:
        behind = ("relay.question", "review.outcome-declined", "review.outcome-approved", "treasury.person.paid")
        return self.me.says(view, *behind)
