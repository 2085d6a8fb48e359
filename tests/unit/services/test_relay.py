"""Questions and answers without names."""

import pytest
from sqlmodel import select

from models.case import Case, CaseStatus, Question
from models.errors import BadInput, NotAllowed, Refused, Stale
from services import relay, voting
from tests.unit.services.fund import Fund, seats, shows, status


async def test_a_question_goes_there_and_its_answer_back(fund: Fund) -> None:
    """The case waits, the applicant is told neutrally, the answer raises the version and asks every vote anew."""
    case_id = await fund.case()
    sign, other, _ = await fund.panel(case_id)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await voting.approve(unit, await fund.actor(unit, other), case)
        await relay.ask(unit, await fund.actor(unit, sign), case, "  When was it?  ")
    assert await status(fund, case_id) == CaseStatus.NEEDS_ANSWER
    async with fund.resources.unit() as unit:
        applicant = await fund.actor(unit, "Applicant")
        told = [effect for effect in await shows(unit, "notice:") if effect.lane == applicant.chat]
        assert len(told) == 1
        assert await relay.read_question(unit, applicant) == "When was it?"
        stored = (await unit.session.exec(select(Question))).one()
        assert b"When" not in bytes(stored.text)
        case = await unit.session.get_one(Case, case_id)
        await relay.answer_question(unit, applicant, case, "In May.")
        assert case.version == 2
        assert case.status == CaseStatus.IN_REVIEW
        assert {seat.status for _, seat in await seats(unit, case_id)} == {"drawn"}


@pytest.mark.parametrize("words", ["", "   ", "x" * 1501])
async def test_questions_that_are_refused(fund: Fund, words: str) -> None:
    """Empty or too long: said exactly, and nothing is moved."""
    case_id = await fund.case()
    sign = (await fund.panel(case_id))[0]
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        with pytest.raises(BadInput):
            await relay.ask(unit, await fund.actor(unit, sign), case, words)
    assert await status(fund, case_id) == CaseStatus.IN_REVIEW


async def test_one_question_at_a_time(fund: Fund) -> None:
    """A second one waits for the first one's answer."""
    case_id = await fund.case()
    sign, other, _ = await fund.panel(case_id)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await relay.ask(unit, await fund.actor(unit, sign), case, "When?")
        with pytest.raises(Refused, match="waiting"):
            await relay.ask(unit, await fund.actor(unit, other), case, "Where?")


@pytest.mark.parametrize("sign", ["Alpha", "Applicant", "Stranger"])
async def test_who_may_not_ask(fund: Fund, sign: str) -> None:
    """Only the panel speaks with the applicant."""
    case_id = await fund.case()
    async with fund.resources.unit() as unit:
        with pytest.raises(NotAllowed):
            await relay.ask(
                unit, await fund.actor(unit, sign), await unit.session.get_one(Case, case_id), "Who are you?"
            )


async def test_an_answer_without_a_question_is_refused(fund: Fund) -> None:
    """Also the second answer to the same question."""
    case_id = await fund.case()
    sign = (await fund.panel(case_id))[0]
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        applicant = await fund.actor(unit, "Applicant")
        with pytest.raises(Stale):
            await relay.read_question(unit, applicant)
        await relay.ask(unit, await fund.actor(unit, sign), case, "When?")
        await relay.answer_question(unit, applicant, case, "In May.")
        with pytest.raises(Stale):
            await relay.answer_question(unit, applicant, case, "In June.")


async def test_nobody_answers_for_another(fund: Fund) -> None:
    """Another applicant's answer does not reach this case."""
    case_id = await fund.case()
    await fund.case("Another")
    sign = (await fund.panel(case_id))[0]
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await relay.ask(unit, await fund.actor(unit, sign), case, "When?")
        with pytest.raises(Stale):
            await relay.answer_question(unit, await fund.actor(unit, "Another"), case, "Never.")


async def test_a_panel_that_needs_no_answer_may_decide(fund: Fund) -> None:
    """Silence of the applicant does not hold up what is clear already; the question is then gone."""
    case_id = await fund.case()
    sign, other, third = await fund.panel(case_id)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await relay.ask(unit, await fund.actor(unit, sign), case, "When?")
        await voting.approve(unit, await fund.actor(unit, other), case)
        await voting.approve(unit, await fund.actor(unit, third), case)
        assert case.status == CaseStatus.APPROVED
        with pytest.raises(Stale):
            await relay.read_question(unit, await fund.actor(unit, "Applicant"))
