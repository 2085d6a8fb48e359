"""The review of a case from the draw to the decision, and once more on appeal.

A decision is made by `services.voting` or, in an emergency, by `services.emergency`; here it is carried out:
the case moves once (a conditional UPDATE), the grant is promised, the panel closed, the applicant told.
"""

from collections import Counter
from dataclasses import dataclass

from sqlmodel import col, select

from models.audit import about, record
from models.case import ALLOWED, OPEN, Case, CaseStatus, Question
from models.errors import NotAllowed, Refused
from models.panel import Seat, SeatStatus, Vote, VoteKind, round_of
from models.states import move
from models.unit import Unit
from payments import grants
from services import card, news, panel, treasury
from services.access import Actor, applicant_of
from services.clearing import erase_case_messages
from services.reasons import Reason, read_reason
from services.seats import seated, standing_votes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the applicant may know of a decision: an amount in minor units, or the class of the reason."""

    amount: int | None
    reason: Reason | None
    may_appeal: bool


async def open_review(unit: Unit, case: Case) -> None:
    """Begin the review of a case just submitted: draw the panel, post the card."""
    await move(unit, case, CaseStatus.IN_REVIEW, ALLOWED, "system")
    await panel.begin(unit, case)


async def case_changed(unit: Unit, case: Case, answered: Question | None = None) -> None:
    """The content changed and the version has risen: every vote is asked anew. Nothing when no panel sits.

    When it changed by an answer, to which question.
    """
    if case.status in OPEN:
        await panel.ask_anew(unit, case, answered)
        await card.post(unit, case)


async def approve(unit: Unit, case: Case, amount: int, actor_name: str) -> None:
    """Carry out an approval of an amount in minor units. Raises `MoveRefused` when it is decided already."""
    await move(unit, case, CaseStatus.APPROVED, ALLOWED, actor_name, version=case.version)
    await _decided(unit, case, VoteKind.APPROVE, actor_name)
    grant = await grants.approve(unit, case, amount, "system")  # the books name nobody who judged
    await treasury.offer(unit, grant)
    await news.tell(unit, case, "review.outcome")


async def decline(unit: Unit, case: Case, actor_name: str) -> None:
    """Carry out a decline. Raises `MoveRefused` when it is decided already."""
    await move(unit, case, CaseStatus.DECLINED, ALLOWED, actor_name, version=case.version)
    await _decided(unit, case, VoteKind.DECLINE, actor_name)
    await news.tell(unit, case, "review.outcome")


async def outcome(unit: Unit, actor: Actor) -> Outcome:
    """What was decided about the actor's own case. Raises `Refused` while it is open."""
    case = own_case(actor)
    if case.status == CaseStatus.DECLINED:
        return Outcome(None, await _main_reason(unit, case), may_appeal=not case.appealed)
    grant = await grants.grant_of(unit, case)
    if grant is None:
        raise Refused("review.not-decided")
    return Outcome(grant.amount, None, may_appeal=False)


async def appeal(unit: Unit, actor: Actor) -> Case:
    """Ask once for a second review, by other reviewers, who need one approval more."""
    case = own_case(actor)
    await unit.session.refresh(case, with_for_update=True)
    if case.appealed:
        raise Refused("review.appealed-once")
    await move(unit, case, CaseStatus.APPEALED, ALLOWED, applicant_of(case))
    case.appealed, case.decided_at = True, None
    case.version += 1
    await unit.session.flush()
    await move(unit, case, CaseStatus.IN_REVIEW, ALLOWED, "system")
    await panel.begin(unit, case)
    return case


async def close_for_erasure(unit: Unit, case: Case) -> None:
    """The case is withdrawn or erased: no seat, card, reading or news of it remains."""
    await panel.dismiss(unit, case, "system")
    await news.drop(unit, case)
    await card.remove(unit, case)
    await erase_case_messages(unit, case.id)


def own_case(actor: Actor) -> Case:
    """The actor's case; raises `NotAllowed` for who has none."""
    if actor.case is None:
        raise NotAllowed
    return actor.case


async def _decided(unit: Unit, case: Case, kind: VoteKind, actor_name: str) -> None:
    case.decided_at, case.policy_version = unit.now, unit.policy.version
    await _compare(unit, case, kind)
    await panel.dismiss(unit, case, actor_name)
    await news.drop(unit, case, "relay.open")
    await card.close(unit, case)
    await unit.session.flush()


async def _compare(unit: Unit, case: Case, kind: VoteKind) -> None:
    """Who is on probation and agreed with the panel comes one case nearer to its end."""
    sitting = await seated(unit, case)
    by_seat = {seat.id: volunteer for seat, volunteer in sitting}
    for vote, seat in await standing_votes(unit, case):
        if seat.counts:
            continue
        agreed = vote.kind == kind
        learner = by_seat[seat.id]
        if agreed and learner.probation_left:
            learner.probation_left -= 1
        await record(
            unit, "system", "vote.compared", about("volunteer", learner.id),
            agreed=agreed, left=learner.probation_left,
        )  # fmt: skip


async def _main_reason(unit: Unit, case: Case) -> Reason:
    """The class that most of the declining votes name; of equal ones the earliest."""
    found = await unit.session.exec(
        select(Vote)
        .join(Seat, col(Seat.id) == Vote.seat_id)
        .where(
            Vote.case_id == case.id,
            Vote.case_version == case.version,
            Vote.kind == VoteKind.DECLINE,
            Seat.round == round_of(case),
            Seat.status == SeatStatus.CLOSED,
            col(Seat.counts),
        )
        .order_by(col(Vote.cast_at), col(Vote.id))
    )
    named = [(await read_reason(unit, vote)).reason for vote in found.all()]
    return Counter(named).most_common(1)[0][0]
