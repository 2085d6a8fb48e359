"""Money that comes in by hand: the operator's entry at once, a treasurer's once a second treasurer confirms."""

from uuid import UUID, uuid4

from models import audit
from models.errors import AlreadyDone, BadInput, SamePerson
from models.funding import FUNDING_ALLOWED, FundingStatus, PendingFunding
from models.ledger import JournalEntry
from models.states import move
from models.unit import Unit
from payments.ledger import EntryKind, Purpose, transfer
from payments.money import Money


async def add(unit: Unit, money: Money, by: str, reference: str | None = None) -> JournalEntry:
    """Put money into the fund's books; `by` is named as in the audit log, the operator as `operator`.

    The same reference twice is one entry. Without one, each call is an entry of its own. Waiting grants are
    reserved by the clock (`services.treasury`). Raises `BadInput` for what is not the fund's currency or no gain.
    """
    if money.currency != unit.policy.currency:
        raise BadInput("treasury.bad.currency", currency=unit.policy.currency)
    if money.amount <= 0:
        raise BadInput("treasury.bad.not-positive")
    return await transfer(
        unit,
        EntryKind.CONTRIBUTION,
        f"contribution:{reference or uuid4()}",
        money,
        source=Purpose.CONTRIBUTIONS,
        target=Purpose.FUND,
        actor=by,
    )


async def enter(unit: Unit, funding_id: UUID, money: Money, treasurer: UUID) -> PendingFunding:
    """Keep a treasurer's entry until a second one confirms. Raises `AlreadyDone` for an id entered before."""
    if await unit.session.get(PendingFunding, funding_id) is not None:
        raise AlreadyDone
    pending = PendingFunding(
        id=funding_id,
        amount=money.amount,
        currency=money.currency,
        entered_by=treasurer,
        entered_at=unit.now,
    )
    unit.session.add(pending)
    await unit.session.flush()
    await audit.record(
        unit,
        str(treasurer),
        "pending_funding.pending",
        audit.about("pending_funding", funding_id),
        amount=money.amount,
        currency=money.currency,
    )
    return pending


async def confirm(unit: Unit, pending: PendingFunding, treasurer: UUID) -> JournalEntry:
    """Count the money. Raises `SamePerson` for whoever entered it and `MoveRefused` when it is closed."""
    if pending.entered_by == treasurer:
        raise SamePerson
    await _close(unit, pending, FundingStatus.CONFIRMED, treasurer)
    return await add(unit, Money(pending.amount, pending.currency), str(treasurer), f"funding:{pending.id}")


async def refuse(unit: Unit, pending: PendingFunding, treasurer: UUID) -> None:
    """Close an entry without counting it; whoever entered it may do so too. Raises `MoveRefused` when closed."""
    await _close(unit, pending, FundingStatus.REFUSED, treasurer)


async def _close(unit: Unit, pending: PendingFunding, status: FundingStatus, treasurer: UUID) -> None:
    await move(unit, pending, status, FUNDING_ALLOWED, str(treasurer))
    pending.closed_by, pending.closed_at = treasurer, unit.now
    await unit.session.flush()
