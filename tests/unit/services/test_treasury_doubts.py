"""What nobody knows is found out by two people, and no machine pays it meanwhile; what went twice is seen."""

import pytest
from sqlmodel import select

from bot.database import Resources
from bot.operations import doubt_payments
from models.attempt import AttemptStatus
from models.audit import AuditEntry
from models.case import Case
from models.doubt import Finding, FindingStatus, Found, Ground
from models.errors import AlreadyDone, BadInput, ButtonGone, NotAllowed, Refused, SamePerson
from models.grant import Payout
from models.panel import Seat, SeatStatus
from models.volunteer import Role
from payments import reconcile
from payments.attempts import Now
from services import treasury, treasury_doubts, treasury_leaving, treasury_machine, treasury_screens
from tests.unit.payments.carrier import Carrier, Fault
from tests.unit.services.desk import PLENTY, Desk, Step, carried_desk
from tests.unit.services.doubting import C, F, G, P, attempt_of, never, paid, restored, withdraw
from tests.unit.services.fund import SMALL, volunteer


@pytest.fixture
def carrier() -> Carrier:
    """The rail of the test tree."""
    return Carrier()


@pytest.fixture
async def desk(resources: Resources, carrier: Carrier) -> Desk:
    """A desk whose policy opens the carrier beside the transfer by hand."""
    return await carried_desk(resources, carrier)


@pytest.mark.parametrize("fault", [None, F.DIES_BEFORE])
async def test_after_a_restore_no_machine_executes_what_stood_open(
    desk: Desk, carrier: Carrier, fault: Fault | None
) -> None:
    """Prepared or sent, what the provider does not know of is looked up and never executed: people decide."""
    payout_id = await restored(desk, fault)
    for minutes in (0, 5, 60, 600):
        assert await desk.tick(minutes) == [Now.OPEN]
    desk.later(hours=1)
    assert await reconcile.finish_open(desk.resources.unit, treasury_machine.told) == {"open": 1}
    assert carrier.moves == 0
    assert (await desk.stands(payout_id))[0] == P.PAYING
    assert any("put back from a backup" in text for text in await desk.notices("Coin"))
    await desk.do("Coin", payout_id, treasury_screens.show_payout)
    assert "Nobody knows whether this was paid" in (await desk.screen("Coin"))["text"]


async def test_after_a_restore_what_the_provider_has_paid_is_booked(desk: Desk, carrier: Carrier) -> None:
    """The provider knows the key: nobody has to find out anything."""
    payout_id = await restored(desk, F.DIES_AFTER)
    assert await desk.tick() == [Now.PAID]
    assert carrier.moves == 1
    assert await desk.stands(payout_id) == (P.PAID, G.PAID, C.PAID)
    await desk.agrees()


async def test_after_a_restore_what_failed_is_still_in_doubt(desk: Desk, carrier: Carrier) -> None:
    """That this attempt has failed does not say that no later one has paid: nothing is sent before two say so."""
    payout_id = await restored(desk)
    carrier.closed.add(str((await attempt_of(desk)).id))
    assert await desk.tick() == [Now.QUEUED]
    assert (await desk.notices("Coin"))[-1].startswith("Nobody knows whether something at the desk was paid")
    with pytest.raises(NotAllowed):
        await desk.do("Coin", payout_id, treasury.claim)
    await desk.do("Till", payout_id, never)
    await desk.do("Coin", payout_id, treasury_doubts.confirm, treasury.claim, treasury_machine.order)
    assert await desk.tick() == [Now.PAID]
    assert carrier.moves == 1
    await desk.agrees()


async def test_two_find_that_it_was_paid(desk: Desk, carrier: Carrier) -> None:
    """Books, grant and case follow; the attempt is dropped, and what was found is kept with the reason."""
    payout_id = await restored(desk)
    await desk.do("Till", payout_id, paid, treasury_screens.show_payout)
    shown = await desk.screen("Till")
    assert "You said: it was paid, reference R-9 (The statement shows it)." in shown["text"]
    assert shown["protect"]
    assert await desk.stands(payout_id) == (P.PAYING, G.RESERVED, C.PAYING)
    assert (await desk.notices("Coin"))[-1].startswith("Another treasurer has found something out.")
    await desk.do("Coin", payout_id, treasury_screens.show_payout)
    assert "Another treasurer says: it was paid, reference R-9" in (await desk.screen("Coin"))["text"]
    await desk.do("Coin", payout_id, treasury_doubts.confirm)
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
    assert await desk.tick(60) == [Now.OPEN]
    assert carrier.moves == 0
    await desk.agrees()


@pytest.mark.parametrize("withdrawn", [False, True])
async def test_two_find_that_it_was_never_paid(desk: Desk, carrier: Carrier, *, withdrawn: bool) -> None:
    """The person is asked anew; when nobody waits any more the money is free, and not a moment before."""
    payout_id = await restored(desk)
    if withdrawn:
        await withdraw(desk)
        assert await desk.stands(payout_id) == (P.PAYING, G.RESERVED, None)
    await desk.do("Till", payout_id, never)
    await desk.do("Coin", payout_id, treasury_doubts.confirm)
    gone = (P.CANCELLED, G.CANCELLED, None)
    assert await desk.stands(payout_id) == (gone if withdrawn else (P.CANCELLED, G.RESERVED, C.APPROVED))
    assert await desk.books() == ((PLENTY, 0, 0) if withdrawn else (PLENTY - SMALL, SMALL, 0))
    assert await desk.tick(60) == [Now.OPEN]
    assert carrier.moves == 0
    await desk.agrees()


async def test_what_stands_still_for_an_hour_may_be_spoken_for(desk: Desk, carrier: Carrier) -> None:
    """A rail that never answers, or a case erased under it, leaves a way out, without any restore."""
    carrier.faults.extend([F.DOWN] * 20)
    payout_id = await desk.ordered("carrier")
    assert await desk.tick() == [Now.OPEN]
    with pytest.raises(NotAllowed):
        await desk.do("Till", payout_id, paid)
    desk.later(hours=1)
    await withdraw(desk)
    await desk.do("Till", payout_id, never)
    await desk.do("Coin", payout_id, treasury_doubts.confirm)
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
    await desk.do("Till", payout_id, *before)
    stood = await desk.stands(payout_id)
    with pytest.raises(refusal):
        await desk.do(sign, payout_id, step)
    assert await desk.stands(payout_id) == stood


async def test_a_word_that_is_denied_changes_nothing(desk: Desk) -> None:
    """The second does not see it: the doubt stands, and another word may be said."""
    payout_id = await restored(desk)
    await desk.do("Till", payout_id, paid)
    await desk.do("Coin", payout_id, treasury_doubts.deny, never)
    await desk.do("Till", payout_id, treasury_doubts.confirm)
    assert (await desk.stands(payout_id))[0] == P.CANCELLED


async def test_a_rail_that_answers_meanwhile_overtakes_a_word(desk: Desk, carrier: Carrier) -> None:
    """What one has said counts no more once the provider has: the second is told that it is known."""
    payout_id = await restored(desk)
    await desk.do("Till", payout_id, never)
    carrier.taken.add(str((await attempt_of(desk)).id))
    assert await desk.tick() == [Now.PAID]
    with pytest.raises(ButtonGone):
        await desk.do("Coin", payout_id, treasury_doubts.confirm)
    assert (await desk.stands(payout_id))[0] == P.PAID


@pytest.mark.parametrize("since", ["given back", "left", "restored"])
async def test_a_word_counts_for_its_own_doubt_alone(desk: Desk, since: str) -> None:
    """What was said before another had the payout, or before a restore, does not say what has happened since."""
    payout_id = await desk.agreed(await desk.approved(), rail="manual")
    await doubt_payments(desk.resources)
    await desk.do("Till", payout_id, never)
    if since == "given back":
        await desk.do("Coin", payout_id, treasury.claim, treasury.give_back)
    if since == "restored":
        await doubt_payments(desk.resources)
    else:
        await desk.do("Coin", payout_id, treasury.claim)
        async with desk.resources.unit() as unit:
            await treasury_leaving.release(unit, await volunteer(unit, "Coin"), "system")
    async with desk.resources.unit() as unit:
        payout = await unit.session.get_one(Payout, payout_id)
        finding = (await unit.session.exec(select(Finding))).one()
    assert (payout.status, payout.unsure) == (P.QUEUED, True)
    assert finding.status == FindingStatus.OVERTAKEN
    with pytest.raises(ButtonGone):
        await desk.do("Purse", payout_id, treasury_doubts.confirm)
    await desk.do("Purse", payout_id, never)


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
    await desk.do("Till", payout.id, paid)
    await desk.do("Coin", payout.id, treasury_doubts.confirm)
    assert await desk.books() == (PLENTY - SMALL, 0, SMALL)
    await desk.agrees()
