"""What is kept no longer: ended cases, abandoned conversations, buttons and invitations that have run out, keys.

- An ended case is shredded as if the person had asked for it, once the policy's days are over.
- Rows that mean nothing any more are removed where they lie; nothing is said to anybody.
- Keys that no row knows are removed a day later, so that a transaction under way loses none; never when there is
  no row at all, for then it is the rows that are missing.
- Who volunteers were that are none any more is forgotten too (`services.former`).

Drafts and half-finished erasures are swept by `services.erasure`, messages by `services.messages`, what came in
and went out by `bot.inbox`.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlmodel import SQLModel, col, delete, func, select

from models.audit import record
from models.case import Case, CaseStatus
from models.destination import DestinationMark, PayoutBar
from models.mail import Conversation, Keyboard
from models.unit import Unit
from models.volunteer import Invitation, Volunteer
from payments.limits import marks_over
from services import former, limits
from services.erasure import shred_case
from services.jobs import Job
from services.treasury_rights import bars_over

TO_SHRED = (CaseStatus.CLOSED, CaseStatus.WITHDRAWN, CaseStatus.DECLINED)

DAY = timedelta(days=1)

KEYS = "keys"

AT_ONCE = 50
"""Cases shredded at one tick: each empties the key database's log."""


async def _find_cases(unit: Unit) -> Sequence[UUID]:
    query = select(Case.id).where(*_over(unit)).limit(AT_ONCE)
    return (await unit.session.exec(query)).all()


async def _shred(unit: Unit, key: UUID) -> None:
    case = (await unit.session.exec(select(Case).where(Case.id == key, *_over(unit)).with_for_update())).first()
    if case is not None:
        case.chat = None  # the person may have a new case by now: only this one's messages go
        await unit.session.flush()
        await shred_case(unit, case, "system")


def _over(unit: Unit) -> tuple[Any, ...]:
    """Conditions of a case that has been kept long enough."""
    ended_at = func.coalesce(Case.closed_at, Case.decided_at, Case.submitted_at, Case.created_at)
    oldest = unit.now - timedelta(days=unit.policy.retention.closed_case_days)
    return (col(Case.status).in_(TO_SHRED), ended_at <= oldest)


async def _find_rows(unit: Unit) -> Sequence[str]:
    """Names of the tables that hold something to be removed."""
    found = []
    for name, (table, over) in _rows(unit).items():
        query = select(func.count()).select_from(table).where(over)
        if (await unit.session.exec(query)).one():
            found.append(name)
    return found


async def _remove_rows(unit: Unit, name: str) -> None:
    table, over = _rows(unit)[name]
    await unit.session.exec(delete(table).where(over))


def _rows(unit: Unit) -> Mapping[str, tuple[type[SQLModel], Any]]:
    """Tables, and which of their rows mean nothing any more."""
    drafts = timedelta(hours=unit.policy.retention.draft_hours)
    return {
        "conversations": (Conversation, col(Conversation.changed_at) <= unit.now - drafts),
        "keyboards": (Keyboard, col(Keyboard.expires_at) <= unit.now),
        "invitations": (Invitation, col(Invitation.expires_at) <= unit.now - DAY),
        "marks": (DestinationMark, marks_over(unit)),
        "bars": (PayoutBar, bars_over(unit)),
    }


async def _find_keys(unit: Unit) -> Sequence[str]:
    known = await _known(unit)
    return [KEYS] if known and await unit.vault.unclaimed(known, unit.now - DAY) else []


async def _remove_keys(unit: Unit, _: str) -> None:
    """Raises `TooManyOrphans`, which the operator's log shows, rather than remove what may be needed."""
    known = await _known(unit)
    if known:
        removed = await unit.vault.orphans(known, unit.now - DAY)
        await record(unit, "system", "keys.swept", "keys", count=len(removed))


async def _known(unit: Unit) -> set[UUID]:
    """Everybody and everything that has keys."""
    cases = (await unit.session.exec(select(Case.id))).all()
    return {*cases, *(await unit.session.exec(select(Volunteer.id))).all()}


JOBS: tuple[Job, ...] = (
    Job("retention.cases", timedelta(hours=1), _find_cases, _shred),
    Job("retention.rows", timedelta(minutes=1), _find_rows, _remove_rows),
    Job("retention.keys", DAY, _find_keys, _remove_keys),
    *former.JOBS,
    *limits.JOBS,
)
