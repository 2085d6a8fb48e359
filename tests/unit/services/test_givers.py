"""Givers are screened by the name that came with the gift; a match holds the money, a missing list holds none."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlmodel import select

from bot.database import Resources
from models.base import new_id
from models.donation import Donation, DonationStatus, Provider
from models.errors import BadInput, ButtonGone, NotAllowed
from models.funding import FundingSource
from models.screening import GiverCheck, GiverStatus, ScreeningQuestion
from payments import funding
from payments.ledger import Purpose, balance
from payments.money import Money
from payments.screening import givers as giver_checks
from payments.screening import questions
from payments.screening.givers import PATIENCE, GiftHeld
from payments.stripe_objects import Balance, Charge, Payment, PaymentState
from services import donate_gifts, donate_settle, givers, screening, screening_screens, treasury_funding
from services.contact import Address
from services.donors import set_donor
from tests.unit.payments.screening.house import TYPED, load_both, load_sdn
from tests.unit.payments.screening.published import person
from tests.unit.services.desk import Desk, make_desk

S = GiverStatus
REASON = "Born in another year, and lives in another country."
GIFT, FEE = 10_000, 300


@pytest.fixture
async def desk(resources: Resources, tmp_path: Path) -> Desk:
    """A desk with three treasurers, and both lists of today."""
    made = await make_desk(resources)
    await load_both(resources, tmp_path)
    return made


async def given(desk: Desk, name: str | None, *, country: str = "DE", number: int = 900) -> UUID:
    """A gift by card, paid as Stripe tells it."""
    async with desk.resources.unit() as unit:
        gift = Donation(
            id=new_id(), provider=Provider.STRIPE, status=DonationStatus.OPEN, amount=GIFT, currency="RUB",
            language="en", token=str(uuid4()), asked_at=unit.now, due_at=unit.now,
        )  # fmt: skip
        set_donor(unit, gift, Address(number))
        unit.session.add(gift)
        await unit.session.flush()
        paid = Balance(f"txn_{gift.id.hex}", Money(GIFT, "RUB"), Money(FEE, "RUB"))
        charge = Charge(f"ch_{gift.id.hex}", Money(GIFT, "RUB"), country, paid, unit.now, name)
        await donate_settle.apply(unit, Payment(f"pi_{gift.id.hex}", PaymentState.PAID, gift.id, charge))
        return gift.id


async def stands(desk: Desk, gift: UUID) -> tuple[GiverStatus, bool]:
    """Where a check stands, and whether its name is still kept."""
    async with desk.resources.unit() as unit:
        row = await unit.session.get_one(GiverCheck, gift)
        return row.status, row.name is not None


async def free(desk: Desk) -> int:
    """What Stripe holds that may be handed over, in kopecks."""
    async with desk.resources.unit() as unit:
        return sum(money.amount for source, money in await funding.held(unit) if source is FundingSource.STRIPE)


async def decide(desk: Desk, *, same: bool, sign: str = "Coin") -> None:
    """Somebody decides the one open question."""
    async with desk.resources.unit() as unit:
        actor = await desk.actor(unit, sign)
        (question,) = await screening.to_decide(unit, actor)
        await screening.decide(unit, actor, question.id, REASON, same=same)


async def test_a_clear_giver_is_forgotten_at_once(desk: Desk) -> None:
    """The name is gone with the verdict, and its keyed mark; which lists were looked at stays."""
    gift = await given(desk, "Anna Example")
    assert await stands(desk, gift) == (S.CLEAR, False)
    assert await free(desk) == GIFT - FEE
    async with desk.resources.unit() as unit:
        check = await unit.session.get_one(GiverCheck, gift)
        assert "ofac" in check.lists
        assert check.subject == ""
        assert (await unit.session.exec(select(ScreeningQuestion))).all() == []


@pytest.mark.parametrize("name", [None, "", "  \u200b "])
async def test_a_gift_without_a_name_is_not_screened(desk: Desk, name: str | None) -> None:
    """Nothing is kept about it, and it counts."""
    await given(desk, name)
    async with desk.resources.unit() as unit:
        assert [row.status for row in (await unit.session.exec(select(GiverCheck))).all()] in ([], [S.CLEAR])
    assert await free(desk) == GIFT - FEE


async def test_a_possible_match_holds_the_gift_until_somebody_decides(desk: Desk) -> None:
    """Neither handed over nor paid back meanwhile; if it is somebody else: free, and the name forgotten."""
    other, gift = await given(desk, "Anna Example"), await given(desk, TYPED)
    assert await stands(desk, gift) == (S.HELD, True)
    assert await free(desk) == GIFT - FEE
    async with desk.resources.unit() as unit:
        till = await desk.actor(unit, "Till")
        taken = Money(2 * (GIFT - FEE), "RUB")
        with pytest.raises(BadInput):
            await treasury_funding.enter(unit, till, uuid4(), taken.amount, FundingSource.STRIPE, taken)
    desk.people["Giver"] = 900
    for each, refused in ((other, False), (gift, True)):
        async with desk.resources.unit() as unit:
            giver = await desk.actor(unit, "Giver")
            if refused:
                with pytest.raises(GiftHeld):
                    await donate_gifts.take_back(unit, giver, each)
            else:
                assert donate_gifts.may_take_back(unit, await unit.session.get_one(Donation, each))
    await decide(desk, same=False)
    assert await stands(desk, gift) == (S.CLEAR, False)
    assert await free(desk) == 2 * (GIFT - FEE)
    async with desk.resources.unit() as unit:
        question = (await unit.session.exec(select(ScreeningQuestion))).one()
        assert await questions.words_of(unit, question) == questions.GONE
        await screening_screens.show_decided(unit, await desk.actor(unit, "Till"))
    assert "Chodor" not in (await desk.screen("Till"))["text"]


async def test_a_listed_giver_is_frozen(desk: Desk) -> None:
    """The gift stays held, treasurers and coordinators are told at once, and the screen counts it."""
    gift = await given(desk, TYPED)
    await decide(desk, same=True)
    assert await stands(desk, gift) == (S.BLOCKED, True)
    assert await free(desk) == 0
    for sign in ("Till", "Coin", "Alpha"):
        assert any("frozen" in notice for notice in await desk.notices(sign))
    await desk.run(screening.JOBS)
    async with desk.resources.unit() as unit:
        await screening_screens.show_lists(unit, await desk.actor(unit, "Till"))
    assert "1 are frozen" in (await desk.screen("Till"))["text"]
    assert await stands(desk, gift) == (S.BLOCKED, True)


async def test_a_card_that_is_paid_back_is_not_screened(desk: Desk) -> None:
    """It leaves at once, as the policy says; its name is not looked at."""
    await given(desk, TYPED, country="RU")
    async with desk.resources.unit() as unit:
        assert (await unit.session.exec(select(GiverCheck))).all() == []


async def test_without_a_fresh_list_gifts_wait_unscreened(resources: Resources, tmp_path: Path) -> None:
    """Nothing is held for want of a list; without one the name is forgotten in time, and in years the check."""
    desk = await make_desk(resources)
    late, soon = await given(desk, "Anna Example"), await given(desk, TYPED)
    assert await stands(desk, soon) == (S.WAITING, True)
    assert await free(desk) == 2 * (GIFT - FEE)
    await desk.run(screening.JOBS)
    assert await stands(desk, late) == (S.WAITING, True)
    await load_both(resources, tmp_path)
    await desk.run(screening.JOBS)
    assert await stands(desk, late) == (S.CLEAR, False)
    assert await stands(desk, soon) == (S.HELD, True)
    assert await free(desk) == GIFT - FEE
    desk.later(days=20)
    last = await given(desk, "Berta Example")
    desk.later(seconds=PATIENCE.total_seconds())
    await desk.run(screening.JOBS)
    assert await stands(desk, last) == (S.UNSCREENED, False)
    assert await stands(desk, soon) == (S.HELD, True)
    desk.later(days=366 * desk.resources.policy.screening.record_years)
    await desk.run(screening.JOBS)
    async with desk.resources.unit() as unit:
        assert (await unit.session.exec(select(GiverCheck.id))).all() == [soon]


async def test_an_entry_that_goes_frees_what_waited_for_it(desk: Desk, tmp_path: Path) -> None:
    """When the list no longer has whom the giver was like, nobody has to decide any more."""
    gift = await given(desk, TYPED)
    desk.later(days=1)
    await load_sdn(desk.resources, tmp_path, [person(7, "SOMEBODY Else"), person(8, "SOMEBODY Other")])
    await desk.run(screening.JOBS)
    assert await stands(desk, gift) == (S.CLEAR, False)
    assert await free(desk) == GIFT - FEE


async def test_money_by_hand_is_confirmed_once_its_giver_is_clear(desk: Desk) -> None:
    """Whoever entered it may say who gave; a match waits for somebody else's decision, then it counts."""
    entry = uuid4()
    async with desk.resources.unit() as unit:
        till = await desk.actor(unit, "Till")
        await treasury_funding.enter(unit, till, entry, GIFT)
        before = (await balance(unit, Purpose.FUND, "RUB")).amount
    for typed, refusal in (("x", BadInput), ("x" * 301, BadInput)):
        async with desk.resources.unit() as unit:
            with pytest.raises(refusal):
                await givers.name_giver(unit, await desk.actor(unit, "Till"), entry, typed)
    async with desk.resources.unit() as unit:
        with pytest.raises(NotAllowed):
            await givers.name_giver(unit, await desk.actor(unit, "Alpha"), entry, TYPED)
    async with desk.resources.unit() as unit:
        await givers.name_giver(unit, await desk.actor(unit, "Till"), entry, TYPED)
    async with desk.resources.unit() as unit:
        with pytest.raises(GiftHeld):
            await treasury_funding.confirm(unit, await desk.actor(unit, "Purse"), entry)
    async with desk.resources.unit() as unit:
        with pytest.raises(ButtonGone):
            await givers.name_giver(unit, await desk.actor(unit, "Till"), entry, "Anna Example")
        assert await screening.to_decide(unit, await desk.actor(unit, "Till")) == []
    await decide(desk, same=False)
    async with desk.resources.unit() as unit:
        await treasury_funding.confirm(unit, await desk.actor(unit, "Purse"), entry)
        assert (await balance(unit, Purpose.FUND, "RUB")).amount == before + GIFT
    assert await stands(desk, entry) == (S.CLEAR, False)


async def test_a_decision_holds_for_later_months(desk: Desk) -> None:
    """Of one monthly gift the same name is asked about once; another giver of that name is another question."""
    monthly = uuid4()
    async with desk.resources.unit() as unit:
        await giver_checks.look(unit, uuid4(), TYPED, monthly)
    await decide(desk, same=False)
    async with desk.resources.unit() as unit:
        row = await giver_checks.look(unit, uuid4(), TYPED, monthly)
        assert row is not None
        assert row.status is S.CLEAR
        row = await giver_checks.look(unit, uuid4(), TYPED)
        assert row is not None
        assert row.status is S.HELD
    desk.later(seconds=timedelta(minutes=1).total_seconds())
    await desk.run(screening.JOBS)
    assert any("wait" in notice for notice in await desk.notices("Coin"))
