"""Payouts that the fund makes itself, from the approval to the screen of the applicant, as people live them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlmodel import select

from bot.database import Resources
from bot.money import Rows, load_vouchers
from bot.stripe_setup import StripeSetup
from models.case import CaseStatus
from models.grant import Payout, PayoutStatus
from models.policy import Partner
from models.voucher import Voucher, VoucherKind, VoucherStatus
from payments import reconcile
from payments.ledger import Purpose, balance
from sandbox.clock import TravelClock
from sandbox.stripe.client import Bank
from sandbox.stripe.server import StripeServer
from sandbox.telegram.client import Person, View
from tests.flows.chronicle import chronicle
from tests.flows.harness import World, open_world
from tests.flows.house import DESTINATION, House, move_in
from tests.flows.interview import TYPED
from tests.soak.reading import says
from tests.stripe_town import bank, stripe_server
from tests.unit.payments.screening.house import load_both

__all__ = ["bank", "stripe_server"]

EUR = "EUR"
ASKED = 500_00
"""What the applicant asks for, in cents: above the tier that needs a second treasurer."""
FEE = 250
"""What the partner takes for passing money on."""
GIFT = "900"
CODES = ("CANARY-CODE-1", "CANARY-CODE-2")


@dataclass(frozen=True, slots=True)
class Way:
    """A rail as people see it."""

    rail: str

    @property
    def title(self) -> str:
        """The key of its name."""
        return f"treasury.rail.{self.rail}"


VOUCHERS, PARTNER, MANUAL = Way("voucher-mobile"), Way("stripe_transfer"), Way("manual")


@pytest.fixture
async def world(
    resources: Resources, clock: TravelClock, stripe_server: StripeServer, bank: Bank, receiving: str
) -> AsyncIterator[World]:
    """A fund in euros with a partner at Stripe, codes and transfers by hand."""
    policy = resources.policy
    small = policy.tiers[0].model_copy(update={"up_to": ASKED - 1})
    partner = Partner(name="Open Hands OU", account=await bank.connect("EE"), days=3, fee=FEE)
    resources.policy = policy.model_copy(
        update={
            "currency": EUR,
            "rates": {"EUR": "1", "RUB": "0.01", "USD": "0.9"},
            "tiers": (small, *policy.tiers[1:]),
            "rails": (VOUCHERS.rail, PARTNER.rail, MANUAL.rail),
            "partner": partner,
        }
    )
    stripe = StripeSetup(stripe_server.key, stripe_server.url)
    async with open_world(resources, clock, receiving, stripe=stripe) as opened:
        yield opened


@pytest.fixture
async def house(world: World, language: str) -> AsyncIterator[House]:
    """Everybody, and some cash in the fund."""
    async with chronicle(world) as written:
        made = await move_in(world, language, written)
        made.asker.answers = {**TYPED, "amount": str(ASKED // 100)}
        await made.staff.fund("600")
        yield made


async def hear(world: World) -> None:
    """Let the fund poll Stripe and do what follows."""
    assert world.app.stripe is not None
    await world.app.stripe.poller.poll()
    await world.settle()


async def give(world: World, bank: Bank, language: str) -> None:
    """A giver gives by card, and some days later Stripe has the money at hand."""
    donor, say = await world.person("Dora", language), world.resources.texts.render
    await donor.send("/donate")
    await world.settle()
    for key in ("donate.button.card", "donate.button.other"):
        await donor.press(say(key, language))
        await world.settle()
    await donor.send(GIFT)
    await world.settle()
    await bank.pay(str(await donor.press(say("donate.button.pay", language))))
    await hear(world)
    await world.live(days=4)


async def stock(world: World, folder: Path) -> None:
    """The operator loads two codes that come to the grant."""
    file = folder / "codes.csv"
    file.write_text("code\n" + "\n".join(CODES), encoding="utf-8")
    _, loaded = await load_vouchers(world.resources, Rows(file, VoucherKind.MOBILE, "250", None, given=True))
    assert loaded
    async with world.unit() as unit:
        sealed = (await unit.session.exec(select(Voucher.code))).all()
    assert len(sealed) == len(CODES)
    assert not any(code.encode() in (row or b"") for row in sealed for code in CODES)


async def ways(house: House) -> View:
    """A request is made and approved; its person reads which ways there are, with the terms of each."""
    asker = house.asker
    await house.ask()
    await house.approve()
    await house.open_news()
    shown = await asker.press("review.button.rail")
    assert says(shown.text, "treasury.person.choose", asker.language)
    return shown


async def choose(house: House, way: Way) -> None:
    """The applicant chooses one, reads its terms again, and agrees."""
    asker = house.asker
    shown = await asker.press(way.title)
    assert asker.say(f"treasury.statement.{'voucher' if way is VOUCHERS else way.rail}") in shown.text
    assert (DESTINATION in shown.text) == (way is not VOUCHERS)
    shown = await asker.press("treasury.person.button.agree")
    assert says(shown.text, "treasury.person.paying", asker.language)


async def order(house: House, payer: Person, other: Person) -> str:
    """One treasurer takes it and wants it sent, a second agrees; what the first was shown is returned."""
    staff = house.staff
    await staff.press(payer, "treasury.button.open")
    await staff.press(payer, "treasury.button.claim")
    shown = await staff.sees(payer, "treasury.payout.order")
    assert shown.protected
    assert says(shown.text, "treasury.way.price", house.asker.language)
    await staff.press(payer, "treasury.button.order")
    await staff.sees(payer, "treasury.payout.ordered-mine")
    assert (
        staff.say("treasury.button.agree-order")
        not in (await staff.sees(payer, "treasury.payout.ordered-mine")).labels
    )
    await staff.press(other, "treasury.button.open")
    assert says((await staff.sees(other, "treasury.payout.ordered")).text, "treasury.way.price", staff.language)
    await staff.press(other, "treasury.button.agree-order")
    return shown.text


async def books(world: World) -> dict[str, int]:
    """What stands on the accounts of the fund, which agree with everything else."""
    async with world.unit() as unit:
        assert await reconcile.compare(unit) == []
        found = {purpose.value: (await balance(unit, purpose, EUR)).amount for purpose in Purpose}
    return {name: amount for name, amount in found.items() if amount}


@pytest.mark.parametrize(("language", "database"), [("ru", "sqlite"), ("en", "postgresql")], indirect=["database"])
async def test_codes_reach_their_person(house: House, tmp_path: Path) -> None:
    """Chosen, ordered by one treasurer, agreed to by another, read by the person alone, then erased everywhere."""
    world, asker, (payer, other) = house.world, house.asker, house.staff.treasurers
    await stock(world, tmp_path)
    shown = await ways(house)
    assert asker.say(VOUCHERS.title) in shown.labels
    assert asker.say(PARTNER.title) not in shown.labels
    await choose(house, VOUCHERS)
    assert DESTINATION not in await order(house, payer, other)
    assert await house.status() is CaseStatus.PAID
    shown = await house.open_news()
    assert says(shown.text, "treasury.person.paid-code", asker.language)
    shown = await asker.press("treasury.person.button.codes")
    assert shown.protected
    assert all(code in shown.text for code in CODES)
    shown = await asker.press("vouchers.button.have")
    assert not any(code in view.text for view in await asker.person.messages() for code in CODES)
    assert [house.written.said(person.id, *CODES) for person in (payer, other)] == [[], []]
    async with world.unit() as unit:
        left = (await unit.session.exec(select(Voucher))).all()
    assert {(row.status, row.code) for row in left} == {(VoucherStatus.ERASED, None)}
    assert await books(world) == {"contributions": -600_00 - ASKED, "fund": 600_00, "granted": ASKED}


@pytest.mark.parametrize(("language", "database"), [("en", "sqlite"), ("ru", "postgresql")], indirect=["database"])
async def test_a_gift_by_card_reaches_a_person_through_the_partner(
    house: House, bank: Bank, tmp_path: Path
) -> None:
    """Given at Stripe, moved to the partner by the word of two, told to the partner, reported, and counted."""
    world, staff, asker = house.world, house.staff, house.asker
    payer, other = staff.treasurers
    await give(world, bank, staff.language)
    await load_both(world.resources, tmp_path)
    shown = await ways(house)
    assert asker.say(VOUCHERS.title) not in shown.labels
    await choose(house, PARTNER)
    assert DESTINATION in await order(house, payer, other)
    assert [made["amount"] for made in await bank.objects("transfer")] == [ASKED + FEE]
    assert await house.status() is CaseStatus.PAYING

    await staff.press(payer, "treasury.button.open")
    assert staff.say("treasury.button.where") not in (await staff.sees(other, "treasury.told.report")).labels
    await staff.press(payer, "treasury.button.where")
    assert (await staff.reads(payer, "treasury.payout.where"))["destination"] == DESTINATION
    await staff.press(other, "treasury.button.open")
    await staff.sees(other, "treasury.payout.report")
    await staff.press(other, "treasury.button.report")
    await staff.type(other, "P-7")
    await staff.press(other, "treasury.button.paid-sure")
    assert await house.status() is CaseStatus.PAID
    shown = await house.open_news()
    assert says(shown.text, "treasury.person.paid", asker.language)
    at_stripe = sum(moved["net"] for moved in await bank.objects("balance_transaction"))
    found = await books(world)
    assert (found["stripe"], found["granted"], found["fund"]) == (at_stripe, ASKED, 600_00)
    assert "partners" not in found


@pytest.mark.parametrize(("language", "database"), [("en", "postgresql")], indirect=["database"])
async def test_stripe_is_down_for_a_day_and_nothing_is_lost_or_doubled(
    house: House, bank: Bank, tmp_path: Path
) -> None:
    """The answer to the transfer is lost, then nothing answers for a day: moved once, and everybody hears so."""
    world, staff = house.world, house.staff
    payer, other = staff.treasurers
    await give(world, bank, staff.language)
    await load_both(world.resources, tmp_path)
    await ways(house)
    await choose(house, PARTNER)
    await bank.fault("lost_answer", "/v1/transfers", verb="POST")
    await order(house, payer, other)
    await bank.fault("down", "/v1/", seconds=25 * 3600)
    for _ in range(13):
        await world.jump(hours=2)
    async with world.unit() as unit:
        assert (await unit.session.exec(select(Payout.status))).one() is PayoutStatus.SENT
    await staff.sees(other, "treasury.told.report")
    assert len(await bank.objects("transfer")) == 1
    assert (await books(world))["partners"] == ASKED


@pytest.mark.parametrize(("language", "database"), [("en", "sqlite")], indirect=["database"])
async def test_a_way_that_closes_while_somebody_waits_is_not_the_last(
    house: House, bank: Bank, tmp_path: Path
) -> None:
    """Lists grow old while the payout is queued: its person is told, chooses another way, and is paid."""
    world, staff, asker = house.world, house.staff, house.asker
    await give(world, bank, staff.language)
    await load_both(world.resources, tmp_path)
    await ways(house)
    await choose(house, PARTNER)
    await house.live(days=world.resources.policy.screening.loaded_days + 1)
    shown = await house.open_news()
    assert says(shown.text, "treasury.person.closed", asker.language)
    shown = await asker.press("treasury.person.button.ways")
    assert asker.say(PARTNER.title) not in shown.labels
    shown = await asker.press("treasury.person.button.agree")
    assert says(shown.text, "treasury.person.paying", asker.language)
    assert [made["amount"] for made in await bank.objects("transfer")] == []
    for treasurer in staff.treasurers:
        assert house.written.said(treasurer.id, "This list is missing or too old")
