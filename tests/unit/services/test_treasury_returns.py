"""A payment that is said not to have arrived waits on the desk until somebody has found out what became of it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from models.case import Case, CaseStatus
from models.errors import BadInput, ButtonGone
from models.grant import Payout, PayoutStatus
from models.mail import Keyboard
from services import desk as coordinators_desk
from services import followup, followup_rows, treasury, treasury_person, treasury_returns, treasury_screens
from tests.unit.services.desk import Desk, Step, make_desk
from tests.unit.services.fund import LARGE
from tests.unit.services.paying import P, came_back, pay


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk with three treasurers and a million roubles."""
    return await make_desk(resources)


async def reported(desk: Desk) -> bool:
    """The person says that nothing has arrived; whether that is taken."""
    async with desk.resources.unit() as unit:
        return await treasury_returns.reported_missing(unit, (await unit.session.exec(select(Case))).one())


async def missing_since(desk: Desk, payout_id: UUID) -> datetime | None:
    """Since when a payout is said to be missing."""
    async with desk.resources.unit() as unit:
        return (await unit.session.get_one(Payout, payout_id)).missing_at


async def entries(desk: Desk, sign: str) -> list[str]:
    """The labels of the payouts on a treasurer's desk."""
    async with desk.resources.unit() as unit:
        await treasury_screens.show_desk(unit, await desk.actor(unit, sign))
    rows = (await desk.screen(sign))["keyboard"]
    return [row[0]["label"] for row in rows if " · " in row[0]["label"]]


async def test_a_missing_payment_stands_first_on_the_desk(desk: Desk) -> None:
    """It is no longer an open payout, and waits all the same: before whatever is queued, and with its reason."""
    payout_id = await desk.paid(amount=LARGE)
    await desk.queued("Another")
    desk.later(days=1)
    assert len(await entries(desk, "Till")) == 1
    async with desk.resources.unit() as unit:
        found = await unit.session.exec(select(Case).order_by(Case.created_at))  # type: ignore[arg-type]
        assert await treasury_returns.reported_missing(unit, found.all()[0])
    first, second = await entries(desk, "Till")
    assert first.startswith("📭")
    assert second.startswith("⏳")
    async with desk.resources.unit() as unit:
        await treasury_screens.show_payout(unit, await desk.actor(unit, "Till"), payout_id)
    assert (await desk.screen("Till"))["text"].startswith("The person says that nothing has arrived.")


async def test_a_missing_payment_is_spoken_of_daily(desk: Desk) -> None:
    """Treasurers hear of it again, and coordinators see it among what lies too long, until it is looked up."""
    payout_id = await desk.paid(amount=LARGE)
    assert await reported(desk)
    counts = [await _heard_in_a_day(desk)]
    desk.later(days=2)
    async with desk.resources.unit() as unit:
        assert (await coordinators_desk.read_desk(unit, await desk.actor(unit, "Alpha"))).stuck == 1
    await desk.do("Till", payout_id, treasury_returns.recheck)
    counts.append(await _heard_in_a_day(desk))
    async with desk.resources.unit() as unit:
        assert (await coordinators_desk.read_desk(unit, await desk.actor(unit, "Alpha"))).stuck == 0
    assert counts == [1, 0]


@pytest.mark.parametrize(
    ("steps", "stands"),
    [
        ((("Till", treasury.claim), ("Till", pay)), P.SENT),
        ((("Till", treasury.claim), ("Till", pay), ("Coin", treasury.confirm), ("Coin", came_back)), P.RETURNING),
    ],
)
async def test_a_report_outlives_what_treasurers_are_doing(
    desk: Desk, steps: tuple[tuple[str, Step], ...], stands: PayoutStatus
) -> None:
    """Said while the payment waits for a confirmation, or for a return to be seen, it is not lost."""
    payout_id = await desk.queued(amount=LARGE)
    for sign, step in steps:
        await desk.do(sign, payout_id, step)
    assert (await desk.stands(payout_id))[0] == stands
    assert await reported(desk)
    settle = treasury_returns.deny_return if stands == P.RETURNING else treasury.confirm
    await desk.do("Purse", payout_id, settle)
    assert (await desk.stands(payout_id))[0] == P.PAID
    assert await missing_since(desk, payout_id) is not None
    assert [label[0] for label in await entries(desk, "Till")] == ["📭"]


@pytest.mark.parametrize("found_out", [treasury_returns.recheck, came_back])
async def test_what_was_found_out_ends_the_report(desk: Desk, found_out: Step) -> None:
    """It went through, or it came back: either way nothing is missing any more."""
    payout_id = await desk.paid()
    assert await reported(desk)
    await desk.do("Till", payout_id, found_out)
    assert await missing_since(desk, payout_id) is None
    assert await entries(desk, "Till") == []


async def says_missing(desk: Desk, sign: str = "Applicant") -> None:
    """Somebody presses the button that stands where the money is."""
    async with desk.resources.unit() as unit:
        case = (await unit.session.exec(select(Case))).one()
        await treasury_returns.not_arrived(unit, await desk.actor(unit, sign), case)


async def sees(desk: Desk) -> tuple[str, list[str]]:
    """What the person sees of their money, and the acts below it."""
    async with desk.resources.unit() as unit:
        actor = await desk.actor(unit, "Applicant")
        assert actor.case is not None
        await treasury_person.show_person(unit, actor, actor.case)
    screen = await desk.screen("Applicant")
    async with desk.resources.unit() as unit:
        keyboard = await unit.session.get_one(Keyboard, screen["keyboard"][0][0]["data"].split(".")[0])
    return screen["text"], [act for act, _ in keyboard.buttons]


@pytest.mark.parametrize("says", [reported, says_missing])
async def test_it_can_be_said_again(desk: Desk, says: Callable[[Desk], Awaitable[object]]) -> None:
    """However it was said first, though a treasurer saw it go through: who still has nothing says so again."""
    payout_id = await desk.paid()
    text, acts = await sees(desk)
    assert "treasury.missing" not in acts
    assert "there will be a button for it" in text
    desk.later(days=3)
    assert "treasury.missing" in (await sees(desk))[1]
    await says(desk)
    text, acts = await sees(desk)
    assert ("We are looking it up" in text, "treasury.missing" in acts) == (True, False)
    await desk.do("Till", payout_id, treasury_returns.recheck)
    desk.later(days=1)
    text, acts = await sees(desk)
    assert text.startswith("We looked it up")
    assert "treasury.missing" in acts
    await says_missing(desk)
    assert await missing_since(desk, payout_id) is not None


async def test_said_twice_it_is_passed_on_once(desk: Desk) -> None:
    """Another press, or another way to say the same, calls nobody; and so many look-ups are enough for one day."""
    payout_id = await desk.paid()
    desk.later(days=3)
    await desk.deliver()
    before = len(await desk.notices("Till"))
    await says_missing(desk)
    await says_missing(desk)
    assert await reported(desk)
    assert len(await desk.notices("Till")) == before + 1
    await desk.do("Till", payout_id, treasury_returns.recheck)
    with pytest.raises(BadInput, match=r"treasury\.bad\.missing"):
        await says_missing(desk)


@pytest.mark.parametrize(("sign", "days"), [("Till", 3), ("Stranger", 3), ("Applicant", 2), ("Applicant", 91)])
async def test_who_may_not_say_it(desk: Desk, sign: str, days: int) -> None:
    """Nobody says it of another's money, nor before the fund would ask itself, nor when it has long asked last."""
    payout_id = await desk.paid()
    desk.later(days=days)
    with pytest.raises(ButtonGone):
        await says_missing(desk, sign)
    assert await missing_since(desk, payout_id) is None


async def test_a_case_is_not_closed_over_missing_money(desk: Desk) -> None:
    """Once it is closed, money that comes back would be set free: first it is found out what became of it."""
    payout_id = await desk.paid()
    last = desk.resources.policy.followups.days[-1]
    async with desk.resources.unit() as unit:
        await followup_rows.cancel(unit, (await unit.session.exec(select(Case))).one())
    desk.later(days=last, minutes=-5)
    await says_missing(desk)
    desk.later(days=1)
    await desk.run(followup.JOBS)
    assert (await desk.stands(payout_id))[2] == CaseStatus.PAID
    await desk.do("Till", payout_id, treasury_returns.recheck)
    await desk.run(followup.JOBS)
    assert (await desk.stands(payout_id))[2] == CaseStatus.CLOSED


async def _heard_in_a_day(desk: Desk) -> int:
    """How many more notices a treasurer has a day and a minute later."""
    await desk.deliver()
    before = len(await desk.notices("Purse"))
    desk.later(days=1, minutes=1)
    await desk.run(treasury.JOBS)
    return len(await desk.notices("Purse")) - before
