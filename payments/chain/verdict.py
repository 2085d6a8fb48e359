"""What the chain's answers mean for one transfer. Takes values, gives values; asks nobody.

- A transfer is done when one of its payments lies `confirmations` deep and the token's own event says that exactly
  the amount left the wallet for exactly the destination, and nothing else did. A receipt alone proves nothing:
  some tokens return false, or keep a part.
- It has failed only when that is certain for good: reverted, moved nothing, or cancelled, `final` blocks deep.
  Until then a reorganisation could still let it succeed. What has failed is paid anew, so the word of one node is
  not enough for it (`WITNESSES`): people decide.
- Something moved, but not what was asked: people decide.
- Its nonce was used by something that this database does not know: that may have been this very payment, made
  before a backup was put back. People decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from models.policy import Stablecoin
from payments.chain.values import Moved, Receipt

NONCE_TAKEN: Final = "NonceTaken"

WITNESSES: Final = 2
"""Nodes that must say that a transfer has failed. A single one that lies would have the fund pay twice."""


class Verdict(StrEnum):
    """What is to be believed."""

    WAIT = "wait"
    """Some node has it, or it is not deep enough."""
    LOST = "lost"
    """No node knows any of its transactions: to be sent again."""
    DONE = "done"
    FINAL = "final"
    """Done, and too deep to be taken back."""
    ODD = "odd"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the transfer is to do."""

    moved: Moved
    nonce: int | None
    cancelled: bool = False
    """A hardware wallet was asked to use the nonce up; the hash of that is not known here."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one node says of all transactions of one transfer."""

    head: int
    receipt: Receipt | None
    """Of the one that is in a block; a chain that keeps its rules has at most one."""
    cancels: bool
    """Whether that one is a cancellation."""
    known: bool
    """Whether it knows any of them."""
    spent: int
    """How many nonces the wallet had used up `final` blocks ago."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, and for what is wrong a name of ours."""

    verdict: Verdict
    error: str | None = None
    block: int | None = None
    fee: int = 0
    """Wei that the wallet paid, when all nodes tell the same."""
    head: int = 0
    """The newest block that all nodes had; 0 when they disagree."""


WAIT = Judgement(Verdict.WAIT)


def judge(asked: Asked, seen: Sighting, rules: Stablecoin) -> Judgement:
    """What one node's answers mean."""
    if seen.receipt is None:
        if asked.nonce is not None and seen.spent > asked.nonce:
            verdict = Verdict.FAILED if asked.cancelled else Verdict.ODD
            return Judgement(verdict, NONCE_TAKEN, head=seen.head)
        return Judgement(Verdict.WAIT if seen.known else Verdict.LOST, head=seen.head)
    receipt = seen.receipt
    depth = seen.head - receipt.block + 1
    if receipt.succeeded and not seen.cancels and receipt.moved:
        return _moved(asked, receipt, depth, seen.head, rules)
    if depth < rules.final:
        return Judgement(Verdict.WAIT, head=seen.head)
    error = "Cancelled" if seen.cancels else "NothingMoved" if receipt.succeeded else "Reverted"
    return Judgement(Verdict.FAILED, error, receipt.block, receipt.fee, seen.head)


def agreed(judgements: Sequence[Judgement]) -> Judgement:
    """What all nodes say together: anything but waiting needs all of them, and the least certain one counts."""
    head = min(one.head for one in judgements)
    verdicts = {one.verdict for one in judgements}
    if verdicts == {Verdict.FAILED} and len(judgements) < WITNESSES:
        return replace(judgements[0], verdict=Verdict.ODD, head=head)
    if len(verdicts) == 1:
        return replace(judgements[0], head=head)
    if verdicts == {Verdict.DONE, Verdict.FINAL}:
        return replace(next(one for one in judgements if one.verdict == Verdict.DONE), head=head)
    if verdicts == {Verdict.LOST, Verdict.WAIT}:
        return Judgement(Verdict.LOST, head=head)
    return WAIT


def _moved(asked: Asked, receipt: Receipt, depth: int, head: int, rules: Stablecoin) -> Judgement:
    if depth < rules.confirmations:
        return Judgement(Verdict.WAIT, head=head)
    if receipt.moved != (asked.moved,):
        return Judgement(Verdict.ODD, "LogDisagrees", receipt.block, receipt.fee, head)
    return Judgement(
        Verdict.FINAL if depth >= rules.final else Verdict.DONE, None, receipt.block, receipt.fee, head
    )
