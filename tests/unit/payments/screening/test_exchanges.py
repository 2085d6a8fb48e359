"""What in a destination is screened by itself: exchanges of the policy, addresses of digital currencies."""

import pytest

from payments.screening.exchanges import has_address, named

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


@pytest.mark.parametrize(
    ("destination", "has"),
    [
        ("USDT 0x098B716B8Aaf21512996DC57EB0615e2383E2f96 please", True),
        ("1BoatSLRHtKNngkdXEeobR76b53LETtpyT", True),
        ("TJRabPrwbZy45sbavfcjinPJC18kjpRTv8 (TRC-20)", True),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", True),
        ("card 4111 1111 1111 1111", False),
        ("DE89370400440532013000", False),
        ("40817810099910004312", False),
        ("благотворительностьивсякое", False),
        ("https://example.org/pay-me-here-and-there", False),
    ],
)
def test_an_address_is_known_by_its_shape(destination: str, *, has: bool) -> None:
    """Cards, accounts, words and links are no addresses."""
    assert has_address(destination) is has
