"""Volunteers at work: reviewers read and vote, treasurers pay, coordinators let people in."""

import asyncio
import random
from dataclasses import dataclass, field

from sandbox.telegram.client import Group, NeverHappened, PopupView, View
from tests.soak.docket import Docket, Script, Wish
from tests.soak.person import Someone
from tests.soak.reading import label, pattern, read
from tests.soak.watcher import Watcher

VOTED = ("review.popup.voted", "review.popup.decided", "review.closed")
"""What a vote on the card is answered with."""


@dataclass(slots=True)
class Reviewer(Watcher):
    """Reads what they were drawn for, and votes on the card or in the private chat."""

    docket: Docket = field(default_factory=lambda: Docket([]))
    group: Group | None = None
    group_language: str = "en"
    dice: random.Random = field(default_factory=random.Random)
    tasks: tuple[str, ...] = ("review.drawn", "review.changed")
    button: str = "review.button.read"

    async def take_up(self, view: View) -> None:
        """Read the case that the notice names, and do as its script says."""
        found = next(found for key in self.tasks if (found := read(view.text, key, self.me.language)) is not None)
        code = found["code"]
        if _refused(await self.me.press(view, "review.button.read")):
            return  # decided in the meantime
        script = await self.docket.script_of(code)
        page = await self._page(script)
        wish = script.wish() if page is not None else Wish.HOLD
        if page is None or wish is Wish.HOLD:
            return
        if wish is Wish.APPROVE:
            await self._approve(page, code)
        elif wish is Wish.DECLINE:
            await self._decline(page)
        else:
            await self._ask(page, script)

    async def _page(self, script: Script) -> View | None:
        """The page, or none when the case is closed, withdrawn or erased before it is seen.

        Of a withdrawn case page and card are gone at once: whoever looks a moment later has seen neither.
        """
        code, card = script.code, pattern("review.card-closed", self.group_language)
        seen = asyncio.ensure_future(
            self.me.see_that(
                lambda view: (read(view.text, "review.page", self.me.language) or {}).get("code") == code,
                f"the page of {code}",
            )
        )
        closed = asyncio.ensure_future(
            self.me.see_that(
                lambda view: (found := card.search(view.text)) is not None and found["code"] == code,
                f"the closed card of {code}",
                chat=self.group,
            )
        )
        every = (seen, closed, asyncio.ensure_future(script.over.wait()))
        done, _ = await asyncio.wait(every, return_when=asyncio.FIRST_COMPLETED)
        for task in every:
            task.cancel()
        await asyncio.gather(*every, return_exceptions=True)
        return seen.result() if seen in done else None

    async def _approve(self, page: View, code: str) -> None:
        """Vote on the card or under the page. A card's buttons change with each vote: who hears so tries again."""
        while page.id in {view.id for view in await self.me.look()}:
            card = await self._card(code) if self.dice.random() < 1 / 3 else None
            if card is not None:
                words = label("review.button.approve", self.group_language)
                popup = await self.me.press_that(card, lambda text: text == words)  # noqa: B023 - called at once
            else:
                amount = pattern("review.approve-asked", self.me.language)
                popup = await self.me.press_that(page, lambda text: amount.fullmatch(text) is not None)  # noqa: B023
            if popup is not None and popup.text in map(self.me.label, VOTED):
                return
            if popup is not None and not popup.text:
                await self.me.see("review.done-amount", "review.done-decided")
                return

    async def _card(self, code: str) -> View | None:
        text = label("review.card", self.group_language).format(code=code)
        words = label("review.button.approve", self.group_language)
        cards = await self.me.look(self.group)
        return next((card for card in cards if text in card.text and words in card.labels), None)

    async def _decline(self, page: View) -> None:
        if _refused(await self.me.press(page, "review.button.decline")):
            return
        why = await self.me.see("review.why")
        if _refused(await self.me.press(why, "review.reason.unclear")):
            return
        words = await self.me.see("review.words")
        if not _refused(await self.me.press(words, "review.button.without-words")):
            await self.me.see("review.done", "review.done-decided")

    async def _ask(self, page: View, script: Script) -> None:
        if _refused(await self.me.press(page, "review.button.ask")):
            raise NeverHappened(f"the question about {script.code} could not be asked")
        await self.me.see("relay.type-question")
        await self.me.type("When was the paper written?")
        await self.me.see("relay.sent")


@dataclass(slots=True)
class Treasurer(Watcher):
    """Takes payouts, pays them at the bank, enters the reference; looks after those of others."""

    docket: Docket = field(default_factory=lambda: Docket([]))
    tasks: tuple[str, ...] = ("treasury.told.queued", "treasury.told.confirm")
    button: str = "treasury.button.open"

    async def take_up(self, view: View) -> None:
        """Open the payout and do what it still needs."""
        me = self.me
        if _refused(await me.press(view, "treasury.button.open")):
            return
        payout = await me.see_that(self._is_payout, "the payout")
        verbs = ("treasury.button.confirm", "treasury.button.claim")
        verb = next((verb for verb in verbs if me.label(verb) in payout.labels), None)
        done = verb is not None and not _refused(await me.press(payout, verb))
        if done and verb == verbs[0]:
            await me.see("treasury.payout.paid")
        elif done:
            await self._pay(await me.see("treasury.payout.destination"))
        await me.type("/start")
        await me.see("start.what")

    async def _pay(self, view: View) -> None:
        me = self.me
        found = read(view.text, "treasury.payout.destination", me.language)
        if found is None:
            raise NeverHappened("the destination")
        number = found["number"]
        self.docket.pay(number, me.person.name)
        await me.press(view, "treasury.button.paid")
        await me.see("treasury.reference.ask")
        await me.type(f"REF {number}")
        await me.press(await me.see("treasury.reference.check"), "treasury.button.paid-sure")
        await me.see("treasury.payout.paid", "treasury.payout.sent-mine")

    def _is_payout(self, view: View) -> bool:
        keys = ("queued", "taken", "sent-mine", "sent", "paid", "closed")
        return self.me.label("treasury.button.desk") in view.labels and self.me.says(
            view, *(f"treasury.payout.{key}" for key in keys)
        )


@dataclass(slots=True)
class Coordinator:
    """Invites and confirms."""

    me: Someone

    async def invite(self, role: str) -> str:
        """An invitation for a role, as the screen shows it."""
        me = self.me
        await me.type("/start")
        await me.press(await me.see("start.what", button="start.button.volunteer"), "start.button.volunteer")
        home = await me.see("volunteers.home-text", button="volunteers.button.go-people")
        await me.press(home, "volunteers.button.go-people")
        button = f"volunteers.button.invite-{role}"
        await me.press(await me.see_that(lambda view: me.label(button) in view.labels, "the people"), button)
        shown = await me.see("volunteers.invitation")
        found = read(shown.text, "volunteers.invitation", me.language)
        if found is None:
            raise NeverHappened("the invitation")
        return found["link"]

    async def confirm(self, sign: str) -> None:
        """Confirm who came in by another coordinator's invitation."""

        def waits(view: View) -> bool:
            found = read(view.text, "volunteers.waits", self.me.language)
            return found is not None and found["sign"] == sign

        await self.me.press(await self.me.see_that(waits, f"{sign} waiting"), "volunteers.button.confirm")


async def come_in(me: Someone, link: str) -> str:
    """Follow an invitation and agree to the code of conduct; returns the call sign."""
    await me.person.open_link(link)
    view = await me.see("volunteers.conduct", button="volunteers.button.agree")
    found = read(view.text, "volunteers.conduct", me.language)
    if found is None:
        raise NeverHappened("the code of conduct")
    await me.press(view, "volunteers.button.agree")
    return found["sign"]


def _refused(popup: PopupView | None) -> bool:
    """Whether a press was answered by a pop-up that says no, or the button was gone."""
    return popup is None or popup.alert
