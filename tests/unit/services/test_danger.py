"""Calls for help: told to every coordinator, taken by one, ended with the case."""

from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from models.case import Case, CaseStatus
from models.errors import BadInput, NotAllowed, Stale
from models.followup import DangerCall
from models.unit import Unit
from models.volunteer import VolunteerStatus
from sandbox.clock import TravelClock
from services import calls, danger, desk, followup_answers, standing
from services.access import name_actor
from services.speak import MESSAGE, units
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
from vault.types import CaseCode


async def test_danger_reaches_every_coordinator_at_once(resources: Resources, clock: TravelClock) -> None:
    """The call goes out urgently with the case code alone, and one coordinator takes it."""
    await coordinators(resources)
    row = await asked(resources, clock)
    async with resources.unit() as unit:
        await followup_answers.call_for_help(unit, await person(unit), row.id)
    shown = await delivered(resources)
    assert {one["chat"] for one in shown if "K7-Q2" in one["text"]} == {FIRST, SECOND}
    key = (await all_calls(resources))[0].id
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
    """A call does not get lost because everybody was asleep; an answered one is left in peace."""
    await coordinators(resources)
    row = await asked(resources, clock)
    async with resources.unit() as unit:
        await followup_answers.call_for_help(unit, await person(unit), row.id)
        await followup_answers.call_for_help(unit, await person(unit), row.id)
    assert len(await delivered(resources)) == 3
    clock.advance(calls.PATIENCE)
    await tick(resources, danger.JOBS)
    assert len(await delivered(resources)) == 2
    async with resources.unit() as unit:
        key, first = (await all_calls(resources, unit))[0].id, await name_actor(unit, FIRST, "en")
        await danger.take(unit, first, key)
        await danger.write(unit, first, key, "I am here.")
    await delivered(resources)
    clock.advance(calls.PATIENCE)
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
    clock.advance(calls.PATIENCE)
    await tick(resources, danger.JOBS)
    assert await delivered(resources) == []
    with pytest.raises(Stale):
        async with resources.unit() as unit:
            await danger.take(unit, await name_actor(unit, FIRST, "en"), (await all_calls(resources, unit))[0].id)


async def test_the_person_is_told_when_nobody_is_there(resources: Resources, clock: TravelClock) -> None:
    """No false comfort: without coordinators the text says so, and the call stands for whoever comes."""
    row = await asked(resources, clock)
    async with resources.unit() as unit:
        await followup_answers.call_for_help(unit, await person(unit), row.id)
    assert [shown["text"] for shown in await delivered(resources)] == [
        resources.texts.render("followup.done.danger-nobody", "en")
    ]
    assert len(await all_calls(resources)) == 1


async def test_a_suspended_coordinator_loses_the_call(resources: Resources, clock: TravelClock) -> None:
    """Somebody else can take over from a coordinator whose access has ended."""
    await coordinators(resources)
    row = await asked(resources, clock)
    async with resources.unit() as unit:
        await followup_answers.call_for_help(unit, await person(unit), row.id)
    key = (await all_calls(resources))[0].id
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


async def taken(resources: Resources, clock: TravelClock) -> UUID:
    """The id of a call that the first coordinator has taken."""
    await coordinators(resources)
    row = await asked(resources, clock)
    async with resources.unit() as unit:
        await followup_answers.call_for_help(unit, await person(unit), row.id)
    key = (await all_calls(resources))[0].id
    await delivered(resources)
    async with resources.unit() as unit:
        await danger.take(unit, await name_actor(unit, FIRST, "en"), key)
    return key


async def acts_on_desk(resources: Resources, number: int) -> list[str]:
    """The labels on a coordinator's desk that name a case."""
    async with resources.unit() as unit:
        await desk.show_desk(unit, await name_actor(unit, number, "en"))
    (shown,) = await delivered(resources)
    return [row[0]["label"] for row in shown["keyboard"] if "K7-Q2" in row[0]["label"]]


async def test_a_taken_call_keeps_its_buttons(resources: Resources, clock: TravelClock) -> None:
    """They stand as long as a message can, and the desk of whoever has the call brings them back; no other."""
    key = await taken(resources, clock)
    (yours,) = await delivered(resources)
    assert yours["fade"] is None
    assert await acts_on_desk(resources, FIRST) == [resources.texts.render("desk.button.held", "en", code="K7-Q2")]
    assert await acts_on_desk(resources, SECOND) == []
    async with resources.unit() as unit:
        await danger.take(unit, await name_actor(unit, FIRST, "en"), key)
    (again,) = await delivered(resources)
    assert (again["text"], len(again["keyboard"])) == (yours["text"], 2)


async def test_who_loses_access_lets_go_of_their_call(resources: Resources, clock: TravelClock) -> None:
    """The others are told at once, and it stands on their desk; nobody waits for a coordinator who is gone."""
    await taken(resources, clock)
    await delivered(resources)
    async with resources.unit() as unit:
        first = (await name_actor(unit, FIRST, "en")).volunteer
        assert first is not None
        await standing.suspend(unit, await name_actor(unit, SECOND, "en"), first.id)
    called = resources.texts.render("danger.called", "en", code="K7-Q2")
    assert [one["chat"] for one in await delivered(resources) if one["text"] == called] == [SECOND]
    assert (await all_calls(resources))[0].taken_by is None
    assert len(await acts_on_desk(resources, SECOND)) == 1


async def test_a_holder_who_ran_out_holds_nothing(resources: Resources, clock: TravelClock) -> None:
    """Access that ended by itself took no call back: the clock tells of it again; the desk calls it untaken."""
    await taken(resources, clock)
    await delivered(resources)
    async with resources.unit() as unit:
        first = (await name_actor(unit, FIRST, "en")).volunteer
        assert first is not None
        first.reconfirm_at = unit.now
    clock.advance(calls.PATIENCE)
    await tick(resources, danger.JOBS)
    assert [one["chat"] for one in await delivered(resources)] == [SECOND]
    async with resources.unit() as unit:
        seen = await desk.read_desk(unit, await name_actor(unit, SECOND, "en"))
    assert (len(seen.untaken), len(seen.taken)) == (1, 0)


async def pause(resources: Resources, *numbers: int) -> None:
    """These coordinators take a pause."""
    for number in numbers:
        async with resources.unit() as unit:
            await standing.pause(unit, await name_actor(unit, number, "en"))


@pytest.mark.parametrize(("paused", "told"), [([FIRST], {SECOND}), ([FIRST, SECOND], {FIRST, SECOND})])
async def test_a_pause_silences_no_call(
    resources: Resources, clock: TravelClock, paused: list[int], told: set[int]
) -> None:
    """Who is on a pause is spared as long as another is there; when nobody is, they are told after all."""
    await coordinators(resources)
    row = await asked(resources, clock)
    await pause(resources, *paused)
    async with resources.unit() as unit:
        await followup_answers.call_for_help(unit, await person(unit), row.id)
    called = resources.texts.render("danger.called", "en", code="K7-Q2")
    shown = await delivered(resources)
    assert {one["chat"] for one in shown if one["text"] == called} == told
    assert resources.texts.render("followup.done.danger-nobody", "en") not in {one["text"] for one in shown}


async def test_who_has_taken_a_call_keeps_it_on_a_pause(resources: Resources, clock: TravelClock) -> None:
    """The person goes on writing to whom they know; nobody else reads it, is called again, or takes it over."""
    key = await taken(resources, clock)
    await pause(resources, FIRST)
    await delivered(resources)
    async with resources.unit() as unit:
        await danger.reply(unit, await person(unit), key, "Still here.")
    line = resources.texts.render("danger.replied", "en", code="K7-Q2", text="Still here.")
    assert [one["chat"] for one in await delivered(resources) if one["text"] == line] == [FIRST]
    with pytest.raises(Stale):
        async with resources.unit() as unit:
            await danger.take(unit, await name_actor(unit, SECOND, "en"), key)
    async with resources.unit() as unit:
        await danger.write(unit, await name_actor(unit, FIRST, "en"), key, "So am I.")
    await delivered(resources)
    clock.advance(calls.PATIENCE)
    await tick(resources, danger.JOBS)
    assert await delivered(resources) == []
    async with resources.unit() as unit:
        seen = await desk.read_desk(unit, await name_actor(unit, SECOND, "en"))
    assert (len(seen.untaken), len(seen.taken)) == (0, 1)


async def test_who_has_taken_several_calls_says_which(resources: Resources, clock: TravelClock) -> None:
    """What they just type could go to the wrong person: it is refused, and the text told them so before."""
    await taken(resources, clock)
    await delivered(resources)
    async with resources.unit() as unit:
        case = Case(code=CaseCode("M3-W9"), language="en", created_at=unit.now)
        unit.session.add(case)
        await unit.session.flush()
        await danger.call(unit, case)
        second = (await calls.open_call(unit, case)) or DangerCall(case_id=case.id, at=unit.now, told_at=unit.now)
        actor = await name_actor(unit, FIRST, "en")
        await danger.take(unit, actor, second.id)
        with pytest.raises(BadInput) as refusal:
            await danger.hear(unit, actor, "Where are you?")
    assert refusal.value.text_key == "danger.refused.which"
    texts = [one["text"] for one in await delivered(resources)]
    assert resources.texts.render("danger.yours-several", "en", code="M3-W9") in texts


@pytest.mark.parametrize("sign", ["😀", "я"])
async def test_a_line_that_no_message_holds_is_refused(
    resources: Resources, clock: TravelClock, sign: str
) -> None:
    """Who reads "Passed on." was passed on: the longest line fits into a message with what stands around it."""
    key = await taken(resources, clock)
    await delivered(resources)
    longest = sign * (danger.LONGEST // units(sign))
    async with resources.unit() as unit:
        await danger.reply(unit, await person(unit), key, longest)
        await danger.write(unit, await name_actor(unit, FIRST, "en"), key, f" {longest}\n")
    shown = [one["text"] for one in await delivered(resources)]
    assert len([text for text in shown if longest in text]) == 2
    assert max(units(text) for text in shown) <= MESSAGE
    for act, number in ((danger.reply, PERSON), (danger.write, FIRST)):
        with pytest.raises(BadInput) as refusal:
            async with resources.unit() as unit:
                await act(unit, await name_actor(unit, number, "en"), key, longest + sign)
        assert refusal.value.text_key == "danger.refused.words"
    assert await delivered(resources) == []


@pytest.mark.parametrize(("number", "error"), [(STRANGER, NotAllowed), (SECOND, NotAllowed), (PERSON, NotAllowed)])
async def test_only_the_taker_writes(
    resources: Resources, clock: TravelClock, number: int, error: type[Exception]
) -> None:
    """Neither strangers, nor other coordinators, nor the person write in the taker's place."""
    await coordinators(resources)
    row = await asked(resources, clock)
    async with resources.unit() as unit:
        await followup_answers.call_for_help(unit, await person(unit), row.id)
        key = (await all_calls(resources, unit))[0].id
        await danger.take(unit, await name_actor(unit, FIRST, "en"), key)
    with pytest.raises(error):
        async with resources.unit() as unit:
            await danger.write(unit, await name_actor(unit, number, "en"), key, "Hello")


async def all_calls(resources: Resources, unit: Unit | None = None) -> list[DangerCall]:
    """All calls."""
    if unit is not None:
        return list((await unit.session.exec(select(DangerCall))).all())
    async with resources.unit() as own:
        return await all_calls(resources, own)
