"""Reviewers who are silent, or ask without end: no case waits for ever, and coordinators hear of it."""

from datetime import timedelta
from uuid import UUID

import pytest

from bot.database import Resources
from models.case import Case, CaseStatus
from models.errors import Refused
from models.volunteer import VolunteerStatus
from services import panel, relay, standing, voting
from tests.unit.services.asker import said
from tests.unit.services.founding import peopled
from tests.unit.services.fund import LARGE, Fund, seats, status, volunteer

ALWAYS = timedelta(days=300)

SILENT = "Heron"


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """A fund with one reviewer more than a panel has."""
    return await peopled(resources, SILENT, "Crane", "Swift", "Robin")


async def put(fund: Fund, sign: str, state: VolunteerStatus) -> None:
    """Somebody takes a pause, or ends it."""
    async with fund.resources.unit() as unit:
        (await volunteer(unit, sign)).status = state


async def state_of(fund: Fund, sign: str) -> VolunteerStatus:
    """Where a volunteer stands."""
    async with fund.resources.unit() as unit:
        return (await volunteer(unit, sign)).status


async def drawn(fund: Fund) -> UUID:
    """A case of all but one reviewer, who is there to replace the silent one; the others have time."""
    await put(fund, "Robin", VolunteerStatus.PAUSED)
    case_id = await fund.case(f"Applicant{len(fund.people)}", amount=LARGE)
    await put(fund, "Robin", VolunteerStatus.ACTIVE)
    async with fund.resources.unit() as unit:
        found = {held.call_sign: seat for held, seat in await seats(unit, case_id)}
        assert SILENT in found
        for sign, seat in found.items():
            seat.due_at = seat.due_at if sign == SILENT else unit.now + ALWAYS
    return case_id


async def lose_seat(fund: Fund) -> None:
    """The silent one is replaced."""
    case_id = await drawn(fund)
    fund.later(hours=7)
    await fund.run(panel.JOBS)
    assert SILENT not in await fund.panel(case_id)


async def told(fund: Fund, who: str, key: str, **params: str) -> int:
    """How often somebody is about to be told this."""
    async with fund.resources.unit() as unit:
        return (await said(unit, fund.people[who])).count(fund.resources.texts.render(key, "en", **params))


async def ask(fund: Fund, case_id: UUID, sign: str) -> None:
    """A reviewer asks, and is answered after a day."""
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await relay.ask(unit, await fund.actor(unit, sign), case, "And what else?")
    fund.later(days=1)
    await answer(fund, case_id)


async def answer(fund: Fund, case_id: UUID) -> None:
    """The person answers, who came last."""
    owner = list(fund.people)[-1]
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await relay.answer_question(unit, await fund.actor(unit, owner), case, "Nothing.")


async def test_two_seats_lost_in_a_row_are_a_pause(fund: Fund) -> None:
    """Who is away without having said so is drawn no more; they and the coordinators are told, once."""
    for losses, state in ((1, VolunteerStatus.ACTIVE), (2, VolunteerStatus.PAUSED)):
        await lose_seat(fund)
        assert await state_of(fund, SILENT) is state
        assert await told(fund, SILENT, "review.paused-you") == losses - 1
        assert await told(fund, "Alpha", "review.paused", sign=SILENT) == losses - 1
    assert SILENT not in await fund.panel(await fund.case("Another"))


async def test_who_comes_back_begins_anew(fund: Fund) -> None:
    """One seat lost after the pause is one, not the third."""
    for _ in range(2):
        await lose_seat(fund)
    async with fund.resources.unit() as unit:
        await standing.resume(unit, await fund.actor(unit, SILENT))
    await lose_seat(fund)
    assert await state_of(fund, SILENT) is VolunteerStatus.ACTIVE


@pytest.mark.parametrize("act", ["vote", "ask", "step aside"])
async def test_any_act_on_a_seat_begins_the_count_anew(fund: Fund, act: str) -> None:
    """Whoever works, and is late now and then, is not put on a pause."""
    await lose_seat(fund)
    case_id = await drawn(fund)
    async with fund.resources.unit() as unit:
        case, actor = await unit.session.get_one(Case, case_id), await fund.actor(unit, SILENT)
        if act == "vote":
            await voting.approve(unit, actor, case)
        elif act == "ask":
            await relay.ask(unit, actor, case, "When was it?")
        else:
            await voting.step_aside(unit, actor, case)
    await lose_seat(fund)
    assert await state_of(fund, SILENT) is VolunteerStatus.ACTIVE


@pytest.mark.parametrize(("counts", "alarms"), [(False, 0), (True, 1)])
async def test_no_alarm_about_a_seat_that_decides_nothing(fund: Fund, counts: bool, alarms: int) -> None:  # noqa: FBT001
    """A silent reviewer on probation holds nothing up: the coordinators are not called because of them."""
    case_id = await drawn(fund)
    await put(fund, "Robin", VolunteerStatus.PAUSED)
    async with fund.resources.unit() as unit:
        for held, seat in await seats(unit, case_id):
            if held.call_sign == SILENT:
                seat.counts, code = counts, (await unit.session.get_one(Case, case_id)).code
    await put(fund, "Crane", VolunteerStatus.PAUSED)
    fund.later(hours=7)
    await fund.run(panel.JOBS[:1])
    assert SILENT in await fund.panel(case_id)
    assert await told(fund, "Alpha", "review.nobody-to-replace", code=code) == alarms


async def test_two_questions_each(fund: Fund) -> None:
    """The third is refused, to whoever wants to ask and to whoever has typed it; another may still ask."""
    case_id = await drawn(fund)
    for _ in range(relay.MOST):
        await ask(fund, case_id, SILENT)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        with pytest.raises(Refused, match="enough"):
            await relay.require_may_ask(unit, await fund.actor(unit, SILENT), case)
        with pytest.raises(Refused, match="enough"):
            await relay.ask(unit, await fund.actor(unit, SILENT), case, "And what else?")
        code = case.code
    assert await told(fund, "Alpha", "relay.many", code=code) == 0
    for _ in range(relay.MOST):
        await ask(fund, case_id, "Crane")
        assert await told(fund, "Alpha", "relay.many", code=code) == 1


@pytest.mark.parametrize(("spent", "left"), [(1, 5), (2, 4), (5, 3)])
async def test_a_question_buys_its_asker_no_time(fund: Fund, spent: int, left: int) -> None:
    """They have what was left of six hours when they asked, or half; those who waited for them have all six."""
    case_id = await drawn(fund)
    fund.later(hours=spent)
    await ask(fund, case_id, SILENT)
    async with fund.resources.unit() as unit:
        due = {held.call_sign: seat.due_at - unit.now for held, seat in await seats(unit, case_id)}
    hours = {sign: round(time / timedelta(hours=1)) for sign, time in due.items()}
    assert hours == {SILENT: left, "Crane": 6, "Swift": 6}


async def test_who_only_asks_is_replaced_in_the_end(fund: Fund) -> None:
    """All others vote; whoever only asks, and gets no answer, holds the case up for two questions."""
    case_id = await drawn(fund)
    for _ in range(relay.MOST):
        async with fund.resources.unit() as unit:
            case = await unit.session.get_one(Case, case_id)
            for sign in ("Crane", "Swift"):
                await voting.approve(unit, await fund.actor(unit, sign), case)
            await relay.ask(unit, await fund.actor(unit, SILENT), case, "And what else?")
        fund.later(days=fund.resources.policy.panel.answer_days)
        await fund.run(relay.JOBS)
        assert await status(fund, case_id) == CaseStatus.IN_REVIEW
    fund.later(hours=6)
    await fund.run(panel.JOBS)
    assert sorted(await fund.panel(case_id)) == ["Crane", "Robin", "Swift"]
