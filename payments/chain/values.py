"""Values that the parts of the chain hand to each other, and what goes wrong. Nothing here knows web3."""

from dataclasses import dataclass


class NodeFailed(Exception):
    """A node did not answer, refused, or answered nonsense. The message is the class of the cause."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One event `Transfer` of a token out of the wallet, or what asks for one."""

    to: str
    tokens: int
    token: str
    """The token's contract, with its checksum: as many units of another token are another payment."""


@dataclass(frozen=True, slots=True)
class Event:
    """The same, as found by its block."""

    hash: bytes
    index: int
    """Which of the wallet's events of this transaction."""
    block: int
    moved: Moved


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a transaction that is in a block of the chain as it is now."""

    block: int
    succeeded: bool
    moved: tuple[Moved, ...]
    """What left the wallet in it."""
    fee: int = 0
    """Wei that the wallet paid for it."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """What the chain asks for now, in wei per gas."""

    base: int
    priority: int


class Refused(NodeFailed):
    """The node answered with an error. Its words stay in this module."""

    def __init__(self, words: str) -> None:
        super().__init__("Refused")
        self.words = words


class Missing(NodeFailed):
    """The node does not have it."""


@dataclass(frozen=True, slots=True)
class Fees:
    """Wei per gas."""

    most: int
    """`maxFeePerGas`: never more than this is paid."""
    priority: int
    """`maxPriorityFeePerGas`: for whoever makes the block."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What may be sent, and what the chain will call it."""

    raw: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Count:
    """How many transactions of a wallet all nodes know."""

    mined: int
    most: int
    """With those that wait in the pool of any of them."""


class StandsStill(Exception):
    """The wallet is in a trouble that people must look at. The message is the trouble's name."""


class FeeTooHigh(Exception):
    """The chain asks more than the policy pays."""
