"""Drawing, filling and replacing a panel."""

import pytest
from sqlmodel import select

from bot.database import Resources
from models.case import Case, CaseStatus, Urgency
from models.errors import NotAllowed
from models.panel import Seat
from models.volunteer import Role
from services import panel, reading, review, volunteers, voting
from services.access import name_actor
from tests.unit.services.founding import peopled
from tests.unit.services.fund import Fund, seats, shows, volunteer
from vault.types import CaseCode


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """A fund with two coordinators, five reviewers and a bound group."""
    return await peopled(resources, "Heron", "Otter", "Raven", "Swift", "Fern")


async def test_a_panel_is_three_different_reviewers(fund: Fund) -> None:
    """Each told once, with nothing but the code."""
    case_id = await fund.case()
    drawn = await fund.panel(case_id)
    assert len(set(drawn)) == 3
    async with fund.resources.unit() as unit:
        reviewers = [(await volunteer(unit, sign)).chat for sign in drawn]
        told = [effect.lane for effect in await shows(unit, "notice:") if effect.case_id == case_id]
    assert sorted(told) == sorted(reviewers)


async def test_everybody_is_drawn_sooner_or_later(fund: Fund) -> None:
    """The draw is random: of many draws for one case each reviewer is in some, and they are not the same few."""
    case_id = await fund.case(begin=False)
    panels = set()
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        for _ in range(25):  # by chance it fails once in some 10**9 runs
            undone = await unit.session.begin_nested()
            panels.add(frozenset(one.call_sign for one in await panel.draw_panel(unit, case)))
            await undone.rollback()
    assert set().union(*panels) == {"Heron", "Otter", "Raven", "Swift", "Fern"}
    assert len(panels) > 3


async def test_nobody_holds_more_than_the_cap(fund: Fund) -> None:
    """Once all are full cases wait with the panel that there is, and the coordinators know."""
    for n in range(11):
        await fund.case(f"Applicant{n}")
    async with fund.resources.unit() as unit:
        held = (await unit.session.exec(select(Seat.volunteer_id))).all()
        cap = unit.policy.panel.cap
    assert max(held.count(one) for one in held) == cap


async def test_the_applicant_is_never_drawn(fund: Fund) -> None:
    """A reviewer who asks for help does not decide on it, however few others there are."""
    case_id = await fund.case("Heron")
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        assert "Heron" not in [v.call_sign for v in await panel.eligible(unit, case)]
    assert "Heron" not in await fund.panel(case_id)


async def test_those_who_speak_the_language_come_first(fund: Fund) -> None:
    """A Russian case goes to Russian speakers, and to others only when those do not suffice."""
    async with fund.resources.unit() as unit:
        for sign in ("Heron", "Otter"):
            (await volunteer(unit, sign)).language = "ru"
    case_id = await fund.case(begin=False)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        case.language = "ru"
        await review.open_review(unit, case)
    assert {"Heron", "Otter"} < set(await fund.panel(case_id))


async def test_too_few_are_filled_later(resources: Resources) -> None:
    """A case starts with whom there is, the coordinators hear of it, and newcomers take the free seats."""
    fund = await peopled(resources, "Heron", group=False)
    async with fund.resources.unit() as unit:
        before = len(await shows(unit, "notice:"))
    case_id = await fund.case()
    assert await fund.panel(case_id) == ["Heron"]
    async with fund.resources.unit() as unit:
        assert len(await shows(unit, "notice:")) == before + 3
    await fund.run(panel.JOBS)
    await fund.reviewers("Otter", "Raven", "Swift")
    await fund.run(panel.JOBS)
    assert len(await fund.panel(case_id)) == 3
    await fund.run(panel.JOBS)
    assert len(await fund.panel(case_id)) == 3


@pytest.mark.parametrize(("urgency", "hours"), [(Urgency.TODAY, 1), (Urgency.WEEK, 6), (Urgency.LATER, 6)])
async def test_silent_ones_are_replaced_in_time(fund: Fund, urgency: Urgency, hours: int) -> None:
    """Not a minute before; and what they could see they see no more."""
    case_id = await fund.case(urgency=urgency)
    silent = (await fund.panel(case_id))[0]
    for sign in (await fund.panel(case_id))[1:2]:
        async with fund.resources.unit() as unit:
            await voting.approve(unit, await fund.actor(unit, sign), await unit.session.get_one(Case, case_id))
    fund.later(hours=hours, minutes=-1)
    await fund.run(panel.JOBS)
    assert silent in await fund.panel(case_id)
    fund.later(minutes=2)
    await fund.run(panel.JOBS)
    now = await fund.panel(case_id)
    assert silent not in now
    assert sign in now
    assert len(now) == 3
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        with pytest.raises(NotAllowed):
            await reading.read(unit, await fund.actor(unit, silent), case, 0)


async def test_nobody_is_replaced_by_nobody(resources: Resources) -> None:
    """With three reviewers in all a silent one keeps the seat, and gets more time."""
    fund = await peopled(resources, "Heron", "Otter", "Raven", group=False)
    case_id = await fund.case()
    fund.later(hours=7)
    await fund.run(panel.JOBS)
    assert len(await fund.panel(case_id)) == 3
    async with fund.resources.unit() as unit:
        assert all(seat.due_at > unit.now for _, seat in await seats(unit, case_id))


async def test_nobody_is_replaced_while_the_applicant_is_asked(fund: Fund) -> None:
    """Whoever waits for an answer is not silent."""
    case_id = await fund.case()
    before = await fund.panel(case_id)
    async with fund.resources.unit() as unit:
        (await unit.session.get_one(Case, case_id)).status = CaseStatus.NEEDS_ANSWER
    fund.later(days=2)
    await fund.run(panel.JOBS)
    assert await fund.panel(case_id) == before


async def test_no_invitation_to_read_outlives_the_seat(fund: Fund) -> None:
    """Who has nothing to read any more, or something new, is not left with an old button."""
    case_id = await fund.case()
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await panel.ask_anew(unit, case)
        told = [effect for effect in await shows(unit, "notice:") if effect.case_id == case_id]
        assert len(told) == len({effect.lane for effect in told}) == 3
        await panel.dismiss(unit, case, "system")
        assert [effect for effect in await shows(unit, "notice:") if effect.case_id == case_id] == []


async def test_who_stepped_aside_is_not_drawn_again(fund: Fund) -> None:
    """Not for this case, however few are left."""
    case_id = await fund.case()
    gone: list[str] = []
    while len(gone) < 3:
        sign = (await fund.panel(case_id))[0]
        gone.append(sign)
        async with fund.resources.unit() as unit:
            await voting.step_aside(unit, await fund.actor(unit, sign), await unit.session.get_one(Case, case_id))
    await fund.run(panel.JOBS)
    assert not set(gone) & set(await fund.panel(case_id))
    assert len(await fund.panel(case_id)) == 2


async def test_pending_volunteers_are_not_drawn(fund: Fund) -> None:
    """Somebody who has accepted an invitation and is not confirmed sits nowhere."""
    async with fund.resources.unit() as unit:
        token = await volunteers.invite(unit, Role.REVIEWER, await fund.actor(unit, "Alpha"))
        await volunteers.accept(unit, await name_actor(unit, 99, "en"), token, "Badger")
        case = Case(code=CaseCode("C-1"), language="en", created_at=unit.now)
        assert "Badger" not in [v.call_sign for v in await panel.eligible(unit, case)]
