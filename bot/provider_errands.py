"""Providers asked by the clock, between two transactions: what moved, what they hold, what rails have paid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from aiogram import Bot

from bot.database import Resources
from bot.errands import Errand
from payments.ledger import Purpose
from payments.reconcile import Difference, ask_providers, still
from payments.stripe_objects import Gateway, Movement, StripeAway, StripeRefused, StripeUnknown, trouble_of
from services import reconciling, reconciling_providers
from services.reconciling import Gone
from services.reconciling_providers import RAILS, STRIPE

ENDED_WITHIN: Final = timedelta(days=7)
"""Payments that ended longer ago are not asked for again."""


@dataclass(frozen=True, slots=True)
class StripeMoney:
    """What moved on the account at Stripe, and what it holds."""

    gateway: Gateway

    def errand(self) -> Errand:
        """For `bot.errands.Errands`."""
        return Errand("reconcile.stripe", partial(reconciling_providers.due, source=STRIPE), self._ask)

    async def ask(self, resources: Resources) -> list[Difference]:
        """Compare once; returns where what is held differs now. Raises `StripeAway` and `StripeRefused`.

        One source that cannot be found holds up nothing but how far the list counts as heard.
        """
        async with resources.unit() as unit:
            since, asked_at = await reconciling_providers.since(unit), unit.now
        movements = await self.gateway.movements(since)
        async with resources.unit() as unit:
            missing = await reconciling_providers.note(unit, movements)
        answers = [await self._find(resources, source, movements) for source in missing]
        failed = [error for error in answers if error is not None]
        if not failed:
            async with resources.unit() as unit:
                await reconciling_providers.heard(unit, asked_at)
        balances = await self.gateway.balances()
        async with resources.unit() as unit:
            differences = await reconciling_providers.compare_held(unit, Purpose.STRIPE, balances)
            if not failed:
                await reconciling_providers.asked(unit, STRIPE)
        if failed:
            raise next((error for error in failed if trouble_of(error)), failed[0])
        return differences

    async def _find(
        self, resources: Resources, source: str, movements: Sequence[Movement]
    ) -> StripeAway | StripeRefused | None:
        """Have the payment of a source looked up; returns why that cannot be, if so."""
        try:
            cause = await self.gateway.cause(source)
            invoice = await self.gateway.invoice_of(cause.payment) if cause.payment else None
        except StripeUnknown:
            return None
        except (StripeAway, StripeRefused) as error:
            return error
        async with resources.unit() as unit:
            await reconciling_providers.look(unit, source, cause, invoice, movements)
        return None

    async def _ask(self, resources: Resources, _: Bot, __: UUID) -> None:
        try:
            await self.ask(resources)
        except (StripeAway, StripeRefused) as error:
            async with resources.unit() as unit:
                await reconciling_providers.asked(unit, STRIPE, whole=False)
                await reconciling.tell_trouble(unit, trouble_of(error))


async def ask_rails(resources: Resources, _: Bot, __: UUID) -> None:
    """Ask each rail's provider about payments that ended lately, and tell where it says otherwise.

    What was told before, and is so no more, is no difference any more.
    """
    async with resources.unit() as unit:
        await reconciling_providers.asked(unit, RAILS)
        told = await reconciling.told_of_rails(unit)
    found = await ask_providers(resources.unit, ENDED_WITHIN)
    for difference in found:
        async with resources.unit() as unit:
            await reconciling.tell(unit, difference)
    for gone in told:
        attempt = UUID(gone.subject.partition(":")[2])
        if gone not in {Gone(each.kind, each.subject) for each in found} and not await still(
            resources.unit, attempt
        ):
            async with resources.unit() as unit:
                await reconciling.tell(unit, gone)


ERRANDS: Final = (Errand("reconcile.rails", partial(reconciling_providers.due, source=RAILS), ask_rails),)
