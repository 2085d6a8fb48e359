"""What the person has agreed to receive is what they receive, or they are asked anew."""

from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from models.attempt import Attempt
from models.case import Case, CaseStatus
from models.errors import NotAllowed
from models.grant import GrantStatus, Payout, PayoutStatus
from services import treasury, treasury_machine
from services.corridor import TermsChanged
from tests.unit.payments.carrier import Carrier
from tests.unit.services.desk import Desk, make_desk
from tests.unit.services.fund import LARGE, SMALL

P, G, C = PayoutStatus, GrantStatus, CaseStatus


@pytest.fixture
def carrier() -> Carrier:
    """The rail of the test tree."""
    return Carrier()


@pytest.fixture
async def desk(resources: Resources, carrier: Carrier) -> Desk:
    """A desk whose policy opens the carrier alone."""
    resources.rails = {**resources.rails, "carrier": carrier}
    resources.policy = resources.policy.model_copy(update={"rails": ("carrier",)})
    return await make_desk(resources)


async def agreed(desk: Desk, amount: int) -> UUID:
    """The person agrees to what they have seen."""
    case_id = await desk.approved(amount=amount)
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        return (await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "carrier", amount)).id


async def order(desk: Desk, payout_id: UUID, amount: int) -> None:
    """Till takes it and orders it; above the tier Coin agrees."""
    steps = [("Till", treasury.claim), ("Till", treasury_machine.order)]
    for sign, step in [*steps, *([("Coin", treasury_machine.agree_order)] if amount == LARGE else [])]:
        async with desk.resources.unit() as unit:
            await step(unit, await desk.actor(unit, sign), payout_id)


@pytest.mark.parametrize("amount", [SMALL, LARGE])
async def test_a_rate_that_has_fallen_asks_the_person_anew(desk: Desk, carrier: Carrier, amount: int) -> None:
    """Less than they agreed to is not sent to them: nothing is ordered, and they choose again."""
    payout_id = await agreed(desk, amount)
    told = len(await desk.notices("Applicant"))
    carrier.percent = 90
    await order(desk, payout_id, amount)
    assert await desk.stands(payout_id) == (P.CANCELLED, G.RESERVED, C.APPROVED)
    assert len(await desk.notices("Applicant")) > told
    async with desk.resources.unit() as unit:
        assert (await unit.session.exec(select(Attempt))).all() == []
        case = (await unit.session.exec(select(Case))).one()
        again = await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "carrier", amount * 9 // 10)
        assert again.pays == amount * 9 // 10


async def test_a_rate_that_has_risen_is_the_persons(desk: Desk, carrier: Carrier) -> None:
    """More than they agreed to needs no second consent."""
    payout_id = await agreed(desk, SMALL)
    carrier.percent = 110
    await order(desk, payout_id, SMALL)
    assert (await desk.stands(payout_id))[0] == P.PAYING
    async with desk.resources.unit() as unit:
        assert (await unit.session.exec(select(Attempt.amount))).one() == SMALL * 11 // 10


async def test_nobody_agrees_to_what_they_have_not_seen(desk: Desk, carrier: Carrier) -> None:
    """A rate that falls between the screen and its button is shown again."""
    case_id = await desk.approved()
    carrier.percent = 90
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        with pytest.raises(TermsChanged):
            await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "carrier", SMALL)
        assert (await unit.session.exec(select(Payout))).all() == []


async def test_a_payout_in_doubt_is_not_ordered(desk: Desk) -> None:
    """What became unsure in a treasurer's hands no machine is asked for."""
    payout_id = await agreed(desk, SMALL)
    async with desk.resources.unit() as unit:
        await treasury.claim(unit, await desk.actor(unit, "Till"), payout_id)
        (await unit.session.get_one(Payout, payout_id)).unsure = True
    async with desk.resources.unit() as unit:
        with pytest.raises(NotAllowed):
            await treasury_machine.order(unit, await desk.actor(unit, "Till"), payout_id)
