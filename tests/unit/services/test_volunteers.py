"""How volunteers come in."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from bot.database import Resources
from models.errors import BadInput, InvitationGone, NotAllowed, Refused, SamePerson
from models.unit import Unit
from models.volunteer import Invitation, Role, Volunteer, VolunteerRole, VolunteerStatus
from services import callsigns, standing, volunteers
from services.access import Actor
from tests.unit.services.founding import peopled
from tests.unit.services.fund import Fund, shows, volunteer


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """A fund with two coordinators."""
    return await peopled(resources, group=False)


async def invited(fund: Fund, role: Role = Role.REVIEWER, by: str | None = "Alpha") -> str:
    """A token made by a coordinator, or by the operator."""
    async with fund.resources.unit() as unit:
        return await volunteers.invite(unit, role, await fund.actor(unit, by) if by else None)


async def accepted(fund: Fund, sign: str, token: str, chosen: str | None = None) -> VolunteerRole:
    """Somebody follows a link."""
    async with fund.resources.unit() as unit:
        return await volunteers.accept(unit, await fund.actor(unit, sign), token, chosen or sign)


async def test_the_first_two_coordinators_need_nobody(fund: Fund) -> None:
    """The operator's invitation is enough while there is nobody to confirm, and no longer."""
    third = await accepted(fund, "Gamma", await invited(fund, Role.COORDINATOR, None))
    assert third.confirmed_at is None
    async with fund.resources.unit() as unit:
        held = (await unit.session.exec(select(VolunteerRole).where(VolunteerRole.role == Role.COORDINATOR))).all()
    assert sorted(role.confirmed_at is not None for role in held) == [False, True, True]


async def test_only_a_hash_of_the_token_is_stored(fund: Fund) -> None:
    """Whoever reads the database cannot come in by it, and the token fits a start parameter."""
    token = await invited(fund)
    async with fund.resources.unit() as unit:
        [row] = (await unit.session.exec(select(Invitation).where(col(Invitation.used_at).is_(None)))).all()
    assert token not in row.token_hash
    assert len(volunteers.START_INVITATION + token) <= 64


async def test_an_invitation_works_once(fund: Fund) -> None:
    """A second person finds the link used."""
    token = await invited(fund)
    await accepted(fund, "Heron", token)
    with pytest.raises(InvitationGone):
        await accepted(fund, "Otter", token)


async def test_an_invitation_runs_out(fund: Fund) -> None:
    """A link found on a seized phone later is worth nothing."""
    token = await invited(fund)
    fund.later(minutes=61)
    with pytest.raises(InvitationGone):
        await accepted(fund, "Heron", token)


async def test_an_unknown_token_is_refused(fund: Fund) -> None:
    """A guess opens nothing."""
    with pytest.raises(InvitationGone):
        await accepted(fund, "Heron", "guess")


@pytest.mark.parametrize("confirmer", ["Alpha", "Heron"])
async def test_the_second_pair_of_eyes_is_another_persons(fund: Fund, confirmer: str) -> None:
    """Neither the inviter nor the invited coordinator confirms."""
    await fund.confirmed("Heron", Role.COORDINATOR)
    role = await accepted(fund, "Heron", await invited(fund, Role.TREASURER))
    async with fund.resources.unit() as unit:
        with pytest.raises(SamePerson):
            await volunteers.confirm(unit, await fund.actor(unit, confirmer), role.id)


async def test_nobody_has_rights_before_the_confirmation(fund: Fund) -> None:
    """A pending volunteer is nobody."""
    await accepted(fund, "Heron", await invited(fund))
    async with fund.resources.unit() as unit:
        actor = await fund.actor(unit, "Heron")
        assert actor.roles == frozenset()
        assert len(await volunteers.pending(unit, await fund.actor(unit, "Beta"))) == 1
        assert await volunteers.pending(unit, await fund.actor(unit, "Alpha")) == []


async def test_a_role_is_confirmed_once(fund: Fund) -> None:
    """A second press finds nothing waiting."""
    role = await accepted(fund, "Heron", await invited(fund))
    async with fund.resources.unit() as unit:
        beta = await fund.actor(unit, "Beta")
        await volunteers.confirm(unit, beta, role.id)
        with pytest.raises(Refused, match="not-waiting"):
            await volunteers.confirm(unit, beta, role.id)


async def test_who_is_declined_leaves(fund: Fund) -> None:
    """A declined newcomer holds nothing, and may be invited anew."""
    role = await accepted(fund, "Heron", await invited(fund))
    async with fund.resources.unit() as unit:
        await volunteers.decline(unit, await fund.actor(unit, "Beta"), role.id)
        assert (await volunteer(unit, "Heron")).status == VolunteerStatus.LEFT
    again = await accepted(fund, "Heron", await invited(fund))
    assert again.confirmed_at is None
    async with fund.resources.unit() as unit:
        assert (await volunteer(unit, "Heron")).status == VolunteerStatus.PENDING


async def test_a_second_role_keeps_the_call_sign(fund: Fund) -> None:
    """One account, one call sign, whatever is typed."""
    await fund.confirmed("Heron")
    await accepted(fund, "Heron", await invited(fund, Role.TREASURER), "Otter")
    async with fund.resources.unit() as unit:
        assert (await fund.actor(unit, "Heron")).roles == {Role.REVIEWER}
        assert len((await unit.session.exec(select(Volunteer).where(Volunteer.call_sign == "Heron"))).all()) == 1


async def test_a_role_held_is_not_taken_again(fund: Fund) -> None:
    """The link stays unused for somebody else."""
    await fund.confirmed("Heron")
    token = await invited(fund)
    with pytest.raises(Refused, match="role-held"):
        await accepted(fund, "Heron", token)
    await accepted(fund, "Otter", token)


async def test_only_coordinators_invite(fund: Fund) -> None:
    """A reviewer brings nobody in."""
    await fund.confirmed("Heron")
    with pytest.raises(NotAllowed):
        await invited(fund, by="Heron")


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("ab", "volunteers.call-sign-letters"),
        ("two words", "volunteers.call-sign-letters"),
        ("Agent007", "volunteers.call-sign-letters"),
        ("x" * 21, "volunteers.call-sign-letters"),
        ("Рaven", "volunteers.call-sign-script"),
        ("Ωμεγα", "volunteers.call-sign-script"),
        ("alpha", "volunteers.call-sign-taken"),
        ("Anna", "volunteers.call-sign-name"),
        ("petrova", "volunteers.call-sign-name"),
    ],
)
async def test_call_signs_that_are_refused(fund: Fund, typed: str, key: str) -> None:
    """Each with the exact reason."""
    async with fund.resources.unit() as unit:
        with pytest.raises(BadInput) as refused:
            await callsigns.check(unit, typed, ["Anna Petrova"])
    assert refused.value.text_key == key


@pytest.mark.parametrize("language", ["en", "ru", "de"])
async def test_a_drawn_call_sign_would_be_accepted(fund: Fund, language: str) -> None:
    """What the fund draws obeys the rule for what people type."""
    async with fund.resources.unit() as unit:
        for _ in range(20):
            sign = await callsigns.draw(unit, language)
            assert (await callsigns.check(unit, sign, [])).casefold() == sign.casefold()


async def test_call_signs_do_not_run_out(fund: Fund) -> None:
    """When every word is taken two are joined."""
    async with fund.resources.unit() as unit:
        for word in callsigns.WORDS["en"]:
            token = await volunteers.invite(unit, Role.REVIEWER, None)
            await volunteers.accept(unit, await fund.actor(unit, word), token, word)
        sign = await callsigns.draw(unit, "en")
        assert sign not in callsigns.WORDS["en"]
        await callsigns.check(unit, sign, [])


async def test_probation_begins_once_there_are_enough_reviewers(fund: Fund) -> None:
    """The first two panels' worth of reviewers count at once; otherwise nothing could ever be decided."""
    signs = ["Heron", "Otter", "Raven", "Swift", "Fern", "Moss", "Reed"]
    await fund.reviewers(*signs)
    async with fund.resources.unit() as unit:
        left = [(await volunteer(unit, sign)).probation_left for sign in signs]
    assert left == [0] * 6 + [5]


async def test_the_other_coordinators_are_asked(fund: Fund) -> None:
    """The one who did not invite gets the buttons."""
    async with fund.resources.unit() as unit:
        before = len(await shows(unit, "notice:"))
    await accepted(fund, "Heron", await invited(fund))
    async with fund.resources.unit() as unit:
        assert len(await shows(unit, "notice:")) == before + 1


@pytest.mark.parametrize("decide", [volunteers.confirm, volunteers.decline])
async def test_a_question_that_is_answered_goes_from_every_chat(
    fund: Fund, decide: Callable[[Unit, Actor, UUID], Awaitable[Volunteer]]
) -> None:
    """No button of a decision that has been made stands with the coordinators who did not make it."""
    await fund.confirmed("Gamma", Role.COORDINATOR)
    role = await accepted(fund, "Heron", await invited(fund))
    async with fund.resources.unit() as unit:
        assert len(await shows(unit, "notice:waits:")) == 2
    async with fund.resources.unit() as unit:
        await decide(unit, await fund.actor(unit, "Beta"), role.id)
    async with fund.resources.unit() as unit:
        assert await shows(unit, "notice:waits:") == []


async def paused(fund: Fund, *signs: str) -> None:
    """These volunteers take a pause."""
    for sign in signs:
        async with fund.resources.unit() as unit:
            await standing.pause(unit, await fund.actor(unit, sign))


async def test_who_alone_may_confirm_is_asked_on_a_pause(fund: Fund) -> None:
    """No newcomer waits for a confirmation that nobody was asked for."""
    await paused(fund, "Beta")
    async with fund.resources.unit() as unit:
        before = len(await shows(unit, "notice:"))
    await accepted(fund, "Heron", await invited(fund))
    async with fund.resources.unit() as unit:
        assert len(await shows(unit, "notice:")) == before + 1


async def test_a_pause_spares_nobody_the_second_confirmation(fund: Fund) -> None:
    """A coordinator on a pause confirms as ever: the operator's third one waits for one of the two."""
    await paused(fund, "Beta")
    await accepted(fund, "Gamma", await invited(fund, Role.COORDINATOR, by=None))
    async with fund.resources.unit() as unit:
        assert (await fund.actor(unit, "Gamma")).roles == frozenset()


async def test_a_pause_spares_nobody_the_probation(fund: Fund) -> None:
    """Founders on a pause are founders: who comes after them is on probation."""
    await fund.reviewers("Heron", "Otter", "Raven", "Swift", "Fern", "Moss")
    await paused(fund, "Heron")
    await fund.reviewers("Reed")
    async with fund.resources.unit() as unit:
        assert (await volunteer(unit, "Reed")).probation_left == 5


async def test_what_a_suspended_coordinator_began_comes_to_nothing(fund: Fund) -> None:
    """Neither a link still out nor a newcomer who waits outlives the coordinator who invited them."""
    await fund.confirmed("Gamma", Role.COORDINATOR)
    token = await invited(fund, Role.TREASURER, by="Gamma")
    role = await accepted(fund, "Mole", await invited(fund, Role.TREASURER, by="Gamma"))
    async with fund.resources.unit() as unit:
        await standing.suspend(unit, await fund.actor(unit, "Alpha"), (await volunteer(unit, "Gamma")).id)
    async with fund.resources.unit() as unit:
        beta = await fund.actor(unit, "Beta")
        with pytest.raises(InvitationGone):
            await volunteers.look_up(unit, token)
        with pytest.raises(InvitationGone):
            await volunteers.confirm(unit, beta, role.id)
        await volunteers.decline(unit, beta, role.id)


async def test_who_is_confirmed_is_not_declined_by_an_older_screen(fund: Fund) -> None:
    """Two coordinators press at once: the role that one has confirmed is not taken away by the other's "no"."""
    await fund.confirmed("Heron", Role.TREASURER)
    role = await accepted(fund, "Heron", await invited(fund))
    async with fund.resources.unit() as unit:
        beta = await fund.actor(unit, "Beta")
        seen = await unit.session.get_one(VolunteerRole, role.id)
        connection = await unit.session.connection()
        await connection.execute(
            update(VolunteerRole).where(col(VolunteerRole.id) == role.id).values(confirmed_at=unit.now)
        )
        assert seen.confirmed_at is None
        with pytest.raises(Refused, match="not-waiting"):
            await volunteers.decline(unit, beta, role.id)
