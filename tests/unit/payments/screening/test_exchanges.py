"""Exchanges of the policy in a destination, as people write them."""

import pytest

from models.policy import load_policy
from payments.screening.exchanges import named

KNOWN = ("Garantirex", "Netex24", "OKX")
DEFAULT = load_policy().screening


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
    ("destination", "found"),
    [
        ("на Гарантексе", ["Garantex"]),
        ("Гарантексом", ["Garantex"]),
        ("счёт на Гринексе", ["Grinex"]),
        ("Бинанс", ["Binance"]),
        ("кошелёк БИНАНСА, id 4711", ["Binance"]),
        ("Binance ID 4711", ["Binance"]),
        ("Байбит", ["Bybit"]),
        ("на байбите", ["Bybit"]),
        ("на Битпапе", ["Bitpapa"]),
        ("через Битпапу", ["Bitpapa"]),
        ("ОКХ", ["OKX"]),
        ("Netex 24", ["Netex24"]),
        ("нетекс-24", ["Netex24"]),
        ("на Кукоине", ["KuCoin"]),
        ("на Хуоби", ["HTX"]),
        ("карта Сбербанка 4276 5500 1234 5678, Иван Петров", []),
        ("по телефону +7 900 123-45-67 на Тинькофф, Марине", []),
        ("окей, наличными от курьера", []),
    ],
)
def test_exchanges_of_the_own_policy_are_known_as_russians_write_them(destination: str, found: list[str]) -> None:
    """In any case, and by spellings that sound otherwise; ordinary destinations name none."""
    assert named(destination, DEFAULT.exchanges, DEFAULT.spellings) == found
