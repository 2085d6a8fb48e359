"""Listed names near a name: looked for by keys in the database, compared in memory.

A name is looked for under the keys of each of its words, but for the most frequent one of three or more: names
that share only a patronymic are thousands, and two words have to agree anyway. Most candidates share one word, a
given name; they are left out by a look at their words before anything is compared.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlmodel import col, func, select

from models.screening import ListedEntry, ListedKey, ListedName, SanctionsList
from models.unit import Unit
from payments.screening.lists import current
from payments.screening.matching import SPARE, compare, hear
from payments.screening.sounds import Sounds, Word, listen, stored_word

RARE: Final = 25
"""A word that stands in at most so many listed names may stand for a whole name by itself."""

LONGEST: Final = 500
"""Characters of a name that are looked at: the longest listed ones have about 300."""

AT_ONCE: Final = 5000
"""Numbers in one query: databases take some 32,000 parameters."""

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
class _Candidate:
    """A listed name that shares a key with the subject's."""

    list_id: int
    entry: int
    name: str
    sounds: str
    weak: bool


async def near(unit: Unit, name: str) -> list[Near]:
    """Entries with a name near this one, each with its nearest name, the nearest entry first."""
    lists = {listed.id: listed for listed in (await current(unit)).values() if listed.id is not None}
    mine = listen(name[:LONGEST])
    frequencies = await _frequencies(unit, {key for word in mine for key in word.keys}, lists)
    rows = await _candidates(unit, _looked_for(mine, frequencies), lists)
    found = []
    for (list_id, entry), (score, as_listed) in _best(mine, rows, frequencies).items():
        row = await unit.session.get_one(ListedEntry, (list_id, entry))
        found.append(Near(row, lists[list_id], as_listed, score))
    return sorted(found, key=lambda each: -each.score)


async def _frequencies(unit: Unit, keys: Collection[str], lists: Collection[int]) -> Frequencies:
    found = await unit.session.exec(
        select(ListedKey.key, func.count())
        .where(col(ListedKey.key).in_(sorted(keys)), col(ListedKey.list_id).in_(sorted(lists)))
        .group_by(col(ListedKey.key))
    )
    return dict(found.all())


def _looked_for(mine: Sounds, frequencies: Frequencies) -> frozenset[str]:
    """The keys of all telling words but the most frequent of three or more."""
    words = [word.keys for word in mine if not word.empty and word.keys]
    words.sort(key=lambda keys: sum(frequencies.get(key, 0) for key in keys))
    return frozenset[str]().union(*(words[:-1] if len(words) >= SPARE else words))


async def _candidates(unit: Unit, keys: Collection[str], lists: Collection[int]) -> Sequence[_Candidate]:
    """In two steps, each along an index: SQLite would otherwise walk through every name of the list."""
    connection = await unit.session.connection()
    keyed: Any = (ListedKey.list_id, ListedKey.name)
    shared = await connection.execute(
        select(*keyed).where(col(ListedKey.key).in_(sorted(keys)), col(ListedKey.list_id).in_(sorted(lists)))
    )
    numbers: dict[int, set[int]] = {}
    for list_id, number in shared.all():
        numbers.setdefault(list_id, set()).add(number)
    columns: Any = (ListedName.list_id, ListedName.entry, ListedName.name, ListedName.sounds, ListedName.weak)
    rows: list[_Candidate] = []
    for list_id, of_list in numbers.items():
        wanted = sorted(of_list)
        for start in range(0, len(wanted), AT_ONCE):
            some = col(ListedName.number).in_(wanted[start : start + AT_ONCE])
            found = await connection.execute(select(*columns).where(col(ListedName.list_id) == list_id, some))
            rows += [_Candidate(*row) for row in found.all()]
    return rows


def _best(
    mine: Sounds, rows: Sequence[_Candidate], frequencies: Frequencies
) -> dict[tuple[int, int], tuple[int, str]]:
    """The nearest name of each entry that has one near enough: its score, and how it is listed."""
    parted = [row.sounds.split() for row in rows]
    parts = {part for each in parted for part in each}
    forms = sorted({form for part in parts for form in stored_word(part).forms})
    alike = hear((form for word in mine for form in word.forms), forms)
    promising = {part for part in parts if any(alike(word, stored_word(part)) for word in mine)}
    rare = _rare(frequencies)
    enough = min(2, sum(not word.empty for word in mine))
    best: dict[tuple[int, int], tuple[int, str]] = {}
    for row, each in zip(rows, parted, strict=True):
        hits = sum(part in promising for part in each)
        if hits < enough and hits < len(each):
            continue
        theirs = tuple(stored_word(part) for part in each)
        score = compare(mine, theirs, alike, weak=row.weak, rare=rare)
        if score > best.get((row.list_id, row.entry), (0, ""))[0]:
            best[row.list_id, row.entry] = (score, row.name)
    return best


def _rare(frequencies: Frequencies) -> Callable[[Word], bool]:
    def rare(word: Word) -> bool:
        return all(frequencies.get(key, 0) <= RARE for key in word.keys)

    return rare
