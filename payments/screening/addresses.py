"""Digital-currency addresses in a normal form, so that two spellings of one address are equal.

- Hexadecimal (Ethereum and its kin): case is only a checksum (EIP-55), so it goes; `0x` is there always.
- Bech32 and bech32m (BIP-173, BIP-350): all small or all large letters are the same address; mixed is neither.
- CashAddr (Bitcoin Cash): likewise, and its prefix may be left out.
- Base58 (older Bitcoin, Litecoin, Tron, Monero, Ripple) and all else: case tells addresses apart, so it stays.

A match is by the address alone. The publisher's currency label is not looked at: one key has the same address
on many chains, and addresses have been published under a wrong label.
"""

import re
import unicodedata
from collections.abc import Set as AbstractSet
from typing import Final

LONGEST: Final = 256
"""Characters; the longest addresses (Cardano's old ones) stay below 120."""

HEX: Final = re.compile(r"(?:0x)?([0-9a-f]{40}|[0-9a-f]{64})", re.IGNORECASE | re.ASCII)
BECH32: Final = re.compile(r"[a-z]{1,20}1[02-9ac-hj-np-z]{6,200}", re.ASCII)
CASHADDR: Final = re.compile(r"(?:(?:bitcoincash|bchtest):)?([qp][02-9ac-hj-np-z]{41})", re.ASCII)
SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{1,30}:(?://)?", re.IGNORECASE | re.ASCII)
"""Of payment links, as `bitcoin:` (BIP-21) or `ethereum:pay-` (EIP-681)."""

INSIDE: Final = re.compile(r"0x[0-9a-f]{40}(?![0-9a-f])", re.IGNORECASE | re.ASCII)
"""An Ethereum address anywhere in a text: its prefix gives it away."""

BETWEEN: Final = re.compile(r"[^\w:.\-]+")
ENDS: Final = ".:-_"
"""What may stand inside an address of some chain, and at the ends of a word means nothing."""

SHORTEST: Final = 20
"""Characters below which no word is an address: the shortest of those listed have 25 and more."""


def normal(address: str) -> str:
    """The normal form of an address, as it is stored of a list and looked for."""
    text = _plain(address)
    if found := HEX.fullmatch(text):
        return f"0x{found[1].lower()}"
    for form in (text, text.lower()) if text == text.upper() else (text,):
        if found := CASHADDR.fullmatch(form):
            return found[1]
        if BECH32.fullmatch(form):
            return form
    return text


def addresses_in(text: str) -> frozenset[str]:
    """Normal forms of all that may be an address in a text: its words, links taken apart, and it as a whole.

    Too much is found rather than too little: what is no address is on no list.
    """
    return words_in(text) | run_together(text)


def words_in(text: str) -> frozenset[str]:
    """Normal forms of the words of a text that may be addresses, links taken apart, `0x...` wherever it stands."""
    plain = _plain(text, keep_space=True)
    words = {word.strip(ENDS) for word in BETWEEN.split(plain)}
    words |= {SCHEME.sub("", word, count=1) for word in words}
    words |= {part for word in words for part in word.split(":")}
    words |= {match[0] for match in INSIDE.finditer("".join(plain.split()))}
    return _normal(words)


def run_together(text: str) -> frozenset[str]:
    """The normal form of a whole text without its spaces: wallets print an address in groups of signs."""
    return _normal({_plain(text)})


def _normal(words: AbstractSet[str]) -> frozenset[str]:
    return frozenset(normal(word) for word in words if SHORTEST <= len(word) <= LONGEST)


def _plain(text: str, *, keep_space: bool = False) -> str:
    """Compatibility forms composed, what cannot be seen left out: neither is part of any address."""
    before, plain = None, text
    while plain != before:  # what is left out may bring together what composes
        before = plain
        signs = unicodedata.normalize("NFKC", plain)
        plain = "".join(sign for sign in signs if sign.isspace() or unicodedata.category(sign)[0] != "C")
        plain = plain if keep_space else "".join(plain.split())
    return plain
