"""What went twice is seen, booked and ended by two people; only a payment opens a shut rail."""

from uuid import UUID

import pytest
from sqlmodel import col, select

from bot.database import Resources
from models.attempt import Attempt
from models.audit import AuditEntry, about_money
from models.case import Case
from models.compliance import ComplianceRecord
from models.doubt import Incident, IncidentEnd, IncidentStatus
from models.errors import NotAllowed, SamePerson
from models.grant import Grant
from payments import attempts, breaker, executor, reconcile
from payments.attempts import Now
from payments.ledger import Purpose, balance
from payments.rails.base import Outcome, Result
from services import treasury, treasury_doubt_screens, treasury_doubts, treasury_machine, treasury_screens
from tests.unit.payments.carrier import Carrier
from tests.unit.services.desk import PLENTY, RUB, Desk, carried_desk
from tests.unit.services.doubting import G, P, attempt_of, never, paid, restored, suspense
from tests.unit.services.fund import LARGE, SMALL, volunteer

LISTS = "ofac 2026-11-21 ba9876543210"
"""What an attempt was screened against."""


@pytest.fixture
def carrier() -> Carrier:
    """The rail of the test tree."""
    return Carrier()


@pytest.fixture
async def desk(resources: Resources, carrier: Carrier) -> Desk:
    """A desk whose policy opens the carrier beside the transfer by hand."""
    return await carried_desk(resources, carrier)


async def test_what_was_dropped_and_pays_after_all_is_an_incident(desk: Desk, carrier: Carrier) -> None:
    """It stands in suspense and at the top of the desk until two have said what it was."""
    payout_id = await restored(desk)
    await desk.do("Till", payout_id, never)
    await desk.do("Coin", payout_id, treasury_doubts.confirm)
    again = await again_by_hand(desk)
    carrier.taken.add(str((await attempt_of(desk)).id))
    assert await desk.tick(60) == [Now.INCIDENT]
    assert await desk.tick(60) == []
    assert await suspense(desk) == SMALL
    assert await desk.books() == (PLENTY - 2 * SMALL, 0, SMALL)
    assert (await desk.stands(again))[0] == P.PAID
    assert any("Something was paid that nobody waited for" in text for text in await desk.notices("Purse"))
    await desk.agrees()
    async with desk.resources.unit() as unit:
        incident = (await unit.session.exec(select(Incident))).one()
        await treasury_screens.show_desk(unit, await desk.actor(unit, "Till"))
    shown = await desk.screen("Till")
    assert "perhaps twice" in str(shown["keyboard"][0])
    assert "In suspense" in shown["text"]
    await end(desk, incident.id, IncidentEnd.LOST)
    assert len(await recorded(desk)) == 2
    assert await suspense(desk) == 0
    async with desk.resources.unit() as unit:
        assert (await balance(unit, Purpose.LOSSES, RUB)).amount == SMALL
    await desk.agrees()


async def recorded(desk: Desk) -> list[tuple[int, str]]:
    """The compliance records of the one grant: their numbers, and the lists in them."""
    async with desk.resources.unit() as unit:
        found = await unit.session.exec(
            select(ComplianceRecord.attempt, ComplianceRecord.list_version).order_by(col(ComplianceRecord.attempt))
        )
        return list(found.all())


async def again_by_hand(desk: Desk) -> UUID:
    """The person agrees anew, and Till pays by hand."""
    async with desk.resources.unit() as unit:
        case = (await unit.session.exec(select(Case))).one()
        payout = await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "manual")
    await desk.do("Till", payout.id, treasury.claim)
    async with desk.resources.unit() as unit:
        await treasury.pay(unit, await desk.actor(unit, "Till"), payout.id, "R-2")
    return payout.id


async def end(desk: Desk, incident_id: UUID, how: IncidentEnd) -> None:
    """Till says what an incident was, Coin confirms it; nobody does so alone."""
    async with desk.resources.unit() as unit:
        till = await desk.actor(unit, "Till")
        await treasury_doubts.say_end(unit, till, incident_id, how)
        await treasury_doubt_screens.show_incident(unit, till, incident_id)
    async with desk.resources.unit() as unit:
        with pytest.raises(SamePerson):
            await treasury_doubts.confirm_end(unit, await desk.actor(unit, "Till"), incident_id)
    for step in (treasury_doubt_screens.show_incident, treasury_doubts.confirm_end):
        async with desk.resources.unit() as unit:
            await step(unit, await desk.actor(unit, "Coin"), incident_id)
    async with desk.resources.unit() as unit:
        await treasury_doubt_screens.show_incident(unit, await desk.actor(unit, "Coin"), incident_id)
        assert (await unit.session.get_one(Incident, incident_id)).status == IncidentStatus.CLOSED
        subject = about_money(unit, "incident", incident_id)
        looks = await unit.session.exec(
            select(AuditEntry.actor).where(AuditEntry.act == "incident.read", AuditEntry.subject == subject)
        )
        signs = {str((await volunteer(unit, sign)).id): sign for sign in ("Till", "Coin")}
        assert sorted(signs[actor] for actor in looks.all()) == ["Coin", "Coin", "Till"]
    assert "Closed" in (await desk.screen("Coin"))["text"]


@pytest.mark.parametrize("how", [IncidentEnd.COUNTED, IncidentEnd.BACK])
async def test_an_answer_that_comes_too_late_is_booked(desk: Desk, carrier: Carrier, how: IncidentEnd) -> None:
    """Failed for one asker, done for another: the money is gone, the payout in the queue is unsure.

    What turns out to be one payment is on the compliance record once.
    """
    payout_id = await desk.ordered("carrier")
    attempt = await attempt_of(desk)
    async with desk.resources.unit() as unit:
        (await unit.session.get_one(Attempt, attempt.id)).lists = LISTS
        taken = await attempts.take(unit, attempt.id)
        assert taken is not None
    late = Result(Outcome.DONE, "T-late")
    for result, came in ((Result(Outcome.FAILED), Now.QUEUED), (late, Now.INCIDENT), (late, Now.OPEN)):
        async with desk.resources.unit() as unit:
            concluded = await attempts.conclude(unit, attempt.id, carrier, taken[1], result)
            await treasury_machine.told(unit, concluded)
        assert concluded.now == came
    assert await desk.books() == (PLENTY - 2 * SMALL, SMALL, 0)
    assert await suspense(desk) == SMALL
    with pytest.raises(NotAllowed):
        await desk.do("Till", payout_id, treasury.claim)
    await desk.do("Till", payout_id, paid)
    await desk.do("Coin", payout_id, treasury_doubts.confirm)
    async with desk.resources.unit() as unit:
        incident = (await unit.session.exec(select(Incident))).one()
    assert await recorded(desk) == [(1, LISTS), (2, LISTS)]
    await end(desk, incident.id, how)
    assert await recorded(desk) == ([(2, LISTS)] if how == IncidentEnd.COUNTED else [(1, LISTS), (2, LISTS)])
    assert await desk.books() == (PLENTY - SMALL, 0, SMALL)
    assert await suspense(desk) == 0
    await desk.agrees()


async def test_an_incident_beyond_free_cash_is_a_shortfall(desk: Desk, carrier: Carrier) -> None:
    """What is promised to others stays promised; the next free money pays for what went twice first."""
    payout_id = await desk.ordered("carrier")
    for owner, amount in (("Other", LARGE), ("Another", LARGE), ("Last", PLENTY - 2 * LARGE - SMALL)):
        await desk.approved(owner, amount)
    attempt = await attempt_of(desk)
    async with desk.resources.unit() as unit:
        taken = await attempts.take(unit, attempt.id)
        assert taken is not None
    for result in (Result(Outcome.FAILED), Result(Outcome.DONE, "T-late")):
        async with desk.resources.unit() as unit:
            await attempts.conclude(unit, attempt.id, carrier, taken[1], result)
    assert await desk.books() == (0, PLENTY, 0)
    async with desk.resources.unit() as unit:
        assert (await balance(unit, Purpose.SHORTFALL, RUB)).amount == -SMALL
        found = await reconcile.compare(unit)
    assert [one.kind for one in found] == [reconcile.Kind.DEBT]
    waits = await desk.approved("Third", SMALL)
    await desk.add(SMALL)
    await desk.run(treasury.JOBS)
    assert await desk.books() == (0, PLENTY, 0)
    await desk.add(SMALL)
    await desk.run(treasury.JOBS)
    assert await desk.books() == (0, PLENTY + SMALL, 0)
    async with desk.resources.unit() as unit:
        assert (await balance(unit, Purpose.SHORTFALL, RUB)).amount == 0
        grant = (await unit.session.exec(select(Grant).where(Grant.case_id == waits))).one()
    assert grant.status == G.RESERVED
    assert (await desk.stands(payout_id))[0] == P.QUEUED


@pytest.mark.parametrize("answer", [Outcome.PENDING, Outcome.ABSENT, Outcome.REFUSED])
async def test_only_a_payment_opens_a_shut_rail(desk: Desk, carrier: Carrier, answer: Outcome) -> None:
    """An answer that is no payment does not say that the rail works."""
    await desk.ordered("carrier")
    attempt = await attempt_of(desk)
    async with desk.resources.unit() as unit:
        for _ in range(desk.resources.policy.limits.rail_failures):
            await breaker.failed(unit, "carrier")
        taken = await attempts.take(unit, attempt.id)
        assert taken is not None
    async with desk.resources.unit() as unit:
        concluded = await attempts.conclude(unit, attempt.id, carrier, taken[1], Result(answer))
        assert not concluded.opens
        assert await breaker.is_shut(unit, "carrier")


def test_nobody_asks_while_somebody_may_be_asking() -> None:
    """An attempt is asked for again only when the one who asks has given up for sure."""
    assert attempts.BUSY.total_seconds() > executor.PATIENCE
    assert attempts.FIRST_PAUSE >= attempts.BUSY
