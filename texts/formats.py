"""Amounts, days and spans as a person of a language writes them (CLDR data, by Babel)."""

from datetime import date, timedelta
from decimal import Decimal

from babel.dates import format_date, format_timedelta
from babel.numbers import format_currency, format_decimal, get_currency_name, get_currency_precision

MINUTE = timedelta(minutes=1)

STARS = "XTR"
"""Telegram Stars: no currency that CLDR knows."""


def money(amount: int, currency: str, language: str) -> str:
    """An amount in minor units, as `15 000 ₽`: the currency stands behind, and a fraction of zero is left out."""
    if currency == STARS:
        return f"{format_decimal(amount, locale=language)} ⭐".replace("\u202f", "\xa0")
    digits = get_currency_precision(currency)
    value = Decimal(amount).scaleb(-digits)
    whole = value == value.to_integral_value()
    text = format_currency(
        value,
        currency,
        locale=language,
        currency_digits=not whole,
        format="#,##0\xa0¤" if whole else "#,##0.00\xa0¤",
    )
    return text.replace("\u202f", "\xa0")


def currency_name(currency: str, language: str) -> str:
    """What a currency is called, as `Russian Ruble`."""
    return get_currency_name(currency, locale=language)


def day(value: date, language: str) -> str:
    """A day, as `5 дек. 2026 г.`."""
    return format_date(value, "medium", locale=language)


def span(value: timedelta, language: str) -> str:
    """A length of time in its largest unit, as `2 дня`; never less than a minute: nobody counts seconds here."""
    return format_timedelta(max(value, MINUTE), locale=language)
