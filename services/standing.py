"""How a volunteer's access stands: paused, suspended, left, re-confirmed or run out.

- Suspending is one tap and ends all access at once: roles, buttons, conversations, seats, claimed payouts, calls
  for help, what stands in their chat, such as a page of a case or where a payout goes.
  It goes for who leaves the group too. To come back is to be invited and confirmed anew.
- A coordinator who is not the volunteer re-confirms them; the coordinators are told in time, and when nobody
  does, access stops by itself (`services.access.roles_of`), and the seats are given to others.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from sqlmodel import col, delete, select

from models.audit import about, record
from models.errors import NotAllowed, Refused, SamePerson
from models.mail import Keyboard
from models.states import move
from models.unit import Unit
from models.volunteer import ALLOWED, Role, Volunteer, VolunteerRole, VolunteerStatus
from services import danger, group, panel, silence, treasury_leaving
from services.access import Act, Actor, require, roles_of
from services.clearing import clear_work
from services.contact import Address, lane_of, volunteer_recipient
from services.jobs import Job
from services.roles import holders, on_duty
from services.speak import Button, Screen, notify
from texts.formats import day
from vault.keystore import LastHolder

NOTICE = timedelta(days=7)
"""How long before a re-confirmation comes due the coordinators are told."""

STANDING = frozenset({VolunteerStatus.ACTIVE, VolunteerStatus.PAUSED})


GONE = frozenset({VolunteerStatus.LEFT, VolunteerStatus.FORGOTTEN})


async def roster(unit: Unit, actor: Actor) -> Sequence[Volunteer]:
    """Everybody who has not left, by call sign, for a coordinator. Never who they are. Each look is on record."""
    require(actor, Act.CONFIRM)
    await record(unit, actor.name, "roster.read", "roster")
    found = await unit.session.exec(
        select(Volunteer).where(col(Volunteer.status).not_in(GONE)).order_by(Volunteer.call_sign)
    )
    return found.all()


async def person(unit: Unit, actor: Actor, volunteer_id: UUID) -> tuple[Volunteer, list[Role]]:
    """One volunteer and the roles they hold or wait for, for a coordinator. Each look is on record."""
    require(actor, Act.CONFIRM)
    volunteer = await _volunteer(unit, volunteer_id)
    await record(unit, actor.name, "volunteer.read", about("volunteer", volunteer.id))
    roles = await unit.session.exec(select(VolunteerRole.role).where(VolunteerRole.volunteer_id == volunteer.id))
    return volunteer, sorted(Role(role) for role in roles.all())


async def suspend(unit: Unit, actor: Actor, volunteer_id: UUID) -> Volunteer:
    """End all access of another volunteer at once. Raises `SamePerson` for oneself."""
    coordinator = require(actor, Act.SUSPEND)
    if coordinator.id == volunteer_id:
        raise SamePerson("volunteers.not-oneself")
    volunteer = await _volunteer(unit, volunteer_id)
    await end_access(unit, volunteer, VolunteerStatus.SUSPENDED, actor.name)
    return volunteer


async def left_group(unit: Unit, address: Address, person: Address) -> None:
    """Somebody left the review group, or was removed: their access ends at once. No other group counts."""
    if not await group.is_in_use(unit, address):
        return
    found = await unit.session.exec(select(Volunteer).where(Volunteer.chat == lane_of(unit, person)))
    volunteer = found.first()
    if volunteer is not None and volunteer.status in STANDING:
        await end_access(unit, volunteer, VolunteerStatus.LEFT, str(volunteer.id))


async def end_access(unit: Unit, volunteer: Volunteer, target: VolunteerStatus, actor: str) -> None:
    """Move to a state without access, take away everything that gave any, and say so."""
    await take_access(unit, volunteer, target, actor)
    to = await volunteer_recipient(unit, volunteer)
    await notify(unit, to, Screen(unit.texts.render("volunteers.access-ended", to.language)), urgent=True)


async def take_access(unit: Unit, volunteer: Volunteer, target: VolunteerStatus, actor: str) -> None:
    """Like `end_access`, but say nothing.

    Payouts first: everybody who moves money locks cases before the chain of the audit log.
    """
    await treasury_leaving.release(unit, volunteer, actor)
    await move(unit, volunteer, target, ALLOWED, actor)
    volunteer.since = unit.now
    await unit.session.exec(delete(VolunteerRole).where(col(VolunteerRole.volunteer_id) == volunteer.id))
    await unit.session.exec(
        delete(Keyboard).where((col(Keyboard.lane) == volunteer.chat) | (col(Keyboard.person) == volunteer.chat))
    )
    await clear_work(unit, volunteer.chat)
    await panel.release(unit, volunteer, actor)
    await danger.release(unit, volunteer, actor)
    await group.look_again(unit)
    await unit.vault.note_holder(volunteer.id, LastHolder(None))


async def end_again(unit: Unit, ended: Collection[UUID], actor: str) -> int:
    """A backup brought back some whose access had ended: end it again and say nothing. Returns how many."""
    stands = {*STANDING, VolunteerStatus.PENDING}
    query = select(Volunteer).where(col(Volunteer.id).in_(ended), col(Volunteer.status).in_(stands))
    returned = (await unit.session.exec(query.order_by(col(Volunteer.id)))).all()
    # Of all at once: what one of them held must go to none of the others.
    roles = col(VolunteerRole.volunteer_id).in_([volunteer.id for volunteer in returned])
    await unit.session.exec(delete(VolunteerRole).where(roles))
    for volunteer in returned:
        await take_access(unit, volunteer, VolunteerStatus.LEFT, actor)
    return len(returned)


async def pause(unit: Unit, actor: Actor) -> None:
    """Be drawn for nothing new until `resume`; open cases stay."""
    await move(unit, require(actor, Act.PAUSE), VolunteerStatus.PAUSED, ALLOWED, actor.name)


async def resume(unit: Unit, actor: Actor) -> None:
    """Be drawn again."""
    volunteer = require(actor, Act.PAUSE)
    await move(unit, volunteer, VolunteerStatus.ACTIVE, ALLOWED, actor.name)
    silence.ends(volunteer)


async def reconfirm(unit: Unit, actor: Actor, volunteer_id: UUID) -> Volunteer:
    """Vouch for another volunteer for another term. Raises `SamePerson` for oneself."""
    coordinator = require(actor, Act.CONFIRM)
    if coordinator.id == volunteer_id:
        raise SamePerson("volunteers.not-oneself")
    volunteer = await _volunteer(unit, volunteer_id)
    if volunteer.status not in STANDING:
        raise NotAllowed
    volunteer.reconfirm_at = unit.now + timedelta(days=unit.policy.panel.reconfirm_days)
    volunteer.reconfirm_told_at = None
    await unit.session.flush()
    await record(unit, actor.name, "volunteer.reconfirmed", about("volunteer", volunteer.id))
    return volunteer


async def _volunteer(unit: Unit, volunteer_id: UUID) -> Volunteer:
    volunteer = await unit.session.get(Volunteer, volunteer_id)
    if volunteer is None:
        raise Refused("volunteers.unknown")
    return volunteer


async def _find_due(unit: Unit) -> Sequence[UUID]:
    found = await unit.session.exec(
        select(Volunteer.id).where(
            col(Volunteer.status).in_(STANDING),
            Volunteer.reconfirm_at <= unit.now + NOTICE,
            col(Volunteer.reconfirm_told_at).is_(None),
        )
    )
    return found.all()


async def _tell_due(unit: Unit, volunteer_id: UUID) -> None:
    volunteer = await unit.session.get(Volunteer, volunteer_id)
    if volunteer is None or volunteer.reconfirm_told_at is not None:
        return
    able = [one for one in await holders(unit, Role.COORDINATOR) if one.id != volunteer.id]
    for coordinator in on_duty(able):
        volunteer.reconfirm_told_at = unit.now
        to = await volunteer_recipient(unit, coordinator)
        text = unit.texts.render(
            "volunteers.reconfirm-due",
            to.language,
            sign=volunteer.call_sign,
            day=day(volunteer.reconfirm_at.date(), to.language),
        )
        label = unit.texts.render("volunteers.button.reconfirm", to.language)
        row = [Button(label, "volunteers.reconfirm", {"id": str(volunteer.id)})]
        await notify(unit, to, Screen(text, [row]))


async def _find_run_out(unit: Unit) -> Sequence[UUID]:
    found = await unit.session.exec(
        select(Volunteer).where(col(Volunteer.status).in_(STANDING), Volunteer.reconfirm_at <= unit.now)
    )
    return [volunteer.id for volunteer in found.all() if await panel.sits(unit, volunteer)]


async def _release(unit: Unit, volunteer_id: UUID) -> None:
    volunteer = await unit.session.get(Volunteer, volunteer_id)
    if volunteer is not None and volunteer.reconfirm_at <= unit.now and not await roles_of(unit, volunteer):
        await panel.release(unit, volunteer, "system")
        await group.look_again(unit)


JOBS: tuple[Job, ...] = (
    Job("volunteers.due", timedelta(hours=1), _find_due, _tell_due),
    Job("volunteers.run-out", timedelta(minutes=5), _find_run_out, _release),
)
