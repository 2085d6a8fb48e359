"""The stock of codes: loaded whole or not at all, written off once, counted, told of when it is low."""

import asyncio
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from bot.database import Resources
from models.case import Case
from models.errors import BadInput, FundShort, MoneyRefused, Refused
from models.voucher import Voucher, VoucherKind, VoucherStatus
from payments import vouchers
from payments.ledger import Purpose, balance
from payments.money import Money
from payments.vouchers import RowsRefused
from services import treasury, treasury_machine
from services import vouchers as codes
from tests.unit.services.codes import EACH, count_codes, load, stock
from tests.unit.services.desk import PLENTY, RUB, Desk, make_desk

S = VoucherStatus


@pytest.fixture
async def desk(resources: Resources) -> Desk:
    """A desk whose policy opens codes for phones beside the transfer by hand."""
    resources.policy = resources.policy.model_copy(update={"rails": ("voucher-mobile", "manual")})
    return await make_desk(resources)


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
        await load(unit, ["KNOWN-1"])
    with pytest.raises(BadInput) as caught:
        async with desk.resources.unit() as unit:
            await load(unit, lines)
    rows = caught.value.rows if isinstance(caught.value, RowsRefused) else []
    assert [row.line for row in rows] == bad
    assert await count_codes(desk) == {S.STOCK: 1}
    await desk.agrees()


async def test_codes_without_digits_stand_below_the_heading(desk: Desk) -> None:
    """The heading that is known is no code, and tells that what follows is."""
    async with desk.resources.unit() as unit:
        assert await load(unit, ["Code\n", "ABCD\n", "EFGH\n"]) == 2


@pytest.mark.parametrize(
    ("money", "refusal"),
    [(Money(0, RUB), BadInput), (Money(5, "USD"), BadInput), (Money(PLENTY + 1, RUB), FundShort)],
)
async def test_codes_of_a_wrong_worth_are_refused(desk: Desk, money: Money, refusal: type[Refused]) -> None:
    """Nothing, another currency, or more than the fund has: refused, and nothing is loaded."""
    with pytest.raises(refusal):
        async with desk.resources.unit() as unit:
            await vouchers.load(unit, ["A-1"], VoucherKind.VPN, money, given=False, by="operator")
    assert await count_codes(desk) == {}


async def test_codes_written_off_are_a_loss_and_may_be_loaded_again(desk: Desk) -> None:
    """Expired or doubtful codes leave stock and books; what a person has stays theirs."""
    await stock(desk, 4)
    await desk.ordered("voucher-mobile")
    async with desk.resources.unit() as unit:
        assert await vouchers.write_off(unit, VoucherKind.MOBILE, "operator") == 2
        assert (await balance(unit, Purpose.LOSSES, RUB)).amount == 2 * EACH
    await desk.agrees()
    await desk.tick()
    assert await count_codes(desk) == {S.GIVEN: 2}
    async with desk.resources.unit() as unit:
        fresh = 0
        for number in range(4):
            try:
                fresh += await load(unit, [f"CODE-{number}"])
            except RowsRefused:
                continue
    assert fresh == 2


@pytest.mark.parametrize("doubted_only", [True, False])
async def test_codes_in_doubt_are_written_off(desk: Desk, *, doubted_only: bool) -> None:
    """What a restore put in doubt leaves stock and books, alone or with what is newer, and may be loaded again."""
    await stock(desk, 2)
    async with desk.resources.unit() as unit:
        assert await vouchers.doubt(unit) == 2
        await load(unit, ["NEW-1\n"])
    async with desk.resources.unit() as unit:
        gone = await vouchers.write_off(unit, VoucherKind.MOBILE, "operator", doubted_only=doubted_only)
        assert gone == (2 if doubted_only else 3)
    await desk.agrees()
    await stock(desk, 2)
    assert await count_codes(desk) == {S.STOCK: 3 if doubted_only else 2}


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_codes_written_off_at_once_are_lost_once(desk: Desk) -> None:
    """Two who write off one kind, one who writes off another and one who orders codes: books and stock agree."""
    await stock(desk, 6)
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
    assert await count_codes(desk) == ({S.TAKEN: taken} if taken else {})


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_one_file_loaded_twice_at_once_is_loaded_once(desk: Desk) -> None:
    """The second load is told which lines are known, and nothing is counted twice."""

    async def load_both() -> int:
        async with desk.resources.unit() as unit:
            try:
                return await load(unit, ["ONE-1\n", "TWO-2\n"])
            except RowsRefused as refused:
                return -len(refused.rows)

    assert sorted(await asyncio.gather(load_both(), load_both())) == [-2, 2]
    async with desk.resources.unit() as unit:
        assert (await balance(unit, Purpose.VOUCHERS, RUB)).amount == 2 * EACH


async def test_given_codes_cost_the_fund_nothing(desk: Desk) -> None:
    """Codes that somebody gave are a contribution; free cash stays as it is."""
    async with desk.resources.unit() as unit:
        await load(unit, ["A-1", "B-2"], free=True)
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
    await stock(desk, 12)
    assert await told() == 1
    async with desk.resources.unit() as unit:
        for row in (await unit.session.exec(select(Voucher).limit(5))).all():
            row.status = S.ERASED
    assert await told() == 2


def _by_trying_all(there: dict[int, int], amount: int) -> dict[int, int] | None:
    """The fewest codes that come to an amount, of as few with more of the largest worth first."""
    worths = sorted(there, reverse=True)
    ways = [
        counts
        for counts in product(*(range(there[worth] + 1) for worth in worths))
        if sum(counts) <= vouchers.MOST_CODES
        and sum(worth * count for worth, count in zip(worths, counts, strict=True)) == amount
    ]
    if not ways:
        return None
    best = min(ways, key=lambda counts: (sum(counts), [-count for count in counts]))
    return {worth: count for worth, count in zip(worths, best, strict=True) if count}


@given(
    st.dictionaries(st.integers(1, 60), st.integers(0, 6), max_size=4)
    | st.dictionaries(st.sampled_from([5, 10, 15, 20, 25, 30, 50, 100]), st.integers(0, 5), max_size=5),
    st.integers(1, 300),
)
def test_picked_codes_are_those_that_trying_all_would_find(there: dict[int, int], amount: int) -> None:
    """What is picked comes to the amount exactly, with the fewest codes, whenever twenty codes can do it."""
    assert vouchers.pick(there, amount) == _by_trying_all(there, amount)


@pytest.mark.parametrize("kinds", [8, 10, 12, 40, 2_000])
def test_an_odd_stock_is_given_up_in_time(kinds: int) -> None:
    """However many odd worths there are, looking for codes keeps nobody waiting, and never takes what is wrong."""
    there = {10_001 + 2 * (number * 7_919 % 200_000): 20 for number in range(kinds)}
    found = vouchers.search(there, 2_000_000)
    assert found.steps <= vouchers.MOST_STEPS + vouchers.MOST_CODES + 1
    if found.picked is not None:
        assert sum(worth * count for worth, count in found.picked.items()) == 2_000_000


@pytest.mark.parametrize("amount", [100_000, 1_370_000, 2_000_000, 1_999_900])
def test_an_ordinary_stock_is_looked_through_whole(amount: int) -> None:
    """Many of many round worths come nowhere near the bound, whether they come to the amount or not."""
    there = {rubles * 10_000: 500 for rubles in (1, 2, 3, 5, 10, 15, 20, 25, 30, 40, 50, 100)}
    found = vouchers.search(there, amount)
    assert found.steps <= vouchers.MOST_STEPS // 10
    assert (found.picked is not None) == (amount % 10_000 == 0)
