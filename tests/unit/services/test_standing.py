"""How access stands and ends."""

from dataclasses import replace

import pytest
from sqlmodel import select

from models.case import Case
from models.errors import MoveRefused, NotAllowed, SamePerson
from models.mail import Effect, EffectKind, Keyboard
from models.volunteer import Role, VolunteerStatus
from services import group, reading, standing, volunteers, voting
from services.contact import Address, To
from services.speak import Screen, show
from tests.unit.services.asker import standing as message
from tests.unit.services.asker import submitted
from tests.unit.services.fund import GROUP, SAFE, Fund, seats, shows, volunteer


async def suspended(fund: Fund, sign: str, by: str = "Alpha") -> None:
    """One tap by a coordinator."""
    async with fund.resources.unit() as unit:
        await standing.suspend(unit, await fund.actor(unit, by), (await volunteer(unit, sign)).id)


async def test_one_tap_ends_everything(fund: Fund) -> None:
    """Roles, buttons and seats go at once, and somebody else is drawn."""
    case_id = await fund.case()
    sign = (await fund.panel(case_id))[0]
    await suspended(fund, sign)
    async with fund.resources.unit() as unit:
        actor = await fund.actor(unit, sign)
        assert actor.roles == frozenset()
        assert (await unit.session.exec(select(Keyboard).where(Keyboard.person == actor.chat))).all() == []
        assert (await unit.session.exec(select(Keyboard).where(Keyboard.lane == actor.chat))).all() == []
        case = await unit.session.get_one(Case, case_id)
        with pytest.raises(NotAllowed):
            await voting.approve(unit, actor, case)
        with pytest.raises(NotAllowed):
            await reading.read(unit, actor, case, 0)
    panel = await fund.panel(case_id)
    assert len(panel) == 3
    assert sign not in panel


async def test_who_is_suspended_comes_back_only_by_a_new_invitation(fund: Fund) -> None:
    """Nothing of before revives: the role that was not invited anew is gone."""
    await fund.confirmed("Heron", Role.TREASURER)
    await suspended(fund, "Heron")
    await fund.confirmed("Heron")
    async with fund.resources.unit() as unit:
        assert (await fund.actor(unit, "Heron")).roles == {Role.REVIEWER}


async def test_nobody_suspends_themselves(fund: Fund) -> None:
    """A coordinator is suspended by another."""
    with pytest.raises(SamePerson):
        await suspended(fund, "Alpha", by="Alpha")


@pytest.mark.parametrize("sign", ["Heron", "Stranger"])
async def test_only_coordinators_suspend(fund: Fund, sign: str) -> None:
    """Nobody else ends access."""
    with pytest.raises(NotAllowed):
        await suspended(fund, "Otter", by=sign)


async def test_suspending_twice_is_refused(fund: Fund) -> None:
    """The second tap finds it done."""
    await suspended(fund, "Heron")
    with pytest.raises(MoveRefused):
        await suspended(fund, "Heron")


async def test_leaving_the_group_ends_access(fund: Fund) -> None:
    """Whoever leaves, or is thrown out, is out of everything."""
    async with fund.resources.unit() as unit:
        await standing.left_group(unit, GROUP, Address(fund.people["Heron"]))
        assert (await volunteer(unit, "Heron")).status == VolunteerStatus.LEFT
        assert (await fund.actor(unit, "Heron")).roles == frozenset()


async def test_leaving_another_group_means_nothing(fund: Fund) -> None:
    """Only the review group counts."""
    async with fund.resources.unit() as unit:
        await standing.left_group(unit, Address(-5), Address(fund.people["Heron"]))
        assert (await fund.actor(unit, "Heron")).roles == {Role.REVIEWER}


async def test_leaving_a_group_that_another_took_over_means_nothing(fund: Fund) -> None:
    """Whoever tidies up the former group keeps their access."""
    async with fund.resources.unit() as unit:
        made = await group.bind(unit, await fund.actor(unit, "Alpha"), Address(-2002))
        await group.checked(unit, made.id, SAFE)
        await standing.left_group(unit, GROUP, Address(fund.people["Heron"]))
        assert (await fund.actor(unit, "Heron")).roles == {Role.REVIEWER}
        await standing.left_group(unit, Address(-2002), Address(fund.people["Heron"]))
        assert (await fund.actor(unit, "Heron")).roles == frozenset()


async def test_leaving_a_group_that_was_refused_means_nothing(fund: Fund) -> None:
    """Who tried a group that is not safe, and goes out of it again, has left no review group."""
    async with fund.resources.unit() as unit:
        made = await group.bind(unit, await fund.actor(unit, "Alpha"), Address(-2002))
        await group.checked(unit, made.id, replace(SAFE, history_visible=True))
        await standing.left_group(unit, Address(-2002), Address(fund.people["Alpha"]))
        assert (await fund.actor(unit, "Alpha")).roles == {Role.COORDINATOR}


async def test_leaving_the_group_while_it_is_closed_ends_access(fund: Fund) -> None:
    """A group that is not safe for the moment is still the review group."""
    async with fund.resources.unit() as unit:
        await group.joined(unit, GROUP, Address(9_999))
        assert await group.open_group(unit) is None
        await standing.left_group(unit, GROUP, Address(fund.people["Heron"]))
        assert (await fund.actor(unit, "Heron")).roles == frozenset()


async def test_the_group_is_looked_at_after_access_ended(fund: Fund) -> None:
    """Whoever is suspended and still in the group is a stranger there."""
    await suspended(fund, "Heron")
    async with fund.resources.unit() as unit:
        due = await group.due_checks(unit)
        assert len(due) == 1
        wanted = await group.who_to_look_for(unit, due[0])
    assert wanted is not None
    assert Address(fund.people["Heron"]) not in wanted[1]


async def test_a_pause_draws_nothing_new_and_keeps_what_is_open(fund: Fund) -> None:
    """Paused reviewers finish what they hold."""
    first = await fund.case()
    sign = (await fund.panel(first))[0]
    async with fund.resources.unit() as unit:
        await standing.pause(unit, await fund.actor(unit, sign))
    second = await fund.case("Another")
    assert sign in await fund.panel(first)
    assert sign not in await fund.panel(second)
    async with fund.resources.unit() as unit:
        await standing.resume(unit, await fund.actor(unit, sign))
        assert (await volunteer(unit, sign)).status == VolunteerStatus.ACTIVE


async def test_coordinators_are_told_in_time_and_once(fund: Fund) -> None:
    """A week before the end each coordinator hears of each volunteer, once."""
    fund.later(days=84)
    async with fund.resources.unit() as unit:
        before = len(await shows(unit, "notice:"))
    await fund.run(standing.JOBS)
    async with fund.resources.unit() as unit:
        told = len(await shows(unit, "notice:")) - before
    await fund.run(standing.JOBS)
    async with fund.resources.unit() as unit:
        assert len(await shows(unit, "notice:")) - before == told == 4 * 2 + 2


async def test_coordinators_on_a_pause_are_told_when_nobody_else_is_there(fund: Fund) -> None:
    """A term does not run out unheard because both take a pause."""
    for sign in ("Alpha", "Beta"):
        async with fund.resources.unit() as unit:
            await standing.pause(unit, await fund.actor(unit, sign))
    fund.later(days=84)
    async with fund.resources.unit() as unit:
        before = len(await shows(unit, "notice:"))
    await fund.run(standing.JOBS)
    async with fund.resources.unit() as unit:
        assert len(await shows(unit, "notice:")) - before == 4 * 2 + 2


async def test_what_nobody_could_be_told_is_told_later(fund: Fund) -> None:
    """Who is the only coordinator is told of to the next one."""
    await suspended(fund, "Beta")
    fund.later(days=84)
    await fund.run(standing.JOBS)
    async with fund.resources.unit() as unit:
        assert (await volunteer(unit, "Alpha")).reconfirm_told_at is None
        token = await volunteers.invite(unit, Role.COORDINATOR, None)
        await volunteers.accept(unit, await fund.actor(unit, "Gamma"), token, "Gamma")
    await fund.run(standing.JOBS)
    async with fund.resources.unit() as unit:
        assert (await volunteer(unit, "Alpha")).reconfirm_told_at is not None


async def test_reconfirming_gives_another_term(fund: Fund) -> None:
    """By another coordinator; without it access stops by itself, and the seats go to others."""
    case_id = await fund.case()
    kept, lost, *_ = await fund.panel(case_id)
    fund.later(days=85)
    async with fund.resources.unit() as unit:
        alpha, beta = [await fund.actor(unit, sign) for sign in ("Alpha", "Beta")]
        for sign in {"Heron", "Otter", "Raven", "Swift"} - {lost}:
            await standing.reconfirm(unit, alpha, (await volunteer(unit, sign)).id)
        await standing.reconfirm(unit, alpha, (await volunteer(unit, "Beta")).id)
        await standing.reconfirm(unit, beta, (await volunteer(unit, "Alpha")).id)
        with pytest.raises(SamePerson):
            await standing.reconfirm(unit, alpha, (await volunteer(unit, "Alpha")).id)
    fund.later(days=10)
    await fund.run(standing.JOBS)
    async with fund.resources.unit() as unit:
        assert (await fund.actor(unit, kept)).roles == {Role.REVIEWER}
        assert (await fund.actor(unit, lost)).roles == frozenset()
    panel = await fund.panel(case_id)
    assert lost not in panel
    assert len(panel) == 3


async def test_a_fund_whose_coordinators_all_ran_out_is_opened_by_the_operator(fund: Fund) -> None:
    """The operator's invitation confirms again when no coordinator stands."""
    fund.later(days=91)
    async with fund.resources.unit() as unit:
        token = await volunteers.invite(unit, Role.COORDINATOR, None)
        await volunteers.accept(unit, await fund.actor(unit, "Alpha"), token)
        assert (await fund.actor(unit, "Alpha")).roles == {Role.COORDINATOR}


@pytest.mark.parametrize("sign", ["Heron", "Stranger"])
async def test_only_coordinators_see_who_is_there(fund: Fund, sign: str) -> None:
    """No list of people for anybody else, and none of names for anybody."""
    async with fund.resources.unit() as unit:
        with pytest.raises(NotAllowed):
            await standing.roster(unit, await fund.actor(unit, sign))
        everybody = await standing.roster(unit, await fund.actor(unit, "Alpha"))
    assert [who.call_sign for who in everybody] == ["Alpha", "Beta", "Heron", "Otter", "Raven", "Swift"]


async def test_seats_of_a_suspended_reviewer_stay_on_record(fund: Fund) -> None:
    """The log and the seat say that they once sat there."""
    case_id = await fund.case()
    sign = (await fund.panel(case_id))[0]
    await suspended(fund, sign)
    async with fund.resources.unit() as unit:
        held = [seat.status for who, seat in await seats(unit, case_id) if who.call_sign == sign]
        assert held == ["replaced"]


async def test_what_stands_in_the_chat_goes_with_the_access(fund: Fund) -> None:
    """A suspended treasurer keeps no destination, neither shown nor about to be; their own case stays."""
    case_id = await fund.case("Owner")
    await fund.confirmed("Stork", Role.TREASURER)
    number = fund.people["Stork"]
    own_id, _ = await submitted(fund.resources, number)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        own = await unit.session.get_one(Case, own_id)
        message(unit, number, 1, case)
        message(unit, number, 2, slot="notice:1")
        kept = message(unit, number, 3, own, slot="notice:2")
        lane = kept.lane
        await show(unit, To(Address(number), "en"), Screen("Card 4111 0000"), case=case)
    await suspended(fund, "Stork")
    async with fund.resources.unit() as unit:
        pending = (await unit.session.exec(select(Effect).where(Effect.lane == lane))).all()
        erased = {each.slot for each in pending if each.kind is EffectKind.ERASE}
        shown = [each.slot for each in pending if each.kind is EffectKind.SHOW and each.case_id == case_id]
    assert erased == {"screen", "notice:1"}
    assert shown == []
