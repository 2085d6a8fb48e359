"""Payouts by rails that the fund works itself: ordered, agreed to, paid once, whatever the provider does."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from bot.database import Resources
from models.attempt import Attempt, AttemptStatus
from models.case import Case, CaseStatus
from models.errors import AlreadyDone, NotAllowed, Refused, SamePerson
from models.grant import GrantStatus, Payout, PayoutStatus
from payments import attempts, breaker, executor, reconcile
from payments.attempts import Now
from payments.limits import LimitReached
from payments.rails.registry import NoRail
from services import intake, reconciling, submission, treasury, treasury_machine, treasury_person, treasury_screens
from tests.unit.payments.carrier import Carrier, Crashed, Fault
from tests.unit.services.desk import PLENTY, Desk, Step, carried_desk
from tests.unit.services.fund import LARGE, SMALL

P, G, C, F = PayoutStatus, GrantStatus, CaseStatus, Fault


@pytest.fixture
def carrier() -> Carrier:
    """The rail of the test tree."""
    return Carrier()


@pytest.fixture
async def desk(resources: Resources, carrier: Carrier) -> Desk:
    """A desk whose policy opens the carrier beside the transfer by hand."""
    return await carried_desk(resources, carrier)


async def test_a_rail_of_the_test_tree_pays(desk: Desk, carrier: Carrier) -> None:
    """A new rail needs a class and a name in the policy: it is ordered, the person is told, the books agree."""
    payout_id = await desk.ordered("carrier")
    assert await desk.stands(payout_id) == (P.PAYING, G.RESERVED, C.PAYING)
    assert await desk.tick() == [Now.PAID]
    assert await desk.stands(payout_id) == (P.PAID, G.PAID, C.PAID)
    assert await desk.books() == (PLENTY - SMALL, 0, SMALL)
    assert carrier.moves == 1
    assert await desk.notices("Applicant")
    assert await desk.tick(60) == []
    await desk.agrees()


async def test_above_the_tier_two_agree_before_anything_moves(desk: Desk, carrier: Carrier) -> None:
    """A machine asks nobody afterwards: the second treasurer, another person, decides first, or sends it back."""
    payout_id = await desk.agreed(await desk.approved(amount=LARGE), rail="carrier")
    await desk.do("Till", payout_id, treasury.claim, treasury_machine.order)
    assert (await desk.stands(payout_id))[0] == P.ORDERED
    assert await desk.tick() == []
    with pytest.raises(SamePerson):
        await desk.do("Till", payout_id, treasury_machine.agree_order)
    await desk.do("Coin", payout_id, treasury_screens.show_payout)
    assert "Another treasurer wants this to be sent" in (await desk.screen("Coin"))["text"]
    await desk.do("Coin", payout_id, treasury_machine.refuse_order)
    assert (await desk.stands(payout_id))[0] == P.QUEUED
    await desk.do("Till", payout_id, treasury.claim, treasury_machine.order)
    await desk.do("Coin", payout_id, treasury_machine.agree_order)
    assert await desk.tick() == [Now.PAID]
    assert carrier.moves == 1


@pytest.mark.parametrize("fault", [F.LOST, F.LATE, F.NONSENSE, F.DOWN, F.SLOW])
async def test_what_is_not_known_is_looked_up(desk: Desk, carrier: Carrier, fault: Fault) -> None:
    """A time-out after success, a lost answer or a provider that is down neither pays twice nor loses a payout."""
    carrier.faults.extend([fault, F.DOWN])
    payout_id = await desk.ordered("carrier")
    assert await desk.tick() == [Now.OPEN]
    assert (await desk.stands(payout_id))[0] == P.PAYING
    assert await desk.tick() == []
    assert await desk.tick(1) == [Now.OPEN]
    assert await desk.tick(60) == [Now.PAID]
    assert carrier.moves == 1
    assert (await desk.stands(payout_id))[0] == P.PAID
    await desk.agrees()


@pytest.mark.parametrize("fault", [F.DIES_BEFORE, F.DIES_AFTER])
async def test_a_crash_is_finished_by_reconciliation(desk: Desk, carrier: Carrier, fault: Fault) -> None:
    """Died before or after the provider has paid, the next look pays it once, and none while it may be at it."""
    carrier.faults.append(fault)
    payout_id = await desk.ordered("carrier")
    with pytest.raises(Crashed):
        await desk.tick()
    assert await reconcile.finish_open(desk.resources.unit, treasury_machine.told) == {}
    desk.later(seconds=attempts.BUSY.total_seconds())
    assert await reconcile.finish_open(desk.resources.unit, treasury_machine.told) == {"paid": 1}
    assert carrier.moves == 1
    assert (await desk.stands(payout_id))[0] == P.PAID
    assert await desk.books() == (PLENTY - SMALL, 0, SMALL)


async def test_a_refused_destination_asks_the_person(desk: Desk, carrier: Carrier) -> None:
    """Nothing has moved: the grant stays reserved, the person chooses anew, and the rail is not blamed."""
    carrier.faults.append(F.REFUSES)
    payout_id = await desk.ordered("carrier")
    assert await desk.tick() == [Now.ANOTHER_WAY]
    assert await desk.stands(payout_id) == (P.CANCELLED, G.RESERVED, C.APPROVED)
    async with desk.resources.unit() as unit:
        assert not await breaker.is_shut(unit, "carrier")
        case = (await unit.session.exec(select(Case))).one()
        again = (await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "manual")).id
    assert (await desk.stands(again))[0] == P.QUEUED


async def test_a_failing_rail_shuts_and_the_next_is_offered(desk: Desk, carrier: Carrier) -> None:
    """After the policy's failures nobody is offered the rail, treasurers know, and a probe opens it again."""
    carrier.faults.extend([F.FAILS] * 3)
    carrier.well = False
    payout_id = await desk.ordered("carrier")
    for expected in (Now.QUEUED, Now.QUEUED, Now.ANOTHER_WAY):
        assert await desk.tick() == [expected]
        if expected == Now.QUEUED:
            await desk.do("Till", payout_id, treasury.claim, treasury_machine.order)
    assert "has been shut" in "".join(await desk.notices("Purse"))
    async with desk.resources.unit() as unit:
        case = (await unit.session.exec(select(Case))).one()
        with pytest.raises(NoRail):
            await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "carrier")
        await treasury_person.show_person(unit, await desk.actor(unit, "Applicant"), case)
    assert "transfer" in (await desk.screen("Applicant"))["text"]
    assert not await executor.probe(desk.resources.unit, "carrier", treasury_machine.tell_open)
    desk.later(minutes=11)
    async with desk.resources.unit() as unit:
        assert list(await breaker.due(unit)) == ["carrier"]
    carrier.well = True
    assert await executor.probe(desk.resources.unit, "carrier", treasury_machine.tell_open)
    async with desk.resources.unit() as unit:
        assert not await breaker.is_shut(unit, "carrier")
        assert await breaker.failed(unit, "carrier"), "open on trial: one more failure shuts it"


async def test_a_request_erased_meanwhile_is_not_paid(desk: Desk, carrier: Carrier) -> None:
    """What the rail has not been asked for yet is not asked for; the grant is released."""
    payout_id = await desk.ordered("carrier")
    async with desk.resources.unit() as unit:
        applicant = await desk.actor(unit, "Applicant")
        assert applicant.case is not None
        await submission.withdraw(unit, applicant, applicant.case)
    await desk.tick()
    assert carrier.moves == 0
    assert await desk.stands(payout_id) == (P.CANCELLED, G.CANCELLED, None)
    assert await desk.books() == (PLENTY, 0, 0)


async def test_a_request_erased_after_the_order_is_still_looked_up(desk: Desk, carrier: Carrier) -> None:
    """The provider was asked already: what it says is entered, without the destination and without the case."""
    carrier.faults.append(F.LATE)
    payout_id = await desk.ordered("carrier")
    await desk.tick()
    async with desk.resources.unit() as unit:
        applicant = await desk.actor(unit, "Applicant")
        assert applicant.case is not None
        await submission.withdraw(unit, applicant, applicant.case)
        attempt = (await unit.session.exec(select(Attempt))).one()
        assert (attempt.destination, attempt.case_id) == (None, None)
    assert await desk.tick(1) == [Now.PAID]
    assert await desk.stands(payout_id) == (P.PAID, G.PAID, None)
    await desk.agrees()


async def test_the_destination_leaves_the_attempt_with_its_end(desk: Desk) -> None:
    """While open it is sealed with the case's key; once paid it is nowhere but in the person's answer."""
    payout_id = await desk.ordered("carrier")
    async with desk.resources.unit() as unit:
        attempt = (await unit.session.exec(select(Attempt).where(Attempt.payout_id == payout_id))).one()
        assert attempt.destination is not None
        assert b"4111" not in bytes(attempt.destination)
    await desk.tick()
    async with desk.resources.unit() as unit:
        attempt = (await unit.session.exec(select(Attempt).where(Attempt.payout_id == payout_id))).one()
        assert attempt.status is AttemptStatus.DONE
        assert attempt.destination is None


@pytest.mark.parametrize(
    ("before", "sign", "step", "refusal"),
    [
        ((), "Till", treasury_machine.order, NotAllowed),
        ((treasury.claim,), "Coin", treasury_machine.order, NotAllowed),
        ((treasury.claim,), "Coin", treasury_machine.agree_order, NotAllowed),
        ((treasury.claim,), "Coin", treasury_machine.refuse_order, NotAllowed),
        ((treasury.claim, treasury_machine.order), "Till", treasury_machine.order, Refused),
        ((treasury.claim, treasury_machine.order), "Till", treasury.give_back, Refused),
        ((treasury.claim, treasury_machine.order), "Coin", treasury.claim, Refused),
        (
            (treasury.claim,),
            "Till",
            lambda unit, actor, payout: treasury.pay(unit, actor, payout, "R-1"),
            NotAllowed,
        ),
        ((), "Alpha", treasury_machine.order, NotAllowed),
        ((treasury.claim,), "Coin", treasury.confirm, NotAllowed),
        ((treasury.claim, treasury_machine.order), "Coin", treasury.confirm, NotAllowed),
        (
            (treasury.claim,),
            "Coin",
            lambda unit, actor, payout: treasury_machine.report(unit, actor, payout, "R"),
            NotAllowed,
        ),
    ],
)
async def test_a_step_out_of_order_is_refused(
    desk: Desk, before: tuple[Step, ...], sign: str, step: Step, refusal: type[Refused]
) -> None:
    """A double press, another's payout or a payment by hand beside the machine changes nothing."""
    payout_id = await desk.agreed(await desk.approved(), rail="carrier")
    await desk.do("Till", payout_id, *before)
    stood = await desk.stands(payout_id)
    with pytest.raises(refusal):
        await desk.do(sign, payout_id, step)
    assert await desk.stands(payout_id) == stood


async def test_a_changed_destination_waits_for_a_second_look(desk: Desk) -> None:
    """Details changed after the approval are seen by one treasurer and paid by another, also below the tier."""
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await intake.write_answer(unit, case, "payout", "Card 4999 9999")
        payout_id = (await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "manual")).id
    assert (await desk.notices("Till"))[-1] == "The desk needs a look at something that was changed."
    with pytest.raises(SamePerson):
        await desk.do("Till", payout_id, treasury.claim)
    await desk.do("Till", payout_id, treasury_screens.show_changed)
    shown = await desk.screen("Till")
    assert "4999" in shown["text"]
    assert shown["protect"]
    called = "The desk needs a look at something that was changed."
    await desk.do("Till", payout_id, treasury_machine.looked)
    assert not [sign for sign in ("Till", "Coin", "Purse") if called in await desk.notices(sign)]
    for sign, offered in (("Till", False), ("Coin", True)):
        await desk.do(sign, payout_id, treasury_screens.show_payout)
        labels = [button["label"] for row in (await desk.screen(sign))["keyboard"] for button in row]
        assert ("Take it" in labels) == offered
    with pytest.raises(SamePerson):
        await desk.do("Till", payout_id, treasury.claim)
    with pytest.raises(NotAllowed):
        await desk.do("Coin", payout_id, treasury_machine.looked)
    await desk.do("Coin", payout_id, treasury.claim)
    assert (await desk.stands(payout_id))[0] == P.CLAIMED


async def test_a_doubtful_change_goes_back_to_the_person(desk: Desk) -> None:
    """Whoever looks may have the person asked anew; nothing is paid."""
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await intake.write_answer(unit, case, "payout", "Card 4999 9999")
        payout_id = (await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "manual")).id
    await desk.do("Till", payout_id, treasury_machine.doubt)
    assert await desk.stands(payout_id) == (P.CANCELLED, G.RESERVED, C.APPROVED)


@pytest.mark.parametrize("limit", ["per_day", "per_destination"])
async def test_no_more_leaves_than_the_policy_lets(desk: Desk, limit: str) -> None:
    """Within a day, and to one destination, what is claimed and paid counts; later there is room again."""
    limits = desk.resources.policy.limits.model_copy(update={limit: SMALL})
    desk.resources.policy = desk.resources.policy.model_copy(update={"limits": limits})
    first, second = await desk.queued("One"), await desk.queued("Two")
    await desk.do("Till", first, treasury.claim)
    with pytest.raises(LimitReached):
        await desk.do("Coin", second, treasury.claim)
    await desk.do("Till", first, treasury_machine.order)
    assert await desk.tick() == [Now.PAID]
    desk.later(days=31)
    await desk.do("Coin", second, treasury.claim)


async def test_the_person_chooses_with_the_terms_before_them(desk: Desk) -> None:
    """Each open way says what it costs, how long it takes and what a statement shows before it is agreed to."""
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        applicant = await desk.actor(unit, "Applicant")
        await treasury_person.show_person(unit, applicant, case)
    shown = await desk.screen("Applicant")
    assert "1 hour" in shown["text"]
    assert "It costs us" in shown["text"]
    assert len(shown["keyboard"]) == 3
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await treasury_person.show_person(unit, applicant, case, rail="carrier")
    assert "Card 4111 0000" in (await desk.screen("Applicant"))["text"]
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        with pytest.raises(NoRail):
            await treasury.agree(unit, applicant, case, "pigeon")
        await treasury.agree(unit, applicant, case, "carrier")
        with pytest.raises(AlreadyDone):
            await treasury.agree(unit, applicant, case, "manual")


async def test_a_difference_is_told_once(desk: Desk) -> None:
    """Books that do not say what the payouts say are shown to treasurers and coordinators, once each."""
    payout_id = await desk.queued()
    async with desk.resources.unit() as unit:
        payout = await unit.session.get_one(Payout, payout_id)
        payout.paid_at, payout.status = unit.now, P.PAID
    for _ in range(2):
        await desk.run(reconciling.JOBS)
        assert sum("do not agree" in text for text in await desk.notices("Purse")) == 2
    async with desk.resources.unit() as unit:
        kinds = [difference.kind for difference in await reconcile.compare(unit)]
    assert kinds == [reconcile.Kind.NO_ATTEMPT, reconcile.Kind.NOT_SETTLED]


async def test_what_a_provider_says_otherwise_is_shown(desk: Desk, carrier: Carrier) -> None:
    """Done here and unknown there, or failed here and paid there, is a difference, and nothing is mended."""
    payout_id = await desk.ordered("carrier")
    await desk.tick()
    span = timedelta(days=1)
    assert await reconcile.ask_providers(desk.resources.unit, span) == []
    carrier.paid.clear()
    carrier.closed.clear()
    found = await reconcile.ask_providers(desk.resources.unit, span)
    assert [difference.kind for difference in found] == [reconcile.Kind.PROVIDER_NOT_PAID]
    async with desk.resources.unit() as unit:
        attempt = (await unit.session.exec(select(Attempt).where(col(Attempt.payout_id) == payout_id))).one()
        attempt.status = AttemptStatus.FAILED
        carrier.taken.add(str(attempt.id))
    found = await reconcile.ask_providers(desk.resources.unit, span)
    assert [difference.kind for difference in found] == [reconcile.Kind.PROVIDER_PAID]
