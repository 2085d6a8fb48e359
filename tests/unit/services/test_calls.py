"""Calls that are taken and not answered: heard by all others, and taken over by one who answers."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from models.case import Case, CaseStatus
from models.errors import NotAllowed, Stale
from models.followup import DangerCall
from models.mail import Effect, EffectStatus
from sandbox.clock import TravelClock
from services import calls, danger, desk, followup_answers, standing
from services.access import name_actor
from services.contact import Address, lane_of
from services.followup_rows import cancel
from tests.unit.services.aftercare import FIRST, PERSON, SECOND, asked, coordinators, delivered, person, tick

CODE = "K7-Q2"


async def taken(resources: Resources, clock: TravelClock) -> UUID:
    """The id of a call that the first coordinator has taken, without having written."""
    await coordinators(resources)
    row = await asked(resources, clock)
    async with resources.unit() as unit:
        await followup_answers.call_for_help(unit, await person(unit), row.id)
        key = (await unit.session.exec(select(DangerCall))).one().id
    async with resources.unit() as unit:
        await danger.take(unit, await name_actor(unit, FIRST, "en"), key)
    await delivered(resources)
    return key


async def press_again(resources: Resources) -> None:
    """The person calls from the screen of their case."""
    async with resources.unit() as unit:
        actor = await person(unit)
        assert actor.case is not None
        await danger.call_from_case(unit, actor, actor.case)


async def heard(resources: Resources) -> dict[int, str]:
    """Who was just told, and what."""
    return {one["chat"]: one["text"] for one in await delivered(resources)}


def says(resources: Resources, key: str, **params: str) -> str:
    """A text of a call."""
    return resources.texts.render(f"danger.{key}", "en", code=CODE, **params)


def everybody(resources: Resources) -> dict[int, str]:
    """What all are told of a call that its holder does not answer."""
    return {
        FIRST: says(resources, "unanswered-yours"),
        SECOND: says(resources, "unanswered", sign="Heron"),
    }


async def test_who_calls_again_is_heard_by_all(resources: Resources, clock: TravelClock) -> None:
    """Who has lost the phone, or never meant to answer, keeps nobody from hearing it and taking it over."""
    key = await taken(resources, clock)
    await press_again(resources)
    assert await heard(resources) == {}
    clock.advance(calls.PATIENCE)
    await press_again(resources)
    assert await heard(resources) == everybody(resources)
    async with resources.unit() as unit:
        await danger.take(unit, await name_actor(unit, SECOND, "en"), key)
    assert await heard(resources) == {SECOND: says(resources, "yours"), FIRST: says(resources, "taken-over")}
    with pytest.raises(NotAllowed):
        async with resources.unit() as unit:
            await danger.write(unit, await name_actor(unit, FIRST, "en"), key, "Still here")
    with pytest.raises(Stale):
        async with resources.unit() as unit:
            await danger.take(unit, await name_actor(unit, FIRST, "en"), key)


async def test_a_call_without_an_answer_is_told_by_the_clock(resources: Resources, clock: TravelClock) -> None:
    """The person need not press again; who took the call has as long as an untaken one stands in peace."""
    key = await taken(resources, clock)
    clock.advance(calls.PATIENCE - timedelta(seconds=1))
    await tick(resources, danger.JOBS)
    with pytest.raises(Stale):
        async with resources.unit() as unit:
            await danger.take(unit, await name_actor(unit, SECOND, "en"), key)
    assert await heard(resources) == {}
    for _ in range(2):
        clock.advance(calls.PATIENCE)
        await tick(resources, danger.JOBS)
        await tick(resources, danger.JOBS)
        assert await heard(resources) == everybody(resources)


async def test_a_line_without_an_answer_is_told_by_the_clock(resources: Resources, clock: TravelClock) -> None:
    """It first goes to the holder alone; while they are silent the next ones go to all, and a line ends that."""
    key = await taken(resources, clock)
    clock.advance(timedelta(hours=1))
    async with resources.unit() as unit:
        await danger.write(unit, await name_actor(unit, FIRST, "en"), key, "Are you safe?")
    for text, who in (("No", {FIRST}), ("They are back", {FIRST, SECOND})):
        await delivered(resources)
        async with resources.unit() as unit:
            await danger.reply(unit, await person(unit), key, text)
        line = says(resources, "replied", text=text)
        assert {chat for chat, told in (await heard(resources)).items() if told == line} == who
        clock.advance(calls.PATIENCE)
        await tick(resources, danger.JOBS)
        assert await heard(resources) == everybody(resources)
    async with resources.unit() as unit:
        await danger.write(unit, await name_actor(unit, FIRST, "en"), key, "We are calling a lawyer.")
    assert says(resources, "yours") in {one["text"] for one in await delivered(resources)}
    with pytest.raises(Stale):
        async with resources.unit() as unit:
            await danger.take(unit, await name_actor(unit, SECOND, "en"), key)
    clock.advance(calls.PATIENCE)
    await tick(resources, danger.JOBS)
    assert await heard(resources) == {}


async def test_the_desk_says_who_has_a_call(resources: Resources, clock: TravelClock) -> None:
    """By call sign; one that is left alone has a button there, but not for whoever has it."""
    await taken(resources, clock)
    take_over = resources.texts.render("desk.button.take-over", "en", code=CODE)
    for key, offered in (("desk.taken", False), ("desk.left-alone", True)):
        line = resources.texts.render(key, "en", code=CODE, sign="Heron")
        for number in (FIRST, SECOND):
            async with resources.unit() as unit:
                await desk.show_desk(unit, await name_actor(unit, number, "en"))
            (shown,) = await delivered(resources)
            assert line in shown["text"].splitlines()
            labels = {button["label"] for row in shown["keyboard"] for button in row}
            assert (take_over in labels) is (offered and number == SECOND)
        clock.advance(calls.PATIENCE)
        await tick(resources, danger.JOBS)
        await delivered(resources)


async def test_a_call_that_nobody_ends_is_brought_to_mind(resources: Resources, clock: TravelClock) -> None:
    """It keeps its case from closing, and so from being erased: its holder alone is reminded, once a week."""
    key = await taken(resources, clock)
    async with resources.unit() as unit:
        await danger.write(unit, await name_actor(unit, FIRST, "en"), key, "Are you safe?")
    await delivered(resources)
    told = []
    for _ in range(15):
        clock.advance(timedelta(days=1))
        await tick(resources, danger.JOBS)
        told += list((await heard(resources)).items())
    assert told == [(FIRST, says(resources, "idle"))] * 2


async def test_a_line_that_does_not_arrive_is_told_to_its_writer(resources: Resources, clock: TravelClock) -> None:
    """Nobody believes to be heard by a person who has blocked the bot; each failure is told once."""
    key = await taken(resources, clock)
    for _ in range(2):
        async with resources.unit() as unit:
            await danger.write(unit, await name_actor(unit, FIRST, "en"), key, "Are you safe?")
        async with resources.unit() as unit:
            lost = select(Effect).where(
                Effect.lane == lane_of(unit, Address(PERSON)), Effect.status == EffectStatus.PENDING
            )
            for effect in (await unit.session.exec(lost)).all():
                effect.status = EffectStatus.FAILED
        await delivered(resources)
        for expected in ({FIRST: says(resources, "undelivered")}, {}):
            await tick(resources, danger.JOBS)
            assert await heard(resources) == expected


async def test_a_coordinator_sees_no_holder_of_their_own_call(resources: Resources, clock: TravelClock) -> None:
    """Who asks for help never learns who answers, also when they are a coordinator themselves."""
    await taken(resources, clock)
    async with resources.unit() as unit:
        second = await name_actor(unit, SECOND, "en")
        (await unit.session.exec(select(Case))).one().chat = second.chat
    async with resources.unit() as unit:
        assert (await desk.read_desk(unit, await name_actor(unit, SECOND, "en"))).taken == []


async def test_a_case_does_not_close_in_the_middle_of_a_call(resources: Resources, clock: TravelClock) -> None:
    """Who called is heard as long as the call is open, also when nothing is left to ask; then the case closes."""
    key = await taken(resources, clock)
    async with resources.unit() as unit:
        await danger.write(unit, await name_actor(unit, FIRST, "en"), key, "We are looking for a lawyer.")
        await cancel(unit, (await unit.session.exec(select(Case))).one())
    clock.advance(timedelta(days=200))
    await tick(resources)
    async with resources.unit() as unit:
        assert await danger.hear(unit, await person(unit), "They are at the door again")
        call = await unit.session.get_one(DangerCall, key)
        call.closed_at = unit.now
    await tick(resources)
    async with resources.unit() as unit:
        assert (await unit.session.exec(select(Case))).one().status is CaseStatus.CLOSED


async def test_who_lost_their_coordinator_waits(resources: Resources, clock: TravelClock) -> None:
    """Whoever takes a call that another had to let go of must write, though that one had written before."""
    key = await taken(resources, clock)
    async with resources.unit() as unit:
        await danger.write(unit, await name_actor(unit, FIRST, "en"), key, "Are you safe?")
    async with resources.unit() as unit:
        first = (await name_actor(unit, FIRST, "en")).volunteer
        assert first is not None
        await standing.suspend(unit, await name_actor(unit, SECOND, "en"), first.id)
        await danger.take(unit, await name_actor(unit, SECOND, "en"), key)
    await delivered(resources)
    clock.advance(calls.PATIENCE)
    await tick(resources, danger.JOBS)
    assert await heard(resources) == {SECOND: says(resources, "unanswered-yours")}
