"""What a giver hears of their gift, and what the treasurers hear of it: amounts, never who."""

from collections.abc import Collection
from typing import Final

from models.donation import Donation, DonationStatus, MonthlyGift, RefundReason
from models.unit import Unit
from models.volunteer import Role
from payments.donations import disputed_reference, lost_reference
from payments.money import Money
from payments.stripe_objects import DisputeEnd, Payment
from services.donors import donor, make_token, tell_donor
from services.roles import recipients
from services.speak import Button, Screen, notify, show
from texts.formats import day, money

GIFTS: Final = ("donate.button.gifts", "donate.gifts")
AGAIN: Final = ("donate.button.again", "donate.home")

TOLD: Final = {
    DonationStatus.PROCESSING: ("donate.told.processing", GIFTS),
    DonationStatus.GIVEN: ("donate.told.given", GIFTS),
    DonationStatus.REFUNDING: ("donate.told.refunding", GIFTS),
    DonationStatus.REFUNDED: ("donate.told.refunded", GIFTS),
    DonationStatus.FAILED: ("donate.told.failed", AGAIN),
}
"""What a giver is told where, and the button below it. Of a dispute they know by themselves."""


async def show_page(unit: Unit, donation: Donation, url: str) -> None:
    """Show the button that opens the page to pay on; the warning stands above it once more."""
    to = donor(unit, donation)
    if to is None:
        return
    say = unit.texts.render
    lines = [
        say("donate.page", to.language, amount=money(donation.amount, donation.currency, to.language)),
        say("donate.warning", to.language),
    ]
    rows = [
        [Button(say("donate.button.pay", to.language), url=url)],
        [Button(say("donate.button.back", to.language), "donate.home")],
    ]
    await show(unit, to, Screen("\n\n".join(lines), rows))


async def tell(unit: Unit, donation: Donation) -> None:
    """Tell the giver where their gift stands now."""
    if donation.status not in TOLD:
        return
    key, button = TOLD[donation.status]
    if donation.status is DonationStatus.REFUNDING and donation.refund_reason is RefundReason.CARD:
        key = "donate.told.card"
    amount = money(donation.amount, donation.currency, donation.language)
    await tell_donor(
        unit,
        donation,
        key,
        button,
        amount=amount,
        day=day((donation.given_at or unit.now).date(), donation.language),
        token=make_token(unit, donation.id),
    )


async def tell_disputes(unit: Unit, payment: Payment, entered: Collection[str]) -> None:
    """Tell the treasurers of what a bank has taken back or kept, once: how much that is of the gift."""
    for dispute in payment.disputes:
        if dispute.end is DisputeEnd.LOST and lost_reference(dispute) in entered:
            await _tell_treasurers(unit, "donate.told.lost", dispute.money)
        elif dispute.end is None and any(disputed_reference(each) in entered for each in dispute.balances):
            await _tell_treasurers(unit, "donate.told.disputed", dispute.money)


async def tell_refund_refused(unit: Unit, donation: Donation) -> None:
    """Tell the treasurers that a gift could not be paid back."""
    await _tell_treasurers(unit, "donate.told.refund-refused", Money(donation.amount, donation.currency))


async def _tell_treasurers(unit: Unit, key: str, about: Money) -> None:
    for to in await recipients(unit, Role.TREASURER):
        amount = money(about.amount, about.currency, to.language)
        await notify(unit, to, Screen(unit.texts.render(key, to.language, amount=amount)))


async def tell_failing(unit: Unit, monthly: MonthlyGift) -> None:
    """This month could not be charged; Stripe tries again."""
    await tell_donor(unit, monthly, "donate.told.failing", GIFTS, amount=_each_month(monthly))


async def tell_stopped(unit: Unit, monthly: MonthlyGift) -> None:
    """The monthly gift has ended."""
    await tell_donor(unit, monthly, "donate.told.stopped", GIFTS, amount=_each_month(monthly))


def _each_month(monthly: MonthlyGift) -> str:
    return money(monthly.amount, monthly.currency, monthly.language)
