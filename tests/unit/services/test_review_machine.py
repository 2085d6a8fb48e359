"""Whatever anybody does in whatever order: the quorum holds, nobody touches their own case, only the panel reads,
and only who decided reads what the person writes afterwards.

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
from models.followup import FollowUp, FollowUpKind, FollowUpStatus
from models.grant import Grant
from models.panel import SEATED, Recusal, Seat, SeatStatus, Vote, VoteKind
from models.states import move
from models.unit import Unit
from models.volunteer import Volunteer
from services import followup_answers, followup_words, panel, reading, relay, review, standing, voting
from services.access import Actor
from services.reasons import Declining, Reason
from services.seats import panel_size, quorum
from tests.examples import examples
from tests.unit.services.founding import peopled
from tests.unit.services.fund import LARGE, SMALL, Fund, volunteer, wrote

REVIEWERS = ("Heron", "Otter", "Raven", "Swift", "Fern", "Moss", "Novice")
PEOPLE = (*REVIEWERS, "Alpha", "Purse", "Applicant", "Stranger")
OWNERS = ("Heron", "Applicant", "Moss")
"""Whose cases they are."""

VERBS = (
    "approve",
    "approve",
    "decline",
    "aside",
    "ask",
    "answer",
    "read",
    "appeal",
    "write",
    "read words",
    "change",
    "pause",
    "wait",
)

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
    st.integers(0, len(OWNERS) - 1),
    st.sampled_from((1, SMALL, LARGE, 10**10)),
)


Decided = dict[UUID, set[UUID]]
"""Who held a counting seat when a case was last decided; kept apart from the fund's own rows."""


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """Two coordinators, a treasurer, six reviewers and one on probation, and a bound group."""
    made = await peopled(resources, *REVIEWERS, treasurers=["Purse"])
    async with resources.unit() as unit:
        (await volunteer(unit, "Novice")).probation_left = 5
    return made


@pytest.fixture
async def cases(fund: Fund) -> list[UUID]:
    """A large request of a reviewer, a small one, and one that was granted, whose person has written."""
    granted = await fund.approved_by(await fund.case("Moss"))
    await wrote(fund, granted, "All well.", owner="Moss")
    return [await fund.case("Heron", amount=LARGE), await fund.case("Applicant", amount=SMALL), granted]


# Without shrinking: a shorter example is not worth the minutes that many transactions take.
@settings(
    max_examples=examples(15),
    phases=PHASES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(DEEDS, min_size=10, max_size=60))
async def test_no_sequence_of_acts_breaks_a_rule(fund: Fund, cases: list[UUID], deeds: list[Deed]) -> None:
    """After every act all rules hold."""
    async with fund.resources.unit() as unit:
        decided: Decided = {cases[2]: await sat(unit, cases[2])}
        for deed in deeds:
            await play(fund, unit, cases, deed, decided)
            unit.session.expire_all()
            for case_id in cases:
                await hold(unit, await unit.session.get_one(Case, case_id))
        await unit.session.rollback()


async def play(fund: Fund, unit: Unit, cases: list[UUID], deed: Deed, decided: Decided) -> None:
    """Try one act; a refusal undoes it."""
    case = await unit.session.get_one(Case, cases[deed.case])
    # A stranger's words are refused each time: mostly the person writes.
    who = OWNERS[deed.case] if deed.verb == "write" and deed.amount > 1 else deed.who
    actor = await fund.actor(unit, who)
    before, counting = await sitting(unit, case), await sitting(unit, case, counting=True)
    open_before = case.status in OPEN
    try:
        async with unit.attempt():
            await act(unit, actor, case, deed)
    except Refused:
        return
    if open_before and case.status in {CaseStatus.APPROVED, CaseStatus.DECLINED}:
        # Whoever casts the vote that decides sat before it.
        decided[case.id] = counting
    if deed.verb == "read words":
        assert case.status not in OPEN
        assert actor.volunteer is not None
        assert actor.volunteer.id in decided[case.id]
        assert actor.chat != case.chat
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
        case "write" | "read words":
            await after(unit, actor, case, deed.verb)
        case "pause" | "suspend":
            await absence(unit, actor, deed.verb)
        case _:
            await world(unit, case, deed.verb)


async def after(unit: Unit, actor: Actor, case: Case, verb: str) -> None:
    """What a person writes after the decision, and who reads it."""
    key = (await question(unit, case)).id
    if verb == "write":
        await followup_answers.tell(unit, actor, key, "So it went.")
    else:
        await followup_words.read(unit, actor, key)


async def absence(unit: Unit, actor: Actor, verb: str) -> None:
    """Somebody takes a pause, or suspends another."""
    if verb == "pause":
        await standing.pause(unit, actor)
    else:
        await standing.suspend(unit, actor, (await volunteer(unit, "Otter")).id)


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


async def question(unit: Unit, case: Case) -> FollowUp:
    """What the person of a case was asked, whatever has become of the case."""
    found = (await unit.session.exec(select(FollowUp).where(FollowUp.case_id == case.id))).first()
    if found is None:
        found = FollowUp(case_id=case.id, kind=FollowUpKind.MONTH, status=FollowUpStatus.ASKED, due_at=unit.now)
        unit.session.add(found)
        await unit.session.flush()
    return found


async def sat(unit: Unit, case_id: UUID) -> set[UUID]:
    """Who held a counting seat of a case that the first panel has decided."""
    found = await unit.session.exec(select(Seat).where(Seat.case_id == case_id, col(Seat.counts)))
    return {seat.volunteer_id for seat in found.all()}


async def sitting(unit: Unit, case: Case, *, counting: bool = False) -> set[UUID]:
    """Who sits on a case now, or only those whose votes count."""
    found = await unit.session.exec(
        select(Seat.volunteer_id, Seat.counts).where(Seat.case_id == case.id, col(Seat.status).in_(SEATED))
    )
    return {holder for holder, counts in found.all() if counts or not counting}


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
