"""Exchanges that a destination names: they are screened whatever the rail.

An exchange is known by its name in the policy (`screening.exchanges`), in any alphabet and with the endings of
Russian cases, and by its other spellings there; it is screened under its name: one decision of a human holds for
all who are paid through it. One that the policy does not name is not found; a listed exchange's own addresses are
found as addresses.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from payments.screening.sounds import VOWELS, listen

LOOKED_AT: Final = 2000
"""Characters of a destination."""

SURE: Final = 4
"""Letters from which on a name is known by its sound; a shorter one only as it is written."""

APART: Final = re.compile(r"(?<=[^\W\d_])[\s-]+(?=\d)")
"""Between a word and a number: `Netex 24`."""

ENDING: Final = re.compile(r"(?<=[а-яё]{4})(?:ами|ах|ам|ов|ом|ой|ем|ей|[аеиоуыэюя])\b", re.IGNORECASE)
"""Of a Russian case, after enough letters to know a name by."""


def named(
    destination: str, exchanges: Sequence[str], spellings: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """The exchanges among these that a destination names, also by another of their spellings."""
    start = destination[:LOOKED_AT]
    text = f"{start} {APART.sub('', start)}"
    written = set(re.findall(r"[^\W_]+", text.casefold()))
    heard = {form for word in listen(f"{text} {ENDING.sub('', text)}") for form in word.forms}
    return [
        name
        for name in exchanges
        if any(
            one.casefold() in written or _is_heard(one, heard) for one in (name, *(spellings or {}).get(name, ()))
        )
    ]


def _is_heard(name: str, heard: set[str]) -> bool:
    """Whether each word of a name sounds like one of these."""
    asked = [word for word in listen(name) if not word.empty]
    if len(name) < SURE or not asked:
        return False
    return all(any(_bare(form) in heard or form in heard for form in word.forms) for word in asked)


def _bare(form: str) -> str:
    """A form without its last vowel, which in Russian gives way to an ending or is not heard (`Binance`)."""
    bare = form.rstrip("".join(VOWELS))
    return bare if len(bare) >= SURE else form
