"""After a backup was put back: what was paid since the backup is not in the data, so nothing may be paid twice,
and who was cut off since must not come back.

- Whose access had ended, and who held a case before it was moved by its phrase, is cut off again: both are noted
  beside the keys, which no backup holds.
- Every payout that waits, that a treasurer held, or that a machine rail was at, is marked as unsure: what became
  of it is found out before it is paid. What was held goes back into the queue, for its holder may not know that
  the data is older.
- Every request that has not ended is marked too, so that its next payout begins unsure: it may have been approved
  and paid since. The mark goes when a treasurer has said whether it was.
- What a machine rail was asked for, or was about to be, is looked up at its provider and never executed again:
  when the provider does not know of it, two treasurers say what became of it (`payments.doubts`).
- Codes of the old stock are given to nobody until the operator has written them off or trusts them.
- Treasurers are told of every restore, though nothing waits: they alone know what they have paid since.
- A held payout of a request that was withdrawn stays with its holder, who is asked the same by its screen.
"""

from dataclasses import dataclass

from sqlmodel import col, select, update

from models.audit import record
from models.case import ENDED, Case
from models.grant import Payout, PayoutStatus
from models.unit import Unit
from models.volunteer import Role
from payments import attempts, payouts, vouchers
from payments.chain import rows as chain
from services import audit, recovery, standing
from services.roles import tell_role

UNPAID = (PayoutStatus.QUEUED, PayoutStatus.CLAIMED, PayoutStatus.ORDERED, PayoutStatus.PAYING)
"""What the backup says is not paid yet. `SENT` was paid already then, and is only confirmed."""


HELD = (PayoutStatus.CLAIMED, PayoutStatus.ORDERED)


@dataclass(frozen=True, slots=True)
class CutOff:
    """How many volunteers had left since, and how many cases had moved."""

    volunteers: int
    cases: int


@dataclass(frozen=True, slots=True)
class Doubts:
    """How many payouts, and how many requests without one, are to be looked up before they are paid.

    And how many codes in stock may have been given.
    """

    payouts: int
    requests: int
    codes: int = 0


async def cut_off(unit: Unit, actor_name: str) -> CutOff:
    """End again every access that has ended since the backup. Safe to repeat."""
    holders = await unit.vault.last_holders()
    volunteers = await standing.end_again(unit, holders.keys(), actor_name)
    query = select(Case).where(col(Case.id).in_(holders)).order_by(col(Case.id))
    cases = 0
    for case in (await unit.session.exec(query)).all():
        cases += await recovery.move_again(unit, case, holders[case.id])
    await audit.begin_anew(unit)
    await record(unit, actor_name, "backup.cut_off", "backup", volunteers=volunteers, cases=cases)
    return CutOff(volunteers, cases)


async def doubt(unit: Unit, actor_name: str) -> Doubts:
    """Mark whatever may have been paid since the backup. Safe to repeat."""
    found = await unit.session.exec(
        select(Payout.id).where(col(Payout.status).in_(UNPAID)).order_by(col(Payout.created_at), col(Payout.id))
    )
    waiting = found.all()
    with_payout = 0
    for payout_id in waiting:
        payout, grant, case = await payouts.load(unit, payout_id)
        payout.unsure = True
        await payouts.overtake(unit, [payout.id])
        with_payout += case is not None
        if payout.status in HELD and payouts.is_wanted(case):
            await payouts.put_back(unit, payout, grant, case, actor_name)
    await attempts.doubt(unit)
    await chain.doubt(unit)
    codes = await vouchers.doubt(unit)
    await unit.session.flush()
    connection = await unit.session.connection()
    marked = await connection.execute(update(Case).where(col(Case.status).not_in(ENDED)).values(restored=True))
    doubts = Doubts(len(waiting), marked.rowcount - with_payout, codes)
    await tell_role(unit, Role.TREASURER, "treasury.told.restored-codes" if codes else "treasury.told.restored")
    facts = {"payouts": doubts.payouts, "requests": doubts.requests, "codes": doubts.codes}
    await record(unit, actor_name, "backup.restored", "backup", **facts)
    return doubts
