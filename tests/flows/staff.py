"""Those who decide and pay, as people on Telegram: joined through invitations, working by buttons and words.

Nothing here looks into the fund or writes to it, but for the operator's first invitations, which are a command.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.operations import make_invitation
from models.volunteer import Role
from sandbox.telegram.client import Group, Person, View
from tests.flows.harness import World
from tests.soak.reading import read, says
from tests.unit.services.fund import OPERATORS, Fund

REVIEWERS = ("Boris", "Clara", "Dina", "Mark")
TREASURERS = ("Egor", "Faina")
COORDINATORS = ("Gleb", "Hanna")
NAMES = (*REVIEWERS, *TREASURERS, *COORDINATORS)
SIGNS = ("Heron", "Otter", "Raven", "Swift", "Lotus", "Umber", *OPERATORS)
"""What those are called who are made volunteers by the services."""


@dataclass
class Staff:
    """Everybody of a fund but those who ask, in one language."""

    world: World
    language: str
    coordinators: list[Person] = field(default_factory=list)
    reviewers: list[Person] = field(default_factory=list)
    treasurers: list[Person] = field(default_factory=list)

    def say(self, key: str, **params: str | int) -> str:
        """A text in the staff's language."""
        return self.world.resources.texts.render(key, self.language, **params)

    def of(self, name: str) -> list[Person]:
        """Those to whom somebody of this name belongs."""
        if name in COORDINATORS:
            return self.coordinators
        return self.reviewers if name in REVIEWERS else self.treasurers

    async def sees(self, person: Person, key: str, chat: Group | None = None) -> View:
        """The newest message of the bot that says this, whatever stands in its gaps."""
        views = await person.messages(chat)
        found = [view for view in views if view.from_bot and says(view.text, key, self.language)]
        assert found, (person.name, key, [view.text for view in views])
        return found[-1]

    async def reads(self, person: Person, key: str) -> Mapping[str, str]:
        """What stands in the gaps of a message that says this."""
        return read((await self.sees(person, key)).text, key, self.language) or {}

    async def press(self, person: Person, key: str, chat: Group | None = None) -> None:
        """Press the newest button with these words."""
        await person.press(self.say(key), chat=chat)
        await self.world.settle()

    async def press_like(self, person: Person, key: str) -> None:
        """Press the newest button that begins with these words."""
        labels = [label for view in await person.messages() for label in view.labels]
        await person.press([label for label in labels if label.startswith(self.say(key))][-1])
        await self.world.settle()

    async def type(self, person: Person, text: str) -> None:
        """Type to the bot; the words are gone from the chat afterwards."""
        typed = await person.send(text)
        await self.world.settle()
        assert typed.id not in {view.id for view in await person.messages()}

    async def open(self, person: Person, link: str) -> None:
        """Follow a link into the bot's private chat."""
        await person.open_link(link)
        await self.world.settle()

    async def desk(self, person: Person, room: str) -> None:
        """Go to a room of the volunteers' home, from wherever they are."""
        await self.type(person, "/start")
        await self.press(person, "start.button.volunteer")
        await self.press(person, f"volunteers.button.go-{room}")

    async def bring(self, name: str, role: Role) -> Person:
        """Let the first coordinator invite somebody, and the second confirm them."""
        person = await self.world.person(name, self.language)
        await self.admit(person, role)
        return person

    async def admit(self, person: Person, role: Role) -> str:
        """Give a role to somebody: a link from one coordinator, a tap by another; the link is returned."""
        first, second = self.coordinators
        await self.press(first, f"volunteers.button.invite-{role}")
        link = (await self.reads(first, "volunteers.invitation"))["link"]
        await self.press(first, "volunteers.button.back")  # the link stands no longer
        await self.open(person, link)
        await self.press(person, "volunteers.button.agree")
        await self.press(second, "volunteers.button.confirm")
        await self.sees(person, f"volunteers.welcome.{role}")
        return link

    async def bind_group(self) -> Group:
        """A group of coordinators and reviewers in which `/desk` is sent."""
        first, second = self.coordinators
        group = await self.world.group("Review", first, second, *self.reviewers)
        await first.send("/desk", chat=group)
        await self.world.settle()
        await self.sees(first, "group.opened", group)
        return group

    async def fund(self, amount: str) -> None:
        """A treasurer enters money that came in, and a second one sees it too."""
        first, second = self.treasurers
        await self.type(first, "/fund")
        await self.type(first, amount)
        await self.press(first, "treasury.button.fund-enter")
        await self.sees(first, "treasury.fund.pending-mine")
        await self.press(second, "treasury.button.open")
        await self.press(second, "treasury.button.fund-confirm")
        await self.sees(second, "treasury.fund.confirmed-other")

    async def on_card(self, person: Person, key: str, group: Group) -> str:
        """Press a button of the card and follow its link if it opens one; the pop-up's text is returned."""
        await self.press(person, key, group)
        popup = (await person.popups())[-1]
        if popup.url is not None:
            await self.open(person, popup.url)
        return popup.text

    async def claim(self, payer: Person) -> str:
        """Take the payout that was told of; where to pay is returned."""
        await self.press(payer, "treasury.button.open")
        await self.sees(payer, "treasury.payout.queued")
        await self.press(payer, "treasury.button.claim")
        shown = await self.sees(payer, "treasury.payout.destination")
        assert shown.protected
        return (await self.reads(payer, "treasury.payout.destination"))["destination"]

    async def look_over(self, looker: Person) -> str:
        """Look at a destination that was changed after the approval, and let it pass; it is returned."""
        await self.press(looker, "treasury.button.open")
        await self.sees(looker, "treasury.payout.changed")
        await self.press(looker, "treasury.button.look")
        shown = await self.sees(looker, "treasury.payout.look")
        assert shown.protected
        found = (await self.reads(looker, "treasury.payout.look"))["destination"]
        await self.press(looker, "treasury.button.looked")
        return found

    async def pay(self, payer: Person, reference: str) -> None:
        """Enter under which reference the payout in hand was paid."""
        await self.press(payer, "treasury.button.paid")
        await self.type(payer, reference)
        assert (await self.reads(payer, "treasury.reference.check"))["reference"] == reference
        await self.press(payer, "treasury.button.paid-sure")


async def found(world: World, language: str) -> Staff:
    """The same people, made volunteers by the services: for what is told of a fund that is at work."""
    staff = Staff(world, language)
    fund = Fund(world.resources, language=language)
    for sign, name in zip(SIGNS, NAMES, strict=True):
        person = await world.person(name, language)
        await person.send("/start")  # a bot may write to nobody who has not begun (Bot API)
        fund.people[sign] = person.id
        staff.of(name).append(person)
    await world.settle()
    await fund.coordinators()
    for sign, name in zip(SIGNS, NAMES, strict=True):
        if name not in COORDINATORS:
            await fund.confirmed(sign, Role.REVIEWER if name in REVIEWERS else Role.TREASURER)
    await world.settle()
    await staff.desk(staff.coordinators[0], "people")
    return staff


async def assemble(world: World, language: str) -> Staff:
    """Two coordinators by the operator's links; reviewers and treasurers by theirs, all on Telegram."""
    staff = Staff(world, language)
    for name in COORDINATORS:
        person = await world.person(name, language)
        link = await make_invitation(world.resources, Role.COORDINATOR, world.server.telegram.bot.username or "")
        await staff.open(person, link)
        await staff.press(person, "volunteers.button.agree")
        await staff.sees(person, "volunteers.welcome.coordinator")
        staff.coordinators.append(person)
    await staff.desk(staff.coordinators[0], "people")
    staff.reviewers = [await staff.bring(name, Role.REVIEWER) for name in REVIEWERS]
    staff.treasurers = [await staff.bring(name, Role.TREASURER) for name in TREASURERS]
    return staff
