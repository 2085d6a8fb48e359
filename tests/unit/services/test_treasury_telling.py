"""A partner has the money, and whoever was to tell them where it goes is gone: another treasurer does."""

from uuid import UUID

import pytest
from sqlmodel import col, select

from bot.database import Resources
from bot.operations import doubt_payments
from models.audit import AuditEntry
from models.errors import NotAllowed, SamePerson
from models.panel import Recusal
from models.unit import Unit
from models.volunteer import Role
from payments import payouts
from payments.attempts import Now
from services import standing, treasury, treasury_doubts, treasury_leaving, treasury_machine
from services import treasury_screens as screens
from services.access import Actor
from tests.unit.payments.carrier import Carrier
from tests.unit.services.desk import Desk, carried_desk
from tests.unit.services.doubting import paid as say_paid
from tests.unit.services.fund import LARGE, volunteer
from tests.unit.services.paying import P

LACKS = "nobody who can tell them"


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk whose policy opens a partner's rail, who passes money on."""
    carrier = Carrier()
    carrier.reports_back = True
    return await carried_desk(resources, carrier)


async def ended(desk: Desk, sign: str = "Till") -> None:
    """A coordinator ends somebody's access."""
    async with desk.resources.unit() as unit:
        await standing.suspend(unit, await desk.actor(unit, "Alpha"), (await volunteer(unit, sign)).id)


async def sent(desk: Desk) -> UUID:
    """A payout that the partner has the money of, ordered by Till."""
    payout_id = await desk.ordered("carrier")
    assert await desk.tick() == [Now.SENT]
    return payout_id


async def reported(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """The partner reports."""
    await treasury_machine.report(unit, actor, payout_id, "P-1")


async def case_of(unit: Unit, payout_id: UUID) -> UUID:
    """The case that a payout is for."""
    _, _, case = await payouts.load(unit, payout_id)
    assert case is not None
    return case.id


async def readings(desk: Desk, act: str) -> int:
    """How often an act is on record."""
    async with desk.resources.unit() as unit:
        return len((await unit.session.exec(select(AuditEntry).where(col(AuditEntry.act) == act))).all())


async def test_another_treasurer_tells_the_partner_when_the_orderer_has_left(desk: Desk) -> None:
    """They are called, take it upon them, and read where it goes; both are on record. Nobody else reads it."""
    payout_id = await sent(desk)
    await ended(desk)
    for sign in ("Coin", "Purse"):
        assert LACKS in (await desk.notices(sign))[-1]
    with pytest.raises(NotAllowed):
        await desk.do("Coin", payout_id, treasury.read_destination)
    await desk.do("Coin", payout_id, screens.show_payout)
    shown = await desk.screen("Coin")
    assert "passed on twice" in shown["text"]
    assert "4111" not in shown["text"]
    await desk.do("Coin", payout_id, treasury_leaving.take_telling, screens.show_where)
    assert "4111" in (await desk.screen("Coin"))["text"]
    assert await readings(desk, "payout.telling_taken") == await readings(desk, "payout.destination_read") == 1
    for step in (treasury_leaving.take_telling, treasury.read_destination):
        with pytest.raises(NotAllowed):
            await desk.do("Purse", payout_id, step)
    await desk.do("Purse", payout_id, reported)
    assert (await desk.stands(payout_id))[0] == P.PAID


async def test_nobody_takes_the_telling_from_who_still_may(desk: Desk) -> None:
    """The orderer is a treasurer still: theirs it stays. Nor is there anything to tell before that."""
    payout_id = await desk.ordered("carrier")
    with pytest.raises(NotAllowed):
        await desk.do("Coin", payout_id, treasury_leaving.take_telling)
    assert await desk.tick() == [Now.SENT]
    with pytest.raises(NotAllowed):
        await desk.do("Coin", payout_id, treasury_leaving.take_telling)
    assert LACKS not in "".join(await desk.notices("Coin"))


async def test_an_orderer_who_left_before_the_partner_had_it(desk: Desk) -> None:
    """The call says at once that somebody must tell the partner, not only that a report will come."""
    await desk.ordered("carrier")
    await ended(desk)
    assert await desk.tick() == [Now.SENT]
    assert LACKS in (await desk.notices("Coin"))[-1]


async def test_a_payout_found_paid_out_of_the_queue_has_somebody_to_tell_the_partner(desk: Desk) -> None:
    """After a restore nobody is known to have ordered it: any treasurer takes the telling."""
    payout_id = await desk.agreed(await desk.approved(), rail="carrier")
    await doubt_payments(desk.resources)
    await desk.do("Till", payout_id, say_paid)
    await desk.do("Coin", payout_id, treasury_doubts.confirm)
    assert (await desk.stands(payout_id))[0] == P.SENT
    assert LACKS in (await desk.notices("Purse"))[-1]
    await desk.do("Purse", payout_id, treasury_leaving.take_telling, screens.show_where)
    assert "4111" in (await desk.screen("Purse"))["text"]


async def test_who_had_a_part_in_the_case_does_not_tell_the_partner(desk: Desk) -> None:
    """As of a claim: whoever stepped aside reads no destination."""
    payout_id = await sent(desk)
    async with desk.resources.unit() as unit:
        coin, case_id = await volunteer(unit, "Coin"), await case_of(unit, payout_id)
        unit.session.add(Recusal(case_id=case_id, volunteer_id=coin.id, at=unit.now))
    await ended(desk)
    with pytest.raises(NotAllowed):
        await desk.do("Coin", payout_id, treasury_leaving.take_telling)


async def test_an_orderer_who_turns_out_to_have_a_part_is_replaced(desk: Desk) -> None:
    """Whoever stepped aside since may not read it any more, so another tells the partner."""
    payout_id = await sent(desk)
    async with desk.resources.unit() as unit:
        till, case_id = await volunteer(unit, "Till"), await case_of(unit, payout_id)
        unit.session.add(Recusal(case_id=case_id, volunteer_id=till.id, at=unit.now))
    await desk.do("Coin", payout_id, treasury_leaving.take_telling, treasury.read_destination)


async def test_who_tells_a_partner_does_not_enter_its_report_above_the_tier(desk: Desk) -> None:
    """One person would else say where much money goes, and that it arrived."""
    payout_id = await desk.agreed(await desk.approved(amount=LARGE), rail="carrier")
    await desk.do("Till", payout_id, treasury.claim, treasury_machine.order)
    await desk.do("Purse", payout_id, treasury_machine.agree_order)
    assert await desk.tick() == [Now.SENT]
    await ended(desk)
    await desk.do("Coin", payout_id, treasury_leaving.take_telling)
    with pytest.raises(SamePerson):
        await desk.do("Coin", payout_id, reported)
    await desk.do("Purse", payout_id, reported)
    assert (await desk.stands(payout_id))[0] == P.PAID


async def test_only_treasurers_tell_partners(desk: Desk) -> None:
    """Neither a coordinator, nor a reviewer, nor who has left."""
    payout_id = await sent(desk)
    await desk.confirmed("Heron", Role.REVIEWER)
    await ended(desk)
    for sign in ("Alpha", "Heron", "Till"):
        with pytest.raises(NotAllowed):
            await desk.do(sign, payout_id, treasury_leaving.take_telling)
