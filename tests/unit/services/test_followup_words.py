"""What a person writes after the decision is read by those who decided, after decisions that were really made."""

import json
from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from models.audit import AuditEntry
from models.case import Case, CaseStatus
from models.errors import BadInput, ButtonGone, NotAllowed, NotOnPanel, SteppedAside
from models.followup import FollowUp, UnreadWords
from models.panel import Recusal
from services import followup_answers, followup_words, review, standing, voting
from services.erasure import shred_case
from services.followup import JOBS
from services.panel import reading_slot
from services.reasons import Declining, Reason
from services.speak import effect_place
from tests.unit.services.founding import peopled
from tests.unit.services.fund import LARGE, Fund, shows, volunteer, wrote

WORDS = "All well, the umbrella is back."
FIRST = ("Heron", "Otter", "Raven")
SECOND = ("Swift", "Fern", "Moss")


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """A fund with a group, three reviewers and one on probation; more come in where a test needs them."""
    made = await peopled(resources, *FIRST, "Novice")
    async with resources.unit() as unit:
        (await volunteer(unit, "Novice")).probation_left = 5
    return made


async def appealed(fund: Fund) -> UUID:
    """Declined by the first panel, granted on appeal by another."""
    case_id = await fund.case()
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        for sign in FIRST[:2]:
            await voting.decline(unit, await fund.actor(unit, sign), case, Declining(Reason.UNCLEAR))
    await fund.reviewers(*SECOND)
    async with fund.resources.unit() as unit:
        await review.appeal(unit, await fund.actor(unit, "Applicant"))
    return await fund.approved_by(case_id)


async def read(fund: Fund, sign: str, key: UUID) -> str:
    """Read; what the reader's chat then shows."""
    async with fund.resources.unit() as unit:
        await followup_words.read(unit, await fund.actor(unit, sign), key)
        row = await unit.session.get_one(FollowUp, key)
    async with fund.resources.unit() as unit:
        lane = (await fund.actor(unit, sign)).chat
        (effect,) = [one for one in await shows(unit, reading_slot(row.case_id)) if one.lane == lane]
        assert effect.payload is not None
        shown = json.loads(unit.vault.open_server(effect.payload, effect_place(effect)))
    assert shown["protect"]
    assert shown["erase"] == fund.resources.policy.panel.reading_minutes * 60
    return str(shown["text"])


async def told(fund: Fund) -> set[str]:
    """Who is about to be told that somebody has written; nobody is told what."""
    async with fund.resources.unit() as unit:
        lanes = [effect.lane for effect in await shows(unit, "notice:words:")]
        signs = {(await fund.actor(unit, sign)).chat: sign for sign in list(fund.people)}
    assert len(set(lanes)) == len(lanes)
    return {signs[lane] for lane in lanes}


async def test_words_reach_who_decided_on_a_pause(fund: Fund) -> None:
    """They are nothing new: nobody else may read them."""
    case_id = await fund.approved_by(await fund.case(amount=LARGE))
    async with fund.resources.unit() as unit:
        await standing.pause(unit, await fund.actor(unit, "Heron"))
    await wrote(fund, case_id, WORDS)
    assert await told(fund) == set(FIRST)


async def test_words_reach_those_who_decided(fund: Fund) -> None:
    """The whole panel that decided, and not who sat beside it on probation, hears of them and reads them."""
    case_id = await fund.approved_by(await fund.case(amount=LARGE))
    key = await wrote(fund, case_id, WORDS)
    assert await told(fund) == set(FIRST)
    for sign in FIRST:
        assert WORDS in await read(fund, sign, key)
    with pytest.raises(NotOnPanel):
        await read(fund, "Novice", key)
    assert await told(fund) == set()
    async with fund.resources.unit() as unit:
        found = await unit.session.exec(select(AuditEntry.actor).where(AuditEntry.act == "follow_up.read"))
        assert set(found.all()) == {str((await volunteer(unit, sign)).id) for sign in FIRST}


async def test_who_had_not_voted_on_what_was_decided_reads_nothing(fund: Fund) -> None:
    """Neither a member whom two others were quicker than, nor one who voted on what the request said before."""
    case_id = await fund.case()
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await voting.approve(unit, await fund.actor(unit, "Raven"), case)
        case.version += 1
        await review.case_changed(unit, case)
        for sign in FIRST[:2]:
            await voting.approve(unit, await fund.actor(unit, sign), case)
    key = await wrote(fund, case_id, WORDS)
    assert await told(fund) == set(FIRST[:2])
    with pytest.raises(NotOnPanel):
        await read(fund, "Raven", key)


async def test_the_panel_of_an_earlier_round_reads_nothing(fund: Fund) -> None:
    """Whose decision fell on appeal need not know how it went; those who granted it do."""
    key = await wrote(fund, await appealed(fund), WORDS)
    assert await told(fund) == set(SECOND)
    for sign in FIRST:
        with pytest.raises(NotOnPanel):
            await read(fund, sign, key)
    for sign in SECOND:
        assert WORDS in await read(fund, sign, key)


@pytest.mark.parametrize(
    ("why", "sign", "error"),
    [
        ("the person themselves", "Applicant", NotAllowed),
        ("a coordinator", "Alpha", NotAllowed),
        ("a stranger", "Stranger", NotAllowed),
        ("a reviewer of other cases", "Swift", NotOnPanel),
        ("stepped aside", "Heron", SteppedAside),
        ("suspended", "Heron", NotAllowed),
        ("withdrawn", "Heron", ButtonGone),
        ("erased", "Heron", ButtonGone),
    ],
)
async def test_words_are_read_by_nobody_else(fund: Fund, why: str, sign: str, error: type[Exception]) -> None:
    """A button that was forwarded, kept or forged opens no words."""
    case_id = await fund.approved_by(await fund.case(amount=LARGE))
    await fund.reviewers("Swift")
    key = await wrote(fund, case_id, WORDS)
    async with fund.resources.unit() as unit:
        case, heron = await unit.session.get_one(Case, case_id), await volunteer(unit, "Heron")
        if why == "suspended":
            await standing.suspend(unit, await fund.actor(unit, "Alpha"), heron.id)
        elif why == "stepped aside":
            unit.session.add(Recusal(case_id=case_id, volunteer_id=heron.id, at=unit.now))
        elif why == "withdrawn":
            case.status = CaseStatus.WITHDRAWN
        elif why == "erased":
            await shred_case(unit, case, "system")
    with pytest.raises(error):
        await read(fund, sign, key)


async def test_who_was_suspended_before_hears_nothing(fund: Fund) -> None:
    """Access that has ended gives no news of anybody."""
    case_id = await fund.approved_by(await fund.case(amount=LARGE))
    async with fund.resources.unit() as unit:
        await standing.suspend(unit, await fund.actor(unit, "Alpha"), (await volunteer(unit, "Heron")).id)
    await wrote(fund, case_id, WORDS)
    assert await told(fund) == {"Otter", "Raven"}


async def test_nobody_is_told_twice_before_they_read(fund: Fund) -> None:
    """More words wait behind the same line; once read, new ones are told anew."""
    case_id = await fund.approved_by(await fund.case(amount=LARGE))
    key = await wrote(fund, case_id, "One.")
    async with fund.resources.unit() as unit:
        await followup_answers.tell(unit, await fund.actor(unit, "Applicant"), key, "Two.")
    assert await told(fund) == set(FIRST)
    assert "Two." in await read(fund, "Heron", key)
    assert await told(fund) == {"Otter", "Raven"}
    async with fund.resources.unit() as unit:
        await followup_answers.tell(unit, await fund.actor(unit, "Applicant"), key, "Three.")
    assert await told(fund) == set(FIRST)


async def test_words_around_court_go_with_their_question(fund: Fund) -> None:
    """The clock forgets the day in court although somebody has not read yet."""
    case_id = await fund.approved_by(await fund.case(amount=LARGE))
    key = await wrote(fund, case_id, WORDS, kind="court_after")
    fund.later(days=60)
    await fund.run([job for job in JOBS if job.name == "followup.forget"])
    async with fund.resources.unit() as unit:
        assert await unit.session.get(FollowUp, key) is None
        assert (await unit.session.exec(select(UnreadWords))).all() == []


@pytest.mark.parametrize("text", ["", "  \n", "x" * 1501])
async def test_refused_words(fund: Fund, text: str) -> None:
    """Nothing and too much are refused, and nobody is told."""
    case_id = await fund.approved_by(await fund.case(amount=LARGE))
    with pytest.raises(BadInput):
        await wrote(fund, case_id, text)
    assert await told(fund) == set()
