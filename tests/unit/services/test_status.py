"""The screen of a person's own case: what it says, and what it offers in each state."""

import pytest

from bot.database import Resources
from models.case import CaseStatus
from sandbox.clock import TravelClock
from services.contact import Address, To
from services.followup import JOBS
from services.followup_rows import WAITING
from services.home import home_screen
from services.status import case_screen
from tests.unit.services.aftercare import PERSON, jump, planned, rows_of, tick
from tests.unit.services.asker import ASKER, actor_of, case_of, submitted
from tests.unit.services.desk import PLENTY, Desk
from tests.unit.services.fund import SMALL


async def offered(desk: Desk, owner: str = "Applicant") -> tuple[str, list[str]]:
    """The text and the acts of the case screen of a person of the desk."""
    async with desk.resources.unit() as unit:
        actor = await desk.actor(unit, owner)
        assert actor.case is not None
        screen = await case_screen(unit, actor.to, actor.case)
        return screen.text, [button.act for row in screen.rows for button in row]


async def test_the_way_of_the_money_is_found_from_approval_to_the_end(resources: Resources) -> None:
    """Who has confirmed a way can look at it again, and take it back while nobody has taken it."""
    desk = await Desk(resources).open()
    case_id = await desk.approved()
    assert "treasury.confirm_rail" in (await offered(desk))[1]
    await desk.agreed(case_id)
    assert "treasury.confirm_rail" in (await offered(desk))[1]


async def test_who_was_helped_may_call_and_has_nothing_to_take_back(resources: Resources) -> None:
    """The button for danger stands on the screen of a paid case."""
    desk = await Desk(resources).open()
    await desk.paid()
    _, acts = await offered(desk)
    assert {"danger.call", "treasury.confirm_rail"} <= set(acts)
    assert "case.withdraw" not in acts


@pytest.mark.parametrize(("money", "key"), [(PLENTY, "case.next.approved"), (SMALL - 1, "case.next.short")])
async def test_a_short_fund_is_said(resources: Resources, money: int, key: str) -> None:
    """Nobody is asked to confirm a way for money that is not there yet."""
    desk = await Desk(resources).open(money)
    await desk.approved()
    async with resources.unit() as unit:
        language = (await desk.actor(unit, "Applicant")).language
    assert resources.texts.render(key, language) in (await offered(desk))[0]


@pytest.mark.parametrize(
    ("may_write", "steps", "key"),
    [
        (True, 0, "case.next.paid"),
        (True, 1, "case.next.asked"),
        (True, 100, "case.next.followed_up"),
        (False, 0, "case.next.followed_up"),
    ],
)
async def test_no_question_is_promised_that_will_not_come(
    resources: Resources,
    clock: TravelClock,
    may_write: bool,  # noqa: FBT001 - a parameter of the test
    steps: int,
    key: str,
) -> None:
    """Who wants no messages, or was silent to the last question, does not wait for another."""
    case_id = await planned(resources, may_write=may_write)
    rows = await rows_of(resources, case_id)
    while steps and (due := [row.due_at for row in rows.values() if row.status in WAITING]):
        jump(clock, min(due))
        await tick(resources, JOBS[:1])
        rows, steps = await rows_of(resources, case_id), steps - 1
    async with resources.unit() as unit:
        screen = await case_screen(unit, To(Address(PERSON), "en"), await case_of(unit, case_id))
        assert resources.texts.render(key, "en") in screen.text


@pytest.mark.parametrize(("appealed", "key"), [(False, "case.next.declined"), (True, "case.next.final")])
async def test_a_second_refusal_promises_no_third_look(resources: Resources, appealed: bool, key: str) -> None:  # noqa: FBT001 - a parameter of the test
    """An appeal is offered only to who still has one."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        case = await case_of(unit, case_id)
        case.status, case.appealed = CaseStatus.DECLINED, appealed
        screen = await case_screen(unit, To(Address(ASKER), "en"), case)
        assert resources.texts.render(key, "en") in screen.text


async def test_it_is_said_how_long_an_answer_is_waited_for(resources: Resources) -> None:
    """Whoever cannot answer, or would rather not, knows that it is decided all the same, and when."""
    case_id, _ = await submitted(resources)
    async with resources.unit() as unit:
        case = await case_of(unit, case_id)
        case.status = CaseStatus.NEEDS_ANSWER
        screen = await case_screen(unit, To(Address(ASKER), "en"), case)
    assert f"no answer for {resources.policy.panel.answer_days} days" in screen.text


async def test_help_and_language_are_on_the_first_screen(resources: Resources) -> None:
    """Whoever is lost finds a way from the first screen."""
    async with resources.unit() as unit:
        screen = await home_screen(unit, await actor_of(unit))
        acts = [button.act for row in screen.rows for button in row]
        assert acts.count("start.speak") == len(unit.texts.languages)
        assert {"start.help", "start.protection", "case.erase", "intake.begin"} <= set(acts)
