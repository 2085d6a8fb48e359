"""What the newest state of a payment, a page or a monthly gift makes of our rows, and whom it is told.

A payment belongs to the gift that it was made for; a later month of a monthly gift is a gift of its own, made when
its payment is first seen. A gift paid with a card from a country that the policy refuses is paid back at once;
so is one behind a wallet that does not say.
"""

from sqlmodel import select

from models import audit
from models.base import new_id
from models.donation import (
    MONTHLY_ALLOWED,
    PAID_SINCE,
    Donation,
    DonationStatus,
    MonthlyGift,
    MonthlyStatus,
    Provider,
    RefundReason,
)
from models.states import move
from models.unit import Unit
from payments import donations
from payments.donations import advance
from payments.stripe_objects import (
    STRIPE_ACTOR,
    Charge,
    Invoice,
    Payment,
    PaymentState,
    Session,
    SessionState,
    Subscription,
)
from services import donate_news, givers
from services.donors import copy_donor, make_token, token_digest

Found = Session | Payment | Invoice | Subscription
"""The newest state of one of Stripe's objects."""


async def apply(unit: Unit, found: Found) -> bool:
    """Bring rows and books to a newest state; tells whether all of it is settled."""
    await audit.hold(unit)  # before the rows: who posts holds it already when they come to the row of a gift
    if isinstance(found, Session):
        return await _session(unit, found)
    if isinstance(found, Payment):
        return await _payment(unit, found, None, None)
    if isinstance(found, Invoice):
        return await _invoice(unit, found)
    await _subscription(unit, found)
    return True


async def stop_monthly(unit: Unit, monthly: MonthlyGift, actor: str) -> None:
    """Have a monthly gift ended; one that has ended, or is about to, is left alone."""
    if monthly.status is MonthlyStatus.ACTIVE:
        await move(unit, monthly, MonthlyStatus.STOPPING, MONTHLY_ALLOWED, actor)
        monthly.due_at, monthly.attempts = unit.now, 0
        await unit.session.flush()


async def ask_refund(unit: Unit, donation: Donation, reason: RefundReason, actor: str) -> bool:
    """Have a gift paid back; tells whether it was one that can be."""
    if not await advance(unit, donation, DonationStatus.REFUNDING, actor):
        return False
    donation.refund_reason, donation.due_at, donation.attempts = reason, unit.now, 0
    await unit.session.flush()
    return True


async def _session(unit: Unit, session: Session) -> bool:
    donation = await unit.session.get(Donation, session.donation) if session.donation else None
    if donation is None or donation.provider is not Provider.STRIPE:
        return True
    if donation.checkout is None:
        donation.checkout = session.id
    monthly = await _begun(unit, session, donation)
    settled = session.payment is None or await _payment(unit, session.payment, donation, monthly)
    if session.state is SessionState.EXPIRED:
        await advance(unit, donation, DonationStatus.EXPIRED, STRIPE_ACTOR)
    elif (
        session.state is SessionState.COMPLETE
        and _is_unpaid(session.payment)
        and await advance(unit, donation, DonationStatus.FAILED, STRIPE_ACTOR)
        and not _is_tried_again(session.subscription)
    ):
        await donate_news.tell(unit, donation)
    if session.subscription is not None:
        await _subscription(unit, session.subscription)
    return settled


async def _begun(unit: Unit, session: Session, first: Donation) -> MonthlyGift | None:
    """The monthly gift that a page has begun, whether or not its first payment is there: debits take days."""
    if session.state is not SessionState.COMPLETE or session.subscription is None:
        return None
    monthly = await _monthly(unit, session.subscription.id, first)
    first.monthly_id = monthly.id
    return monthly


def _is_unpaid(payment: Payment | None) -> bool:
    return payment is not None and payment.state is PaymentState.UNPAID


def _is_tried_again(subscription: Subscription | None) -> bool:
    """Whether the giver hears of a payment that failed by their monthly gift, as of every later one."""
    return subscription is not None and subscription.failing


async def _payment(unit: Unit, payment: Payment, first: Donation | None, monthly: MonthlyGift | None) -> bool:
    """Settle a payment; `first` is the gift that it may belong to, `monthly` the promise that it keeps."""
    donation = await _of_payment(unit, payment, first, monthly)
    if donation is None:
        return True
    before = donation.status
    if monthly is not None:
        donation.monthly_id = monthly.id
    entered = await donations.settle(unit, donation, payment)
    await donate_news.tell_disputes(unit, payment, entered)
    if donation.status is not before:
        await _changed(unit, donation, before, payment)
    return donations.is_settled(payment)


async def _of_payment(
    unit: Unit, payment: Payment, first: Donation | None, monthly: MonthlyGift | None
) -> Donation | None:
    found = (await unit.session.exec(select(Donation).where(Donation.payment == payment.id))).first()
    if found is not None:
        return found
    if first is None and payment.donation is not None:
        first = await unit.session.get(Donation, payment.donation)
    if first is not None and first.provider is Provider.STRIPE and first.payment is None:
        return first
    if monthly is None or payment.charge is None:
        return None
    donation = Donation(
        id=new_id(),
        provider=Provider.STRIPE,
        status=DonationStatus.OPEN,
        amount=payment.charge.money.amount,
        currency=payment.charge.money.currency,
        monthly=True,
        monthly_id=monthly.id,
        language=monthly.language,
        token="",
        asked_at=unit.now,
        due_at=unit.now,
    )
    donation.token = token_digest(make_token(unit, donation.id))
    copy_donor(unit, monthly, donation)
    unit.session.add(donation)
    await unit.session.flush()
    return donation


async def _changed(unit: Unit, donation: Donation, before: DonationStatus, payment: Payment) -> None:
    reason = _why_paid_back(unit, donation, before, payment)
    if donation.status is DonationStatus.GIVEN and reason is not None:
        await ask_refund(unit, donation, reason, STRIPE_ACTOR)
        if reason is RefundReason.CARD and donation.monthly_id is not None:
            monthly = await unit.session.get(MonthlyGift, donation.monthly_id)
            if monthly is not None:
                await stop_monthly(unit, monthly, STRIPE_ACTOR)
    if donation.status is DonationStatus.GIVEN and payment.charge is not None:
        await givers.given(unit, donation, payment.charge.giver)
    paid_back = {DonationStatus.REFUNDING, DonationStatus.REFUNDED}
    if donation.status is DonationStatus.GIVEN and before in paid_back:  # the refund failed, or was cancelled
        await donate_news.tell_refund_refused(unit, donation)
    if donation.status is not DonationStatus.GIVEN or before not in PAID_SINCE:
        await donate_news.tell(unit, donation)


def _why_paid_back(
    unit: Unit, donation: Donation, before: DonationStatus, payment: Payment
) -> RefundReason | None:
    """Why a gift that stands is to be paid back now, if it is: a refund that a dispute overtook is asked anew."""
    if donation.refund_reason is not None:
        return donation.refund_reason if before in {DonationStatus.DISPUTED, DonationStatus.LOST} else None
    unsafe = payment.charge is not None and _is_refused(unit, payment.charge)
    return RefundReason.CARD if unsafe else None


def _is_refused(unit: Unit, charge: Charge) -> bool:
    """Whether a card is from a country that the policy refuses, or may be and nobody can say."""
    refused = unit.policy.refused_cards
    return charge.country in refused or (bool(refused) and charge.hidden)


async def _promised(unit: Unit, subscription: str) -> MonthlyGift | None:
    found = select(MonthlyGift).where(MonthlyGift.subscription == subscription)
    return (await unit.session.exec(found)).first()


async def _monthly(unit: Unit, subscription: str, first: Donation) -> MonthlyGift:
    """The promise, made where there is none. It ends at once where its giver was forgotten meanwhile."""
    monthly = await _promised(unit, subscription)
    if monthly is None:
        monthly = MonthlyGift(
            id=new_id(),
            amount=first.amount,
            currency=first.currency,
            subscription=subscription,
            language=first.language,
            started_at=unit.now,
            due_at=unit.now,
        )
        copy_donor(unit, first, monthly)
        unit.session.add(monthly)
        await unit.session.flush()
        subject = audit.about("monthly_gift", monthly.id)
        await audit.record(unit, STRIPE_ACTOR, "monthly_gift.active", subject)
        if first.status is DonationStatus.EXPIRED:
            await stop_monthly(unit, monthly, STRIPE_ACTOR)
    return monthly


async def _invoice(unit: Unit, invoice: Invoice) -> bool:
    """Settle a month. The promise that stands is enough: its first gift may never have been paid, and be gone."""
    subscription = invoice.subscription
    if subscription is None:
        return True
    if invoice.payment is None or not invoice.paid:
        await _subscription(unit, subscription)
        return True
    first = await unit.session.get(Donation, subscription.donation) if subscription.donation else None
    monthly = (
        await _promised(unit, subscription.id) if first is None else await _monthly(unit, subscription.id, first)
    )
    if monthly is None:
        return True
    settled = await _payment(unit, invoice.payment, first, monthly)
    await _subscription(unit, subscription)
    return settled


async def _subscription(unit: Unit, subscription: Subscription) -> None:
    monthly = await _promised(unit, subscription.id)
    if monthly is None:
        return
    if subscription.ended:
        await end_monthly(unit, monthly)
    elif monthly.failing != subscription.failing:
        monthly.failing = subscription.failing
        if monthly.failing:
            await donate_news.tell_failing(unit, monthly)
        await unit.session.flush()


async def end_monthly(unit: Unit, monthly: MonthlyGift) -> None:
    """Record that Stripe has ended a monthly gift, and tell the giver once."""
    if monthly.status is not MonthlyStatus.STOPPED:
        await move(unit, monthly, MonthlyStatus.STOPPED, MONTHLY_ALLOWED, STRIPE_ACTOR)
        monthly.ended_at, monthly.failing = unit.now, False
        await unit.session.flush()
        await donate_news.tell_stopped(unit, monthly)
