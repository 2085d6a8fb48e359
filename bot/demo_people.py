"""The people of the demo: every role filled through the links, buttons and commands that real people use.

No row is written here. What a person sees decides what they press; a step that does not come is `NeverHappened`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.database import Resources
from bot.operations import add_money, make_invitation
from models.volunteer import Role
from sandbox.telegram.client import Group, Person, Town

NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "applicant": ("Anna",),
        "newcomer": ("Pavel",),
        "reviewer": ("Boris", "Clara", "Dina", "Mark"),
        "treasurer": ("Egor", "Faina"),
        "coordinator": ("Gleb", "Hanna"),
        "donor": ("Dora",),
    },
    "ru": {
        "applicant": ("Анна",),
        "newcomer": ("Павел",),
        "reviewer": ("Борис", "Вера", "Дина", "Марк"),
        "treasurer": ("Егор", "Фаина"),
        "coordinator": ("Глеб", "Жанна"),
        "donor": ("Зоя",),
    },
}
"""First names by the part that the chat page shows."""

TITLES = {"en": "Review desk", "ru": "Стол проверяющих"}
ANY = "*"
"""Stands for what a text is filled with and nobody here knows."""

MONEY = "500000"
SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody on the chat page."""

    applicant: Person
    newcomer: Person
    reviewers: Sequence[Person]
    treasurers: Sequence[Person]
    coordinators: Sequence[Person]
    donor: Person
    group: Group


class Casting:
    """Fills the roles of one demo, in one language."""

    def __init__(self, town: Town, resources: Resources, username: str, language: str) -> None:
        self._town, self._resources = town, resources
        self._username, self._language = username, language

    async def fill(self) -> Cast:
        """Bring everybody in, bind the review group, and put money into the fund."""
        people = {kind: [await self._person(name, kind) for name in names] for kind, names in self._names.items()}
        coordinators, reviewers, treasurers = (people[role] for role in ("coordinator", "reviewer", "treasurer"))
        for person in coordinators:
            await self._come_in(person, Role.COORDINATOR)
            await self._wait(person, "volunteers.welcome.coordinator", sign=ANY)
        for role, newcomers in ((Role.REVIEWER, reviewers), (Role.TREASURER, treasurers)):
            for person in newcomers:
                seen = await _newest(coordinators[0])
                await self._come_in(person, role)
                await self._press(coordinators[0], "volunteers.button.confirm", since=seen)
                await self._wait(person, f"volunteers.welcome.{role}", sign=ANY)
        group = await self._bind_group(coordinators[0], [coordinators[1], *reviewers])
        await add_money(self._resources, MONEY, None, None)
        [applicant], [newcomer], [donor] = people["applicant"], people["newcomer"], people["donor"]
        return Cast(applicant, newcomer, reviewers, treasurers, coordinators, donor, group)

    @property
    def _names(self) -> dict[str, tuple[str, ...]]:
        return NAMES[self._language]

    async def _person(self, name: str, part: str) -> Person:
        return await self._town.person(name, language_code=self._language, part=part)

    async def _come_in(self, person: Person, role: Role) -> None:
        await person.open_link(await make_invitation(self._resources, role, self._username))
        await self._press(person, "volunteers.button.agree")

    async def _bind_group(self, coordinator: Person, members: Sequence[Person]) -> Group:
        group = await self._town.group(TITLES[self._language], coordinator)
        for person in members:
            await group.join(person)
        await group.add_bot()
        await coordinator.send("/desk", chat=group)
        await self._wait(coordinator, "group.opened", chat=group)
        return group

    async def _press(self, person: Person, key: str, since: int = 0) -> None:
        label = self._text(key)
        found = await person.wait_for(lambda view: label in view.labels, since=since, timeout=SECONDS)
        await person.press(label, on=found)

    async def _wait(self, person: Person, key: str, *, chat: Group | None = None, **params: str) -> None:
        parts = self._text(key, **params).split(ANY)
        await person.wait_for(lambda view: all(part in view.text for part in parts), chat=chat, timeout=SECONDS)

    def _text(self, key: str, **params: str) -> str:
        return self._resources.texts.render(key, self._language, **params)


async def _newest(person: Person) -> int:
    """The number of the latest change that this person has seen."""
    return max((view.changed for view in await person.messages()), default=0)
