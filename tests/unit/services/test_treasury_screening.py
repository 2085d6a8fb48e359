"""A payment by hand is screened for what its destination says: an exchange, a wallet."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from models.audit import AuditEntry
from models.case import Case
from models.compliance import ComplianceRecord, ScreeningResult
from models.doubt import Found, Ground
from models.grant import Payout, PayoutStatus
from models.screening import ListedAddress, ListStatus, SanctionsList, ScreeningQuestion
from services import intake, screening, treasury, treasury_doubts, treasury_leaving, treasury_screens
from tests.unit.payments.screening.house import WALLET, load_both
from tests.unit.services.desk import Desk, make_desk
from tests.unit.services.fund import volunteer
from tests.unit.services.paying import pay

REASON = "Another firm: this one was founded in another country."
CLEAN = "0x" + "ab" * 20
"""On no list yet."""
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


async def decided(desk: Desk) -> None:
    """Coin finds that whatever is asked about is somebody else."""
    async with desk.resources.unit() as unit:
        found = (await unit.session.exec(select(ScreeningQuestion))).all()
    for question in found:
        async with desk.resources.unit() as unit:
            await screening.decide(unit, await desk.actor(unit, "Coin"), question.id, REASON, same=False)


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
    await decided(desk)
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


async def listed(desk: Desk, address: str) -> None:
    """An address comes onto the lists in use."""
    async with desk.resources.unit() as unit:
        in_use = select(SanctionsList.id).where(SanctionsList.status == ListStatus.CURRENT)
        for list_id in (await unit.session.exec(in_use)).all():
            assert list_id is not None
            unit.session.add(ListedAddress(list_id=list_id, entry=1, address=address, currency="ETH"))


async def recorded(desk: Desk) -> ComplianceRecord:
    """The one record of a payment."""
    async with desk.resources.unit() as unit:
        return (await unit.session.exec(select(ComplianceRecord))).one()


async def test_what_is_listed_after_the_claim_is_not_shown_to_be_paid(desk: Desk) -> None:
    """Its holder sees why instead; what they paid before they enter all the same, and the record says it."""
    payout_id = await queued(desk, f"USDC to {CLEAN}")
    assert (await claimed(desk, payout_id))[0] == PayoutStatus.CLAIMED
    await desk.do("Till", payout_id, treasury_screens.show_payout)
    assert CLEAN in (await desk.screen("Till"))["text"]
    await listed(desk, CLEAN)
    desk.later(days=1)
    await desk.do("Till", payout_id, treasury_screens.show_payout)
    shown = (await desk.screen("Till"))["text"]
    assert "on a sanctions list" in shown
    assert CLEAN not in shown
    async with desk.resources.unit() as unit:
        assert await treasury.read_destination(unit, await desk.actor(unit, "Till"), payout_id) == ""
        readings = await unit.session.exec(select(AuditEntry).where(AuditEntry.act == "payout.destination_read"))
        assert len(readings.all()) == 1
    await desk.do("Till", payout_id, pay, treasury_screens.show_payout)
    assert (await recorded(desk)).result == ScreeningResult.BLOCKED
    assert "Tell the operator" in (await desk.screen("Till"))["text"]
    await desk.agrees()


async def test_the_record_has_the_lists_of_the_payment(desk: Desk, tmp_path: Path) -> None:
    """Not those of the claim, days before."""
    payout_id = await queued(desk, f"USDC to {CLEAN}")
    assert (await claimed(desk, payout_id))[0] == PayoutStatus.CLAIMED
    desk.later(days=3)
    await load_both(desk.resources, tmp_path)
    await desk.do("Till", payout_id, pay)
    record, today = await recorded(desk), desk.resources.clock.now().date().isoformat()
    assert (record.result, record.list_version.count(today)) == (ScreeningResult.CLEAR, 2)


async def test_lists_that_grow_too_old_after_the_claim_hold_it_back_too(desk: Desk) -> None:
    """Until there are fresh ones; what was paid meanwhile is on record as such."""
    payout_id = await queued(desk, f"USDC to {CLEAN}")
    assert (await claimed(desk, payout_id))[0] == PayoutStatus.CLAIMED
    desk.later(days=60)
    await desk.do("Till", payout_id, treasury_screens.show_payout)
    assert "too old" in (await desk.screen("Till"))["text"]
    await desk.do("Till", payout_id, pay)
    assert (await recorded(desk)).result == ScreeningResult.STALE


async def test_what_may_be_paid_and_is_listed_since_two_speak_for(desk: Desk) -> None:
    """Nobody can take it any more, so that its payment is entered as two have found it."""
    payout_id = await queued(desk, f"USDC to {CLEAN}")
    assert (await claimed(desk, payout_id))[0] == PayoutStatus.CLAIMED
    async with desk.resources.unit() as unit:
        await treasury_leaving.release(unit, await volunteer(unit, "Till"), "system")
    await listed(desk, CLEAN)
    await desk.do("Coin", payout_id, treasury.claim, treasury_screens.show_payout)
    assert "on a sanctions list" in (shown := (await desk.screen("Coin"))["text"])
    assert "nobody knows" in shown.casefold()
    async with desk.resources.unit() as unit:
        coin = await desk.actor(unit, "Coin")
        await treasury_doubts.say(unit, coin, payout_id, Found.PAID, Ground.STATEMENT, "R-1")
    await desk.do("Purse", payout_id, treasury_doubts.confirm)
    assert (await recorded(desk)).result == ScreeningResult.BLOCKED


@pytest.mark.parametrize("destination", [EXCHANGE, f"{EXCHANGE}, or USDC to {CLEAN}"])
async def test_a_human_decision_is_on_record(desk: Desk, destination: str) -> None:
    """A payment that somebody had to decide about says so, also when nobody had to about its wallet."""
    payout_id = await queued(desk, destination)
    await claimed(desk, payout_id)
    await decided(desk)
    assert (await claimed(desk, payout_id))[0] == PayoutStatus.CLAIMED
    await desk.do("Till", payout_id, pay)
    assert (await recorded(desk)).result == ScreeningResult.CLEARED
