"""Codes: each given once, shown to its person alone, erased, in doubt after a restore."""

import asyncio
from uuid import UUID

import pytest
from sqlmodel import col, select

from bot.database import Resources
from bot.operations import doubt_payments
from models.case import Case, CaseStatus
from models.doubt import Found, Ground
from models.errors import ButtonGone, MoneyRefused, NotAllowed
from models.grant import GrantStatus, Payout, PayoutStatus, ReturnReason
from models.unit import Unit
from models.voucher import Voucher, VoucherKind, VoucherStatus
from payments import attempts, executor, funding, vouchers
from payments.attempts import Now
from payments.ledger import Purpose, balance
from payments.rails.base import MachineRail, Outcome
from payments.rails.registry import NoRail, find
from services import submission, treasury, treasury_doubts, treasury_machine, treasury_person, treasury_returns
from services import vouchers as codes
from services.access import Actor
from services.speak import NOTICE
from tests.unit.services.codes import count_codes, load, stock
from tests.unit.services.desk import PLENTY, RUB, Desk, make_desk
from tests.unit.services.doubting import attempt_of, withdraw
from tests.unit.services.fund import SMALL, shows, volunteer

S = VoucherStatus


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk whose policy opens codes for phones beside the transfer by hand."""
    resources.policy = resources.policy.model_copy(update={"rails": ("voucher-mobile", "manual")})
    return await make_desk(resources)


async def _codes(desk: Desk, owner: str = "Applicant") -> str:
    async with desk.resources.unit() as unit:
        actor = await desk.actor(unit, owner)
        assert actor.case is not None
        await codes.show_codes(unit, actor, actor.case)
    shown = await desk.screen(owner)
    assert shown["protect"]
    assert shown["fade"] == 600
    return str(shown["text"])


async def test_codes_are_given_once_and_erased(desk: Desk) -> None:
    """Two people get four different codes, each alone; once written down they are nowhere."""
    await stock(desk, 4)
    await desk.ordered("voucher-mobile")
    assert await count_codes(desk) == {S.STOCK: 2, S.TAKEN: 2}
    await desk.agrees()
    await desk.tick()
    await desk.ordered("voucher-mobile", "Other")
    await desk.tick()
    assert await count_codes(desk) == {S.GIVEN: 4}
    assert await desk.books() == (PLENTY - 2 * SMALL, 0, 2 * SMALL)
    mine, theirs = await _codes(desk), await _codes(desk, "Other")
    assert sorted(number for number in range(4) if f"CODE-{number}\n" in mine + theirs) == [0, 1, 2, 3]
    assert not any(f"CODE-{number}\n" in mine and f"CODE-{number}\n" in theirs for number in range(4))
    async with desk.resources.unit() as unit:
        actor = await desk.actor(unit, "Applicant")
        assert actor.case is not None
        assert await codes.have(unit, actor, actor.case) == 2
    assert await count_codes(desk) == {S.GIVEN: 2, S.ERASED: 2}
    with pytest.raises(NotAllowed):
        await _codes(desk)
    await desk.agrees()
    async with desk.resources.unit() as unit:
        kept = (await unit.session.exec(select(Voucher).where(Voucher.status == S.ERASED))).all()
        assert all(row.code is None and row.case_id is None and row.shown == 1 for row in kept)


@pytest.mark.parametrize("found", list(Found))
async def test_codes_in_doubt_after_a_restore(desk: Desk, found: Found) -> None:
    """No machine gives them: two say that they were, and their person sees them; or they wait for the operator."""
    await stock(desk, 2)
    payout_id = await desk.ordered("voucher-mobile")
    await doubt_payments(desk.resources)
    await desk.tick()
    assert await count_codes(desk) == {S.TAKEN: 2}
    async with desk.resources.unit() as unit:
        reference = "C-1" if found == Found.PAID else ""
        till = await desk.actor(unit, "Till")
        await treasury_doubts.say(unit, till, payout_id, found, Ground.PROVIDER, reference)
    async with desk.resources.unit() as unit:
        await treasury_doubts.confirm(unit, await desk.actor(unit, "Coin"), payout_id)
    assert await count_codes(desk) == {S.GIVEN if found == Found.PAID else S.DOUBTED: 2}
    if found == Found.PAID:
        assert "CODE-" in await _codes(desk)
    await desk.agrees()


async def test_codes_that_were_given_before_the_backup_was_put_back(desk: Desk) -> None:
    """Of an order that is not in the data: the books let go of what was written off, and say so until it is."""
    await stock(desk, 2)
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        applicant = await desk.actor(unit, "Applicant")
        payout_id = (await treasury.agree(unit, applicant, case, "voucher-mobile")).id
    await doubt_payments(desk.resources)
    async with desk.resources.unit() as unit:
        till = await desk.actor(unit, "Till")
        await treasury_doubts.say(unit, till, payout_id, Found.PAID, Ground.PAYER, "C-1")
    with pytest.raises(MoneyRefused, match="write-off"):
        async with desk.resources.unit() as unit:
            await treasury_doubts.confirm(unit, await desk.actor(unit, "Coin"), payout_id)
    async with desk.resources.unit() as unit:
        await vouchers.write_off(unit, VoucherKind.MOBILE, "operator")
    async with desk.resources.unit() as unit:
        await treasury_doubts.confirm(unit, await desk.actor(unit, "Coin"), payout_id)
        assert (await balance(unit, Purpose.LOSSES, RUB)).amount == 0
    assert await desk.books() == (PLENTY - SMALL, 0, SMALL)
    await desk.agrees()


async def test_codes_of_an_old_stock_are_given_to_nobody(desk: Desk) -> None:
    """A request that comes after a restore gets none until the operator trusts them, but it gets what is new."""
    await stock(desk, 2)
    await doubt_payments(desk.resources)
    with pytest.raises(NoRail):
        await desk.ordered("voucher-mobile", "Newcomer")
    assert await count_codes(desk) == {S.DOUBTED: 2}
    await desk.agrees()
    async with desk.resources.unit() as unit:
        await load(unit, ["NEW-1\n", "NEW-2\n"])
    await desk.ordered("voucher-mobile", "Later")
    await desk.tick()
    assert "NEW-1" in await _codes(desk, "Later")
    async with desk.resources.unit() as unit:
        assert await vouchers.trust(unit, VoucherKind.GROCERIES, "operator") == 0
        assert await vouchers.trust(unit, VoucherKind.MOBILE, "operator") == 2
    await desk.ordered("voucher-mobile", "Last")
    await desk.tick()
    assert await count_codes(desk) == {S.GIVEN: 4}
    await desk.agrees()


async def test_only_their_person_sees_codes(desk: Desk) -> None:
    """Neither another applicant nor the treasurer who ordered them reads a code, nor anybody before payment."""
    await stock(desk, 2)
    await desk.case("Stranger")
    payout_id = await desk.ordered("voucher-mobile")
    for sign in ("Stranger", "Till", "Applicant"):
        async with desk.resources.unit() as unit:
            case = (await unit.session.exec(select(Case).join(Payout, col(Payout.id) == payout_id))).first()
            assert case is not None
            actor = await desk.actor(unit, sign)
            with pytest.raises(ButtonGone):
                await codes.show_codes(unit, actor, actor.case if sign == "Applicant" and actor.case else case)
    await desk.tick()
    assert "CODE-" in await _codes(desk)


async def test_codes_go_with_the_case(desk: Desk) -> None:
    """After withdrawal the code is not in the row any more, and its key is gone; the stock and the books agree."""
    await stock(desk, 2)
    await desk.ordered("voucher-mobile")
    await desk.tick()
    async with desk.resources.unit() as unit:
        actor = await desk.actor(unit, "Applicant")
        assert actor.case is not None
        await submission.withdraw(unit, actor, actor.case)
        rows = (await unit.session.exec(select(Voucher))).all()
        assert [(row.code, row.case_id) for row in rows] == [(None, None)] * 2
    await desk.agrees()


async def test_an_order_nobody_waits_for_puts_its_codes_back(desk: Desk) -> None:
    """Withdrawn between the order and the rail: the codes are in stock again, and the grant is released."""
    await stock(desk, 2)
    await desk.ordered("voucher-mobile")
    async with desk.resources.unit() as unit:
        actor = await desk.actor(unit, "Applicant")
        assert actor.case is not None
        await submission.withdraw(unit, actor, actor.case)
    await desk.tick()
    assert await count_codes(desk) == {S.STOCK: 2}
    assert await desk.books() == (PLENTY - SMALL, 0, 0)
    await desk.agrees()


async def test_codes_of_a_request_taken_back_while_the_rail_is_asked(desk: Desk) -> None:
    """Withdrawn between the asking and its answer: no code is burnt, and no grant counts as paid to nobody."""
    await stock(desk, 2)
    await desk.ordered("voucher-mobile")
    attempt = await attempt_of(desk)
    async with desk.resources.unit() as unit:
        rail, taken = find(unit, "voucher-mobile"), await attempts.take(unit, attempt.id)
    assert isinstance(rail, MachineRail)
    assert taken is not None
    await withdraw(desk)
    result = await executor.ask(rail, taken[1], first=True)
    assert result.outcome == Outcome.DONE
    async with desk.resources.unit() as unit:
        concluded = await attempts.conclude(unit, attempt.id, rail, taken[1], result)
        await treasury_machine.told(unit, concluded)
    assert concluded.now == Now.GONE
    assert await count_codes(desk) == {S.STOCK: 2}
    assert await desk.books() == (PLENTY - SMALL, 0, 0)
    await desk.agrees()


async def test_codes_are_erased_after_their_time(desk: Desk) -> None:
    """Whoever never presses the button leaves no readable code behind for ever."""
    await stock(desk, 2)
    await desk.ordered("voucher-mobile")
    await desk.tick()
    desk.later(days=20)
    await _codes(desk)
    desk.later(days=13)
    await desk.run(codes.JOBS)
    assert (await count_codes(desk))[S.GIVEN] == 2
    desk.later(days=2)
    await desk.run(codes.JOBS)
    assert await count_codes(desk) == {S.ERASED: 2}


async def test_codes_wait_for_who_cannot_look(desk: Desk) -> None:
    """Whoever was detained for a month still finds them; after two they go, and treasurers hear of it."""
    await stock(desk, 2)
    await desk.ordered("voucher-mobile")
    await desk.tick()
    desk.later(days=40)
    await desk.run(codes.JOBS)
    assert await count_codes(desk) == {S.GIVEN: 2}
    before = await notices(desk, "Till")
    desk.later(days=21)
    await desk.run(codes.JOBS)
    assert await count_codes(desk) == {S.ERASED: 2}
    assert await notices(desk, "Till") == before + 1


async def notices(desk: Desk, sign: str) -> int:
    """How many messages of their own somebody has got."""
    async with desk.resources.unit() as unit:
        chat = (await volunteer(unit, sign)).chat
        return sum(effect.lane == chat for effect in await shows(unit, NOTICE))


async def test_codes_that_do_not_work_are_a_loss(desk: Desk) -> None:
    """A dead code brings nothing back: the loss is in the books, and the grant is reserved out of free cash."""
    await stock(desk, 2)
    payout_id = await desk.ordered("voucher-mobile")
    await desk.tick()
    async with desk.resources.unit() as unit:
        await treasury_returns.came_back(unit, await desk.actor(unit, "Coin"), payout_id, ReturnReason.NOT_ARRIVED)
    assert await desk.books() == (PLENTY - 2 * SMALL, SMALL, 0)
    async with desk.resources.unit() as unit:
        assert (await balance(unit, Purpose.LOSSES, RUB)).amount == SMALL
    await desk.agrees()


async def test_a_dead_code_waits_for_money_when_nothing_is_free(desk: Desk) -> None:
    """The return counts all the same, each time: the person hears that it waits, and is asked once money came."""
    await stock(desk, 4)
    payout_id = await desk.ordered("voucher-mobile")
    for dead in (1, 2):
        await desk.tick()
        async with desk.resources.unit() as unit:
            free = await balance(unit, Purpose.FUND, RUB)
            await funding.take(unit, free, funding.Why.MISTAKE, "operator")
        await desk.deliver()
        await desk.do("Till", payout_id, _dead)
        if dead > 1:  # from the second return on two treasurers see it
            await desk.do("Purse", payout_id, treasury_returns.confirm_return)
        assert await desk.stands(payout_id) == (PayoutStatus.RETURNED, GrantStatus.WAITING, CaseStatus.APPROVED)
        assert await desk.books() == (0, 0, 0)
        assert any("does not suffice" in text for text in await desk.notices("Coin"))
        async with desk.resources.unit() as unit:
            assert (await balance(unit, Purpose.LOSSES, RUB)).amount == SMALL * dead
            case_id = (await unit.session.exec(select(Case.id))).one()
            case, person = await unit.session.get_one(Case, case_id), await desk.actor(unit, "Applicant")
            await treasury_person.show_person(unit, person, case)
        assert "not enough money right now" in (await desk.screen("Applicant"))["text"]
        await desk.agrees()
        await desk.add(SMALL)
        async with desk.resources.unit() as unit:
            assert len(await treasury.fund_waiting(unit)) == 1
        assert await desk.books() == (0, SMALL, 0)
        await desk.agrees()
        if dead == 1:
            payout_id = await desk.agreed(case_id, rail="voucher-mobile")
            await desk.do("Till", payout_id, treasury.claim, treasury_machine.order)


async def _dead(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    await treasury_returns.came_back(unit, actor, payout_id, ReturnReason.NOT_ARRIVED)


async def test_without_fitting_codes_the_way_is_not_offered(desk: Desk) -> None:
    """One code too few, or worths that do not come to the amount, and only the other way is open."""
    await stock(desk, 1)
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        with pytest.raises(NoRail):
            await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "voucher-mobile")
        await treasury_person.show_person(unit, await desk.actor(unit, "Applicant"), case)
    assert "4111" in (await desk.screen("Applicant"))["text"]


async def test_codes_gone_meanwhile_are_said_at_the_order(desk: Desk) -> None:
    """Two agreed to the last codes: the second order is refused kindly, and nothing is half taken."""
    await stock(desk, 2)
    payouts = []
    for owner in ("One", "Two"):
        case_id = await desk.approved(owner)
        async with desk.resources.unit() as unit:
            case = await unit.session.get_one(Case, case_id)
            payouts.append((await treasury.agree(unit, await desk.actor(unit, owner), case, "voucher-mobile")).id)

    async def order(payout_id: UUID, sign: str) -> bool:
        try:
            for step in (treasury.claim, treasury_machine.order):
                async with desk.resources.unit() as unit:
                    await step(unit, await desk.actor(unit, sign), payout_id)
        except MoneyRefused:
            return False
        return True

    won = await asyncio.gather(order(payouts[0], "Till"), order(payouts[1], "Coin"))
    assert sorted(won) == [False, True]
    assert await count_codes(desk) == {S.TAKEN: 2}
    assert (await desk.stands(payouts[won.index(False)]))[0] == PayoutStatus.CLAIMED
