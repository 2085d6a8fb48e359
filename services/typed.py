"""What people type, read into values: texts, amounts, dates, hours, codes.

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
from functools import cache

from babel import Locale
from babel.numbers import get_currency_name, get_currency_precision

from models.errors import BadInput
from models.policy import Policy
from payments.money import refuse_unclear
from texts.formats import money

UNSEEN = frozenset({"Cc", "Cf", "Cs"})
"""Categories of what nobody sees, or what turns the order of the letters around it: left out."""

JOINERS = "\u200c\u200d"
"""Of emoji and of scripts: they stay within a word."""

BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and signs that are drawn as nothing: alone they say nothing."""

LOOSE_JOINERS = re.compile(rf"(?<!\S)[{JOINERS}]+|[{JOINERS}]+(?!\S)")

DIGITS = 12
"""More digits than this is no amount of money that anybody asks for."""

YEARS_BACK, YEARS_AHEAD = 30, 5

MIDNIGHT = 24

HALVES: Mapping[str, Mapping[int, int]] = {
    "am": {12: 0, **{hour: hour for hour in range(1, 12)}},
    "pm": {12: 12, **{hour: hour + 12 for hour in range(1, 12)}},
    "утра": {hour: hour for hour in range(1, 12)},
    "дня": {10: 10, 11: 11, 12: 12, **{hour: hour + 12 for hour in range(1, 7)}},
    "вечера": {hour: hour + 12 for hour in range(4, 13)},
    "ночи": {10: 22, 11: 23, 12: 24, **{hour: hour for hour in range(1, 6)}},
}
"""Words behind an hour of twelve, and which hour of the day each makes of it."""

TWELVE = 12

AROUND_HOURS = frozenset({"с", "до", "по", "from", "to", "till", "until", "h", "ч", "час", "часа", "часов"})
"""Words around two hours that change nothing."""

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
    "rur": "RUB",
    "ruble": "RUB",
    "rouble": "RUB",
    "rubles": "RUB",
    "roubles": "RUB",
    "r": "RUB",
    "$": "USD",
    "us$": "USD",
    "usd": "USD",
    "долл": "USD",
    "доллар": "USD",
    "доллара": "USD",
    "долларов": "USD",
    "dollar": "USD",
    "dollars": "USD",
    "€": "EUR",
    "eur": "EUR",
    "евро": "EUR",
    "euro": "EUR",
    "euros": "EUR",
}

WHOSE: Mapping[str, str] = {
    **dict.fromkeys(("сша", "us", "american", "американских", "американского", "американский"), "USD"),
    **dict.fromkeys(("рф", "russian", "российских", "российские", "российского", "российский"), "RUB"),
}
"""Words that say whose currency of a name is meant."""

SCALES: Mapping[str, int] = {
    **dict.fromkeys(("к", "k", "т", "тыс", "тысяч", "тысячи", "тысяча", "thousand"), 1_000),
    **dict.fromkeys(("млн", "миллион", "миллиона", "миллионов", "mln", "million"), 1_000_000),
}

ROUGHLY = frozenset({"около", "примерно", "приблизительно", "до", "about", "around", "roughly", "up", "to"})
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
    """The text composed (NFC), without invisible and control characters, without space around it.

    It is empty when nothing of it can be seen.
    """
    kept = (
        c for c in text.replace("\r\n", "\n") if c in f"\n\t{JOINERS}" or unicodedata.category(c) not in UNSEEN
    )
    cleaned = unicodedata.normalize("NFC", LOOSE_JOINERS.sub("", "".join(kept))).strip()
    return cleaned if any(_is_seen(c) for c in cleaned) else ""


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
    found = re.fullmatch(r"(?P<before>\D*)(?P<number>\d[\d\s.,'’_]*+)(?P<after>\D*)", folded)
    if found is None:
        raise BadInput("intake.bad.number")
    currency, scale = _unit(f"{found['before']} {found['after']}", bounds.policy)
    minor = (_number(found["number"]) * scale).scaleb(get_currency_precision(currency))
    if "-" in found["before"] or minor <= 0:
        raise BadInput("intake.bad.positive")
    if minor != minor.to_integral_value():
        raise BadInput("intake.bad.cents")
    largest, own = bounds.policy.largest, bounds.policy.currency
    if in_fund(int(minor), currency, bounds.policy) > largest:
        raise BadInput("intake.bad.large", largest=money(largest, own, bounds.language))
    return int(minor), currency


def in_fund(amount: int, currency: str, policy: Policy) -> int:
    """An amount in minor units of the policy's currency, by the policy's rates; at least 1.

    Raises `BadInput` for a currency without a rate: the policy may have lost it since the amount was typed.
    """
    if currency not in policy.rates:
        raise BadInput("intake.bad.rate", currency=currency, known=_known(policy))
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
    """Two whole hours of a day, to 24 at most, typed as `10-21`, `с 10 утра до 9 вечера` or `10:00–21:00`.

    An hour without such a word, beside one that has it, must be the same with it: `8 - 10 pm` could be two things.
    So could `9-5`: whoever works from nine to five would be written to all night. `22-6` is a night only.
    """
    folded = re.sub(r"\b([ap])\.\s?m\b", r"\1m", clean(text).casefold())
    numbers: list[int] = []
    halves: dict[int, str] = {}
    for word in re.findall(r"\d+(?::[0-5]\d)?|[^\W\d_]+", folded):
        if word[0].isdecimal() and len(word) <= len("10:00"):
            numbers.append(int(word.split(":")[0]))
        elif word in HALVES and numbers:
            halves.setdefault(len(numbers) - 1, word)
        elif word not in AROUND_HOURS:
            raise BadInput("intake.bad.hours")
    hours = [_hour(number, halves.get(place), halves) for place, number in enumerate(numbers)]
    match hours:
        case [first, last] if first != last and max(first, last) <= MIDNIGHT:
            if last < first % MIDNIGHT < last + TWELVE <= MIDNIGHT and 1 not in halves:
                raise BadInput("intake.bad.hours-night")
            return first % MIDNIGHT, last
    raise BadInput("intake.bad.hours")


def _is_seen(character: str) -> bool:
    return character not in BLANKS and unicodedata.category(character)[0] not in "CMZ"


def _hour(number: int, half: str | None, halves: Mapping[int, str]) -> int:
    """The hour of the day that is meant. Raises `BadInput` when it could be two, or none."""
    if half is None:
        if 0 < number <= TWELVE and any(HALVES[other].get(number) != number for other in halves.values()):
            raise BadInput("intake.bad.hours")
        return number
    meant = HALVES[half]
    if number not in meant and number not in meant.values():
        raise BadInput("intake.bad.hours")
    return meant.get(number, number)


def _number(text: str) -> Decimal:
    refuse_unclear(text.strip())
    found = NUMBER.fullmatch(text.strip().rstrip(".,").replace("\u00a0", " ").replace("\u202f", " "))
    if found is None:
        raise BadInput("intake.bad.number")
    whole = "".join(character for character in found["whole"] if character.isdecimal())
    if len(whole) > DIGITS:
        raise BadInput("intake.bad.huge")
    return Decimal(f"{whole}.{found['rest'] or 0}")


def _known(policy: Policy) -> str:
    return ", ".join(sorted(policy.rates))


def _unit(words: str, policy: Policy) -> tuple[str, int]:
    """The currency named, and how many times the number is meant. Raises `BadInput` for any other word."""
    currency, scale = policy.currency, 1
    whose: set[str] = set()
    for word in re.findall(r"us\$|[^\W\d_]+|[^\w\s]", words):
        if word in ROUGHLY or not (word[0].isalnum() or unicodedata.category(word[0]) == "Sc"):
            continue
        if word in SCALES and scale == 1:
            scale = SCALES[word]
        elif word in WHOSE:
            whose.add(WHOSE[word])
        elif (named := CURRENCIES.get(word, word.upper())) in policy.rates:
            currency = named
        elif word in CURRENCIES or word in _foreign():
            raise BadInput("intake.bad.currency", known=_known(policy))
        else:
            raise BadInput("intake.bad.number")
    if not whose <= {currency}:
        raise BadInput("intake.bad.number")
    return currency, scale


@cache
def _foreign() -> frozenset[str]:
    """What people call the currencies of the world: code, sign, and the last word of the name in each number."""
    called = {sign for sign in map(chr, range(0xA2, 0x20D0)) if unicodedata.category(sign) == "Sc"}
    for locale in map(Locale, ("en", "ru")):
        for code in map(str, locale.currencies):
            names = (get_currency_name(code, count, locale) for count in (1, 2, 5))
            called |= {code.casefold(), *(name.casefold().split()[-1] for name in names)}
    return frozenset(called)


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
        raise BadInput("intake.bad.date-none") from None


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
    raise BadInput("intake.bad.date-none")
