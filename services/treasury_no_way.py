"""A grant that no open way can pay: treasurers hear of it, its person is written to once there is a way.

- Codes that do not come to its amount, a cap below it, an old list, the only way shut: whoever presses is told
  that there is no way, and can do nothing about it. Treasurers can, so they are told once, without a word of the
  case, and see the amount and what is in the way beside the ways to pay.
- While there is none its person is neither reminded nor counted as silent (`services.reminders`), and the days
  after which an unclaimed grant ends stand still; but a case is not kept for ever either (`reminders.LONGEST`).
- A process that may not ask a rail does not know whether there is a way, and says nothing.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlmodel import col, select

from models.case import Case, CaseStatus
from models.grant import PAYOUT_OVER, Grant, GrantStatus, Payout
from models.panel import RailWait
from models.unit import Unit
from models.volunteer import Role
from payments.money import Money
from services import news
from services.contact import volunteer_recipient
from services.corridor import has_way
from services.jobs import Job
from services.roles import holders, on_duty
from services.speak import NOTICE, Button, Screen, clear_slot, show
from services.treasury_returns import PERSON

SHOWN: Final = 5
"""Amounts that treasurers see at once: they and what is in the way fit on one screen."""


def waiting() -> Any:  # noqa: ANN401 - a query of SQLAlchemy
    """Cases with money set aside and no payout under way."""
    alive = select(Payout.grant_id).where(col(Payout.status).not_in(PAYOUT_OVER))
    return (
        select(Case.id)
        .join(Grant, col(Grant.case_id) == Case.id)
        .where(Case.status == CaseStatus.APPROVED, Grant.status == GrantStatus.RESERVED)
        .where(col(Grant.id).not_in(alive))
    )


async def without(unit: Unit) -> Sequence[Money]:
    """Amounts that nothing open pays, as far as it is known, those that have waited for longest first."""
    found = await unit.session.exec(
        select(Grant.amount, Grant.currency)
        .join(RailWait, col(RailWait.case_id) == Grant.case_id)
        .where(col(RailWait.no_way_since).is_not(None), col(RailWait.case_id).in_(waiting()))
        .order_by(col(RailWait.no_way_since), col(Grant.id))
    )
    return list(dict.fromkeys(Money(amount, currency) for amount, currency in found.all()))[:SHOWN]


async def end_call(unit: Unit, case_id: UUID) -> None:
    """There is a way, or nobody waits for one: what treasurers were told goes from every chat."""
    for volunteer in await holders(unit, Role.TREASURER):
        await clear_slot(unit, volunteer.chat, _slot(case_id))


async def _find_turned(unit: Unit) -> Sequence[UUID]:
    """Waits to which the last way has closed, or one has opened; each amount is asked for once."""
    found = await unit.session.exec(
        select(RailWait.case_id, RailWait.no_way_since, Grant.amount, Grant.currency)
        .join(Grant, col(Grant.case_id) == RailWait.case_id)
        .where(col(RailWait.case_id).in_(waiting()), Grant.status == GrantStatus.RESERVED)
    )
    known: dict[Money, bool | None] = {}
    turned = []
    for case_id, since, amount, currency in found.all():
        whole = Money(amount, currency)
        if whole not in known:
            known[whole] = await has_way(unit, whole)
        if known[whole] is (since is not None):
            turned.append(case_id)
    return turned


async def _turn(unit: Unit, case_id: UUID) -> None:
    case = await unit.session.get_one(Case, case_id, with_for_update=True)
    row = await unit.session.get(RailWait, case_id)
    if row is None or case_id not in await _find_turned(unit):
        return
    if row.no_way_since is None:
        row.no_way_since = unit.now
        await _call(unit, case)
        return
    row.due_at += unit.now - row.no_way_since
    row.no_way_since = None
    await end_call(unit, case_id)
    await news.tell(unit, case, PERSON)


async def _call(unit: Unit, case: Case) -> None:
    """Tell the treasurers; not one whose own case it is."""
    for volunteer in on_duty(await holders(unit, Role.TREASURER)):
        if volunteer.chat == case.chat:
            continue
        to = await volunteer_recipient(unit, volunteer)
        ways = Button(unit.texts.render("treasury.button.ways", to.language), "treasury.ways")
        screen = Screen(unit.texts.render("treasury.told.no-way", to.language), [[ways]])
        await show(unit, to, screen, slot=_slot(case.id))


def _slot(case_id: UUID) -> str:
    return f"{NOTICE}no-way:{case_id}"


JOBS: tuple[Job, ...] = (Job("treasury.no_way", timedelta(minutes=1), _find_turned, _turn),)
"""Within minutes of an approval, of a way that closes and of one that opens."""
