"""Who counts as one visitor, and how much one may begin."""

import pytest

from web.visitors import KEPT, MOST_OF_ONE, MOST_OF_UNKNOWN, SECONDS, Visitors, network_of

PROXY = "127.0.0.1"


class Seconds:
    """A clock that the test moves."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


@pytest.mark.parametrize(
    ("peer", "forwarded", "as_if"),
    [
        ("8.8.8.8", [], "8.8.8.8"),
        ("8.8.8.8", ["1.1.1.1"], "8.8.8.8"),
        (PROXY, ["1.1.1.1"], "1.1.1.1"),
        ("::1", ["1.1.1.1"], "1.1.1.1"),
        ("172.18.0.2", ["9.9.9.9, 1.1.1.1"], "1.1.1.1"),
        (PROXY, ["9.9.9.9", "8.8.8.8,1.1.1.1"], "1.1.1.1"),
        (PROXY, ["::ffff:1.1.1.1"], "1.1.1.1"),
        (PROXY, ["2606:4700:1:2:3:4:5:6"], "2606:4700:1:ffff::1"),
    ],
)
def test_the_visitor_is_who_the_last_hop_saw(peer: str, forwarded: list[str], as_if: str) -> None:
    """A public peer is the visitor; behind a proxy of ours its own entry is, and nothing that was said before."""
    assert network_of(peer, forwarded) == network_of(as_if, [])
    assert network_of(peer, forwarded) != b""


@pytest.mark.parametrize(
    ("peer", "forwarded"),
    [
        (None, []),
        ("", ["1.1.1.1"]),
        (PROXY, []),
        (PROXY, [""]),
        (PROXY, ["1.1.1.1, "]),
        (PROXY, ["1.1.1.1, 127.0.0.1"]),
        (PROXY, ["10.0.0.9"]),
        (PROXY, ["unknown"]),
        (PROXY, ["fe80::1%eth0"]),
        (PROXY, ["\udcff" * 5000]),
        (PROXY, ["1.1.1.1:4711"]),
    ],
)
def test_nobody_is_made_up(peer: str | None, forwarded: list[str]) -> None:
    """Where no hop of ours names a public address there is nobody to tell apart, whatever else is said."""
    assert network_of(peer, forwarded) == b""


def test_one_visitor_stops_nobody_else_and_begins_anew_after_an_hour() -> None:
    """Each visitor has a measure of their own; who cannot be told apart share one."""
    seconds = Seconds()
    visitors = Visitors(seconds)
    assert [visitors.spend("8.8.8.8", []) for _ in range(MOST_OF_ONE + 1)] == [True] * MOST_OF_ONE + [False]
    assert [visitors.spend(PROXY, []) for _ in range(MOST_OF_UNKNOWN + 1)] == [True] * MOST_OF_UNKNOWN + [False]
    assert visitors.spend("8.8.4.4", [])
    seconds.now += SECONDS - 1
    assert not visitors.spend("8.8.8.8", [])
    seconds.now += 1
    assert visitors.spend("8.8.8.8", [])
    assert visitors.spend(PROXY, [])


def test_memory_has_an_end_and_holds_no_address() -> None:
    """However many visitors come, so many are remembered, and as hashes that are others after a restart."""
    kept = [Visitors(Seconds()), Visitors(Seconds())]
    for number in range(KEPT + 10):
        kept[0].spend(f"8.8.{number // 256}.{number % 256}", [])
    kept[1].spend("8.8.0.9", [])
    names = [set(vars(each)["_seen"]) for each in kept]
    assert len(names[0]) == KEPT
    assert all(len(name) == 16 for name in names[0])
    assert not names[0] & names[1]
