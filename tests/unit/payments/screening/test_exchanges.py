"""Exchanges of the policy in a destination, as people write them."""

import pytest

from payments.screening.exchanges import named

KNOWN = ("Garantirex", "Netex24", "OKX")


@pytest.mark.parametrize(
    ("destination", "found"),
    [
        ("USDT to my account at Garantirex, id 4711", ["Garantirex"]),
        ("на биржу Гарантирекс", ["Garantirex"]),
        ("GARANTIREX/netex24", ["Garantirex", "Netex24"]),
        ("okx pay 123", ["OKX"]),
        ("окс", []),
        ("card 4111 1111 1111 1111, Garanin", []),
        ("", []),
    ],
)
def test_an_exchange_is_known_by_its_name(destination: str, found: list[str]) -> None:
    """In either alphabet, among other words; what only begins like it is another."""
    assert named(destination, KNOWN) == found
