"""Exchanges that a destination names: they are screened whatever the rail.

An exchange is known by its name in the policy (`screening.exchanges`), in any alphabet, and is screened under that
name: one decision of a human holds for all who are paid through it. One that the policy does not name is not
found; a listed exchange's own addresses are found as addresses.
"""

import re
from collections.abc import Sequence
from typing import Final

from payments.screening.sounds import Word, listen

LOOKED_AT: Final = 2000
"""Characters of a destination."""

SURE: Final = 4
"""Letters from which on a name is known by its sound; a shorter one only as it is written."""


def named(destination: str, exchanges: Sequence[str]) -> list[str]:
    """The exchanges among these that a destination names."""
    words = listen(destination[:LOOKED_AT])
    written = set(re.findall(r"[^\W_]+", destination[:LOOKED_AT].casefold()))
    return [name for name in exchanges if name.casefold() in written or _is_heard(name, words)]


def _is_heard(name: str, words: Sequence[Word]) -> bool:
    """Whether each word of a name sounds like one of these."""
    asked = [word for word in listen(name) if not word.empty]
    if len(name) < SURE or not asked:
        return False
    return all(any(set(one.forms) & set(word.forms) for word in words) for one in asked)
