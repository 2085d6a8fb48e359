"""Reviewers who lose their seats by silence: one seat is nobody's fault, `IN_A_ROW` of them are a pause.

Whoever is away without having said so would be drawn again and again, and each case would wait for them. A pause
takes no right away (`services.roles`), and they end it themselves. Any act on a seat begins the count anew. The
caller has written to the audit log before: its chain is locked before a volunteer's row.
"""

from models.states import move
from models.unit import Unit
from models.volunteer import ALLOWED, Role, Volunteer, VolunteerStatus
from services.contact import volunteer_recipient
from services.roles import takes_work, tell_role
from services.speak import Button, Screen, notify

IN_A_ROW = 2
"""Seats lost by silence, one after the other, after which somebody is put on a pause."""


def ends(volunteer: Volunteer) -> None:
    """They have voted, asked or stepped aside, or say that they are back."""
    volunteer.silences = 0


async def lost_seat(unit: Unit, volunteer: Volunteer) -> None:
    """Count a seat lost by silence; with one too many its holder is paused, and they and the coordinators told."""
    volunteer.silences += 1
    if volunteer.silences < IN_A_ROW or not takes_work(volunteer):
        return
    await move(unit, volunteer, VolunteerStatus.PAUSED, ALLOWED, "system")
    to = await volunteer_recipient(unit, volunteer)
    back = Button(unit.texts.render("mine.button.resume", to.language), "mine.resume")
    await notify(unit, to, Screen(unit.texts.render("review.paused-you", to.language), [[back]]))
    await tell_role(unit, Role.COORDINATOR, "review.paused", sign=volunteer.call_sign)
