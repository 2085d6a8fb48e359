"""Calls for help: told to every coordinator, taken by one, ended with the case."""

import pytest
from sqlmodel import select

from bot.database import Resources
from models.case import Case, CaseStatus
from models.errors import NotAllowed, Stale
from models.followup import DangerCall
from models.unit import Unit
from models.volunteer import VolunteerStatus
from sandbox.clock import TravelClock
from services import danger, followup_answers
from services.access import name_actor
from tests.unit.services.aftercare import (
    FIRST,
    PERSON,
    SECOND,
    STRANGER,
    asked,
    coordinators,
    delivered,
    person,
    tick,
)


async def test_danger_reaches_every_coordinator_at_once(resources: Resources, clock: TravelClock) -> None:
    """The call goes out urgently with the case code alone, and one coordinator takes it."""
    await coordinators(resources)
    row = await asked(resources, clock)
    async with resources.unit() as unit:
        await followup_answers.call_for_help(unit, await person(unit), row.id)
    shown = await delivered(resources)
    assert {one["chat"] for one in shown if "K7-Q2" in one["text"]} == {FIRST, SECOND}
    key = (await calls(resources))[0].id
    async with resources.unit() as unit:
        await danger.take(unit, await name_actor(unit, FIRST, "en"), key)
    with pytest.raises(Stale):
        async with resources.unit() as unit:
            await danger.take(unit, await name_actor(unit, SECOND, "en"), key)
    async with resources.unit() as unit:
        await danger.write(unit, await name_actor(unit, FIRST, "en"), key, "Are you safe?")
        await danger.reply(unit, await person(unit), key, "Yes, {now}.")
    texts = {(one["chat"], one["text"]) for one in await delivered(resources)}
    assert (PERSON, "Are you safe?") in texts
    assert (FIRST, resources.texts.render("danger.replied", "en", code="K7-Q2", text="Yes, {now}.")) in texts
    async with resources.unit() as unit:
        await danger.close(unit, await name_actor(unit, FIRST, "en"), key)
    with pytest.raises(Stale):
        async with resources.unit() as unit:
            await danger.reply(unit, await person(unit), key, "Hello?")


async def test_an_untaken_call_is_told_again(resources: Resources, clock: TravelClock) -> None:
    """A call does not get lost because everybody was asleep; a taken one is left in peace."""
    await coordinators(resources)
    row = await asked(resources, clock)
    async with resources.unit() as unit:
        await followup_answers.call_for_help(unit, await person(unit), row.id)
        await followup_answers.call_for_help(unit, await person(unit), row.id)
    assert len(await delivered(resources)) == 3
    clock.advance(danger.PATIENCE)
    await tick(resources, danger.JOBS)
    assert len(await delivered(resources)) == 2
    async with resources.unit() as unit:
        await danger.take(unit, await name_actor(unit, FIRST, "en"), (await calls(resources, unit))[0].id)
    await delivered(resources)
    clock.advance(danger.PATIENCE)
    await tick(resources, danger.JOBS)
    assert await delivered(resources) == []


async def test_a_call_ends_with_the_case(resources: Resources, clock: TravelClock) -> None:
    """Nobody is called for a person who has erased everything."""
    await coordinators(resources)
    row = await asked(resources, clock)
    async with resources.unit() as unit:
        await followup_answers.call_for_help(unit, await person(unit), row.id)
    await delivered(resources)
    async with resources.unit() as unit:
        (await unit.session.get_one(Case, row.case_id)).status = CaseStatus.SHREDDED
    clock.advance(danger.PATIENCE)
    await tick(resources, danger.JOBS)
    assert await delivered(resources) == []
    with pytest.raises(Stale):
        async with resources.unit() as unit:
            await danger.take(unit, await name_actor(unit, FIRST, "en"), (await calls(resources, unit))[0].id)


async def test_the_person_is_told_when_nobody_is_there(resources: Resources, clock: TravelClock) -> None:
    """No false comfort: without coordinators the text says so, and the call stands for whoever comes."""
    row = await asked(resources, clock)
    async with resources.unit() as unit:
        await followup_answers.call_for_help(unit, await person(unit), row.id)
    assert [shown["text"] for shown in await delivered(resources)] == [
        resources.texts.render("followup.done.danger-nobody", "en")
    ]
    assert len(await calls(resources)) == 1


async def test_a_suspended_coordinator_loses_the_call(resources: Resources, clock: TravelClock) -> None:
    """Somebody else can take over from a coordinator whose access has ended."""
    await coordinators(resources)
    row = await asked(resources, clock)
    async with resources.unit() as unit:
        await followup_answers.call_for_help(unit, await person(unit), row.id)
    key = (await calls(resources))[0].id
    async with resources.unit() as unit:
        first = await name_actor(unit, FIRST, "en")
        await danger.take(unit, first, key)
        assert first.volunteer is not None
        first.volunteer.status = VolunteerStatus.SUSPENDED
    async with resources.unit() as unit:
        await danger.take(unit, await name_actor(unit, SECOND, "en"), key)
    with pytest.raises(NotAllowed):
        async with resources.unit() as unit:
            await danger.write(unit, await name_actor(unit, FIRST, "en"), key, "Still here")


@pytest.mark.parametrize(("number", "error"), [(STRANGER, NotAllowed), (SECOND, NotAllowed), (PERSON, NotAllowed)])
async def test_only_the_taker_writes(
    resources: Resources, clock: TravelClock, number: int, error: type[Exception]
) -> None:
    """Neither strangers, nor other coordinators, nor the person write in the taker's place."""
    await coordinators(resources)
    row = await asked(resources, clock)
    async with resources.unit() as unit:
        await followup_answers.call_for_help(unit, await person(unit), row.id)
        key = (await calls(resources, unit))[0].id
        await danger.take(unit, await name_actor(unit, FIRST, "en"), key)
    with pytest.raises(error):
        async with resources.unit() as unit:
            await danger.write(unit, await name_actor(unit, number, "en"), key, "Hello")


async def calls(resources: Resources, unit: Unit | None = None) -> list[DangerCall]:
    """All calls."""
    if unit is not None:
        return list((await unit.session.exec(select(DangerCall))).all())
    async with resources.unit() as own:
        return await calls(resources, own)
