"""The fund's rows that the checks look at, read in one go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import SQLModel, col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.case import Case, CaseStatus
from models.followup import FollowUp, FollowUpStatus
from models.grant import Grant, Payout
from models.ledger import LedgerAccount, Posting
from models.mail import Effect, EffectStatus, EventStatus, InboxEvent, SentMessage
from models.unit import Unit
from services.audit import verify

T = TypeVar("T", bound=SQLModel)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at the end of a run."""

    cases: Sequence[Case]
    grants: Sequence[Grant]
    payouts: Sequence[Payout]
    accounts: Sequence[LedgerAccount]
    postings: Sequence[Posting]
    events: Sequence[InboxEvent]
    effects: Sequence[Effect]
    audit_whole: bool


async def take(unit: Unit) -> Snapshot:
    """Read it."""

    async def every(table: type[T]) -> Sequence[T]:
        return (await unit.session.exec(select(table))).all()

    return Snapshot(
        await every(Case),
        await every(Grant),
        await every(Payout),
        await every(LedgerAccount),
        await every(Posting),
        await every(InboxEvent),
        await every(Effect),
        (await verify(unit)).whole,
    )


async def count_open(engine: AsyncEngine, now: datetime) -> Mapping[str, int]:
    """What is still to be done at this moment, by kind."""
    waiting = (FollowUpStatus.SCHEDULED, FollowUpStatus.ASKED)
    over = or_(col(SentMessage.erase_at) <= now, col(SentMessage.fade_at) <= now)
    queries: dict[str, tuple[type[SQLModel], tuple[Any, ...]]] = {
        "events": (InboxEvent, (InboxEvent.status == EventStatus.NEW,)),
        "effects": (Effect, (Effect.status == EffectStatus.PENDING,)),
        "follow-ups": (FollowUp, (col(FollowUp.status).in_(waiting), FollowUp.due_at <= now)),
        "drafts": (Case, (Case.status == CaseStatus.DRAFT, col(Case.expires_at) <= now)),
        "messages": (SentMessage, (over,)),
    }
    async with AsyncSession(engine) as session:
        return {
            kind: (await session.exec(select(func.count()).select_from(table).where(*conditions))).one()
            for kind, (table, conditions) in queries.items()
        }


async def count_paid(engine: AsyncEngine) -> int:
    """Paid cases that are not closed yet."""
    async with AsyncSession(engine) as session:
        paid = col(Case.status).in_((CaseStatus.PAID, CaseStatus.FOLLOWED_UP))
        return (await session.exec(select(func.count()).select_from(Case).where(paid))).one()
