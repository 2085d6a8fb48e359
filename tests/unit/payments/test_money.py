"""Money is exact, never mixed, and read from what people type without guessing."""

from decimal import Decimal
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import BadInput
from payments.money import LARGEST, CurrencyMixed, Money, parse_amount
from texts.catalogue import Catalogue
from texts.formats import money


@pytest.mark.parametrize(
    ("typed", "currency", "amount"),
    [
        ("15000", "RUB", 15_000_00),
        (" 15000 ", "RUB", 15_000_00),
        ("15 000", "RUB", 15_000_00),
        ("15\u00a0000,50", "RUB", 15_000_50),
        ("15\u202f000.5", "RUB", 15_000_50),
        ("15.000,50 ₽", "RUB", 15_000_50),
        ("15,000.50", "RUB", 15_000_50),
        ("15,000", "RUB", 15_000_00),
        ("1.500.000", "RUB", 1_500_000_00),
        ("0,01", "RUB", 1),
        ("15000р", "RUB", 15_000_00),
        ("15000 руб.", "RUB", 15_000_00),
        ("RUB 15000", "RUB", 15_000_00),
        ("15000rub", "RUB", 15_000_00),
        ("$12.30", "USD", 12_30),
        ("1500", "JPY", 1500),
        ("1,500", "JPY", 1500),
        ("1.5", "KWD", 1500),
    ],
)
def test_an_amount_is_read_as_people_write_it(typed: str, currency: str, amount: int) -> None:
    """Spaces, points, commas and signs of the currency do not change the amount."""
    assert parse_amount(typed, currency) == Money(amount, currency)


@pytest.mark.parametrize(
    ("typed", "currency", "key"),
    [
        ("", "RUB", "number"),
        ("₽", "RUB", "number"),
        ("abc", "RUB", "number"),
        ("1e3", "RUB", "number"),
        ("0x10", "RUB", "number"),
        ("15k", "RUB", "number"),
        ("12 34", "RUB", "number"),
        ("1,2,3", "RUB", "number"),
        ("1.000.00", "RUB", "number"),
        ("15000 16000", "RUB", "number"),
        ("١٥٠٠٠", "RUB", "number"),
        ("1" * 41, "RUB", "number"),
        ("1.000", "KWD", "number"),
        ("NaN", "RUB", "number"),
        ("inf", "RUB", "number"),
        ("+5", "RUB", "number"),
        ("5\x00", "RUB", "number"),
        ("0", "RUB", "not-positive"),
        ("0,00", "RUB", "not-positive"),
        ("-5", "RUB", "not-positive"),
        ("−5", "RUB", "not-positive"),
        ("1,234", "USD", None),
        ("1.234", "USD", "unclear"),
        ("10.999", "EUR", "unclear"),
        ("15.000 ₽", "RUB", "unclear"),
        ("0.001", "RUB", "decimals"),
        ("15000,123", "RUB", "decimals"),
        ("15000.5", "JPY", "no-decimals"),
        ("$5", "RUB", "currency"),
        ("5 EUR", "RUB", "currency"),
        ("5 ₽", "USD", "currency"),
        ("1" * 40, "RUB", "too-large"),
        ("10000000000000.01", "RUB", "too-large"),
    ],
)
def test_what_is_no_amount_is_refused_by_name(typed: str, currency: str, key: str | None) -> None:
    """Each refusal says what is wanted; what has one reading only is no refusal."""
    if key is None:
        assert parse_amount(typed, currency) == Money(1234_00, currency)
        return
    with pytest.raises(BadInput) as refusal:
        parse_amount(typed, currency)
    named = "refused.amount-unclear" if key == "unclear" else f"treasury.bad.{key}"
    assert refusal.value.text_key == named


@pytest.mark.parametrize(
    "typed",
    ["1" + " " * 20_000 + "1", "rub 1" + " " * 20_000 + "a1", "1" + "\n" * 20_000 + "x", " " * 100_000 + "x"],
)
def test_length_is_refused_before_it_costs_anything(typed: str) -> None:
    """Whoever sends a form full of spaces to the open page does not hold up everybody else."""
    began = process_time()
    with pytest.raises(BadInput) as refusal:
        parse_amount(typed, "RUB")
    assert refusal.value.text_key == "treasury.bad.number"
    assert process_time() - began < 1


def test_every_refusal_has_its_words(catalogue: Catalogue) -> None:
    """The parameters of a refusal fill its text in every language."""
    for typed, currency in (
        ("x", "RUB"),
        ("0", "RUB"),
        ("1,123", "KWD"),
        ("5.5", "JPY"),
        ("$1", "RUB"),
        ("1" * 40, "RUB"),
    ):
        with pytest.raises(BadInput) as refusal:
            parse_amount(typed, currency)
        for language in catalogue.languages:
            assert "{" not in catalogue.render(refusal.value.text_key, language, **refusal.value.params)


@given(st.text(max_size=60))
def test_anything_typed_is_an_amount_or_a_refusal(typed: str) -> None:
    """Nothing that a person types raises anything but a refusal, and what is read is within bounds."""
    try:
        read = parse_amount(typed, "RUB")
    except BadInput:
        return
    assert 0 < read.amount <= LARGEST


@given(st.integers(1, LARGEST), st.sampled_from(["RUB", "USD", "JPY", "KWD"]), st.sampled_from(["ru", "en"]))
def test_a_shown_amount_is_read_back(amount: int, currency: str, language: str) -> None:
    """What the fund shows may be typed back, and is the same amount, unless it could be two."""
    shown = money(amount, currency, language).replace("\xa0", " ")
    digits = "".join(sign for sign in shown if sign in "0123456789., ").strip()
    try:
        read = parse_amount(digits, currency)
    except BadInput:
        assert currency == "KWD"
        return
    assert read == Money(amount, currency)


@given(st.integers(-LARGEST, LARGEST), st.integers(-LARGEST, LARGEST))
def test_sums_are_exact(a: int, b: int) -> None:
    """Adding and taking away are those of integers."""
    assert Money(a, "RUB") + Money(b, "RUB") - Money(b, "RUB") == Money(a, "RUB")
    assert (Money(a, "RUB") < Money(b, "RUB")) == (a < b)


def test_currencies_do_not_mix() -> None:
    """A sum or comparison of two currencies is a fault of the program."""
    roubles, dollars = Money(1, "RUB"), Money(1, "USD")
    for mix in (roubles.__add__, roubles.__sub__, roubles.__lt__, roubles.__ge__):
        with pytest.raises(CurrencyMixed):
            mix(dollars)
    assert roubles != dollars


@pytest.mark.parametrize("amount", [1.0, Decimal(1), "1", True, None])
def test_only_an_integer_is_money(amount: object) -> None:
    """No float, no truth value and no text can become an amount."""
    with pytest.raises(TypeError):
        Money(amount, "RUB")  # type: ignore[arg-type] # the test is that the type is refused at run time


def test_only_a_real_currency_is_money() -> None:
    """A currency that ISO does not know is refused."""
    with pytest.raises(ValueError, match="ISO"):
        Money(1, "XQX")
