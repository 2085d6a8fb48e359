"""What a donor pays with: Stripe's test cards and test bank accounts (docs.stripe.com/testing).

A card of any country is one whose digits 7 to 9 are the country's ISO 3166 number, as Stripe's own are (Russia:
4000 0064 3000 0009); the country may also be given outright. Nothing but these numbers can be paid with.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Final, Literal

from sandbox.stripe.wire import JsonDict, NotAllowed

Kind = Literal["card", "sepa_debit", "link"]
Later = Literal["", "fraudulent", "product_not_received", "refund_pending", "refund_fails", "charge_fails"]


@dataclass(frozen=True, slots=True)
class Means:
    """One card or bank account: `decline` is Stripe's decline code; `later` what becomes of it afterwards."""

    kind: Kind
    brand: str
    last4: str
    country: str
    fingerprint: str
    funding: str = "credit"
    decline: str = ""
    later: Later = ""
    secure: bool = False
    """The bank asks its holder first (3-D Secure)."""
    at_once: bool = False
    """The money is available at once (test cards that bypass the pending balance)."""

    def details(self) -> JsonDict:
        """Return `payment_method_details` of a charge."""
        if self.kind == "link":
            return {"type": "link", "link": {"country": self.country or None, "funding_source_group": None}}
        if self.kind == "sepa_debit":
            account = {
                "bank_code": "37040044", "branch_code": "", "country": self.country, "expected_debit_date": None,
                "fingerprint": self.fingerprint, "last4": self.last4, "mandate": None,
            }  # fmt: skip
            return {"type": "sepa_debit", "sepa_debit": account}
        checks = {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"}
        card = {
            "amount_authorized": None, "authorization_code": None, "brand": self.brand, "checks": checks,
            "country": self.country, "exp_month": 12, "exp_year": 2034, "fingerprint": self.fingerprint,
            "funding": self.funding, "installments": None, "last4": self.last4, "mandate": None,
            "network": self.brand, "network_token": {"used": False}, "network_transaction_id": None,
            "regulated_status": "unregulated", "three_d_secure": None, "wallet": None,
        }  # fmt: skip
        return {"type": "card", "card": card}

    def method(self) -> JsonDict:
        """Return the fields of a payment method."""
        if self.kind == "link":
            return {"type": "link", "link": {"email": None}}
        if self.kind == "sepa_debit":
            account = {
                "bank_code": "37040044", "branch_code": "", "country": self.country,
                "fingerprint": self.fingerprint, "generated_from": None, "last4": self.last4,
            }  # fmt: skip
            return {"type": "sepa_debit", "sepa_debit": account}
        card = {
            "brand": self.brand, "checks": None, "country": self.country, "display_brand": self.brand,
            "exp_month": 12, "exp_year": 2034, "fingerprint": self.fingerprint, "funding": self.funding,
            "generated_from": None, "last4": self.last4,
            "networks": {"available": [self.brand], "preferred": None},
            "regulated_status": "unregulated", "three_d_secure_usage": {"supported": True}, "wallet": None,
        }  # fmt: skip
        return {"type": "card", "card": card}


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays, as far as Checkout asks."""

    email: str
    name: str
    customer: str | None = None
    country: str | None = None

    def billing(self) -> JsonDict:
        """Return `billing_details`."""
        address = {
            "city": None,
            "country": self.country,
            "line1": None,
            "line2": None,
            "postal_code": None,
            "state": None,
        }
        return {"address": address, "email": self.email, "name": self.name, "phone": None, "tax_id": None}


DECLINES: Final = {
    "4000000000000002": "generic_decline",
    "4000000000009995": "insufficient_funds",
    "4000000000009987": "lost_card",
    "4000000000009979": "stolen_card",
    "4000000000000069": "expired_card",
    "4000000000000127": "incorrect_cvc",
    "4000000000000119": "processing_error",
    "4000000000006975": "card_velocity_exceeded",
    "4000008400001629": "generic_decline",
}
LATER: Final[dict[str, Later]] = {
    "4000000000000259": "fraudulent",
    "4000000000002685": "product_not_received",
    "4000000000007726": "refund_pending",
    "4000000000005126": "refund_fails",
    "4000000000000341": "charge_fails",
}
SECURE: Final = frozenset({"4000002760003184", "4000008400001629"})
"""Cards whose bank asks its holder each time; the second is declined all the same."""
AT_ONCE: Final = frozenset({"4000000000000077", "4000003720000278"})
ORDINARY: Final = {
    "4242424242424242": ("visa", "credit"),
    "4000056655665556": ("visa", "debit"),
    "5555555555554444": ("mastercard", "credit"),
    "5200828282828210": ("mastercard", "debit"),
    "378282246310005": ("amex", "credit"),
}
IBANS: Final[dict[str, str]] = {
    "DE89370400440532013000": "",
    "DE08370400440532013003": "",
    "AT611904300234573201": "",
    "DE62370400440532013001": "insufficient_funds",
    "DE78370400440532013004": "insufficient_funds",
    "AT861904300235473202": "insufficient_funds",
}
"""Bank accounts: the debit succeeds days later, or fails then."""
COUNTRIES: Final = {
    "008": "AL", "031": "AZ", "032": "AR", "036": "AU", "040": "AT", "051": "AM", "056": "BE", "076": "BR",
    "100": "BG", "112": "BY", "124": "CA", "152": "CL", "156": "CN", "191": "HR", "196": "CY", "203": "CZ",
    "208": "DK", "233": "EE", "246": "FI", "250": "FR", "268": "GE", "276": "DE", "300": "GR", "344": "HK",
    "348": "HU", "352": "IS", "356": "IN", "372": "IE", "376": "IL", "380": "IT", "392": "JP", "398": "KZ",
    "417": "KG", "428": "LV", "440": "LT", "442": "LU", "470": "MT", "484": "MX", "498": "MD", "499": "ME",
    "528": "NL", "554": "NZ", "578": "NO", "616": "PL", "620": "PT", "642": "RO", "643": "RU", "688": "RS",
    "702": "SG", "703": "SK", "705": "SI", "724": "ES", "752": "SE", "756": "CH", "762": "TJ", "784": "AE",
    "792": "TR", "804": "UA", "826": "GB", "840": "US", "860": "UZ",
}  # fmt: skip
"""ISO 3166 numbers of the countries whose cards can be tried."""
_COUNTRY_CARD: Final = "400000"
_CARD_DIGITS: Final = 16


def card(number: str, country: str = "") -> Means:
    """Return the test card; `country` (two letters) overrides where it was issued. Raises for any other card."""
    digits = "".join(number.split()).replace("-", "")
    if not digits.isdecimal() or not _luhn(digits):
        raise NotAllowed("Your card number is invalid.")
    brand, funding = ORDINARY.get(digits, ("visa", "credit"))
    issued = COUNTRIES.get(digits[6:9], "US") if digits.startswith(_COUNTRY_CARD) else "US"
    known = digits in ORDINARY or (digits.startswith(_COUNTRY_CARD) and len(digits) == _CARD_DIGITS)
    if not known:
        raise NotAllowed("Your card was declined. This page takes test cards only, like 4242 4242 4242 4242.")
    found = Means("card", brand, digits[-4:], issued, _fingerprint(digits), funding)
    found = replace(
        found,
        decline=DECLINES.get(digits, ""),
        later=LATER.get(digits, ""),
        at_once=digits in AT_ONCE,
        secure=digits in SECURE,
    )
    if not country:
        return found
    if len(country) != 2 or not country.isalpha():  # noqa: PLR2004 - ISO 3166 alpha-2
        raise NotAllowed("A country has two letters.")
    return replace(found, country=country.upper())


def wallet(country: str) -> Means:
    """Return a Link wallet; `country` of what is below it, empty where Stripe does not say."""
    return Means("link", "", "", country.upper(), _fingerprint(f"link {country}"))


def bank_account(iban: str) -> Means:
    """Return the test bank account. Raises for any other."""
    compact = "".join(iban.split()).upper()
    if compact not in IBANS:
        raise NotAllowed("The IBAN is invalid. This page takes test accounts only, like DE89370400440532013000.")
    print_ = _fingerprint(compact)
    return Means("sepa_debit", "", compact[-4:], compact[:2], print_, decline=IBANS[compact])


def issued_in(country: str) -> str:
    """Return the number of a test card issued in a country of `COUNTRIES`."""
    number = next(number for number, letters in COUNTRIES.items() if letters == country)
    body = f"{_COUNTRY_CARD}{number}000000"
    return next(body + str(digit) for digit in range(10) if _luhn(body + str(digit)))


def _luhn(digits: str) -> bool:
    """Whether the check digit is right (Luhn): digit sum of twice every second digit from the right."""
    twice = "".join(str(int(digit) * 2) for digit in digits[-2::-2])
    return sum(int(digit) for digit in digits[-1::-2] + twice) % 10 == 0


def _fingerprint(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()[:16]
