"""Every refusal of the fund, in one tree.

    Refused
    ├── NotAllowed            this actor may not do this act
    │   ├── OwnCase           the case is the actor's own
    │   ├── NotOnPanel        only the drawn panel may
    │   └── SteppedAside      the actor has left this case
    ├── Stale                 the button or the case is no longer what the actor saw
    │   ├── ButtonGone
    │   ├── AlreadyPressed    the actor has pressed it just now, and it was done
    │   └── MoveRefused
    ├── BadInput              what was typed cannot be taken; nothing is lost
    ├── InvitationGone        the link is unknown, used or expired
    └── MoneyRefused          the books do not allow it
        ├── FundShort
        ├── AlreadyDone
        └── SamePerson        a second pair of eyes is needed

An error carries ids and the key of a text, never a person's words. `handlers.refusals` is the one place that
turns them into replies.
"""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID


class Refused(Exception):
    """The act was not done, and nothing was changed. `key` names the text that says why."""

    key: ClassVar[str] = "refused.now"

    def __init__(self, key: str | None = None, **params: str | int) -> None:
        self.text_key = key or self.key
        self.params = params
        super().__init__(self.text_key)


class NotAllowed(Refused):
    """This actor may not do this act."""

    key = "refused.not-allowed"


class OwnCase(NotAllowed):
    """Nobody acts on their own case."""

    key = "refused.own-case"


class NotOnPanel(NotAllowed):
    """Only the reviewers drawn for the case may do this."""

    key = "refused.not-on-panel"


class SteppedAside(NotAllowed):
    """The actor has said that they know the person."""

    key = "refused.stepped-aside"


class Stale(Refused):
    """What the actor saw is no longer so; they are shown what is."""

    key = "refused.stale"


class ButtonGone(Stale):
    """The button is unknown, used, expired or belongs to somebody else."""

    key = "refused.button-gone"


class AlreadyPressed(Stale):
    """The same person has pressed this button a moment ago, and what it stands for is done. No cause for alarm."""

    key = "refused.already-pressed"


class MoveRefused(Stale):
    """This state does not lead there, or somebody else moved the row first."""

    def __init__(self, kind: str, row: UUID, source: StrEnum, target: StrEnum) -> None:
        super().__init__()
        self.kind, self.row, self.source, self.target = kind, row, source, target

    def __str__(self) -> str:
        """Ids and states only."""
        return f"{self.kind} {self.row}: {self.source} -> {self.target}"


class BadInput(Refused):
    """What was typed cannot be taken. `key` says exactly what is wanted."""

    key = "refused.bad-input"


class InvitationGone(Refused):
    """The invitation is unknown, used or expired."""

    key = "volunteers.invitation-gone"


class MoneyRefused(Refused):
    """The books do not allow it."""

    key = "refused.money"


class FundShort(MoneyRefused):
    """The fund has less free money than asked for; the case waits."""

    key = "refused.fund-short"


class AlreadyDone(MoneyRefused):
    """It has been done before; it is not done twice."""

    key = "refused.already-done"


class SamePerson(MoneyRefused):
    """The second pair of eyes must be another person's, and never a voter's."""

    key = "refused.same-person"
