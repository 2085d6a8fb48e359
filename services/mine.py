"""What a reviewer has to do: their open cases, the one that is due first at the top."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from models.case import Case, CaseStatus
from models.followup import FollowUp
from models.panel import Seat, SeatStatus
from models.unit import Unit
from models.volunteer import Role, VolunteerStatus
from services import emergency, followup_words
from services.access import Act, Actor, require
from services.seats import open_seats


class Turn(StrEnum):
    """Whose turn it is on a case."""

    DRAWN = "drawn"
    """This reviewer's."""
    VOTED = "voted"
    ANSWER = "answer"
    """The applicant's."""


@dataclass(frozen=True, slots=True)
class Held:
    """One open case of a reviewer."""

    case: Case
    waiting: timedelta
    left: timedelta
    """Until somebody else is drawn in this reviewer's place."""
    turn: Turn


@dataclass(frozen=True, slots=True)
class Mine:
    """A volunteer's own overview. `probation` is how many more cases must agree."""

    held: Sequence[Held]
    cap: int
    paused: bool
    probation: int
    afterwards: Sequence[Case] = ()
    """Cases granted as an emergency that wait for this reviewer's word."""
    words: Sequence[tuple[FollowUp, Case]] = ()
    """What people wrote after the decision, not read yet by this reviewer."""

    @property
    def next(self) -> Case | None:
        """The case that needs this reviewer first: to be voted on, or else to be looked at afterwards."""
        drawn = next((one.case for one in self.held if one.turn == Turn.DRAWN), None)
        return drawn or next(iter(self.afterwards), None)


async def overview(unit: Unit, actor: Actor) -> Mine:
    """The actor's own overview. Raises `NotAllowed` for who is no volunteer."""
    volunteer = require(actor, Act.PAUSE)
    held = [
        Held(
            case,
            unit.now - (case.submitted_at or case.created_at),
            max(timedelta(), seat.due_at - unit.now),
            _turn(seat, case),
        )
        for seat, case in await open_seats(unit, volunteer)
    ]
    paused = volunteer.status == VolunteerStatus.PAUSED
    afterwards = await emergency.asked_of(unit, volunteer)
    words = await followup_words.unread(unit, volunteer) if Role.REVIEWER in actor.roles else ()
    return Mine(held, unit.policy.panel.cap, paused, volunteer.probation_left, afterwards, words)


def _turn(seat: Seat, case: Case) -> Turn:
    if seat.status == SeatStatus.VOTED:
        return Turn.VOTED
    return Turn.ANSWER if case.status == CaseStatus.NEEDS_ANSWER else Turn.DRAWN
