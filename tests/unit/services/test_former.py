"""Who was a volunteer is known no longer than the policy says."""

from datetime import timedelta

import pytest

from bot.database import Resources
from bot.operations import sweep_shredded
from models.case import Case, CaseStatus
from models.panel import Recusal
from models.volunteer import Role, Volunteer, VolunteerStatus
from services import standing
from services.access import name_actor
from services.contact import volunteer_recipient
from services.former import JOBS
from services.roles import tell_role
from tests.unit.services.founding import peopled
from tests.unit.services.fund import Fund, volunteer
from vault.errors import CompartmentShredded

V = VolunteerStatus


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """A fund with two coordinators and four reviewers."""
    return await peopled(resources, "Heron", "Otter", "Raven", "Swift", group=False)


async def suspended(fund: Fund, sign: str) -> None:
    """One tap by a coordinator."""
    async with fund.resources.unit() as unit:
        await standing.suspend(unit, await fund.actor(unit, "Alpha"), (await volunteer(unit, sign)).id)


async def pass_days(fund: Fund, short: float = 0) -> None:
    """The policy's days, less so many hours, and one tick."""
    fund.later(days=fund.resources.policy.retention.volunteer_days, hours=-short)
    await fund.run(JOBS)


async def status(fund: Fund, sign: str) -> VolunteerStatus:
    """Where somebody stands."""
    async with fund.resources.unit() as unit:
        return (await volunteer(unit, sign)).status


async def test_who_is_suspended_is_forgotten_in_time(fund: Fund) -> None:
    """Neither address nor chat is known any more, whatever keys are seized; the call sign stays for the log."""
    await suspended(fund, "Heron")
    async with fund.resources.unit() as unit:
        chat, key = (await fund.actor(unit, "Heron")).chat, (await volunteer(unit, "Heron")).id
    await pass_days(fund, short=1)
    assert await status(fund, "Heron") is V.SUSPENDED
    fund.later(hours=2)
    await fund.run(JOBS)
    async with fund.resources.unit() as unit:
        row = await volunteer(unit, "Heron")
        assert (row.status, row.contact) == (V.FORGOTTEN, b"")
        assert row.chat != chat
        with pytest.raises(CompartmentShredded):
            await volunteer_recipient(unit, row)
        assert await unit.vault.shredded([key]) == {key}
        assert row not in await standing.roster(unit, await fund.actor(unit, "Alpha"))
    await fund.run(JOBS)


async def test_who_comes_back_is_a_newcomer(fund: Fund) -> None:
    """A new row under a new call sign; the old one stays forgotten."""
    await suspended(fund, "Heron")
    await pass_days(fund)
    fund.people["Crane"] = fund.people["Heron"]
    await fund.confirmed("Crane")
    async with fund.resources.unit() as unit:
        back = await name_actor(unit, fund.people["Crane"], "en")
        assert back.volunteer is not None
        assert back.volunteer.id != (await volunteer(unit, "Heron")).id
        assert back.roles == {Role.REVIEWER}


async def test_whose_reconfirmation_ran_out_leaves_and_is_forgotten(fund: Fund) -> None:
    """Nobody stays known because nobody took the trouble to suspend them."""
    async with fund.resources.unit() as unit:
        for sign in ("Alpha", "Beta", "Otter", "Raven", "Swift"):
            (await volunteer(unit, sign)).reconfirm_at = unit.now + timedelta(days=999)
        (await volunteer(unit, "Heron")).reconfirm_at = unit.now
    await pass_days(fund)
    assert await status(fund, "Heron") is V.LEFT
    await pass_days(fund)
    assert [await status(fund, sign) for sign in ("Heron", "Otter")] == [V.FORGOTTEN, V.ACTIVE]


async def test_who_was_never_confirmed_leaves(fund: Fund) -> None:
    """An invitation that came to nothing leaves no address behind."""
    async with fund.resources.unit() as unit:
        row = await volunteer(unit, "Heron")
        row.status, row.since = V.PENDING, unit.now
    await pass_days(fund)
    assert await status(fund, "Heron") is V.LEFT


async def test_whose_own_case_is_open_is_not_forgotten(fund: Fund) -> None:
    """Under another row they could judge or pay what was theirs."""
    case_id = await fund.case(begin=False)
    async with fund.resources.unit() as unit:
        heron = await volunteer(unit, "Heron")
        unit.session.add(Recusal(case_id=case_id, volunteer_id=heron.id, at=unit.now))
    await suspended(fund, "Heron")
    await pass_days(fund)
    assert await status(fund, "Heron") is V.SUSPENDED
    async with fund.resources.unit() as unit:
        (await unit.session.get_one(Case, case_id)).status = CaseStatus.PAID
    await fund.run(JOBS)
    assert await status(fund, "Heron") is V.FORGOTTEN


async def test_a_backup_does_not_bring_them_back(fund: Fund) -> None:
    """A restored row whose keys are gone loses all access before anything is said to its role."""
    async with fund.resources.unit() as unit:
        keys = [(await volunteer(unit, sign)).id for sign in ("Alpha", "Heron")]
    for key in keys:
        await fund.resources.vault.shred(key)
    assert await sweep_shredded(fund.resources) == 2
    async with fund.resources.unit() as unit:
        assert [(await unit.session.get_one(Volunteer, key)).status for key in keys] == [V.FORGOTTEN] * 2
        assert await tell_role(unit, Role.COORDINATOR, "review.panel-short", code="C") == 1
