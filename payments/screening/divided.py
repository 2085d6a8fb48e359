"""Names whose words are written together or apart in another way than on a list: Alfabank, Kim Jongun.

Words are compared one by one (`matching`), so a space more or less would hide a name, by chance or on purpose. A
name is therefore looked for in other divisions of its letters too, but only where the list gives cause: two words
are joined when it has such a word, and one is divided when a listed name has all the pieces. An Arabic article
between two pieces goes with neither: the lists keep it apart, or leave it out.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Final

from payments.screening.index import Index
from payments.screening.sounds import heard

ARTICLE: Final = re.compile("(?<=..)[aeiou][lrszndt]h?$")
"""`ul`, `ur`, `ed` and the like at the end of a piece: Abdul, Abdurrahman, Nureddin."""

RUN: Final = 3
"""Single letters in a row from which on somebody has spaced a word out."""

PAIR, MOST_JOINED, MOST_PIECES = 2, 3, 3
"""Words that are joined at the least and at most, and most pieces of one: given name, patronymic, surname."""

SHORTEST: Final = 2
"""Letters of a piece."""

LONGEST: Final = 40
"""Letters of a word that is divided: no listed name has so many."""

MOST: Final = 12
"""Divisions of one name that are looked for."""

Parts = tuple[str, ...]


def divisions(parts: Sequence[str], index: Index) -> Sequence[Parts]:
    """Other divisions of a name's letters that a list gives cause for; the one that stands is not among them."""
    stands, listed = tuple(parts), _Listed(index)
    closed = _closed_up(parts)
    found = dict.fromkeys((closed, *islice(chain(_others(stands, listed), _others(closed, listed)), MOST)))
    return [each for each in found if each != stands]


def _closed_up(parts: Sequence[str]) -> Parts:
    """The name with its runs of single letters closed up."""
    words: list[str] = []
    run: list[str] = []
    for part in (*parts, ""):
        if len(part) == 1:
            run.append(part)
            continue
        words += ["".join(run)] if len(run) >= RUN else run
        run = []
        words.append(part)
    return tuple(words[:-1])


def _others(parts: Parts, listed: "_Listed") -> Iterator[Parts]:
    for size in range(PAIR, MOST_JOINED + 1):
        for at in range(len(parts) - size + 1):
            joined = "".join(parts[at : at + size])
            if listed.names(joined):
                yield (*parts[:at], joined, *parts[at + size :])
    for at, part in enumerate(parts):
        if len(part) <= LONGEST:
            for pieces in listed.divided(part, MOST_PIECES):
                yield (*parts[:at], *pieces, *parts[at + 1 :])


@dataclass(slots=True)
class _Listed:
    """The listed names that have a word, looked up once for each."""

    index: Index
    known: dict[str, frozenset[int]] = field(default_factory=dict)

    def names(self, part: str) -> frozenset[int]:
        """Names with a word that sounds like this one."""
        if part not in self.known:
            places = self.index.with_keys(key for word in heard([part]) for key in word.keys)
            self.known[part] = frozenset(self.index.having(places))
        return self.known[part]

    def divided(self, part: str, most: int, within: frozenset[int] | None = None) -> Iterator[Parts]:
        """The ways to divide a word into so many pieces at most that all stand in one listed name."""
        for cut in range(SHORTEST, len(part) - SHORTEST + 1):
            rest = part[cut:]
            for piece in {part[:cut], ARTICLE.sub("", part[:cut])}:
                names = self.names(piece) if within is None else self.names(piece) & within
                if names and names & self.names(rest):
                    yield piece, rest
                if names and most > PAIR:
                    yield from ((piece, *more) for more in self.divided(rest, most - 1, names))
