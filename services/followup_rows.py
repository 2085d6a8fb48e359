"""Follow-ups as rows: those of a case, adding and cancelling some, and whether its person may be written to.

What is asked when is in `services.followup`, and around a day in court in `services.followup_court`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

from sqlmodel import col, select

from models.case import Case, CaseStatus
from models.followup import ALLOWED, FollowUp, FollowUpKind, FollowUpStatus
from models.states import move
from models.unit import Unit
from services.contact import SafeContact, read_contact
from services.speak import clear_slot
from vault.errors import CompartmentShredded

WAITING = (FollowUpStatus.SCHEDULED, FollowUpStatus.ASKED)

ASKABLE = frozenset({CaseStatus.PAID, CaseStatus.FOLLOWED_UP})

AT_ONCE = 100
"""Rows that one tick of the clock takes."""


def slot_of(row: FollowUp) -> str:
    """The slot of a question's one message."""
    return f"followup:{row.id}"


async def of_case(unit: Unit, case: Case) -> Sequence[FollowUp]:
    """All of a case, the one that is due first."""
    found = await unit.session.exec(
        select(FollowUp).where(FollowUp.case_id == case.id).order_by(col(FollowUp.due_at))
    )
    return found.all()


async def add(unit: Unit, case: Case, planned: Sequence[tuple[FollowUpKind, datetime]]) -> None:
    """Plan these questions for these moments."""
    taken = {(row.kind, row.due_at) for row in await of_case(unit, case)}
    for kind, due in planned:
        # A payout made anew may come to the very moment of a cancelled question.
        later = next(
            due + timedelta(seconds=n) for n in count() if (kind, due + timedelta(seconds=n)) not in taken
        )
        unit.session.add(FollowUp(case_id=case.id, kind=kind, due_at=later))
    await unit.session.flush()


async def cancel(unit: Unit, case: Case, actor: str = "system", keep: UUID | None = None) -> int:
    """Cancel all that is still to be asked or unanswered, and clear it from the chat; returns how many.

    The message of the question `keep` is left to whoever shows something else in its place.
    """
    return await cancel_rows(unit, case, await of_case(unit, case), actor, keep)


async def cancel_rows(
    unit: Unit, case: Case, rows: Sequence[FollowUp], actor: str = "system", keep: UUID | None = None
) -> int:
    """As `cancel`, of these rows."""
    waiting = [row for row in rows if row.status in WAITING]
    for row in waiting:
        await move(unit, row, FollowUpStatus.CANCELLED, ALLOWED, actor)
        if case.chat is not None and row.id != keep:
            await clear_slot(unit, case.chat, slot_of(row))
    return len(waiting)


async def reachable(unit: Unit, case: Case) -> SafeContact | None:
    """The contact of a case that may be written to now; none when it is over, erased or wants no messages."""
    if case.status not in ASKABLE or case.chat is None:
        return None
    try:
        contact = await read_contact(unit, case)
    except (CompartmentShredded, LookupError):
        return None
    return contact if contact.may_write else None
