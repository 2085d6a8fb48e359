"""Money: an integer of minor units and an ISO 4217 currency. No floats; mixing currencies is an error.

How many digits a currency has comes from CLDR (by Babel). What a person types is read strictly: whatever could
mean two amounts is refused, with the text that says what is wanted.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from babel.numbers import get_currency_precision, is_currency

from models.errors import BadInput

LARGEST: Final = 10**15
"""Minor units. Larger is a slip of the finger, and far below what a 64-bit balance holds."""

SPACES: Final = "\u00a0\u202f\u2009 "
"""Spaces that people and keyboards put between thousands."""

LONGEST: Final = 40
"""Characters, with a currency's sign or code; longer is no amount, and is not even looked at."""

MARKS: Final = {"руб.": "RUB", "руб": "RUB", "р.": "RUB", "р": "RUB", "₽": "RUB", "$": "USD", "€": "EUR"}
"""What may stand beside an amount instead of the currency's code; another currency's is refused."""


class CurrencyMixed(TypeError):
    """Two currencies in one sum: a fault of the program, never of a person."""


STARS: Final = "XTR"
"""Telegram Stars (Bot API, Payments for digital goods): whole stars, no decimals. No ISO currency."""


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An exact amount."""

    amount: int
    """Minor units; may be negative in the books."""
    currency: str

    def __post_init__(self) -> None:
        """Refuse a float, a bool and an unknown currency."""
        if type(self.amount) is not int:
            raise TypeError("money is an integer of minor units")
        if self.currency != STARS and not is_currency(self.currency):
            raise ValueError("not an ISO currency")

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        return self.amount > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        return self.amount >= self._same(other)

    def _same(self, other: "Money") -> int:
        if self.currency != other.currency:
            raise CurrencyMixed(f"{self.currency} and {other.currency}")
        return other.amount


def digits(currency: str) -> int:
    """How many digits after the point a currency has."""
    return 0 if currency == STARS else get_currency_precision(currency)


def parse_amount(typed: str, currency: str, largest: int = LARGEST) -> Money:
    """Read an amount that a person typed, as `15000`, `15 000,50` or `15.000,50 ₽`.

    Raises `BadInput` whose key says what is wanted: a number, a plain currency, fewer decimals, more than
    nothing, not more than `largest` (minor units).
    """
    stripped = typed.strip()
    if len(stripped) > LONGEST:
        raise BadInput("treasury.bad.number")
    number = _without_mark(stripped, currency)
    if number.startswith(("-", "−", "–")):
        raise BadInput("treasury.bad.not-positive")
    whole, fraction = _split(number, digits(currency))
    amount = int(whole) * 10 ** digits(currency) + int(fraction.ljust(digits(currency), "0") or "0")
    if amount == 0:
        raise BadInput("treasury.bad.not-positive")
    if amount > largest:
        raise BadInput("treasury.bad.too-large", largest=_plain(largest, currency), currency=currency)
    return Money(amount, currency)


def _without_mark(typed: str, currency: str) -> str:
    """Take away a currency's sign or code; refuse another currency's."""
    lowered = typed.lower()
    for mark, stands_for in MARKS.items():
        if lowered.endswith(mark) or lowered.startswith(mark):
            if stands_for != currency:
                raise BadInput("treasury.bad.currency", currency=currency)
            cut = typed[: -len(mark)] if lowered.endswith(mark) else typed[len(mark) :]
            return cut.strip()
    code = re.fullmatch(r"(?:([A-Za-z]{3})\s*)?(.*?)(?:\s*([A-Za-z]{3}))?", typed, re.DOTALL)
    named = code and (code[1] or code[3])
    if code is None or not named:
        return typed
    if named.upper() != currency:
        raise BadInput(
            "treasury.bad.currency" if is_currency(named.upper()) else "treasury.bad.number", currency=currency
        )
    return code[2].strip()


def refuse_unclear(number: str) -> None:
    """Refuse one point before three digits: thousands to some, to others a fraction with a digit too many.

    A comma there is taken for thousands: so the fund itself writes them in English. In Russian it writes a space.
    """
    if re.fullmatch(r"[1-9][0-9]{0,2}\.[0-9]{3}", number):
        raise BadInput("refused.amount-unclear")


def _split(number: str, most: int) -> tuple[str, str]:
    """Split into digits before and after the decimal mark; refuse what is no number, or could be two."""
    spaced = number.translate(dict.fromkeys(map(ord, SPACES), " "))
    if most == 2:  # noqa: PLR2004 - digits of most currencies; with others such a number has one reading, or is refused
        refuse_unclear(spaced)
    read = set(_readings(spaced))
    fitting = [(whole, fraction) for whole, fraction in read if len(fraction) <= most]
    if len(fitting) == 1:
        return fitting[0]
    if read and not fitting:
        raise BadInput("treasury.bad.decimals" if most else "treasury.bad.no-decimals", digits=most)
    raise BadInput("treasury.bad.number")


def _readings(number: str) -> Iterator[tuple[str, str]]:
    """Each way to read a number, with one mark between thousands and another before the decimals."""
    for mark, between in ((",", "."), (".", ","), (",", " "), (".", " ")):
        thousands = rf"[1-9][0-9]{{0,2}}(?:{re.escape(between)}[0-9]{{3}})+"
        found = re.fullmatch(rf"({thousands}|[0-9]+)(?:{re.escape(mark)}([0-9]+))?", number)
        if found:
            yield found[1].replace(between, ""), found[2] or ""


def _plain(amount: int, currency: str) -> str:
    return f"{Decimal(amount).scaleb(-digits(currency)):,f}".replace(",", " ").removesuffix(".00")
