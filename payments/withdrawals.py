"""Money that leaves a provider and becomes free: entered by one treasurer, confirmed by a second.

Two entries: what left stands on the account of exchange in the provider's currency, what arrived comes from there
in the fund's. What the provider does not hold cannot leave it.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlmodel import col, or_, select

from models import audit
from models.donation import WITHDRAWAL_ALLOWED, Provider, Withdrawal, WithdrawalStatus
from models.errors import AlreadyDone, BadInput, SamePerson
from models.ledger import LedgerAccount
from models.states import move
from models.unit import Unit
from payments import ledger
from payments.ledger import EntryKind, Purpose
from payments.money import Money

HELD_BY: Final[Mapping[Provider, Purpose]] = {Provider.STRIPE: Purpose.STRIPE, Provider.STARS: Purpose.STARS}


async def held(unit: Unit) -> Sequence[tuple[Provider, Money]]:
    """What each provider holds for the fund now, where that is more than nothing."""
    names = [col(LedgerAccount.name).startswith(f"{purpose}:") for purpose in HELD_BY.values()]
    found = await unit.session.exec(
        select(LedgerAccount).where(or_(*names), LedgerAccount.balance > 0).order_by(LedgerAccount.name)
    )
    return [
        (Provider(account.name.partition(":")[0]), Money(account.balance, account.currency))
        for account in found.all()
    ]


async def enter(
    unit: Unit, withdrawal_id: UUID, provider: Provider, taken: Money, arrived: Money, treasurer: UUID
) -> Withdrawal:
    """Keep a treasurer's entry. Raises `AlreadyDone` for an id of before, `BadInput` for more than is held."""
    if await unit.session.get(Withdrawal, withdrawal_id) is not None:
        raise AlreadyDone
    await _refuse_more(unit, provider, taken)
    row = Withdrawal(
        id=withdrawal_id,
        provider=provider,
        taken=taken.amount,
        currency=taken.currency,
        arrived=arrived.amount,
        entered_by=treasurer,
        entered_at=unit.now,
    )
    unit.session.add(row)
    await unit.session.flush()
    subject = audit.about("withdrawal", row.id)
    await audit.record(
        unit, str(treasurer), "withdrawal.pending", subject, taken=taken.amount, arrived=arrived.amount
    )
    return row


async def confirm(unit: Unit, row: Withdrawal, treasurer: UUID) -> None:
    """Count it. Raises `SamePerson` for whoever entered it, `BadInput` when the provider holds less by now."""
    if row.entered_by == treasurer:
        raise SamePerson
    purpose, taken = HELD_BY[row.provider], Money(row.taken, row.currency)
    await ledger.lock(unit, row.currency)
    await _refuse_more(unit, row.provider, taken)
    await _close(unit, row, WithdrawalStatus.CONFIRMED, treasurer)
    out, into = f"withdrawal:{row.id}:out", f"withdrawal:{row.id}:in"
    arrived = Money(row.arrived, unit.policy.currency)
    who = str(treasurer)
    await ledger.transfer(unit, EntryKind.WITHDRAW, out, taken, source=purpose, target=Purpose.EXCHANGE, actor=who)
    await ledger.transfer(
        unit, EntryKind.ARRIVE, into, arrived, source=Purpose.EXCHANGE, target=Purpose.FUND, actor=who
    )


async def refuse(unit: Unit, row: Withdrawal, treasurer: UUID) -> None:
    """Close an entry without counting it; whoever entered it may do so too."""
    await _close(unit, row, WithdrawalStatus.REFUSED, treasurer)


async def _refuse_more(unit: Unit, provider: Provider, taken: Money) -> None:
    if (await ledger.balance(unit, HELD_BY[provider], taken.currency)).amount < taken.amount:
        raise BadInput("donate.bad.held")


async def _close(unit: Unit, row: Withdrawal, status: WithdrawalStatus, treasurer: UUID) -> None:
    await move(unit, row, status, WITHDRAWAL_ALLOWED, str(treasurer))
    row.closed_by, row.closed_at = treasurer, unit.now
    await unit.session.flush()
