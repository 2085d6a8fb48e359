"""Codes as their person sees them, and as treasurers hear of them.

- The codes of a payout are shown to its person alone, on their one screen, with protected content, as long as
  the policy lets it be read; each showing is counted and on the record.
- They are erased when the person says that they have them, at the latest `KEEP` after they first saw them. What
  nobody has seen waits for longer, since whoever is detained cannot look; treasurers hear when it goes.
- Treasurers are told once when an open kind runs low, and again only after it has been filled up.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from models.attempt import Attempt, AttemptStatus
from models.audit import about, hold, record
from models.case import Case
from models.errors import ButtonGone, NotAllowed
from models.grant import PayoutStatus
from models.reconciliation import KnownDifference
from models.unit import Unit
from models.volunteer import Role
from models.voucher import Voucher, VoucherKind, VoucherStatus
from payments import grants, vouchers
from services.access import Actor, applicant_of
from services.jobs import Job
from services.roles import tell_role
from services.speak import Button, Screen, for_copying, show
from texts.formats import money

KEEP: Final = timedelta(days=14)
"""How long a code can be read here once its person has seen it."""

UNSEEN: Final = timedelta(days=60)
"""How long a given code waits to be seen."""

LOW: Final = "low-stock"

GIVING: Final = (AttemptStatus.DONE, AttemptStatus.DROPPED)
"""Attempts whose codes a person may have: by the rail, or because two treasurers have found that it paid."""


async def show_codes(unit: Unit, actor: Actor, case: Case) -> None:
    """The codes of the actor's own case. Raises `ButtonGone` for anybody else, `NotAllowed` once erased."""
    rows = await _own(unit, actor, case)
    codes = [(row, await vouchers.read(unit, row)) for row in rows]
    readable = [(row, code) for row, code in codes if code is not None]
    if not readable:
        raise NotAllowed("vouchers.refused.erased")
    for row, _ in readable:
        row.shown += 1
        row.seen_at = row.seen_at or unit.now
    await record(unit, applicant_of(case), "voucher.shown", about("case", case.id), count=len(readable))
    lines = "\n".join(f"{money(row.amount, row.currency, actor.language)}: {code}" for row, code in readable)
    text = _say(unit, actor, "vouchers.codes", codes=lines, days=_days_left(unit, readable))
    buttons = [
        [Button(_say(unit, actor, "vouchers.button.have"), "vouchers.have")],
        [Button(_say(unit, actor, "vouchers.button.back"), "treasury.confirm_rail")],
    ]
    await show(unit, actor.to, Screen(text, buttons, protect=True), case=case, life=for_copying(unit))


async def have(unit: Unit, actor: Actor, case: Case) -> int:
    """The person has written the codes down: here they are erased. Returns how many; safe to repeat."""
    given = [row for row in await _own(unit, actor, case) if row.status == VoucherStatus.GIVEN]
    for row in given:
        await vouchers.erase(unit, row, applicant_of(case))
    return len(given)


async def _own(unit: Unit, actor: Actor, case: Case) -> Sequence[Voucher]:
    if actor.case is None or actor.case.id != case.id:
        raise ButtonGone
    grant = await grants.grant_of(unit, case)
    payout = await grants.live_payout(unit, grant) if grant else None
    if payout is None or payout.status != PayoutStatus.PAID:
        raise ButtonGone
    done = await unit.session.exec(
        select(Attempt.id)
        .join(Voucher, col(Voucher.attempt_id) == Attempt.id)
        .where(Attempt.payout_id == payout.id, col(Attempt.status).in_(GIVING))
    )
    attempt = done.first()
    return await vouchers.of_attempt(unit, attempt) if attempt else ()


def _days_left(unit: Unit, readable: Sequence[tuple[Voucher, str]]) -> int:
    """For how many days the codes can still be read."""
    return min((KEEP - (unit.now - row.seen_at)).days for row, _ in readable if row.seen_at is not None)


def _over(unit: Unit) -> ColumnElement[bool]:
    """Codes that have been here for long enough."""
    seen = col(Voucher.seen_at) <= unit.now - KEEP
    unseen = col(Voucher.seen_at).is_(None) & (col(Voucher.given_at) <= unit.now - UNSEEN)
    return (col(Voucher.status) == VoucherStatus.GIVEN) & (seen | unseen)


async def _find_old(unit: Unit) -> Sequence[UUID]:
    found = await unit.session.exec(select(col(Voucher.attempt_id)).where(_over(unit)).distinct())
    return [attempt for attempt in found.all() if attempt is not None]


async def _erase_old(unit: Unit, attempt: UUID) -> None:
    await hold(unit)  # before the rows, as everybody who moves money does
    mine = select(Voucher).where(Voucher.attempt_id == attempt, _over(unit))
    rows = (await unit.session.exec(mine.with_for_update().execution_options(populate_existing=True))).all()
    if any(row.seen_at is None for row in rows):
        await tell_role(unit, Role.TREASURER, "vouchers.told.unseen", days=UNSEEN.days)
    for row in rows:
        await vouchers.erase(unit, row, "system")


async def _find_low(unit: Unit) -> Sequence[str]:
    """Open kinds whose stock has become low, or is low no more, since it was last looked at."""
    told = await unit.session.exec(select(KnownDifference.subject).where(KnownDifference.kind == LOW))
    known = set(told.all())
    return [
        rail for rail in unit.policy.rails if rail in unit.rails and await _is_low(unit, rail) != (rail in known)
    ]


async def _tell_low(unit: Unit, rail: str) -> None:
    row = await unit.session.get(KnownDifference, (LOW, rail))
    low = await _is_low(unit, rail)
    if low and row is None:
        unit.session.add(KnownDifference(kind=LOW, subject=rail, found_at=unit.now))
        await tell_role(unit, Role.TREASURER, "vouchers.told.low")
    elif row is not None and not low:
        await unit.session.delete(row)


async def _is_low(unit: Unit, rail: str) -> bool:
    kinds = [kind for kind in VoucherKind if rail == f"voucher-{kind}"]
    if not kinds:
        return False
    there = await vouchers.stock(unit, kinds[0], unit.policy.currency)
    return sum(there.values()) < unit.policy.vouchers_low


def _say(unit: Unit, actor: Actor, key: str, **params: str | int) -> str:
    return unit.texts.render(key, actor.language, **params)


JOBS: tuple[Job, ...] = (
    Job("vouchers.erase", timedelta(hours=1), _find_old, _erase_old),
    Job("vouchers.low", timedelta(hours=1), _find_low, _tell_low),
)
