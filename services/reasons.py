"""Why a vote declines: a class that the applicant is told, and words that only the case's panel may read.

Both are sealed together in the case's `story`, and go with it.
"""

import json
from dataclasses import dataclass
from enum import StrEnum

from models.panel import Vote
from models.unit import Unit
from vault.seal import Place
from vault.types import Compartment


class Reason(StrEnum):
    """The class of a reason, named to the applicant in kind words."""

    OUTSIDE = "outside"
    """Not what the fund helps with."""
    UNCLEAR = "unclear"
    """What was told is not enough to decide on."""
    UNCONFIRMED = "unconfirmed"
    """Could not be confirmed."""
    ELSEWHERE = "elsewhere"
    """Somebody else helps better with this."""
    MEANS = "means"
    """The fund cannot afford it now."""


LONGEST = 1000
"""Most characters of the words."""


@dataclass(frozen=True, slots=True)
class Declining:
    """A reason with the words of its reviewer, if any."""

    reason: Reason
    words: str | None = None


async def seal_reason(unit: Unit, vote: Vote, declining: Declining) -> None:
    """Seal a reason into its vote."""
    plain = json.dumps({"class": declining.reason, "words": declining.words}).encode()
    vote.reason = await unit.vault.seal(vote.case_id, Compartment.story, plain, _place(vote))


async def read_reason(unit: Unit, vote: Vote) -> Declining:
    """Open the reason of a declining vote. Raises `CompartmentShredded` once the case is erased."""
    if vote.reason is None:
        raise LookupError("an approving vote has no reason")
    opened = json.loads(await unit.vault.open(vote.case_id, Compartment.story, vote.reason, _place(vote)))
    return Declining(Reason(opened["class"]), opened["words"])


def _place(vote: Vote) -> Place:
    return Place("vote", "reason", str(vote.id))
