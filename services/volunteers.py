"""How volunteers come in: a single-use link from a coordinator, and another coordinator's confirmation.

- Only a hash of the link's token is stored; it expires in minutes and is used up by a conditional UPDATE.
- A role counts once a coordinator who neither made the invitation nor is its bearer confirms it. Until then it
  stands and falls with the coordinator who invited: what a suspended one has begun comes to nothing.
- The beginning: a coordinator invited by the operator's command line is confirmed by that as long as fewer than
  two coordinators stand, since nobody else could do it.
- Reviewers start on probation, but the first ones, without whom no vote would count, do not.
"""

import hashlib
import secrets
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col, delete, select

from models.audit import about, record
from models.errors import InvitationGone, NotAllowed, Refused, SamePerson
from models.states import move
from models.unit import Unit
from models.volunteer import ALLOWED, Invitation, Role, Volunteer, VolunteerRole, VolunteerStatus
from services import callsigns
from services.access import Act, Actor, require, roles_of
from services.contact import volunteer_recipient, write_volunteer_contact
from services.roles import holders, on_duty
from services.speak import NOTICE, Button, Screen, clear_slot, notify, show
from vault.types import SealedBytes

START_INVITATION = "i_"
"""Prefix of a start parameter that carries an invitation (Bot API: 64 characters at most)."""

COORDINATORS = 2
"""With fewer, nobody can be confirmed by a second one."""

FOUNDING_PANELS = 2
"""Reviewers for so many panels (the first review and the appeal) start without probation."""


async def invite(unit: Unit, role: Role, by: Actor | None) -> str:
    """Make an invitation and return its token, which is shown once; `by` is none for the command line."""
    inviter = require(by, Act.INVITE) if by is not None else None
    token = secrets.token_urlsafe(32)
    invitation = Invitation(
        token_hash=_hash(token),
        role=role,
        invited_by=inviter.id if inviter else None,
        created_at=unit.now,
        expires_at=unit.now + timedelta(minutes=unit.policy.panel.invitation_minutes),
    )
    unit.session.add(invitation)
    await unit.session.flush()
    name = by.name if by else "operator"
    await record(unit, name, "invitation.made", about("invitation", invitation.id), role=str(role))
    return token


async def look_up(unit: Unit, token: str) -> Invitation:
    """The invitation behind a token; raises `InvitationGone` unless it may be used now."""
    found = await unit.session.exec(select(Invitation).where(Invitation.token_hash == _hash(token)))
    invitation = found.first()
    if invitation is None or invitation.used_at is not None or invitation.expires_at <= unit.now:
        raise InvitationGone
    await _require_inviter(unit, invitation.invited_by)
    return invitation


async def accept(
    unit: Unit, actor: Actor, token: str, call_sign: str | None = None, names: Collection[str] = ()
) -> VolunteerRole:
    """Come in by a link, having agreed to the code of conduct.

    The call sign is drawn when none is chosen; who has one keeps it. Raises `InvitationGone`, `BadInput` for the
    call sign, and `Refused` when the role is already held.
    """
    invitation = await look_up(unit, token)
    volunteer = actor.volunteer
    if volunteer is not None and invitation.role in actor.roles:
        raise Refused("volunteers.role-held")
    if volunteer is None:
        sign = await (
            callsigns.check(unit, call_sign, names) if call_sign else callsigns.draw(unit, actor.language)
        )
        volunteer = Volunteer(
            chat=actor.chat, contact=SealedBytes(b""), call_sign=sign, language=actor.language,
            reconfirm_at=unit.now, created_at=unit.now, since=unit.now,
        )  # fmt: skip
        await write_volunteer_contact(unit, volunteer, actor.address)
        unit.session.add(volunteer)
    await _use(unit, invitation, volunteer)
    await _come_back(unit, volunteer)
    role = await _ask_for(unit, volunteer, invitation)
    await record(unit, str(volunteer.id), "invitation.used", about("invitation", invitation.id))
    if await _confirms_itself(unit, invitation):
        await _confirm(unit, role, volunteer, None)
    else:
        await _ask_coordinators(unit, role, volunteer)
    return role


async def pending(unit: Unit, actor: Actor) -> list[tuple[VolunteerRole, Volunteer]]:
    """The roles that wait for a confirmation by this coordinator."""
    coordinator = require(actor, Act.CONFIRM)
    found = await unit.session.exec(
        select(VolunteerRole, Volunteer)
        .join(Volunteer, col(Volunteer.id) == VolunteerRole.volunteer_id)
        .where(col(VolunteerRole.confirmed_at).is_(None))
        .order_by(Volunteer.call_sign)
    )
    return [(role, who) for role, who in found.all() if _may_confirm(coordinator.id, role)]


async def confirm(unit: Unit, actor: Actor, role_id: UUID) -> Volunteer:
    """Confirm a role as the second coordinator.

    Raises `SamePerson` for the inviter and the volunteer, `InvitationGone` when the inviter stands no more.
    """
    role, volunteer = await _waiting(unit, actor, role_id)
    await _require_inviter(unit, role.invited_by)
    await _confirm(unit, role, volunteer, actor)
    return volunteer


async def decline(unit: Unit, actor: Actor, role_id: UUID) -> Volunteer:
    """Refuse a role; who holds no other leaves. They are told nothing but that it did not come about."""
    role, volunteer = await _waiting(unit, actor, role_id)
    gone = await unit.session.exec(
        delete(VolunteerRole).where(col(VolunteerRole.id) == role.id, col(VolunteerRole.confirmed_at).is_(None))
    )
    if gone.rowcount != 1:  # another coordinator has confirmed it at the same moment
        raise Refused("volunteers.not-waiting")
    await _end_asking(unit, role)
    await record(
        unit, actor.name, "volunteer_role.declined", about("volunteer", volunteer.id), role=str(role.role)
    )
    if volunteer.status == VolunteerStatus.PENDING:
        await move(unit, volunteer, VolunteerStatus.LEFT, ALLOWED, actor.name)
        volunteer.since = unit.now
    to = await volunteer_recipient(unit, volunteer)
    await notify(unit, to, Screen(unit.texts.render("volunteers.declined", to.language)))
    return volunteer


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def _require_inviter(unit: Unit, inviter: UUID | None) -> None:
    """Raise `InvitationGone` unless a coordinator who still is one, or the operator, has invited."""
    if inviter is None:
        return
    if Role.COORDINATOR not in await roles_of(unit, await unit.session.get(Volunteer, inviter)):
        raise InvitationGone


async def _use(unit: Unit, invitation: Invitation, volunteer: Volunteer) -> None:
    await unit.session.flush()
    connection = await unit.session.connection()
    used = await connection.execute(
        update(Invitation)
        .where(
            col(Invitation.id) == invitation.id,
            col(Invitation.used_at).is_(None),
            col(Invitation.expires_at) > unit.now,
        )
        .values(used_at=unit.now, used_by=volunteer.id)
    )
    if used.rowcount != 1:
        raise InvitationGone
    await unit.session.refresh(invitation)


async def _come_back(unit: Unit, volunteer: Volunteer) -> None:
    """Whoever was suspended or has left starts anew: nothing of before revives."""
    if volunteer.status in {VolunteerStatus.SUSPENDED, VolunteerStatus.LEFT}:
        await unit.session.exec(delete(VolunteerRole).where(col(VolunteerRole.volunteer_id) == volunteer.id))
        await move(unit, volunteer, VolunteerStatus.PENDING, ALLOWED, str(volunteer.id))
        volunteer.since = unit.now


async def _ask_for(unit: Unit, volunteer: Volunteer, invitation: Invitation) -> VolunteerRole:
    found = await unit.session.exec(
        select(VolunteerRole).where(
            VolunteerRole.volunteer_id == volunteer.id, VolunteerRole.role == invitation.role
        )
    )
    role = found.first() or VolunteerRole(volunteer_id=volunteer.id, role=invitation.role)
    role.invited_by, role.confirmed_by, role.confirmed_at = invitation.invited_by, None, None
    unit.session.add(role)
    await unit.session.flush()
    return role


async def _confirms_itself(unit: Unit, invitation: Invitation) -> bool:
    if invitation.invited_by is not None or invitation.role != Role.COORDINATOR:
        return False
    return len(await holders(unit, Role.COORDINATOR)) < COORDINATORS


async def _waiting(unit: Unit, actor: Actor, role_id: UUID) -> tuple[VolunteerRole, Volunteer]:
    coordinator = require(actor, Act.CONFIRM)
    role = await unit.session.get(VolunteerRole, role_id)
    volunteer = await unit.session.get(Volunteer, role.volunteer_id) if role else None
    if role is None or volunteer is None or role.confirmed_at is not None:
        raise Refused("volunteers.not-waiting")
    if not _may_confirm(coordinator.id, role):
        raise SamePerson("volunteers.second-coordinator")
    return role, volunteer


def _may_confirm(coordinator: UUID, role: VolunteerRole) -> bool:
    return coordinator not in {role.invited_by, role.volunteer_id}


async def _confirm(unit: Unit, role: VolunteerRole, volunteer: Volunteer, by: Actor | None) -> None:
    name = by.name if by else "operator"
    if volunteer.status not in {VolunteerStatus.PENDING, VolunteerStatus.ACTIVE, VolunteerStatus.PAUSED}:
        raise NotAllowed
    newcomer = not await roles_of(unit, volunteer)
    connection = await unit.session.connection()
    done = await connection.execute(
        update(VolunteerRole)
        .where(col(VolunteerRole.id) == role.id, col(VolunteerRole.confirmed_at).is_(None))
        .values(confirmed_by=by.volunteer.id if by and by.volunteer else None, confirmed_at=unit.now)
    )
    if done.rowcount != 1:
        raise Refused("volunteers.not-waiting")
    await unit.session.refresh(role)
    await _end_asking(unit, role)
    if role.role == Role.REVIEWER:
        volunteer.probation_left = await _probation(unit)
    await unit.vault.forget_holder(volunteer.id)
    if newcomer:
        volunteer.reconfirm_at = unit.now + timedelta(days=unit.policy.panel.reconfirm_days)
        volunteer.reconfirm_told_at = None
    if volunteer.status == VolunteerStatus.PENDING:
        await move(unit, volunteer, VolunteerStatus.ACTIVE, ALLOWED, name)
    await record(unit, name, "volunteer_role.confirmed", about("volunteer", volunteer.id), role=str(role.role))
    await _welcome(unit, role, volunteer)


async def _probation(unit: Unit) -> int:
    counting = [v for v in await holders(unit, Role.REVIEWER) if v.probation_left == 0]
    founders = FOUNDING_PANELS * unit.policy.panel.size
    return 0 if len(counting) < founders else unit.policy.panel.probation_cases


async def _welcome(unit: Unit, role: VolunteerRole, volunteer: Volunteer) -> None:
    """Say so where they were told to wait, at the bottom of the chat: an edit alone rings no bell."""
    to = await volunteer_recipient(unit, volunteer)
    text = unit.texts.render(f"volunteers.welcome.{role.role}", to.language, sign=volunteer.call_sign)
    home = Button(unit.texts.render("volunteers.button.home", to.language), "volunteers.home")
    await show(unit, to, Screen(text, [[home]]), anew=True)


async def _ask_coordinators(unit: Unit, role: VolunteerRole, volunteer: Volunteer) -> None:
    able = [one for one in await holders(unit, Role.COORDINATOR) if _may_confirm(one.id, role)]
    for coordinator in on_duty(able):
        to = await volunteer_recipient(unit, coordinator)
        name = unit.texts.render(f"volunteers.role.{role.role}", to.language)
        text = unit.texts.render("volunteers.waits", to.language, sign=volunteer.call_sign, role=name)
        row = [
            Button(
                unit.texts.render(f"volunteers.button.{verb}", to.language),
                f"volunteers.{verb}",
                {"role": str(role.id)},
            )
            for verb in ("confirm", "decline")
        ]
        await show(unit, to, Screen(text, [row]), slot=_slot(role), anew=True)


async def _end_asking(unit: Unit, role: VolunteerRole) -> None:
    """A coordinator has decided: the question goes from every chat."""
    for coordinator in await holders(unit, Role.COORDINATOR):
        await clear_slot(unit, coordinator.chat, _slot(role))


def _slot(role: VolunteerRole) -> str:
    return f"{NOTICE}waits:{role.id}"
