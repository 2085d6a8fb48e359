"""A payment by hand is screened for what its destination says: an exchange, a wallet."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from models.case import Case
from models.grant import Payout, PayoutStatus
from models.screening import ScreeningQuestion
from services import intake, screening, treasury
from tests.unit.payments.screening.house import WALLET, load_both
from tests.unit.services.desk import Desk, make_desk

REASON = "Another firm: this one was founded in another country."
EXCHANGE = "my account 4711 at the exchange Гарантирекс"


@pytest.fixture
async def desk(resources: Resources, tmp_path: Path) -> Desk:
    """A desk with both lists of today, whose policy knows an exchange that is on them."""
    rules = resources.policy.screening.model_copy(update={"exchanges": ("Garantirex", "Other")})
    resources.policy = resources.policy.model_copy(update={"screening": rules})
    made = await make_desk(resources)
    await load_both(resources, tmp_path)
    return made


async def queued(desk: Desk, destination: str, owner: str = "Applicant") -> UUID:
    """The payout of a case that wants its money there, by hand."""
    case_id = await desk.approved(owner)
    async with desk.resources.unit() as unit:
        await intake.write_answer(unit, await unit.session.get_one(Case, case_id), "payout", destination)
    return await desk.agreed(case_id, owner)


async def claimed(desk: Desk, payout_id: UUID) -> tuple[PayoutStatus, str | None, str | None]:
    """How a payout stands once Till wants it, what holds it back, and which lists were looked at."""
    async with desk.resources.unit() as unit:
        payout = await unit.session.get_one(Payout, payout_id)
        payout.changed = False
        await treasury.claim(unit, await desk.actor(unit, "Till"), payout_id)
        return payout.status, payout.hold, payout.lists


async def test_a_card_needs_no_list(desk: Desk) -> None:
    """Nothing of it is screened, also when every list is too old."""
    desk.later(days=60)
    assert await claimed(desk, await queued(desk, "card 4111 1111 1111 1111")) == (
        PayoutStatus.CLAIMED,
        None,
        None,
    )


async def test_a_card_with_its_bank_and_name_needs_no_list(desk: Desk) -> None:
    """Latin words around a card's number make no wallet of it, so that no old list keeps a person waiting."""
    desk.later(days=60)
    payout_id = await queued(desk, "Sberbank card 4276 1555 1234 5678 Petrov")
    assert (await claimed(desk, payout_id))[:2] == (PayoutStatus.CLAIMED, None)


async def test_an_exchange_waits_for_one_decision(desk: Desk) -> None:
    """A name like a listed one's waits; what is decided holds for the next who is paid through it."""
    payout_id = await queued(desk, EXCHANGE)
    assert (await claimed(desk, payout_id))[:2] == (PayoutStatus.QUEUED, "screening.refused.possible")
    async with desk.resources.unit() as unit:
        found = (await unit.session.exec(select(ScreeningQuestion))).all()
        assert {question.case_id for question in found} == {None}
    for question in found:
        async with desk.resources.unit() as unit:
            await screening.decide(unit, await desk.actor(unit, "Coin"), question.id, REASON, same=False)
    for again in (payout_id, await queued(desk, "another account at Garantirex", "Next")):
        status, _, lists = await claimed(desk, again)
        assert status == PayoutStatus.CLAIMED
        assert "ofac" in (lists or "")


async def test_a_listed_address_is_not_paid_by_hand(desk: Desk) -> None:
    """Whatever stands around it; and an address waits for a fresh list, as any screened payment does."""
    payout_id = await queued(desk, f"USDT to {WALLET}, thanks")
    assert (await claimed(desk, payout_id))[:2] == (PayoutStatus.QUEUED, "screening.refused.blocked")
    clean = await queued(desk, "USDT to TJRabPrwbZy45sbavfcjinPJC18kjpRTv8", "Next")
    desk.later(days=60)
    assert (await claimed(desk, clean))[:2] == (PayoutStatus.QUEUED, "screening.refused.stale")
