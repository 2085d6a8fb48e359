"""Nothing is kept longer than the policy says, and nothing goes before."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlmodel import select

from bot.database import Resources
from models.case import Answer, Case, CaseStatus
from models.mail import Conversation, Keyboard
from models.unit import Unit
from models.volunteer import Invitation, Role
from sandbox.clock import TravelClock
from services import volunteers
from services.contact import Address, SafeContact, write_contact
from services.followup import JOBS as OTHERS
from services.retention import JOBS
from vault.errors import CompartmentShredded
from vault.seal import Place
from vault.types import BlindIndex, CaseCode, Compartment, SealedBytes


async def tick(resources: Resources) -> None:
    """One tick of the clock."""
    for job in JOBS:
        async with resources.unit() as unit:
            due = await job.find(unit)
        for key in due:
            async with resources.unit() as unit:
                await job.handle(unit, key)


async def due(resources: Resources) -> int:
    """How much is due over all jobs."""
    async with resources.unit() as unit:
        return sum([len(await job.find(unit)) for job in JOBS])


async def add_case(unit: Unit, status: CaseStatus) -> UUID:
    """A case with one sealed answer."""
    case = Case(code=CaseCode(f"C{uuid4()}"), status=status, language="ru", created_at=unit.now)
    if status in {CaseStatus.CLOSED, CaseStatus.WITHDRAWN}:
        case.closed_at = unit.now
    await unit.vault.create(case.id)
    await write_contact(unit, case, SafeContact(Address(7)))
    unit.session.add(case)
    await unit.session.flush()
    row = Answer(
        case_id=case.id,
        question="story",
        compartment=Compartment.story,
        text=SealedBytes(b""),
    )
    place = Place("answer", "text", str(row.id))
    row.text = await unit.vault.seal(case.id, Compartment.story, b"what happened", place)
    unit.session.add(row)
    return case.id


@pytest.mark.parametrize("status", [CaseStatus.CLOSED, CaseStatus.WITHDRAWN, CaseStatus.DECLINED])
async def test_an_ended_case_goes_in_time(resources: Resources, clock: TravelClock, status: CaseStatus) -> None:
    """Readable for the policy's days, then shredded, rows and keys."""
    async with resources.unit() as unit:
        key = await add_case(unit, status)
    clock.advance(timedelta(days=resources.policy.retention.closed_case_days) - timedelta(hours=1))
    await tick(resources)
    async with resources.unit() as unit:
        assert (await unit.session.get_one(Case, key)).status is status
    clock.advance(timedelta(hours=2))
    await tick(resources)
    async with resources.unit() as unit:
        case = await unit.session.get_one(Case, key)
        assert (case.status, case.contact) == (CaseStatus.SHREDDED, None)
        assert (await unit.session.exec(select(Answer))).all() == []
        with pytest.raises(CompartmentShredded):
            await unit.vault.unlock(key, Compartment.story)
    assert await due(resources) == 0


@pytest.mark.parametrize("status", [CaseStatus.IN_REVIEW, CaseStatus.PAID, CaseStatus.APPROVED])
async def test_a_case_under_way_stays(resources: Resources, clock: TravelClock, status: CaseStatus) -> None:
    """However old, a case that somebody works on is not shredded behind their back."""
    async with resources.unit() as unit:
        key = await add_case(unit, status)
    clock.advance(timedelta(days=1000))
    await tick(resources)
    async with resources.unit() as unit:
        assert (await unit.session.get_one(Case, key)).status is status


async def test_what_ran_out_is_removed(resources: Resources, clock: TravelClock) -> None:
    """Conversations, buttons and invitations go once they mean nothing, and living ones stay."""
    lane = BlindIndex("a")
    async with resources.unit() as unit:
        unit.session.add(Conversation(lane=lane, person=lane, state="x", changed_at=unit.now))
        for token, hours in (("old", 1), ("new", 1000)):
            until = unit.now + timedelta(hours=hours)
            unit.session.add(Keyboard(token=token, lane=lane, slot="screen", buttons=[], expires_at=until))
        await volunteers.invite(unit, Role.COORDINATOR, None)
    await tick(resources)
    assert await counts(resources) == (1, 2, 1)
    clock.advance(timedelta(hours=resources.policy.retention.draft_hours + 2))
    await tick(resources)
    assert await counts(resources) == (0, 1, 0)
    assert await due(resources) == 0


async def counts(resources: Resources) -> tuple[int, int, int]:
    """How many conversations, keyboards and invitations there are."""
    async with resources.unit() as unit:
        rows = [(await unit.session.exec(select(table))).all() for table in (Conversation, Keyboard, Invitation)]
    conversations, keyboards, invitations = map(len, rows)
    return conversations, keyboards, invitations


async def test_keys_without_rows_are_swept(resources: Resources, clock: TravelClock) -> None:
    """A key whose transaction was rolled back goes after a day; a case's own stays."""
    lost = uuid4()
    async with resources.unit() as unit:
        kept = await add_case(unit, CaseStatus.IN_REVIEW)
        await unit.vault.create(lost)
    await tick(resources)
    assert await resources.vault.compartments(lost) == set(Compartment)
    clock.advance(timedelta(days=1, hours=1))
    await tick(resources)
    assert await resources.vault.compartments(lost) == set()
    assert await resources.vault.compartments(kept) == set(Compartment)
    assert await due(resources) == 0


async def test_no_key_goes_when_all_rows_are_missing(resources: Resources, clock: TravelClock) -> None:
    """A wrong or empty database must not cost the keys of the right one."""
    lost = uuid4()
    await resources.vault.create(lost)
    clock.advance(timedelta(days=30))
    await tick(resources)
    assert await resources.vault.compartments(lost) == set(Compartment)


def test_jobs_have_names_of_their_own() -> None:
    """Metrics and logs tell jobs apart by name."""
    names = [job.name for job in (*JOBS, *OTHERS)]
    assert len(set(names)) == len(names)
