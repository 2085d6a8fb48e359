"""The script of the day: what becomes of each case, and what everybody in it means to do.

Reviewers know from here how to vote on a case that they have read, as if they had judged it; a treasurer's bank
is here too, so that money paid twice would show.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from models.case import CaseStatus


class Fate(StrEnum):
    """How a case is to go."""

    PAID = "paid"
    ASKED = "asked"
    """A reviewer asks first; the applicant answers; then as `PAID`."""
    BIG = "big"
    """Above the tier from which a second treasurer confirms; then as `PAID`."""
    DECLINED = "declined"
    APPEALED = "appealed"
    """Declined, and then approved by other people."""
    WITHDRAWN = "withdrawn"
    ERASED = "erased"
    ABANDONED = "abandoned"
    """Left in the middle of the interview; shredded a day later."""


ENDS: dict[Fate, CaseStatus] = {
    Fate.PAID: CaseStatus.CLOSED,
    Fate.ASKED: CaseStatus.CLOSED,
    Fate.BIG: CaseStatus.CLOSED,
    Fate.DECLINED: CaseStatus.DECLINED,
    Fate.APPEALED: CaseStatus.CLOSED,
    Fate.WITHDRAWN: CaseStatus.WITHDRAWN,
    Fate.ERASED: CaseStatus.SHREDDED,
    Fate.ABANDONED: CaseStatus.SHREDDED,
}
"""Where each must be when the quarter is over."""

PAID_FATES = frozenset({Fate.PAID, Fate.ASKED, Fate.BIG, Fate.APPEALED})

WEIGHTS: dict[Fate, int] = {
    Fate.PAID: 8, Fate.ASKED: 2, Fate.BIG: 2, Fate.DECLINED: 2,
    Fate.APPEALED: 1, Fate.WITHDRAWN: 2, Fate.ERASED: 2, Fate.ABANDONED: 1,
}  # fmt: skip
"""How often each comes; each comes at least once in a run that is long enough."""


class Wish(StrEnum):
    """What a reviewer does after reading."""

    APPROVE = "approve"
    DECLINE = "decline"
    ASK = "ask"
    HOLD = "hold"
    """Wait: something is to come first."""


@dataclass(slots=True)
class Script:
    """One applicant's plan. `code` is known once they were shown it."""

    number: int
    fate: Fate
    language: str
    photo: bool
    skips: bool
    good: bool
    """Whether they answer follow-ups by a button, or not at all."""
    code: str | None = None
    asking: bool = False
    """A reviewer is about to ask, or has asked."""
    answered: bool = False
    appealed: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """The applicant was told that the case is withdrawn or erased: nobody will see its page or its card again."""

    def wish(self) -> Wish:
        """What whoever reads the case now is to do; the first to read a case that is to be asked about asks."""
        match self.fate:
            case Fate.WITHDRAWN | Fate.ERASED:
                return Wish.HOLD
            case Fate.DECLINED:
                return Wish.DECLINE
            case Fate.APPEALED:
                return Wish.APPROVE if self.appealed else Wish.DECLINE
            case Fate.ASKED if not self.asking:
                self.asking = True
                return Wish.ASK
            case Fate.ASKED if not self.answered:
                return Wish.HOLD
            case _:
                return Wish.APPROVE


@dataclass(slots=True)
class Docket:
    """All cases of a run, and what treasurers have paid outside, by grant number."""

    scripts: list[Script]
    payments: dict[str, list[str]] = field(default_factory=dict)
    _known: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def file(self, script: Script, code: str) -> None:
        """A case has its code now."""
        async with self._known:
            script.code = code
            self._known.notify_all()

    async def script_of(self, code: str) -> Script:
        """The plan of a case, as soon as its applicant has seen its code."""

        def found() -> Script | None:
            return next((script for script in self.scripts if script.code == code), None)

        async with self._known:
            script: Script | None = await self._known.wait_for(found)
        if script is None:
            raise LookupError(code)
        return script

    def pay(self, number: str, who: str) -> None:
        """A treasurer pays a grant at their bank, in the world outside."""
        self.payments.setdefault(number, []).append(who)


def write_scripts(cases: int, dice: random.Random) -> list[Script]:
    """So many plans: every fate at least once if there are enough, then by weight."""
    fates: list[Fate] = list(Fate)[:cases]
    fates += dice.choices(list(WEIGHTS), list(WEIGHTS.values()), k=cases - len(fates))
    dice.shuffle(fates)
    return [
        Script(
            number,
            fate,
            language=dice.choice(("ru", "en")),
            photo=dice.random() < 1 / 4,
            skips=dice.random() < 1 / 2,
            good=dice.random() < 3 / 4,
        )
        for number, fate in enumerate(fates)
    ]


def in_waves(scripts: Sequence[Script], size: int) -> list[Sequence[Script]]:
    """The plans in groups that live at the same time."""
    return [scripts[start : start + size] for start in range(0, len(scripts), size)]
