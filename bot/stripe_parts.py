"""What a process does with Stripe, where a key is set: the gateway, its errands, the events by either way.

stripe-python is imported here and not before: it takes half a second that a fund without Stripe need not wait.
"""

from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from bot.database import Resources
from bot.errands import Errand
from bot.inbox import Inbox, stripe_arrival
from bot.metrics import Metrics
from bot.provider_errands import StripeMoney
from bot.rails import partner_rail
from bot.stripe_errands import StripeErrands
from bot.stripe_poller import StripePoller
from bot.stripe_setup import StripeSetup
from payments.stripe_objects import Order
from web.give import Give
from web.stripe_hook import StripeHook
from web.visitors import LOOKS, Visitors

HOOK_PATH: Final = "/stripe"
"""Below the address that PLECHO_WEB_BIND is reached at: where Stripe may deliver."""


class StripeParts:
    """Made once per process; `close` at the end."""

    def __init__(self, setup: StripeSetup, resources: Resources, inbox: Inbox, metrics: Metrics) -> None:
        from payments.stripe_gateway import StripeGateway  # noqa: PLC0415 - see above

        self._setup = setup
        self._resources = resources
        self._inbox = inbox
        self._metrics = metrics
        self.gateway = StripeGateway(setup.key, setup.api_url)
        rail = partner_rail(self.gateway, resources.policy)
        resources.rails = {**resources.rails, rail.name: rail}
        self.steps = StripeErrands(self.gateway, setup.give_url)
        self.money = StripeMoney(self.gateway)
        self.poller = StripePoller(resources, self.gateway, inbox, metrics)

    @property
    def errands(self) -> tuple[Errand, ...]:
        """What is to be asked of Stripe between two transactions."""
        return (*self.steps.all(), self.money.errand())

    def routes(self) -> list[web.RouteDef]:
        """The webhook, when its secret is set; the web page, when it has a public address."""
        return [*self._hook(), *self._give()]

    def _give(self) -> list[web.RouteDef]:
        give_url = self._setup.give_url
        if give_url is None:
            return []

        async def open_page(order: Order) -> str | None:
            return await self.steps.open_page(self._resources, order)

        give = Give(
            self._resources.unit,
            self._resources.glance,
            open_page,
            Visitors(self._seconds),
            Visitors(self._seconds, LOOKS),
            give_url,
            self._setup.pay_origin,
        )
        return give.routes()

    def _hook(self) -> list[web.RouteDef]:
        secret = self._setup.webhook_secret
        if secret is None:
            return []

        async def store(event: object) -> None:
            await self._inbox.store([stripe_arrival(self._resources, event)])

        hook = StripeHook(
            urlsplit(self._setup.give_url or "").path.rstrip("/") + HOOK_PATH,
            secret,
            store,
            lambda status: self._metrics.refused_hooks.labels(status).inc(),
            self._seconds,
        )
        return [web.post(hook.path, hook.receive)]

    def _seconds(self) -> float:
        return self._resources.clock.now().timestamp()

    async def close(self) -> None:
        """End the connections to Stripe."""
        await self.gateway.close()
