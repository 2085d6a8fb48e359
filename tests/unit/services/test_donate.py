"""Asking to give, paying in stars, and looking after gifts: every refusal, and who may see what."""

import json
from datetime import timedelta
from types import ModuleType
from uuid import UUID, uuid4

import pytest
from sqlmodel import col, select

from bot.database import Resources
from models.donation import Donation, DonationStatus, Looked, MonthlyGift, MonthlyStatus, RefundReason, StripeLook
from models.errors import BadInput, ButtonGone, Refused
from models.mail import Effect, EffectKind
from models.unit import Unit
from payments.ledger import Purpose, balance
from payments.money import STARS, Money
from sandbox.clock import TravelClock
from services import donate, donate_gifts, donate_stars, donate_stripe
from services.access import Actor, name_actor
from services.contact import Address
from services.donate import MOST_OF_ONE, Way
from services.donate_stars import StarMove
from services.donors import donor, make_token, set_donor
from services.speak import NOTICE, SCREEN, effect_place

GIVER, OTHER = 500_000_001, 500_000_002


async def giver(unit: Unit, number: int = GIVER) -> Actor:
    """Somebody with a Telegram account."""
    return await name_actor(unit, number, "en")


async def asked(unit: Unit, stars: int = 100) -> Donation:
    """A gift of stars that the giver has an invoice for."""
    donation = await donate.begin(unit, Way.STARS, Money(stars, STARS), "en", Address(GIVER), card=False)
    await donate_stars.invoice_made(unit, donation.id, "https://t.me/$x")
    return donation


async def answers(unit: Unit) -> list[str | None]:
    """What was answered before payments: none is a yes."""
    effects = await unit.session.exec(select(Effect).where(Effect.kind == EffectKind.CHECKOUT).order_by("id"))
    return [
        json.loads(unit.vault.open_server(effect.payload, effect_place(effect)))["refusal"]
        for effect in effects.all()
        if effect.payload is not None
    ]


async def promised(unit: Unit, me: Actor) -> MonthlyGift:
    """A monthly gift of somebody."""
    monthly = MonthlyGift(
        amount=1000, currency="EUR", subscription="sub_1", language="en", started_at=unit.now, due_at=unit.now
    )
    set_donor(unit, monthly, me.address)
    return monthly


async def said(unit: Unit, slot: str) -> str:
    """What is about to be shown in these slots."""
    shows = select(Effect).where(Effect.kind == EffectKind.SHOW, col(Effect.slot).startswith(slot))
    return "\n".join(
        json.loads(unit.vault.open_server(effect.payload, effect_place(effect)))["text"]
        for effect in (await unit.session.exec(shows)).all()
        if effect.payload is not None
    )


def move(donation: Donation, charge: str = "stx1", *, refund: bool = False) -> StarMove:
    """The payment of an invoice as Telegram tells it."""
    return StarMove(charge, donation.amount, GIVER, str(donation.id), refund=refund)


@pytest.mark.parametrize(
    ("way", "money", "card", "error"),
    [
        (Way.CARD, Money(1000, "EUR"), False, Refused),
        (Way.MONTHLY, Money(1000, "EUR"), False, Refused),
        (Way.CARD, Money(0, "EUR"), True, BadInput),
        (Way.CARD, Money(-1000, "EUR"), True, BadInput),
        (Way.CARD, Money(199, "EUR"), True, BadInput),
        (Way.CARD, Money(10**14, "EUR"), True, BadInput),
        (Way.CARD, Money(1000, "JPY"), True, BadInput),
        (Way.CARD, Money(1000, STARS), True, BadInput),
        (Way.STARS, Money(1000, "EUR"), True, BadInput),
        (Way.STARS, Money(9, STARS), True, BadInput),
    ],
)
async def test_what_cannot_be_given_is_refused(
    resources: Resources, *, way: Way, money: Money, card: bool, error: type[Refused]
) -> None:
    """A closed way, a currency the policy does not name, nothing, too little, too much: no row is made."""
    async with resources.unit() as unit:
        with pytest.raises(error):
            await donate.begin(unit, way, money, "en", Address(GIVER), card=card)
        assert (await unit.session.exec(select(Donation))).all() == []


async def test_one_giver_asks_for_so_many_pages_an_hour(resources: Resources, clock: TravelClock) -> None:
    """Nobody makes pages without end; an hour later they may again."""
    async with resources.unit() as unit:
        for _ in range(MOST_OF_ONE):
            await donate.begin(unit, Way.CARD, Money(1000, "EUR"), "en", Address(GIVER), card=True)
        with pytest.raises(Refused, match="often"):
            await donate.begin(unit, Way.CARD, Money(1000, "EUR"), "en", Address(GIVER), card=True)
        await donate.begin(unit, Way.CARD, Money(1000, "EUR"), "en", Address(OTHER), card=True)
    clock.advance(timedelta(hours=1, seconds=1))
    async with resources.unit() as unit:
        await donate.begin(unit, Way.CARD, Money(1000, "EUR"), "en", Address(GIVER), card=True)


async def test_stars_are_asked_for_once(resources: Resources) -> None:
    """Before the payment: the right giver, amount and state get a yes, everything else a reason."""
    async with resources.unit() as unit:
        donation = await asked(unit)
        me, other, payload = await giver(unit), await giver(unit, OTHER), str(donation.id)
        await donate_stars.check_payment(unit, other, "q1", payload, STARS, 100)
        await donate_stars.check_payment(unit, me, "q2", payload, STARS, 99)
        await donate_stars.check_payment(unit, me, "q3", payload, "EUR", 100)
        await donate_stars.check_payment(unit, me, "q4", "nonsense", STARS, 100)
        await donate_stars.check_payment(unit, me, "q5", str(uuid4()), STARS, 100)
        await donate_stars.check_payment(unit, me, "q6", payload, STARS, 100)
        await donate_stars.paid(unit, me.address, "en", move(donation))
        await donate_stars.check_payment(unit, me, "q7", payload, STARS, 100)
        assert [refusal is None for refusal in await answers(unit)] == [False] * 5 + [True, False]


async def test_closed_gifts_take_no_stars_and_lose_none(resources: Resources, clock: TravelClock) -> None:
    """An invoice that is open when gifts are closed is refused; what came before is still looked for."""
    async with resources.unit() as unit:
        donation = await asked(unit)
        await donate_stars.reconciled(unit)
    resources.policy = resources.policy.model_copy(update={"donations": None})
    clock.advance(timedelta(hours=7))
    async with resources.unit() as unit:
        me = await giver(unit)
        await donate_stars.check_payment(unit, me, "q1", str(donation.id), STARS, 100)
        assert await answers(unit) == [unit.texts.render("donate.closed", "en")]
        assert len(await donate_stars.due_reconciliation(unit)) == 1


async def test_a_fund_that_never_took_gifts_does_not_ask_for_stars(resources: Resources) -> None:
    """Telegram is not asked for a list that must be empty."""
    resources.policy = resources.policy.model_copy(update={"donations": None})
    async with resources.unit() as unit:
        assert await donate_stars.due_reconciliation(unit) == []


async def test_stars_paid_twice_are_a_gift_and_a_refund(resources: Resources) -> None:
    """The same charge counts once; a second charge for the same gift is recorded and paid back."""
    async with resources.unit() as unit:
        donation = await asked(unit)
        me = await giver(unit)
        for charge in ("stx1", "stx1", "stx2"):
            await donate_stars.paid(unit, me.address, "en", move(donation, charge))
        assert await balance(unit, Purpose.STARS, STARS) == Money(200, STARS)
        (second,) = await donate_stars.due_refunds(unit)
        assert await donate_stars.take_refund(unit, second) == (GIVER, "stx2")
        assert await donate_stars.take_refund(unit, second) is None
        for _ in range(2):
            await donate_stars.paid_back(unit, "stx2")
        assert await balance(unit, Purpose.STARS, STARS) == Money(100, STARS)
        assert (await unit.session.get_one(Donation, second)).refund_reason is RefundReason.TWICE


async def test_stars_go_back_to_whoever_paid(resources: Resources) -> None:
    """Somebody paid another's invoice: it is their own gift, to take back; the asker's is still to be paid."""
    async with resources.unit() as unit:
        donation = await asked(unit)
        payer = await giver(unit, OTHER)
        await donate_stars.paid(unit, payer.address, "en", move(donation))
        gift = (await unit.session.exec(select(Donation).where(Donation.payment == "stx1"))).one()
        assert (gift.status, donation.status) == (DonationStatus.GIVEN, DonationStatus.OPEN)
        await donate_gifts.take_back(unit, payer, gift.id)
        assert await donate_stars.take_refund(unit, gift.id) == (OTHER, "stx1")


async def test_reconciliation_mends_both_ways_once(resources: Resources) -> None:
    """What Telegram lists and we do not know is recorded, once: a payment, a refund."""
    async with resources.unit() as unit:
        donation = await asked(unit)
        listed = [move(donation), move(donation, refund=True), StarMove("stx9", 7, OTHER, "", refund=False)]
        assert await donate_stars.reconcile(unit, listed) == 3
        assert await donate_stars.reconcile(unit, listed) == 0
        assert donation.status is DonationStatus.REFUNDED
        assert await balance(unit, Purpose.STARS, STARS) == Money(7, STARS)


@pytest.mark.parametrize("event", [None, [], {}, {"type": 5}, {"type": "charge.updated", "data": {"object": []}}])
async def test_nonsense_is_looked_up_nowhere(resources: Resources, event: object) -> None:
    """An event of whatever shape makes no look and no error."""
    async with resources.unit() as unit:
        assert not await donate_stripe.stripe_event(unit, event)
        assert (await unit.session.exec(select(StripeLook))).all() == []


async def test_event_while_looking_is_looked_up_again(resources: Resources, clock: TravelClock) -> None:
    """What happens while Stripe is asked is not lost: the object is looked up once more."""
    async with resources.unit() as unit:
        await donate_stripe.ask_look(unit, Looked.PAYMENT, "pi_1")
        (look_id,) = await donate_stripe.due_looks(unit)
        taken = await donate_stripe.take_look(unit, look_id)
        assert taken is not None
        unit.session.expunge(taken)
        assert await donate_stripe.due_looks(unit) == []
        assert await donate_stripe.take_look(unit, look_id) is None
        await donate_stripe.ask_look(unit, Looked.PAYMENT, "pi_1")
        await donate_stripe.answer_look(unit, taken, None)
        assert await donate_stripe.due_looks(unit) == [look_id]
    clock.advance(timedelta(minutes=5))
    async with resources.unit() as unit:
        again = await donate_stripe.take_look(unit, look_id)
        assert again is not None
        await donate_stripe.answer_look(unit, again, None)
        assert (await unit.session.exec(select(StripeLook))).all() == []


async def test_gifts_are_their_givers_alone(resources: Resources) -> None:
    """Nobody sees, stops or takes back what another gave; whoever has the token sees it without the giver."""
    async with resources.unit() as unit:
        donation = await asked(unit)
        me, other = await giver(unit), await giver(unit, OTHER)
        await donate_stars.paid(unit, me.address, "en", move(donation))
        for act in (donate_gifts.show_gift, donate_gifts.take_back):
            with pytest.raises(ButtonGone):
                await act(unit, other, donation.id)
        line, lines = await donate_gifts.traced(unit, make_token(unit, donation.id), "en")
        assert "100" in line
        assert lines == ["100 %: not paid out yet."]
        with pytest.raises(BadInput):
            await donate_gifts.traced(unit, make_token(unit, uuid4()), "en")


async def test_gift_is_taken_back_in_time_and_once(resources: Resources, clock: TravelClock) -> None:
    """Taking back ends with the policy's days, and is asked for once."""
    async with resources.unit() as unit:
        donation = await asked(unit)
        me = await giver(unit)
        await donate_stars.paid(unit, me.address, "en", move(donation))
        await donate_gifts.take_back(unit, me, donation.id)
        with pytest.raises(Refused, match="late"):
            await donate_gifts.take_back(unit, me, donation.id)
    async with resources.unit() as unit:
        second = await asked(unit)
        await donate_stars.paid(unit, Address(GIVER), "en", move(second, "stx2"))
    clock.advance(timedelta(days=15))
    async with resources.unit() as unit:
        with pytest.raises(Refused, match="late"):
            await donate_gifts.take_back(unit, await giver(unit), second.id)


async def test_a_giver_is_asked_before_they_are_forgotten(resources: Resources) -> None:
    """They learn that a monthly gift ends too, and that the receipt's number goes on; nothing is done yet."""
    async with resources.unit() as unit:
        me = await giver(unit)
        await donate_stars.paid(unit, me.address, "en", move(await asked(unit)))
        for monthly in (False, True):
            if monthly:
                unit.session.add(await promised(unit, me))
            await donate_gifts.ask_forgetting(unit, me)
            text = await said(unit, SCREEN)
            assert ("ends your monthly gift" in text) == monthly
            assert "number of a receipt still works" in text
        assert (await unit.session.exec(select(MonthlyGift))).one().status is MonthlyStatus.ACTIVE


async def test_forgotten_giver_is_known_no_more(resources: Resources) -> None:
    """Nothing leads from a gift to the chat any more; monthly gifts are being stopped; the books stay."""
    async with resources.unit() as unit:
        donation = await asked(unit)
        me = await giver(unit)
        await donate_stars.paid(unit, me.address, "en", move(donation))
        unit.session.add(await promised(unit, me))
        await unit.session.flush()
        assert make_token(unit, donation.id) in await said(unit, NOTICE)
        await donate_gifts.forget(unit, me)
        assert await said(unit, NOTICE) == ""
    async with resources.unit() as unit:
        kept = await unit.session.get_one(Donation, UUID(str(donation.id)))
        stopping = (await unit.session.exec(select(MonthlyGift))).one()
        assert (kept.chat, kept.contact, donor(unit, kept)) == (None, None, None)
        assert (stopping.chat, stopping.status) == (None, MonthlyStatus.STOPPING)
        assert await balance(unit, Purpose.STARS, STARS) == Money(100, STARS)


async def test_what_never_had_a_page_ends(resources: Resources, clock: TravelClock) -> None:
    """What nobody paid for a day expires, so that no old link is paid; after a week it is forgotten."""
    job, forget, _ = donate_stripe.JOBS
    async with resources.unit() as unit:
        await asked(unit)
        await donate.begin(unit, Way.CARD, Money(1000, "EUR"), "en", None, card=True)
    clock.advance(timedelta(hours=25))
    async with resources.unit() as unit:
        for key in await job.find(unit):
            await job.handle(unit, key)
        rows = (await unit.session.exec(select(Donation))).all()
        assert {row.status for row in rows} == {DonationStatus.EXPIRED, DonationStatus.FAILED}
        assert await forget.find(unit) == []
    clock.advance(timedelta(days=7))
    async with resources.unit() as unit:
        for key in await forget.find(unit):
            await forget.handle(unit, key)
    async with resources.unit() as unit:
        assert (await unit.session.exec(select(Donation))).all() == []


@pytest.mark.parametrize(("way", "refused"), [(Way.STARS, donate_stars), (Way.CARD, donate_stripe)])
async def test_a_refusal_to_pay_back_twice_does_not_bring_a_refunded_gift_back(
    resources: Resources, way: Way, refused: ModuleType
) -> None:
    """The first try was only slow, and its refund is known already: the second one's refusal says nothing new."""
    stars = way is Way.STARS
    async with resources.unit() as unit:
        money = Money(100, STARS) if stars else Money(1000, "EUR")
        gift = await donate.begin(unit, way, money, "en", Address(GIVER), card=not stars)
        gift.status = DonationStatus.REFUNDED
    async with resources.unit() as unit:
        await refused.refund_refused(unit, gift.id)
        assert (await unit.session.get_one(Donation, gift.id)).status is DonationStatus.REFUNDED
