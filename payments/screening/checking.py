"""`check`: what the lists say of a subject, now.

- `BLOCKED`: an address of it is listed, or a human decided that it is the listed one. `POSSIBLE`: its name is near
  a listed one and nobody has decided yet. `STALE`: a list that the policy asks for is missing or too old. `CLEAR`:
  none of these. `BLOCKED` goes before `STALE`, and `STALE` before `POSSIBLE`.
- Wallets, exchanges, partners and donors are always screened; beneficiaries by the policy's switch.
- Each possible match becomes a question, once (`payments.screening.questions`), in the caller's transaction. A
  caller that refuses by raising would take the question back: it has to return, and say what it waits for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlmodel import and_, col, select

from models.screening import ListedAddress, ListedEntry, ListedKey, ListedName, SanctionsList, SubjectKind
from models.unit import Unit
from payments.screening import questions
from payments.screening.addresses import addresses_in
from payments.screening.lists import current, is_stale, labels
from payments.screening.matching import compare, hear
from payments.screening.sounds import Sounds, Word, keys_of, listen, restore

RARE: Final = 25
"""A word that stands in at most so many listed names may stand for a whole name by itself."""

LONGEST: Final = 500
"""Characters of a name that are looked at: the longest listed ones have about 300."""


class State(StrEnum):
    """What screening says."""

    CLEAR = "clear"
    POSSIBLE = "possible"
    BLOCKED = "blocked"
    STALE = "stale"


REFUSALS: Final[Mapping[State, str]] = {
    State.STALE: "screening.refused.stale",
    State.POSSIBLE: "screening.refused.possible",
    State.BLOCKED: "screening.refused.blocked",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom or what to screen."""

    kind: SubjectKind
    text: str = field(repr=False)
    """A name, or an address with whatever stands around it."""
    whose: str = ""
    """An id that tells namesakes apart (a donor's, a partner's): a decision about one is none about the other."""
    case_id: UUID | None = None
    """The case that it belongs to: it is sealed with the case, and goes with it."""
    involved: frozenset[UUID] = frozenset()
    """Volunteers who have a part in the payment, and so do not decide."""


@dataclass(frozen=True, slots=True)
class Near:
    """A listed name that is near a subject's, with its entry."""

    entry: ListedEntry
    listed: SanctionsList
    name: str
    score: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the lists say. Only `CLEAR` lets money go."""

    state: State
    lists: str
    """Versions of the lists that were looked at; empty when the policy does not screen such a subject."""
    questions: tuple[UUID, ...] = ()
    """What a human has to decide first."""
    decided: bool = False
    """Whether a human has decided that a possible match is somebody else."""

    @property
    def why(self) -> str | None:
        """The key of the text that says why money may not go; none when it may."""
        return REFUSALS.get(self.state)

    @property
    def clear(self) -> bool:
        """Whether money may go."""
        return self.state is State.CLEAR


async def check(unit: Unit, subject: Subject) -> Verdict:
    """What the lists say of a subject. See the module's rules about the questions that it leaves."""
    screening = unit.policy.screening
    if subject.kind is SubjectKind.BENEFICIARY and not screening.beneficiaries:
        return Verdict(State.CLEAR, "")
    lists = await current(unit)
    versions = labels(lists)
    if await _listed_address(unit, subject.text):
        return Verdict(State.BLOCKED, versions)
    found = [] if subject.kind is SubjectKind.WALLET else await near(unit, subject.text)
    asked = await questions.ask(unit, subject, found, versions)
    if asked.same:
        return Verdict(State.BLOCKED, versions)
    if any(is_stale(unit, lists.get(source)) for source in screening.lists):
        return Verdict(State.STALE, versions, asked.open)
    return Verdict(State.POSSIBLE if asked.open else State.CLEAR, versions, asked.open, decided=asked.other)


async def near(unit: Unit, name: str) -> list[Near]:
    """Entries with a name near this one, each with its nearest name, the nearest entry first."""
    lists = {listed.id: listed for listed in (await current(unit)).values()}
    mine = listen(name[:LONGEST])
    rows = await _candidates(unit, mine, [number for number in lists if number is not None])
    best = _best(mine, rows)
    found = []
    for (list_id, entry), (score, as_listed) in sorted(best.items(), key=lambda item: -item[1][0]):
        row = await unit.session.get_one(ListedEntry, (list_id, entry))
        found.append(Near(row, lists[list_id], as_listed, score))
    return found


async def _listed_address(unit: Unit, text: str) -> bool:
    in_use = [listed.id for listed in (await current(unit)).values()]
    found = await unit.session.exec(
        select(ListedAddress.entry)
        .where(col(ListedAddress.address).in_(sorted(addresses_in(text))), col(ListedAddress.list_id).in_(in_use))
        .limit(1)
    )
    return found.first() is not None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A listed name that shares a key with the subject's."""

    key: str
    list_id: int
    number: int
    entry: int
    name: str
    sounds: str
    weak: bool


async def _candidates(unit: Unit, mine: Sounds, lists: Sequence[int]) -> list[_Candidate]:
    """One row for each key that a listed name shares with the subject's."""
    connection = await unit.session.connection()
    same_name = and_(
        col(ListedName.list_id) == col(ListedKey.list_id), col(ListedName.number) == col(ListedKey.name)
    )
    columns: Any = (
        ListedKey.key, ListedName.list_id, ListedName.number, ListedName.entry, ListedName.name, ListedName.sounds,
        ListedName.weak,
    )  # fmt: skip
    found = await connection.execute(
        select(*columns)
        .select_from(ListedKey)
        .join(ListedName, same_name)
        .where(col(ListedKey.key).in_(sorted(keys_of(mine))), col(ListedKey.list_id).in_(lists))
    )
    return [_Candidate(*row) for row in found.all()]


def _best(mine: Sounds, rows: Sequence[_Candidate]) -> dict[tuple[int, int], tuple[int, str]]:
    """The nearest name of each entry that has one near enough."""
    names = {(row.list_id, row.number): row for row in rows}
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.key] = counts.get(row.key, 0) + 1
    sounds = {row.sounds: restore(row.sounds) for row in names.values()}
    forms = sorted({form for heard in sounds.values() for word in heard for form in word.forms})
    alike = hear((form for word in mine for form in word.forms), forms)

    def rare(word: Word) -> bool:
        return all(counts.get(key, 0) <= RARE for key in word.keys)

    best: dict[tuple[int, int], tuple[int, str]] = {}
    for row in names.values():
        score = compare(mine, sounds[row.sounds], alike, weak=row.weak, rare=rare)
        if score > best.get((row.list_id, row.entry), (0, ""))[0]:
            best[row.list_id, row.entry] = (score, row.name)
    return best
