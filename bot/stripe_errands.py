"""Asked of Stripe between two transactions: pages to pay on, newest states, refunds, ends of monthly gifts.

Each takes its row in one unit, asks with none open, and hands the answer to the service in another. Without an
answer the row is due again; a crash in between leaves it due after its lease, and asking twice changes nothing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from aiogram import Bot

from bot.database import Resources
from bot.errands import Errand
from models.donation import Donation, Looked, MonthlyGift, StripeLook
from payments.stripe_objects import (
    Gateway,
    Order,
    StripeAway,
    StripeRefused,
    StripeUnknown,
    is_gone,
    trouble_of,
)
from services import donate_stripe, reconciling
from services.donate_settle import Found
from services.donate_stripe import try_later

BACK: Final = "donate"
"""The start parameter that leads back to the choice of gifts."""


@dataclass(frozen=True, slots=True)
class StripeErrands:
    """The errands over one gateway.

    `give_url` is the public address of the web page, if there is one. Without it Stripe's page leads back to the
    bot, the only other place there is: Stripe sees the bot's name in Telegram then.
    """

    gateway: Gateway
    give_url: str | None

    def all(self) -> tuple[Errand, ...]:
        """For `bot.errands.Errands`."""
        return (
            Errand("donate.pages", donate_stripe.due_pages, self._page),
            Errand("donate.looks", donate_stripe.due_looks, self._look),
            Errand("donate.refunds", donate_stripe.due_refunds, self._refund),
            Errand("donate.stops", donate_stripe.due_stops, self._stop),
        )

    async def open_page(self, resources: Resources, order: Order) -> str | None:
        """Have Stripe make a page and return its address; none when that is not possible now."""
        donation_id = order.donation
        try:
            session = await self.gateway.open_session(order)
        except StripeAway as away:
            await _later(resources, Donation, donation_id, away)
            return None
        except StripeRefused as refused:
            async with resources.unit() as unit:
                await donate_stripe.page_refused(unit, donation_id)
                await reconciling.tell_trouble(unit, trouble_of(refused))
            return None
        async with resources.unit() as unit:
            await donate_stripe.opened(unit, donation_id, session)
        return session.url

    async def _page(self, resources: Resources, bot: Bot, donation_id: UUID) -> None:
        link = f"https://t.me/{(await bot.me()).username}?start={BACK}" if self.give_url is None else ""
        done, back = donate_stripe.give_pages(self.give_url) if self.give_url else (link, link)
        async with resources.unit() as unit:
            order = await donate_stripe.take_page(unit, donation_id, done, back)
        if order is not None:
            await self.open_page(resources, order)

    async def look_now(self, resources: Resources) -> int:
        """Look up everything that is due, once; returns how much that was."""
        looked = 0
        while True:
            async with resources.unit() as unit:
                due = await donate_stripe.due_looks(unit)
            for look_id in due:
                await self._look(resources, None, look_id)
            looked += len(due)
            if not due:
                return looked

    async def _look(self, resources: Resources, _: Bot | None, look_id: UUID) -> None:
        async with resources.unit() as unit:
            look = await donate_stripe.take_look(unit, look_id)
        if look is None:
            return
        try:
            found = await self._newest(look)
        except (StripeAway, StripeRefused) as error:
            await _later(resources, StripeLook, look_id, error)
            return
        async with resources.unit() as unit:
            await donate_stripe.answer_look(unit, look, found)

    async def _newest(self, look: StripeLook) -> Found | None:
        ask: dict[Looked, Callable[[str], Awaitable[Found]]] = {
            Looked.SESSION: self.gateway.session,
            Looked.PAYMENT: self.gateway.payment,
            Looked.INVOICE: self.gateway.invoice,
            Looked.SUBSCRIPTION: self.gateway.subscription,
        }
        try:
            return await ask[look.kind](look.object_id)
        except StripeUnknown:
            return None  # nothing else that Stripe refuses settles a look

    async def _refund(self, resources: Resources, _: Bot, donation_id: UUID) -> None:
        async with resources.unit() as unit:
            taken = await donate_stripe.take_refund(unit, donation_id)
        if taken is None:
            return
        payment, again = taken
        try:
            if not again or not is_gone(await self.gateway.payment(payment)):
                await self.gateway.refund(donation_id, payment)
        except StripeAway as away:
            await _later(resources, Donation, donation_id, away)
        except StripeRefused:
            async with resources.unit() as unit:
                await donate_stripe.refund_refused(unit, donation_id)
        else:
            async with resources.unit() as unit:
                await donate_stripe.refund_asked(unit, donation_id)

    async def _stop(self, resources: Resources, _: Bot, monthly_id: UUID) -> None:
        async with resources.unit() as unit:
            subscription = await donate_stripe.take_stop(unit, monthly_id)
        if subscription is None:
            return
        try:
            await self.gateway.stop(subscription)
        except StripeUnknown:
            pass  # there is nothing to end any more
        except (StripeAway, StripeRefused) as error:
            await _later(resources, MonthlyGift, monthly_id, error)
            return
        async with resources.unit() as unit:
            await donate_stripe.stopped(unit, monthly_id)


async def _later(
    resources: Resources,
    table: type[StripeLook | Donation | MonthlyGift],
    row_id: UUID,
    error: StripeAway | StripeRefused,
) -> None:
    """Leave a row open, due again after a pause that grows; what people must mend is told to them."""
    async with resources.unit() as unit:
        await try_later(unit, table, row_id)
        await reconciling.tell_trouble(unit, trouble_of(error))
