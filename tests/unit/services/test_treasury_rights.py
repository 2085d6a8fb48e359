"""The payout desk: who may claim, pay, see and confirm, and who is refused."""

from uuid import UUID, uuid4

import pytest
from sqlmodel import select

from bot.database import Resources
from models.audit import AuditEntry
from models.case import Case
from models.errors import AlreadyDone, ButtonGone, NotAllowed, OwnCase, Refused, SamePerson, SteppedAside
from models.grant import Grant
from models.panel import Recusal, Seat, SeatStatus, Vote, VoteKind
from models.volunteer import Role
from services import treasury, treasury_funding, treasury_leaving, treasury_returns, treasury_screens
from tests.unit.services.desk import PLENTY, Desk, Step, make_desk
from tests.unit.services.fund import LARGE, SMALL, volunteer
from tests.unit.services.paying import C, G, P, came_back, pay


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk with three treasurers and a million roubles."""
    return await make_desk(resources)


@pytest.mark.parametrize("step", [treasury.give_back, pay, treasury.read_destination])
async def test_only_the_holder_acts_on_a_claimed_payout(desk: Desk, step: Step) -> None:
    """Another treasurer neither sees the destination, nor pays, nor gives back what they do not hold."""
    payout_id = await desk.queued()
    await desk.do("Till", payout_id, treasury.claim)
    with pytest.raises(NotAllowed):
        await desk.do("Coin", payout_id, step)
    assert (await desk.stands(payout_id))[0] == P.CLAIMED


ALL_STEPS: tuple[Step, ...] = (
    treasury.claim,
    treasury.give_back,
    treasury.read_destination,
    pay,
    treasury.confirm,
    came_back,
    treasury_returns.recheck,
    treasury_leaving.take_over,
    treasury_leaving.take_telling,
    treasury_returns.confirm_return,
    treasury_returns.deny_return,
    treasury_screens.show_payout,
    treasury_screens.ask_reference,
    treasury_screens.ask_reason,
)


async def _refused(desk: Desk, sign: str, payout_id: UUID, refusal: type[Refused]) -> None:
    stood = await desk.stands(payout_id)
    for step in ALL_STEPS:
        with pytest.raises(refusal):
            await desk.do(sign, payout_id, step)
    assert await desk.stands(payout_id) == stood


async def test_nobody_but_a_treasurer_acts_at_the_desk(desk: Desk) -> None:
    """A reviewer, a coordinator and the applicant have no right at the desk."""
    payout_id = await desk.queued()
    await desk.confirmed("Heron", Role.REVIEWER)
    for sign in ("Heron", "Alpha", "Applicant"):
        await _refused(desk, sign, payout_id, NotAllowed)


async def test_a_treasurer_does_not_touch_their_own_case(desk: Desk) -> None:
    """Who asks for help as a treasurer is paid by others."""
    payout_id = await desk.queued(owner="Purse")
    await _refused(desk, "Purse", payout_id, OwnCase)


@pytest.mark.parametrize("voted", [True, False])
async def test_who_sat_on_the_panel_does_not_pay(desk: Desk, voted: bool) -> None:  # noqa: FBT001 - a parameter
    """Whoever may have read the story, with or without a vote, never learns where the money goes."""
    await desk.confirmed("Till", Role.REVIEWER)
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        till = await volunteer(unit, "Till")
        seat = Seat(case_id=case_id, volunteer_id=till.id, drawn_at=unit.now, due_at=unit.now)
        unit.session.add(seat)
        await unit.session.flush()
        if voted:
            unit.session.add(
                Vote(
                    seat_id=seat.id, case_id=case_id, volunteer_id=till.id, case_version=1, kind=VoteKind.APPROVE,
                    amount=SMALL, cast_at=unit.now,
                )
            )  # fmt: skip
        else:
            seat.status = SeatStatus.REPLACED
    told = len(await desk.notices("Till"))
    payout_id = await desk.agreed(case_id)
    assert len(await desk.notices("Till")) == told
    await _refused(desk, "Till", payout_id, NotAllowed)


async def test_coordinators_learn_when_nobody_may_pay(desk: Desk) -> None:
    """A payout that too few treasurers may act on does not wait in silence: at once, and again a day later."""
    case_id = await desk.approved(amount=LARGE)
    async with desk.resources.unit() as unit:
        for sign in ("Till", "Coin"):
            treasurer = await volunteer(unit, sign)
            unit.session.add(Seat(case_id=case_id, volunteer_id=treasurer.id, drawn_at=unit.now, due_at=unit.now))
    payout_id = await desk.agreed(case_id)
    too_few = "too few treasurers may do (missing: 1)"
    assert too_few in (await desk.notices("Alpha"))[-1]
    await desk.do("Purse", payout_id, treasury.claim, pay)
    assert sum(too_few in text for text in await desk.notices("Alpha")) == 2
    desk.later(hours=25)
    await desk.run(treasury.JOBS)
    assert sum(too_few in text for text in await desk.notices("Alpha")) == 3


@pytest.mark.parametrize("confirmed", [True, False])
async def test_one_treasurer_alone_does_not_take_a_large_payment_back(
    desk: Desk,
    confirmed: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Above the tier a return counts once another treasurer has seen the money; until then all stands."""
    payout_id = await desk.queued(amount=LARGE)
    await desk.do("Till", payout_id, treasury.claim, pay)
    if confirmed:
        await desk.do("Coin", payout_id, treasury.confirm)
    stood, booked = await desk.stands(payout_id), await desk.books()
    await desk.do("Till", payout_id, came_back)
    assert (await desk.notices("Purse"))[-1] == "The desk needs a second look at money that came back."
    with pytest.raises(SamePerson):
        await desk.do("Till", payout_id, treasury_returns.confirm_return)
    assert (await desk.stands(payout_id))[1:] == stood[1:]
    assert await desk.books() == booked
    await desk.do("Purse", payout_id, treasury_screens.show_payout)
    assert "says that the money came back" in (await desk.screen("Purse"))["text"]
    await desk.do("Till", payout_id, treasury_screens.show_payout)
    assert "A second treasurer must see it too" in (await desk.screen("Till"))["text"]
    await desk.do("Purse", payout_id, treasury_returns.deny_return)
    assert (await desk.stands(payout_id), await desk.books()) == (stood, booked)
    await desk.do("Purse", payout_id, came_back)
    await desk.do("Till", payout_id, treasury_returns.confirm_return)
    assert await desk.stands(payout_id) == (P.RETURNED, G.RESERVED, C.APPROVED)
    assert await desk.books() == (PLENTY - LARGE, LARGE, 0)


async def test_who_stepped_aside_does_not_pay(desk: Desk) -> None:
    """Who knows the person does not learn where their money goes."""
    payout_id = await desk.queued()
    async with desk.resources.unit() as unit:
        till = await volunteer(unit, "Till")
        case = (await unit.session.exec(select(Case))).one()
        unit.session.add(Recusal(case_id=case.id, volunteer_id=till.id, at=unit.now))
    await _refused(desk, "Till", payout_id, SteppedAside)


async def test_the_destination_is_shown_to_the_holder_alone_and_recorded(desk: Desk) -> None:
    """The one screen with the destination is protected, fades, and each showing is in the audit log."""
    payout_id = await desk.queued()
    await desk.do("Coin", payout_id, treasury_screens.show_payout)
    assert "4111" not in (await desk.screen("Coin"))["text"]
    await desk.do("Till", payout_id, treasury.claim, treasury_screens.show_payout)
    shown = await desk.screen("Till")
    assert "Card 4111 0000" in shown["text"]
    assert shown["protect"]
    assert shown["fade"] == 600
    await desk.do("Coin", payout_id, treasury_screens.show_payout)
    assert "4111" not in (await desk.screen("Coin"))["text"]
    async with desk.resources.unit() as unit:
        found = await unit.session.exec(
            select(AuditEntry.actor).where(AuditEntry.act == "payout.destination_read")
        )
        assert found.all() == [str((await volunteer(unit, "Till")).id)]


async def test_the_desk_shows_no_case(desk: Desk) -> None:
    """Queue and payout name the grant; the case's code and story are nowhere."""
    payout_id = await desk.queued()
    async with desk.resources.unit() as unit:
        case = (await unit.session.exec(select(Case))).one()
        number = (await unit.session.exec(select(Grant.number))).one()
        await treasury_screens.show_desk(unit, await desk.actor(unit, "Till"))
    listed = str(await desk.screen("Till"))
    assert number in listed
    await desk.do("Till", payout_id, treasury.claim, treasury_screens.show_payout)
    for shown in (listed, str(await desk.screen("Till"))):
        assert case.code not in shown
        assert "umbrella" not in shown


@pytest.mark.parametrize(
    ("sign", "step", "refusal"),
    [
        ("Till", treasury_funding.confirm, SamePerson),
        ("Alpha", treasury_funding.confirm, NotAllowed),
        ("Applicant", treasury_funding.refuse, NotAllowed),
        ("Alpha", treasury_funding.show_funding, NotAllowed),
    ],
)
async def test_money_is_confirmed_by_another_treasurer_only(
    desk: Desk, sign: str, step: Step, refusal: type[Refused]
) -> None:
    """Neither the one who entered it nor anybody without the role makes money count."""
    entry = uuid4()
    await desk.queued()
    before = await desk.books()
    async with desk.resources.unit() as unit:
        await treasury_funding.enter(unit, await desk.actor(unit, "Till"), entry, SMALL)
    with pytest.raises(AlreadyDone):
        async with desk.resources.unit() as unit:
            await treasury_funding.enter(unit, await desk.actor(unit, "Till"), entry, SMALL)
    with pytest.raises(refusal):
        await desk.do(sign, entry, step)
    with pytest.raises(ButtonGone):
        await desk.do("Coin", uuid4(), treasury_funding.confirm)
    assert await desk.books() == before
