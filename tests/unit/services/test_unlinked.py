"""What outlives a case, books and log, does not tell together whose money it was."""

import pytest
from sqlmodel import col, select

from bot.database import Resources
from models.audit import AuditEntry, about_money
from models.grant import Grant, Payout
from models.ledger import JournalEntry
from services import audit, erasure, treasury_returns
from tests.unit.services.desk import Desk, make_desk
from tests.unit.services.fund import LARGE


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk with three treasurers and a million roubles."""
    return await make_desk(resources)


async def test_after_an_erasure_log_and_books_share_nothing(desk: Desk) -> None:
    """Neither an id nor a moment nor an amount ties a grant in the books to a case; the log stays whole."""
    payout_id = await desk.paid("Anna", LARGE)
    async with desk.resources.unit() as unit:
        grant_id = (await unit.session.get_one(Payout, payout_id)).grant_id
        case = (await desk.actor(unit, "Anna")).case
        assert case is not None
        assert await treasury_returns.reported_missing(unit, case)
    async with desk.resources.unit() as unit:
        await erasure.erase(unit, await desk.actor(unit, "Anna"))
    async with desk.resources.unit() as unit:
        acts = (await unit.session.exec(select(AuditEntry))).all()
        said = " ".join(f"{act.actor} {act.subject} {act.facts}" for act in acts)
        entries = (
            await unit.session.exec(select(JournalEntry).where(col(JournalEntry.grant_number).is_not(None)))
        ).all()
        grant, payout = await unit.session.get_one(Grant, grant_id), await unit.session.get_one(Payout, payout_id)
        assert entries
        for secret in (grant_id, payout_id, grant.number, LARGE, *(entry.id for entry in entries)):
            assert str(secret) not in said
        assert not any("applicant" in entry.actor for entry in entries)
        kept = {entry.at for entry in entries} | {grant.approved_at, grant.paid_at, payout.paid_at}
        assert payout.missing_at
        kept |= {payout.missing_at, payout.reminded_at, payout.claimed_at, payout.created_at}
        assert kept.isdisjoint({act.at for act in acts})
        assert about_money(unit, "payout", payout_id) in said
        assert (await audit.verify(unit)).whole
