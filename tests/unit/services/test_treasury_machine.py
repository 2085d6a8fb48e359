"""Payouts by rails that the fund works itself: ordered, agreed to, paid once, whatever the provider does."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import col, select

from bot.database import Resources
from models.attempt import Attempt, AttemptStatus
from models.case import Case, CaseStatus
from models.compliance import ComplianceRecord
from models.errors import AlreadyDone, NotAllowed, Refused, SamePerson
from models.grant import Grant, GrantStatus, Payout, PayoutStatus
from models.screening import EntryKind, ListedAddress, ListedEntry, ListStatus, SanctionsList
from models.unit import Unit
from payments import attempts, breaker, executor, reconcile
from payments.attempts import Now
from payments.limits import LimitReached
from payments.rails.registry import NoRail
from services import intake, reconciling, submission, treasury, treasury_machine, treasury_person, treasury_screens
from services.access import Actor
from tests.unit.payments.carrier import Carrier, Crashed, Fault
from tests.unit.services.desk import PLENTY, Desk, make_desk
from tests.unit.services.fund import LARGE, SMALL

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


async def _do(desk: Desk, sign: str, payout_id: UUID, *steps: Step) -> None:
    for step in steps:
        async with desk.resources.unit() as unit:
            await step(unit, await desk.actor(unit, sign), payout_id)


async def _agreed(desk: Desk, rail: str = "carrier", amount: int = SMALL, owner: str = "Applicant") -> UUID:
    case_id = await desk.approved(owner, amount)
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        return (await treasury.agree(unit, await desk.actor(unit, owner), case, rail)).id


async def _tick(desk: Desk, minutes: int = 0) -> list[Now | None]:
    """Ask for everything that is due, as the errands do."""
    desk.later(minutes=minutes)
    async with desk.resources.unit() as unit:
        found = await attempts.due(unit)
    return [await executor.work(desk.resources.unit, each, treasury_machine.told) for each in found]


async def _ordered(desk: Desk) -> UUID:
    payout_id = await _agreed(desk)
    await _do(desk, "Till", payout_id, treasury.claim, treasury_machine.order)
    return payout_id


async def _no_difference(desk: Desk) -> None:
    async with desk.resources.unit() as unit:
        assert await reconcile.compare(unit) == []


async def test_a_rail_of_the_test_tree_pays(desk: Desk, carrier: Carrier) -> None:
    """A new rail needs a class and a name in the policy: it is ordered, the person is told, the books agree."""
    payout_id = await _ordered(desk)
    assert await desk.stands(payout_id) == (P.PAYING, G.RESERVED, C.PAYING)
    assert await _tick(desk) == [Now.PAID]
    assert await desk.stands(payout_id) == (P.PAID, G.PAID, C.PAID)
    assert await desk.books() == (PLENTY - SMALL, 0, SMALL)
    assert carrier.moves == 1
    assert await desk.notices("Applicant")
    assert await _tick(desk, 60) == []
    await _no_difference(desk)


async def test_above_the_tier_two_agree_before_anything_moves(desk: Desk, carrier: Carrier) -> None:
    """A machine asks nobody afterwards: the second treasurer, another person, decides first, or sends it back."""
    payout_id = await _agreed(desk, amount=LARGE)
    await _do(desk, "Till", payout_id, treasury.claim, treasury_machine.order)
    assert (await desk.stands(payout_id))[0] == P.ORDERED
    assert await _tick(desk) == []
    with pytest.raises(SamePerson):
        await _do(desk, "Till", payout_id, treasury_machine.agree_order)
    await _do(desk, "Coin", payout_id, treasury_screens.show_payout)
    assert "Another treasurer wants this to be sent" in (await desk.screen("Coin"))["text"]
    await _do(desk, "Coin", payout_id, treasury_machine.refuse_order)
    assert (await desk.stands(payout_id))[0] == P.QUEUED
    await _do(desk, "Till", payout_id, treasury.claim, treasury_machine.order)
    await _do(desk, "Coin", payout_id, treasury_machine.agree_order)
    assert await _tick(desk) == [Now.PAID]
    assert carrier.moves == 1


@pytest.mark.parametrize("fault", [F.LOST, F.LATE, F.NONSENSE, F.DOWN, F.SLOW])
async def test_what_is_not_known_is_looked_up(desk: Desk, carrier: Carrier, fault: Fault) -> None:
    """A time-out after success, a lost answer or a provider that is down neither pays twice nor loses a payout."""
    carrier.faults.extend([fault, F.DOWN])
    payout_id = await _ordered(desk)
    assert await _tick(desk) == [Now.OPEN]
    assert (await desk.stands(payout_id))[0] == P.PAYING
    assert await _tick(desk) == []
    assert await _tick(desk, 1) == [Now.OPEN]
    assert await _tick(desk, 60) == [Now.PAID]
    assert carrier.moves == 1
    assert (await desk.stands(payout_id))[0] == P.PAID
    await _no_difference(desk)


@pytest.mark.parametrize("fault", [F.DIES_BEFORE, F.DIES_AFTER])
async def test_a_crash_is_finished_by_reconciliation(desk: Desk, carrier: Carrier, fault: Fault) -> None:
    """Died before or after the provider has paid, the next look pays it once, and none while it may be at it."""
    carrier.faults.append(fault)
    payout_id = await _ordered(desk)
    with pytest.raises(Crashed):
        await _tick(desk)
    assert await reconcile.finish_open(desk.resources.unit, treasury_machine.told) == {}
    desk.later(seconds=attempts.BUSY.total_seconds())
    assert await reconcile.finish_open(desk.resources.unit, treasury_machine.told) == {"paid": 1}
    assert carrier.moves == 1
    assert (await desk.stands(payout_id))[0] == P.PAID
    assert await desk.books() == (PLENTY - SMALL, 0, SMALL)


async def test_a_refused_destination_asks_the_person(desk: Desk, carrier: Carrier) -> None:
    """Nothing has moved: the grant stays reserved, the person chooses anew, and the rail is not blamed."""
    carrier.faults.append(F.REFUSES)
    payout_id = await _ordered(desk)
    assert await _tick(desk) == [Now.ANOTHER_WAY]
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
    payout_id = await _ordered(desk)
    for expected in (Now.QUEUED, Now.QUEUED, Now.ANOTHER_WAY):
        assert await _tick(desk) == [expected]
        if expected == Now.QUEUED:
            await _do(desk, "Till", payout_id, treasury.claim, treasury_machine.order)
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
    payout_id = await _ordered(desk)
    async with desk.resources.unit() as unit:
        applicant = await desk.actor(unit, "Applicant")
        assert applicant.case is not None
        await submission.withdraw(unit, applicant, applicant.case)
    await _tick(desk)
    assert carrier.moves == 0
    assert await desk.stands(payout_id) == (P.CANCELLED, G.CANCELLED, None)
    assert await desk.books() == (PLENTY, 0, 0)


async def test_a_request_erased_after_the_order_is_still_looked_up(desk: Desk, carrier: Carrier) -> None:
    """The provider was asked already: what it says is entered, without the destination and without the case."""
    carrier.faults.append(F.LATE)
    payout_id = await _ordered(desk)
    await _tick(desk)
    async with desk.resources.unit() as unit:
        applicant = await desk.actor(unit, "Applicant")
        assert applicant.case is not None
        await submission.withdraw(unit, applicant, applicant.case)
        attempt = (await unit.session.exec(select(Attempt))).one()
        assert (attempt.destination, attempt.case_id) == (None, None)
    assert await _tick(desk, 1) == [Now.PAID]
    assert await desk.stands(payout_id) == (P.PAID, G.PAID, None)
    await _no_difference(desk)


async def test_the_destination_leaves_the_attempt_with_its_end(desk: Desk) -> None:
    """While open it is sealed with the case's key; once paid it is nowhere but in the person's answer."""
    payout_id = await _ordered(desk)
    async with desk.resources.unit() as unit:
        attempt = (await unit.session.exec(select(Attempt).where(Attempt.payout_id == payout_id))).one()
        assert attempt.destination is not None
        assert b"4111" not in bytes(attempt.destination)
    await _tick(desk)
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
    payout_id = await _agreed(desk)
    await _do(desk, "Till", payout_id, *before)
    stood = await desk.stands(payout_id)
    with pytest.raises(refusal):
        await _do(desk, sign, payout_id, step)
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
        await _do(desk, "Till", payout_id, treasury.claim)
    await _do(desk, "Till", payout_id, treasury_screens.show_changed)
    shown = await desk.screen("Till")
    assert "4999" in shown["text"]
    assert shown["protect"]
    await _do(desk, "Till", payout_id, treasury_machine.looked)
    with pytest.raises(SamePerson):
        await _do(desk, "Till", payout_id, treasury.claim)
    with pytest.raises(NotAllowed):
        await _do(desk, "Coin", payout_id, treasury_machine.looked)
    await _do(desk, "Coin", payout_id, treasury.claim)
    assert (await desk.stands(payout_id))[0] == P.CLAIMED


async def test_a_doubtful_change_goes_back_to_the_person(desk: Desk) -> None:
    """Whoever looks may have the person asked anew; nothing is paid."""
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await intake.write_answer(unit, case, "payout", "Card 4999 9999")
        payout_id = (await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "manual")).id
    await _do(desk, "Till", payout_id, treasury_machine.doubt)
    assert await desk.stands(payout_id) == (P.CANCELLED, G.RESERVED, C.APPROVED)


@pytest.mark.parametrize("limit", ["per_day", "per_destination"])
async def test_no_more_leaves_than_the_policy_lets(desk: Desk, limit: str) -> None:
    """Within a day, and to one destination, what is claimed counts; later there is room again."""
    limits = desk.resources.policy.limits.model_copy(update={limit: SMALL})
    desk.resources.policy = desk.resources.policy.model_copy(update={"limits": limits})
    first, second = await desk.queued("One"), await desk.queued("Two")
    await _do(desk, "Till", first, treasury.claim)
    with pytest.raises(LimitReached):
        await _do(desk, "Coin", second, treasury.claim)
    desk.later(days=31)
    await _do(desk, "Coin", second, treasury.claim)


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
    payout_id = await _ordered(desk)
    await _tick(desk)
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


LISTED = "0x" + "ab" * 20


async def _lists(desk: Desk, *addresses: str) -> None:
    """Fresh lists of every source that the policy asks for."""
    async with desk.resources.unit() as unit:
        for source in desk.resources.policy.screening.lists:
            listed = SanctionsList(
                source=source, status=ListStatus.CURRENT, dated=unit.now, sha256="0" * 64, loaded_at=unit.now
            )
            unit.session.add(listed)
            await unit.session.flush()
            assert listed.id is not None
            entry = ListedEntry(
                list_id=listed.id,
                number=1,
                ref="1",
                kind=EntryKind.PERSON,
                name="Somebody",
                facts="{}",
                digest="0",
            )
            unit.session.add(entry)
            await unit.session.flush()
            for address in addresses:
                unit.session.add(ListedAddress(list_id=listed.id, entry=1, address=address, currency="ETH"))


async def test_a_screened_rail_rests_without_fresh_lists(desk: Desk, carrier: Carrier) -> None:
    """It is not offered, and what was agreed to before is not ordered; the other ways stay open."""
    carrier.screened = True
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        with pytest.raises(NoRail):
            await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "carrier")
    await _lists(desk)
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        payout_id = (await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "carrier")).id
    desk.later(days=61)
    await _do(desk, "Till", payout_id, treasury.claim)
    with pytest.raises(NoRail, match="stale"):
        await _do(desk, "Till", payout_id, treasury_machine.order)


@pytest.mark.parametrize("listed", [True, False])
async def test_a_listed_destination_is_not_paid(desk: Desk, carrier: Carrier, *, listed: bool) -> None:
    """It is held back with the reason on the screen; a clear one is paid, with the lists in the record."""
    carrier.screened = True
    await _lists(desk, *([LISTED] if listed else []))
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        grant = (await unit.session.exec(select(Grant))).one()
        grant.destination = None
        await intake.write_answer(unit, case, "payout", LISTED)
        payout_id = (await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "carrier")).id
    await _do(desk, "Till", payout_id, treasury.claim, treasury_machine.order, treasury_screens.show_payout)
    await _tick(desk)
    async with desk.resources.unit() as unit:
        records = (await unit.session.exec(select(ComplianceRecord))).all()
        payout = await unit.session.get_one(Payout, payout_id)
    if listed:
        assert (payout.status, payout.hold) == (P.CLAIMED, "screening.refused.blocked")
        assert carrier.moves == 0
        assert records == []
    else:
        assert payout.status == P.PAID
        assert [record.rail for record in records] == ["carrier"]
        assert "000000000000" in records[0].list_version


async def test_a_payment_by_hand_is_on_the_compliance_record_too(desk: Desk) -> None:
    """Each payment that counts has its record, also where nothing is screened."""
    payout_id = await _agreed(desk, "manual")
    await _do(
        desk,
        "Till",
        payout_id,
        treasury.claim,
        lambda unit, actor, payout: treasury.pay(unit, actor, payout, "R-1"),
    )
    async with desk.resources.unit() as unit:
        record = (await unit.session.exec(select(ComplianceRecord))).one()
    assert (record.rail, record.amount, record.list_version) == ("manual", SMALL, "")
