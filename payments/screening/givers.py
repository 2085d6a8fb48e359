"""Who gave: the name that came with a gift is screened, and kept no longer than that needs.

- Clear: the name is forgotten at once, and its keyed mark on the gift; after the policy's years that there was
  a check. A possible match: the gift's money is held (it does not leave the provider for the fund's cash, and no
  rail pays out of it) until a human has decided. Decided to be the listed one: it is frozen, name and all, and
  people are told; what then happens is for the operator's counsel (docs/COMPLIANCE.md).
- A list that is missing or too old holds no gift up: the name waits, sealed, for `PATIENCE` at most.
- Stars bring no name, nor does cash of which nobody says who gave it: these are not screened.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, delete, exists, func, or_, select

from models.donation import GiftEntry
from models.errors import MoneyRefused
from models.funding import Funding
from models.ledger import LedgerAccount, Posting
from models.screening import (
    GIVER_ALLOWED,
    GiverCheck,
    GiverStatus,
    QuestionStatus,
    ScreeningQuestion,
    SubjectKind,
)
from models.states import move
from models.unit import Unit
from payments.ledger import Purpose
from payments.money import Money
from payments.screening import questions
from payments.screening.checking import State, Subject, Verdict, check
from payments.screening.lists import stale
from vault.seal import Place
from vault.types import BlindIndex

PATIENCE: Final = timedelta(days=30)
"""How long a name waits for a list."""

LONGEST: Final = 300
"""Characters of a name that are kept."""

HELD: Final = (GiverStatus.HELD, GiverStatus.BLOCKED)


FORGOTTEN: Final = BlindIndex("")
"""Stands for the keyed mark of a name that was forgotten."""


class GiftHeld(MoneyRefused):
    """This gift is looked at before anything is done with it."""

    key = "screening.refused.gift-held"


async def look(unit: Unit, gift: UUID, name: str | None, monthly: UUID | None = None) -> GiverCheck | None:
    """Screen the giver of a gift by the name that came with it; none came: none. Asked again: the first answer."""
    known = await unit.session.get(GiverCheck, gift, with_for_update=True)
    plain = " ".join((name or "").split())[:LONGEST]
    if known is not None or not plain:
        return known
    row = GiverCheck(id=gift, whose=monthly or gift, subject=FORGOTTEN, asked_at=unit.now)
    row.subject = questions.index_of(unit, _subject(row, plain))
    row.name = unit.vault.seal_server(plain.encode(), _place(row))
    unit.session.add(row)
    await unit.session.flush()
    await settle(unit, row)
    return row


async def settle(unit: Unit, row: GiverCheck) -> bool:
    """Bring a check to what the lists and people say now; tells whether it is frozen by that."""
    if row.name is None or row.status is GiverStatus.BLOCKED:
        return False
    name = unit.vault.open_server(row.name, _place(row)).decode()
    entered = await unit.session.get(Funding, row.id)
    verdict = await check(unit, _subject(row, name, frozenset({entered.entered_by} if entered else ())))
    row.lists = verdict.lists
    target = _status(verdict)
    if target is GiverStatus.WAITING and row.asked_at + PATIENCE <= unit.now:
        target = GiverStatus.UNSCREENED
    if target is row.status or target not in GIVER_ALLOWED[row.status]:
        return False
    await move(unit, row, target, GIVER_ALLOWED, "system")
    if target in {GiverStatus.CLEAR, GiverStatus.UNSCREENED}:
        await questions.drop_words(unit, row.subject)
        row.name, row.subject = None, FORGOTTEN
    await unit.session.flush()
    return target is GiverStatus.BLOCKED


async def due(unit: Unit) -> Sequence[UUID]:
    """Checks that may go on: a list is fresh again, a question is decided or has lapsed, or time is up."""
    question = select(ScreeningQuestion.id).where(
        ScreeningQuestion.subject == GiverCheck.subject, ScreeningQuestion.status == QuestionStatus.OPEN
    )
    ready: list[ColumnElement[bool]] = [(col(GiverCheck.status) == GiverStatus.HELD) & ~exists(question)]
    waiting = col(GiverCheck.status) == GiverStatus.WAITING
    ready.append(waiting & (col(GiverCheck.asked_at) <= unit.now - PATIENCE))
    if not await stale(unit):
        ready.append(waiting)
    return (await unit.session.exec(select(GiverCheck.id).where(or_(*ready)).order_by(col(GiverCheck.id)))).all()


async def count_old(unit: Unit, since: datetime) -> int:
    """How many checks are over and were made before a moment."""
    return (await unit.session.exec(select(func.count()).select_from(GiverCheck).where(*_over(since)))).one()


async def remove_old(unit: Unit, since: datetime) -> None:
    """Remove the checks that are over and were made before a moment. What is held or frozen stays."""
    await unit.session.exec(delete(GiverCheck).where(*_over(since)))


async def counts(unit: Unit) -> dict[GiverStatus, int]:
    """How many checks stand where."""
    query = select(GiverCheck.status, func.count()).group_by(col(GiverCheck.status))
    return {GiverStatus(status): count for status, count in (await unit.session.exec(query)).all()}


async def held(unit: Unit, purpose: Purpose, currency: str) -> Money:
    """What of a provider's account belongs to gifts that are held: it may neither be handed over nor paid out."""
    query = (
        select(func.coalesce(func.sum(Posting.amount), 0))
        .join(LedgerAccount, col(LedgerAccount.id) == Posting.account_id)
        .join(GiftEntry, col(GiftEntry.entry_id) == Posting.entry_id)
        .join(GiverCheck, col(GiverCheck.id) == GiftEntry.donation_id)
        .where(LedgerAccount.name == f"{purpose}:{currency}", col(GiverCheck.status).in_(HELD))
    )
    return Money(max(int((await unit.session.exec(query)).one()), 0), currency)


async def refuse_held(unit: Unit, gift: UUID) -> None:
    """Raise `GiftHeld` for a gift that is held."""
    row = await unit.session.get(GiverCheck, gift, with_for_update=True, populate_existing=True)
    if row is not None and row.status in HELD:
        raise GiftHeld


def _over(since: datetime) -> tuple[ColumnElement[bool], ...]:
    over = (GiverStatus.CLEAR, GiverStatus.UNSCREENED)
    return (col(GiverCheck.status).in_(over), col(GiverCheck.asked_at) <= since)


def _status(verdict: Verdict) -> GiverStatus:
    """A question that is open holds a gift also while a list is too old."""
    match verdict.state:
        case State.CLEAR:
            return GiverStatus.CLEAR
        case State.BLOCKED:
            return GiverStatus.BLOCKED
        case State.STALE if not verdict.questions:
            return GiverStatus.WAITING
        case _:
            return GiverStatus.HELD


def _subject(row: GiverCheck, name: str, involved: frozenset[UUID] = frozenset()) -> Subject:
    return Subject(SubjectKind.DONOR, name, whose=str(row.whose), involved=involved)


def _place(row: GiverCheck) -> Place:
    return Place("giver_check", "name", str(row.id))
