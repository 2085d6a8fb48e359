"""The payout desk: what becomes of a payout whose treasurer leaves, or whose case is withdrawn."""

import pytest
from sqlmodel import select

from bot.database import Resources
from models.case import Case, CaseStatus
from models.errors import NotAllowed, Refused
from models.grant import Payout
from models.mail import Effect, EffectKind, SentMessage
from models.volunteer import VolunteerStatus
from services import (
    standing,
    submission,
    treasury,
    treasury_doubts,
    treasury_leaving,
    treasury_machine,
    treasury_returns,
    treasury_screens,
)
from services.contact import Address, lane_of
from services.speak import SCREEN
from tests.unit.payments.carrier import Carrier
from tests.unit.services.desk import PLENTY, Desk, carried_desk, make_desk
from tests.unit.services.fund import LARGE, SMALL, volunteer
from tests.unit.services.paying import G, P, came_back, never, pay
from vault.seal import Place
from vault.types import SealedBytes


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk with three treasurers and a million roubles."""
    return await make_desk(resources)


async def test_the_holder_is_told_that_a_case_was_withdrawn(desk: Desk) -> None:
    """Whoever holds the payout learns within a minute, once, that nobody waits for it."""
    payout_id = await desk.queued()
    await desk.do("Till", payout_id, treasury.claim)
    await _withdraw(desk)
    for _ in range(2):
        await desk.run(treasury.JOBS)
    assert (await desk.notices("Till")).count(
        "What you hold at the desk was taken back. Please say how it stands."
    ) == 1


async def test_a_payout_is_taken_over_from_who_is_no_treasurer_any_more(desk: Desk) -> None:
    """While the holder is a treasurer nobody takes it from them; afterwards it goes back into the queue."""
    payout_id = await desk.queued()
    await desk.do("Till", payout_id, treasury.claim)
    with pytest.raises(NotAllowed):
        await desk.do("Coin", payout_id, treasury_leaving.take_over)
    async with desk.resources.unit() as unit:
        (await volunteer(unit, "Till")).status = VolunteerStatus.SUSPENDED
    with pytest.raises(NotAllowed):
        await desk.do("Till", payout_id, pay)
    await desk.do("Coin", payout_id, treasury_screens.show_payout)
    assert "no treasurer any more" in (await desk.screen("Coin"))["text"]
    await desk.do("Coin", payout_id, treasury_leaving.take_over)
    assert (await desk.stands(payout_id))[0] == P.QUEUED
    await desk.do("Coin", payout_id, treasury.claim, pay)
    assert (await desk.stands(payout_id))[0] == P.PAID


async def _ended(desk: Desk, sign: str = "Till", by: str = "Alpha") -> None:
    """A coordinator ends somebody's access."""
    async with desk.resources.unit() as unit:
        await standing.suspend(unit, await desk.actor(unit, by), (await volunteer(unit, sign)).id)


async def test_whoever_loses_access_holds_no_payout(desk: Desk) -> None:
    """What was claimed is in the queue again, with a warning; where to pay leaves the screen; others are told."""
    claimed, queued = await desk.queued("Applicant"), await desk.queued("Other")
    await desk.do("Till", claimed, treasury.claim, treasury_screens.show_payout)
    assert "4111" in (await desk.screen("Till"))["text"]
    before = len(await desk.notices("Till"))
    await _ended(desk)
    assert (await desk.stands(claimed))[:2] == (P.QUEUED, G.RESERVED)
    assert await desk.said("Till", SCREEN) == []
    assert len(await desk.notices("Till")) <= before
    for sign in ("Coin", "Purse"):
        assert "no treasurer any more" in (await desk.notices(sign))[-1]
    await desk.do("Coin", queued, treasury_screens.show_payout)
    assert "may have been paid already" not in (await desk.screen("Coin"))["text"]
    await desk.do("Coin", claimed, treasury_screens.show_payout)
    assert "may have been paid already" in (await desk.screen("Coin"))["text"]
    await desk.do("Coin", claimed, treasury.claim, pay)
    assert (await desk.stands(claimed))[0] == P.PAID
    assert await desk.books() == (PLENTY - 2 * SMALL, SMALL, SMALL)


async def test_a_standing_screen_that_says_where_to_pay_is_erased(desk: Desk) -> None:
    """Also when Telegram has shown it already: its deletion is in the outbox."""
    payout_id = await desk.queued()
    await desk.do("Till", payout_id, treasury.claim)
    async with desk.resources.unit() as unit:
        case = (await unit.session.exec(select(Case))).one()
        lane = lane_of(unit, Address(desk.people["Till"]))
        sent = SentMessage(
            lane=lane, slot=SCREEN, address=SealedBytes(b""), case_id=case.id, sent_at=unit.now, erase_at=unit.now
        )
        place = Place("sent_message", "address", str(sent.id))
        sent.address = unit.vault.seal_server(b"[6, 900]", place)
        unit.session.add(sent)
    await _ended(desk)
    async with desk.resources.unit() as unit:
        erasing = await unit.session.exec(
            select(Effect).where(Effect.lane == lane, Effect.kind == EffectKind.ERASE, Effect.slot == SCREEN)
        )
        assert len(erasing.all()) == 1


async def test_what_was_sent_stays_for_the_second_treasurer(desk: Desk) -> None:
    """Money has moved: the payment is not made again, and the others are asked to confirm it."""
    payout_id = await desk.queued(amount=LARGE)
    await desk.do("Till", payout_id, treasury.claim, pay)
    await _ended(desk)
    assert (await desk.stands(payout_id))[0] == P.SENT
    assert (await desk.notices("Coin")).count("The desk needs a second look.") == 2
    await desk.do("Coin", payout_id, treasury.confirm)
    assert (await desk.stands(payout_id))[0] == P.PAID


async def test_a_withdrawn_payout_of_who_left_waits_for_two(desk: Desk) -> None:
    """Money that may be gone is free neither by itself nor by one treasurer's word: two find out."""
    payout_id = await desk.queued()
    await desk.do("Till", payout_id, treasury.claim)
    await _withdraw(desk)
    await _ended(desk)
    assert await desk.stands(payout_id) == (P.QUEUED, G.RESERVED, None)
    with pytest.raises(NotAllowed):
        await desk.do("Coin", payout_id, treasury.claim)
    await desk.do("Coin", payout_id, never)
    await desk.do("Purse", payout_id, treasury_doubts.confirm)
    assert await desk.stands(payout_id) == (P.CANCELLED, G.CANCELLED, None)
    assert await desk.books() == (PLENTY, 0, 0)


async def test_the_doubt_outlives_what_the_person_does(desk: Desk) -> None:
    """Taking it back and agreeing anew, or withdrawing, does not hide that it may have been paid already."""
    case_id = await desk.approved()
    first = await desk.agreed(case_id)
    await desk.do("Till", first, treasury.claim)
    await _ended(desk)
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await treasury.take_back(unit, await desk.actor(unit, "Applicant"), case)
    second = await desk.agreed(case_id)
    await desk.do("Coin", second, treasury_screens.show_payout)
    assert "may have been paid already" in (await desk.screen("Coin"))["text"]
    await _withdraw(desk)
    assert await desk.stands(second) == (P.QUEUED, G.RESERVED, None)
    await desk.do("Coin", second, never)
    await desk.do("Purse", second, treasury_doubts.confirm)
    assert await desk.stands(second) == (P.CANCELLED, G.CANCELLED, None)
    assert await desk.books() == (PLENTY, 0, 0)


async def test_giving_back_ends_the_doubt(desk: Desk) -> None:
    """Whoever took it has found out; the next one is not warned again."""
    payout_id = await desk.queued()
    await desk.do("Till", payout_id, treasury.claim)
    await _ended(desk)
    await desk.do("Coin", payout_id, treasury.claim, treasury.give_back, treasury_screens.show_payout)
    assert "may have been paid already" not in (await desk.screen("Coin"))["text"]


async def test_who_leaves_without_payouts_worries_nobody(desk: Desk) -> None:
    """Nothing held, nothing told."""
    before = await desk.notices("Coin")
    await _ended(desk)
    assert await desk.notices("Coin") == before


async def _withdraw(desk: Desk) -> None:
    async with desk.resources.unit() as unit:
        applicant = await desk.actor(unit, "Applicant")
        assert applicant.case is not None
        await submission.withdraw(unit, applicant, applicant.case)


async def test_a_withdrawn_case_frees_its_money(desk: Desk) -> None:
    """A payout that nobody holds is cancelled, the grant is free, and the books name no case."""
    payout_id = await desk.queued()
    await _withdraw(desk)
    assert await desk.stands(payout_id) == (P.CANCELLED, G.CANCELLED, None)
    assert await desk.books() == (PLENTY, 0, 0)


async def test_a_case_withdrawn_while_held_waits_for_the_holder(desk: Desk) -> None:
    """Only the holder knows whether money has moved: giving back frees it, paying is still entered."""
    given, settled = await desk.queued("Applicant"), await desk.queued("Other")
    await desk.do("Till", given, treasury.claim)
    await desk.do("Coin", settled, treasury.claim)
    await _withdraw(desk)
    assert await desk.stands(given) == (P.CLAIMED, G.RESERVED, None)
    await desk.do("Till", given, treasury_screens.show_payout)
    assert "taken the request back" in (await desk.screen("Till"))["text"]
    with pytest.raises(NotAllowed):
        await desk.do("Till", given, treasury.read_destination)
    await desk.do("Till", given, treasury.give_back)
    assert await desk.stands(given) == (P.CANCELLED, G.CANCELLED, None)
    async with desk.resources.unit() as unit:
        other = await desk.actor(unit, "Other")
        assert other.case is not None
        await submission.withdraw(unit, other, other.case)
    await desk.do("Coin", settled, pay)
    assert await desk.stands(settled) == (P.PAID, G.PAID, None)
    assert await desk.books() == (PLENTY - SMALL, 0, SMALL)
    await desk.do("Coin", settled, came_back)
    assert await desk.stands(settled) == (P.RETURNING, G.PAID, None)
    assert await desk.books() == (PLENTY - SMALL, 0, SMALL)
    await desk.do("Till", settled, treasury_returns.confirm_return)
    assert await desk.stands(settled) == (P.RETURNED, G.CANCELLED, None)
    assert await desk.books() == (PLENTY, 0, 0)


@pytest.mark.parametrize("withdrawn", [False, True])
async def test_an_order_does_not_outlive_its_treasurers_access(resources: Resources, *, withdrawn: bool) -> None:
    """What waits for a second treasurer is queued again, not unsure; nobody can agree to it now."""
    desk = await carried_desk(resources, Carrier())
    payout_id = await desk.agreed(await desk.approved("Applicant", LARGE), "Applicant", "carrier")
    await desk.do("Till", payout_id, treasury.claim, treasury_machine.order)
    assert (await desk.stands(payout_id))[0] == P.ORDERED
    async with resources.unit() as unit:
        till = await volunteer(unit, "Till")
        if withdrawn:
            (await unit.session.exec(select(Case))).one().status = CaseStatus.WITHDRAWN
        assert await treasury_leaving.release(unit, till, "system") == 1
        assert not (await unit.session.get_one(Payout, payout_id)).unsure
    assert (await desk.stands(payout_id))[:2] == (
        (P.CANCELLED, G.CANCELLED) if withdrawn else (P.QUEUED, G.RESERVED)
    )
    with pytest.raises(Refused):
        await desk.do("Coin", payout_id, treasury_machine.agree_order)
