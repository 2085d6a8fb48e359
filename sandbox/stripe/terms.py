"""The terms of the stand-in's account: country, currency, fees, rates, limits, and how long things take.

The numbers are those that Stripe publishes for an account in the euro area (stripe.com/pricing, docs.stripe.com on
currencies, disputes, events and webhooks); a test may set others. Amounts are integers in minor units.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

ZERO_DECIMAL: Final = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof",
     "xpf"}
)  # fmt: skip
THREE_DECIMAL: Final = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
EEA: Final = frozenset(
    {
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI",
        "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
    }
)  # fmt: skip
MINIMUM: Final = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300,
    "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
"""Least charge by currency (docs.stripe.com/currencies#minimum-and-maximum-charge-amounts)."""
MAXIMUM: Final = 99_999_999


def _rates() -> dict[str, Decimal]:
    return {
        "usd": Decimal("0.92"), "gbp": Decimal("1.17"), "chf": Decimal("1.05"), "pln": Decimal("0.23"),
        "sek": Decimal("0.088"), "czk": Decimal("0.04"), "cad": Decimal("0.68"), "jpy": Decimal("0.0061"),
    }  # fmt: skip


@dataclass(slots=True)
class Terms:
    """Everything that a test may set; `rates` are units of the settlement currency for one unit of another."""

    country: str = "EE"
    currency: str = "eur"
    descriptor: str = "OPEN HANDS"
    rates: dict[str, Decimal] = field(default_factory=_rates)
    methods: tuple[str, ...] = ("card", "sepa_debit", "link")
    """Ways of paying that the account has switched on; a session that names none offers these."""
    fee_fixed: int = 25
    fee_region: Decimal = Decimal("0.015")
    fee_abroad: Decimal = Decimal("0.0325")
    fee_conversion: Decimal = Decimal("0.02")
    fee_debit: int = 35
    fee_dispute: int = 2000
    available_after: timedelta = timedelta(days=3)
    balance_after: timedelta = timedelta()
    """How long after a charge its balance transaction exists: charges are captured asynchronously since 2024."""
    debit_after: timedelta = timedelta(days=5)
    refund_after: timedelta = timedelta(days=5)
    session_life: timedelta = timedelta(hours=24)
    invoice_draft: timedelta = timedelta(hours=1)
    payment_retries: tuple[timedelta, ...] = (timedelta(days=3), timedelta(days=5), timedelta(days=7))
    events_kept: timedelta = timedelta(days=30)
    idempotency_kept: timedelta = timedelta(hours=24)
    evidence_within: timedelta = timedelta(days=7)
    webhook_retries: tuple[timedelta, ...] = (
        timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=5), timedelta(hours=10),
        timedelta(hours=12), timedelta(hours=18), timedelta(hours=24),
    )  # fmt: skip
    """Pauses before each further delivery: growing, three days in all (docs.stripe.com/webhooks#retries)."""
    webhook_seconds: float = 30.0
    calls_logged: int = 200_000

    def known(self, currency: str) -> bool:
        """Whether the account can take this currency."""
        return currency == self.currency or currency in self.rates

    def settle(self, amount: int, currency: str) -> tuple[int, Decimal | None]:
        """Return the amount in the settlement currency, and the exchange rate if there is one."""
        if currency == self.currency:
            return amount, None
        rate = self.rates[currency]
        units = Decimal(amount).scaleb(-decimals(currency)) * rate
        return _rounded(units.scaleb(decimals(self.currency))), rate

    def card_fee(self, settled: int, country: str, *, converted: bool) -> int:
        """Return the fee of a card payment in minor units of the settlement currency."""
        rate = self.fee_region if country in EEA else self.fee_abroad
        return _rounded(settled * (rate + (self.fee_conversion if converted else 0))) + self.fee_fixed


def decimals(currency: str) -> int:
    """Return how many decimals Stripe counts for a currency."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def spoken(amount: int, currency: str) -> str:
    """Return an amount as Stripe's messages write it."""
    return f"{Decimal(amount).scaleb(-decimals(currency)):,f} {currency}"


def _rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
