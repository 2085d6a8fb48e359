"""From which country a gift was paid, as Stripe says: cards of some are paid back (`services.donate_settle`).

Each way to pay says it in its own place, and some say nothing. A bank's own scheme has a country by itself.
Whatever else may have any card below it: without a country nobody can say that it is not a refused one.
"""

from collections.abc import Mapping
from typing import Any, Final

BANKS: Final = frozenset(
    {
        *("ach_credit_transfer", "ach_debit", "acss_debit", "au_becs_debit", "bacs_debit", "bancontact", "bizum"),
        *("blik", "customer_balance", "eps", "fpx", "giropay", "ideal", "mb_way", "multibanco", "nz_bank_account"),
        *("p24", "pay_by_bank", "paynow", "payto", "pix", "promptpay", "sepa_credit_transfer", "sepa_debit"),
        *("sofort", "swish", "twint", "us_bank_account"),
    }
)
"""Ways to pay that belong to the banks of certain countries (API, charge: payment_method_details)."""

PLACES: Final = (("country",), ("card", "country"), ("funding", "card", "country"))
"""Where the country of a card stands: a card itself and Link, a wallet's own card, a wallet's source of money."""


def country_of(details: Mapping[str, Any]) -> str | None:
    """The country (ISO 3166) of what a charge was paid with, from its `payment_method_details`."""
    found: object
    for place in PLACES:
        found = details.get(str(details.get("type")))
        for name in place:
            found = found.get(name) if isinstance(found, Mapping) else None
        if isinstance(found, str) and found:
            return found.upper()
    return None


def may_hide(details: Mapping[str, Any]) -> bool:
    """Whether it may be a card of any country, and Stripe does not say of which."""
    return country_of(details) is None and details.get("type") not in BANKS
