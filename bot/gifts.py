"""What `plecho reconcile` does about gifts: what was missed is recorded, what is held compared.

Each gift that was behind is named. A provider that did not answer is said: then nobody knows whether all agrees.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from uuid import UUID

from aiogram.exceptions import AiogramError
from sqlmodel import col, func, or_, select

from bot.database import Resources
from bot.listening import listening_bot
from bot.money import Mended
from bot.provider_errands import StripeMoney
from bot.settings import Settings
from bot.stars_errands import compare, reconcile
from bot.stripe_errands import StripeErrands
from models.donation import Donation, DonationStatus, GiftEntry, Looked, Provider
from payments.stripe_objects import StripeAway, StripeRefused
from services import donate_stars, donate_stripe

UNDER_WAY: Final = (
    DonationStatus.OPEN,
    DonationStatus.PROCESSING,
    DonationStatus.REFUNDING,
    DonationStatus.DISPUTED,
)
"""Gifts of which Stripe may know more than we do; of one that was given, so it may for the days asked about."""

Stands = Mapping[UUID, tuple[DonationStatus, int]]
"""Where each gift stands, and how many entries of the books are about it."""


async def mend_gifts(settings: Settings, resources: Resources, days: int) -> Mended:
    """Ask about every gift under way or given within so many days, and about all that moved lately."""
    before = await _stands(resources)
    found = [await _stripe(settings, resources, days), await _stars(settings, resources)]
    behind = _behind(before, await _stands(resources))
    return Mended(
        [*behind, *(line for each in found for line in each.lines)],
        [difference for each in found for difference in each.differences],
        all(each.whole for each in found),
    )


async def _stands(resources: Resources) -> Stands:
    query = (
        select(Donation.id, Donation.status, func.count(col(GiftEntry.entry_id)))
        .join(GiftEntry, col(GiftEntry.donation_id) == Donation.id, isouter=True)
        .group_by(col(Donation.id), col(Donation.status))
    )
    async with resources.unit() as unit:
        rows = (await unit.session.exec(query)).all()
    return {gift: (DonationStatus(status), count) for gift, status, count in rows}


def _behind(before: Stands, after: Stands) -> list[str]:
    """One line for each gift that was not as its provider has it."""
    lines = []
    for gift in sorted(after.keys(), key=str):
        (was, had), (stands, has) = before.get(gift, (None, 0)), after[gift]
        if was is not stands or had != has:
            lines.append(f"gift {gift}: {was or 'unknown'} -> {stands}, {has - had} entries made")
    return lines


async def _stripe(settings: Settings, resources: Resources, days: int) -> Mended:
    setup = settings.stripe
    if setup is None:
        return Mended()
    from payments.stripe_gateway import StripeGateway  # noqa: PLC0415 - takes half a second

    await _ask_looks(resources, days)
    gateway = StripeGateway(setup.key, setup.api_url)
    try:
        errands = StripeErrands(gateway, setup.give_url)
        looked = await errands.look_now(resources)
        differences = await StripeMoney(gateway).ask(resources)
        looked += await errands.look_now(resources)
    except (StripeAway, StripeRefused) as error:
        return Mended([f"Stripe could not be asked ({type(error).__name__})"], whole=False)
    finally:
        await gateway.close()
    async with resources.unit() as unit:
        silent = await donate_stripe.unanswered(unit)
    lines = [f"gifts looked up at Stripe: {looked - silent}"]
    if silent:
        lines.append(f"Stripe did not answer about {silent} of its objects")
    return Mended(lines, differences, whole=not silent)


async def _ask_looks(resources: Resources, days: int) -> None:
    async with resources.unit() as unit:
        lately = (col(Donation.status) == DonationStatus.GIVEN) & (
            col(Donation.given_at) > unit.now - timedelta(days=days)
        )
        rows = await unit.session.exec(
            select(Donation).where(
                Donation.provider == Provider.STRIPE, or_(col(Donation.status).in_(UNDER_WAY), lately)
            )
        )
        for gift in rows.all():
            if gift.payment is not None:
                await donate_stripe.ask_look(unit, Looked.PAYMENT, gift.payment)
            elif gift.checkout is not None:
                await donate_stripe.ask_look(unit, Looked.SESSION, gift.checkout)


async def _stars(settings: Settings, resources: Resources) -> Mended:
    async with resources.unit() as unit:
        may_have_come = await donate_stars.may_have_come(unit)
    if settings.bot_token is None or not may_have_come:
        return Mended()
    proxy = settings.proxy.get_secret_value() if settings.proxy else None
    bot = listening_bot(settings.token, settings.telegram_api_url, proxy)
    try:
        missed = await reconcile(resources, bot)
        differences = await compare(resources, bot)
    except (AiogramError, OSError) as error:
        return Mended([f"stars: Telegram could not be asked ({type(error).__name__})"], whole=False)
    finally:
        await bot.session.close()
    return Mended([f"stars: {missed} missed transactions recorded"], differences)
