"""What nobody knows is found out by two people, and no machine pays it meanwhile; what went twice is seen."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from bot.operations import doubt_payments
from models.attempt import Attempt, AttemptStatus
from models.audit import AuditEntry
from models.case import Case, CaseStatus
from models.doubt import Finding, FindingStatus, Found, Ground, Incident, IncidentEnd, IncidentStatus
from models.errors import AlreadyDone, BadInput, ButtonGone, NotAllowed, Refused, SamePerson
from models.grant import Grant, GrantStatus, Payout, PayoutStatus
from models.panel import Seat, SeatStatus
from models.unit import Unit
from models.volunteer import Role
from payments import attempts, breaker, executor, reconcile
from payments.attempts import Now
from payments.ledger import Purpose, balance
from payments.rails.base import Outcome, Result
from services import (
    submission,
    treasury,
    treasury_doubt_screens,
    treasury_doubts,
    treasury_machine,
    treasury_screens,
)
from services.access import Actor
from tests.unit.payments.carrier import Carrier, Crashed, Fault
from tests.unit.services.desk import PLENTY, RUB, Desk, make_desk
from tests.unit.services.fund import LARGE, SMALL, volunteer

Step = Callable[[Unit, Actor, UUID], Awaitable[object]]
P, G, C, F = PayoutStatus, GrantStatus, CaseStatus, Fault


@pytest.fixture
def carrier() -> Carrier:
    """The rail of the test tree."""
    return Carrier()


@pytest.fixture
async def desk(resources: Resources, carrier: Carrier) -> Desk:
    """A desk whose policy opens the carrier beside the transfer by hand."""
    resources.rails = {**resources.rails, "carrier": carrier}
    resources.policy = resources.policy.model_copy(update={"rails": ("carrier", "manual")})
    return await make_desk(resources)


async def never(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """It was never paid."""
    await treasury_doubts.say(unit, actor, payout_id, Found.NEVER, Ground.PROVIDER)


async def paid(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """It was paid, as R-9."""
    await treasury_doubts.say(unit, actor, payout_id, Found.PAID, Ground.STATEMENT, " R-9 ")


async def do(desk: Desk, sign: str, payout_id: UUID, *steps: Step) -> None:
    """Let somebody take steps, one transaction each."""
    for step in steps:
        async with desk.resources.unit() as unit:
            await step(unit, await desk.actor(unit, sign), payout_id)


async def agreed(desk: Desk, rail: str = "carrier") -> UUID:
    """The id of a payout that its person has agreed to."""
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        return (await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, rail)).id


async def ordered(desk: Desk) -> UUID:
    """The id of a payout that a machine is asked for."""
    payout_id = await agreed(desk)
    await do(desk, "Till", payout_id, treasury.claim, treasury_machine.order)
    return payout_id


async def tick(desk: Desk, minutes: int = 0) -> list[Now | None]:
    """Ask for everything that is due, as the errands do."""
    desk.later(minutes=minutes)
    async with desk.resources.unit() as unit:
        found = await attempts.due(unit)
    return [await executor.work(desk.resources.unit, each, treasury_machine.told) for each in found]


async def restored(desk: Desk, fault: Fault | None = None) -> UUID:
    """A payout whose attempt stood open in the backup that was put back."""
    payout_id = await ordered(desk)
    if fault is not None:
        await dies(desk, fault)
    await doubt_payments(desk.resources)
    desk.later(minutes=2)
    return payout_id


async def dies(desk: Desk, fault: Fault) -> None:
    """The process dies while it asks the carrier."""
    rail = desk.resources.rails["carrier"]
    assert isinstance(rail, Carrier)
    rail.faults.append(fault)
    with pytest.raises(Crashed):
        await tick(desk)


async def withdraw(desk: Desk) -> None:
    """The person takes their request back."""
    async with desk.resources.unit() as unit:
        case = (await unit.session.exec(select(Case))).one()
        await submission.withdraw(unit, await desk.actor(unit, "Applicant"), case)


async def attempt_of(desk: Desk) -> Attempt:
    """The one attempt."""
    async with desk.resources.unit() as unit:
        return (await unit.session.exec(select(Attempt))).one()


async def agree_books(desk: Desk) -> None:
    """Books, payouts and attempts agree."""
    async with desk.resources.unit() as unit:
        assert await reconcile.compare(unit) == []


async def suspense(desk: Desk) -> int:
    """What stands in suspense, in kopecks."""
    async with desk.resources.unit() as unit:
        return (await balance(unit, Purpose.SUSPENSE, RUB)).amount


@pytest.mark.parametrize("fault", [None, F.DIES_BEFORE])
async def test_after_a_restore_no_machine_executes_what_stood_open(
    desk: Desk, carrier: Carrier, fault: Fault | None
) -> None:
    """Prepared or sent, what the provider does not know of is looked up and never executed: people decide."""
    payout_id = await restored(desk, fault)
    for minutes in (0, 5, 60, 600):
        assert await tick(desk, minutes) == [Now.OPEN]
    desk.later(hours=1)
    assert await reconcile.finish_open(desk.resources.unit, treasury_machine.told) == {"open": 1}
    assert carrier.moves == 0
    assert (await desk.stands(payout_id))[0] == P.PAYING
    assert any("put back from a backup" in text for text in await desk.notices("Coin"))
    await do(desk, "Coin", payout_id, treasury_screens.show_payout)
    assert "Nobody knows whether this was paid" in (await desk.screen("Coin"))["text"]


async def test_after_a_restore_what_the_provider_has_paid_is_booked(desk: Desk, carrier: Carrier) -> None:
    """The provider knows the key: nobody has to find out anything."""
    payout_id = await restored(desk, F.DIES_AFTER)
    assert await tick(desk) == [Now.PAID]
    assert carrier.moves == 1
    assert await desk.stands(payout_id) == (P.PAID, G.PAID, C.PAID)
    await agree_books(desk)


async def test_after_a_restore_what_failed_is_still_in_doubt(desk: Desk, carrier: Carrier) -> None:
    """That this attempt has failed does not say that no later one has paid: nothing is sent before two say so."""
    payout_id = await restored(desk)
    carrier.closed.add(str((await attempt_of(desk)).id))
    assert await tick(desk) == [Now.QUEUED]
    assert (await desk.notices("Coin"))[-1].startswith("Nobody knows whether something at the desk was paid")
    with pytest.raises(NotAllowed):
        await do(desk, "Coin", payout_id, treasury.claim)
    await do(desk, "Till", payout_id, never)
    await do(desk, "Coin", payout_id, treasury_doubts.confirm, treasury.claim, treasury_machine.order)
    assert await tick(desk) == [Now.PAID]
    assert carrier.moves == 1
    await agree_books(desk)


async def test_two_find_that_it_was_paid(desk: Desk, carrier: Carrier) -> None:
    """Books, grant and case follow; the attempt is dropped, and what was found is kept with the reason."""
    payout_id = await restored(desk)
    await do(desk, "Till", payout_id, paid, treasury_screens.show_payout)
    shown = await desk.screen("Till")
    assert "You said: it was paid, reference R-9 (The statement shows it)." in shown["text"]
    assert shown["protect"]
    assert await desk.stands(payout_id) == (P.PAYING, G.RESERVED, C.PAYING)
    assert (await desk.notices("Coin"))[-1].startswith("Another treasurer has found something out.")
    await do(desk, "Coin", payout_id, treasury_screens.show_payout)
    assert "Another treasurer says: it was paid, reference R-9" in (await desk.screen("Coin"))["text"]
    await do(desk, "Coin", payout_id, treasury_doubts.confirm)
    assert await desk.stands(payout_id) == (P.PAID, G.PAID, C.PAID)
    assert await desk.books() == (PLENTY - SMALL, 0, SMALL)
    assert (await attempt_of(desk)).status == AttemptStatus.DROPPED
    assert await desk.notices("Applicant")
    async with desk.resources.unit() as unit:
        finding = (await unit.session.exec(select(Finding))).one()
        acts = (await unit.session.exec(select(AuditEntry.act, AuditEntry.facts))).all()
    assert (finding.status, finding.found, finding.ground) == (
        FindingStatus.CONFIRMED, Found.PAID, Ground.STATEMENT,
    )  # fmt: skip
    told = [facts for act, facts in acts if act in {"payout.doubt_said", "finding.confirmed"}]
    assert len(told) == 2
    assert all("statement" in facts for facts in told)
    assert await tick(desk, 60) == [Now.OPEN]
    assert carrier.moves == 0
    await agree_books(desk)


@pytest.mark.parametrize("withdrawn", [False, True])
async def test_two_find_that_it_was_never_paid(desk: Desk, carrier: Carrier, *, withdrawn: bool) -> None:
    """The person is asked anew; when nobody waits any more the money is free, and not a moment before."""
    payout_id = await restored(desk)
    if withdrawn:
        await withdraw(desk)
        assert await desk.stands(payout_id) == (P.PAYING, G.RESERVED, None)
    await do(desk, "Till", payout_id, never)
    await do(desk, "Coin", payout_id, treasury_doubts.confirm)
    gone = (P.CANCELLED, G.CANCELLED, None)
    assert await desk.stands(payout_id) == (gone if withdrawn else (P.CANCELLED, G.RESERVED, C.APPROVED))
    assert await desk.books() == ((PLENTY, 0, 0) if withdrawn else (PLENTY - SMALL, SMALL, 0))
    assert await tick(desk, 60) == [Now.OPEN]
    assert carrier.moves == 0
    await agree_books(desk)


async def test_what_stands_still_for_an_hour_may_be_spoken_for(desk: Desk, carrier: Carrier) -> None:
    """A rail that never answers, or a case erased under it, leaves a way out, without any restore."""
    carrier.faults.extend([F.DOWN] * 20)
    payout_id = await ordered(desk)
    assert await tick(desk) == [Now.OPEN]
    with pytest.raises(NotAllowed):
        await do(desk, "Till", payout_id, paid)
    desk.later(hours=1)
    await withdraw(desk)
    await do(desk, "Till", payout_id, never)
    await do(desk, "Coin", payout_id, treasury_doubts.confirm)
    assert await desk.stands(payout_id) == (P.CANCELLED, G.CANCELLED, None)
    assert await desk.books() == (PLENTY, 0, 0)


@pytest.mark.parametrize(
    ("before", "sign", "step", "refusal"),
    [
        ((), "Alpha", never, NotAllowed),
        ((), "Till", treasury_doubts.confirm, ButtonGone),
        ((), "Till", treasury_doubts.deny, ButtonGone),
        (
            (),
            "Till",
            lambda unit, actor, payout: treasury_doubts.say(unit, actor, payout, Found.PAID, Ground.PAYER),
            BadInput,
        ),
        ((never,), "Till", treasury_doubts.confirm, SamePerson),
        ((never,), "Till", paid, AlreadyDone),
        ((never,), "Coin", paid, AlreadyDone),
        ((never,), "Alpha", treasury_doubts.confirm, NotAllowed),
        ((never,), "Judge", treasury_doubts.confirm, NotAllowed),
        ((), "Judge", never, NotAllowed),
        ((), "Till", treasury.claim, Refused),
        ((), "Till", treasury_machine.order, Refused),
        ((), "Till", treasury_machine.agree_order, Refused),
    ],
)
async def test_what_is_not_theirs_to_say_is_refused(
    desk: Desk, before: tuple[Step, ...], sign: str, step: Step, refusal: type[Refused]
) -> None:
    """One alone, a coordinator, who sat on the panel, a second word, no reference: nothing changes."""
    payout_id = await restored(desk)
    await desk.confirmed("Judge", Role.TREASURER)
    async with desk.resources.unit() as unit:
        case = (await unit.session.exec(select(Case))).one()
        judge = await volunteer(unit, "Judge")
        seat = Seat(case_id=case.id, volunteer_id=judge.id, drawn_at=unit.now, due_at=unit.now)
        seat.status = SeatStatus.VOTED
        unit.session.add(seat)
    await do(desk, "Till", payout_id, *before)
    stood = await desk.stands(payout_id)
    with pytest.raises(refusal):
        await do(desk, sign, payout_id, step)
    assert await desk.stands(payout_id) == stood


async def test_a_word_that_is_denied_changes_nothing(desk: Desk) -> None:
    """The second does not see it: the doubt stands, and another word may be said."""
    payout_id = await restored(desk)
    await do(desk, "Till", payout_id, paid)
    await do(desk, "Coin", payout_id, treasury_doubts.deny, never)
    await do(desk, "Till", payout_id, treasury_doubts.confirm)
    assert (await desk.stands(payout_id))[0] == P.CANCELLED


async def test_a_rail_that_answers_meanwhile_overtakes_a_word(desk: Desk, carrier: Carrier) -> None:
    """What one has said counts no more once the provider has: the second is told that it is known."""
    payout_id = await restored(desk)
    await do(desk, "Till", payout_id, never)
    carrier.taken.add(str((await attempt_of(desk)).id))
    assert await tick(desk) == [Now.PAID]
    with pytest.raises(ButtonGone):
        await do(desk, "Coin", payout_id, treasury_doubts.confirm)
    assert (await desk.stands(payout_id))[0] == P.PAID


async def test_what_is_paid_by_hand_after_a_restore_frees_nothing_when_withdrawn(desk: Desk) -> None:
    """Of a grant without any payout too: it stays reserved, on the desk, until two have found out."""
    case_id = await desk.approved()
    await doubt_payments(desk.resources)
    await withdraw(desk)
    assert await desk.books() == (PLENTY - SMALL, SMALL, 0)
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        payout = (await unit.session.exec(select(Payout))).one()
        await treasury_screens.show_desk(unit, await desk.actor(unit, "Till"))
    assert case.status == C.WITHDRAWN
    assert "❓" in str((await desk.screen("Till"))["keyboard"])
    await do(desk, "Till", payout.id, paid)
    await do(desk, "Coin", payout.id, treasury_doubts.confirm)
    assert await desk.books() == (PLENTY - SMALL, 0, SMALL)
    await agree_books(desk)


async def test_what_was_dropped_and_pays_after_all_is_an_incident(desk: Desk, carrier: Carrier) -> None:
    """It stands in suspense and at the top of the desk until two have said what it was."""
    payout_id = await restored(desk)
    await do(desk, "Till", payout_id, never)
    await do(desk, "Coin", payout_id, treasury_doubts.confirm)
    again = await again_by_hand(desk)
    carrier.taken.add(str((await attempt_of(desk)).id))
    assert await tick(desk, 60) == [Now.INCIDENT]
    assert await tick(desk, 60) == []
    assert await suspense(desk) == SMALL
    assert await desk.books() == (PLENTY - 2 * SMALL, 0, SMALL)
    assert (await desk.stands(again))[0] == P.PAID
    assert any("Something was paid that nobody waited for" in text for text in await desk.notices("Purse"))
    await agree_books(desk)
    async with desk.resources.unit() as unit:
        incident = (await unit.session.exec(select(Incident))).one()
        await treasury_screens.show_desk(unit, await desk.actor(unit, "Till"))
    shown = await desk.screen("Till")
    assert "perhaps twice" in str(shown["keyboard"][0])
    assert "In suspense" in shown["text"]
    await end(desk, incident.id, IncidentEnd.LOST)
    assert await suspense(desk) == 0
    async with desk.resources.unit() as unit:
        assert (await balance(unit, Purpose.LOSSES, RUB)).amount == SMALL
    await agree_books(desk)


async def again_by_hand(desk: Desk) -> UUID:
    """The person agrees anew, and Till pays by hand."""
    async with desk.resources.unit() as unit:
        case = (await unit.session.exec(select(Case))).one()
        payout = await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "manual")
    await do(desk, "Till", payout.id, treasury.claim)
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
    assert "Closed" in (await desk.screen("Coin"))["text"]


@pytest.mark.parametrize("how", [IncidentEnd.COUNTED, IncidentEnd.BACK])
async def test_an_answer_that_comes_too_late_is_booked(desk: Desk, carrier: Carrier, how: IncidentEnd) -> None:
    """Failed for one asker, done for another: the money is gone, the payout in the queue is unsure."""
    payout_id = await ordered(desk)
    attempt = await attempt_of(desk)
    async with desk.resources.unit() as unit:
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
        await do(desk, "Till", payout_id, treasury.claim)
    await do(desk, "Till", payout_id, paid)
    await do(desk, "Coin", payout_id, treasury_doubts.confirm)
    async with desk.resources.unit() as unit:
        incident = (await unit.session.exec(select(Incident))).one()
    await end(desk, incident.id, how)
    assert await desk.books() == (PLENTY - SMALL, 0, SMALL)
    assert await suspense(desk) == 0
    await agree_books(desk)


async def test_an_incident_beyond_free_cash_is_a_shortfall(desk: Desk, carrier: Carrier) -> None:
    """What is promised to others stays promised; the next free money pays for what went twice first."""
    payout_id = await ordered(desk)
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
    await ordered(desk)
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
