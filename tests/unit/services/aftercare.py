"""What tests of follow-ups and of calls for help do: a paid case, its questions asked, the outbox read."""

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from bot.database import Resources
from models.case import Answer, Case, CaseStatus
from models.followup import FollowUp, FollowUpKind, FollowUpStatus
from models.mail import Effect, EffectKind, EffectStatus
from models.unit import Unit
from models.volunteer import Role
from sandbox.clock import TravelClock
from services import volunteers
from services.access import Actor, name_actor
from services.contact import Address, SafeContact, write_contact
from services.followup import JOBS, schedule
from services.jobs import Job
from services.speak import effect_place
from vault.seal import Place
from vault.types import CaseCode, Compartment, SealedBytes

PERSON, STRANGER, FIRST, SECOND, THIRD = 501, 502, 601, 602, 603

ZONE = ZoneInfo("Asia/Yekaterinburg")


async def paid_case(
    unit: Unit, *, may_write: bool = True, court: date | None = None, hours: tuple[int, int] = (10, 21)
) -> Case:
    """A case whose money has just been paid."""
    case = Case(code=CaseCode("K7-Q2"), status=CaseStatus.PAID, language="en", created_at=unit.now)
    await unit.vault.create(case.id)
    await write_contact(unit, case, SafeContact(Address(PERSON), ZONE.key, *hours, may_write=may_write))
    unit.session.add(case)
    await unit.session.flush()
    if court is not None:
        row = Answer(
            case_id=case.id,
            question="court",
            compartment=Compartment.story,
            text=SealedBytes(b""),
        )
        place = Place("answer", "text", str(row.id))
        row.text = await unit.vault.seal(case.id, Compartment.story, court.isoformat().encode(), place)
        unit.session.add(row)
    return case


async def planned(resources: Resources, **how: Any) -> UUID:  # noqa: ANN401 - as `paid_case` takes them
    """A paid case with its follow-ups planned."""
    async with resources.unit() as unit:
        case = await paid_case(unit, **how)
        await schedule(unit, case)
        return case.id


async def person(unit: Unit) -> Actor:
    """The applicant."""
    return await name_actor(unit, PERSON, "en")


async def rows_of(resources: Resources, case: UUID) -> dict[FollowUpKind, FollowUp]:
    """Follow-ups of a case that are not cancelled, by kind."""
    async with resources.unit() as unit:
        found = await unit.session.exec(
            select(FollowUp).where(FollowUp.case_id == case, FollowUp.status != FollowUpStatus.CANCELLED)
        )
        return {row.kind: row for row in found.all()}


async def tick(resources: Resources, jobs: Sequence[Job] = JOBS) -> None:
    """One tick of the clock."""
    for job in jobs:
        async with resources.unit() as unit:
            due = await job.find(unit)
        for key in due:
            async with resources.unit() as unit:
                await job.handle(unit, key)


async def delivered(resources: Resources) -> list[dict[str, Any]]:
    """Take what is to be shown out of the outbox, as a sender would."""
    async with resources.unit() as unit:
        found = await unit.session.exec(
            select(Effect).where(Effect.status == EffectStatus.PENDING).order_by(col(Effect.id))
        )
        shown = []
        for effect in found.all():
            assert effect.payload is not None
            if effect.kind is EffectKind.SHOW:
                shown.append(json.loads(unit.vault.open_server(effect.payload, effect_place(effect))))
            effect.status = EffectStatus.DONE
        return shown


async def asked(resources: Resources, clock: TravelClock, kind: FollowUpKind = FollowUpKind.ARRIVED) -> FollowUp:
    """A case whose first question has been asked."""
    case = await planned(resources)
    jump(clock, (await rows_of(resources, case))[kind].due_at)
    await tick(resources)
    await delivered(resources)
    return (await rows_of(resources, case))[kind]


async def coordinators(resources: Resources) -> None:
    """Two coordinators, invited by the operator."""
    for number, sign in ((FIRST, "Heron"), (SECOND, "Crane")):
        async with resources.unit() as unit:
            token = await volunteers.invite(unit, Role.COORDINATOR, None)
            await volunteers.accept(unit, await name_actor(unit, number, "en"), token, sign)


def jump(clock: TravelClock, moment: datetime) -> None:
    """Go to a moment, and a little further."""
    clock.advance(max(timedelta(), moment - clock.now()) + timedelta(seconds=1))
