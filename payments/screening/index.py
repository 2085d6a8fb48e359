"""The names of one list in memory, as they sound: which words there are, and in which names each of them stands.

It is read out of the database once per version of a list and process, when the first name is checked, and takes
tens of megabytes for 60,000 names (`make bench`). Lists are public, so it may stay; `KEPT` versions do.
"""

from array import array
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlmodel import col, select

from models.screening import ListedName, SanctionsList
from models.unit import Unit
from payments.screening.sounds import Word, stored_word

KEPT: Final = 4
"""Two lists, and the next versions of both while they change."""

AT_ONCE: Final = 2000
"""Names of one query: others have their turn between two of them."""


@dataclass(slots=True)
class Index:
    """Names by number, words by place in `words`."""

    words: list[Word] = field(default_factory=list)
    names: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """The words of each name, in their order."""
    entries: dict[int, int] = field(default_factory=dict)
    """Whose name it is."""
    weak: set[int] = field(default_factory=set)
    twice: set[int] = field(default_factory=set)
    """Names in which a word stands more than once."""
    of_word: list["array[int]"] = field(default_factory=list)
    """The names in which each word stands."""
    by_key: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    by_form: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    by_letter: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Words by the first letters of their forms."""
    frequencies: Counter[str] = field(default_factory=Counter)
    """How many names have each key in a word that tells something."""
    _places: dict[str, int] = field(default_factory=dict)
    _keys: list[frozenset[str]] = field(default_factory=list)
    """Of each word that tells something."""

    def add(self, number: int, entry: int, sounds: str, *, weak: bool) -> None:
        """Take in a name by its stored sounds."""
        places = tuple(self._place(part) for part in sounds.split())
        self.names[number], self.entries[number] = places, entry
        if weak:
            self.weak.add(number)
        once = set(places)
        for place in once:
            self.of_word[place].append(number)
        if len(once) < len(places):
            self.twice.add(number)
        self.frequencies.update(set[str]().union(*(self._keys[place] for place in places)))

    def having(self, places: Iterable[int]) -> set[int]:
        """The names in which any of these words stands."""
        return set[int]().union(*(self.of_word[place] for place in places))

    def with_keys(self, keys: Iterable[str]) -> set[int]:
        """The words that have any of these keys and tell something."""
        return {place for key in keys for place in self.by_key.get(key, ())}

    def _place(self, part: str) -> int:
        known = self._places.get(part)
        if known is not None:
            return known
        place, word = len(self.words), stored_word(part)
        self._places[part] = place
        self.words.append(word)
        self.of_word.append(array("I"))
        self._keys.append(frozenset() if word.empty else word.keys)
        for key in self._keys[place]:
            self.by_key[key].append(place)
        for form in word.forms:
            self.by_form[form].append(place)
        for letter in {form[0] for form in word.forms}:
            self.by_letter[letter].append(place)
        return place


_kept: OrderedDict[tuple[int, str], Index] = OrderedDict()
"""By the list's number and hash: the same file has the same names under the same numbers."""


async def index_of(unit: Unit, listed: SanctionsList) -> Index:
    """The names of a list."""
    name = (listed.id or 0, listed.sha256)
    found = _kept.get(name)
    if found is None:
        found = await _read(unit, listed)
        _kept[name] = found
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    _kept.move_to_end(name)
    return found


async def _read(unit: Unit, listed: SanctionsList) -> Index:
    index, last = Index(), 0
    columns: Any = (ListedName.number, ListedName.entry, ListedName.sounds, ListedName.weak)
    rows: Sequence[Any] = (None,)
    connection = await unit.session.connection()
    while rows:
        found = await connection.execute(
            select(*columns)
            .where(col(ListedName.list_id) == listed.id, col(ListedName.number) > last)
            .order_by(col(ListedName.number))
            .limit(AT_ONCE)
        )
        rows = found.all()
        for number, entry, sounds, weak in rows:
            index.add(number, entry, sounds, weak=weak)
            last = number
    return index
