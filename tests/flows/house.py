"""A fund at work and somebody who asks it, with all that was ever shown; what is done in more than one story."""

from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import select

from models.case import Case, CaseStatus
from sandbox.telegram.client import Group, Person, View
from tests.flows.chronicle import Chronicle
from tests.flows.harness import World
from tests.flows.interview import TYPED, Applicant, applicant
from tests.flows.staff import Staff, assemble, found
from tests.soak.reading import read, says
from texts.formats import money

NOON = 8
"""In UTC: noon in the applicant's zone, within the hours in which messages may arrive."""

CHECK = "blue teapot"
DESTINATION = TYPED["payout"]


@dataclass
class House:
    """Everybody; `code` and `phrase` are what the applicant wrote down."""

    world: World
    staff: Staff
    group: Group
    asker: Applicant
    written: Chronicle
    code: str = ""
    phrase: str = ""

    async def ask(self) -> None:
        """The whole interview, without mistakes, and sent."""
        await self.asker.start()
        await self.asker.answer_all()
        await self.send()

    async def send(self) -> None:
        """Send what was answered; code and words are written down, and a check phrase is chosen."""
        asker = self.asker
        sent = await asker.press("intake.button.send")
        assert sent.protected
        told = read(sent.text, "case.phrase", asker.language) or {}
        self.code, self.phrase = told["code"], told["phrase"]
        shown = await asker.press("case.button.written")
        assert asker.say("case.ask.check") in shown.text
        shown = await asker.type(CHECK)
        assert asker.say("case.check", phrase=CHECK) in shown.text

    def panel(self) -> list[Person]:
        """Who was told that they are drawn; the line itself may have faded."""
        told = self.staff.say("review.drawn", code=self.code)
        return [person for person in self.staff.reviewers if self.written.said(person.id, told)]

    async def approve(self) -> None:
        """Enough of the panel approve the amount asked for."""
        staff = self.staff
        for person, answer in zip(self.panel()[:2], ("voted", "decided"), strict=True):
            told = await staff.on_card(person, "review.button.approve", self.group)
            assert told == staff.say(f"review.popup.{answer}")
        await staff.sees(staff.coordinators[0], "review.card-closed", self.group)

    async def open_news(self) -> View:
        """Open the one neutral line that tells of news; it is gone, and what it led to is returned."""
        asker = self.asker
        notice = asker.say("relay.notice")
        assert [view.text for view in await asker.person.messages()].count(notice) == 1
        shown = await asker.press("relay.notice-open")
        assert notice not in [view.text for view in await asker.person.messages()]
        return shown

    async def agree(self, amount: int) -> None:
        """The applicant sees the amount (minor units), where it will go, and agrees."""
        asker = self.asker
        shown = await self.open_news()
        assert says(shown.text, "review.outcome-approved", asker.language)
        assert self.amount(amount) in shown.text
        await self.confirm(await asker.press("review.button.rail"))

    async def confirm(self, shown: View) -> None:
        """Agree to what the screen asks, which says where the money goes."""
        asker = self.asker
        asked = read(shown.text, "treasury.person.ask", asker.language)
        assert asked is not None, shown.text
        assert asked["destination"] == DESTINATION
        shown = await asker.press("treasury.person.button.agree")
        assert says(shown.text, "treasury.person.paying", asker.language)

    async def pay(self, destination: str = DESTINATION) -> None:
        """One treasurer takes the payout and pays it; the applicant is told."""
        payer = self.staff.treasurers[0]
        assert await self.staff.claim(payer) == destination
        await self.staff.pay(payer, "A-7")
        await self.staff.sees(payer, "treasury.payout.paid")
        shown = await self.open_news()
        assert says(shown.text, "treasury.person.paid", self.asker.language)

    def amount(self, amount: int) -> str:
        """An amount in minor units as the applicant reads it."""
        return money(amount, self.world.resources.policy.currency, self.asker.language)

    async def live(self, days: int) -> None:
        """Let days pass, and come to a noon."""
        await self.world.live(days=days)
        await to_noon(self.world)

    async def case(self) -> Case:
        """The one case that there is."""
        async with self.world.unit() as unit:
            return (await unit.session.exec(select(Case))).one()

    async def status(self) -> CaseStatus:
        """Where the case stands."""
        return (await self.case()).status


async def to_noon(world: World) -> None:
    """Let time pass until a noon of the applicant."""
    now = world.clock.now()
    noon = now.replace(hour=NOON, minute=0, second=0, microsecond=0)
    await world.live(seconds=((noon - now) % timedelta(days=1)).total_seconds())


async def move_in(world: World, language: str, written: Chronicle, *, by_links: bool = False) -> House:
    """Everybody is there, or joins `by_links`; the group is bound, and somebody has found the bot."""
    await to_noon(world)
    staff = await (assemble if by_links else found)(world, language)
    group = await staff.bind_group()
    return House(world, staff, group, await applicant(world, "Anna", language), written)
