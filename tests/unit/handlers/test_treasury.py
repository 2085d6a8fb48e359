"""The desk as it is pressed and typed, through aiogram, without a network."""

from collections.abc import AsyncIterator
from itertools import count

import pytest
from aiogram import Bot
from sqlmodel import select

from bot.database import Resources
from handlers import funding, intake, treasury
from handlers.edge import build_dispatcher
from models.grant import GrantStatus, PayoutStatus
from models.mail import Effect, EffectKind
from payments.ledger import EntryKind, Purpose, transfer
from payments.money import STARS, Money
from services.treasury import claim
from tests.unit.handlers.phone import Phone
from tests.unit.services.desk import PLENTY, make_desk
from tests.unit.services.fund import LARGE, SMALL

P, G = PayoutStatus, GrantStatus


@pytest.fixture
async def phone(resources: Resources) -> AsyncIterator[Phone]:
    """An open desk and a phone for everybody."""
    desk = await make_desk(resources)
    bot = Bot("1:none")
    yield Phone(
        desk,
        build_dispatcher(treasury.build_router(), funding.build_router(), intake.build_router()),
        bot,
        count(100),
    )
    await bot.session.close()


async def test_a_payout_is_pressed_and_typed_from_end_to_end(phone: Phone) -> None:
    """The person agrees, one treasurer claims, pays and types the reference, another confirms."""
    desk = phone.desk
    await desk.approved(amount=LARGE)
    await phone.opens("Applicant", "treasury.confirm_rail")
    assert "private person" in await phone.text("Applicant")
    await phone.presses("Applicant", "Yes, send it")
    assert "being sent" in await phone.text("Applicant")
    await phone.opens("Till", "treasury.desk")
    await phone.presses("Till", "⏳")
    await phone.presses("Till", "Take it")
    assert "Card 4111 0000" in await phone.text("Till")
    await phone.presses("Till", "I have paid")
    await phone.says("Till", "  \n ")
    assert (await desk.notices("Till"))[-1].startswith("I need the payment")
    await phone.says("Till", "REF 42")
    assert "REF 42" in await phone.text("Till")
    await phone.presses("Till", "Yes, paid")
    assert "second treasurer must confirm" in await phone.text("Till")
    notice = (await desk.said("Coin", "notice:"))[-1]
    await phone.presses("Coin", "Open", notice)
    assert "REF 42" in await phone.text("Coin")
    await phone.presses("Coin", "Checked")
    assert await desk.books() == (PLENTY - LARGE, 0, LARGE)
    await phone.opens("Coin", "treasury.done")
    await phone.presses("Coin", "✅")
    await phone.presses("Coin", "The money came back")
    await phone.presses("Coin", "The details were wrong")
    await phone.presses("Till", "Open", (await desk.said("Till", "notice:"))[-1])
    await phone.presses("Till", "I see the money")
    assert await desk.books() == (PLENTY - LARGE, LARGE, 0)
    await phone.opens("Applicant", "treasury.confirm_rail")
    assert "details did not fit" in await phone.text("Applicant")


async def test_what_is_typed_is_erased(phone: Phone) -> None:
    """Reference and amount leave the chat at once."""
    await phone.desk.queued()
    await phone.says("Till", "/fund")
    await phone.says("Till", "1e3")
    assert (await phone.desk.notices("Till"))[-1].startswith("I need a number")
    await phone.says("Till", "15 000,50")
    async with phone.desk.resources.unit() as unit:
        erased = await unit.session.exec(select(Effect.id).where(Effect.kind == EffectKind.ERASE))
        assert len(erased.all()) == 3
    assert not any(line.startswith("I need a number") for line in await phone.desk.notices("Till"))
    assert "15,000.50" in await phone.text("Till")


async def test_money_entered_counts_after_a_second_treasurer(phone: Phone) -> None:
    """Typed, checked, entered; the one who entered cannot confirm it; another does, and it reserves who waited."""
    desk = phone.desk
    await phone.says("Till", "/fund")
    await phone.says("Till", "15000")
    entering = await desk.screen("Till")
    await phone.presses("Till", "Yes, enter it")
    assert "second treasurer must confirm" in await phone.text("Till")
    assert await desk.books() == (PLENTY, 0, 0)
    await phone.presses("Till", "Yes, enter it", entering)
    notice = (await desk.said("Coin", "notice:"))[-1]
    await phone.presses("Coin", "Open", notice)
    seen = await desk.screen("Coin")
    await phone.presses("Coin", "I see this money")
    assert await desk.books() == (PLENTY + 15_000_00, 0, 0)
    await phone.presses("Coin", "I see this money", seen)
    assert await desk.books() == (PLENTY + 15_000_00, 0, 0)
    assert "in the books" in await phone.text("Coin")


async def test_money_out_of_a_provider_is_entered_in_two_amounts(phone: Phone) -> None:
    """From whom it came is chosen, what left is typed, then what arrived; the second treasurer sees both."""
    desk = phone.desk
    async with desk.resources.unit() as unit:
        stars = Money(1000, STARS)
        await transfer(
            unit, EntryKind.GIFT, "gift:1", stars, source=Purpose.CONTRIBUTIONS, target=Purpose.STARS, actor="t"
        )  # fmt: skip
    await phone.says("Till", "/fund")
    await phone.presses("Till", "Telegram: 1,000")
    await phone.says("Till", "600")
    await phone.says("Till", "9000")
    await phone.presses("Till", "Yes, enter it")
    assert "600" in await phone.text("Till")
    await phone.presses("Coin", "Open", (await desk.said("Coin", "notice:"))[-1])
    await phone.presses("Coin", "I see this money")
    assert await desk.books() == (PLENTY + 9_000_00, 0, 0)
    await phone.says("Till", "/fund")
    await phone.presses("Till", "Bank transfer or cash")
    await phone.says("Till", "100")
    await phone.presses("Till", "Yes, enter it")
    assert "Telegram" not in await phone.text("Till")


async def test_an_entry_is_refused_or_taken_back(phone: Phone) -> None:
    """Money that the second treasurer does not see never counts, nor what the first one takes back."""
    for sign, label in (("Coin", "I do not see it"), ("Till", "Take it back")):
        await phone.says("Till", "/fund")
        await phone.says("Till", "500")
        await phone.presses("Till", "Yes, enter it")
        if sign == "Coin":
            await phone.opens("Coin", "treasury.desk")
            await phone.presses("Coin", "➕")
        await phone.presses(sign, label)
        assert "not entered" in await phone.text(sign)
    assert await phone.desk.books() == (PLENTY, 0, 0)


async def test_a_reference_counts_for_the_payout_it_was_typed_for(phone: Phone) -> None:
    """Without a typed reference, or with one typed for another payout, nothing is paid."""
    desk = phone.desk
    first, second = await desk.queued("One"), await desk.queued("Two")
    for payout_id in (first, second):
        await phone.opens("Till", "treasury.desk")
        await phone.presses("Till", "⏳")
        await phone.presses("Till", "Take it")
        assert (await desk.stands(payout_id))[0] == P.CLAIMED
    await phone.presses("Till", "I have paid")
    await phone.says("Till", "R-2")
    sure = await desk.screen("Till")
    await phone.presses("Till", "Back")
    await phone.presses("Till", "Yes, paid", sure)
    assert (await desk.stands(second))[0] == P.CLAIMED


async def test_who_is_no_treasurer_gets_no_desk(phone: Phone) -> None:
    """The applicant and a coordinator are refused by `/fund` and by the desk's button."""
    await phone.desk.queued()
    for sign in ("Applicant", "Alpha"):
        await phone.says(sign, "/fund")
        await phone.opens(sign, "treasury.desk")
        assert await phone.text(sign) == "x"


async def test_who_comes_too_late_sees_that_it_is_taken(phone: Phone) -> None:
    """A treasurer has it by now: the press is answered by what is so, and the button is gone."""
    payout_id = await phone.desk.queued()
    await phone.opens("Applicant", "treasury.confirm_rail")
    await phone.desk.do("Till", payout_id, claim)
    await phone.presses("Applicant", "Wait")
    assert (await phone.popup())[0] == (
        "The payment has been taken up and cannot be stopped any more. If the money comes back, we ask you again "
        "where to send it."
    )
    labels = [button["label"] for row in (await phone.desk.screen("Applicant"))["keyboard"] for button in row]
    assert labels == ["Back"]


async def test_the_person_changes_their_mind_before_anybody_holds_it(phone: Phone) -> None:
    """What was agreed to is taken back, another way is asked for, and then agreed to in its turn."""
    desk = phone.desk
    case_id = await desk.approved(amount=SMALL)
    payout_id = await desk.agreed(case_id)
    await phone.opens("Applicant", "treasury.confirm_rail")
    await phone.presses("Applicant", "Wait")
    assert await desk.stands(payout_id) == (P.CANCELLED, G.RESERVED, "approved")
    await phone.presses("Applicant", "Another way")
    assert "How can the money reach you?" in await phone.text("Applicant")
    await phone.says("Applicant", "Card 4333 0000")
    assert "To: Card 4333 0000" in await phone.text("Applicant")
