"""Addresses on the chain: read strictly, since money sent to a slip of the finger is gone.

EIP-55 hides a checksum in the case of the letters. An address in mixed case whose checksum is wrong was mistyped
or altered, and is refused. One in a single case carries no checksum, and is taken as some wallets show them so.
"""

import re
from collections.abc import Collection
from typing import Final

from eth_utils.address import to_checksum_address

from models.errors import BadInput

SHAPE: Final = re.compile(r"0[xX]([0-9a-fA-F]{40})")
ZERO: Final = "0x" + "0" * 40


def checked(typed: str, own: Collection[str]) -> str:
    """The address with its checksum. `own` are the fund's wallet and the token, to which nothing is ever paid.

    Raises `BadInput` whose key says what is wrong.
    """
    found = SHAPE.fullmatch(typed.strip())
    if found is None:
        raise BadInput("stablecoin.bad.address")
    digits = found[1]
    address: str = to_checksum_address("0x" + digits)
    if digits not in {digits.lower(), digits.upper()} and address != "0x" + digits:
        raise BadInput("stablecoin.bad.checksum")
    if address == ZERO:
        raise BadInput("stablecoin.bad.nobody")
    if address.lower() in {one.lower() for one in own}:
        raise BadInput("stablecoin.bad.own")
    return address
