"""Blind votes and the rule that makes a decision of them.

- A vote is bound to the version of the case it was cast on, may be changed by its caster until the decision, and
  shows nobody what it says. The card tells how many have voted.
- The quorum is that of the tier of the amount asked for (one more on appeal). No vote may go above that tier, so
  the amount decided lies in it or in a lower one, which never asks for more approvals.
- Approved as soon as the approvals reach the quorum; the amount is their lower median: with an even number, the
  smaller of the two in the middle, so that it is an amount somebody voted for.
- Declined once the seats that have not declined are fewer than the quorum, and as many as the quorum have voted:
  a decline that closed the case at once would say of everybody who votes on an open one that they approved.
- Votes of the reviewer on probation are kept and compared, and decide nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low

from sqlmodel import select

from models.audit import about, record
from models.case import Case
from models.errors import BadInput
from models.panel import ALLOWED, Recusal, Seat, SeatStatus, Vote, VoteKind
from models.policy import Policy
from models.states import move
from models.unit import Unit
from services import card, panel, review, silence
from services.access import Act, Actor, require, require_seat
from services.reasons import Declining, seal_reason
from services.seats import asked, lock_as_seen, lock_open, panel_size, quorum, standing_votes
from services.typed import Bounds, in_fund, read_amount

ABOVE = "review.amount-above-tier"


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote that counts: an amount in minor units, or none for a decline."""

    amount: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the votes decide: an amount in minor units, or none for a decline."""

    amount: int | None


def verdict(ballots: Sequence[Ballot], needed: int, seats: int) -> Verdict | None:
    """What these ballots decide with this quorum among so many seats; none while it is open."""
    amounts = [ballot.amount for ballot in ballots if ballot.amount is not None]
    if len(amounts) >= needed:
        return Verdict(median_low(amounts))
    declines = len(ballots) - len(amounts)
    return Verdict(None) if seats - declines < needed <= len(ballots) else None


def most(policy: Policy, case: Case) -> int:
    """The most that a vote may grant, in minor units: the end of the tier of the amount asked for."""
    return policy.tier(asked(policy, case)).up_to


def read_wanted(unit: Unit, typed: str) -> int:
    """A typed amount, in minor units of the policy's currency. Raises `BadInput`.

    A reviewer's limit is the tier's: what is above the policy's own largest grant is above that.
    """
    try:
        amount, currency = read_amount(typed, Bounds(unit.now.date(), unit.policy, unit.texts.choose(None)))
    except BadInput as refusal:
        if refusal.text_key != "intake.bad.large":
            raise
        raise BadInput(ABOVE) from None
    return in_fund(amount, currency, unit.policy)


async def approve(unit: Unit, actor: Actor, case: Case, amount: int | None = None) -> None:
    """Vote for an amount in minor units, by default the one asked for. Raises `BadInput` above the tier."""
    _, seat = await _seat(unit, actor, case)
    wanted = asked(unit.policy, case) if amount is None else amount
    if not 0 < wanted <= most(unit.policy, case):
        raise BadInput(ABOVE)
    vote = await _vote(unit, case, seat)
    vote.kind, vote.amount, vote.reason = VoteKind.APPROVE, wanted, None
    await _cast(unit, actor, case, seat, vote)


async def decline(unit: Unit, actor: Actor, case: Case, declining: Declining) -> None:
    """Vote against, with a reason."""
    _, seat = await _seat(unit, actor, case)
    vote = await _vote(unit, case, seat)
    vote.kind, vote.amount = VoteKind.DECLINE, None
    await seal_reason(unit, vote, declining)
    await _cast(unit, actor, case, seat, vote)


async def step_aside(unit: Unit, actor: Actor, case: Case) -> None:
    """Say "I know this person": leave the case for good, without a reason; another is drawn."""
    await lock_open(unit, case)
    volunteer, seat = await require_seat(unit, actor, Act.STEP_ASIDE, case)
    unit.session.add(Recusal(case_id=case.id, volunteer_id=volunteer.id, at=unit.now))
    await unit.session.flush()
    await panel.vacate(unit, case, seat, volunteer, SeatStatus.STEPPED_ASIDE, actor.name)
    silence.ends(volunteer)
    await panel.begin(unit, case)


async def decide(unit: Unit, case: Case, actor_name: str) -> bool:
    """Carry out what the standing votes decide, if anything."""
    votes = [vote for vote, seat in await standing_votes(unit, case) if seat.counts]
    found = verdict(
        [Ballot(vote.amount) for vote in votes], quorum(unit.policy, case), panel_size(unit.policy, case)
    )
    if found is None:
        return False
    if found.amount is None:
        await review.decline(unit, case, actor_name)
    else:
        allowed = most(unit.policy, case)  # a vote from before a stricter policy may be above it
        await review.approve(unit, case, min(found.amount, allowed), actor_name)
    return True


async def _seat(unit: Unit, actor: Actor, case: Case) -> tuple[object, Seat]:
    await lock_as_seen(unit, case)
    return await require_seat(unit, actor, Act.VOTE, case)


async def _vote(unit: Unit, case: Case, seat: Seat) -> Vote:
    """The vote of this seat on this version: the one cast before, or a new one."""
    found = await unit.session.exec(select(Vote).where(Vote.seat_id == seat.id, Vote.case_version == case.version))
    return found.first() or Vote(
        seat_id=seat.id, case_id=case.id, volunteer_id=seat.volunteer_id, case_version=case.version,
        kind=VoteKind.DECLINE, counts=seat.counts, cast_at=unit.now,
    )  # fmt: skip


async def _cast(unit: Unit, actor: Actor, case: Case, seat: Seat, vote: Vote) -> None:
    """Keep a vote. The log says that it was cast, not what it says: its readers must not see it early."""
    vote.cast_at = unit.now
    unit.session.add(vote)
    await unit.session.flush()
    await record(unit, actor.name, "vote.cast", about("case", case.id), version=case.version, counts=seat.counts)
    if seat.status == SeatStatus.DRAWN:
        await move(unit, seat, SeatStatus.VOTED, ALLOWED, actor.name)
    silence.ends(require(actor, Act.VOTE))
    if not await decide(unit, case, actor.name):
        await card.post(unit, case)
