"""What in a free text names where money goes, in one spelling: pure.

- Numbers of cards, accounts (IBAN too) and phones, handles, addresses of mail and of wallets. What many people
  share (a bank's own numbers, dates, amounts) is none.
- A card is found by its check digit wherever its groups of digits stand, whatever is written between, before or
  after them: who adds a word, a date or a dot names the same card.
- `counted` always says something, for limits: of a text that names nothing the digits, else the words. Two such
  texts may mean one place; a treasurer reads them.
- `whole` is the text itself, for telling whether it was changed: a dot or a dash in a name leads to somebody else.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from payments.screening.addresses import HEX, INSIDE

FOREIGN: Final = range(8, 16)
"""How many digits a phone's number has that begins with + (ITU-T E.164)."""

LONG_FOREIGN: Final = range(10, 16)
"""The same where other digits may follow it."""

NUMBER = re.compile(r"(?<![\w.@])(\+?)(\d(?:[ \-()]{0,3}\d)+)(?![\w@])")
APART = re.compile(r"(?<![\w.@+/-])\+?\d(?:[\s()\[\]-]*\d)+(?![\w@/]|[.-]\w)")
"""A number that is no part of a word, a name or an address: what groups its digits says nothing."""
MAIL = re.compile(r"(?<![\w.+-])([\w.-]+)(?:\+[\w.+-]*)?(@[\w-]+(?:\.[\w-]+)+)")
HANDLE = re.compile(r"(?:(?<![\w.+-])@|(?:t|paypal)\.me/)([a-z0-9_]{4,32})\b")
BARE_HANDLE = re.compile(r"(?=.*[0-9_])[a-z][a-z0-9_]{4,31}")
SERVICE = re.compile(r"wallet|send|.*bot")
"""Handles of services that many people are paid by."""
WALLET = re.compile(r"\b(?=\w*[0-9])(?=\w*[a-z])[a-z0-9]{20,}\b")
"""Addresses of wallets, and bank accounts that begin with letters (IBAN)."""

CARD: Final = re.compile(r"(?:2|4|5|6|9792)\d{14,18}|3[47]\d{13}")
"""Mir, Visa, Mastercard, Maestro, UnionPay and the like; American Express (ISO/IEC 7812, first digits)."""
CARD_LENGTHS: Final = (15, 16, 18, 19)
LONGEST: Final = 20
"""Digits of a Russian account's number, the longest of all."""

GROUPS: Final = 200
"""Groups of digits in one text that are looked at: a person's answer has ten."""

IBAN_START: Final = re.compile(r"[a-z]{2}\d{2}[a-z0-9]*", re.ASCII)
IBAN_LENGTHS: Final = range(15, 35)
"""ISO 13616."""

ENOUGH_DIGITS: Final = 6
"""So many digits of a text that names nothing else may name a place."""


def plain(text: str) -> str:
    """One spelling of what looks the same: nothing invisible, one kind of digit and dash, no capitals."""
    seen = (sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) not in {"Cf", "Mn"})
    one = "".join(str(unicodedata.decimal(sign, sign)) for sign in seen)
    return re.sub(r"[‐‑‒–—−]", "-", one.casefold())


def named(text: str) -> frozenset[str]:
    """What in a text names where money goes, in one spelling; empty when nothing does."""
    shown = plain(text)
    cards = set(_cards(shown))
    whole = {number for sign, digits in NUMBER.findall(shown) if (number := _number(sign, digits))}
    found = cards | {number for number in whole if not any(card in number for card in cards)}
    found |= set(_phones(shown)) | set(_ibans(shown))
    found |= {f"{name}{host}".rstrip(".") for name, host in MAIL.findall(shown)}
    found |= {handle for handle in HANDLE.findall(shown) if not SERVICE.fullmatch(handle)}
    found |= {_wallet(word) for word in WALLET.findall(shown)}
    found |= {match[0] for match in INSIDE.finditer(re.sub(r"[\W_]", "", shown))}
    bare = shown.strip()
    return frozenset(found or ({bare} if BARE_HANDLE.fullmatch(bare) else ()))


def counted(text: str) -> frozenset[str]:
    """What a limit on one destination counts by: what the text names, or else its digits, or else its words."""
    found = named(text)
    if found:
        return found
    shown = plain(text)
    digits = "".join(re.findall(r"\d", shown))
    if len(digits) >= ENOUGH_DIGITS:
        return frozenset({f"digits {digits}"})
    words = sorted(set(re.findall(r"[^\W_]+", shown)))
    return frozenset({f"words {' '.join(words)}"})


def whole(text: str) -> str:
    """One spelling of a whole text: without spaces, and without what groups the digits of its numbers.

    Any other sign may be part of a name: `ivan.petrov` and `ivan_petrov` are two people, and `ivanpetrov` a third.
    """
    grouped = APART.sub(lambda number: re.sub(r"[^\d+]", "", number[0]), plain(text))
    return re.sub(r"\s", "", grouped)


def _number(sign: str, typed: str) -> str | None:
    """A phone, card or account as digits; none for a bank's own numbers, dates and amounts."""
    digits = re.sub(r"\D", "", typed)
    if (phone := _russian(digits, sign)) is not None:
        return phone
    match len(digits):
        case length if sign and length in FOREIGN:
            return digits
        case 16 | 17 | 18 | 19:
            return digits
        case 20 if not digits.startswith("301"):  # a bank's correspondent account is the same for all its clients
            return digits
    return None


def _russian(digits: str, sign: str = "") -> str | None:
    """A Russian mobile phone's number, however it begins."""
    match len(digits):
        case 10 if digits[0] == "9" and not sign:
            return f"7{digits}"
        case 11 if digits[0] in "78" and digits[1] == "9":
            return f"7{digits[1:]}"
    return None


def _cards(shown: str) -> Iterator[str]:
    """Neighbouring groups of digits that make a card's number together, whatever stands between them."""
    groups = re.findall(r"\d+", shown)[:GROUPS]
    for start in range(len(groups)):
        digits = ""
        for group in groups[start:]:
            digits += group
            if len(digits) in CARD_LENGTHS and CARD.fullmatch(digits) and _is_checked(digits):
                yield digits
            if len(digits) >= LONGEST:
                break


def _phones(shown: str) -> Iterator[str]:
    """Phones whose groups of digits are followed or led by others."""
    for sign, typed in NUMBER.findall(shown):
        groups = re.findall(r"\d+", typed)[:GROUPS]
        for start in range(len(groups)):
            digits = ""
            for group in groups[start:]:
                digits += group
                if (phone := _russian(digits)) is not None:
                    yield phone
                elif sign and start == 0 and len(digits) in LONG_FOREIGN:
                    yield digits
                if len(digits) >= LONGEST:
                    break


def _ibans(shown: str) -> Iterator[str]:
    """Bank accounts by ISO 13616, also in groups, by their check digits."""
    words = re.findall(r"[^\W_]+", shown)
    for start, first in enumerate(words):
        if not IBAN_START.fullmatch(first):
            continue
        joined = ""
        for word in words[start:]:
            joined += word
            if len(joined) >= IBAN_LENGTHS.stop or not joined.isascii():
                break
            if len(joined) in IBAN_LENGTHS and _is_iban(joined):
                yield joined


def _is_iban(joined: str) -> bool:
    turned = joined[4:] + joined[:4]
    return int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1


def _is_checked(digits: str) -> bool:
    """Whether the check digit is right (Luhn, ISO/IEC 7812-1)."""
    values = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(sum(divmod(value, 10)) for value in values) % 10 == 0


def _wallet(word: str) -> str:
    found = HEX.fullmatch(word)
    return f"0x{found[1]}" if found else word
