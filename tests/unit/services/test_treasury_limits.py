"""What holds when people write around a limit, erase and ask anew, or when a case is cut off from its payout."""

import asyncio
from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from bot.operations import doubt_payments
from models.case import Case, CaseStatus
from models.destination import DestinationMark, PayoutBar
from models.errors import NotAllowed, SamePerson
from models.grant import GrantStatus, Payout, PayoutStatus, ReturnReason
from models.panel import Seat
from models.volunteer import Role
from payments import grants
from payments.attempts import Now
from payments.limits import LimitReached
from services import erasure, intake, retention, treasury, treasury_doubts, treasury_returns
from services.treasury_rights import able
from tests.unit.payments.carrier import Carrier
from tests.unit.services.desk import Desk, carried_desk, make_desk
from tests.unit.services.doubting import paid as say_paid
from tests.unit.services.fund import LARGE, SMALL, volunteer

CARD = "card 4111 1111 1111 1111"


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk at which a destination gets as much as one small grant."""
    desk = await make_desk(resources)
    return limited(desk, per_destination=SMALL)


def limited(desk: Desk, **limits: int) -> Desk:
    """The same desk under other limits."""
    policy = desk.resources.policy
    desk.resources.policy = policy.model_copy(update={"limits": policy.limits.model_copy(update=limits)})
    return desk


async def approved(desk: Desk, owner: str, destination: str) -> UUID:
    """An approved case that wants its money there."""
    case_id = await desk.case(owner, begin=False)
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        await intake.write_answer(unit, case, "payout", destination)
        case.status = CaseStatus.APPROVED
        await treasury.offer(unit, await grants.approve(unit, case, SMALL, "system"))
    return case_id


async def paid(desk: Desk, owner: str, destination: str) -> UUID:
    """The payout of such a case, paid by Till."""
    payout_id = await desk.agreed(await approved(desk, owner, destination), owner)
    async with desk.resources.unit() as unit:
        till = await desk.actor(unit, "Till")
        await treasury.claim(unit, till, payout_id)
        await treasury.pay(unit, till, payout_id, "R-1")
    return payout_id


async def returned(desk: Desk, payout_id: UUID, sign: str) -> PayoutStatus:
    """A treasurer says that the money came back."""
    async with desk.resources.unit() as unit:
        actor = await desk.actor(unit, sign)
        return await treasury_returns.came_back(unit, actor, payout_id, ReturnReason.REFUSED)


async def erase(desk: Desk, owner: str) -> None:
    """A person erases everything."""
    async with desk.resources.unit() as unit:
        await erasure.erase(unit, await desk.actor(unit, owner))


async def rows(desk: Desk) -> int:
    """How many marks of destinations and bars there are."""
    async with desk.resources.unit() as unit:
        marks = (await unit.session.exec(select(DestinationMark))).all()
        return len(marks) + len((await unit.session.exec(select(PayoutBar))).all())


@pytest.mark.parametrize("again", ["4111-1111-1111-1111, please", "4111 1111 1111 1111 12/27", f"Ivan, {CARD}!"])
async def test_other_words_are_no_other_destination(desk: Desk, again: str) -> None:
    """Whoever writes the same card with something around it gets no more than the policy lets it."""
    await paid(desk, "One", CARD)
    with pytest.raises(LimitReached):
        await desk.agreed(await approved(desk, "Two", again), "Two")
    await desk.agreed(await approved(desk, "Three", CARD.replace("4111 1", "4111 2")), "Three")


async def test_erasing_does_not_empty_the_limit(desk: Desk) -> None:
    """The mark stays for the limit's days, tied to neither case nor payout, and goes with them."""
    payout_id = await paid(desk, "One", CARD)
    await erase(desk, "One")
    async with desk.resources.unit() as unit:
        (mark,) = (await unit.session.exec(select(DestinationMark))).all()
        assert mark.payout_id is None
        assert (mark.at.hour, mark.at.minute, mark.at.second) == (0, 0, 0)
        assert (await unit.session.get_one(Payout, payout_id)).destination is None
    with pytest.raises(LimitReached):
        await desk.agreed(await approved(desk, "One", f"{CARD} again"), "One")
    desk.later(days=31)
    await desk.run(retention.JOBS)
    assert await rows(desk) == 0
    await paid(desk, "Two", CARD)


async def test_money_that_came_back_frees_the_limit(desk: Desk) -> None:
    """What was returned went nowhere; what was never claimed neither, and leaves nothing when it is erased."""
    await returned(desk, await paid(desk, "One", CARD), "Coin")
    await desk.agreed(await approved(desk, "Two", CARD), "Two")
    await erase(desk, "One")
    await erase(desk, "Two")
    assert await rows(desk) == 0


@pytest.mark.parametrize("erased", [False, True])
async def test_what_two_found_to_be_paid_counts_for_its_destination(resources: Resources, *, erased: bool) -> None:
    """As far as the data know nobody had claimed it; erasing its case does not change that it went there."""
    desk = limited(await carried_desk(resources, Carrier()), per_destination=SMALL)
    payout_id = await desk.agreed(await approved(desk, "One", CARD), "One", "carrier")
    await doubt_payments(resources)
    await desk.do("Till", payout_id, say_paid)
    await desk.do("Coin", payout_id, treasury_doubts.confirm)
    assert (await desk.stands(payout_id))[0] == PayoutStatus.PAID
    if erased:
        await erase(desk, "One")
    with pytest.raises(LimitReached):
        await desk.agreed(await approved(desk, "Two", CARD), "Two", "manual")
    desk.later(days=31)
    await desk.agreed(await approved(desk, "Three", CARD), "Three", "manual")


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("limit", ["per_day", "per_destination"])
async def test_two_treasurers_at_once_do_not_pass_a_limit(desk: Desk, limit: str) -> None:
    """Real transactions side by side: of what the limit lets out once, one claim goes through."""
    limited(desk, per_destination=3 * SMALL)
    queued = [await desk.agreed(await approved(desk, f"P{n}", f"{n} {CARD}"), f"P{n}") for n in range(3)]
    limited(desk, **{"per_destination": 3 * SMALL, limit: SMALL})

    async def claim(sign: str, payout_id: UUID) -> bool:
        try:
            async with desk.resources.unit() as unit:
                await treasury.claim(unit, await desk.actor(unit, sign), payout_id)
        except LimitReached:
            return False
        return True

    signs = ("Till", "Coin", "Purse")
    pressed = (claim(sign, payout_id) for sign, payout_id in zip(signs, queued, strict=True))
    assert sum(await asyncio.gather(*pressed)) == 1


async def test_one_treasurer_alone_returns_a_grant_once(desk: Desk) -> None:
    """From the second return on another one must see the money, or one could have it paid for ever."""
    limited(desk, per_destination=10 * SMALL)
    first = await paid(desk, "One", CARD)
    assert await returned(desk, first, "Till") == PayoutStatus.RETURNED
    async with desk.resources.unit() as unit:
        case_id = (await unit.session.exec(select(Case.id))).one()
    again = await desk.agreed(case_id, "One")
    async with desk.resources.unit() as unit:
        till = await desk.actor(unit, "Till")
        await treasury.claim(unit, till, again)
        await treasury.pay(unit, till, again, "R-2")
    assert await returned(desk, again, "Till") == PayoutStatus.RETURNING
    assert (await desk.stands(again))[1] == GrantStatus.PAID
    async with desk.resources.unit() as unit:
        with pytest.raises(SamePerson):
            await treasury_returns.confirm_return(unit, await desk.actor(unit, "Till"), again)
    async with desk.resources.unit() as unit:
        await treasury_returns.confirm_return(unit, await desk.actor(unit, "Coin"), again)
    assert (await desk.stands(again))[0] == PayoutStatus.RETURNED


async def test_who_judged_a_case_does_not_touch_its_payout_after_it_is_cut_off(resources: Resources) -> None:
    """Neither a panel member nor the person themselves acts on it, though nothing names the case any more."""
    desk = await make_desk(resources)
    await desk.confirmed("Asker", Role.TREASURER)
    payout_id = await desk.agreed(await desk.approved("Asker", LARGE), "Asker")
    async with resources.unit() as unit:
        payout = await unit.session.get_one(Payout, payout_id)
        case_id = (await unit.session.exec(select(Case.id))).one()
        judge = await volunteer(unit, "Coin")
        unit.session.add(Seat(case_id=case_id, volunteer_id=judge.id, drawn_at=unit.now, due_at=unit.now))
        till = await desk.actor(unit, "Till")
        await treasury.claim(unit, till, payout_id)
        await treasury.pay(unit, till, payout_id, "R-1")
    await erase(desk, "Asker")
    for sign in ("Coin", "Asker"):
        async with resources.unit() as unit:
            with pytest.raises(NotAllowed):
                await treasury.confirm(unit, await desk.actor(unit, sign), payout_id)
    async with resources.unit() as unit:
        payout = await unit.session.get_one(Payout, payout_id)
        assert [one.call_sign for one in await able(unit, payout, None)] == ["Purse", "Till"]
        marks = (await unit.session.exec(select(PayoutBar.mark))).all()
        assert not {str(judge.id), str(case_id)} & set(marks)
        await treasury.confirm(unit, await desk.actor(unit, "Purse"), payout_id)
    assert await rows(desk) > 0
    desk.later(days=31)
    await desk.run(retention.JOBS)
    assert await rows(desk) == 0


async def test_the_day_limit_cannot_be_saved_up(desk: Desk) -> None:
    """What is held counts however long ago it was claimed, and what was paid counts for a day after it went."""
    limited(desk, per_day=SMALL, per_destination=LARGE)
    one, other = await desk.queued("One"), await desk.queued("Two")
    await desk.do("Till", one, treasury.claim)
    desk.later(hours=25)
    with pytest.raises(LimitReached):
        await desk.do("Coin", other, treasury.claim)
    async with desk.resources.unit() as unit:
        await treasury.pay(unit, await desk.actor(unit, "Till"), one, "R-1")
    desk.later(hours=23)
    with pytest.raises(LimitReached):
        await desk.do("Coin", other, treasury.claim)
    desk.later(hours=2)
    await desk.do("Coin", other, treasury.claim)


async def test_what_waits_for_a_second_treasurer_counts_until_they_have_seen_it(desk: Desk) -> None:
    """When it went only its payer knows: a day after the second one has seen it, it counts no more."""
    limited(desk, per_day=LARGE, per_destination=2 * LARGE)
    sent, other = await desk.queued("One", LARGE), await desk.queued("Two")
    async with desk.resources.unit() as unit:
        till = await desk.actor(unit, "Till")
        await treasury.claim(unit, till, sent)
        assert await treasury.pay(unit, till, sent, "R-1") == PayoutStatus.SENT
    desk.later(hours=25)
    with pytest.raises(LimitReached):
        await desk.do("Till", other, treasury.claim)
    await desk.do("Coin", sent, treasury.confirm)
    desk.later(hours=25)
    await desk.do("Till", other, treasury.claim)


async def test_a_machines_payment_counts_from_when_the_machine_made_it(resources: Resources) -> None:
    """An order that was held for a day counts as long as it is open, and a day from its payment."""
    carrier = Carrier()
    desk = limited(await carried_desk(resources, carrier), per_day=SMALL)
    await desk.ordered("carrier", "One")
    other = await desk.queued("Two")
    desk.later(hours=25)
    with pytest.raises(LimitReached):
        await desk.do("Coin", other, treasury.claim)
    assert await desk.tick() == [Now.PAID]
    desk.later(hours=23)
    with pytest.raises(LimitReached):
        await desk.do("Coin", other, treasury.claim)
    desk.later(hours=2)
    await desk.do("Coin", other, treasury.claim)
