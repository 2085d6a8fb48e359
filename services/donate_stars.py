"""Gifts in Telegram Stars: invoice, the last question before the payment, payment, refund, reconciliation.

- The invoice is a link behind a button, so that nothing but the one screen stands in the chat.
- Telegram asks before it takes the stars, and wants an answer within ten seconds (Bot API, PreCheckoutQuery). The
  stored state decides: a gift that is paid, ended or another's is refused, so one invoice is paid once.
- A payment that came all the same is recorded, whatever it is for: the stars are there.
- Telegram's own list of transactions decides what was missed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from models import audit
from models.base import new_id
from models.donation import PAID_SINCE, Donation, DonationStatus, EventCursor, Provider, RefundReason
from models.reconciliation import SeenBalance
from models.unit import Unit
from payments.donations import STARS_ACTOR, advance, enter_stars, enter_stars_refund
from payments.ledger import Purpose
from payments.money import STARS
from services import donate_news
from services.access import Actor
from services.contact import Address, lane_of
from services.donate_due import due, locked, take
from services.donate_settle import ask_refund
from services.donate_stripe import PAGE_LIFE
from services.donors import donor, is_donor, make_token, set_donor, token_digest
from services.reconciling_providers import STANDS
from services.speak import answer_checkout

RECONCILE_EVERY: Final = timedelta(hours=6)
RECONCILE_AGAIN: Final = timedelta(minutes=15)
"""After an attempt that failed."""


@dataclass(frozen=True, slots=True)
class StarInvoice:
    """What an invoice says: neutral words, whole stars, our random id."""

    donation: UUID
    title: str
    description: str
    stars: int


@dataclass(frozen=True, slots=True)
class StarMove:
    """A transaction as Telegram lists it: stars that a person paid, or (`refund`) got back."""

    charge: str
    stars: int
    user: int
    payload: str
    refund: bool


async def due_invoices(unit: Unit) -> Sequence[UUID]:
    """Gifts for which Telegram is to make an invoice now."""
    return await due(unit, Provider.STARS, DonationStatus.ASKED)


async def take_invoice(unit: Unit, donation_id: UUID) -> StarInvoice | None:
    """What to ask Telegram for; from now on nobody else asks for a while."""
    donation = await take(unit, donation_id, DonationStatus.ASKED)
    if donation is None:
        return None
    say = unit.texts.render
    title, text = say("donate.title", donation.language), say("donate.invoice", donation.language)
    return StarInvoice(donation.id, title, text, donation.amount)


async def invoice_made(unit: Unit, donation_id: UUID, url: str) -> None:
    """Show the button that opens the invoice."""
    donation = await locked(unit, donation_id)
    donation.due_at = unit.now + PAGE_LIFE
    if await advance(unit, donation, DonationStatus.OPEN, STARS_ACTOR):
        await donate_news.show_page(unit, donation, url)


async def check_payment(unit: Unit, actor: Actor, query: str, payload: str, currency: str, stars: int) -> None:
    """Answer whether this payment may be made now. Anybody else's, a second one, another amount: no.

    An invoice that is open when gifts are closed is refused as well.
    """
    donation = await _of_payload(unit, payload)
    fits = (
        donation is not None
        and donation.status in {DonationStatus.ASKED, DonationStatus.OPEN}
        and is_donor(donation, actor.chat)
        and (currency, stars) == (STARS, donation.amount)
    )
    why = "donate.closed" if unit.policy.donations is None else None if fits else "donate.bad.invoice"
    answer_checkout(unit, actor.address, query, unit.texts.render(why, actor.language) if why else None)


async def paid(unit: Unit, user: Address, language: str, move: StarMove) -> None:
    """Record stars that were paid, once. A second payment of the same gift is a gift of its own, and paid back.

    What somebody else paid than who asked is the payer's own gift: Telegram pays back to nobody else.
    """
    if await _of_charge(unit, move.charge) is not None:
        return
    asked = await _of_payload(unit, move.payload)
    twice = asked is not None and asked.status in PAID_SINCE
    own = asked is not None and (asked.chat is None or is_donor(asked, lane_of(unit, user)))
    donation = asked if asked is not None and own and not twice else _unasked(unit, user, language, move)
    donation.payment, donation.amount = move.charge, move.stars
    donation.given_at = unit.now
    await unit.session.flush()
    await enter_stars(unit, donation, move.charge)
    await advance(unit, donation, DonationStatus.GIVEN, STARS_ACTOR)
    if twice:
        await ask_refund(unit, donation, RefundReason.TWICE, STARS_ACTOR)
    await donate_news.tell(unit, donation)


async def paid_back(unit: Unit, charge: str) -> None:
    """Record that stars were paid back, once; by whomever, Telegram does so by itself too."""
    donation = await _of_charge(unit, charge)
    if donation is None or donation.status not in PAID_SINCE:
        return
    await enter_stars_refund(unit, donation, charge)
    if await advance(unit, donation, DonationStatus.REFUNDED, STARS_ACTOR):
        await donate_news.tell(unit, donation)


async def due_refunds(unit: Unit) -> Sequence[UUID]:
    """Gifts that Telegram is to pay back now."""
    return await due(unit, Provider.STARS, DonationStatus.REFUNDING)


async def take_refund(unit: Unit, donation_id: UUID) -> tuple[int, str] | None:
    """Whom to pay back, and which charge; from now on nobody else asks for a while."""
    donation = await take(unit, donation_id, DonationStatus.REFUNDING)
    to = donor(unit, donation) if donation else None
    if donation is None or donation.payment is None or to is None:
        return None
    return int(to.address), donation.payment


async def refund_refused(unit: Unit, donation_id: UUID) -> None:
    """Telegram will not pay back: the gift stays, and the treasurers are told to look.

    One that was paid back meanwhile stays so: the first try was only slow.
    """
    donation = await locked(unit, donation_id)
    if donation.status is DonationStatus.REFUNDING:
        await advance(unit, donation, DonationStatus.GIVEN, STARS_ACTOR)
        await donate_news.tell_refund_refused(unit, donation)


async def due_reconciliation(unit: Unit) -> Sequence[UUID]:
    """One key when Telegram's list of transactions is to be read again."""
    cursor = await unit.session.get(EventCursor, Provider.STARS.value)
    differs = await unit.session.get(SeenBalance, f"{Purpose.STARS}:{STARS}")
    every = RECONCILE_EVERY if differs is None else STANDS
    due = cursor is None or cursor.seen_until <= unit.now - every
    return [UUID(int=0)] if due and await may_have_come(unit) else []


async def may_have_come(unit: Unit) -> bool:
    """Whether stars may have come: gifts are open, or have been."""
    return (
        unit.policy.donations is not None or await unit.session.get(EventCursor, Provider.STARS.value) is not None
    )


async def reconcile(unit: Unit, moves: Sequence[StarMove]) -> int:
    """Record what was missed of Telegram's list; returns how much that was."""
    missed = 0
    for move in moves:
        known = await _of_charge(unit, move.charge)
        if move.refund:
            missed += known is not None and known.status is not DonationStatus.REFUNDED
            await paid_back(unit, move.charge)
        elif known is None:
            missed += 1
            asked = await _of_payload(unit, move.payload)
            await paid(unit, Address(move.user), asked.language if asked else unit.texts.choose(None), move)
    return missed


async def reconciled(unit: Unit, *, whole: bool = True) -> None:
    """The list was read; where it could not be read `whole`, it is read again soon."""
    seen = unit.now if whole else unit.now - RECONCILE_EVERY + RECONCILE_AGAIN
    cursor = await unit.session.get(EventCursor, Provider.STARS.value)
    if cursor is None:
        unit.session.add(EventCursor(source=Provider.STARS.value, seen_until=seen))
    else:
        cursor.seen_until = seen


def _unasked(unit: Unit, user: Address, language: str, move: StarMove) -> Donation:
    donation = Donation(
        id=new_id(),
        provider=Provider.STARS,
        status=DonationStatus.OPEN,
        amount=move.stars,
        currency=STARS,
        language=unit.texts.choose(language),
        token="",
        asked_at=unit.now,
        due_at=unit.now,
    )
    donation.token = token_digest(make_token(unit, donation.id))
    set_donor(unit, donation, user)
    unit.session.add(donation)
    return donation


async def _of_payload(unit: Unit, payload: str) -> Donation | None:
    try:
        donation_id = UUID(payload)
    except ValueError:
        return None
    return await _locked(unit, col(Donation.id) == donation_id)


async def _of_charge(unit: Unit, charge: str) -> Donation | None:
    return await _locked(unit, col(Donation.payment) == charge)


async def _locked(unit: Unit, which: ColumnElement[bool]) -> Donation | None:
    await audit.hold(unit)  # before the row, as in `services.donate_settle.apply`
    found = select(Donation).where(which, Donation.provider == Provider.STARS)
    return (await unit.session.exec(found.with_for_update())).first()
