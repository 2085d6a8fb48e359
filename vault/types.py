"""The vault's vocabulary: names in types, so that a sealed value cannot pass for an open one.

Nothing here does cryptography. A `Secret` is never shown by accident: `repr`, `str`, `format`, pickling and
ordering give nothing away; only `reveal` does.
"""

import hmac
from enum import StrEnum
from typing import NewType, NoReturn

SealedBytes = NewType("SealedBytes", bytes)
"""Ciphertext made by `vault.seal`; opens only with its key and in its place."""

BlindIndex = NewType("BlindIndex", str)
"""Keyed fingerprint of a sealed value, to look it up without opening anything."""

CaseCode = NewType("CaseCode", str)
"""What applicant and reviewers call a case."""

CallSign = NewType("CallSign", str)
"""What a volunteer is called; never a name."""

GrantNumber = NewType("GrantNumber", str)
"""Random number that the ledger keeps of a grant."""


class Compartment(StrEnum):
    """One kind of content of one case; each has its own key and can be shredded by itself."""

    contact = "contact"
    story = "story"
    payout = "payout"


class IndexName(StrEnum):
    """What may be looked up blindly; each has its own key, so equal values do not match across indexes."""

    chat = "chat"
    destination = "destination"
    court_case = "court_case"
    subject = "subject"
    """Who or what was screened against sanctions lists."""
    button = "button"
    """Which button of a keyboard was pressed."""
    pair = "pair"
    """Two people who did something together."""


class Secret:
    """A string that does not show itself."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Wrap the value."""
        self._value = value

    def reveal(self) -> str:
        """Return the value: the one way to it."""
        return self._value

    def __repr__(self) -> str:
        """Show that there is a secret, not which, nor how long."""
        return "Secret(***)"

    def __str__(self) -> str:
        """Show as `repr` does."""
        return repr(self)

    def __format__(self, spec: str) -> str:
        """Show as `repr` does, whatever the format."""
        return repr(self)

    def __bool__(self) -> bool:
        """Tell whether there is anything inside."""
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        """Hash as equal secrets must."""
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: a secret on disk is no secret."""
        raise TypeError("a Secret cannot be pickled")
