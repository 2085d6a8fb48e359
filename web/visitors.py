"""How often one visitor may have something begun or looked up, without keeping who they are.

- A visitor is the network that a request comes from: an IPv4 address, or the first 48 bits of an IPv6 one, which
  is what one customer gets at most. It is kept for an hour, in memory, as a hash under a key that this process
  draws at its start. No disk and no log learns it.
- Who connects from a public address is the visitor. Who connects from this machine or a private network is our own
  proxy, and the last entry of its X-Forwarded-For is the visitor: the one that the proxy itself has seen. Earlier
  entries are the visitor's own words.
- Where that names no public address there is nobody to tell apart: visitors of an onion service, or a proxy that
  does not say. They share one measure, so much smaller than what the page may begin altogether
  (`services.donate.MOST_OF_WEB`) that they cannot shut it for everybody else.
"""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

MOST_OF_ONE: Final = 10
MOST_OF_UNKNOWN: Final = 100
"""What one visitor, and all who cannot be told apart together, may begin within an hour."""

LOOKS: Final = 6
"""So many times as often they may look up what became of a gift, which reads the books."""

SECONDS: Final = 3600.0

KEPT: Final = 10_000
"""Visitors remembered at once; beyond, the ones seen first are forgotten."""

UNKNOWN: Final = b""


class Visitors:
    """What each visitor has begun, or looked up, in the hour since their first."""

    def __init__(self, seconds: Callable[[], float], times: int = 1) -> None:
        """`seconds` is Unix time; `times` as much is allowed."""
        self._seconds = seconds
        self._times = times
        self._key = secrets.token_bytes(32)
        self._seen: dict[bytes, tuple[int, float]] = {}

    def spend(self, peer: str | None, forwarded: Sequence[str]) -> bool:
        """Count one more of whoever it is, unless that is too many; tells whether it was counted."""
        network = network_of(peer, forwarded)
        name = hashlib.blake2b(network, key=self._key, digest_size=16).digest() if network else UNKNOWN
        now = self._seconds()
        count, until = self._seen.get(name, (0, 0.0))
        if until <= now:
            self._seen.pop(name, None)
            self._forget(now)
            count, until = 0, now + SECONDS
        if count >= (MOST_OF_ONE if network else MOST_OF_UNKNOWN) * self._times:
            return False
        self._seen[name] = (count + 1, until)
        return True

    def _forget(self, now: float) -> None:
        """Drop from the front who is over, or one too many: whoever came first ends first."""
        while self._seen:
            first = next(iter(self._seen))
            if self._seen[first][1] > now and len(self._seen) < KEPT:
                return
            del self._seen[first]


def network_of(peer: str | None, forwarded: Sequence[str]) -> bytes:
    """The network of a visitor: of who connects, and of the values of X-Forwarded-For. Empty: nobody can tell."""
    near = _address(peer or "")
    if near is None or near.is_global:
        return _network(near)
    return _network(_address(forwarded[-1].rpartition(",")[2].strip() if forwarded else ""))


def _network(address: IPv4Address | IPv6Address | None) -> bytes:
    if address is None or not address.is_global:
        return b""
    return address.packed[:6]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
