"""How Stripe counts amounts: its minor units beside ours, in one table, at the gateway's edge.

- Stripe's decimals are those of its own list (docs, supported currencies) and not CLDR's. Where the two differ,
  an amount of Stripe's may be a part of our smallest unit: such a currency is refused when the policy is loaded
  (`cannot_be_had`), because a gift in it could not be entered.
- Whole amounts alone can be charged in ISK, which Stripe counts in hundredths all the same: it can be had.
- UGX stands in two of Stripe's lists that contradict each other, and what has three decimals must end in a zero
  that a giver would have to know of: neither can be had.
"""

from collections.abc import Iterable
from typing import Final

from models.policy import Policy
from payments.money import Money, digits
from payments.stripe_objects import StripeRefused

WHOLE: Final = frozenset(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()  # noqa: SIM905 - read as a list
)
"""Currencies without decimals at Stripe."""

THOUSANDTHS: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})

WHOLE_BY_RULE: Final = frozenset({"ISK"})
"""Counted in hundredths, of which Stripe charges and pays back whole hundreds alone."""

CONTRADICTED: Final = frozenset({"UGX"})

NOT_WHOLE: Final = "amount_not_whole"
"""The code of the refusal of an amount that one of the two cannot say."""

PARTNERS: Final = "stripe_transfer"
"""The rail that pays out of the account at Stripe in the fund's currency."""


def stripe_digits(currency: str) -> int:
    """How many decimals Stripe counts in."""
    return 0 if currency in WHOLE else 3 if currency in THOUSANDTHS else 2


def fits(currency: str) -> bool:
    """Whether every amount that Stripe may tell of in a currency is one of ours, and the other way round."""
    if currency in CONTRADICTED | THOUSANDTHS:
        return False
    return currency in WHOLE_BY_RULE or stripe_digits(currency) == digits(currency)


def cannot_be_had(policy: Policy) -> list[str]:
    """Currencies that a policy wants from Stripe and that do not fit: with any it is refused at the start."""
    wanted: Iterable[str] = policy.donations.currencies if policy.donations else ()
    paid = {policy.currency} if PARTNERS in policy.rails else set()
    return sorted(currency for currency in {*wanted, *paid} if not fits(currency))


def to_stripe(money: Money) -> int:
    """Our minor units in Stripe's. Raises `StripeRefused` for an amount that Stripe cannot say."""
    return _shifted(money.amount, stripe_digits(money.currency) - digits(money.currency))


def from_stripe(amount: int, currency: str) -> Money:
    """Stripe's minor units in ours. Raises `StripeRefused` for a part of our smallest unit."""
    code = currency.upper()
    return Money(_shifted(int(amount), digits(code) - stripe_digits(code)), code)


def _shifted(amount: int, places: int) -> int:
    if places >= 0:
        return int(amount * 10**places)
    whole, rest = divmod(amount, 10**-places)
    if rest:
        raise StripeRefused(NOT_WHOLE)
    return int(whole)
