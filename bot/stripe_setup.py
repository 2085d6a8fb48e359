"""How Stripe is used, apart from what uses it: the settings know this, and no more of Stripe."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

API_URL: Final = "https://api.stripe.com"
CHECKOUT_URL: Final = "https://checkout.stripe.com"
"""Where Stripe's pages to pay on are, for an account without a domain of its own."""


@dataclass(frozen=True, slots=True)
class StripeSetup:
    """Without `webhook_secret` events come by polling alone; without `give_url` there is no web page."""

    key: str = field(repr=False)
    api_url: str = API_URL
    webhook_secret: str | None = field(default=None, repr=False)
    give_url: str | None = None

    @property
    def pay_origin(self) -> str:
        """Where the pages to pay on are; a stand-in has them beside its API."""
        if self.api_url == API_URL:
            return CHECKOUT_URL
        parts = urlsplit(self.api_url)
        return f"{parts.scheme}://{parts.netloc}"
