"""Digital-currency addresses: every spelling of a listed one is found, and no other address is taken for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.screening.addresses import addresses_in, normal

ETH = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96"
BECH32 = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
BASE58 = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
TRON = "TLa2f6VPqDgRE67v1736s7bJ8Ray5wYjU7"
CASH = "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ETH, ETH.lower()),
        (ETH, "0X" + ETH[2:].upper()),
        (ETH, ETH[2:]),
        (BECH32, BECH32.upper()),
        (CASH, CASH.upper()),
        (CASH, CASH.removeprefix("bitcoincash:")),
        (BASE58, f"{BASE58[:9]}\u200b{BASE58[9:]}"),
        (TRON, f" {TRON}\n"),
    ],
)
def test_two_spellings_of_one_address_are_one(one: str, other: str) -> None:
    """Case that means nothing, a prefix, and what cannot be seen go away."""
    assert normal(one) == normal(other)


@pytest.mark.parametrize("address", [BASE58, TRON, "XhodlerBase58PartyAddressExample11"])
def test_base58_keeps_its_case(address: str) -> None:
    """Two base58 addresses that differ in case are two addresses."""
    assert normal(address) == address
    assert normal(address.lower()) != normal(address)
    assert normal(address.swapcase()) != normal(address)


@pytest.mark.parametrize("address", [ETH, BECH32, BASE58, TRON, CASH])
@pytest.mark.parametrize(
    "around",
    [
        "{}", "USDT TRC20: {}", "ethereum:{}@1/transfer?value=1", "bitcoin:{}?amount=0.1", "<{}>", "«{}», please",
        "wallet={}&memo=1", "(tron://{})",
    ],
)  # fmt: skip
def test_an_address_is_found_among_words(address: str, around: str) -> None:
    """A payment link or a sentence around an address does not hide it."""
    assert normal(address) in addresses_in(around.format(address))


def test_an_address_torn_by_spaces_is_found() -> None:
    """Groups of four, as wallets print them, are one address."""
    for address in (ETH, BASE58):
        torn = " ".join(address[i : i + 4] for i in range(0, len(address), 4))
        assert normal(address) in addresses_in(torn)


@given(st.text(max_size=300))
def test_whatever_is_typed_can_be_looked_at(text: str) -> None:
    """No text fails, a normal form is its own, and what is found can be stored."""
    assert normal(normal(text)) == normal(text)
    assert all(0 < len(found) <= 258 for found in addresses_in(text))
