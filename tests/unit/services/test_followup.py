"""Follow-ups: asked in time and within hours, answered in every way, stopped for good, never after an erasure."""

from datetime import datetime, time, timedelta

import pytest
from sqlalchemy import update

from bot.database import Resources
from models.base import table_of
from models.case import Case, CaseStatus
from models.errors import ButtonGone, NotAllowed, Stale
from models.followup import FollowUp, FollowUpKind, FollowUpStatus, Outcome
from sandbox.clock import TravelClock
from services import followup_answers, submission
from services.access import name_actor
from services.contact import Address, SafeContact, read_contact, write_contact
from services.followup import JOBS, schedule, show_open, stop
from services.followup_rows import cancel
from services.home import home_screen
from services.status import case_screen
from tests.unit.services.aftercare import (
    PERSON,
    STRANGER,
    ZONE,
    asked,
    delivered,
    jump,
    person,
    planned,
    rows_of,
    tick,
)
from vault.seal import Place
from vault.types import Compartment


async def test_planned_at_payout_within_hours(resources: Resources, clock: TravelClock) -> None:
    """Three questions, after the policy's days, each within the person's own hours."""
    paid = clock.now()
    rows = await rows_of(resources, await planned(resources))
    for kind, days in zip(rows, resources.policy.followups.days, strict=True):
        due = rows[kind].due_at
        assert timedelta(days=days) <= due - paid <= timedelta(days=days + 1)
        assert 10 <= due.astimezone(ZONE).hour < 21
    assert list(rows) == [FollowUpKind.ARRIVED, FollowUpKind.MONTH, FollowUpKind.QUARTER]


async def test_nothing_is_planned_for_who_wants_no_messages(resources: Resources, clock: TravelClock) -> None:
    """The profile's "no messages" holds, and the case still closes in the end."""
    case = await planned(resources, may_write=False)
    assert await rows_of(resources, case) == {}
    clock.advance(timedelta(days=100))
    await tick(resources)
    async with resources.unit() as unit:
        assert (await unit.session.get_one(Case, case)).status is CaseStatus.CLOSED
    assert await delivered(resources) == []


async def test_who_allows_messages_again_is_asked_what_lies_ahead(
    resources: Resources, clock: TravelClock
) -> None:
    """Counted from the payout, not from their word; what was due before is not caught up with, nor asked twice."""
    paid = clock.now()
    case_id = await planned(resources, may_write=False)
    clock.advance(timedelta(days=5))
    for value in ("yes", "no", "yes"):
        async with resources.unit() as unit:
            case = await unit.session.get_one(Case, case_id)
            await submission.give_answer(unit, await person(unit), case, "messages", value)
    rows = await rows_of(resources, case_id)
    assert list(rows) == [FollowUpKind.MONTH, FollowUpKind.QUARTER]
    for row, days in zip(rows.values(), resources.policy.followups.days[1:], strict=True):
        assert timedelta(days=days) <= row.due_at - paid <= timedelta(days=days + 1)


async def test_the_days_around_court(resources: Resources, clock: TravelClock) -> None:
    """The day before and the day after, on the person's own calendar, become rows two days ahead and go after."""
    court = clock.now().astimezone(ZONE).date() + timedelta(days=20)
    case = await planned(resources, court=court)
    for kind, days in ((FollowUpKind.COURT_BEFORE, -1), (FollowUpKind.COURT_AFTER, 1)):
        due = datetime.combine(court + timedelta(days=days), time(10), ZONE)
        jump(clock, due - timedelta(days=2, minutes=1))
        await tick(resources)
        assert kind not in await rows_of(resources, case)
        jump(clock, due - timedelta(days=1))
        await tick(resources)
        await tick(resources)
        assert (await rows_of(resources, case))[kind].due_at == due
    jump(clock, due + timedelta(days=30))
    for _ in range(5):
        clock.advance(timedelta(days=3))
        await tick(resources)
    assert not [kind for kind in await rows_of(resources, case) if kind.startswith("court")]


async def test_a_hearing_that_is_put_off_is_asked_about_on_its_new_day(
    resources: Resources, clock: TravelClock
) -> None:
    """After the decision too the day can be corrected; around the old one nobody is asked."""
    today = clock.now().astimezone(ZONE).date()
    case_id = await planned(resources, court=today + timedelta(days=2))
    assert FollowUpKind.COURT_BEFORE in await rows_of(resources, case_id)
    moved = today + timedelta(days=20)
    async with resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await submission.give_answer(unit, await person(unit), case, "court", moved.isoformat())
        with pytest.raises(Stale):
            await submission.give_answer(unit, await person(unit), case, "story", "another")
    assert not [kind for kind in await rows_of(resources, case_id) if kind.startswith("court")]
    clock.advance(timedelta(days=18))
    await tick(resources)
    rows = await rows_of(resources, case_id)
    assert rows[FollowUpKind.COURT_BEFORE].due_at == datetime.combine(moved - timedelta(days=1), time(10), ZONE)


async def test_a_case_does_not_close_before_its_day_in_court(resources: Resources, clock: TravelClock) -> None:
    """Whoever has a day in court long after the payout is still asked around it."""
    today = clock.now().astimezone(ZONE).date()
    case = await planned(resources, court=today + timedelta(days=200))
    jump(clock, datetime.combine(today + timedelta(days=1), time(12), ZONE))
    for _ in range(66):
        clock.advance(timedelta(days=3))
        await tick(resources)
    async with resources.unit() as unit:
        assert (await unit.session.get_one(Case, case)).status is not CaseStatus.CLOSED
    for _ in range(20):
        clock.advance(timedelta(days=3))
        await tick(resources)
    async with resources.unit() as unit:
        assert (await unit.session.get_one(Case, case)).status is CaseStatus.CLOSED


@pytest.mark.parametrize(("days", "kinds"), [(0, {FollowUpKind.COURT_AFTER}), (-2, set())])
async def test_a_court_day_that_has_come(
    resources: Resources, clock: TravelClock, days: int, kinds: set[FollowUpKind]
) -> None:
    """Nothing is asked about a day that is already over."""
    court = clock.now().astimezone(ZONE).date() + timedelta(days=days)
    rows = await rows_of(resources, await planned(resources, court=court))
    assert {kind for kind in rows if kind.startswith("court")} == kinds


async def test_a_second_payout_plans_anew(resources: Resources, clock: TravelClock) -> None:
    """Money that came back and was paid again does not make two of each question."""
    case_id = await planned(resources)
    clock.advance(timedelta(days=1))
    async with resources.unit() as unit:
        await schedule(unit, await unit.session.get_one(Case, case_id))
        await schedule(unit, await unit.session.get_one(Case, case_id))
    assert len(await rows_of(resources, case_id)) == 3


async def test_silence_ends_after_gentle_repeats(resources: Resources, clock: TravelClock) -> None:
    """Asked once, repeated as the policy says, then never again; with nothing answered the case closes."""
    case = await planned(resources)
    texts = []
    for _ in range(400):
        clock.advance(timedelta(hours=7))
        await tick(resources)
        texts += [shown["text"] for shown in await delivered(resources)]
    assert len(texts) == 3 * (1 + resources.policy.followups.repeats)
    assert {row.status for row in (await rows_of(resources, case)).values()} == {FollowUpStatus.SILENT}
    async with resources.unit() as unit:
        closed = await unit.session.get_one(Case, case)
        assert (closed.status, closed.closed_at is not None) == (CaseStatus.CLOSED, True)


async def test_never_outside_hours_even_when_the_clock_jumps(resources: Resources, clock: TravelClock) -> None:
    """Whenever the clock ticks, a message leaves only within the person's hours."""
    await planned(resources, hours=(18, 20))
    sent = 0
    for _ in range(400):
        clock.advance(timedelta(hours=7))
        await tick(resources)
        shown = await delivered(resources)
        sent += len(shown)
        assert not shown or 18 <= clock.now().astimezone(ZONE).hour < 20
    assert sent > 0


async def test_a_job_is_safe_to_run_twice(resources: Resources, clock: TravelClock) -> None:
    """A restart, or two clocks, do not ask twice."""
    case = await planned(resources)
    row = (await rows_of(resources, case))[FollowUpKind.ARRIVED]
    jump(clock, row.due_at)
    for _ in range(2):
        async with resources.unit() as unit:
            await JOBS[0].handle(unit, row.id)
    assert len(await delivered(resources)) == 1


@pytest.mark.parametrize("outcome", [Outcome.GOOD, Outcome.NOT_ARRIVED])
async def test_a_button_answers_once(resources: Resources, clock: TravelClock, outcome: Outcome) -> None:
    """An answer is kept with its time, thanked for in place, and not taken a second time."""
    row = await asked(resources, clock)
    async with resources.unit() as unit:
        await followup_answers.answer(unit, await person(unit), row.id, outcome)
    (thanks,) = await delivered(resources)
    assert thanks["text"] == resources.texts.render(f"followup.done.{outcome}", "en")
    now = (await rows_of(resources, row.case_id))[FollowUpKind.ARRIVED]
    assert (now.status, now.outcome) == (FollowUpStatus.ANSWERED, outcome)
    assert now.answered_at is not None
    with pytest.raises(Stale):
        async with resources.unit() as unit:
            await followup_answers.answer(unit, await person(unit), row.id, outcome)


async def test_words_are_sealed_in_the_story(resources: Resources, clock: TravelClock) -> None:
    """What was typed opens only with the case's story, and words may follow a button."""
    row = await asked(resources, clock, FollowUpKind.MONTH)
    async with resources.unit() as unit:
        await followup_answers.tell(unit, await person(unit), row.id, "All well, the umbrella is back.")
        await followup_answers.tell(unit, await person(unit), row.id, " All well. ")
    async with resources.unit() as unit:
        kept = await unit.session.get_one(FollowUp, row.id)
        assert kept.words is not None
        assert b"umbrella" not in bytes(kept.words)
        place = Place("follow_up", "words", str(row.id))
        assert await unit.vault.open(row.case_id, Compartment.story, kept.words, place) == b"All well."
        assert (kept.status, kept.outcome) == (FollowUpStatus.ANSWERED, Outcome.WORDS)


async def test_the_case_moves_on_when_all_is_answered(resources: Resources, clock: TravelClock) -> None:
    """Followed up with the last answer, closed some days later."""
    case_id = await planned(resources)
    for kind in (FollowUpKind.ARRIVED, FollowUpKind.MONTH, FollowUpKind.QUARTER):
        row = (await rows_of(resources, case_id))[kind]
        jump(clock, row.due_at)
        await tick(resources)
        async with resources.unit() as unit:
            await followup_answers.answer(unit, await person(unit), row.id, Outcome.GOOD)
    async with resources.unit() as unit:
        assert (await unit.session.get_one(Case, case_id)).status is CaseStatus.FOLLOWED_UP
    await tick(resources)
    clock.advance(timedelta(days=resources.policy.followups.repeat_days))
    await tick(resources)
    async with resources.unit() as unit:
        assert (await unit.session.get_one(Case, case_id)).status is CaseStatus.CLOSED


async def test_never_again_is_final(resources: Resources, clock: TravelClock) -> None:
    """After "never" nothing is planned, nothing is sent, and a later payout plans nothing either."""
    row = await asked(resources, clock)
    async with resources.unit() as unit:
        await followup_answers.never_again(unit, await person(unit), row.id)
    assert [shown["text"] for shown in await delivered(resources)] == [
        resources.texts.render("followup.done.never", "en")
    ]
    async with resources.unit() as unit:
        case = await unit.session.get_one(Case, row.case_id)
        assert not (await read_contact(unit, case)).may_write
        assert await schedule(unit, case) == 0
    for _ in range(60):
        clock.advance(timedelta(days=1, hours=17))
        await tick(resources)
    assert await delivered(resources) == []


async def test_never_again_gives_no_case_its_old_address_back(resources: Resources) -> None:
    """A case that moves to another account while the old one's press is handled keeps its new address."""
    case_id = await planned(resources)
    async with resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        moved = Case(id=case_id, code=case.code, status=case.status, language="en", created_at=unit.now)
        await write_contact(unit, moved, SafeContact(Address(STRANGER)))
        elsewhere = {"chat": moved.chat, "contact": moved.contact}
        await unit.session.execute(update(table_of(Case)).where(table_of(Case).c.id == case_id).values(elsewhere))
        await stop(unit, case, "applicant")
    async with resources.unit() as unit:
        contact = await read_contact(unit, await unit.session.get_one(Case, case_id))
    assert (contact.address, contact.may_write) == (Address(STRANGER), False)


async def test_never_again_outlives_other_corrections(resources: Resources, clock: TravelClock) -> None:
    """New hours do not bring the messages back; only the person's own "they may" does."""
    row = await asked(resources, clock)
    async with resources.unit() as unit:
        await followup_answers.never_again(unit, await person(unit), row.id)
    for key, value, may in (("hours", "9-20", False), ("zone", ZONE.key, False), ("messages", "yes", True)):
        async with resources.unit() as unit:
            case = await unit.session.get_one(Case, row.case_id)
            await submission.give_answer(unit, await person(unit), case, key, value)
            assert (await read_contact(unit, case)).may_write is may


async def test_an_open_question_is_offered_wherever_the_person_looks(
    resources: Resources, clock: TravelClock
) -> None:
    """Its message goes after two days; first screen and case screen lead back to it until it is answered."""
    row = await asked(resources, clock)
    for answered in (False, True):
        async with resources.unit() as unit:
            actor = await person(unit)
            assert actor.case is not None
            for screen in (await home_screen(unit, actor), await case_screen(unit, actor.to, actor.case)):
                acts = [button.act for buttons in screen.rows for button in buttons]
                assert ("followup.open" in acts) is not answered
            if answered:
                with pytest.raises(Stale):
                    await show_open(unit, actor)
            else:
                await show_open(unit, actor)
                await followup_answers.answer(unit, actor, row.id, Outcome.GOOD)


async def test_the_open_question_comes_to_the_end_of_the_chat(resources: Resources, clock: TravelClock) -> None:
    """What is asked for is seen at once, also when the old message still stands further up."""
    await asked(resources, clock)
    async with resources.unit() as unit:
        await show_open(unit, await person(unit))
    [shown] = await delivered(resources)
    assert (shown["text"], shown["anew"]) == (resources.texts.render("followup.ask.arrived", "en"), True)


@pytest.mark.parametrize("how", ["shredded", "cancelled", "withdrawn"])
async def test_nothing_is_sent_after_an_erasure(resources: Resources, clock: TravelClock, how: str) -> None:
    """Whatever part of an erasure has happened, the person is not written to."""
    case_id = await planned(resources)
    async with resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        if how == "shredded":
            await unit.vault.shred(case.id)
        elif how == "cancelled":
            await cancel(unit, case)
        else:
            case.status = CaseStatus.WITHDRAWN
    for _ in range(60):
        clock.advance(timedelta(days=1, hours=17))
        await tick(resources)
    assert await delivered(resources) == []


async def test_what_is_due_waits_while_the_money_is_paid_anew(resources: Resources, clock: TravelClock) -> None:
    """Nobody is asked whether money arrived that is known to have come back."""
    case_id = await planned(resources)
    async with resources.unit() as unit:
        (await unit.session.get_one(Case, case_id)).status = CaseStatus.APPROVED
    clock.advance(timedelta(days=5))
    await tick(resources)
    assert await delivered(resources) == []
    assert (await rows_of(resources, case_id))[FollowUpKind.ARRIVED].status is FollowUpStatus.SCHEDULED


REFUSED = [
    ("stranger", NotAllowed, STRANGER, "good"),
    ("not an answer", ButtonGone, PERSON, "danger"),
]


@pytest.mark.parametrize(("why", "error", "number", "outcome"), REFUSED)
async def test_refused_answers(
    resources: Resources, clock: TravelClock, why: str, error: type[Exception], number: int, outcome: str
) -> None:
    """Only the person answers, and only with what the buttons say."""
    row = await asked(resources, clock)
    with pytest.raises(error):
        async with resources.unit() as unit:
            await followup_answers.answer(unit, await name_actor(unit, number, "en"), row.id, Outcome(outcome))
    assert (await rows_of(resources, row.case_id))[FollowUpKind.ARRIVED].status is FollowUpStatus.ASKED, why
