"""`/donate`: the warning, the choice of a way and an amount, and the row that everything later stands on.

No provider is asked here: the row is due, and what asks for its page to pay on finds it after the commit. Nothing
of the giver is in the row but their sealed chat; a gift of the web page has none.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlmodel import col, func, select

from models import audit
from models.base import new_id
from models.donation import Donation, DonationStatus, Provider
from models.errors import BadInput, Refused
from models.policy import Donations, GiftCurrency
from models.unit import Unit
from payments.money import STARS, Money, parse_amount
from services.access import Actor
from services.contact import Address
from services.donors import make_token, set_donor, token_digest
from services.screens import Rows, in_twos
from services.speak import Button, Screen, show
from texts.formats import money as shown

OFTEN: Final = timedelta(hours=1)
MOST_OF_ONE: Final = 10
MOST_OF_WEB: Final = 300
"""Pages to pay on that one giver, and the web page altogether, may ask for within an hour (`web.visitors`: one
visitor of it far fewer)."""

UNPAID: Final = (DonationStatus.ASKED, DonationStatus.OPEN, DonationStatus.EXPIRED, DonationStatus.FAILED)
"""What counts for that."""


class Way(StrEnum):
    """How somebody may give."""

    CARD = "card"
    MONTHLY = "monthly"
    """By card, each month."""
    STARS = "stars"


def terms(unit: Unit) -> Donations:
    """What the policy says about gifts. Raises `Refused` when it takes none."""
    if unit.policy.donations is None:
        raise Refused("donate.closed")
    return unit.policy.donations


def ways(unit: Unit, *, card: bool) -> list[Way]:
    """The ways that are open; `card` tells whether Stripe is set up."""
    by_card = [Way.CARD, *([Way.MONTHLY] if terms(unit).monthly else [])] if card else []
    return [*by_card, Way.STARS]


async def show_ways(unit: Unit, actor: Actor, *, card: bool) -> None:
    """What a gift does, the warning, and the ways to give."""
    rows: Rows = [
        [_button(unit, actor, f"donate.button.{way}", "donate.way", way=way)] for way in ways(unit, card=card)
    ]
    rows.append([_button(unit, actor, "donate.button.gifts", "donate.gifts")])
    rows.append([_button(unit, actor, "start.button.home", "start.home")])
    text = "\n\n".join(unit.texts.render(key, actor.language) for key in ("donate.what", "donate.warning"))
    await show(unit, actor.to, Screen(text, rows))


async def show_amounts(unit: Unit, actor: Actor, way: Way, currency: str | None, *, card: bool) -> None:
    """The amounts of one currency, and the other currencies. Raises `Refused` for a way that is closed."""
    currencies = _currencies(unit, way, card=card)
    chosen = currency if currency in currencies else next(iter(currencies))
    amounts = [
        _labelled(shown(amount, chosen, actor.language), "donate.amount", way=way, currency=chosen, amount=amount)
        for amount in currencies[chosen].offered
    ]
    others = [_labelled(code, "donate.way", way=way, currency=code) for code in currencies if code != chosen]
    rows: Rows = [
        *in_twos(amounts),
        [_button(unit, actor, "donate.button.other", "donate.other", way=way, currency=chosen)],
    ]
    rows += in_twos(others)
    rows.append([_button(unit, actor, "donate.button.back", "donate.home")])
    await show(unit, actor.to, Screen(unit.texts.render(f"donate.amount.{way}", actor.language), rows))


async def ask_amount(unit: Unit, actor: Actor, way: Way, currency: str, *, card: bool) -> None:
    """Ask for an amount to be typed."""
    bounds = _bounds(unit, way, currency, card=card)
    text = unit.texts.render(
        "donate.ask",
        actor.language,
        currency=_code(unit, currency, actor.language),
        least=shown(bounds.least, currency, actor.language),
        most=shown(bounds.most, currency, actor.language),
    )
    rows = [[_button(unit, actor, "donate.button.back", "donate.way", way=way, currency=currency)]]
    await show(unit, actor.to, Screen(text, rows))


def read_amount(unit: Unit, typed: str, way: Way, currency: str, *, card: bool) -> Money:
    """A typed amount. Raises `BadInput`, and `Refused` for a way or a currency that is closed."""
    _bounds(unit, way, currency, card=card)
    return parse_amount(typed, currency)


async def begin(
    unit: Unit, way: Way, money: Money, language: str, address: Address | None, *, card: bool
) -> Donation:
    """Record that somebody wants to give; `address` is their chat, none on the web page.

    Raises `BadInput` for an amount out of bounds, `Refused` for a way that is closed or asked for too often.
    """
    bounds = _bounds(unit, way, money.currency, card=card)
    if money.amount < bounds.least:
        raise BadInput("donate.bad.small", least=shown(bounds.least, money.currency, language))
    if money.amount > bounds.most:
        raise BadInput("donate.bad.large", most=shown(bounds.most, money.currency, language))
    donation = Donation(
        id=new_id(),
        provider=Provider.STARS if way is Way.STARS else Provider.STRIPE,
        amount=money.amount,
        currency=money.currency,
        monthly=way is Way.MONTHLY,
        language=unit.texts.choose(language),
        token="",
        asked_at=unit.now,
        due_at=unit.now,
    )
    donation.token = token_digest(make_token(unit, donation.id))
    if address is not None:
        set_donor(unit, donation, address)
    await _refuse_often(unit, donation)
    unit.session.add(donation)
    await unit.session.flush()
    await audit.record(
        unit,
        "donor",
        "donation.asked",
        audit.about("donation", donation.id),
        provider=donation.provider,
        amount=money.amount,
        currency=money.currency,
    )
    return donation


async def begin_in_chat(unit: Unit, actor: Actor, way: Way, money: Money, *, card: bool) -> UUID:
    """Record a gift of this person, and say that its page is being made."""
    donation = await begin(unit, way, money, actor.language, actor.address, card=card)
    rows = [[_button(unit, actor, "donate.button.back", "donate.home")]]
    await show(unit, actor.to, Screen(unit.texts.render("donate.moment", actor.language), rows))
    return donation.id


async def _refuse_often(unit: Unit, donation: Donation) -> None:
    asked = select(func.count()).where(
        col(Donation.asked_at) > unit.now - OFTEN,
        col(Donation.status).in_(UNPAID),
    )
    web = donation.chat is None
    mine = asked.where(col(Donation.chat).is_(None) if web else col(Donation.chat) == donation.chat)
    if (await unit.session.exec(mine)).one() >= (MOST_OF_WEB if web else MOST_OF_ONE):
        raise Refused("donate.bad.often")


def _currencies(unit: Unit, way: Way, *, card: bool) -> dict[str, GiftCurrency]:
    if way not in ways(unit, card=card):
        raise Refused("donate.closed")
    return {STARS: terms(unit).stars} if way is Way.STARS else dict(terms(unit).currencies)


def _bounds(unit: Unit, way: Way, currency: str, *, card: bool) -> GiftCurrency:
    found = _currencies(unit, way, card=card).get(currency)
    if found is None:
        raise BadInput("donate.bad.currency")
    return found


def _code(unit: Unit, currency: str, language: str) -> str:
    return unit.texts.render("donate.stars", language) if currency == STARS else currency


def _button(unit: Unit, actor: Actor, key: str, act: str, **args: str | int) -> Button:
    return Button(unit.texts.render(key, actor.language), act, args)


def _labelled(label: str, act: str, **args: str | int) -> Button:
    return Button(label, act, args)
