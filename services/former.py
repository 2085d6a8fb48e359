"""Volunteers who are none any more: after the policy's days nothing here says who they were.

- Counted from when they left or were suspended. Who was never confirmed, or whose re-confirmation ran out, leaves
  by itself after as long, and is counted from then.
- Their address is shredded with its key, and the index of their chat gives way to a random one. The row stays
  under its call sign: votes, payouts and the log name it. Whoever comes back is a newcomer with a row of
  their own.
- Not while they are barred from a request that may still be paid: it was theirs, and they may not judge or pay it
  under another row.
- A backup from before may bring a forgotten one back, whose keys are gone: their access ends and they are
  forgotten again.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import col, delete, select

from models.audit import about, record
from models.case import ENDED, Case, CaseStatus
from models.panel import Recusal
from models.states import move
from models.unit import Unit
from models.volunteer import ALLOWED, Volunteer, VolunteerRole, VolunteerStatus
from services import standing
from services.jobs import Job
from vault.types import BlindIndex, SealedBytes

GONE = (VolunteerStatus.SUSPENDED, VolunteerStatus.LEFT)

OVER = ENDED | {CaseStatus.PAID, CaseStatus.FOLLOWED_UP}
"""Cases about which nobody is judged or paid any more."""

NO_CHAT_BYTES = 20
"""As long as a blind index, so that a forgotten row looks like any other."""


async def forget(unit: Unit, volunteer: Volunteer) -> None:
    """Cut a former volunteer from the person they were. Safe to repeat until it is committed."""
    await move(unit, volunteer, VolunteerStatus.FORGOTTEN, ALLOWED, "system")
    volunteer.chat = BlindIndex(secrets.token_hex(NO_CHAT_BYTES))
    volunteer.contact = SealedBytes(b"")
    await unit.session.flush()
    await record(unit, "system", "volunteer.forgotten", about("volunteer", volunteer.id))
    await unit.vault.shred(volunteer.id)


def _before(unit: Unit) -> datetime:
    return unit.now - timedelta(days=unit.policy.retention.volunteer_days)


async def _find_lapsed(unit: Unit) -> Sequence[UUID]:
    """Who waits for a confirmation, or a re-confirmation, that nobody has given for so long."""
    run_out = col(Volunteer.status).in_(standing.STANDING) & (col(Volunteer.reconfirm_at) <= _before(unit))
    waiting = (col(Volunteer.status) == VolunteerStatus.PENDING) & (col(Volunteer.since) <= _before(unit))
    return (await unit.session.exec(select(Volunteer.id).where(run_out | waiting))).all()


async def _end_lapsed(unit: Unit, key: UUID) -> None:
    if key in await _find_lapsed(unit):
        volunteer = await unit.session.get_one(Volunteer, key)
        await standing.end_access(unit, volunteer, VolunteerStatus.LEFT, "system")


async def _find_former(unit: Unit) -> Sequence[UUID]:
    barred = (
        select(Recusal.volunteer_id)
        .join(Case, col(Case.id) == Recusal.case_id)
        .where(col(Case.status).not_in(OVER))
    )
    found = await unit.session.exec(
        select(Volunteer.id)
        .where(col(Volunteer.status).in_(GONE), Volunteer.since <= _before(unit))
        .where(col(Volunteer.id).not_in(barred))
    )
    return found.all()


async def _forget_former(unit: Unit, key: UUID) -> None:
    if key in await _find_former(unit):
        await forget(unit, await unit.session.get_one(Volunteer, key))


async def _find_returned(unit: Unit) -> Sequence[UUID]:
    """Rows of forgotten ones that a backup has brought back, or that a crash left unfinished."""
    known = await unit.session.exec(select(Volunteer.id).where(Volunteer.status != VolunteerStatus.FORGOTTEN))
    return sorted(await unit.vault.shredded(known.all()))


async def _finish(unit: Unit, key: UUID) -> None:
    volunteer = await unit.session.get_one(Volunteer, key)
    if volunteer.status is VolunteerStatus.FORGOTTEN or not await unit.vault.shredded([key]):
        return
    if volunteer.status not in GONE:
        # Of all that came back at once: what is said to those who stand must reach none of them.
        returned = col(VolunteerRole.volunteer_id).in_(await _find_returned(unit))
        await unit.session.exec(delete(VolunteerRole).where(returned))
        await standing.take_access(unit, volunteer, VolunteerStatus.LEFT, "system")
    await forget(unit, volunteer)


FINISH = Job("former.finish", timedelta(minutes=1), _find_returned, _finish)
"""Also run by a restore, before anybody is told anything: nothing can be said to who is forgotten."""

JOBS: tuple[Job, ...] = (
    FINISH,
    Job("former.end", timedelta(hours=1), _find_lapsed, _end_lapsed),
    Job("former.forget", timedelta(hours=1), _find_former, _forget_former),
)
