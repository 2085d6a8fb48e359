"""Money from a provider, and by hand: two treasurers, the books, and the way of each gift through them."""

from datetime import timedelta
from fractions import Fraction
from uuid import uuid4

import pytest
from sqlmodel import select

from bot.database import Resources
from models.base import new_id
from models.donation import Donation, DonationStatus, Provider
from models.errors import AlreadyDone, BadInput, MoveRefused, SamePerson
from models.funding import Funding, FundingSource, FundingStatus
from models.grant import Grant, GrantStatus
from models.unit import Unit
from payments import funding, ledger
from payments.donations import enter_stars
from payments.ledger import EntryKind, Purpose
from payments.money import STARS, Money
from payments.trace import Spent, allocate, follow
from services import treasury, treasury_funding
from services.donors import find_by_token, make_token
from tests.unit.services.desk import make_desk
from tests.unit.services.founding import peopled
from tests.unit.services.fund import SMALL, Fund


@pytest.fixture
async def fund(resources: Resources) -> Fund:
    """A fund with two treasurers."""
    return await peopled(resources, treasurers=["Teller", "Purser"], group=False)


async def stars_given(unit: Unit, stars: int) -> Donation:
    """A gift of stars that is in the books."""
    donation = Donation(
        id=new_id(),
        provider=Provider.STARS,
        status=DonationStatus.GIVEN,
        amount=stars,
        currency=STARS,
        language="en",
        token=str(uuid4()),
        payment=str(uuid4()),
        asked_at=unit.now,
        given_at=unit.now,
        due_at=unit.now,
    )
    unit.session.add(donation)
    await unit.session.flush()
    await enter_stars(unit, donation, str(donation.payment))
    return donation


async def withdraw(fund: Fund, taken: int, arrived: int) -> None:
    """Enter a withdrawal of stars and confirm it."""
    entry = uuid4()
    async with fund.resources.unit() as unit:
        teller = await fund.actor(unit, "Teller")
        await treasury_funding.enter(unit, teller, entry, arrived, FundingSource.STARS, Money(taken, STARS))
    async with fund.resources.unit() as unit:
        await treasury_funding.confirm(unit, await fund.actor(unit, "Purser"), entry)


async def pay_out(unit: Unit, number: str, amount: int) -> None:
    """Pay a grant of nobody, as the books see it."""
    money = Money(amount, "RUB")
    steps = (
        (EntryKind.RESERVE, Purpose.FUND, Purpose.RESERVED),
        (EntryKind.SETTLE, Purpose.RESERVED, Purpose.GRANTED),
    )
    for kind, source, target in steps:
        reference = f"{kind}:{number}"
        await ledger.transfer(
            unit,
            kind,
            reference,
            money,
            source=source,
            target=target,
            actor="t",
            grant_number=number,  # type: ignore[arg-type] # a number of the test
        )


async def test_withdrawal_frees_what_arrived(fund: Fund) -> None:
    """What two treasurers saw arrive is free money; what left stands against it on the account of exchange."""
    async with fund.resources.unit() as unit:
        await stars_given(unit, 1000)
    await withdraw(fund, 600, 90_000)
    async with fund.resources.unit() as unit:
        assert await ledger.balance(unit, Purpose.STARS, STARS) == Money(400, STARS)
        assert await ledger.balance(unit, Purpose.EXCHANGE, STARS) == Money(600, STARS)
        assert await ledger.balance(unit, Purpose.FUND, "RUB") == Money(90_000, "RUB")


async def test_withdrawal_wants_two_people_and_what_is_there(fund: Fund) -> None:
    """Nobody confirms their own entry, nothing leaves that is not held, and nothing is counted twice."""
    entry = uuid4()
    async with fund.resources.unit() as unit:
        await stars_given(unit, 100)
    async with fund.resources.unit() as unit:
        teller, purser = await fund.actor(unit, "Teller"), await fund.actor(unit, "Purser")
        with pytest.raises(BadInput):
            await treasury_funding.enter(unit, teller, uuid4(), 1, FundingSource.STARS, Money(101, STARS))
        await treasury_funding.enter(unit, teller, entry, 5_000, FundingSource.STARS, Money(100, STARS))
        with pytest.raises(AlreadyDone):
            await treasury_funding.enter(unit, teller, entry, 5_000, FundingSource.STARS, Money(100, STARS))
        with pytest.raises(SamePerson):
            await treasury_funding.confirm(unit, teller, entry)
        await treasury_funding.confirm(unit, purser, entry)
    async with fund.resources.unit() as unit:
        with pytest.raises((MoveRefused, BadInput)):
            await treasury_funding.confirm(unit, await fund.actor(unit, "Purser"), entry)
        assert await funding.held(unit) == []


async def test_an_entry_counts_in_the_currency_it_was_typed_in(fund: Fund) -> None:
    """A policy in another currency since then makes no other money of what a treasurer saw arrive."""
    entry = uuid4()
    async with fund.resources.unit() as unit:
        await stars_given(unit, 100)
        teller = await fund.actor(unit, "Teller")
        await treasury_funding.enter(unit, teller, entry, 5_000, FundingSource.STARS, Money(100, STARS))
    fund.resources.policy = fund.resources.policy.model_copy(update={"currency": "EUR"})
    async with fund.resources.unit() as unit:
        with pytest.raises(BadInput):
            await treasury_funding.confirm(unit, await fund.actor(unit, "Purser"), entry)
    fund.resources.policy = fund.resources.policy.model_copy(update={"currency": "RUB"})
    async with fund.resources.unit() as unit:
        await treasury_funding.confirm(unit, await fund.actor(unit, "Purser"), entry)
        assert await ledger.balance(unit, Purpose.FUND, "RUB") == Money(5_000, "RUB")


async def test_refused_withdrawal_changes_nothing(fund: Fund) -> None:
    """An entry that the second treasurer does not see stays out of the books."""
    entry = uuid4()
    async with fund.resources.unit() as unit:
        await stars_given(unit, 100)
        teller, purser = await fund.actor(unit, "Teller"), await fund.actor(unit, "Purser")
        await treasury_funding.enter(unit, teller, entry, 5_000, FundingSource.STARS, Money(100, STARS))
        await treasury_funding.refuse(unit, purser, entry)
        assert (await unit.session.get_one(Funding, entry)).status is FundingStatus.REFUSED
        assert await ledger.balance(unit, Purpose.STARS, STARS) == Money(100, STARS)


async def test_gift_is_followed_first_in_first_out(fund: Fund, resources: Resources) -> None:
    """The oldest gift is paid out first; what is left of the newer one waits; few grants are not told apart."""
    clock = resources.clock
    async with resources.unit() as unit:
        first = await stars_given(unit, 400)
    clock.advance(timedelta(hours=1))  # type: ignore[attr-defined] # the clock of the tests travels
    async with resources.unit() as unit:
        second = await stars_given(unit, 600)
    await withdraw(fund, 400, 40_000)
    clock.advance(timedelta(hours=1))  # type: ignore[attr-defined] # as above
    await withdraw(fund, 300, 30_000)
    async with resources.unit() as unit:
        await pay_out(unit, "G1", 50_000)
        assert await follow(unit, first) == [Spent(Fraction(1), None, None)]
        assert await follow(unit, second) == [Spent(Fraction(1, 6), None, None)]


async def test_month_shows_once_ten_grants_are_in_it(fund: Fund, resources: Resources) -> None:
    """A month with ten grants or more is told, one with fewer is not."""
    async with resources.unit() as unit:
        gift = await stars_given(unit, 1000)
    await withdraw(fund, 1000, 100_000)
    async with resources.unit() as unit:
        for number in range(9):
            await pay_out(unit, f"G{number}", 1_000)
        assert await follow(unit, gift) == [Spent(Fraction(9, 100), None, None)]
        await pay_out(unit, "G9", 1_000)
        month = unit.now.date().replace(day=1)
        assert await follow(unit, gift) == [Spent(Fraction(1, 10), month, None)]


async def test_gift_by_hand_has_a_receipt_and_a_way(fund: Fund) -> None:
    """Cash that two treasurers entered is a gift of nobody, found by its token."""
    entry = uuid4()
    async with fund.resources.unit() as unit:
        await treasury_funding.enter(unit, await fund.actor(unit, "Teller"), entry, 10_000)
        await treasury_funding.confirm(unit, await fund.actor(unit, "Purser"), entry)
        donation = (await unit.session.exec(select(Donation))).one()
        assert (donation.provider, donation.status, donation.chat) == (Provider.HAND, DonationStatus.GIVEN, None)
        assert await find_by_token(unit, make_token(unit, entry)) == donation
        await pay_out(unit, "G1", 5_000)
        assert await follow(unit, donation) == [Spent(Fraction(1, 2), None, None)]


def test_first_in_first_out() -> None:
    """Each outflow takes from the oldest lot that has something left; what nobody gave is left out."""
    assert list(allocate([5, 0, 7], [3, 4, 100])) == [(0, 0, 3), (0, 1, 2), (2, 1, 2), (2, 2, 5)]


async def test_a_grant_in_an_old_currency_keeps_nobody_waiting(resources: Resources) -> None:
    """The policy pays in another currency now: who is approved in that one gets the money that there is."""
    desk = await make_desk(resources, 0)
    await desk.approved("Old")
    resources.policy = resources.policy.model_copy(update={"currency": "EUR"})
    await desk.approved("Before")
    async with resources.unit() as unit:
        await funding.add(unit, Money(2 * SMALL, "EUR"), "operator")
    await desk.run(treasury.JOBS)
    await desk.approved("After")
    async with resources.unit() as unit:
        grants = (await unit.session.exec(select(Grant.currency, Grant.status))).all()
    assert sorted(grants) == [
        ("EUR", GrantStatus.RESERVED),
        ("EUR", GrantStatus.RESERVED),
        ("RUB", GrantStatus.WAITING),
    ]
