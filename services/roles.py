"""Those who hold a role now, as recipients."""

from collections.abc import Sequence

from sqlmodel import col, select

from models.unit import Unit
from models.volunteer import Role, Volunteer, VolunteerRole, VolunteerStatus
from services.contact import To, volunteer_recipient
from services.speak import Screen, notify


async def holders(unit: Unit, role: Role) -> Sequence[Volunteer]:
    """Volunteers whose role is confirmed and whose access stands, paused ones left out."""
    found = await unit.session.exec(
        select(Volunteer)
        .join(VolunteerRole, col(VolunteerRole.volunteer_id) == Volunteer.id)
        .where(
            VolunteerRole.role == role,
            col(VolunteerRole.confirmed_at).is_not(None),
            Volunteer.status == VolunteerStatus.ACTIVE,
            Volunteer.reconfirm_at > unit.now,
        )
        .order_by(Volunteer.call_sign)
    )
    return found.all()


async def recipients(unit: Unit, role: Role) -> list[To]:
    """The holders of a role as recipients."""
    return [await volunteer_recipient(unit, volunteer) for volunteer in await holders(unit, role)]


async def tell_role(unit: Unit, role: Role, key: str, *, urgent: bool = False, **params: str | int) -> int:
    """Notify every holder of a role in their own language; returns how many were told."""
    told = await recipients(unit, role)
    for to in told:
        await notify(unit, to, Screen(unit.texts.render(key, to.language, **params)), urgent=urgent)
    return len(told)
