"""Whether there is an address of a digital currency in a text.

A word is taken for an address by its shape. A whole text without its spaces is too, since wallets print an
address in groups of signs, but only where the checksum agrees: a bank, a card's number and a name run together
have the shape as well.
"""

import hashlib
import re
from typing import Final

from payments.screening.addresses import BECH32, CASHADDR, HEX, run_together, words_in

BASE58: Final = re.compile(r"(?=\w*[1-9])(?=\w*[A-Z])(?=\w*[a-z])[1-9A-HJ-NP-Za-km-z]{25,110}", re.ASCII)
"""Its alphabet leaves out 0, O, I and l; large, small and digits together are no word and no account's number."""

LOOKED_AT: Final = 2000
"""Characters of a text."""

DIGITS: Final = re.compile(r"(?:0x)?[0-9]+", re.ASCII)
"""Two numbers of bank accounts side by side have the length of an Ethereum address; one of those has letters."""

BASE58_SIGNS: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BASE58_BYTES: Final = 25
"""A version, a hash of 20 bytes and the checksum, as of Bitcoin and Tron."""

BECH32_SIGNS: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BECH32_SUMS: Final = frozenset({1, 0x2BC830A3})
"""What the checksum comes to: of bech32 (BIP-173), of bech32m (BIP-350)."""
GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def has_address(text: str) -> bool:
    """Whether a text has an address of a digital currency in it."""
    start = text[:LOOKED_AT]
    return any(map(looks_like_one, words_in(start))) or any(map(_is_sure, run_together(start)))


def looks_like_one(word: str) -> bool:
    """Whether a word in normal form has the shape of an address."""
    if HEX.fullmatch(word):
        return not DIGITS.fullmatch(word)
    return any(shape.fullmatch(word) for shape in (BECH32, CASHADDR, BASE58))


def _is_sure(word: str) -> bool:
    """Whether what has the shape of an address has its checksum as well, where there is one to look at."""
    if not looks_like_one(word):
        return False
    if BASE58.fullmatch(word):
        return _base58_agrees(word)
    return not BECH32.fullmatch(word) or _bech32_agrees(word)


def _base58_agrees(word: str) -> bool:
    number = 0
    for sign in word:
        number = number * len(BASE58_SIGNS) + BASE58_SIGNS.index(sign)
    if number.bit_length() > 8 * BASE58_BYTES:
        return False
    whole = number.to_bytes(BASE58_BYTES)
    return hashlib.sha256(hashlib.sha256(whole[:-4]).digest()).digest()[:4] == whole[-4:]


def _bech32_agrees(word: str) -> bool:
    before, _, data = word.rpartition("1")
    values = [ord(sign) >> 5 for sign in before] + [0] + [ord(sign) & 31 for sign in before]
    total = 1
    for value in [*values, *map(BECH32_SIGNS.index, data)]:
        top, total = total >> 25, (total & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate(GENERATOR):
            total ^= term if top >> bit & 1 else 0
    return total in BECH32_SUMS
