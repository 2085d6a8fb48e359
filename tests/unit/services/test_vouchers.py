"""Codes: loaded whole or not at all, each given once, shown to its person alone, erased, counted."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, func, select

from bot.database import Resources
from bot.operations import doubt_payments
from models.case import Case
from models.doubt import Found, Ground
from models.errors import BadInput, ButtonGone, FundShort, MoneyRefused, NotAllowed, Refused
from models.grant import Payout, PayoutStatus, ReturnReason
from models.unit import Unit
from models.voucher import Voucher, VoucherKind, VoucherStatus
from payments import vouchers
from payments.ledger import Purpose, balance
from payments.money import Money
from payments.rails.registry import NoRail
from payments.vouchers import RowsRefused
from services import submission, treasury, treasury_doubts, treasury_machine, treasury_person, treasury_returns
from services import vouchers as codes
from tests.unit.services.desk import PLENTY, RUB, Desk, make_desk
from tests.unit.services.fund import SMALL

S = VoucherStatus
EACH = 500_000
"""Two of these are a small grant."""


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk whose policy opens codes for phones beside the transfer by hand."""
    resources.policy = resources.policy.model_copy(update={"rails": ("voucher-mobile", "manual")})
    return await make_desk(resources)


async def _load(unit: Unit, lines: Sequence[str], amount: int = EACH, *, free: bool = False) -> int:
    return await vouchers.load(unit, lines, VoucherKind.MOBILE, Money(amount, RUB), given=free, by="operator")


async def _stock(desk: Desk, count: int) -> None:
    async with desk.resources.unit() as unit:
        await _load(unit, [f"CODE-{number}\n" for number in range(count)])


async def _count(desk: Desk) -> dict[VoucherStatus, int]:
    async with desk.resources.unit() as unit:
        rows = await unit.session.exec(
            select(Voucher.status, func.count(col(Voucher.id))).group_by(Voucher.status)
        )
        return {VoucherStatus(status): count for status, count in rows.all()}


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
    await _stock(desk, 4)
    await desk.ordered("voucher-mobile")
    assert await _count(desk) == {S.STOCK: 2, S.TAKEN: 2}
    await desk.agrees()
    await desk.tick()
    await desk.ordered("voucher-mobile", "Other")
    await desk.tick()
    assert await _count(desk) == {S.GIVEN: 4}
    assert await desk.books() == (PLENTY - 2 * SMALL, 0, 2 * SMALL)
    mine, theirs = await _codes(desk), await _codes(desk, "Other")
    assert sorted(number for number in range(4) if f"CODE-{number}\n" in mine + theirs) == [0, 1, 2, 3]
    assert not any(f"CODE-{number}\n" in mine and f"CODE-{number}\n" in theirs for number in range(4))
    async with desk.resources.unit() as unit:
        actor = await desk.actor(unit, "Applicant")
        assert actor.case is not None
        assert await codes.have(unit, actor, actor.case) == 2
    assert await _count(desk) == {S.GIVEN: 2, S.ERASED: 2}
    with pytest.raises(NotAllowed):
        await _codes(desk)
    await desk.agrees()
    async with desk.resources.unit() as unit:
        kept = (await unit.session.exec(select(Voucher).where(Voucher.status == S.ERASED))).all()
        assert all(row.code is None and row.case_id is None and row.shown == 1 for row in kept)


@pytest.mark.parametrize("found", list(Found))
async def test_codes_in_doubt_after_a_restore(desk: Desk, found: Found) -> None:
    """No machine gives them: two say that they were, and their person sees them; or they are in stock again."""
    await _stock(desk, 2)
    payout_id = await desk.ordered("voucher-mobile")
    await doubt_payments(desk.resources)
    await desk.tick()
    assert await _count(desk) == {S.TAKEN: 2}
    async with desk.resources.unit() as unit:
        reference = "C-1" if found == Found.PAID else ""
        till = await desk.actor(unit, "Till")
        await treasury_doubts.say(unit, till, payout_id, found, Ground.PROVIDER, reference)
    async with desk.resources.unit() as unit:
        await treasury_doubts.confirm(unit, await desk.actor(unit, "Coin"), payout_id)
    assert await _count(desk) == {S.GIVEN if found == Found.PAID else S.STOCK: 2}
    if found == Found.PAID:
        assert "CODE-" in await _codes(desk)
    await desk.agrees()


async def test_codes_that_were_given_before_the_backup_was_put_back(desk: Desk) -> None:
    """Of an order that is not in the data: the books let go of what was written off, and say so until it is."""
    await _stock(desk, 2)
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


async def test_only_their_person_sees_codes(desk: Desk) -> None:
    """Neither another applicant nor the treasurer who ordered them reads a code, nor anybody before payment."""
    await _stock(desk, 2)
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
    await _stock(desk, 2)
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
    await _stock(desk, 2)
    await desk.ordered("voucher-mobile")
    async with desk.resources.unit() as unit:
        actor = await desk.actor(unit, "Applicant")
        assert actor.case is not None
        await submission.withdraw(unit, actor, actor.case)
    await desk.tick()
    assert await _count(desk) == {S.STOCK: 2}
    assert await desk.books() == (PLENTY - SMALL, 0, 0)
    await desk.agrees()


async def test_codes_are_erased_after_their_time(desk: Desk) -> None:
    """Whoever never presses the button leaves no readable code behind for ever."""
    await _stock(desk, 2)
    await desk.ordered("voucher-mobile")
    await desk.tick()
    desk.later(days=13)
    await desk.run(codes.JOBS)
    assert (await _count(desk))[S.GIVEN] == 2
    desk.later(days=2)
    await desk.run(codes.JOBS)
    assert await _count(desk) == {S.ERASED: 2}


async def test_codes_that_do_not_work_are_a_loss(desk: Desk) -> None:
    """A dead code brings nothing back: the loss is in the books, and the grant is reserved out of free cash."""
    await _stock(desk, 2)
    payout_id = await desk.ordered("voucher-mobile")
    await desk.tick()
    async with desk.resources.unit() as unit:
        await treasury_returns.came_back(unit, await desk.actor(unit, "Coin"), payout_id, ReturnReason.NOT_ARRIVED)
    assert await desk.books() == (PLENTY - 2 * SMALL, SMALL, 0)
    async with desk.resources.unit() as unit:
        assert (await balance(unit, Purpose.LOSSES, RUB)).amount == SMALL
    await desk.agrees()


async def test_without_fitting_codes_the_way_is_not_offered(desk: Desk) -> None:
    """One code too few, or worths that do not come to the amount, and only the other way is open."""
    await _stock(desk, 1)
    case_id = await desk.approved()
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, case_id)
        with pytest.raises(NoRail):
            await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "voucher-mobile")
        await treasury_person.show_person(unit, await desk.actor(unit, "Applicant"), case)
    assert "4111" in (await desk.screen("Applicant"))["text"]


async def test_codes_gone_meanwhile_are_said_at_the_order(desk: Desk) -> None:
    """Two agreed to the last codes: the second order is refused kindly, and nothing is half taken."""
    await _stock(desk, 2)
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
    assert await _count(desk) == {S.TAKEN: 2}
    assert (await desk.stands(payouts[won.index(False)]))[0] == PayoutStatus.CLAIMED


@pytest.mark.parametrize(
    ("lines", "bad"),
    [
        (["code\n", "AAA\n", "\n", "AAA\n", "B" * 65 + "\n", "C,5\n", "D\u200b\n"], [3, 4, 5, 6, 7]),
        (["AAA-1\n", '"BBB\n'], [2]),
        (["KNOWN-1\n", "NEW\n"], [1]),
        (["code;value\n", "AAAA-1;500\n"], [1, 2]),
        (["AAAA-1;\n", "AAAA-2\n"], [1]),
        (["sep=;\n", "AAAA-1\n"], [1]),
        (["Код\n", "AAAA-1\n"], [1]),
        (["Codes\n", "AAAA-1\n"], [1]),
        (["Код,\n", "AAAA-1,\n"], [1]),
        (["code\n"], []),
        ([], []),
    ],
)
async def test_a_file_with_a_bad_row_is_refused_whole(desk: Desk, lines: list[str], bad: list[int]) -> None:
    """Each bad line is named, and not one code of the file is in stock."""
    async with desk.resources.unit() as unit:
        await _load(unit, ["KNOWN-1"])
    with pytest.raises(BadInput) as caught:
        async with desk.resources.unit() as unit:
            await _load(unit, lines)
    rows = caught.value.rows if isinstance(caught.value, RowsRefused) else []
    assert [row.line for row in rows] == bad
    assert await _count(desk) == {S.STOCK: 1}
    await desk.agrees()


async def test_codes_without_digits_stand_below_the_heading(desk: Desk) -> None:
    """The heading that is known is no code, and tells that what follows is."""
    async with desk.resources.unit() as unit:
        assert await _load(unit, ["Code\n", "ABCD\n", "EFGH\n"]) == 2


@pytest.mark.parametrize(
    ("money", "refusal"),
    [(Money(0, RUB), BadInput), (Money(5, "USD"), BadInput), (Money(PLENTY + 1, RUB), FundShort)],
)
async def test_codes_of_a_wrong_worth_are_refused(desk: Desk, money: Money, refusal: type[Refused]) -> None:
    """Nothing, another currency, or more than the fund has: refused, and nothing is loaded."""
    with pytest.raises(refusal):
        async with desk.resources.unit() as unit:
            await vouchers.load(unit, ["A-1"], VoucherKind.VPN, money, given=False, by="operator")
    assert await _count(desk) == {}


async def test_codes_written_off_are_a_loss_and_may_be_loaded_again(desk: Desk) -> None:
    """Expired or doubtful codes leave stock and books; what a person has stays theirs."""
    await _stock(desk, 4)
    await desk.ordered("voucher-mobile")
    async with desk.resources.unit() as unit:
        assert await vouchers.write_off(unit, VoucherKind.MOBILE, "operator") == 2
        assert (await balance(unit, Purpose.LOSSES, RUB)).amount == 2 * EACH
    await desk.agrees()
    await desk.tick()
    assert await _count(desk) == {S.GIVEN: 2}
    async with desk.resources.unit() as unit:
        fresh = 0
        for number in range(4):
            try:
                fresh += await _load(unit, [f"CODE-{number}"])
            except RowsRefused:
                continue
    assert fresh == 2


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_codes_written_off_at_once_are_lost_once(desk: Desk) -> None:
    """Two who write off one kind, one who writes off another and one who orders codes: books and stock agree."""
    await _stock(desk, 6)
    async with desk.resources.unit() as unit:
        money = Money(EACH, RUB)
        await vouchers.load(unit, ["G-1\n", "G-2\n"], VoucherKind.GROCERIES, money, given=False, by="operator")
    async with desk.resources.unit() as unit:
        case = await unit.session.get_one(Case, await desk.approved())
        payout_id = (await treasury.agree(unit, await desk.actor(unit, "Applicant"), case, "voucher-mobile")).id
    async with desk.resources.unit() as unit:
        await treasury.claim(unit, await desk.actor(unit, "Till"), payout_id)

    async def write_off(kind: VoucherKind) -> int:
        async with desk.resources.unit() as unit:
            return await vouchers.write_off(unit, kind, "operator")

    async def order() -> int:
        async with desk.resources.unit() as unit:
            try:
                await treasury_machine.order(unit, await desk.actor(unit, "Till"), payout_id)
            except MoneyRefused:
                return 0
            return 2

    mobile, groceries = VoucherKind.MOBILE, VoucherKind.GROCERIES
    first, second, other, taken = await asyncio.gather(
        write_off(mobile), write_off(mobile), write_off(groceries), order()
    )
    assert (first + second + taken, other) == (6, 2)
    async with desk.resources.unit() as unit:
        assert (await balance(unit, Purpose.LOSSES, RUB)).amount == (first + second + other) * EACH
        assert (await balance(unit, Purpose.VOUCHERS, RUB)).amount == taken * EACH
    assert await _count(desk) == ({S.TAKEN: taken} if taken else {})


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_one_file_loaded_twice_at_once_is_loaded_once(desk: Desk) -> None:
    """The second load is told which lines are known, and nothing is counted twice."""

    async def load() -> int:
        async with desk.resources.unit() as unit:
            try:
                return await _load(unit, ["ONE-1\n", "TWO-2\n"])
            except RowsRefused as refused:
                return -len(refused.rows)

    assert sorted(await asyncio.gather(load(), load())) == [-2, 2]
    async with desk.resources.unit() as unit:
        assert (await balance(unit, Purpose.VOUCHERS, RUB)).amount == 2 * EACH


async def test_given_codes_cost_the_fund_nothing(desk: Desk) -> None:
    """Codes that somebody gave are a contribution; free cash stays as it is."""
    async with desk.resources.unit() as unit:
        await _load(unit, ["A-1", "B-2"], free=True)
        assert (await balance(unit, Purpose.VOUCHERS, RUB)).amount == 2 * EACH
    assert (await desk.books())[0] == PLENTY
    await desk.agrees()


async def test_a_low_stock_is_told_once(desk: Desk) -> None:
    """Treasurers hear when codes run out, and again only after they were filled up."""
    low = "Codes of one kind are running out"

    async def told() -> int:
        await desk.run(codes.JOBS)
        return sum(low in text for text in await desk.notices("Till"))

    assert await told() == 1
    assert await told() == 1
    await _stock(desk, 12)
    assert await told() == 1
    async with desk.resources.unit() as unit:
        for row in (await unit.session.exec(select(Voucher).limit(5))).all():
            row.status = S.ERASED
    assert await told() == 2


@given(
    st.dictionaries(st.integers(1, 60), st.integers(1, 6), max_size=4),
    st.integers(1, 300),
)
def test_picked_codes_come_to_the_amount(there: dict[int, int], amount: int) -> None:
    """What is picked is in stock, comes to the amount exactly, and is found whenever twenty codes can do it."""
    picked = vouchers.pick(there, amount)
    reachable = {(0, 0)}
    for worth, count in there.items():
        reachable = {(total + worth * n, used + n) for total, used in reachable for n in range(count + 1)}
    possible = any(total == amount and used <= vouchers.MOST_CODES for total, used in reachable)
    assert (picked is not None) == possible
    if picked is not None:
        assert sum(worth * count for worth, count in picked.items()) == amount
        assert all(count <= there[worth] for worth, count in picked.items())
