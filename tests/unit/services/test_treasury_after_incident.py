"""Once it is known that a grant was paid beside its books, no machine pays it again before two have said so."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from sqlmodel import col, select

from bot.database import Resources
from models.attempt import Attempt
from models.case import Case
from models.doubt import Incident, IncidentEnd
from models.errors import ButtonGone, NotAllowed
from models.grant import Payout, ReturnReason
from models.unit import Unit
from payments import executor
from payments.attempts import Now
from payments.rails.base import Order, Result
from services import treasury, treasury_doubts, treasury_machine, treasury_returns
from services.access import Actor
from tests.unit.payments.carrier import Carrier, Fault
from tests.unit.services.desk import Desk, carried_desk
from tests.unit.services.doubting import P, attempt_of, never, restored
from tests.unit.services.test_treasury_incidents import again_by_hand, end


class Told(Carrier):
    """A carrier during whose next look something else happens."""

    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def look_up(self, order: Order) -> Result:
        """What is known of a key, once that has happened."""
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            await happens()
        return await super().look_up(order)


@pytest.fixture
def carrier() -> Told:
    """The rail of the test tree."""
    return Told()


@pytest.fixture
async def desk(resources: Resources, carrier: Told) -> Desk:
    """A desk whose policy opens the carrier beside the transfer by hand."""
    return await carried_desk(resources, carrier)


async def dropped(desk: Desk) -> UUID:
    """An attempt that two treasurers took for never paid; its person is asked anew."""
    payout_id = await restored(desk)
    await desk.do("Till", payout_id, never)
    await desk.do("Coin", payout_id, treasury_doubts.confirm)
    return (await attempt_of(desk)).id


async def pays(desk: Desk, carrier: Carrier, attempt: UUID) -> None:
    """It has paid after all, and its rail is looked up."""
    carrier.taken.add(str(attempt))
    assert await executor.work(desk.resources.unit, attempt, treasury_machine.told) == Now.INCIDENT
    assert carrier.moves == 1


async def again(desk: Desk, rail: str = "carrier") -> UUID:
    """The person agrees anew."""
    async with desk.resources.unit() as unit:
        case_id = (await unit.session.exec(select(Case.id))).one()
    return await desk.agreed(case_id, rail=rail)


async def is_unsure(desk: Desk, payout_id: UUID) -> bool:
    """Whether what became of it is to be found out first."""
    async with desk.resources.unit() as unit:
        return (await unit.session.get_one(Payout, payout_id)).unsure


async def other_attempt(desk: Desk, first: UUID) -> UUID:
    """The attempt that was made after the first."""
    async with desk.resources.unit() as unit:
        return (await unit.session.exec(select(Attempt.id).where(col(Attempt.id) != first))).one()


async def came_back(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """The money came back."""
    await treasury_returns.came_back(unit, actor, payout_id, ReturnReason.OTHER)


async def pay(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """It is paid by hand."""
    await treasury.pay(unit, actor, payout_id, "R-3")


@pytest.mark.parametrize("rail", ["manual", "carrier"])
async def test_who_agrees_after_the_incident_is_not_paid_by_a_machine(
    desk: Desk, carrier: Told, rail: str
) -> None:
    """There was no payout to mark when the rail paid after all: the next one begins unsure all the same."""
    await pays(desk, carrier, await dropped(desk))
    payout_id = await again(desk, rail)
    assert await is_unsure(desk, payout_id)
    if rail == "carrier":
        with pytest.raises(NotAllowed):
            await desk.do("Till", payout_id, treasury.claim)


async def test_a_holder_does_not_end_the_doubt_of_an_incident(desk: Desk, carrier: Told) -> None:
    """That the one who had it has not paid does not say that the machine has not."""
    first = await dropped(desk)
    payout_id = await again(desk)
    await desk.do("Till", payout_id, treasury.claim)
    await pays(desk, carrier, first)
    await desk.do("Till", payout_id, treasury.give_back)
    assert (await desk.stands(payout_id))[0] == P.QUEUED
    with pytest.raises(NotAllowed):
        await desk.do("Till", payout_id, treasury.claim)


@pytest.mark.parametrize("paid_before", [False, True])
async def test_what_comes_back_after_an_incident_is_not_paid_anew(
    desk: Desk, carrier: Told, *, paid_before: bool
) -> None:
    """One treasurer sees the second payment come back: the first one may still be with its person."""
    first = await dropped(desk)
    if paid_before:
        second = await again_by_hand(desk)
        await pays(desk, carrier, first)
    else:
        second = await again(desk, "manual")
        await desk.do("Till", second, treasury.claim)
        await pays(desk, carrier, first)
        await desk.do("Till", second, pay)
    await desk.do("Till", second, came_back)
    assert await is_unsure(desk, await again(desk))


@pytest.mark.parametrize("how", list(IncidentEnd))
async def test_only_money_that_is_back_ends_the_doubt(desk: Desk, carrier: Told, how: IncidentEnd) -> None:
    """What two closed as lost or counted, its person may have: whether it is paid anew two say at that payout."""
    await pays(desk, carrier, await dropped(desk))
    async with desk.resources.unit() as unit:
        incident_id = (await unit.session.exec(select(Incident.id))).one()
    await end(desk, incident_id, how)
    assert await is_unsure(desk, await again(desk)) == (how != IncidentEnd.BACK)


async def test_two_may_have_it_paid_anew(desk: Desk, carrier: Told) -> None:
    """Two who know of the incident say that this payout was never made: the machine pays it."""
    await pays(desk, carrier, await dropped(desk))
    payout_id = await again(desk)
    await desk.do("Till", payout_id, never)
    await desk.do("Coin", payout_id, treasury_doubts.confirm, treasury.claim, treasury_machine.order)
    assert Now.PAID in await desk.tick()
    await desk.agrees()


async def test_a_word_from_before_the_incident_counts_no_more(desk: Desk, carrier: Told) -> None:
    """Who said that it was never paid did not know yet that it was."""
    first = await dropped(desk)
    payout_id = await again(desk)
    async with desk.resources.unit() as unit:
        (await unit.session.get_one(Payout, payout_id)).unsure = True
    await desk.do("Till", payout_id, never)
    await pays(desk, carrier, first)
    with pytest.raises(ButtonGone):
        await desk.do("Coin", payout_id, treasury_doubts.confirm)


async def second_waits(desk: Desk, carrier: Told, first: UUID) -> tuple[UUID, UUID]:
    """A second payout and its attempt, of which the provider has not heard yet."""
    payout_id = await again(desk)
    await desk.do("Till", payout_id, treasury.claim, treasury_machine.order)
    second = await other_attempt(desk, first)
    carrier.by_key[str(second)] = Fault.DOWN
    assert await executor.work(desk.resources.unit, second, treasury_machine.told) == Now.OPEN
    desk.later(minutes=61)
    return payout_id, second


async def test_what_waits_is_not_executed_after_an_incident(desk: Desk, carrier: Told) -> None:
    """Ordered before the first attempt proved to be paid, it is looked up, and two say what became of it."""
    first = await dropped(desk)
    payout_id, second = await second_waits(desk, carrier, first)
    await pays(desk, carrier, first)
    for _ in range(2):
        assert await executor.work(desk.resources.unit, second, treasury_machine.told) == Now.OPEN
        desk.later(minutes=61)
    assert carrier.moves == 1
    await desk.do("Till", payout_id, never)
    await desk.do("Coin", payout_id, treasury_doubts.confirm)
    assert (await desk.stands(payout_id))[0] == P.CANCELLED


@pytest.mark.parametrize("known", ["paid", "dropped"])
async def test_what_is_learnt_while_a_provider_is_asked_stops_it(desk: Desk, carrier: Told, known: str) -> None:
    """The second attempt is being looked up when the first proves to be paid, or when it is dropped itself."""
    first = await dropped(desk)
    payout_id, second = await second_waits(desk, carrier, first)

    async def learn() -> None:
        if known == "paid":
            await pays(desk, carrier, first)
            return
        await desk.do("Till", payout_id, never)
        await desk.do("Coin", payout_id, treasury_doubts.confirm)

    carrier.meanwhile = learn
    assert await executor.work(desk.resources.unit, second, treasury_machine.told) == Now.OPEN
    assert carrier.moves == (1 if known == "paid" else 0)
    assert str(second) not in carrier.paid
