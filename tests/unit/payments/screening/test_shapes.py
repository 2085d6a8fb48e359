"""Addresses of digital currencies in a text: none is missed, and nothing ordinary is taken for one."""

import pytest

from payments.screening.shapes import has_address


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
        ("Sberbank card 4276 1555 1234 5678 Petrov", False),
        ("Tinkoff 5536 9137 1234 5678 Petrov Ivan", False),
        ("visa 4276 sber 1234 5678 2345 6789", False),
        ("sber 1234 5678 2345 6789 2222", False),
        ("40817810099910004312 30101810400000000225", False),
        ("1Boa tSLR HtKN ngkd XEeo bR76 b53L ETtp yT", True),
        ("TJRa bPrw bZy4 5sba vfcj inPJ C18k jpRT v8", True),
        ("bc1q w508 d6qe jxtd g4y5 r3za rvar y0c5 xw7k v8f3 t4", True),
        ("bc1p 0xlx vlhe mja6 c4dq v22u apct qupf hlxm 9h8z 3k2e 72q4 k9hc z7vq zk5jj0", True),
        ("0x09 8B71 6B8A af21 5129 96DC 57EB 0615 e238 3E2f 96", True),
        ("USDT 7cVfgArCheMR6Cs4t6vz5rfnqd56vZq4ndaBrY5xkxXy", True),
    ],
)
def test_an_address_is_known_by_its_shape(destination: str, *, has: bool) -> None:
    """Cards, accounts, words and links are none, nor run together; an address in groups of signs is one."""
    assert has_address(destination) is has
