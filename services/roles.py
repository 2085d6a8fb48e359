"""Who holds a role now, who of them is given new work, and who of them is told.

- A pause takes no right away and ends nothing that was taken on: paused volunteers hold their roles.
- New work is drawn for, and offered to, active ones alone.
- What has to be known is told to active ones; where every one is on a pause, to all of them.
"""

from collections.abc import Iterable, Sequence

from sqlmodel import col, select

from models.unit import Unit
from models.volunteer import Role, Volunteer, VolunteerRole, VolunteerStatus
from services.contact import To, volunteer_recipient
from services.speak import Screen, notify


async def holders(unit: Unit, role: Role) -> Sequence[Volunteer]:
    """Volunteers whose role is confirmed and whose access stands, on a pause or not, by call sign."""
    found = await unit.session.exec(
        select(Volunteer)
        .join(VolunteerRole, col(VolunteerRole.volunteer_id) == Volunteer.id)
        .where(
            VolunteerRole.role == role,
            col(VolunteerRole.confirmed_at).is_not(None),
            col(Volunteer.status).in_((VolunteerStatus.ACTIVE, VolunteerStatus.PAUSED)),
            Volunteer.reconfirm_at > unit.now,
        )
        .order_by(Volunteer.call_sign)
    )
    return found.all()


def takes_work(volunteer: Volunteer) -> bool:
    """Whether a holder of a role is given anything new."""
    return volunteer.status == VolunteerStatus.ACTIVE


def on_duty(volunteers: Iterable[Volunteer]) -> list[Volunteer]:
    """Who of these is told: the active ones, or all of them when every one is on a pause."""
    those = list(volunteers)
    return [one for one in those if takes_work(one)] or those


async def recipients(unit: Unit, role: Role) -> list[To]:
    """The holders of a role who are on duty, as recipients."""
    return [await volunteer_recipient(unit, one) for one in on_duty(await holders(unit, role))]


async def tell_role(unit: Unit, role: Role, key: str, *, urgent: bool = False, **params: str | int) -> int:
    """Notify those on duty of a role's holders in their own language; returns how many were told."""
    told = await recipients(unit, role)
    for to in told:
        await notify(unit, to, Screen(unit.texts.render(key, to.language, **params)), urgent=urgent)
    return len(told)
