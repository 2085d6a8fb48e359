"""How Stripe is used, apart from what uses it: the settings know this, and no more of Stripe."""

from dataclasses import dataclass, field
from typing import Final

API_URL: Final = "https://api.stripe.com"


@dataclass(frozen=True, slots=True)
class StripeSetup:
    """Without `webhook_secret` events come by polling alone; without `give_url` there is no web page."""

    key: str = field(repr=False)
    api_url: str = API_URL
    webhook_secret: str | None = field(default=None, repr=False)
    give_url: str | None = None
