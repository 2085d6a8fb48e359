"""What tests of emergencies do: propose, agree, look afterwards, and read what was told and recorded."""

import json
from uuid import UUID

from sqlmodel import col, select

from bot.database import Resources
from models.audit import AuditEntry
from models.case import Case, Urgency
from models.mail import Effect
from models.unit import Unit
from models.volunteer import Role
from services import emergency, reading
from services.speak import effect_place
from tests.unit.services.desk import Desk
from tests.unit.services.founding import founded
from tests.unit.services.fund import SMALL, Fund, shows, volunteer


async def staffed(resources: Resources) -> Fund:
    """A fund with money, two coordinators, three reviewers, a treasurer and a bound group."""

    async def make(desk: Desk) -> None:
        await desk.coordinators()
        await desk.reviewers("Heron", "Otter", "Raven")
        await desk.confirmed("Till", Role.TREASURER)
        await desk.bound()
        await desk.add(100_000_000)

    return await founded(Desk(resources), "staffed", make)


async def urgent(fund: Fund, owner: str = "Applicant", amount: int = SMALL) -> UUID:
    """A case in which help is needed today."""
    return await fund.case(owner, urgency=Urgency.TODAY, amount=amount)


async def propose(fund: Fund, case_id: UUID, sign: str = "Heron") -> None:
    """A reviewer asks the coordinators."""
    async with fund.resources.unit() as unit:
        await emergency.propose(unit, await fund.actor(unit, sign), await unit.session.get_one(Case, case_id))


async def agree(fund: Fund, case_id: UUID, sign: str = "Alpha") -> int:
    """A coordinator agrees."""
    async with fund.resources.unit() as unit:
        actor = await fund.actor(unit, sign)
        return await emergency.agree(unit, actor, await unit.session.get_one(Case, case_id))


async def judge(fund: Fund, case_id: UUID, sign: str, *, agreed: bool = True) -> None:
    """A member of the panel says afterwards what they think."""
    async with fund.resources.unit() as unit:
        actor = await fund.actor(unit, sign)
        await emergency.give_verdict(unit, actor, await unit.session.get_one(Case, case_id), agreed=agreed)


async def granted(fund: Fund) -> UUID:
    """A case that Heron and Alpha have granted."""
    case_id = await urgent(fund)
    await propose(fund, case_id)
    await agree(fund, case_id)
    return case_id


async def read(fund: Fund, case_id: UUID, sign: str) -> str:
    """Read a case's first page."""
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        return (await reading.read(unit, await fund.actor(unit, sign), case, 0)).text


async def told(fund: Fund, sign: str) -> list[str]:
    """The texts of the notices that a person is about to get."""
    async with fund.resources.unit() as unit:
        lane = (await fund.actor(unit, sign)).chat
        found = [effect for effect in await shows(unit, "notice:") if effect.lane == lane]
        return [_text(unit, effect) for effect in found]


def _text(unit: Unit, effect: Effect) -> str:
    assert effect.payload is not None
    return str(json.loads(unit.vault.open_server(effect.payload, effect_place(effect)))["text"])


async def log(fund: Fund) -> list[tuple[str, str]]:
    """Who did what, of emergencies."""
    async with fund.resources.unit() as unit:
        found = await unit.session.exec(
            select(AuditEntry).where(col(AuditEntry.act).startswith("emergency.")).order_by(col(AuditEntry.number))
        )
        names = {
            str((await volunteer(unit, sign)).id): sign for sign in ("Heron", "Otter", "Raven", "Alpha", "Beta")
        }
        return [(names.get(entry.actor, entry.actor), entry.act) for entry in found.all()]
