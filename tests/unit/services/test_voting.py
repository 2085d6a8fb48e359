"""Votes, the rule that decides, and two people voting at once."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from bot.database import Resources
from models.audit import AuditEntry
from models.case import Case, CaseStatus, Urgency
from models.errors import BadInput, MoveRefused, NotAllowed, Refused, Stale
from models.grant import Grant
from models.panel import Vote
from services import emergency, relay, review, voting
from services.reasons import Declining, Reason
from services.speak import effect_place
from services.voting import Ballot, Verdict, verdict
from tests.unit.services.founding import peopled
from tests.unit.services.fund import LARGE, SMALL, Fund, seats, shows, status, volunteer

NO = Declining(Reason.UNCLEAR)
BALLOTS = st.lists(st.one_of(st.none(), st.integers(1, 10**8)).map(Ballot), max_size=5)


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """A fund with two coordinators, seven reviewers (the last on probation) and a bound group."""
    return await peopled(resources, "Heron", "Otter", "Raven", "Swift", "Fern", "Moss", "Novice")


async def vote(fund: Fund, case_id: UUID, sign: str, amount: int | None = None, *, no: bool = False) -> None:
    """One reviewer votes."""
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        actor = await fund.actor(unit, sign)
        if no:
            await voting.decline(unit, actor, case, NO)
        else:
            await voting.approve(unit, actor, case, amount)


async def counting(fund: Fund, case_id: UUID) -> list[str]:
    """Those of the panel whose votes count."""
    async with fund.resources.unit() as unit:
        found = await seats(unit, case_id)
        return [who.call_sign for who, seat in found if seat.counts and seat.status in {"drawn", "voted"}]


async def test_a_vote_from_before_a_stricter_policy_blocks_nobody(fund: Fund) -> None:
    """The case is decided within the policy of today, by whoever votes last, and for no more than it allows."""
    case_id = await fund.case(amount=LARGE)
    first, *others = await counting(fund, case_id)
    await vote(fund, case_id, first, LARGE)
    rules = fund.resources.policy
    fund.resources.policy = rules.model_copy(update={"tiers": rules.tiers[:1]})
    largest = fund.resources.policy.largest
    for sign in others:
        if await status(fund, case_id) is CaseStatus.IN_REVIEW:
            await vote(fund, case_id, sign, largest)
    async with fund.resources.unit() as unit:
        [grant] = (await unit.session.exec(select(Grant))).all()
    assert grant.amount == largest < LARGE


@pytest.mark.parametrize(
    ("amounts", "needed", "seats", "decided"),
    [
        ([], 2, 3, None),
        ([5], 2, 3, None),
        ([5, 7], 2, 3, Verdict(5)),
        ([7, 5, 9], 3, 3, Verdict(7)),
        ([5, None], 2, 3, None),
        ([5, None, 9], 2, 3, Verdict(5)),
        ([None, None], 2, 3, Verdict(None)),
        ([None], 3, 3, None),
        ([5, None], 3, 3, None),
        ([5, None, 7], 3, 3, Verdict(None)),
        ([None, None], 1, 3, None),
        ([None, None, None], 1, 3, Verdict(None)),
        ([4, 4, 8, 9], 4, 4, Verdict(4)),
    ],
)
def test_the_rule(amounts: list[int | None], needed: int, seats: int, decided: Verdict | None) -> None:
    """Approved at the quorum with the lower median; declined when it is out of reach, and as many have voted."""
    assert verdict([Ballot(amount) for amount in amounts], needed, seats) == decided


@given(BALLOTS, st.integers(1, 5))
def test_a_verdict_always_has_its_quorum(ballots: list[Ballot], needed: int) -> None:
    """No approval without the quorum, no amount that nobody voted for, no decline while approval is possible."""
    decided = verdict(ballots, needed, 5)
    yes = [ballot.amount for ballot in ballots if ballot.amount is not None]
    reachable = needed <= 5 - (len(ballots) - len(yes))
    if decided is None:
        assert len(yes) < needed
        assert reachable or len(ballots) < needed
    elif decided.amount is None:
        assert not reachable
        assert len(ballots) >= needed
    else:
        assert len(yes) >= needed
        assert decided.amount in yes
        assert sum(amount >= decided.amount for amount in yes) * 2 >= len(yes)


@given(st.permutations([Ballot(3), Ballot(9), Ballot(4)]))
def test_the_order_of_votes_is_nothing(ballots: list[Ballot]) -> None:
    """Only what was voted counts."""
    assert verdict(ballots, 3, 3) == Verdict(4)


async def test_an_open_case_does_not_tell_how_the_others_voted(fund: Fund) -> None:
    """Where all must approve, a first decline does not close the case: its being open would say "approved"."""
    case_id = await fund.case(amount=LARGE)
    panel = await counting(fund, case_id)
    await vote(fund, case_id, panel[0], no=True)
    await vote(fund, case_id, panel[1])
    assert await status(fund, case_id) == CaseStatus.IN_REVIEW
    await vote(fund, case_id, panel[2])
    assert await status(fund, case_id) == CaseStatus.DECLINED


async def test_a_large_amount_needs_all_three(fund: Fund) -> None:
    """The quorum is that of the amount asked for, whatever less is voted."""
    case_id = await fund.case(amount=LARGE)
    panel = await counting(fund, case_id)
    await vote(fund, case_id, panel[0], SMALL)
    await vote(fund, case_id, panel[1], SMALL)
    assert await status(fund, case_id) == CaseStatus.IN_REVIEW
    await vote(fund, case_id, panel[2], LARGE)
    assert await status(fund, case_id) == CaseStatus.APPROVED
    async with fund.resources.unit() as unit:
        assert (await unit.session.exec(select(Grant))).one().amount == SMALL


@pytest.mark.parametrize("amount", [0, -1, 3_000_001, 10**12])
async def test_no_vote_above_the_tier(fund: Fund, amount: int) -> None:
    """Not above the tier of what was asked, and never nothing."""
    case_id = await fund.case()
    sign = (await counting(fund, case_id))[0]
    with pytest.raises(BadInput):
        await vote(fund, case_id, sign, amount)


async def test_a_vote_may_be_changed_until_the_decision(fund: Fund) -> None:
    """One vote a seat and version: the last word counts."""
    case_id = await fund.case()
    one, two, _ = await counting(fund, case_id)
    await vote(fund, case_id, one, no=True)
    await vote(fund, case_id, one)
    async with fund.resources.unit() as unit:
        cast = (await unit.session.exec(select(Vote))).one()
        assert cast.reason is None
    await vote(fund, case_id, two)
    assert await status(fund, case_id) == CaseStatus.APPROVED
    with pytest.raises(Stale):
        await vote(fund, case_id, one, no=True)


async def test_nobody_sees_a_vote_before_the_decision(fund: Fund) -> None:
    """Neither the log nor the queue of messages says what was voted, and the reason is sealed."""
    case_id = await fund.case()
    sign = (await counting(fund, case_id))[0]
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await voting.decline(unit, await fund.actor(unit, sign), case, Declining(Reason.MEANS, "doubtful words"))
    async with fund.resources.unit() as unit:
        log = " ".join(f"{e.act} {e.facts}" for e in (await unit.session.exec(select(AuditEntry))).all())
        cast = (await unit.session.exec(select(Vote))).one()
        applicant = await fund.actor(unit, "Applicant")
        with pytest.raises(Refused, match="not-decided"):
            await review.outcome(unit, applicant)
    assert "decline" not in log
    assert "means" not in log
    assert cast.reason is not None
    assert b"doubtful" not in bytes(cast.reason)


async def test_two_last_votes_at_once_decide_once(fund: Fund) -> None:
    """The second waits for the first and then sees that it is decided, on every database."""
    case_id = await fund.case()
    one, two, three = await counting(fund, case_id)
    await vote(fund, case_id, one)
    results = await asyncio.gather(vote(fund, case_id, two), vote(fund, case_id, three), return_exceptions=True)
    refused = [result for result in results if result is not None]
    assert len(refused) == 1
    assert isinstance(refused[0], Stale | MoveRefused)
    async with fund.resources.unit() as unit:
        assert len((await unit.session.exec(select(Grant))).all()) == 1


async def test_two_first_votes_at_once_are_not_lost(fund: Fund) -> None:
    """Two votes that do not see each other still add up to the quorum."""
    case_id = await fund.case()
    one, two, _ = await counting(fund, case_id)
    await asyncio.gather(vote(fund, case_id, one), vote(fund, case_id, two))
    assert await status(fund, case_id) == CaseStatus.APPROVED


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("deed", [voting.approve, partial(voting.decline, declining=NO), emergency.propose])
async def test_nobody_decides_on_a_version_they_have_not_seen(
    fund: Fund, deed: Callable[..., Awaitable[None]]
) -> None:
    """What changes between the press and the lock was not read: the press is refused, nothing is kept of it."""
    case_id = await fund.case(urgency=Urgency.TODAY)
    sign, other, *_ = await counting(fund, case_id)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await relay.ask(unit, await fund.actor(unit, other), case, "Who was it?")
    async with fund.resources.unit() as pressing:
        actor, case = await fund.actor(pressing, sign), await pressing.session.get_one(Case, case_id)
        async with fund.resources.unit() as unit:
            own = await unit.session.get_one(Case, case_id)
            await relay.answer_question(unit, await fund.actor(unit, "Applicant"), own, "Somebody else.")
        with pytest.raises(Stale) as refusal:
            await deed(pressing, actor, case)
    assert refusal.value.text_key == "refused.case-changed"
    async with fund.resources.unit() as unit:
        assert (await unit.session.exec(select(Vote))).all() == []


async def test_votes_on_probation_do_not_count_and_are_compared(fund: Fund) -> None:
    """The novice's approval makes no quorum; agreeing with the panel brings them one case nearer."""
    case_id = await fund.case()
    panel = await fund.panel(case_id)
    assert len(panel) == 4
    assert "Novice" in panel
    one, two, _ = await counting(fund, case_id)
    await vote(fund, case_id, "Novice")
    await vote(fund, case_id, one)
    assert await status(fund, case_id) == CaseStatus.IN_REVIEW
    await vote(fund, case_id, two)
    assert await status(fund, case_id) == CaseStatus.APPROVED
    async with fund.resources.unit() as unit:
        assert (await volunteer(unit, "Novice")).probation_left == 4


async def test_disagreeing_on_probation_changes_nothing(fund: Fund) -> None:
    """Only agreement counts towards the end of probation."""
    case_id = await fund.case()
    one, two, _ = await counting(fund, case_id)
    await vote(fund, case_id, "Novice", no=True)
    await vote(fund, case_id, one)
    await vote(fund, case_id, two)
    async with fund.resources.unit() as unit:
        assert (await volunteer(unit, "Novice")).probation_left == 5


async def test_a_changed_case_asks_anew(fund: Fund) -> None:
    """Votes of an earlier version are kept and count no more; the card's old buttons belong to it."""
    case_id = await fund.case()
    one, two, _ = await counting(fund, case_id)
    await vote(fund, case_id, one)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        case.version += 1
        await unit.session.flush()
        await review.case_changed(unit, case)
    await vote(fund, case_id, two)
    assert await status(fund, case_id) == CaseStatus.IN_REVIEW
    await vote(fund, case_id, one)
    assert await status(fund, case_id) == CaseStatus.APPROVED
    async with fund.resources.unit() as unit:
        assert len((await unit.session.exec(select(Vote))).all()) == 3


async def test_stepping_aside_takes_the_vote_along(fund: Fund) -> None:
    """A vote of who knows the person decides nothing."""
    case_id = await fund.case()
    one, two, _ = await counting(fund, case_id)
    await vote(fund, case_id, one)
    async with fund.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await voting.step_aside(unit, await fund.actor(unit, one), case)
    await vote(fund, case_id, two)
    assert await status(fund, case_id) == CaseStatus.IN_REVIEW
    panel = await counting(fund, case_id)
    assert len(panel) == 3
    assert one not in panel


@pytest.mark.parametrize("sign", ["Alpha", "Applicant", "Stranger"])
async def test_who_may_not_vote(fund: Fund, sign: str) -> None:
    """Coordinators, applicants and strangers decide nothing."""
    case_id = await fund.case()
    with pytest.raises(NotAllowed):
        await vote(fund, case_id, sign)


async def test_the_appeal_needs_one_approval_more(fund: Fund) -> None:
    """Others decide, with a quorum of three instead of two; there is no third round."""
    await fund.reviewers("Reed")
    case_id = await fund.case()
    first = await counting(fund, case_id)
    for sign in first[:2]:
        await vote(fund, case_id, sign, no=True)
    async with fund.resources.unit() as unit:
        await review.appeal(unit, await fund.actor(unit, "Applicant"))
    second = await counting(fund, case_id)
    assert not set(first) & set(second)
    await vote(fund, case_id, second[0])
    await vote(fund, case_id, second[1])
    assert await status(fund, case_id) == CaseStatus.IN_REVIEW
    await vote(fund, case_id, second[2], no=True)
    assert await status(fund, case_id) == CaseStatus.DECLINED
    async with fund.resources.unit() as unit:
        applicant = await fund.actor(unit, "Applicant")
        assert not (await review.outcome(unit, applicant)).may_appeal
        with pytest.raises(Refused, match="appealed-once"):
            await review.appeal(unit, applicant)


@pytest.mark.parametrize("sign", ["Stranger", "Heron"])
async def test_only_the_applicant_appeals(fund: Fund, sign: str) -> None:
    """Whoever has no case has nothing to appeal."""
    await fund.case()
    async with fund.resources.unit() as unit:
        with pytest.raises(NotAllowed):
            await review.appeal(unit, await fund.actor(unit, sign))


async def test_an_open_case_is_not_appealed(fund: Fund) -> None:
    """There must be a decision first."""
    await fund.case()
    async with fund.resources.unit() as unit:
        with pytest.raises(MoveRefused):
            await review.appeal(unit, await fund.actor(unit, "Applicant"))


async def test_the_decision_closes_the_card(fund: Fund) -> None:
    """One effect for the card, without buttons."""
    case_id = await fund.case()
    one, two, _ = await counting(fund, case_id)
    await vote(fund, case_id, one)
    await vote(fund, case_id, two)
    async with fund.resources.unit() as unit:
        assert len(await shows(unit, f"card:{case_id}")) == 1


async def test_a_closed_card_goes_after_its_hours(fund: Fund) -> None:
    """What is left of a case in the group is deleted six hours after its decision."""
    case_id = await fund.case()
    one, two, _ = await counting(fund, case_id)
    await vote(fund, case_id, one)
    await vote(fund, case_id, two)
    async with fund.resources.unit() as unit:
        (effect,) = await shows(unit, f"card:{case_id}")
        assert effect.payload is not None
        shown = json.loads(unit.vault.open_server(effect.payload, effect_place(effect)))
    assert (shown["keyboard"], shown["erase"]) == ([], timedelta(hours=6).total_seconds())
