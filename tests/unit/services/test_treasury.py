"""The payout desk: each grant is paid once, by the right people, and the books follow."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest
from sqlmodel import col, func, select

from bot.database import Resources
from models.audit import AuditEntry
from models.case import Case, CaseStatus
from models.doubt import Found, Ground
from models.errors import (
    AlreadyDone,
    BadInput,
    ButtonGone,
    FundShort,
    MoveRefused,
    NotAllowed,
    OwnCase,
    Refused,
    SamePerson,
    SteppedAside,
)
from models.followup import FollowUp
from models.grant import Grant, GrantStatus, Payout, PayoutStatus, ReturnReason
from models.ledger import JournalEntry
from models.mail import Effect, EffectKind, SentMessage
from models.panel import Recusal, Seat, SeatStatus, Vote, VoteKind
from models.unit import Unit
from models.volunteer import Role, VolunteerStatus
from payments import grants, payouts
from payments.rails.registry import NoRail
from services import (
    intake,
    standing,
    submission,
    treasury,
    treasury_doubts,
    treasury_funding,
    treasury_person,
    treasury_returns,
    treasury_screens,
)
from services.access import Actor
from services.contact import Address, lane_of
from services.speak import SCREEN
from tests.unit.services.desk import PLENTY, Desk, make_desk
from tests.unit.services.fund import LARGE, SMALL, shows, volunteer
from vault.seal import Place
from vault.types import SealedBytes

Step = Callable[[Unit, Actor, UUID], Awaitable[object]]
P, G, C = PayoutStatus, GrantStatus, CaseStatus


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk with three treasurers and a million roubles."""
    return await make_desk(resources)


async def _pay(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    await treasury.pay(unit, actor, payout_id, "R-77")


async def _never(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    await treasury_doubts.say(unit, actor, payout_id, Found.NEVER, Ground.STATEMENT)


async def _return(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    await treasury_returns.came_back(unit, actor, payout_id, ReturnReason.REFUSED)


async def _do(desk: Desk, sign: str, payout_id: UUID, *steps: Step) -> None:
    for step in steps:
        async with desk.resources.unit() as unit:
            await step(unit, await desk.actor(unit, sign), payout_id)


async def test_a_small_grant_is_paid_by_one_treasurer(desk: Desk) -> None:
    """Approve, agree, claim, pay: the books, the case, the person and the follow-ups all know."""
    case_id = await desk.approved()
    assert await desk.books() == (PLENTY - SMALL, SMALL, 0)
    payout_id = await desk.agreed(case_id)
    assert await desk.stands(payout_id) == (P.QUEUED, G.RESERVED, C.PAYING)
    for sign in ("Till", "Coin", "Purse"):
        assert (await desk.notices(sign))[-1] == "There is work at the desk."
    await _do(desk, "Till", payout_id, treasury.claim, _pay)
    assert await desk.stands(payout_id) == (P.PAID, G.PAID, C.PAID)
    assert await desk.books() == (PLENTY - SMALL, 0, SMALL)
    assert await desk.notices("Applicant")
    async with desk.resources.unit() as unit:
        assert (await unit.session.exec(select(func.count(col(FollowUp.id))))).one() >= 3
        payout = await unit.session.get_one(Payout, payout_id)
        assert payouts.reference_of(unit, payout) == "R-77"
        assert "R-77" not in repr(payout.reference)


async def test_a_large_grant_counts_after_a_second_treasurer(desk: Desk) -> None:
    """Above the tier money stays reserved until another treasurer has confirmed the payment."""
    payout_id = await desk.queued(amount=LARGE)
    await _do(desk, "Till", payout_id, treasury.claim, _pay)
    assert await desk.stands(payout_id) == (P.SENT, G.RESERVED, C.PAYING)
    assert await desk.books() == (PLENTY - LARGE, LARGE, 0)
    with pytest.raises(SamePerson):
        await _do(desk, "Till", payout_id, treasury.confirm)
    await _do(desk, "Coin", payout_id, treasury.confirm)
    assert await desk.stands(payout_id) == (P.PAID, G.PAID, C.PAID)
    assert await desk.books() == (PLENTY - LARGE, 0, LARGE)


@pytest.mark.parametrize("amount", [SMALL, LARGE])
async def test_money_that_came_back_is_paid_anew(desk: Desk, amount: int) -> None:
    """A return reserves the grant anew, asks the person, and a new payout settles it: entries, never erasures."""
    payout_id = await desk.paid(amount=amount)
    await _do(desk, "Coin", payout_id, _return)
    if amount == LARGE:
        await _do(desk, "Till", payout_id, treasury_returns.confirm_return)
    assert await desk.stands(payout_id) == (P.RETURNED, G.RESERVED, C.APPROVED)
    assert await desk.books() == (PLENTY - amount, amount, 0)
    async with desk.resources.unit() as unit:
        case = (await unit.session.exec(select(Case))).one()
        await treasury_person.show_person(unit, await desk.actor(unit, "Applicant"), case)
    assert "did not accept it" in (await desk.screen("Applicant"))["text"]
    again = await desk.agreed(case.id)
    assert again != payout_id
    await _do(desk, "Purse", again, treasury.claim, _pay)
    if amount == LARGE:
        await _do(desk, "Till", again, treasury.confirm)
    assert await desk.stands(again) == (P.PAID, G.PAID, C.PAID)
    assert await desk.books() == (PLENTY - amount, 0, amount)
    async with desk.resources.unit() as unit:
        kinds = (await unit.session.exec(select(JournalEntry.kind))).all()
    assert sorted(kinds) == ["contribution", "reserve", "return", "settle", "settle"]


async def test_money_sent_and_come_back_before_the_second_look(desk: Desk) -> None:
    """A payment returned before it counted leaves the grant as it was reserved, without an entry."""
    payout_id = await desk.queued(amount=LARGE)
    await _do(desk, "Till", payout_id, treasury.claim, _pay, _return)
    assert await desk.stands(payout_id) == (P.RETURNING, G.RESERVED, C.PAYING)
    await _do(desk, "Coin", payout_id, treasury_returns.confirm_return)
    assert await desk.stands(payout_id) == (P.RETURNED, G.RESERVED, C.APPROVED)
    assert await desk.books() == (PLENTY - LARGE, LARGE, 0)


@pytest.mark.parametrize(
    ("before", "again", "refusal"),
    [
        ((treasury.claim,), treasury.claim, MoveRefused),
        ((treasury.claim, _pay), _pay, MoveRefused),
        ((treasury.claim, treasury.give_back), treasury.give_back, NotAllowed),
        ((treasury.claim, _pay, _return), _return, MoveRefused),
        ((treasury.claim, _pay), treasury.give_back, MoveRefused),
        ((treasury.claim, _pay), treasury.claim, MoveRefused),
        ((treasury.claim, _pay), treasury.read_destination, NotAllowed),
        ((treasury.claim, _pay, _return), _pay, MoveRefused),
        ((), _pay, NotAllowed),
        ((), treasury.give_back, NotAllowed),
        ((), treasury.read_destination, NotAllowed),
        ((), treasury_returns.recheck, NotAllowed),
        ((), _return, MoveRefused),
        ((), treasury.confirm, MoveRefused),
        ((treasury.claim,), treasury.confirm, Refused),
        ((treasury.claim,), _return, MoveRefused),
        ((treasury.claim, _pay), treasury_returns.deny_return, MoveRefused),
        ((treasury.claim, _pay, _return), treasury_returns.confirm_return, MoveRefused),
        ((), treasury_returns.confirm_return, MoveRefused),
    ],
)
async def test_a_second_press_changes_nothing(
    desk: Desk, before: tuple[Step, ...], again: Step, refusal: type[Refused]
) -> None:
    """A double press or a step out of order is refused, and the books stay."""
    payout_id = await desk.queued()
    await _do(desk, "Till", payout_id, *before)
    stood, booked = await desk.stands(payout_id), await desk.books()
    with pytest.raises(refusal):
        await _do(desk, "Till", payout_id, again)
    assert (await desk.stands(payout_id), await desk.books()) == (stood, booked)


@pytest.mark.parametrize("step", [treasury.give_back, _pay, treasury.read_destination])
async def test_only_the_holder_acts_on_a_claimed_payout(desk: Desk, step: Step) -> None:
    """Another treasurer neither sees the destination, nor pays, nor gives back what they do not hold."""
    payout_id = await desk.queued()
    await _do(desk, "Till", payout_id, treasury.claim)
    with pytest.raises(NotAllowed):
        await _do(desk, "Coin", payout_id, step)
    assert (await desk.stands(payout_id))[0] == P.CLAIMED


ALL_STEPS: tuple[Step, ...] = (
    treasury.claim,
    treasury.give_back,
    treasury.read_destination,
    _pay,
    treasury.confirm,
    _return,
    treasury_returns.recheck,
    treasury.take_over,
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
            await _do(desk, sign, payout_id, step)
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
    await _do(desk, "Purse", payout_id, treasury.claim, _pay)
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
    await _do(desk, "Till", payout_id, treasury.claim, _pay)
    if confirmed:
        await _do(desk, "Coin", payout_id, treasury.confirm)
    stood, booked = await desk.stands(payout_id), await desk.books()
    await _do(desk, "Till", payout_id, _return)
    assert (await desk.notices("Purse"))[-1] == "The desk needs a second look at money that came back."
    with pytest.raises(SamePerson):
        await _do(desk, "Till", payout_id, treasury_returns.confirm_return)
    assert (await desk.stands(payout_id))[1:] == stood[1:]
    assert await desk.books() == booked
    await _do(desk, "Purse", payout_id, treasury_screens.show_payout)
    assert "says that the money came back" in (await desk.screen("Purse"))["text"]
    await _do(desk, "Till", payout_id, treasury_screens.show_payout)
    assert "A second treasurer must see it too" in (await desk.screen("Till"))["text"]
    await _do(desk, "Purse", payout_id, treasury_returns.deny_return)
    assert (await desk.stands(payout_id), await desk.books()) == (stood, booked)
    await _do(desk, "Purse", payout_id, _return)
    await _do(desk, "Till", payout_id, treasury_returns.confirm_return)
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


@pytest.mark.parametrize("typed", ["", "   ", "\n", "x" * 65, "a\x00b", "a\u202eb"])
async def test_a_reference_that_is_none_is_refused(desk: Desk, typed: str) -> None:
    """An empty, endless or invisible reference is asked for again, and nothing is paid."""
    payout_id = await desk.queued()
    await _do(desk, "Till", payout_id, treasury.claim)
    async with desk.resources.unit() as unit:
        with pytest.raises(BadInput, match="reference"):
            await treasury.pay(unit, await desk.actor(unit, "Till"), payout_id, typed)
    assert (await desk.stands(payout_id))[0] == P.CLAIMED


async def test_the_destination_is_shown_to_the_holder_alone_and_recorded(desk: Desk) -> None:
    """The one screen with the destination is protected, fades, and each showing is in the audit log."""
    payout_id = await desk.queued()
    await _do(desk, "Coin", payout_id, treasury_screens.show_payout)
    assert "4111" not in (await desk.screen("Coin"))["text"]
    await _do(desk, "Till", payout_id, treasury.claim, treasury_screens.show_payout)
    shown = await desk.screen("Till")
    assert "Card 4111 0000" in shown["text"]
    assert shown["protect"]
    assert shown["fade"] == 600
    await _do(desk, "Coin", payout_id, treasury_screens.show_payout)
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
    await _do(desk, "Till", payout_id, treasury.claim, treasury_screens.show_payout)
    for shown in (listed, str(await desk.screen("Till"))):
        assert case.code not in shown
        assert "umbrella" not in shown


async def test_the_person_agrees_once_and_alone(desk: Desk) -> None:
    """A second press, another person, and a press after payment are all refused."""
    case_id = await desk.approved()
    await desk.case("Stranger")
    with pytest.raises(ButtonGone):
        await desk.agreed(case_id, "Stranger")
    await desk.agreed(case_id)
    with pytest.raises(AlreadyDone):
        await desk.agreed(case_id)


async def test_nothing_is_queued_without_a_destination(desk: Desk) -> None:
    """Until the question is answered anew there is nowhere to pay."""
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await treasury.other_way(unit, await desk.actor(unit, "Applicant"), case)
        assert await intake.read_answer(unit, case, "payout") is None
        assert [effect for effect in await shows(unit, "notice:") if effect.case_id == case_id] == []
    with pytest.raises(BadInput, match="destination"):
        await desk.agreed(case_id)


async def test_details_that_proved_wrong_are_not_used_again(desk: Desk) -> None:
    """After a return for wrong details the same destination is refused, however it is written; another is not."""
    payout_id = await desk.paid()
    async with desk.resources.unit() as unit:
        await treasury_returns.came_back(
            unit, await desk.actor(unit, "Till"), payout_id, ReturnReason.WRONG_DETAILS
        )
        case = (await unit.session.exec(select(Case))).one()
    for destination, good in ((None, False), ("card 4111-0000", False), ("Card 4222 0000", True)):
        async with desk.resources.unit() as unit:
            if destination:
                await intake.write_answer(unit, case, "payout", destination)
        if good:
            await desk.agreed(case.id)
        else:
            with pytest.raises(BadInput, match="same-destination"):
                await desk.agreed(case.id)


async def test_what_stands_still_is_spoken_of(desk: Desk) -> None:
    """After a day the queue is called out to treasurers and coordinators, the holder alone of what they hold."""
    payout_id = await desk.queued(amount=LARGE)
    people = ("Till", "Coin", "Alpha")

    async def told() -> list[int]:
        before = [len(await desk.notices(sign)) for sign in people]
        await desk.run(treasury.JOBS)
        return [len(await desk.notices(sign)) - count for sign, count in zip(people, before, strict=True)]

    assert await told() == [0, 0, 0]
    desk.later(hours=24)
    assert await told() == [1, 1, 1]
    assert await told() == [0, 0, 0]
    await _do(desk, "Till", payout_id, treasury.claim)
    desk.later(hours=25)
    assert await told() == [1, 0, 0]
    await _do(desk, "Till", payout_id, _pay)
    desk.later(hours=25)
    assert await told() == [1, 1, 1]
    await _do(desk, "Coin", payout_id, treasury.confirm)
    desk.later(hours=25)
    assert await told() == [0, 0, 0]


async def test_the_holder_is_told_that_a_case_was_withdrawn(desk: Desk) -> None:
    """Whoever holds the payout learns within a minute, once, that nobody waits for it."""
    payout_id = await desk.queued()
    await _do(desk, "Till", payout_id, treasury.claim)
    await _withdraw(desk)
    for _ in range(2):
        await desk.run(treasury.JOBS)
    assert (await desk.notices("Till")).count(
        "What you hold at the desk was taken back. Please say how it stands."
    ) == 1


async def test_a_payout_is_taken_over_from_who_is_no_treasurer_any_more(desk: Desk) -> None:
    """While the holder is a treasurer nobody takes it from them; afterwards it goes back into the queue."""
    payout_id = await desk.queued()
    await _do(desk, "Till", payout_id, treasury.claim)
    with pytest.raises(NotAllowed):
        await _do(desk, "Coin", payout_id, treasury.take_over)
    async with desk.resources.unit() as unit:
        (await volunteer(unit, "Till")).status = VolunteerStatus.SUSPENDED
    with pytest.raises(NotAllowed):
        await _do(desk, "Till", payout_id, _pay)
    await _do(desk, "Coin", payout_id, treasury_screens.show_payout)
    assert "no treasurer any more" in (await desk.screen("Coin"))["text"]
    await _do(desk, "Coin", payout_id, treasury.take_over)
    assert (await desk.stands(payout_id))[0] == P.QUEUED
    await _do(desk, "Coin", payout_id, treasury.claim, _pay)
    assert (await desk.stands(payout_id))[0] == P.PAID


async def test_the_person_takes_back_what_nobody_holds_yet(desk: Desk) -> None:
    """Before a treasurer claims, the person may correct where the money goes; afterwards not."""
    case_id = await desk.approved()
    for expected in (None, AlreadyDone):
        payout_id = await desk.agreed(case_id)
        if expected:
            await _do(desk, "Till", payout_id, treasury.claim)
        async with desk.resources.unit() as unit:
            case = await unit.session.get_one(Case, case_id)
            applicant = await desk.actor(unit, "Applicant")
            if expected:
                with pytest.raises(expected):
                    await treasury.take_back(unit, applicant, case)
            else:
                await treasury.take_back(unit, applicant, case)
        assert await desk.stands(payout_id) == (
            (P.CLAIMED, G.RESERVED, C.PAYING) if expected else (P.CANCELLED, G.RESERVED, C.APPROVED)
        )


async def test_a_short_fund_says_so_and_pays_in_order(resources: Resources) -> None:
    """What the fund has not, it does not promise; those who wait are served in order once money comes."""
    desk = await make_desk(resources, SMALL)
    first = await desk.approved("First", SMALL)
    second = await desk.approved("Second", LARGE)
    third = await desk.approved("Third", SMALL)
    for sign in ("Till", "Alpha"):
        assert "does not suffice" in (await desk.notices(sign))[-1]
    with pytest.raises(FundShort):
        await desk.agreed(second, "Second")
    async with resources.unit() as unit:
        case = await unit.session.get_one(Case, second)
        await treasury_person.show_person(unit, await desk.actor(unit, "Second"), case)
    assert "not enough money" in (await desk.screen("Second"))["text"]
    await desk.add(SMALL)
    await desk.run(treasury.JOBS)
    with pytest.raises(FundShort):
        await desk.agreed(third, "Third")
    await desk.add(LARGE)
    await desk.run(treasury.JOBS)
    assert await desk.books() == (0, LARGE + 2 * SMALL, 0)
    assert len(await desk.notices("Second")) == 1
    await desk.run(treasury.JOBS)
    assert len(await desk.notices("Second")) == 1
    for case_id, owner in ((first, "First"), (second, "Second"), (third, "Third")):
        await desk.agreed(case_id, owner)


async def _ended(desk: Desk, sign: str = "Till", by: str = "Alpha") -> None:
    """A coordinator ends somebody's access."""
    async with desk.resources.unit() as unit:
        await standing.suspend(unit, await desk.actor(unit, by), (await volunteer(unit, sign)).id)


async def test_whoever_loses_access_holds_no_payout(desk: Desk) -> None:
    """What was claimed is in the queue again, with a warning; where to pay leaves the screen; others are told."""
    claimed, queued = await desk.queued("Applicant"), await desk.queued("Other")
    await _do(desk, "Till", claimed, treasury.claim, treasury_screens.show_payout)
    assert "4111" in (await desk.screen("Till"))["text"]
    before = len(await desk.notices("Till"))
    await _ended(desk)
    assert (await desk.stands(claimed))[:2] == (P.QUEUED, G.RESERVED)
    assert await desk.said("Till", SCREEN) == []
    assert len(await desk.notices("Till")) <= before
    for sign in ("Coin", "Purse"):
        assert "no treasurer any more" in (await desk.notices(sign))[-1]
    await _do(desk, "Coin", queued, treasury_screens.show_payout)
    assert "may have been paid already" not in (await desk.screen("Coin"))["text"]
    await _do(desk, "Coin", claimed, treasury_screens.show_payout)
    assert "may have been paid already" in (await desk.screen("Coin"))["text"]
    await _do(desk, "Coin", claimed, treasury.claim, _pay)
    assert (await desk.stands(claimed))[0] == P.PAID
    assert await desk.books() == (PLENTY - 2 * SMALL, SMALL, SMALL)


async def test_a_standing_screen_that_says_where_to_pay_is_erased(desk: Desk) -> None:
    """Also when Telegram has shown it already: its deletion is in the outbox."""
    payout_id = await desk.queued()
    await _do(desk, "Till", payout_id, treasury.claim)
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
    await _do(desk, "Till", payout_id, treasury.claim, _pay)
    await _ended(desk)
    assert (await desk.stands(payout_id))[0] == P.SENT
    assert (await desk.notices("Coin")).count("The desk needs a second look.") == 2
    await _do(desk, "Coin", payout_id, treasury.confirm)
    assert (await desk.stands(payout_id))[0] == P.PAID


async def test_a_withdrawn_payout_of_who_left_waits_for_two(desk: Desk) -> None:
    """Money that may be gone is free neither by itself nor by one treasurer's word: two find out."""
    payout_id = await desk.queued()
    await _do(desk, "Till", payout_id, treasury.claim)
    await _withdraw(desk)
    await _ended(desk)
    assert await desk.stands(payout_id) == (P.QUEUED, G.RESERVED, None)
    with pytest.raises(NotAllowed):
        await _do(desk, "Coin", payout_id, treasury.claim)
    await _do(desk, "Coin", payout_id, _never)
    await _do(desk, "Purse", payout_id, treasury_doubts.confirm)
    assert await desk.stands(payout_id) == (P.CANCELLED, G.CANCELLED, None)
    assert await desk.books() == (PLENTY, 0, 0)


async def test_the_doubt_outlives_what_the_person_does(desk: Desk) -> None:
    """Taking it back and agreeing anew, or withdrawing, does not hide that it may have been paid already."""
    case_id = await desk.approved()
    first = await desk.agreed(case_id)
    await _do(desk, "Till", first, treasury.claim)
    await _ended(desk)
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await treasury.take_back(unit, await desk.actor(unit, "Applicant"), case)
    second = await desk.agreed(case_id)
    await _do(desk, "Coin", second, treasury_screens.show_payout)
    assert "may have been paid already" in (await desk.screen("Coin"))["text"]
    await _withdraw(desk)
    assert await desk.stands(second) == (P.QUEUED, G.RESERVED, None)
    await _do(desk, "Coin", second, _never)
    await _do(desk, "Purse", second, treasury_doubts.confirm)
    assert await desk.stands(second) == (P.CANCELLED, G.CANCELLED, None)
    assert await desk.books() == (PLENTY, 0, 0)


async def test_giving_back_ends_the_doubt(desk: Desk) -> None:
    """Whoever took it has found out; the next one is not warned again."""
    payout_id = await desk.queued()
    await _do(desk, "Till", payout_id, treasury.claim)
    await _ended(desk)
    await _do(desk, "Coin", payout_id, treasury.claim, treasury.give_back, treasury_screens.show_payout)
    assert "may have been paid already" not in (await desk.screen("Coin"))["text"]


async def test_who_leaves_without_payouts_worries_nobody(desk: Desk) -> None:
    """Nothing held, nothing told."""
    before = await desk.notices("Coin")
    await _ended(desk)
    assert await desk.notices("Coin") == before


@pytest.mark.parametrize("amount", [0, -1, 50_000_001])
async def test_an_amount_outside_the_policy_is_refused(desk: Desk, amount: int) -> None:
    """No grant of nothing, and none above the policy's largest tier."""
    case_id = await desk.case(begin=False)
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        with pytest.raises(BadInput):
            await grants.approve(unit, case, amount, "system")


async def test_a_case_has_one_grant(desk: Desk) -> None:
    """A second approval of the same case is refused, and reserves nothing."""
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        with pytest.raises(AlreadyDone):
            await grants.approve(unit, case, SMALL, "system")
    assert await desk.books() == (PLENTY - SMALL, SMALL, 0)


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
    await _do(desk, "Till", given, treasury.claim)
    await _do(desk, "Coin", settled, treasury.claim)
    await _withdraw(desk)
    assert await desk.stands(given) == (P.CLAIMED, G.RESERVED, None)
    await _do(desk, "Till", given, treasury_screens.show_payout)
    assert "taken the request back" in (await desk.screen("Till"))["text"]
    with pytest.raises(NotAllowed):
        await _do(desk, "Till", given, treasury.read_destination)
    await _do(desk, "Till", given, treasury.give_back)
    assert await desk.stands(given) == (P.CANCELLED, G.CANCELLED, None)
    async with desk.resources.unit() as unit:
        other = await desk.actor(unit, "Other")
        assert other.case is not None
        await submission.withdraw(unit, other, other.case)
    await _do(desk, "Coin", settled, _pay)
    assert await desk.stands(settled) == (P.PAID, G.PAID, None)
    assert await desk.books() == (PLENTY - SMALL, 0, SMALL)
    await _do(desk, "Coin", settled, _return)
    assert await desk.stands(settled) == (P.RETURNING, G.PAID, None)
    assert await desk.books() == (PLENTY - SMALL, 0, SMALL)
    await _do(desk, "Till", settled, treasury_returns.confirm_return)
    assert await desk.stands(settled) == (P.RETURNED, G.CANCELLED, None)
    assert await desk.books() == (PLENTY, 0, 0)


async def test_a_missing_payment_goes_to_those_who_made_it(desk: Desk) -> None:
    """Who paid and who confirmed are told, not the third treasurer; looking it up tells the person."""
    payout_id = await desk.paid(amount=LARGE)
    before = {sign: len(await desk.notices(sign)) for sign in ("Till", "Coin", "Purse", "Applicant")}
    async with desk.resources.unit() as unit:
        case = (await unit.session.exec(select(Case))).one()
        assert await treasury_returns.reported_missing(unit, case)
    told = {sign: len(await desk.notices(sign)) - count for sign, count in before.items()}
    assert told == {"Till": 1, "Coin": 1, "Purse": 0, "Applicant": 0}
    await desk.deliver()
    await _do(desk, "Till", payout_id, treasury_returns.recheck)
    assert len(await desk.notices("Applicant")) == before["Applicant"] + 1
    await _do(desk, "Till", payout_id, _return)
    async with desk.resources.unit() as unit:
        assert not await treasury_returns.reported_missing(unit, case)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_of_treasurers_at_once_one_wins(desk: Desk) -> None:
    """Three real transactions side by side: one claim, one payment, one settlement."""
    payout_id = await desk.queued(amount=LARGE)

    async def press(sign: str, step: Step) -> bool:
        try:
            await _do(desk, sign, payout_id, step)
        except Refused:
            return False
        return True

    claims = await asyncio.gather(*(press(sign, treasury.claim) for sign in ("Till", "Coin", "Purse")))
    assert sum(claims) == 1
    holder = ("Till", "Coin", "Purse")[claims.index(True)]
    assert sum(await asyncio.gather(*(press(holder, _pay) for _ in range(4)))) == 1
    others = [sign for sign in ("Till", "Coin", "Purse") if sign != holder]
    confirmed = await asyncio.gather(*(press(sign, treasury.confirm) for sign in others * 2))
    assert sum(confirmed) == 1
    assert await desk.books() == (PLENTY - LARGE, 0, LARGE)
    assert sum(await asyncio.gather(*(press(sign, _return) for sign in others * 2))) == 1
    assert await desk.books() == (PLENTY - LARGE, 0, LARGE)
    seen = await asyncio.gather(*(press(sign, treasury_returns.confirm_return) for sign in others * 2))
    assert sum(seen) >= 1
    assert await desk.books() == (PLENTY - LARGE, LARGE, 0)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_approvals_at_once_promise_no_more_than_there_is(resources: Resources) -> None:
    """Approvals racing for the last money reserve it once, the other waits."""
    desk = await make_desk(resources, SMALL)
    cases = [await desk.case(f"Person {number}", begin=False) for number in range(4)]

    async def approve(case_id: UUID) -> GrantStatus:
        async with resources.unit() as unit:
            case = await unit.session.get_one(Case, case_id)
            case.status = CaseStatus.APPROVED
            return (await grants.approve(unit, case, SMALL, "system")).status

    outcome = await asyncio.gather(*(approve(case_id) for case_id in cases))
    assert sorted(outcome) == [G.RESERVED, G.WAITING, G.WAITING, G.WAITING]
    assert await desk.books() == (0, SMALL, 0)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_people_and_treasurers_at_once_do_not_stop_each_other(desk: Desk) -> None:
    """Paying, withdrawing, filling the fund and approving side by side: nobody waits in a ring, the books hold."""
    owners = [f"Person {number}" for number in range(4)]
    held = {owner: await desk.queued(owner) for owner in owners}
    fresh = [await desk.case(f"Newcomer {number}", begin=False) for number in range(4)]
    for payout_id in held.values():
        await _do(desk, "Till", payout_id, treasury.claim)

    async def withdraw(owner: str) -> None:
        try:
            async with desk.resources.unit() as unit:
                applicant = await desk.actor(unit, owner)
                assert applicant.case is not None
                await submission.withdraw(unit, applicant, applicant.case)
        except MoveRefused:  # it was paid at that moment: they look, and withdraw what they see now
            await withdraw(owner)

    async def approve(case_id: UUID) -> None:
        async with desk.resources.unit() as unit:
            case = await unit.session.get_one(Case, case_id)
            case.status = CaseStatus.APPROVED
            await grants.approve(unit, case, SMALL, "system")

    await asyncio.gather(
        *(_do(desk, "Till", payout_id, _pay) for payout_id in held.values()),
        *(withdraw(owner) for owner in owners),
        *(approve(case_id) for case_id in fresh),
        *(desk.add(SMALL) for _ in range(4)),
    )
    assert [(await desk.stands(payout_id))[:2] for payout_id in held.values()] == [(P.PAID, G.PAID)] * 4
    assert await desk.books() == (PLENTY - 4 * SMALL, 4 * SMALL, 4 * SMALL)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_of_confirmations_at_once_one_counts(desk: Desk) -> None:
    """Money entered once is in the books once, however many treasurers confirm it at the same moment."""
    entry = uuid4()
    async with desk.resources.unit() as unit:
        await treasury_funding.enter(unit, await desk.actor(unit, "Till"), entry, SMALL)

    async def confirm(sign: str) -> bool:
        try:
            await _do(desk, sign, entry, treasury_funding.confirm)
        except Refused:
            return False
        return True

    assert sum(await asyncio.gather(*(confirm(sign) for sign in ("Till", "Coin", "Purse") * 2))) == 1
    assert await desk.books() == (PLENTY + SMALL, 0, 0)


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
        await _do(desk, sign, entry, step)
    with pytest.raises(ButtonGone):
        await _do(desk, "Coin", uuid4(), treasury_funding.confirm)
    assert await desk.books() == before


async def test_without_an_open_rail_nothing_is_queued(desk: Desk) -> None:
    """A policy that opens no rail refuses kindly, and the grant stays reserved."""
    case_id = await desk.approved()
    policy = desk.resources.policy
    desk.resources.policy = policy.model_copy(update={"rails": ("pigeon",)})
    with pytest.raises(NoRail):
        await desk.agreed(case_id)
    desk.resources.policy = policy
    await desk.agreed(case_id)
