"""How people are reached: the sealed contact of an applicant, of a volunteer and of the group.

A chat is known outside its seal only by its lane, a keyed blind index.
"""

import json
from dataclasses import asdict, dataclass
from typing import NewType

from models.case import Case
from models.unit import Unit
from models.volunteer import ReviewGroup, Volunteer
from vault.seal import Place
from vault.types import BlindIndex, Compartment, IndexName

Address = NewType("Address", int)
"""A chat's number. Never stored unsealed, never logged."""


@dataclass(frozen=True, slots=True)
class To:
    """Whom to tell, in which language."""

    address: Address
    language: str


@dataclass(frozen=True, slots=True)
class SafeContact:
    """An applicant's safe-contact profile: a message may arrive from `from_hour` to `to_hour`, local, 0 to 24."""

    address: Address
    zone: str | None = None
    from_hour: int | None = None
    to_hour: int | None = None
    may_write: bool = True


def lane_of(unit: Unit, address: Address) -> BlindIndex:
    """The lane of a chat; a private chat has the number of its person."""
    return unit.vault.index(IndexName.chat, str(address))


async def write_contact(unit: Unit, case: Case, contact: SafeContact) -> None:
    """Seal an applicant's contact into their case and set the lane."""
    plain = json.dumps(asdict(contact)).encode()
    case.contact = await unit.vault.seal(case.id, Compartment.contact, plain, _case_place(case))
    case.chat = lane_of(unit, contact.address)


async def read_contact(unit: Unit, case: Case) -> SafeContact:
    """Open an applicant's contact. Raises `CompartmentShredded` once the case is erased."""
    if case.contact is None:
        raise LookupError("a case without a contact")
    plain = await unit.vault.open(case.id, Compartment.contact, case.contact, _case_place(case))
    return SafeContact(**json.loads(plain))


async def applicant(unit: Unit, case: Case) -> To:
    """The applicant of a case as a recipient."""
    return To((await read_contact(unit, case)).address, case.language)


async def write_volunteer_contact(unit: Unit, volunteer: Volunteer, address: Address) -> None:
    """Seal a volunteer's chat. The compartment's subject is the volunteer."""
    await unit.vault.create(volunteer.id, Compartment.contact)
    volunteer.contact = await unit.vault.seal(
        volunteer.id, Compartment.contact, str(address).encode(), _volunteer_place(volunteer)
    )


async def volunteer_recipient(unit: Unit, volunteer: Volunteer) -> To:
    """A volunteer as a recipient."""
    plain = await unit.vault.open(
        volunteer.id, Compartment.contact, volunteer.contact, _volunteer_place(volunteer)
    )
    return To(Address(int(plain)), volunteer.language)


def seal_group(unit: Unit, group: ReviewGroup, address: Address) -> None:
    """Seal the review group's chat under the server's key."""
    group.contact = unit.vault.seal_server(str(address).encode(), _group_place(group))
    group.chat = lane_of(unit, address)


def group_recipient(unit: Unit, group: ReviewGroup) -> To:
    """The review group as a recipient."""
    return To(Address(int(unit.vault.open_server(group.contact, _group_place(group)))), group.language)


def _case_place(case: Case) -> Place:
    return Place("fund_case", "contact", str(case.id))


def _volunteer_place(volunteer: Volunteer) -> Place:
    return Place("volunteer", "contact", str(volunteer.id))


def _group_place(group: ReviewGroup) -> Place:
    return Place("review_group", "contact", str(group.id))
