"""Whatever anybody does in whatever order: the quorum holds, nobody touches their own case, only the panel reads.

One fund is set up; each example plays its acts on it inside one transaction that is rolled back at the end, each
act in a savepoint as in `handlers.edge`.
"""

from dataclasses import dataclass
from datetime import timedelta
from statistics import median_low
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from bot.database import Resources
from models.case import ALLOWED, OPEN, Case, CaseStatus, Question
from models.errors import Refused
from models.grant import Grant
from models.panel import SEATED, Recusal, Seat, SeatStatus, Vote, VoteKind
from models.states import move
from models.unit import Unit
from models.volunteer import Role, Volunteer
from services import panel, reading, relay, review, standing, voting
from services.access import Actor
from services.reasons import Declining, Reason
from services.seats import panel_size, quorum
from tests.unit.services.fund import LARGE, SMALL, Fund

REVIEWERS = ("Heron", "Otter", "Raven", "Swift", "Fern", "Moss", "Novice")
PEOPLE = (*REVIEWERS, "Alpha", "Purse", "Applicant", "Stranger")
VERBS = ("approve", "approve", "decline", "aside", "ask", "answer", "read", "appeal", "change", "pause", "wait")
RARE = ("suspend", "erase")
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@dataclass(frozen=True)
class Deed:
    """Somebody does something."""

    verb: str
    who: str
    case: int
    amount: int


DEEDS = st.builds(
    Deed,
    st.sampled_from((*VERBS, *VERBS, *RARE)),
    st.sampled_from((*REVIEWERS, *REVIEWERS, *PEOPLE)),
    st.integers(0, 1),
    st.sampled_from((1, SMALL, LARGE, 10**10)),
)


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """Two coordinators, a treasurer, six reviewers and one on probation, and a bound group."""
    made = Fund(resources)
    await made.coordinators()
    await made.reviewers(*REVIEWERS)
    await made.confirmed("Purse", Role.TREASURER)
    await made.bound()
    return made


@pytest.fixture
async def cases(fund: Fund) -> list[UUID]:
    """A large request of a reviewer, and a small one of somebody else."""
    return [await fund.case("Heron", amount=LARGE), await fund.case("Applicant", amount=SMALL)]


# Without shrinking: a shorter example is not worth the minutes that many transactions take.
@settings(max_examples=20, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(DEEDS, min_size=10, max_size=60))
async def test_no_sequence_of_acts_breaks_a_rule(fund: Fund, cases: list[UUID], deeds: list[Deed]) -> None:
    """After every act all rules hold."""
    async with fund.resources.unit() as unit:
        for deed in deeds:
            await play(fund, unit, cases, deed)
            unit.session.expire_all()
            for case_id in cases:
                await hold(unit, await unit.session.get_one(Case, case_id))
        await unit.session.rollback()


async def play(fund: Fund, unit: Unit, cases: list[UUID], deed: Deed) -> None:
    """Try one act; a refusal undoes it."""
    case = await unit.session.get_one(Case, cases[deed.case])
    actor = await fund.actor(unit, deed.who)
    before = await sitting(unit, case)
    open_before = case.status in OPEN
    try:
        async with unit.attempt():
            await act(unit, actor, case, deed)
    except Refused:
        return
    if deed.verb == "read":
        assert open_before
        assert actor.volunteer is not None
        assert actor.volunteer.id in before
        assert actor.chat != case.chat


async def act(unit: Unit, actor: Actor, case: Case, deed: Deed) -> None:
    """Do it."""
    match deed.verb:
        case "approve":
            await voting.approve(unit, actor, case, deed.amount if deed.amount != SMALL else None)
        case "decline":
            await voting.decline(unit, actor, case, Declining(Reason.UNCLEAR))
        case "aside":
            await voting.step_aside(unit, actor, case)
        case "ask":
            await relay.ask(unit, actor, case, "Why?")
        case "answer":
            await relay.answer_question(unit, actor, case, "So.")
        case "read":
            await reading.read(unit, actor, case, 0)
        case "appeal":
            await review.appeal(unit, actor)
        case "pause":
            await standing.pause(unit, actor)
        case "suspend":
            found = await unit.session.exec(select(Volunteer).where(Volunteer.call_sign == "Otter"))
            await standing.suspend(unit, actor, found.one().id)
        case _:
            await world(unit, case, deed.verb)


async def world(unit: Unit, case: Case, verb: str) -> None:
    """What happens without a volunteer: the content changes, time passes, the case is erased."""
    if verb == "change" and case.status in OPEN:
        case.version += 1
        await unit.session.flush()
        await review.case_changed(unit, case)
    elif verb == "wait":
        unit.now += timedelta(hours=7)
        for job in panel.JOBS:
            for key in await job.find(unit):
                await job.handle(unit, key)
    elif verb == "erase":
        await move(unit, case, CaseStatus.WITHDRAWN, ALLOWED, "system")
        await review.close_for_erasure(unit, case)


async def sitting(unit: Unit, case: Case) -> set[UUID]:
    """Who sits on a case now."""
    found = await unit.session.exec(
        select(Seat.volunteer_id).where(Seat.case_id == case.id, col(Seat.status).in_(SEATED))
    )
    return set(found.all())


async def hold(unit: Unit, case: Case) -> None:
    """Every rule of the review, checked on the rows alone."""
    rows = (
        await unit.session.exec(
            select(Seat, Volunteer).where(Seat.case_id == case.id, Seat.volunteer_id == Volunteer.id)
        )
    ).all()
    now = [(seat, who) for seat, who in rows if seat.status in SEATED]
    assert all(who.chat != case.chat for _, who in rows), "own case"
    assert len({seat.volunteer_id for seat, _ in rows}) == len(rows), "drawn twice"
    assert sum(seat.counts for seat, _ in now) <= panel_size(unit.policy, case), "too many"
    assert sum(not seat.counts for seat, _ in now) <= 1, "more than one on probation"
    aside = (await unit.session.exec(select(Recusal.volunteer_id).where(Recusal.case_id == case.id))).all()
    assert not {seat.volunteer_id for seat, _ in now} & set(aside), "stepped aside and sits"
    if case.status not in OPEN:
        assert not now, "a closed case with a panel"
    asked = (
        await unit.session.exec(
            select(Question).where(Question.case_id == case.id, col(Question.answer).is_(None))
        )
    ).all()
    assert len(asked) <= 1
    if case.status == CaseStatus.NEEDS_ANSWER:
        assert len(asked) == 1
    await decided_rightly(unit, case)


async def decided_rightly(unit: Unit, case: Case) -> None:
    """A decision has its votes, and a grant its median."""
    votes = (
        await unit.session.exec(
            select(Vote)
            .join(Seat, col(Seat.id) == Vote.seat_id)
            .where(
                Vote.case_id == case.id,
                Vote.case_version == case.version,
                Seat.status == SeatStatus.CLOSED,
                Seat.round == (2 if case.appealed else 1),
                col(Vote.counts),
            )
        )
    ).all()
    needed = quorum(unit.policy, case)
    yes = [vote.amount for vote in votes if vote.kind == VoteKind.APPROVE and vote.amount is not None]
    grants = (await unit.session.exec(select(Grant).where(Grant.case_id == case.id))).all()
    if case.status == CaseStatus.APPROVED:
        assert len(yes) >= needed
        assert [grant.amount for grant in grants] == [median_low(yes)]
        assert median_low(yes) <= unit.policy.tier(case.amount or 0).up_to
    else:
        assert not grants or case.status == CaseStatus.WITHDRAWN
    if case.status == CaseStatus.DECLINED:
        assert panel_size(unit.policy, case) - (len(votes) - len(yes)) < needed
