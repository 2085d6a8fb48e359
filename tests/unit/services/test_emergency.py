"""Emergencies: two different people grant a small urgent request at once, once, and the panel looks afterwards."""

import asyncio
from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from models.case import Case, CaseStatus, Urgency
from models.emergency import Emergency, EmergencyVerdict
from models.errors import ButtonGone, MoveRefused, NotAllowed, Refused, Stale
from models.grant import Grant
from services import emergency, mine, review, standing, submission, treasury, voting
from services.erasure import erase
from services.panel import reading_slot
from services.reasons import Declining, Reason
from services.speak import Screen, show
from tests.unit.services.emergencies import agree, granted, judge, log, propose, read, staffed, told, urgent
from tests.unit.services.fund import MIDDLE, SMALL, Fund, shows, status, volunteer

NO = Declining(Reason.UNCLEAR)


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """Everybody whom an emergency needs."""
    return await staffed(resources)


async def test_two_people_grant_at_once(fund: Fund) -> None:
    """The whole small request is granted, the panel is closed, both acts are on record, and payment can begin."""
    case_id = await urgent(fund)
    await propose(fund, case_id)
    assert await status(fund, case_id) == CaseStatus.IN_REVIEW
    assert await agree(fund, case_id) == SMALL
    assert await status(fund, case_id) == CaseStatus.APPROVED
    assert await fund.panel(case_id) == []
    assert await log(fund) == [("Heron", "emergency.proposed"), ("Alpha", "emergency.granted")]
    async with fund.resources.unit() as unit:
        assert [grant.amount for grant in (await unit.session.exec(select(Grant))).all()] == [SMALL]
        applicant = await fund.actor(unit, "Applicant")
        assert (await review.outcome(unit, applicant)).amount == SMALL
        payout = await treasury.agree(unit, applicant, await unit.session.get_one(Case, case_id))
    async with fund.resources.unit() as unit:
        await treasury.claim(unit, await fund.actor(unit, "Till"), payout.id)


async def test_coordinators_see_the_facts_of_the_card_only(fund: Fund) -> None:
    """The question tells code, category, urgency and band; no word of the story, and not the amount."""
    case_id = await urgent(fund, amount=765_400)
    await propose(fund, case_id)
    for sign in ("Alpha", "Beta"):
        text = (await told(fund, sign))[-1]
        assert "Heron" in text
        assert "Needed today" in text
        assert "umbrella" not in text
        assert "7,654" not in text
    await agree(fund, case_id)
    for sign in ("Alpha", "Beta"):
        assert not any("without waiting" in text for text in await told(fund, sign))


@pytest.mark.parametrize(
    ("urgency", "amount"),
    [(Urgency.WEEK, SMALL), (Urgency.LATER, SMALL), (Urgency.TODAY, SMALL + 1), (Urgency.TODAY, MIDDLE)],
)
async def test_what_is_no_emergency(fund: Fund, urgency: Urgency, amount: int) -> None:
    """What can wait, or is more than the policy's emergency amount, is for the panel."""
    case_id = await fund.case(urgency=urgency, amount=amount)
    with pytest.raises(NotAllowed, match="unfit"):
        await propose(fund, case_id)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        assert not await emergency.may_propose(unit, await fund.actor(unit, "Heron"), case)


async def test_a_possible_repeat_is_no_emergency(fund: Fund) -> None:
    """What needs one approval more is not decided by fewer people."""
    case_id = await urgent(fund)
    async with fund.resources.unit() as unit:
        (await unit.session.get_one(Case, case_id)).possible_repeat = True
    with pytest.raises(NotAllowed, match="unfit"):
        await propose(fund, case_id)


async def test_an_appeal_is_no_emergency(fund: Fund) -> None:
    """Two people never undo what a panel has declined."""
    await fund.reviewers("Swift", "Fern", "Moss")
    case_id = await urgent(fund)
    for sign in (await fund.panel(case_id))[:2]:
        async with fund.resources.unit() as unit:
            case = await unit.session.get_one(Case, case_id)
            await voting.decline(unit, await fund.actor(unit, sign), case, NO)
    async with fund.resources.unit() as unit:
        await review.appeal(unit, await fund.actor(unit, "Applicant"))
    with pytest.raises(NotAllowed, match="unfit"):
        await propose(fund, case_id, (await fund.panel(case_id))[0])


async def test_a_coordinator_on_a_pause_is_asked_when_there_is_no_other(fund: Fund) -> None:
    """Help that is needed today does not fail because both coordinators take a pause."""
    case_id = await urgent(fund)
    for sign in ("Alpha", "Beta"):
        async with fund.resources.unit() as unit:
            await standing.pause(unit, await fund.actor(unit, sign))
    await propose(fund, case_id)
    assert await agree(fund, case_id, "Beta") == SMALL
    assert not any("without waiting" in text for text in await told(fund, "Alpha"))


async def test_nobody_proposes_without_one_to_look_afterwards(fund: Fund) -> None:
    """The look afterwards is no empty promise: another member must sit on the panel."""
    case_id = await urgent(fund)
    for sign in ("Otter", "Raven"):
        async with fund.resources.unit() as unit:
            await voting.step_aside(unit, await fund.actor(unit, sign), await unit.session.get_one(Case, case_id))
    with pytest.raises(NotAllowed, match="nobody"):
        await propose(fund, case_id)


async def test_a_standing_proposal_is_not_made_again(fund: Fund) -> None:
    """Coordinators are asked once; a proposal that has lapsed may be made anew."""
    case_id = await urgent(fund)
    await propose(fund, case_id)
    for sign in ("Heron", "Otter"):
        with pytest.raises(Stale, match="proposed"):
            await propose(fund, case_id, sign)
    await changed(fund, case_id)
    with pytest.raises(Stale, match="gone"):
        await agree(fund, case_id)
    await propose(fund, case_id, "Otter")
    assert await agree(fund, case_id) == SMALL


async def changed(fund: Fund, case_id: UUID) -> None:
    """The applicant changes the case."""
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        case.version += 1
        await unit.session.flush()
        await review.case_changed(unit, case)


async def test_nothing_to_agree_to(fund: Fund) -> None:
    """A coordinator alone grants nothing."""
    case_id = await urgent(fund)
    with pytest.raises(ButtonGone):
        await agree(fund, case_id)


async def test_the_proposal_falls_with_its_proposer(fund: Fund) -> None:
    """Who has stepped aside or lost access meanwhile has proposed nothing."""
    case_id = await urgent(fund)
    await propose(fund, case_id)
    async with fund.resources.unit() as unit:
        await standing.suspend(unit, await fund.actor(unit, "Beta"), (await volunteer(unit, "Heron")).id)
    with pytest.raises(Stale, match="gone"):
        await agree(fund, case_id)


async def test_the_panel_may_be_faster(fund: Fund) -> None:
    """While nobody has agreed the panel goes on, and its decision ends the proposal."""
    case_id = await urgent(fund)
    await propose(fund, case_id)
    for sign in ("Otter", "Raven"):
        async with fund.resources.unit() as unit:
            case = await unit.session.get_one(Case, case_id)
            await voting.approve(unit, await fund.actor(unit, sign), case, SMALL // 2)
    with pytest.raises(Stale):
        await agree(fund, case_id)
    async with fund.resources.unit() as unit:
        assert [grant.amount for grant in (await unit.session.exec(select(Grant))).all()] == [SMALL // 2]


async def test_a_case_has_one_emergency(fund: Fund) -> None:
    """Granted, returned and open for payment again: nothing is proposed or agreed to a second time."""
    case_id = await granted(fund)
    with pytest.raises(Stale):
        await propose(fund, case_id)
    with pytest.raises(Stale):
        await agree(fund, case_id)


async def test_two_coordinators_at_once_grant_once(fund: Fund) -> None:
    """One agrees, the other finds it done, on every database."""
    case_id = await urgent(fund)
    await propose(fund, case_id)
    results = await asyncio.gather(
        agree(fund, case_id, "Alpha"), agree(fund, case_id, "Beta"), return_exceptions=True
    )
    refused = [result for result in results if result != SMALL]
    assert len(refused) == 1
    assert isinstance(refused[0], Stale | MoveRefused)
    async with fund.resources.unit() as unit:
        assert len((await unit.session.exec(select(Grant))).all()) == 1


async def test_the_panel_looks_afterwards(fund: Fund) -> None:
    """The others read and say what they think; the coordinators and the log get it, the money stays."""
    case_id = await granted(fund)
    assert "umbrella" in await read(fund, case_id, "Otter")
    await judge(fund, case_id, "Otter")
    assert not any("has looked" in text for text in await told(fund, "Alpha"))
    await judge(fund, case_id, "Raven", agreed=False)
    for sign in ("Alpha", "Beta"):
        text = (await told(fund, sign))[-1]
        assert "Would have granted it: 1. Would not: 1. Said nothing: 0." in text
    assert (await log(fund))[2:] == [
        ("Otter", "emergency.verdict"), ("Raven", "emergency.verdict"), ("system", "emergency.reviewed"),
    ]  # fmt: skip
    assert await status(fund, case_id) == CaseStatus.APPROVED
    async with fund.resources.unit() as unit:
        assert (await unit.session.exec(select(Grant))).one().amount == SMALL


@pytest.mark.parametrize("sign", ["Heron", "Alpha", "Till", "Applicant"])
async def test_who_does_not_look_afterwards(fund: Fund, sign: str) -> None:
    """Who proposed, who agreed and who was not on the panel neither reads nor judges it."""
    case_id = await granted(fund)
    with pytest.raises(Refused):
        await read(fund, case_id, sign)
    with pytest.raises(Refused):
        await judge(fund, case_id, sign)


async def test_a_verdict_is_given_once_and_ends_the_reading(fund: Fund) -> None:
    """What was read goes at once; a second verdict, or another look, is refused."""
    case_id = await granted(fund)
    async with fund.resources.unit() as unit:
        otter = await fund.actor(unit, "Otter")
        case = await unit.session.get_one(Case, case_id)
        await show(unit, otter.to, Screen("umbrella"), slot=reading_slot(case_id), case=case)
    await judge(fund, case_id, "Otter")
    async with fund.resources.unit() as unit:
        assert await shows(unit, reading_slot(case_id)) == []
    with pytest.raises(Stale):
        await judge(fund, case_id, "Otter", agreed=False)
    with pytest.raises(Stale):
        await read(fund, case_id, "Otter")


async def test_silence_is_reported_after_days(fund: Fund) -> None:
    """The look has an end: coordinators learn who did not answer by number, and nobody reads on."""
    case_id = await granted(fund)
    await judge(fund, case_id, "Otter")
    await fund.run(emergency.JOBS)
    assert not any("has looked" in text for text in await told(fund, "Alpha"))
    fund.later(days=emergency.AFTERWARDS.days)
    for _ in range(2):
        await fund.run(emergency.JOBS)
    (text,) = [text for text in await told(fund, "Alpha") if "has looked" in text]
    assert "Said nothing: 1." in text
    with pytest.raises(Stale):
        await read(fund, case_id, "Raven")
    with pytest.raises(Stale):
        await judge(fund, case_id, "Raven")


async def test_a_withdrawn_case_is_looked_at_by_nobody(fund: Fund) -> None:
    """Whoever takes their case back is read by nobody any more."""
    case_id = await granted(fund)
    async with fund.resources.unit() as unit:
        applicant = await fund.actor(unit, "Applicant")
        await submission.withdraw(unit, applicant, await unit.session.get_one(Case, case_id))
    with pytest.raises(Stale):
        await read(fund, case_id, "Otter")
    with pytest.raises(Stale):
        await judge(fund, case_id, "Otter")


async def test_erasing_the_case_erases_its_emergency(fund: Fund) -> None:
    """No row joins the case to those who decided on it; the log, which names no content, stays."""
    await granted(fund)
    async with fund.resources.unit() as unit:
        await erase(unit, await fund.actor(unit, "Applicant"))
    async with fund.resources.unit() as unit:
        for table in (Emergency, EmergencyVerdict):
            assert (await unit.session.exec(select(table))).all() == []
    fund.later(days=emergency.AFTERWARDS.days)
    await fund.run(emergency.JOBS)
    assert not any("has looked" in text for text in await told(fund, "Alpha"))


async def test_votes_on_probation_are_not_compared_with_an_emergency(fund: Fund) -> None:
    """Probation ends by agreeing with panels, and no panel has decided."""
    await fund.reviewers("Swift", "Fern", "Moss", "Novice")
    case_id = await urgent(fund)
    sitting = await fund.panel(case_id)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await voting.approve(unit, await fund.actor(unit, "Novice"), case)
    await propose(fund, case_id, next(sign for sign in sitting if sign != "Novice"))
    await agree(fund, case_id)
    async with fund.resources.unit() as unit:
        assert (await volunteer(unit, "Novice")).probation_left == 5
    with pytest.raises(NotAllowed):
        await judge(fund, case_id, "Novice")


async def test_what_waits_for_a_look_is_in_mine(fund: Fund) -> None:
    """Who was asked finds the case in their overview until they have said what they think."""
    case_id = await granted(fund)
    for given in (False, True):
        async with fund.resources.unit() as unit:
            own = await mine.overview(unit, await fund.actor(unit, "Otter"))
            assert [case.id for case in own.afterwards] == ([] if given else [case_id])
            assert (own.next is None) is given
            assert (await mine.overview(unit, await fund.actor(unit, "Heron"))).afterwards == []
        if not given:
            await judge(fund, case_id, "Otter")
