"""The panel's seats and votes as rows: who sits, how many must approve, which votes stand.

Nothing here decides or tells. The first review is round 1, the appeal round 2.
"""

from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import col, select

from models.case import OPEN, Case
from models.errors import Stale
from models.panel import SEATED, Seat, SeatStatus, Vote, round_of
from models.policy import Policy
from models.unit import Unit
from models.volunteer import Volunteer
from services.access import Act, Actor, require_seat


def asked(policy: Policy, case: Case) -> int:
    """What is decided about, in minor units: the amount asked for, or the most that a grant may be."""
    return min(case.amount or policy.largest, policy.largest)


def quorum(policy: Policy, case: Case) -> int:
    """How many approvals the case needs: its tier's, one more for a possible repeat, and one more on appeal."""
    return policy.tier(asked(policy, case)).quorum + case.possible_repeat + case.appealed


def panel_size(policy: Policy, case: Case) -> int:
    """How many seats count: the policy's panel, or as many as the quorum when that is larger."""
    return max(policy.panel.size, quorum(policy, case))


def reviewers_needed(policy: Policy) -> int:
    """How many reviewers decide an appeal about the largest amounts: none of the first panel hears it."""
    approvals = policy.tier(policy.largest).quorum
    return max(policy.panel.size, approvals) + approvals + 1


async def lock_open(unit: Unit, case: Case) -> None:
    """Hold the case's row until the commit; raises `Stale` when no panel decides on it any more.

    Two votes at the same moment would not see each other: whoever comes second waits here, and then sees.
    """
    await unit.session.refresh(case, with_for_update=True)
    if case.status not in OPEN:
        raise Stale("review.closed")


async def lock_as_seen(unit: Unit, case: Case) -> None:
    """As `lock_open`, for who decides by what they read: `Stale` too when the case changed since it was loaded.

    Whoever presses waits here for an answer or a correction that is just being stored, and has not seen it.
    """
    seen = case.version
    await lock_open(unit, case)
    if case.version != seen:
        raise Stale("refused.case-changed")


async def require_open_seat(unit: Unit, actor: Actor, act: Act, case: Case) -> None:
    """Refuse whoever may not do this act of the panel now: as `require_seat`, and `Stale` once it is closed."""
    if case.status not in OPEN:
        raise Stale("review.closed")
    await require_seat(unit, actor, act, case)


async def seated(unit: Unit, case: Case) -> Sequence[tuple[Seat, Volunteer]]:
    """Those who sit on the panel now, by call sign; the one on probation too."""
    found = await unit.session.exec(
        select(Seat, Volunteer)
        .join(Volunteer, col(Volunteer.id) == Seat.volunteer_id)
        .where(Seat.case_id == case.id, Seat.round == round_of(case), col(Seat.status).in_(SEATED))
        .order_by(Volunteer.call_sign)
    )
    return found.all()


async def standing_votes(unit: Unit, case: Case) -> Sequence[tuple[Vote, Seat]]:
    """The votes cast on the present version by those who still sit, the earliest first."""
    found = await unit.session.exec(
        select(Vote, Seat)
        .join(Seat, col(Seat.id) == Vote.seat_id)
        .where(
            Seat.case_id == case.id,
            Seat.round == round_of(case),
            Seat.status == SeatStatus.VOTED,
            Vote.case_version == case.version,
        )
        .order_by(col(Vote.cast_at), col(Vote.id))
    )
    return found.all()


async def open_seats(unit: Unit, volunteer: Volunteer) -> Sequence[tuple[Seat, Case]]:
    """The open cases that a volunteer sits on, the one that is due first."""
    found = await unit.session.exec(
        select(Seat, Case)
        .join(Case, col(Case.id) == Seat.case_id)
        .where(Seat.volunteer_id == volunteer.id, col(Seat.status).in_(SEATED), col(Case.status).in_(OPEN))
        .order_by(col(Seat.due_at), col(Seat.id))
    )
    return found.all()


async def load_of(unit: Unit, volunteer: Volunteer) -> int:
    """How many open cases a volunteer holds."""
    found = await unit.session.exec(
        select(func.count())
        .select_from(Seat)
        .where(Seat.volunteer_id == volunteer.id, col(Seat.status).in_(SEATED))
    )
    return found.one()
