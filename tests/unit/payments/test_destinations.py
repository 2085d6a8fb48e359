"""Destinations in one spelling: who writes around a number changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.destinations import counted, named, whole

CARD = "4111111111111111"
IBAN = "DE89 3704 0044 0532 0130 00"


@pytest.mark.parametrize(
    "typed",
    [
        CARD,
        "card 4111 1111 1111 1111",
        "4111-1111-1111-1111 please",
        "4111.1111.1111.1111, thank you!",
        "4111 1111\n1111 1111 12/27",
        "4111 then 1111 then 1111 then 1111",
        "the 2 of us: 4111 1111 1111 1111 until 05.12.2026",
        "４１１１\u200b1111\u00ad1111\u03011111",
        "٤١١١ ١١١١ ١١١١ ١١١١",
        "no4111111111111111x",
    ],
)
def test_a_card_is_one_in_any_dress(typed: str) -> None:
    """Words, dates, dots, invisible signs and other digits around a card's number do not make another of it."""
    assert CARD in counted(typed)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (IBAN, "de89370400440532013000"),
        (f"to {IBAN.lower()} at the bank", "de89370400440532013000"),
        ("NO93 8601 1117 947", "no9386011117947"),
        ("+375 29 123 45 67 or call 12", "375291234567"),
        ("8 (900) 123-45-67 12", "79001234567"),
        ("0x52908400098527886E0F7030069857D2E4169EE7", "0x52908400098527886e0f7030069857d2e4169ee7"),
        ("52908400098527886E0F7030069857D2E4169EE7", "0x52908400098527886e0f7030069857d2e4169ee7"),
        ("0x52908400098527886E0F 7030069857D2E4169EE7", "0x52908400098527886e0f7030069857d2e4169ee7"),
        ("Ivan+fund@Example.org, please", "ivan@example.org"),
    ],
)
def test_other_kinds_have_one_spelling_too(typed: str, name: str) -> None:
    """Accounts by their check digits, phones, wallets and mail are found however they are grouped."""
    assert name in named(typed)


def test_a_text_without_a_number_counts_by_what_is_left() -> None:
    """Digits, or else words in any order: the same words are one destination, others are not."""
    assert counted("Cash, by Mary in Tver") == counted("in TVER by mary - cash!")
    assert counted("Cash, by Mary in Tver") != counted("Cash, by Anna in Tver")
    assert counted("account 12-34-56 at the kiosk") == counted("123456")
    assert counted("") == counted("?!")


@given(st.text(max_size=80).filter(lambda text: not any(sign.isnumeric() for sign in text)), st.text(max_size=20))
def test_words_around_a_card_change_nothing(before: str, after: str) -> None:
    """Whatever is written before it, and whatever without a digit behind it, the card is found."""
    assert CARD in named(f"{before} {CARD} {''.join(sign for sign in after if not sign.isnumeric())}")


@given(st.text(max_size=300))
def test_any_text_counts(typed: str) -> None:
    """Nothing that is typed stops a payment by an error, and reading it twice counts the same."""
    assert counted(typed) == counted(typed) != frozenset()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Card 4111 1111 1111 1111", "card 4111-1111-1111-1111"),
        ("+7 (912) 345-67-89, Ivan", "+79123456789,ivan"),
        ("PayPal.me/Ivan_Petrov", "paypal.me/ ivan_petrov"),
        ("４１１１\u00a01111", "41111111"),
        (IBAN, IBAN.lower().replace(" ", "")),
    ],
)
def test_another_grouping_is_no_other_text(one: str, other: str) -> None:
    """Spaces, capitals, and dashes or brackets between the digits of a number change nothing of a destination."""
    assert whole(one) == whole(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("paypal.me/ivan_petrov", "paypal.me/ivanpetrov"),
        ("ivan.petrov@mail.example", "ivanpetrov@mail.example"),
        ("ivan-petrov@mail.example", "ivanpetrov@mail.example"),
        ("mail ivan-1-2@mail.example", "mail ivan-12@mail.example"),
        ("1-23-45@mail.example", "12345@mail.example"),
        ("ivan+1-2@mail.example", "ivan+12@mail.example"),
        ("t.me/12-34", "t.me/1234"),
        ("@ivan", "ivan"),
        ("1-2.example", "12.example"),
    ],
)
def test_a_sign_in_a_name_leads_to_somebody_else(one: str, other: str) -> None:
    """What differs by a dot, a dash or a line within a name is another destination, and gets its second look."""
    assert whole(one) != whole(other)
