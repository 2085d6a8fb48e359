"""Listed names near a name: looked for by keys in memory, compared word by word.

A name is looked for as it is written, and in other divisions into words that a list gives cause for (`divided`):
under the keys of each of its words, but for the most frequent one of three or more, since names that share only a
patronymic are thousands, and two words have to agree anyway. Most candidates share one word, a given name; they
are left out by counting the words in which each agrees before anything is compared.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from sqlmodel import select

from models.screening import ListedEntry, ListedName, SanctionsList
from models.unit import Unit
from payments.screening.divided import divisions
from payments.screening.index import Index, index_of
from payments.screening.lists import current
from payments.screening.matching import SPARE, Heard, compare, hear
from payments.screening.sounds import Sounds, Word, heard, parts_of

RARE: Final = 25
"""A word that stands in at most so many listed names may stand for a whole name by itself."""

LONGEST: Final = 500
"""Characters of a name that are looked at: the longest listed ones have about 300."""

Frequencies = Mapping[str, int]
"""How many listed names have each key."""


@dataclass(frozen=True, slots=True)
class Near:
    """A listed name that is near a subject's, with its entry."""

    entry: ListedEntry
    listed: SanctionsList
    name: str
    score: int


@dataclass(frozen=True, slots=True)
class _Remembered:
    """What was heard, once for each pair of words: they are the same objects each time."""

    heard: Heard
    scores: dict[tuple[int, int], int] = field(default_factory=dict)

    def __call__(self, mine: Word, theirs: Word) -> int:
        pair = id(mine), id(theirs)
        score = self.scores.get(pair)
        if score is None:
            score = self.scores[pair] = self.heard(mine, theirs)
        return score


async def near(unit: Unit, name: str) -> list[Near]:
    """Entries with a name near this one, each with its nearest name, the nearest entry first."""
    parts = parts_of(name[:LONGEST])
    lists = [(listed, await index_of(unit, listed)) for listed in (await current(unit)).values()]
    indexes = [index for _, index in lists]
    found = []
    for listed, index in lists:
        best: dict[int, tuple[int, int]] = {}
        for each in (parts, *divisions(parts, index)):
            mine = heard(each)
            for entry, near_by in _best(mine, index, _frequencies(mine, indexes)).items():
                best[entry] = max(near_by, best.get(entry, near_by))
        for entry, (score, number) in best.items():
            row = await unit.session.get_one(ListedEntry, (listed.id, entry))
            as_listed = select(ListedName.name).where(ListedName.list_id == listed.id, ListedName.number == number)
            found.append(Near(row, listed, (await unit.session.exec(as_listed)).one(), score))
    return sorted(found, key=lambda each: -each.score)


def _frequencies(mine: Sounds, indexes: Sequence[Index]) -> Frequencies:
    keys = {key for word in mine for key in word.keys}
    return {key: sum(index.frequencies[key] for index in indexes) for key in keys}


def _best(mine: Sounds, index: Index, frequencies: Frequencies) -> dict[int, tuple[int, int]]:
    """The nearest name of each entry that has one near enough: its score, and its number."""
    shared = index.having(index.with_keys(_looked_for(mine, frequencies)))
    if not shared:
        return {}
    places = set(chain.from_iterable(map(index.names.__getitem__, shared)))
    forms = {form for place in places for form in index.words[place].forms}
    heard = hear((form for word in mine for form in word.forms), sorted(forms))
    alike, rare = _Remembered(heard), _rare(frequencies)
    best: dict[int, tuple[int, int]] = {}
    for number in sorted(_agreeing(mine, index, shared, places & _promising(mine, index, heard))):
        theirs = tuple(index.words[place] for place in index.names[number])
        score = compare(mine, theirs, alike, weak=number in index.weak, rare=rare)
        entry = index.entries[number]
        if score > best.get(entry, (0, 0))[0]:
            best[entry] = (score, number)
    return best


def _looked_for(mine: Sounds, frequencies: Frequencies) -> frozenset[str]:
    """The keys of all telling words but the most frequent of three or more."""
    words = [word.keys for word in mine if not word.empty and word.keys]
    words.sort(key=lambda keys: sum(frequencies.get(key, 0) for key in keys))
    return frozenset[str]().union(*(words[:-1] if len(words) >= SPARE else words))


def _promising(mine: Sounds, index: Index, heard: Heard) -> set[int]:
    """Words that may be like one of mine: those heard so, initials of mine, and what begins with mine."""
    found = {place for _, form in heard.scores for place in index.by_form.get(form, ())}
    for word in mine:
        for letter in {form[0] for form in word.forms}:
            begun = index.by_letter.get(letter, ())
            found.update(begun if word.initial else (at for at in begun if index.words[at].initial))
    return found


def _agreeing(mine: Sounds, index: Index, shared: Collection[int], promising: Collection[int]) -> list[int]:
    """Names in which two words may agree, or all that there are."""
    enough = min(2, sum(not word.empty for word in mine))
    hits = Counter(chain.from_iterable(map(index.of_word.__getitem__, promising)))
    return [
        number
        for number, count in hits.items()
        if number in shared and (count >= enough or number in index.twice or count == len(index.names[number]))
    ]


def _rare(frequencies: Frequencies) -> Callable[[Word], bool]:
    def rare(word: Word) -> bool:
        return all(frequencies.get(key, 0) <= RARE for key in word.keys)

    return rare
