"""Who may do what: every pair of a role and an act."""

from dataclasses import replace

import pytest

from bot.database import Resources
from models.case import Case
from models.errors import NotAllowed, NotOnPanel, OwnCase, SteppedAside
from models.volunteer import Role
from services import standing, voting
from services.access import RIGHTS, Act, Actor, require, require_seat
from tests.unit.services.founding import peopled
from tests.unit.services.fund import Fund, volunteer

R, T, C = Role.REVIEWER, Role.TREASURER, Role.COORDINATOR
EXPECTED = {
    Act.INVITE: {C},
    Act.CONFIRM: {C},
    Act.SUSPEND: {C},
    Act.BIND_GROUP: {C},
    Act.SEE_DESK: {C},
    Act.PROPOSE_EMERGENCY: {R},
    Act.GRANT_EMERGENCY: {C},
    Act.REVIEW_EMERGENCY: {R},
    Act.READ: {R},
    Act.READ_WORDS: {R},
    Act.VOTE: {R},
    Act.ASK: {R},
    Act.STEP_ASIDE: {R},
    Act.PAUSE: {R, T, C},
    Act.CLAIM_PAYOUT: {T},
    Act.CONFIRM_PAYOUT: {T},
    Act.DECIDE_DOUBT: {T},
    Act.ENTER_MONEY: {T},
    Act.CONFIRM_MONEY: {T},
    Act.ANSWER_DANGER: {C},
    Act.DECIDE_MATCH: {T, C},
}
"""Written out anew: a right that is changed in the code must be changed here, by somebody who means it."""


PANEL_ACTS = (Act.READ, Act.VOTE, Act.ASK, Act.STEP_ASIDE, Act.PROPOSE_EMERGENCY)
"""Acts for which the code asks for a seat as well."""


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """A fund with two coordinators, a treasurer, four reviewers and a group."""
    return await peopled(resources, "Heron", "Otter", "Raven", "Swift", treasurers=["Purse"])


def test_every_act_has_its_roles() -> None:
    """No act is left without a rule."""
    assert set(RIGHTS) == set(Act) == set(EXPECTED)


async def test_every_role_and_act(fund: Fund) -> None:
    """Exactly the roles of the list may; whoever has no role may nothing."""
    async with fund.resources.unit() as unit:
        heron, stranger = await fund.actor(unit, "Heron"), await fund.actor(unit, "Stranger")
    allowed = {(role, act) for role in Role for act in Act if may(replace(heron, roles=frozenset({role})), act)}
    assert allowed == {(role, act) for act, roles in EXPECTED.items() for role in roles}
    assert not any(may(replace(heron, roles=frozenset()), act) or may(stranger, act) for act in Act)


def may(actor: Actor, act: Act) -> bool:
    """Whether `require` lets an actor do this."""
    try:
        return require(actor, act) == actor.volunteer
    except NotAllowed:
        return False


async def test_nobody_acts_on_their_own_case(fund: Fund) -> None:
    """Not even with every role."""
    case_id = await fund.case("Heron")
    async with fund.resources.unit() as unit:
        actor = replace(await fund.actor(unit, "Heron"), roles=frozenset(Role))
        case = await unit.session.get_one(Case, case_id)
    for act in Act:
        with pytest.raises(OwnCase):
            require(actor, act, case)


async def test_the_acts_of_a_panel_need_a_seat(fund: Fund) -> None:
    """A reviewer who was not drawn, and every other role, is refused; who sits may."""
    case_id = await fund.case()
    panel = await fund.panel(case_id)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        outside = ({"Heron", "Otter", "Raven", "Swift"} - set(panel)).pop()
        for act in PANEL_ACTS:
            for sign in panel:
                await require_seat(unit, await fund.actor(unit, sign), act, case)
            with pytest.raises(NotOnPanel):
                await require_seat(unit, await fund.actor(unit, outside), act, case)
            for sign in ("Alpha", "Purse", "Stranger", "Applicant"):
                with pytest.raises(NotAllowed):
                    await require_seat(unit, await fund.actor(unit, sign), act, case)


async def test_who_stepped_aside_is_out_for_good(fund: Fund) -> None:
    """No act of the panel is left to them."""
    case_id = await fund.case()
    sign = (await fund.panel(case_id))[0]
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await voting.step_aside(unit, await fund.actor(unit, sign), case)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        for act in PANEL_ACTS:
            with pytest.raises(SteppedAside):
                await require_seat(unit, await fund.actor(unit, sign), act, case)


async def test_access_that_has_ended_gives_nothing(fund: Fund) -> None:
    """Suspended or run out: no right is left."""
    async with fund.resources.unit() as unit:
        await standing.suspend(unit, await fund.actor(unit, "Alpha"), (await volunteer(unit, "Heron")).id)
        assert not any([may(await fund.actor(unit, "Heron"), act) for act in Act])
    fund.later(days=91)
    async with fund.resources.unit() as unit:
        for sign in ("Alpha", "Purse", "Otter"):
            assert not any([may(await fund.actor(unit, sign), act) for act in Act])
