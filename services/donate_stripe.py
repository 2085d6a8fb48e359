"""Gifts by card: Stripe's events, what is looked up because of them, and what Stripe is asked to do.

- An event is only a bell. Its type and the id of its object say what is to be looked up; nothing else of it is
  believed. Forged, changed, repeated, late and reordered events can make us look, and nothing more.
- What is looked up is the newest state, with no transaction open; a second one brings rows and books to it.
- What is asked of Stripe stands in a row first, and the row gives the idempotency key. A row is due again later
  until an answer is recorded.

The calls themselves are made by `bot.stripe_errands`.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, func, select

from models import audit
from models.base import new_id
from models.donation import (
    Donation,
    DonationStatus,
    GiftEntry,
    Looked,
    MonthlyGift,
    MonthlyStatus,
    Provider,
    StripeLook,
)
from models.unit import Unit
from payments.donations import advance
from payments.money import Money
from payments.stripe_objects import STRIPE_ACTOR, Order, Session
from services import donate_news
from services.donate_due import BATCH, LEASE, due, locked, pause, take
from services.donate_settle import Found, apply, end_monthly
from services.jobs import Job

OBJECT_ID: Final = re.compile(r"[a-z]{2,8}_[A-Za-z0-9_]{1,90}", re.ASCII)
"""What an id of Stripe's looks like; anything else is not looked up."""

LOOKS: Final[Mapping[str, tuple[Looked, str]]] = {
    "checkout.session.": (Looked.SESSION, "id"),
    "invoice.": (Looked.INVOICE, "id"),
    "customer.subscription.": (Looked.SUBSCRIPTION, "id"),
    "charge.": (Looked.PAYMENT, "payment_intent"),
    "refund.": (Looked.PAYMENT, "payment_intent"),
    "payment_intent.": (Looked.PAYMENT, "id"),
}
"""Which object an event is about, and where its id stands, by the beginning of the event's type."""

UNSETTLED: Final = timedelta(hours=1)
"""After which Stripe may know how a movement was settled."""

PAGE_LIFE: Final = timedelta(hours=24)
"""How long a page to pay on is open (API, checkout session: expires_at)."""

RECHECK: Final = timedelta(days=1)
"""How often a gift under way is looked up though no event came."""

PROMISE_RECHECK: Final = timedelta(days=7)
"""How often a monthly gift is looked up though no event came: Stripe keeps its events for thirty days."""

UNPAID_KEPT: Final = timedelta(days=7)
"""How long it is kept that somebody wanted to give and did not."""


def object_of(event: object) -> tuple[Looked, str] | None:
    """What an event is about; none when it is nothing that the fund looks up."""
    if not isinstance(event, Mapping) or not isinstance(event.get("type"), str):
        return None
    found = next((look for kind, look in LOOKS.items() if event["type"].startswith(kind)), None)
    data = event.get("data")
    body = data.get("object") if isinstance(data, Mapping) else None
    if found is None or not isinstance(body, Mapping):
        return None
    kind, name = found
    object_id = body.get(name)
    if isinstance(object_id, Mapping):
        object_id = object_id.get("id")
    if not isinstance(object_id, str) or not OBJECT_ID.fullmatch(object_id):
        return None
    return kind, object_id


async def stripe_event(unit: Unit, event: object) -> bool:
    """Have the object of an event looked up; tells whether there is one."""
    about = object_of(event)
    if about is not None:
        await ask_look(unit, *about)
    return about is not None


async def ask_look(unit: Unit, kind: Looked, object_id: str) -> None:
    """Have an object looked up now; asked for while it is looked up, it is looked up once more."""
    look = await _look(unit, kind, object_id)
    if look is None:
        look = StripeLook(id=new_id(), kind=kind, object_id=object_id, due_at=unit.now)
        try:
            async with unit.session.begin_nested():
                unit.session.add(look)
        except IntegrityError:
            look = await _look(unit, kind, object_id)
        else:
            return
    if look is not None:
        look.asked += 1
        look.attempts = 0
        await unit.session.flush()


async def due_looks(unit: Unit) -> Sequence[UUID]:
    """What is to be looked up now."""
    due = select(StripeLook.id).where(col(StripeLook.due_at) <= unit.now).order_by(col(StripeLook.due_at))
    return (await unit.session.exec(due.limit(BATCH))).all()


async def unanswered(unit: Unit) -> int:
    """How many objects Stripe was asked about without an answer."""
    asked = select(func.count()).select_from(StripeLook).where(col(StripeLook.attempts) > 0)
    return (await unit.session.exec(asked)).one()


async def take_look(unit: Unit, look_id: UUID) -> StripeLook | None:
    """Take what is due, so that nobody else looks it up meanwhile."""
    look = await unit.session.get(StripeLook, look_id, with_for_update=True, populate_existing=True)
    if look is None or look.due_at > unit.now:
        return None
    look.attempts += 1
    look.due_at = unit.now + max(LEASE, pause(look.attempts))
    await unit.session.flush()
    return look


async def answer_look(unit: Unit, taken: StripeLook, found: Found | None) -> None:
    """Bring everything to the newest state of what was looked up; none when Stripe knows no such object."""
    settled = found is None or await apply(unit, found)
    look = await unit.session.get(StripeLook, taken.id, with_for_update=True, populate_existing=True)
    if look is None:
        return
    if look.asked != taken.asked:
        look.due_at = unit.now
    elif settled:
        await unit.session.delete(look)
    else:
        look.due_at, look.attempts = unit.now + UNSETTLED, 0
    await unit.session.flush()


async def try_later(unit: Unit, table: type[StripeLook | Donation | MonthlyGift], row_id: UUID) -> None:
    """Stripe did not answer: what was taken is due again after a pause that grows."""
    row: StripeLook | Donation | MonthlyGift | None = await unit.session.get(
        table, row_id, with_for_update=True, populate_existing=True
    )
    if row is not None:
        row.due_at = unit.now + pause(row.attempts)
        await unit.session.flush()


async def due_pages(unit: Unit) -> Sequence[UUID]:
    """Gifts for which Stripe is to make a page now."""
    return await due(unit, Provider.STRIPE, DonationStatus.ASKED)


def give_pages(give_url: str) -> tuple[str, str]:
    """Where Stripe's page leads to on the fund's own site: after a payment, and back without one.

    The same each time: what is asked anew under one idempotency key must be the same to the letter.
    """
    return f"{give_url}/give/thanks", f"{give_url}/give"


async def take_page(unit: Unit, donation_id: UUID, done_url: str, back_url: str) -> Order | None:
    """What to ask Stripe for; from now on nobody else asks for a while.

    None for what was asked for a day ago: by then Stripe has forgotten the key, and would make a second page.
    """
    donation = await take(unit, donation_id, DonationStatus.ASKED)
    if donation is None or unit.policy.donations is None or donation.asked_at <= unit.now - PAGE_LIFE:
        return None
    return Order(
        donation.id,
        Money(donation.amount, donation.currency),
        donation.monthly,
        donation.language,
        unit.texts.render("donate.title", donation.language),
        unit.policy.donations.statement,
        done_url,
        back_url,
    )


async def opened(unit: Unit, donation_id: UUID, session: Session) -> None:
    """Record the page that Stripe has made, and show it to the giver."""
    donation = await locked(unit, donation_id)
    donation.checkout, donation.due_at = session.id, unit.now + PAGE_LIFE
    if await advance(unit, donation, DonationStatus.OPEN, STRIPE_ACTOR) and session.url is not None:
        await donate_news.show_page(unit, donation, session.url)


async def page_refused(unit: Unit, donation_id: UUID) -> None:
    """Stripe will not make the page: the gift ends here."""
    donation = await locked(unit, donation_id)
    if await advance(unit, donation, DonationStatus.FAILED, STRIPE_ACTOR):
        await donate_news.tell(unit, donation)


async def due_refunds(unit: Unit) -> Sequence[UUID]:
    """Gifts that Stripe is to pay back now."""
    return await due(unit, Provider.STRIPE, DonationStatus.REFUNDING)


async def take_refund(unit: Unit, donation_id: UUID) -> tuple[str, bool] | None:
    """The payment to pay back, and whether it may have been asked for before; nobody else asks for a while.

    Stripe forgets a key after a day (API, idempotent requests), so whoever asks again looks first.
    """
    donation = await take(unit, donation_id, DonationStatus.REFUNDING)
    if donation is None or donation.payment is None:
        return None
    return donation.payment, donation.attempts > 1


async def refund_asked(unit: Unit, donation_id: UUID) -> None:
    """Stripe has taken the order: what became of the payment is looked up."""
    donation = await locked(unit, donation_id)
    if donation.payment is not None:
        await ask_look(unit, Looked.PAYMENT, donation.payment)


async def refund_refused(unit: Unit, donation_id: UUID) -> None:
    """Stripe will not pay back: the gift stays, and the treasurers are told to look.

    One that was paid back meanwhile stays so: the first try was only slow.
    """
    donation = await locked(unit, donation_id)
    if donation.status is DonationStatus.REFUNDING:
        await advance(unit, donation, DonationStatus.GIVEN, STRIPE_ACTOR)
        await donate_news.tell_refund_refused(unit, donation)
    await refund_asked(unit, donation_id)


async def due_stops(unit: Unit) -> Sequence[UUID]:
    """Monthly gifts that Stripe is to end now."""
    due = select(MonthlyGift.id).where(
        MonthlyGift.status == MonthlyStatus.STOPPING, col(MonthlyGift.due_at) <= unit.now
    )
    return (await unit.session.exec(due.limit(BATCH))).all()


async def take_stop(unit: Unit, monthly_id: UUID) -> str | None:
    """Stripe's id of the monthly gift to end; from now on nobody else asks for a while."""
    monthly = await unit.session.get(MonthlyGift, monthly_id, with_for_update=True, populate_existing=True)
    if monthly is None or monthly.status is not MonthlyStatus.STOPPING or monthly.due_at > unit.now:
        return None
    monthly.attempts += 1
    monthly.due_at = unit.now + max(LEASE, pause(monthly.attempts))
    await unit.session.flush()
    return monthly.subscription


async def stopped(unit: Unit, monthly_id: UUID) -> None:
    """Stripe has ended a monthly gift."""
    await audit.hold(unit)  # before the row, as in `services.donate_settle.apply`
    monthly = await unit.session.get(MonthlyGift, monthly_id, with_for_update=True, populate_existing=True)
    if monthly is not None:
        await end_monthly(unit, monthly)


async def _look(unit: Unit, kind: Looked, object_id: str) -> StripeLook | None:
    found = select(StripeLook).where(StripeLook.kind == kind, StripeLook.object_id == object_id)
    return (await unit.session.exec(found.with_for_update())).first()


async def _find_overdue(unit: Unit) -> Sequence[UUID]:
    under_way = [DonationStatus.OPEN, DonationStatus.PROCESSING, DonationStatus.DISPUTED]
    old = (col(Donation.status) == DonationStatus.ASKED) & (col(Donation.asked_at) <= unit.now - PAGE_LIFE)
    due = select(Donation.id).where(
        (col(Donation.status).in_(under_way) & (col(Donation.due_at) <= unit.now)) | old
    )
    return (await unit.session.exec(due.limit(BATCH))).all()


async def _recheck(unit: Unit, donation_id: UUID) -> None:
    """Look up what no event has told of for a day; what never had a page, or an invoice of stars, ends."""
    donation = await locked(unit, donation_id)
    if donation.provider is Provider.STRIPE and donation.checkout is not None:
        await ask_look(unit, Looked.SESSION, donation.checkout)
    elif donation.provider is Provider.STRIPE and donation.payment is not None:
        await ask_look(unit, Looked.PAYMENT, donation.payment)
    else:
        asked = donation.status is DonationStatus.ASKED  # the provider never answered, and the giver still waits
        await advance(unit, donation, DonationStatus.FAILED if asked else DonationStatus.EXPIRED, "clock")
        await donate_news.tell(unit, donation)
    donation.due_at = unit.now + RECHECK
    await unit.session.flush()


async def _find_promises(unit: Unit) -> Sequence[UUID]:
    due = select(MonthlyGift.id).where(
        MonthlyGift.status == MonthlyStatus.ACTIVE, col(MonthlyGift.due_at) <= unit.now
    )
    return (await unit.session.exec(due.limit(BATCH))).all()


async def _recheck_promise(unit: Unit, monthly_id: UUID) -> None:
    """Look up a monthly gift: it may have ended while nobody listened."""
    await audit.hold(unit)  # before the row, as in `services.donate_settle.apply`
    monthly = await unit.session.get(MonthlyGift, monthly_id, with_for_update=True, populate_existing=True)
    if monthly is not None and monthly.status is MonthlyStatus.ACTIVE:
        await ask_look(unit, Looked.SUBSCRIPTION, monthly.subscription)
        monthly.due_at = unit.now + PROMISE_RECHECK
        await unit.session.flush()


async def _find_unpaid(unit: Unit) -> Sequence[UUID]:
    """Gifts that were never paid; not the first of a monthly gift that Stripe may still charge."""
    entered = select(GiftEntry.donation_id).where(GiftEntry.donation_id == Donation.id)
    promised = select(MonthlyGift.id).where(
        MonthlyGift.id == Donation.monthly_id, MonthlyGift.status != MonthlyStatus.STOPPED
    )
    old = select(Donation.id).where(
        col(Donation.status).in_([DonationStatus.EXPIRED, DonationStatus.FAILED]),
        col(Donation.asked_at) <= unit.now - UNPAID_KEPT,
        ~entered.exists(),
        ~promised.exists(),
    )
    return (await unit.session.exec(old.limit(BATCH))).all()


async def _forget_unpaid(unit: Unit, donation_id: UUID) -> None:
    await unit.session.delete(await locked(unit, donation_id))


JOBS: Final = (
    Job("donate.recheck", timedelta(minutes=10), _find_overdue, _recheck),
    Job("donate.forget", timedelta(hours=1), _find_unpaid, _forget_unpaid),
    Job("donate.promises", timedelta(hours=1), _find_promises, _recheck_promise),
)
"""Events get lost: gifts under way are looked up daily, promises weekly. Who only thought of it is forgotten."""
