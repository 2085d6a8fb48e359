"""What `plecho reconcile` does about gifts: ask Stripe and Telegram, and record what was missed."""

from aiogram.exceptions import TelegramAPIError
from sqlmodel import col, select

from bot.database import Resources
from bot.listening import listening_bot
from bot.provider_errands import StripeMoney
from bot.settings import Settings
from bot.stars_errands import reconcile
from bot.stripe_errands import StripeErrands
from models.donation import Donation, DonationStatus, Looked, Provider
from payments.stripe_objects import Gateway, StripeAway, StripeRefused
from services import donate_stripe

UNDER_WAY = (
    DonationStatus.OPEN,
    DonationStatus.PROCESSING,
    DonationStatus.GIVEN,
    DonationStatus.REFUNDING,
    DonationStatus.DISPUTED,
)
"""Gifts of which Stripe may know more than we do."""


async def mend_gifts(settings: Settings, resources: Resources) -> list[str]:
    """Look up every gift that may have changed, and read Telegram's list of stars; what to print."""
    return [*await _stripe(settings, resources), *await _stars(settings, resources)]


async def _stripe(settings: Settings, resources: Resources) -> list[str]:
    setup = settings.stripe
    if setup is None:
        return []
    from payments.stripe_gateway import StripeGateway  # noqa: PLC0415 - takes half a second

    async with resources.unit() as unit:
        rows = await unit.session.exec(
            select(Donation).where(Donation.provider == Provider.STRIPE, col(Donation.status).in_(UNDER_WAY))
        )
        before = {gift.id: gift.status for gift in rows.all()}
        for gift_id in before:
            gift = await unit.session.get_one(Donation, gift_id)
            if gift.payment is not None:
                await donate_stripe.ask_look(unit, Looked.PAYMENT, gift.payment)
            elif gift.checkout is not None:
                await donate_stripe.ask_look(unit, Looked.SESSION, gift.checkout)
    gateway = StripeGateway(setup.key, setup.api_url)
    try:
        errands = StripeErrands(gateway, setup.give_url)
        looked = await errands.look_now(resources)
        held = await _money(resources, gateway)
        looked += await errands.look_now(resources)
    finally:
        await gateway.close()
    async with resources.unit() as unit:
        now = [await unit.session.get_one(Donation, gift_id) for gift_id in before]
        changed = [
            f"gift {gift.id}: {before[gift.id]} -> {gift.status}" for gift in now if gift.status != before[gift.id]
        ]
    return [*changed, f"gifts looked up at Stripe: {looked}", *held]


async def _money(resources: Resources, gateway: Gateway) -> list[str]:
    try:
        differences = await StripeMoney(gateway).ask(resources)
    except (StripeAway, StripeRefused) as error:
        return [f"Stripe could not be asked what it holds ({type(error).__name__})"]
    return [f"{each.subject}: Stripe holds {each.theirs:+} in minor units" for each in differences]


async def _stars(settings: Settings, resources: Resources) -> list[str]:
    if settings.bot_token is None or resources.policy.donations is None:
        return []
    proxy = settings.proxy.get_secret_value() if settings.proxy else None
    bot = listening_bot(settings.token, settings.telegram_api_url, proxy)
    try:
        missed = await reconcile(resources, bot)
    except (TelegramAPIError, OSError) as error:
        return [f"stars: Telegram could not be asked ({type(error).__name__})"]
    finally:
        await bot.session.close()
    return [f"stars: {missed} missed transactions recorded"]
