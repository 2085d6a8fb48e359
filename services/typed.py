"""What people type, read into values: texts, amounts, dates, hours, zones, codes.

Pure: takes text, returns a value, or raises `BadInput` whose key says exactly what is wanted. Nothing else is
ever raised, whatever is typed (a test throws everything at it), and nothing typed goes into the error.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from babel.numbers import get_currency_precision

from models.errors import BadInput
from models.policy import Policy
from payments.money import refuse_unclear
from texts.formats import money

ZERO_WIDTH = "\u200b\u2060\ufeff\u202d\u202e"
"""Seen by nobody, or turning the order of the letters around it: left out. Joiners of emoji and scripts stay."""

DIGITS = 12
"""More digits than this is no amount of money that anybody asks for."""

YEARS_BACK, YEARS_AHEAD = 30, 5

MIDNIGHT = 24

WEST, EAST = -12, 14
"""The farthest offsets from UTC that anybody lives by."""

MONTHS_IN_YEAR = 12

CENTURY = 100

NUMBER = re.compile(r"(?P<whole>\d{1,3}(?P<mark>[\s.,'’_])\d{3}(?:(?P=mark)\d{3})*|\d+)(?:[.,](?P<rest>\d{1,9}))?")
"""Thousands may be apart by one kind of mark; a mark before any other number of digits is the decimal sign."""

CURRENCIES: Mapping[str, str] = {
    "р": "RUB",
    "руб": "RUB",
    "рубль": "RUB",
    "рубля": "RUB",
    "рублей": "RUB",
    "₽": "RUB",
    "rub": "RUB",
    "rubles": "RUB",
    "roubles": "RUB",
    "r": "RUB",
    "$": "USD",
    "usd": "USD",
    "доллар": "USD",
    "доллара": "USD",
    "долларов": "USD",
    "dollars": "USD",
    "€": "EUR",
    "eur": "EUR",
    "евро": "EUR",
    "euro": "EUR",
    "euros": "EUR",
}

THOUSANDS = frozenset({"к", "k", "т", "тыс", "тысяч", "тысячи", "тысяча", "thousand"})

ROUGHLY = frozenset({"около", "примерно", "приблизительно", "about", "around", "roughly"})
"""Words before an amount that change nothing: the panel judges it all the same."""

_RUSSIAN_MONTHS = ("янв", "фев", "мар", "апр", "май", "июн", "июл", "авг", "сен", "окт", "ноя", "дек")
_ENGLISH_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

MONTHS: Mapping[str, int] = {
    "мая": 5,
    **{name: number for names in (_RUSSIAN_MONTHS, _ENGLISH_MONTHS) for number, name in enumerate(names, 1)},
}
"""A month by its first three letters."""

DAYS: Mapping[str, int] = {
    "сегодня": 0,
    "today": 0,
    "завтра": 1,
    "tomorrow": 1,
    "послезавтра": 2,
    "вчера": -1,
    "yesterday": -1,
    "позавчера": -2,
}


FILLERS = frozenset({"г", "года", "году", "of", "on", "the", "st", "nd", "rd", "th"})
"""Words in a date that say nothing."""


class When(StrEnum):
    """Which side of today a date may lie on; today is on both."""

    PAST = "past"
    FUTURE = "future"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a typed value is measured against."""

    today: date
    policy: Policy
    language: str
    """In which a limit is written that was passed."""


def clean(text: str) -> str:
    """The text composed (NFC), without invisible and control characters, without space around it."""
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    kept = (c for c in composed if c in "\n\t" or (unicodedata.category(c) not in {"Cc", "Cs"}))
    return "".join(c for c in kept if c not in ZERO_WIDTH).strip()


def read_text(text: str, limit: int) -> str:
    """A text of 1 to `limit` characters."""
    cleaned = clean(text)
    if not cleaned:
        raise BadInput("intake.bad.empty")
    if len(cleaned) > limit:
        raise BadInput("intake.bad.long", limit=limit, length=len(cleaned))
    return cleaned


def read_amount(text: str, bounds: Bounds) -> tuple[int, str]:
    """An amount in minor units and its currency, the policy's own when none is named.

    Raises `BadInput` for what is no number, not positive, too exact, too large, or in a currency without a rate.
    """
    folded = clean(text).casefold().replace("−", "-")
    found = re.fullmatch(r"(?P<before>\D*)(?P<number>\d[\d\s.,'’_]*)(?P<after>\D*)", folded)
    if found is None:
        raise BadInput("intake.bad.number")
    currency, thousands = _unit(f"{found['before']} {found['after']}", bounds.policy)
    minor = (_number(found["number"]) * (1000 if thousands else 1)).scaleb(get_currency_precision(currency))
    if "-" in found["before"] or minor <= 0:
        raise BadInput("intake.bad.positive")
    if minor != minor.to_integral_value():
        raise BadInput("intake.bad.cents")
    largest, own = bounds.policy.largest, bounds.policy.currency
    if in_fund(int(minor), currency, bounds.policy) > largest:
        raise BadInput("intake.bad.large", largest=money(largest, own, bounds.language))
    return int(minor), currency


def in_fund(amount: int, currency: str, policy: Policy) -> int:
    """An amount in minor units of the policy's currency, by the policy's rates; at least 1."""
    value = Decimal(amount).scaleb(-get_currency_precision(currency)) * Decimal(policy.rates[currency])
    minor = value.scaleb(get_currency_precision(policy.currency)).quantize(Decimal(1), ROUND_HALF_UP)
    return max(1, int(minor))


def read_date(text: str, today: date, when: When) -> date:
    """A day, typed as `05.12`, `5.12.2026`, `2026-12-05`, `5 декабря`, `December 5` or `tomorrow`.

    Without a year it is the nearest such day on the side asked for. Raises `BadInput` for no date, an impossible
    one, the wrong side of today, or one too far away to be meant.
    """
    folded = clean(text).casefold()
    words = [word for word in re.findall(r"\d+|[^\W\d_]+", folded) if word not in FILLERS]
    if len(words) == 1 and words[0] in DAYS:
        found = today + timedelta(days=DAYS[words[0]])
    else:
        day, month, year = _parts(words, unclear="/" in folded)
        found = _day(year, month, day) if year else _nearest(month, day, today, when)
    if when is When.PAST and found > today:
        raise BadInput("intake.bad.date-future")
    if when is When.FUTURE and found < today:
        raise BadInput("intake.bad.date-past")
    if not today.year - YEARS_BACK <= found.year <= today.year + YEARS_AHEAD:
        raise BadInput("intake.bad.date-far")
    return found


def read_hours(text: str) -> tuple[int, int]:
    """Two whole hours of a day, to 24 at most, typed as `10-21`, `с 10 до 21` or `10:00–21:00`."""
    numbers = re.findall(r"\d+(?::[0-5]\d)?", clean(text))
    hours = [int(number.split(":")[0]) for number in numbers if len(number) <= len("10:00")]
    match hours:
        case [first, last] if first != last and max(first, last) <= MIDNIGHT and len(numbers) == len(hours):
            return first % MIDNIGHT, last
    raise BadInput("intake.bad.hours")


def read_zone(text: str) -> str:
    """An IANA zone from a whole-hour offset such as `+3` or `UTC-5`."""
    found = re.fullmatch(r"(?:utc|gmt)?\s*([+-])\s*(\d{1,2})(?::?00)?", clean(text).casefold().replace("−", "-"))
    if found is None:
        raise BadInput("intake.bad.zone")
    hours = int(found[2]) * (1 if found[1] == "+" else -1)
    if not WEST <= hours <= EAST:
        raise BadInput("intake.bad.zone")
    return f"Etc/GMT{-hours:+d}"  # the Etc zones count westwards


def _number(text: str) -> Decimal:
    refuse_unclear(text.strip())
    found = NUMBER.fullmatch(text.strip().rstrip(".,").replace("\u00a0", " ").replace("\u202f", " "))
    if found is None:
        raise BadInput("intake.bad.number")
    whole = "".join(character for character in found["whole"] if character.isdecimal())
    if len(whole) > DIGITS:
        raise BadInput("intake.bad.number")
    return Decimal(f"{whole}.{found['rest'] or 0}")


def _unit(words: str, policy: Policy) -> tuple[str, bool]:
    """The currency named, and whether thousands are meant."""
    currency, thousands = policy.currency, False
    for word in re.findall(r"[^\W\d_]+|[$€₽]", words):
        if word in ROUGHLY:
            continue
        if word in THOUSANDS and not thousands:
            thousands = True
        elif (named := CURRENCIES.get(word, word.upper())) in policy.rates:
            currency = named
        else:
            raise BadInput("intake.bad.currency", known=", ".join(sorted(policy.rates)))
    return currency, thousands


def _parts(words: list[str], *, unclear: bool) -> tuple[int, int, int | None]:
    """Day, month and year, if any. With slashes some put the month first: refused when it could be either."""
    named = [MONTHS[word[:3]] for word in words if word[:3] in MONTHS]
    numbers = [int(word) for word in words if word.isdecimal() and len(word) <= len("2026")]
    if len(named) + len(numbers) != len(words):
        raise BadInput("intake.bad.date")
    match named, numbers:
        case [month], [day]:
            return day, month, None
        case ([month], [year, day]) | ([], [year, month, day]) if year >= CENTURY:
            return day, month, year
        case ([month], [day, year]) | ([], [day, month, year]):
            _sure(day, month, unclear=unclear)
            return day, month, year + 2000 if year < CENTURY else year
        case [], [day, month]:
            _sure(day, month, unclear=unclear)
            return day, month, None
    raise BadInput("intake.bad.date")


def _sure(day: int, month: int, *, unclear: bool) -> None:
    if unclear and max(day, month) <= MONTHS_IN_YEAR and day != month:
        raise BadInput("intake.bad.date-unclear")


def _day(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise BadInput("intake.bad.date") from None


def _nearest(month: int, day: int, today: date, when: When) -> date:
    """The nearest such day on the side asked for; 29 February may be years away."""
    step = -1 if when is When.PAST else 1
    for year in range(today.year, today.year + 9 * step, step):
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if (found <= today) if when is When.PAST else (found >= today):
            return found
    raise BadInput("intake.bad.date")
