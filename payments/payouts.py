"""Payouts: each is one try to pay one grant, and every step of it is a move that exactly one press can make.

    queued -> claimed -> [ordered ->] paying        a machine rail pays (`payments.attempts`)
                          ordered                   above the tier, until a second treasurer agrees
    paying -> paid, sent, queued or cancelled       what the rail has promised, or two treasurers have found
    queued -> paid, sent or cancelled               two treasurers have found what became of it (`payments.doubts`)
    queued -> claimed -> paid                       up to the tier that asks for two treasurers
    queued -> claimed -> sent -> paid               above it: the second treasurer is another person
    claimed -> queued                               given back before paying, or taken from who may pay no more
    ordered -> queued                               the same, before a second treasurer has agreed
    sent or paid -> returned                        the money came back, and the grant is reserved or waits anew
    sent or paid -> returning -> returned           above the tier, the second time, or nobody waits: two see it
    returning -> sent or paid                       they do not

Who may press is decided by `services.treasury`; this module keeps payout, grant, case and books in step. The
case may have been withdrawn or erased meanwhile: then there is nobody to move, and a grant whose money stayed or
came back is released. Of an unsure payout nothing is released: whether it was paid two treasurers say.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import or_
from sqlmodel import col, select, update

from models import audit
from models.attempt import Attempt, AttemptStatus
from models.case import ALLOWED as CASE_ALLOWED
from models.case import Case, CaseStatus
from models.doubt import Finding, FindingStatus, Incident
from models.errors import ButtonGone, MoveRefused, NotAllowed, SamePerson
from models.grant import PAYOUT_ALLOWED, Grant, Payout, PayoutStatus, ReturnReason
from models.states import move
from models.unit import Unit
from payments import compliance, grants
from payments.money import Money
from payments.rails import registry
from payments.rails.base import MachineRail, Rail
from payments.screening import Verdict
from payments.screening.paying import said, said_of
from vault.seal import Place
from vault.types import BlindIndex

PAYABLE = frozenset({CaseStatus.APPROVED, CaseStatus.PAYING, CaseStatus.PAID, CaseStatus.FOLLOWED_UP})
"""Cases whose person still waits for the money, or would have to be asked anew."""


async def queue(
    unit: Unit, grant: Grant, case: Case, rail: Rail, destination: BlindIndex | None, by: str
) -> Payout:
    """Put a reserved grant on the treasurers' desk; the person has agreed to the rail, and to what it pays now.

    Case: `PAYING`. Whether an earlier try may have been paid stays a question, also when the person took it back.
    """
    unsure = await grants.is_unsure(unit, grant, case)
    pays = (await rail.quote(unit, Money(grant.amount, grant.currency))).pays
    payout = Payout(
        grant_id=grant.id, rail=rail.name, destination=destination, unsure=unsure, pays=pays.amount,
        pays_currency=pays.currency, created_at=unit.now,
    )  # fmt: skip
    unit.session.add(payout)
    await unit.session.flush()
    await move(unit, case, CaseStatus.PAYING, CASE_ALLOWED, by, rail=rail.name)
    return payout


async def load(unit: Unit, payout_id: UUID) -> tuple[Payout, Grant, Case | None]:
    """A payout with its grant and case, locked until the transaction ends. Raises `ButtonGone`."""
    found = await unit.session.exec(
        select(Grant).join(Payout, col(Payout.grant_id) == Grant.id).where(Payout.id == payout_id)
    )
    grant = found.first()
    if grant is None:
        raise ButtonGone
    # Everybody who moves money locks the case first, then the chain of the audit log, then the rest.
    if grant.case_id:
        await unit.session.get(Case, grant.case_id, with_for_update=True, populate_existing=True)
    await audit.hold(unit)
    payout = await unit.session.get_one(Payout, payout_id, with_for_update=True, populate_existing=True)
    await unit.session.refresh(grant)
    return payout, grant, await unit.session.get(Case, grant.case_id) if grant.case_id else None


async def claim(unit: Unit, payout: Payout, treasurer: UUID) -> None:
    """Take a queued payout. Of two at once one wins, the other gets `MoveRefused`."""
    await move(unit, payout, PayoutStatus.CLAIMED, PAYOUT_ALLOWED, str(treasurer))
    if payout.changed and payout.looked_by in {None, treasurer}:
        raise SamePerson("treasury.refused.changed")
    payout.claimed_by, payout.claimed_at = treasurer, unit.now
    await unit.session.flush()


async def take_back(unit: Unit, payout: Payout, case: Case, by: str) -> None:
    """Take a queued payout off the desk, since its person asked so. The case is `APPROVED` again."""
    _only_from(payout, PayoutStatus.QUEUED, PayoutStatus.CANCELLED)
    await move(unit, payout, PayoutStatus.CANCELLED, PAYOUT_ALLOWED, by)
    await move(unit, case, CaseStatus.APPROVED, CASE_ALLOWED, by)


async def ask_anew(unit: Unit, payout: Payout, case: Case, by: str) -> None:
    """Close a payout that was not ordered yet, since its person must agree anew. The case is `APPROVED` again."""
    await move(unit, payout, PayoutStatus.CANCELLED, PAYOUT_ALLOWED, by)
    await move(unit, case, CaseStatus.APPROVED, CASE_ALLOWED, by)


async def give_back(unit: Unit, payout: Payout, grant: Grant, case: Case | None, treasurer: UUID) -> None:
    """Put a claimed payout back before paying. Without a case its grant is released instead.

    An unsure one stays unsure when nobody waits for it: one treasurer's word does not free money that may be gone.
    It does so after an incident too: that they have not paid does not say that no machine has.
    """
    only_holder(payout, treasurer)
    _only_from(payout, PayoutStatus.CLAIMED, PayoutStatus.QUEUED)
    if is_wanted(case) and not await grants.has_incident(unit, grant):
        await sure(unit, grant, case)
    await put_back(unit, payout, grant, case, str(treasurer))


async def put_back(unit: Unit, payout: Payout, grant: Grant, case: Case | None, by: str) -> None:
    """Take a payout from its holder or its rail, not paid, and put it back. Released when nobody waits for it."""
    target = PayoutStatus.QUEUED if is_wanted(case) or payout.unsure else PayoutStatus.CANCELLED
    await move(unit, payout, target, PAYOUT_ALLOWED, by)
    payout.claimed_by = payout.claimed_at = None
    await unit.session.flush()
    await overtake(unit, [payout.id])  # it was said before whoever had it may have paid
    if target == PayoutStatus.CANCELLED:
        await grants.release(unit, grant, by)


async def unfinished_of(unit: Unit, treasurer: UUID) -> list[UUID]:
    """Payouts that a treasurer has claimed, ordered or sent, oldest first.

    Their cases are locked, in one order for all.
    """
    moving = col(Payout.status).in_((*grants.MOVING, PayoutStatus.ORDERED))
    found = await unit.session.exec(
        select(Payout.id, Grant.case_id)
        .join(Grant, col(Grant.id) == Payout.grant_id)
        .where(Payout.claimed_by == treasurer, moving)
        .order_by(col(Payout.claimed_at), col(Payout.id))
    )
    held = found.all()
    cases = [case_id for _, case_id in held if case_id is not None]
    await unit.session.exec(
        select(Case.id).where(col(Case.id).in_(cases)).order_by(col(Case.id)).with_for_update()
    )
    return [payout_id for payout_id, _ in held]


async def last_returned(unit: Unit, grant: Grant) -> Payout | None:
    """The payout of a grant whose money came back last."""
    found = await unit.session.exec(
        select(Payout)
        .where(Payout.grant_id == grant.id, Payout.status == PayoutStatus.RETURNED)
        .order_by(col(Payout.created_at).desc())
        .limit(1)
    )
    return found.first()


async def pay(
    unit: Unit, payout: Payout, grant: Grant, case: Case | None, treasurer: UUID, reference: str
) -> PayoutStatus:
    """Enter that the holder has paid, and under which reference; return `SENT` or `PAID`."""
    only_holder(payout, treasurer)
    _only_from(payout, PayoutStatus.CLAIMED, PayoutStatus.PAID)
    await sure(unit, grant, case)
    target = PayoutStatus.SENT if grant.second_treasurer else PayoutStatus.PAID
    await move(unit, payout, target, PAYOUT_ALLOWED, str(treasurer))
    payout.reference = unit.vault.seal_server(reference.encode(), _place(payout))
    await _left(unit, payout, grant)
    if target == PayoutStatus.PAID:
        await _settled(unit, payout, grant, case, str(treasurer))
    return target


async def order(unit: Unit, payout: Payout, treasurer: UUID) -> None:
    """Enter that the holder wants a machine rail to pay, which waits for a second treasurer."""
    only_holder(payout, treasurer)
    await move(unit, payout, PayoutStatus.ORDERED, PAYOUT_ALLOWED, str(treasurer))


async def machine_paid(
    unit: Unit, payout: Payout, grant: Grant, case: Case | None, reference: str, *, reported: bool
) -> None:
    """Enter that a machine rail has paid; not `reported`: a partner has the money, and must still pass it on."""
    target = PayoutStatus.PAID if reported else PayoutStatus.SENT
    await move(unit, payout, target, PAYOUT_ALLOWED, "system")
    payout.reference = unit.vault.seal_server(reference.encode(), _place(payout))
    await _left(unit, payout, grant)
    if reported:
        await _settled(unit, payout, grant, case, "system")


async def found_paid(
    unit: Unit, payout: Payout, grant: Grant, case: Case | None, treasurer: UUID, reference: str
) -> None:
    """Enter what two treasurers have found: it was paid. By a partner's rail the partner must still report."""
    await sure(unit, grant, case)
    rail = registry.find(unit, payout.rail)
    reports = isinstance(rail, MachineRail) and rail.reports_back
    await move(unit, payout, PayoutStatus.SENT if reports else PayoutStatus.PAID, PAYOUT_ALLOWED, str(treasurer))
    payout.reference = unit.vault.seal_server(reference.encode(), _place(payout))
    payout.confirmed_by = treasurer
    await _left(unit, payout, grant)
    if not reports:
        await _settled(unit, payout, grant, case, str(treasurer))


async def found_unpaid(unit: Unit, payout: Payout, grant: Grant, case: Case | None, treasurer: UUID) -> bool:
    """Enter what two treasurers have found: it was never paid. True when the person is asked for another way.

    Without anybody who waits the grant is released. What a machine was asked for is not asked of it again unless
    the person chooses it again.
    """
    asked = payout.status == PayoutStatus.PAYING
    await sure(unit, grant, case)
    if asked and case is not None and is_wanted(case):
        await ask_anew(unit, payout, case, str(treasurer))
        return True
    if payout.status != PayoutStatus.QUEUED or not is_wanted(case):
        await put_back(unit, payout, grant, case, str(treasurer))
    return False


async def sure(unit: Unit, grant: Grant, case: Case | None) -> None:
    """Whether this grant was paid is said: neither a restored backup nor an earlier try leaves a doubt.

    A word on it that still waited for a second treasurer answers no later doubt.
    """
    tries = (await unit.session.exec(select(Payout).where(Payout.grant_id == grant.id))).all()
    for payout in tries:
        payout.unsure = False
    if case is not None:
        case.restored = False
    await unit.session.flush()
    await overtake(unit, [payout.id for payout in tries])


async def overtake(unit: Unit, payout_ids: Collection[UUID]) -> None:
    """What one treasurer has said of payouts counts no more: something has happened to them since."""
    await unit.session.exec(
        update(Finding)
        .where(col(Finding.payout_id).in_(payout_ids), col(Finding.status) == FindingStatus.SAID)
        .values(status=FindingStatus.OVERTAKEN)
    )


async def report(
    unit: Unit, payout: Payout, grant: Grant, case: Case | None, treasurer: UUID, reference: str
) -> None:
    """Enter a partner's report under its reference. Above the tier: `SamePerson` for the one who ordered it."""
    if grant.second_treasurer and payout.claimed_by == treasurer:
        raise SamePerson
    _only_from(payout, PayoutStatus.SENT, PayoutStatus.PAID)
    await move(unit, payout, PayoutStatus.PAID, PAYOUT_ALLOWED, str(treasurer))
    payout.reference = unit.vault.seal_server(reference.encode(), _place(payout))
    payout.confirmed_by = treasurer
    await _settled(unit, payout, grant, case, str(treasurer))


async def confirm(unit: Unit, payout: Payout, grant: Grant, case: Case | None, treasurer: UUID) -> None:
    """Enter that a second treasurer has seen the payment. Raises `SamePerson` for the one who paid."""
    if payout.claimed_by == treasurer:
        raise SamePerson
    _only_from(payout, PayoutStatus.SENT, PayoutStatus.PAID)
    await move(unit, payout, PayoutStatus.PAID, PAYOUT_ALLOWED, str(treasurer))
    payout.confirmed_by = treasurer
    await _settled(unit, payout, grant, case, str(treasurer))


async def came_back(
    unit: Unit, payout: Payout, grant: Grant, case: Case | None, treasurer: UUID, reason: ReturnReason
) -> PayoutStatus:
    """Enter that the money came back; return `RETURNED`, or `RETURNING` when a second treasurer must see it.

    From the second return of a grant on one treasurer's word is not enough: they would have it paid for ever.
    """
    again = await last_returned(unit, grant) is not None
    if grant.second_treasurer or again or not is_wanted(case):
        await move(unit, payout, PayoutStatus.RETURNING, PAYOUT_ALLOWED, str(treasurer), reason=reason)
        payout.return_reason, payout.returned_by = reason, treasurer
        await unit.session.flush()
        return PayoutStatus.RETURNING
    payout.return_reason = reason
    await _returned(unit, payout, grant, case, treasurer)
    return PayoutStatus.RETURNED


async def confirm_return(unit: Unit, payout: Payout, grant: Grant, case: Case | None, treasurer: UUID) -> None:
    """Enter that a second treasurer sees the money too. Raises `SamePerson` for the one who said so first."""
    if payout.returned_by == treasurer:
        raise SamePerson
    _only_from(payout, PayoutStatus.RETURNING, PayoutStatus.RETURNED)
    await _returned(unit, payout, grant, case, treasurer)


async def deny_return(unit: Unit, payout: Payout, treasurer: UUID) -> None:
    """Enter that the money did not come back: the payment stands where it stood. Raises `MoveRefused`."""
    _only_from(payout, PayoutStatus.RETURNING, PayoutStatus.PAID)
    stood = PayoutStatus.PAID if payout.paid_at else PayoutStatus.SENT
    await move(unit, payout, stood, PAYOUT_ALLOWED, str(treasurer))
    payout.return_reason = payout.returned_by = None
    await unit.session.flush()


def reference_of(unit: Unit, payout: Payout) -> str:
    """The reference under which a payout was paid."""
    if payout.reference is None:
        return ""
    return unit.vault.open_server(payout.reference, _place(payout)).decode()


def only_holder(payout: Payout, treasurer: UUID) -> None:
    """Raise `NotAllowed` unless this treasurer holds the payout."""
    if payout.claimed_by != treasurer:
        raise NotAllowed("treasury.refused.not-holder")


def is_wanted(case: Case | None) -> bool:
    """Whether somebody still waits for the money."""
    return case is not None and case.status in PAYABLE


def _only_from(payout: Payout, stands: PayoutStatus, target: PayoutStatus) -> None:
    """A person makes a move from one state only, also where a rail may make the same one from another."""
    if payout.status != stands:
        raise MoveRefused("payout", payout.id, payout.status, target)


async def _returned(unit: Unit, payout: Payout, grant: Grant, case: Case | None, treasurer: UUID) -> None:
    """The grant is reserved or waits anew, the case `APPROVED`; without anybody who waits the money is free."""
    await move(unit, payout, PayoutStatus.RETURNED, PAYOUT_ALLOWED, str(treasurer), reason=payout.return_reason)
    payout.missing_at = None
    await unit.session.flush()
    await grants.reopen(unit, grant, payout, str(treasurer))
    if case is None or not is_wanted(case):
        await grants.release(unit, grant, str(treasurer))
    else:
        await move(unit, case, CaseStatus.APPROVED, CASE_ALLOWED, str(treasurer))


async def _settled(unit: Unit, payout: Payout, grant: Grant, case: Case | None, by: str) -> None:
    payout.paid_at = unit.now
    await unit.session.flush()
    await grants.settle(unit, grant, payout, by)
    if case is not None and case.status == CaseStatus.PAYING:
        await move(unit, case, CaseStatus.PAID, CASE_ALLOWED, by)


async def _left(unit: Unit, payout: Payout, grant: Grant) -> None:
    """Money has left, be it that its arrival must still be seen: that is on the compliance record, once."""
    await compliance.record(unit, grant, payout, await _verdict(unit, payout))


async def _verdict(unit: Unit, payout: Payout) -> Verdict | None:
    """What screening said last of the payment; none when nothing was screened."""
    over = col(Attempt.status).in_((AttemptStatus.DONE, AttemptStatus.DROPPED))
    paid_late = col(Attempt.id).in_(select(Incident.attempt_id))
    found = await unit.session.exec(
        select(Attempt)
        .where(Attempt.payout_id == payout.id, or_(over, paid_late))
        .order_by(col(Attempt.made_at).desc())
        .limit(1)
    )
    attempt = found.first()
    return said(payout) if attempt is None else said_of(attempt)


def _place(payout: Payout) -> Place:
    return Place("payout", "reference", str(payout.id))
