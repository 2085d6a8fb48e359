"""The review from the draw to the decision and the appeal."""

from sqlmodel import select

from models.case import Case, CaseStatus
from models.grant import Grant
from services import review, voting
from services.reasons import Declining, Reason
from tests.unit.services.fund import SMALL, Fund, seats, shows, status


async def test_a_case_goes_the_whole_way_to_an_approval(fund: Fund) -> None:
    """Two approvals of a drawn panel of three make a grant, close every seat and tell the applicant."""
    case_id = await fund.case()
    panel = await fund.panel(case_id)
    assert len(panel) == 3
    for sign in panel[:2]:
        assert await status(fund, case_id) == CaseStatus.IN_REVIEW
        async with fund.resources.unit() as unit:
            case = await unit.session.get_one(Case, case_id)
            await voting.approve(unit, await fund.actor(unit, sign), case)
    assert await status(fund, case_id) == CaseStatus.APPROVED
    async with fund.resources.unit() as unit:
        grant = (await unit.session.exec(select(Grant))).one()
        assert grant.amount == SMALL
        assert {seat.status for _, seat in await seats(unit, case_id)} == {"closed"}
        outcome = await review.outcome(unit, await fund.actor(unit, "Applicant"))
        assert outcome.amount == SMALL
        assert len(await shows(unit, f"card:{case_id}")) == 1


async def test_a_declined_case_is_appealed_once(fund: Fund) -> None:
    """Two declines end it; the applicant learns the class of the reason and may ask once for others to look."""
    await fund.reviewers("Fern", "Moss", "Reed", "Tern")
    case_id = await fund.case()
    first = await fund.panel(case_id)
    for sign in first[:2]:
        async with fund.resources.unit() as unit:
            case = await unit.session.get_one(Case, case_id)
            await voting.decline(unit, await fund.actor(unit, sign), case, Declining(Reason.UNCLEAR, "too vague"))
    async with fund.resources.unit() as unit:
        applicant = await fund.actor(unit, "Applicant")
        outcome = await review.outcome(unit, applicant)
        assert outcome.reason == Reason.UNCLEAR
        assert outcome.may_appeal
        await review.appeal(unit, applicant)
    assert not set(await fund.panel(case_id)) & set(first)
    assert await status(fund, case_id) == CaseStatus.IN_REVIEW


async def test_many_changes_are_one_notice(fund: Fund) -> None:
    """An applicant who changes the case again and again leaves one line, in place of the call to read."""
    case_id = await fund.case()
    async with fund.resources.unit() as unit:
        before = len(await shows(unit, "notice:"))
        case = await unit.session.get_one(Case, case_id)
        for _ in range(5):
            case.version += 1
            await review.case_changed(unit, case)
        assert len(await shows(unit, "notice:")) == before
