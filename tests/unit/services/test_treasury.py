"""The payout desk: each grant is paid once, by the right people, and the books follow."""

import pytest
from sqlmodel import col, func, select

from bot.database import Resources
from models.case import Case
from models.errors import (
    AlreadyDone,
    BadInput,
    ButtonGone,
    FundShort,
    MoveRefused,
    NotAllowed,
    Refused,
    SamePerson,
)
from models.followup import FollowUp
from models.grant import Payout, ReturnReason
from models.ledger import JournalEntry
from payments import grants, payouts
from payments.rails.registry import NoRail
from services import case_screens, erasure, intake, treasury, treasury_person, treasury_returns
from services.speak import NOTICE
from tests.unit.services.desk import PLENTY, Desk, Step, make_desk
from tests.unit.services.fund import LARGE, SMALL, shows
from tests.unit.services.paying import C, G, P, came_back, pay


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk with three treasurers and a million roubles."""
    return await make_desk(resources)


async def test_a_small_grant_is_paid_by_one_treasurer(desk: Desk) -> None:
    """Approve, agree, claim, pay: the books, the case, the person and the follow-ups all know."""
    case_id = await desk.approved()
    assert await desk.books() == (PLENTY - SMALL, SMALL, 0)
    payout_id = await desk.agreed(case_id)
    assert await desk.stands(payout_id) == (P.QUEUED, G.RESERVED, C.PAYING)
    for sign in ("Till", "Coin", "Purse"):
        assert (await desk.notices(sign))[-1] == "There is work at the desk."
    await desk.do("Till", payout_id, treasury.claim, pay)
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
    await desk.do("Till", payout_id, treasury.claim, pay)
    assert await desk.stands(payout_id) == (P.SENT, G.RESERVED, C.PAYING)
    assert await desk.books() == (PLENTY - LARGE, LARGE, 0)
    with pytest.raises(SamePerson):
        await desk.do("Till", payout_id, treasury.confirm)
    await desk.do("Coin", payout_id, treasury.confirm)
    assert await desk.stands(payout_id) == (P.PAID, G.PAID, C.PAID)
    assert await desk.books() == (PLENTY - LARGE, 0, LARGE)


@pytest.mark.parametrize("amount", [SMALL, LARGE])
async def test_money_that_came_back_is_paid_anew(desk: Desk, amount: int) -> None:
    """A return reserves the grant anew, asks the person, and a new payout settles it: entries, never erasures."""
    payout_id = await desk.paid(amount=amount)
    await desk.do("Coin", payout_id, came_back)
    if amount == LARGE:
        await desk.do("Till", payout_id, treasury_returns.confirm_return)
    assert await desk.stands(payout_id) == (P.RETURNED, G.RESERVED, C.APPROVED)
    assert await desk.books() == (PLENTY - amount, amount, 0)
    async with desk.resources.unit() as unit:
        case = (await unit.session.exec(select(Case))).one()
        await treasury_person.show_person(unit, await desk.actor(unit, "Applicant"), case)
    assert "did not accept it" in (await desk.screen("Applicant"))["text"]
    again = await desk.agreed(case.id)
    assert again != payout_id
    await desk.do("Purse", again, treasury.claim, pay)
    if amount == LARGE:
        await desk.do("Till", again, treasury.confirm)
    assert await desk.stands(again) == (P.PAID, G.PAID, C.PAID)
    assert await desk.books() == (PLENTY - amount, 0, amount)
    async with desk.resources.unit() as unit:
        kinds = (await unit.session.exec(select(JournalEntry.kind))).all()
    assert sorted(kinds) == ["contribution", "reserve", "return", "settle", "settle"]


async def test_money_sent_and_come_back_before_the_second_look(desk: Desk) -> None:
    """A payment returned before it counted leaves the grant as it was reserved, without an entry."""
    payout_id = await desk.queued(amount=LARGE)
    await desk.do("Till", payout_id, treasury.claim, pay, came_back)
    assert await desk.stands(payout_id) == (P.RETURNING, G.RESERVED, C.PAYING)
    await desk.do("Coin", payout_id, treasury_returns.confirm_return)
    assert await desk.stands(payout_id) == (P.RETURNED, G.RESERVED, C.APPROVED)
    assert await desk.books() == (PLENTY - LARGE, LARGE, 0)


@pytest.mark.parametrize(
    ("before", "again", "refusal"),
    [
        ((treasury.claim,), treasury.claim, MoveRefused),
        ((treasury.claim, pay), pay, MoveRefused),
        ((treasury.claim, treasury.give_back), treasury.give_back, NotAllowed),
        ((treasury.claim, pay, came_back), came_back, MoveRefused),
        ((treasury.claim, pay), treasury.give_back, MoveRefused),
        ((treasury.claim, pay), treasury.claim, MoveRefused),
        ((treasury.claim, pay), treasury.read_destination, NotAllowed),
        ((treasury.claim, pay, came_back), pay, MoveRefused),
        ((), pay, NotAllowed),
        ((), treasury.give_back, NotAllowed),
        ((), treasury.read_destination, NotAllowed),
        ((), treasury_returns.recheck, NotAllowed),
        ((), came_back, MoveRefused),
        ((), treasury.confirm, MoveRefused),
        ((treasury.claim,), treasury.confirm, Refused),
        ((treasury.claim,), came_back, MoveRefused),
        ((treasury.claim, pay), treasury_returns.deny_return, MoveRefused),
        ((treasury.claim, pay, came_back), treasury_returns.confirm_return, MoveRefused),
        ((), treasury_returns.confirm_return, MoveRefused),
    ],
)
async def test_a_second_press_changes_nothing(
    desk: Desk, before: tuple[Step, ...], again: Step, refusal: type[Refused]
) -> None:
    """A double press or a step out of order is refused, and the books stay."""
    payout_id = await desk.queued()
    await desk.do("Till", payout_id, *before)
    stood, booked = await desk.stands(payout_id), await desk.books()
    with pytest.raises(refusal):
        await desk.do("Till", payout_id, again)
    assert (await desk.stands(payout_id), await desk.books()) == (stood, booked)


@pytest.mark.parametrize("typed", ["", "   ", "\n", "x" * 65, "a\x00b", "a\u202eb"])
async def test_a_reference_that_is_none_is_refused(desk: Desk, typed: str) -> None:
    """An empty, endless or invisible reference is asked for again, and nothing is paid."""
    payout_id = await desk.queued()
    await desk.do("Till", payout_id, treasury.claim)
    async with desk.resources.unit() as unit:
        with pytest.raises(BadInput, match="reference"):
            await treasury.pay(unit, await desk.actor(unit, "Till"), payout_id, typed)
    assert (await desk.stands(payout_id))[0] == P.CLAIMED


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
    """After a return for wrong details the same destination is refused, however it is written; another is not.

    Whoever puts in the dot that was missing has given another one.
    """
    payout_id = await desk.paid()
    async with desk.resources.unit() as unit:
        await treasury_returns.came_back(
            unit, await desk.actor(unit, "Till"), payout_id, ReturnReason.WRONG_DETAILS
        )
        case = (await unit.session.exec(select(Case))).one()
    for destination, good in ((None, False), ("card 4111-0000", False), ("card.4111 0000", True)):
        async with desk.resources.unit() as unit:
            if destination:
                await intake.write_answer(unit, case, "payout", destination)
        if good:
            await desk.agreed(case.id)
        else:
            with pytest.raises(BadInput, match="same-destination"):
                await desk.agreed(case.id)


@pytest.mark.parametrize(
    ("reason", "choice", "confirms"),
    [
        (ReturnReason.REFUSED, "Please give another way, or confirm this one.", True),
        (ReturnReason.WRONG_DETAILS, "Please give another way.", False),
    ],
)
async def test_only_what_can_be_done_is_offered_after_a_return(
    desk: Desk, reason: ReturnReason, choice: str, *, confirms: bool
) -> None:
    """Whoever cannot confirm the destination that proved wrong is not asked to."""
    payout_id = await desk.paid()
    async with desk.resources.unit() as unit:
        await treasury_returns.came_back(unit, await desk.actor(unit, "Till"), payout_id, reason)
        case = (await unit.session.exec(select(Case))).one()
        await treasury_person.show_person(unit, await desk.actor(unit, "Applicant"), case)
    shown = await desk.screen("Applicant")
    assert choice in shown["text"].split("\n\n")
    labels = [button["label"] for row in shown["keyboard"] for button in row]
    assert ("Yes, send it" in labels) == confirms


@pytest.mark.parametrize("taken", [False, True])
async def test_erasing_says_what_becomes_of_granted_money(desk: Desk, *, taken: bool) -> None:
    """Whoever erases before a treasurer has taken the payout gives the money up, and is told before and after."""
    payout_id = await desk.queued()
    if taken:
        await desk.do("Till", payout_id, treasury.claim)
    async with desk.resources.unit() as unit:
        applicant = await desk.actor(unit, "Applicant")
        for confirm in (case_screens.confirm_erasing, case_screens.confirm_withdrawing):
            assert ("will not come then" in (await confirm(unit, applicant)).text) != taken
        done = await erasure.erase(unit, applicant)
        assert (done.money_let_go, done.money_moving) == (not taken, taken)
        assert ("will not come: it goes to others" in case_screens.erased(unit, applicant.to, done).text) != taken


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
    await desk.do("Till", payout_id, treasury.claim)
    desk.later(hours=25)
    assert await told() == [1, 0, 0]
    await desk.do("Till", payout_id, pay)
    desk.later(hours=25)
    assert await told() == [1, 1, 1]
    await desk.do("Coin", payout_id, treasury.confirm)
    desk.later(hours=25)
    assert await told() == [0, 0, 0]


async def test_the_person_takes_back_what_nobody_holds_yet(desk: Desk) -> None:
    """Before a treasurer claims, the person may correct where the money goes; afterwards not."""
    case_id = await desk.approved()
    for expected in (None, AlreadyDone):
        payout_id = await desk.agreed(case_id)
        if expected:
            await desk.do("Till", payout_id, treasury.claim)
        async with desk.resources.unit() as unit:
            case = await unit.session.get_one(Case, case_id)
            applicant = await desk.actor(unit, "Applicant")
            if expected:
                with pytest.raises(expected, match="taken-up"):
                    await treasury.take_back(unit, applicant, case)
            else:
                await treasury.take_back(unit, applicant, case)
        assert await desk.stands(payout_id) == (
            (P.CLAIMED, G.RESERVED, C.PAYING) if expected else (P.CANCELLED, G.RESERVED, C.APPROVED)
        )


async def test_who_agrees_and_takes_back_again_and_again_floods_nobody(resources: Resources) -> None:
    """What was taken back is nobody's work any more, and after so many times a day it is enough."""
    desk = await make_desk(resources)
    case_id = await desk.approved()
    for _ in range(10):
        await desk.agreed(case_id)
        async with desk.resources.unit() as unit:
            case = await unit.session.get_one(Case, case_id)
            await treasury.take_back(unit, await desk.actor(unit, "Applicant"), case)
    async with desk.resources.unit() as unit:
        assert not await shows(unit, f"{NOTICE}payout:")
    with pytest.raises(BadInput) as refused:
        await desk.agreed(case_id)
    assert refused.value.text_key == "treasury.bad.ways"


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
    await desk.do("Till", payout_id, treasury_returns.recheck)
    assert len(await desk.notices("Applicant")) == before["Applicant"] + 1
    await desk.do("Till", payout_id, came_back)
    await desk.do("Coin", payout_id, treasury_returns.confirm_return)
    async with desk.resources.unit() as unit:
        assert not await treasury_returns.reported_missing(unit, case)


async def test_without_an_open_rail_nothing_is_queued(desk: Desk) -> None:
    """A policy that opens no rail refuses kindly, and the grant stays reserved."""
    case_id = await desk.approved()
    policy = desk.resources.policy
    desk.resources.policy = policy.model_copy(update={"rails": ("pigeon",)})
    with pytest.raises(NoRail):
        await desk.agreed(case_id)
    desk.resources.policy = policy
    await desk.agreed(case_id)
