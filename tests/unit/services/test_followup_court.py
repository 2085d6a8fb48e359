"""A day in court that is put off: what was asked around the old one does not stand for the new one."""

from datetime import date, datetime, time, timedelta
from uuid import UUID

import pytest

from bot.database import Resources
from models.case import Case, CaseStatus
from models.followup import FollowUp, FollowUpKind, FollowUpStatus, Outcome
from sandbox.clock import TravelClock
from services import followup_answers, submission
from tests.unit.services.aftercare import ZONE, delivered, jump, person, planned, rows_of, tick

BEFORE, AFTER = "followup.ask.court_before", "followup.ask.court_after"


def at(day: date, hour: int) -> datetime:
    """An hour of the person's day."""
    return datetime.combine(day, time(hour, 5), ZONE)


async def before_court(resources: Resources, clock: TravelClock, *, answered: bool = True) -> tuple[UUID, date]:
    """A case whose question of the day before was asked, and its day in court, which is tomorrow."""
    court = clock.now().astimezone(ZONE).date() + timedelta(days=10)
    case_id = await planned(resources, court=court)
    jump(clock, at(court - timedelta(days=2), 11))
    await tick(resources)
    jump(clock, at(court - timedelta(days=1), 10))
    await tick(resources)
    row = (await rows_of(resources, case_id))[FollowUpKind.COURT_BEFORE]
    assert row.status is FollowUpStatus.ASKED
    if answered:
        await answer(resources, row)
    await delivered(resources)
    return case_id, court


async def answer(resources: Resources, row: FollowUp) -> None:
    """The person answers that all is well."""
    async with resources.unit() as unit:
        await followup_answers.answer(unit, await person(unit), row.id, Outcome.GOOD)


async def put_off(resources: Resources, case_id: UUID, day: date) -> None:
    """The person names this day in court."""
    async with resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await submission.give_answer(unit, await person(unit), case, "court", day.isoformat())


async def asked_until(resources: Resources, clock: TravelClock, end: date) -> list[tuple[date, str]]:
    """What is asked around court, and on which day of the person's, until the evening of a day."""
    texts = {resources.texts.render(key, "en"): key for key in (BEFORE, AFTER)}
    await delivered(resources)
    found = []
    while clock.now() < at(end, 20):
        clock.advance(timedelta(hours=4))  # shorter than anybody's day, so that no hour of it is missed
        await tick(resources)
        found += [
            (clock.now().astimezone(ZONE).date(), key)
            for one in await delivered(resources)
            for text, key in texts.items()
            if text in one["text"]
        ]
    return found


@pytest.mark.parametrize("days", [2, 4, 30])
async def test_an_answer_of_the_old_day_is_none_of_the_new(
    resources: Resources, clock: TravelClock, days: int
) -> None:
    """Adjourned on the day itself: the person is asked the day before the new day, however near, and after it."""
    case_id, court = await before_court(resources, clock)
    jump(clock, at(court, 15))
    moved = court + timedelta(days=days)
    await put_off(resources, case_id, moved)
    asked = await asked_until(resources, clock, moved + timedelta(days=1))
    assert asked == [(moved - timedelta(days=1), BEFORE), (moved + timedelta(days=1), AFTER)]


async def test_adjourned_after_the_hearing(resources: Resources, clock: TravelClock) -> None:
    """Who has said how it went, and is called again a few days later, is asked around that day too."""
    case_id, court = await before_court(resources, clock)
    jump(clock, at(court, 12))
    await tick(resources)
    jump(clock, at(court + timedelta(days=1), 10))
    await tick(resources)
    await answer(resources, (await rows_of(resources, case_id))[FollowUpKind.COURT_AFTER])
    moved = court + timedelta(days=4)
    await put_off(resources, case_id, moved)
    asked = await asked_until(resources, clock, moved + timedelta(days=1))
    assert asked == [(moved - timedelta(days=1), BEFORE), (moved + timedelta(days=1), AFTER)]


async def test_the_same_day_named_again_asks_nothing_twice(resources: Resources, clock: TravelClock) -> None:
    """Only another day begins anew."""
    case_id, court = await before_court(resources, clock)
    await put_off(resources, case_id, court)
    asked = await asked_until(resources, clock, court + timedelta(days=1))
    assert asked == [(court + timedelta(days=1), AFTER)]


async def test_the_question_of_the_day_before_ends_on_the_day(resources: Resources, clock: TravelClock) -> None:
    """Nobody is asked about what lies ahead when it is over: it is not repeated, and silent from that day on."""
    case_id, court = await before_court(resources, clock, answered=False)
    asked = await asked_until(resources, clock, court)
    row = (await rows_of(resources, case_id))[FollowUpKind.COURT_BEFORE]
    assert (asked, row.status) == ([], FollowUpStatus.SILENT)
    asked = await asked_until(resources, clock, court + timedelta(days=7))
    assert [key for _, key in asked] == [AFTER] * (1 + resources.policy.followups.repeats)


async def test_a_question_that_waited_too_long_is_not_asked(resources: Resources, clock: TravelClock) -> None:
    """While money is paid anew what is due waits; the day before does not wait until after it."""
    court = clock.now().astimezone(ZONE).date() + timedelta(days=2)
    case_id = await planned(resources, court=court)
    for status, moment in (
        (CaseStatus.PAYING, at(court - timedelta(days=1), 11)),
        (CaseStatus.PAID, at(court, 12)),
    ):
        async with resources.unit() as unit:
            (await unit.session.get_one(Case, case_id)).status = status
        jump(clock, moment)
        await tick(resources)
    assert resources.texts.render(BEFORE, "en") not in [one["text"] for one in await delivered(resources)]
    assert FollowUpKind.COURT_BEFORE not in await rows_of(resources, case_id)


async def test_a_case_whose_day_was_put_off_does_not_close(resources: Resources, clock: TravelClock) -> None:
    """With nothing else left to ask, what was cancelled around the old day does not stand for the new one."""
    today = clock.now().astimezone(ZONE).date()
    court = today + timedelta(days=110)
    case_id = await planned(resources, court=court)
    jump(clock, at(today + timedelta(days=1), 12))
    while clock.now() < at(court - timedelta(days=3), 12):
        clock.advance(timedelta(days=3))
        await tick(resources)
    for day in (court - timedelta(days=1), court):
        jump(clock, at(day, 11))
        await tick(resources)
        await tick(resources)
    moved = court + timedelta(days=30)
    await put_off(resources, case_id, moved)
    asked = await asked_until(resources, clock, moved + timedelta(days=1))
    assert asked == [(moved - timedelta(days=1), BEFORE), (moved + timedelta(days=1), AFTER)]
