"""Questions and answers without names."""

from uuid import UUID

import pytest
from sqlmodel import select

from models.audit import AuditEntry
from models.case import Case, CaseStatus, Question
from models.errors import BadInput, NotAllowed, Refused, Stale
from models.mail import EffectStatus
from models.panel import SeatStatus
from services import panel, relay, voting
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


async def waiting(fund: Fund) -> tuple[UUID, list[str]]:
    """A case with one vote cast and a question that waits, and its panel."""
    case_id = await fund.case()
    signs = await fund.panel(case_id)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await voting.approve(unit, await fund.actor(unit, signs[0]), case)
        await relay.ask(unit, await fund.actor(unit, signs[1]), case, "When was it?")
    await told(fund)
    return case_id, signs


async def told(fund: Fund) -> list[str]:
    """Who is about to be told something of a case, each once; it counts as delivered."""
    async with fund.resources.unit() as unit:
        found = [effect for effect in await shows(unit, "notice:") if effect.case_id is not None]
        for effect in found:
            effect.status = EffectStatus.DONE
        chats = {(await fund.actor(unit, sign)).chat: sign for sign in fund.people}
        return sorted({chats[effect.lane] for effect in found})


async def test_who_does_not_answer_is_reminded_and_then_not_waited_for(fund: Fund) -> None:
    """Two reminders, no third; then the panel is told to decide, with the votes that stand."""
    case_id, signs = await waiting(fund)
    heard = []
    for _ in range(fund.resources.policy.panel.answer_days):
        fund.later(days=1)
        await fund.run(relay.JOBS)
        await fund.run(relay.JOBS)
        heard.append(await told(fund))
    assert heard[:-1].count(["Applicant"]) == 2
    assert heard[:-1].count([]) == len(heard) - 3
    assert heard[-1] == sorted(signs)
    assert await status(fund, case_id) == CaseStatus.IN_REVIEW
    async with fund.resources.unit() as unit:
        assert [seat.status for _, seat in await seats(unit, case_id)].count(SeatStatus.VOTED) == 1
        assert "question.unanswered" in (await unit.session.exec(select(AuditEntry.act))).all()
        case = await unit.session.get_one(Case, case_id)
        await voting.approve(unit, await fund.actor(unit, signs[2]), case)
    assert await status(fund, case_id) == CaseStatus.APPROVED


async def test_silence_counts_again_without_an_answer(fund: Fund) -> None:
    """Who has not voted has their full time from then on, and is replaced after it."""
    case_id, signs = await waiting(fund)
    fund.later(days=fund.resources.policy.panel.answer_days)
    await fund.run([*relay.JOBS, *panel.JOBS])
    assert await fund.panel(case_id) == signs
    fund.later(hours=fund.resources.policy.panel.silent_hours)
    await fund.run(panel.JOBS)
    assert await fund.panel(case_id) != signs


async def test_a_late_answer_is_taken(fund: Fund) -> None:
    """What a person types after all is not lost: it is new content, as in time."""
    case_id, _ = await waiting(fund)
    fund.later(days=fund.resources.policy.panel.answer_days)
    await fund.run(relay.JOBS)
    async with fund.resources.unit() as unit:
        applicant = await fund.actor(unit, "Applicant")
        case = await unit.session.get_one(Case, case_id)
        assert await relay.read_question(unit, applicant) == "When was it?"
        await relay.answer_question(unit, applicant, case, "In May.")
        assert (case.version, case.status) == (2, CaseStatus.IN_REVIEW)
        with pytest.raises(Stale):
            await relay.answer_question(unit, applicant, case, "Or in June.")


async def test_a_changed_case_gives_the_panel_its_time_anew(fund: Fund) -> None:
    """Whoever was nearly too late to vote is not replaced for what they have not had the time to read."""
    case_id = await fund.case()
    signs = await fund.panel(case_id)
    async with fund.resources.unit() as unit:
        await relay.ask(unit, await fund.actor(unit, signs[0]), await unit.session.get_one(Case, case_id), "When?")
    hours = fund.resources.policy.panel.silent_hours
    fund.later(hours=hours - 1)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await relay.answer_question(unit, await fund.actor(unit, "Applicant"), case, "In May.")
    fund.later(hours=hours - 1)
    await fund.run(panel.JOBS)
    assert await fund.panel(case_id) == signs
    fund.later(hours=1)
    await fund.run(panel.JOBS)
    assert await fund.panel(case_id) != signs
