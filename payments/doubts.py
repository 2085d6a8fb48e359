"""Payouts in doubt: nobody knows whether they were paid, and no machine may find out by trying again.

In doubt is what is unsure (a backup was put back; its holder left without a word) and what a rail has been at for
longer than it should, such as an order whose partner is gone or which did something else than was asked.

- One treasurer says what they found, and how they know; it counts once another has found the same.
- Whatever they find, an attempt that is still open is dropped: it is never asked for again, and its rail is looked
  up for some days whether it pays after all (`payments.incidents`).
- What was signed and may still be on its way, nobody can say to be never paid.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlmodel import col, select

from models.attempt import ATTEMPT_ALLOWED, OPEN_ATTEMPTS, Attempt, AttemptStatus
from models.case import Case
from models.clock import to_day
from models.doubt import FINDING_ALLOWED, Finding, FindingStatus, Found, Ground
from models.errors import AlreadyDone, ButtonGone, FundShort, MoneyRefused, NotAllowed, SamePerson
from models.grant import Grant, Payout, PayoutStatus
from models.states import move
from models.unit import Unit
from payments import attempts, ledger, payouts
from payments.ledger import EntryKind, Purpose
from payments.money import Money
from payments.rails import registry
from payments.rails.base import MachineRail, Outcome, Result, SigningRail
from vault.seal import Place

PATIENCE: Final = timedelta(hours=1)
"""A rail that has not finished a payout by then may be spoken for by people."""

WATCHED: Final = timedelta(days=30)
"""How long the rail of a dropped attempt is looked up still."""

UNSURE: Final = frozenset({PayoutStatus.QUEUED, PayoutStatus.CLAIMED, PayoutStatus.PAYING})


async def open_attempt(unit: Unit, payout: Payout) -> Attempt | None:
    """What a machine was asked for and has not finished."""
    found = await unit.session.exec(
        select(Attempt).where(Attempt.payout_id == payout.id, col(Attempt.status).in_(OPEN_ATTEMPTS))
    )
    return found.first()


async def is_in_doubt(unit: Unit, payout: Payout) -> bool:
    """Whether people may say what became of a payout."""
    if payout.unsure:
        return payout.status in UNSURE
    if payout.status != PayoutStatus.PAYING:
        return False
    attempt = await open_attempt(unit, payout)
    return attempt is not None and attempt.made_at + PATIENCE <= unit.now


async def said(unit: Unit, payout: Payout) -> Finding | None:
    """What one treasurer has said of a payout, waiting for a second one."""
    found = await unit.session.exec(
        select(Finding).where(Finding.payout_id == payout.id, Finding.status == FindingStatus.SAID)
    )
    return found.first()


async def say(
    unit: Unit, payout: Payout, found: Found, ground: Ground, treasurer: UUID, reference: str = ""
) -> Finding:
    """Keep what one treasurer has found. Raises `NotAllowed` without a doubt, `AlreadyDone` for a second word."""
    await _require(unit, payout, found)
    if await said(unit, payout) is not None:
        raise AlreadyDone
    finding = Finding(payout_id=payout.id, found=found, ground=ground, said_by=treasurer, said_on=to_day(unit.now))
    if reference:
        finding.reference = unit.vault.seal_server(reference.encode(), _place(finding))
    unit.session.add(finding)
    await unit.session.flush()
    return finding


async def deny(unit: Unit, payout: Payout, treasurer: UUID) -> Finding:
    """The second one does not see it, or the first was mistaken: the doubt stands."""
    finding = await _open(unit, payout)
    await _end(unit, finding, FindingStatus.DENIED, treasurer)
    return finding


async def confirm(unit: Unit, payout: Payout, grant: Grant, case: Case | None, treasurer: UUID) -> Finding:
    """A second treasurer has found the same: books, grant and case follow.

    Raises `SamePerson` for the first one, `NotAllowed` when there is no doubt any more, `FundShort` when the books
    lack what is said to be paid.
    """
    finding = await _open(unit, payout)
    if finding.said_by == treasurer:
        raise SamePerson
    await _require(unit, payout, finding.found)
    await _end(unit, finding, FindingStatus.CONFIRMED, treasurer)
    paid = finding.found == Found.PAID
    reference = reference_of(unit, finding)
    attempt = await open_attempt(unit, payout)
    if attempt is not None:
        await _drop(unit, attempt, payout, Result(Outcome.DONE if paid else Outcome.FAILED, reference or None))
    elif paid:
        await _enter_earlier(unit, payout, grant, str(treasurer))
    if paid:
        await payouts.found_paid(unit, payout, grant, case, treasurer, reference)
    else:
        await payouts.found_unpaid(unit, payout, grant, case, treasurer)
    return finding


def reference_of(unit: Unit, finding: Finding) -> str:
    """The reference that was said; empty for what was never paid."""
    if finding.reference is None:
        return ""
    return unit.vault.open_server(finding.reference, _place(finding)).decode()


async def _require(unit: Unit, payout: Payout, found: Found) -> None:
    if not await is_in_doubt(unit, payout):
        raise NotAllowed("treasury.refused.no-doubt")
    attempt, rail = await open_attempt(unit, payout), registry.find(unit, payout.rail)
    if (
        found == Found.NEVER
        and attempt is not None
        and isinstance(rail, SigningRail)
        and await rail.may_still_pay(unit, attempt.id)
    ):
        raise NotAllowed("treasury.refused.signed")


async def _drop(unit: Unit, attempt: Attempt, payout: Payout, result: Result) -> None:
    """What was asked for is over, and what the rail set aside for it is used or free."""
    rail, order = registry.find(unit, payout.rail), await attempts.order_of(unit, attempt)
    await move(unit, attempt, AttemptStatus.DROPPED, ATTEMPT_ALLOWED, "system", rail=attempt.rail)
    attempt.ended_at, attempt.destination, attempt.watch_until = unit.now, None, unit.now + WATCHED
    attempts.name(unit, attempt, result.reference)  # under which two found it paid; a late answer is no second one
    await unit.session.flush()
    if isinstance(rail, MachineRail):
        await rail.finish(unit, order, result)


async def _enter_earlier(unit: Unit, payout: Payout, grant: Grant, by: str) -> None:
    """Book what went before the payment itself, and was lost with the rows that a restore left out."""
    money, rail = Money(grant.amount, grant.currency), registry.find(unit, payout.rail)
    try:
        if rail.account == Purpose.PARTNERS:
            await ledger.transfer(
                unit, EntryKind.HAND_OVER, f"hand-over:{payout.id}", money, source=Purpose.STRIPE,
                target=Purpose.PARTNERS, actor=by, grant_number=grant.number,
            )  # fmt: skip
            if (fee := (await rail.quote(unit, money)).fee).amount:  # what was set aside with the order is lost
                await ledger.transfer(
                    unit, EntryKind.PAYOUT_FEE, f"fee:{payout.id}", fee, source=Purpose.STRIPE,
                    target=Purpose.FEES, actor=by, grant_number=grant.number,
                )  # fmt: skip
        elif rail.account == Purpose.VOUCHERS:
            await ledger.transfer(
                unit, EntryKind.STOCK, f"stock:{payout.id}", money, source=Purpose.LOSSES,
                target=Purpose.VOUCHERS, actor=by, grant_number=grant.number,
            )  # fmt: skip
    except FundShort as short:
        raise MoneyRefused("treasury.refused.write-off") from short


async def _open(unit: Unit, payout: Payout) -> Finding:
    finding = await said(unit, payout)
    if finding is None:
        raise ButtonGone
    return finding


async def _end(unit: Unit, finding: Finding, status: FindingStatus, treasurer: UUID) -> None:
    facts = {"found": str(finding.found), "ground": str(finding.ground)}
    await move(unit, finding, status, FINDING_ALLOWED, str(treasurer), **facts)
    finding.ended_by = treasurer
    await unit.session.flush()


def _place(finding: Finding) -> Place:
    return Place("finding", "reference", str(finding.id))
