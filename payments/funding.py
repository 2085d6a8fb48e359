"""Money that comes in: the operator's entry at once, a treasurer's once a second treasurer confirms.

What leaves the fund's cash without a grant (a bank's fee, a loss, a top-up at Stripe), or was entered by mistake,
the operator enters too.

What comes out of what others hold (a provider, a partner) is two entries: what left stands on the account of
exchange in its currency, what arrived comes from there in the fund's. What is not held cannot leave.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid4

from sqlmodel import col, func, or_, select

from models import audit
from models.errors import AlreadyDone, BadInput, SamePerson
from models.funding import FUNDING_ALLOWED, Funding, FundingSource, FundingStatus
from models.grant import Grant, Payout, PayoutStatus
from models.ledger import JournalEntry, LedgerAccount
from models.states import move
from models.unit import Unit
from payments import ledger
from payments.ledger import EntryKind, Purpose
from payments.money import Money
from payments.screening import givers

HELD_BY: Final[Mapping[FundingSource, Purpose]] = {
    FundingSource.STRIPE: Purpose.STRIPE,
    FundingSource.STARS: Purpose.STARS,
    FundingSource.PARTNER: Purpose.PARTNERS,
}


class Why(StrEnum):
    """Why cash is less than the books say, though no grant was paid."""

    COST = "cost"
    """A bank took it."""
    LOSS = "loss"
    """It is gone."""
    MISTAKE = "mistake"
    """It was entered and never came: a slip of the finger."""


LEAVES: Final[Mapping[Why, tuple[EntryKind, Purpose]]] = {
    Why.COST: (EntryKind.COST, Purpose.FEES),
    Why.LOSS: (EntryKind.LOSS, Purpose.LOSSES),
    Why.MISTAKE: (EntryKind.CORRECTION, Purpose.CONTRIBUTIONS),
}


async def add(unit: Unit, money: Money, by: str, reference: str | None = None) -> JournalEntry:
    """Put money into the fund's books; `by` is named as in the audit log, the operator as `operator`.

    The same reference twice is one entry. Without one, each call is an entry of its own. Waiting grants are
    reserved by the clock (`services.treasury`). Raises `BadInput` for what is not the fund's currency or no gain.
    """
    _refuse_foreign(unit, money)
    return await ledger.transfer(
        unit,
        EntryKind.CONTRIBUTION,
        f"contribution:{reference or uuid4()}",
        money,
        source=Purpose.CONTRIBUTIONS,
        target=Purpose.FUND,
        actor=by,
    )


async def take(unit: Unit, money: Money, why: Why, by: str, reference: str | None = None) -> JournalEntry:
    """Take out of the books what has left the fund's cash without a grant, or was never there.

    The same reference twice is one entry. Raises `BadInput` as `add` does, and `FundShort` for more than is free.
    """
    _refuse_foreign(unit, money)
    kind, target = LEAVES[why]
    return await ledger.transfer(
        unit, kind, f"{why}:{reference or uuid4()}", money, source=Purpose.FUND, target=target, actor=by
    )


async def top_up(unit: Unit, left: Money, arrived: Money, by: str, reference: str | None = None) -> JournalEntry:
    """Enter that cash went to the account at Stripe: what `left`, and what `arrived` there in its currency.

    The two stand against each other on the account of exchange. Raises as `take` does.
    """
    _refuse_foreign(unit, left)
    if arrived.amount <= 0:
        raise BadInput("treasury.bad.not-positive")
    name, kind = f"top-up:{reference or uuid4()}", EntryKind.TOP_UP
    out, into = Purpose.EXCHANGE, Purpose.STRIPE
    await ledger.transfer(unit, kind, f"{name}:out", left, source=Purpose.FUND, target=out, actor=by)
    return await ledger.transfer(unit, kind, f"{name}:in", arrived, source=out, target=into, actor=by)


async def held(unit: Unit) -> Sequence[tuple[FundingSource, Money]]:
    """What each source holds for the fund and may hand over now, where that is more than nothing."""
    names = [col(LedgerAccount.name).startswith(f"{purpose}:") for purpose in HELD_BY.values()]
    found = await unit.session.exec(
        select(LedgerAccount.name, LedgerAccount.currency)
        .where(or_(*names), LedgerAccount.balance > 0)
        .order_by(LedgerAccount.name)
    )
    sources = {purpose: source for source, purpose in HELD_BY.items()}
    listed = [(sources[Purpose(name.partition(":")[0])], currency) for name, currency in found.all()]
    held = [(source, await _held(unit, source, currency)) for source, currency in listed]
    return [(source, money) for source, money in held if money.amount > 0]


async def enter(
    unit: Unit,
    funding_id: UUID,
    arrived: Money,
    treasurer: UUID,
    source: FundingSource = FundingSource.HAND,
    taken: Money | None = None,
) -> Funding:
    """Keep a treasurer's entry until a second one confirms: what arrived, and what was `taken` of its source.

    Raises `AlreadyDone` for an id entered before, `BadInput` for more than the source holds.
    """
    if await unit.session.get(Funding, funding_id) is not None:
        raise AlreadyDone
    if taken is not None:
        await _refuse_more(unit, source, taken)
    row = Funding(
        id=funding_id,
        source=source,
        amount=arrived.amount,
        currency=arrived.currency,
        taken=None if taken is None else taken.amount,
        taken_currency=None if taken is None else taken.currency,
        entered_by=treasurer,
        entered_at=unit.now,
    )
    unit.session.add(row)
    await unit.session.flush()
    facts = {"amount": arrived.amount, "currency": arrived.currency, "source": str(source)}
    await audit.record(unit, str(treasurer), "funding.pending", audit.about("funding", funding_id), **facts)
    return row


async def confirm(unit: Unit, row: Funding, treasurer: UUID) -> JournalEntry:
    """Count the money. Raises `SamePerson` for whoever entered it, `MoveRefused` when it is closed, and `BadInput`
    when the source holds less by now or the fund's currency is another one since.
    """
    if row.entered_by == treasurer:
        raise SamePerson
    arrived, taken, who = Money(row.amount, row.currency), taken_of(row), str(treasurer)
    if arrived.currency != unit.policy.currency:
        raise BadInput("treasury.bad.currency", currency=unit.policy.currency)
    if taken is not None:
        await ledger.lock(unit, taken.currency)
        await _refuse_more(unit, row.source, taken)
    await _close(unit, row, FundingStatus.CONFIRMED, treasurer)
    if taken is None:
        return await add(unit, arrived, who, f"funding:{row.id}")
    source, out, into = HELD_BY[row.source], f"funding:{row.id}:out", f"funding:{row.id}:in"
    await ledger.transfer(unit, EntryKind.WITHDRAW, out, taken, source=source, target=Purpose.EXCHANGE, actor=who)
    return await ledger.transfer(
        unit, EntryKind.ARRIVE, into, arrived, source=Purpose.EXCHANGE, target=Purpose.FUND, actor=who
    )


async def refuse(unit: Unit, row: Funding, treasurer: UUID) -> None:
    """Close an entry without counting it; whoever entered it may do so too. Raises `MoveRefused` when closed."""
    await _close(unit, row, FundingStatus.REFUSED, treasurer)


def taken_of(row: Funding) -> Money | None:
    """What has left the source of an entry; none for one by hand."""
    return Money(row.taken, row.taken_currency) if row.taken is not None and row.taken_currency else None


def _refuse_foreign(unit: Unit, money: Money) -> None:
    if money.currency != unit.policy.currency:
        raise BadInput("treasury.bad.currency", currency=unit.policy.currency)
    if money.amount <= 0:
        raise BadInput("treasury.bad.not-positive")


async def _held(unit: Unit, source: FundingSource, currency: str) -> Money:
    """What a source holds; of a partner, without what they are still to pass on."""
    purpose = HELD_BY[source]
    there = await ledger.balance(unit, purpose, currency) - await givers.held(unit, purpose, currency)
    if source is not FundingSource.PARTNER:
        return there
    under_way = await unit.session.exec(
        select(func.coalesce(func.sum(Grant.amount), 0))
        .join(Payout, col(Payout.grant_id) == Grant.id)
        .where(
            Grant.currency == currency,
            col(Payout.rail).in_([name for name, rail in unit.rails.items() if rail.account == Purpose.PARTNERS]),
            col(Payout.status).in_((PayoutStatus.SENT, PayoutStatus.RETURNING)),
            col(Payout.paid_at).is_(None),
        )
    )
    return there - Money(int(under_way.one()), currency)


async def _refuse_more(unit: Unit, source: FundingSource, taken: Money) -> None:
    if (await _held(unit, source, taken.currency)).amount < taken.amount:
        raise BadInput("donate.bad.held")


async def _close(unit: Unit, row: Funding, status: FundingStatus, treasurer: UUID) -> None:
    await move(unit, row, status, FUNDING_ALLOWED, str(treasurer))
    row.closed_by, row.closed_at = treasurer, unit.now
    await unit.session.flush()
