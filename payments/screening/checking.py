"""`check`: what the lists say of a subject, now.

- `BLOCKED`: an address of it is listed, or a human decided that it is the listed one. `POSSIBLE`: its name is near
  a listed one and nobody has decided yet. `STALE`: a list that the policy asks for is missing or too old. `CLEAR`:
  none of these. `BLOCKED` goes before `STALE`, and `STALE` before `POSSIBLE`.
- Wallets, exchanges, partners and donors are always screened; beneficiaries by the policy's switch.
- Each possible match becomes a question, once (`payments.screening.questions`), in the caller's transaction. A
  caller that refuses by raising would take the question back: it has to return, and say what it waits for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlmodel import col, select

from models.screening import ListedAddress, SubjectKind
from models.unit import Unit
from payments.screening import questions
from payments.screening.addresses import addresses_in
from payments.screening.lists import current, is_stale, labels
from payments.screening.search import near


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
    """The case that it belongs to, as a person's own wallet does: it is sealed with the case, and goes with it."""
    involved: frozenset[UUID] = frozenset()
    """Volunteers who have a part in the payment, and so do not decide."""


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


async def _listed_address(unit: Unit, text: str) -> bool:
    in_use = [listed.id for listed in (await current(unit)).values()]
    found = await unit.session.exec(
        select(ListedAddress.entry)
        .where(col(ListedAddress.address).in_(sorted(addresses_in(text))), col(ListedAddress.list_id).in_(in_use))
        .limit(1)
    )
    return found.first() is not None
