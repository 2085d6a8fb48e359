"""What a guess costs: Argon2id parameters, and the key made from a passphrase.

Sources: RFC 9106, section 4 (second recommended option: 64 MiB, three passes, four lanes). Parameters travel
with what they protect, so they can be raised later without losing what is sealed.
"""

from dataclasses import dataclass
from typing import Final

from argon2.low_level import Type, hash_secret_raw

from vault.types import Secret

_MEMORY_LIMIT_KIB: Final = 4 * 1024 * 1024
_TIME_LIMIT: Final = 64
_LANES_LIMIT: Final = 16


@dataclass(frozen=True, slots=True)
class Argon2Cost:
    """How dear one guess is: passes, memory in KiB, lanes.

    Raises ValueError outside sane limits: a forged header must not make the process eat all memory.
    """

    passes: int
    memory_kib: int
    lanes: int

    def __post_init__(self) -> None:
        """Refuse what Argon2 cannot do and what no honest header asks for."""
        sane = (
            1 <= self.passes <= _TIME_LIMIT
            and 1 <= self.lanes <= _LANES_LIMIT
            and 8 * self.lanes <= self.memory_kib <= _MEMORY_LIMIT_KIB
        )
        if not sane:
            raise ValueError("Argon2 cost out of range")


STRONG: Final = Argon2Cost(passes=3, memory_kib=64 * 1024, lanes=4)
"""The default: RFC 9106's second recommended option."""


def stretch(passphrase: Secret, salt: bytes, cost: Argon2Cost) -> bytes:
    """Return the 256-bit key that this passphrase, salt and cost make; slow by intent."""
    return hash_secret_raw(
        passphrase.reveal().encode(),
        salt,
        time_cost=cost.passes,
        memory_cost=cost.memory_kib,
        parallelism=cost.lanes,
        hash_len=32,
        type=Type.ID,
    )
