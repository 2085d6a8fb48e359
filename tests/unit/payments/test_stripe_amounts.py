"""Amounts between the fund and Stripe, which counts some currencies otherwise than CLDR does."""

import pytest
from babel.numbers import list_currencies
from hypothesis import given
from hypothesis import strategies as st

from payments.money import Money
from payments.stripe_amounts import fits, from_stripe, to_stripe
from payments.stripe_objects import StripeRefused


@pytest.mark.parametrize(
    ("money", "sent"),
    [
        (Money(1234, "EUR"), 1234),
        (Money(500, "JPY"), 500),
        (Money(500, "ISK"), 50_000),
        (Money(1230, "KWD"), 1230),
        (Money(7, "XOF"), 7),
    ],
)
def test_amounts_are_said_as_stripe_counts(money: Money, sent: int) -> None:
    """Stripe's decimals are not everybody's: yen have none, Icelandic crowns two, dinars three."""
    assert to_stripe(money) == sent
    assert from_stripe(sent, money.currency.lower()) == money


def test_part_of_a_smallest_unit_is_no_amount() -> None:
    """Half a crown cannot be entered, and is not rounded."""
    with pytest.raises(StripeRefused):
        from_stripe(50_050, "isk")


@given(st.sampled_from(sorted(code for code in list_currencies() if fits(code))), st.integers(0, 10**9))
def test_what_fits_is_the_same_there_and_back(currency: str, amount: int) -> None:
    """Of a currency that can be had, every amount goes to Stripe and comes back whole."""
    assert from_stripe(to_stripe(Money(amount, currency)), currency.lower()) == Money(amount, currency)


@pytest.mark.parametrize(
    ("currency", "had"),
    [("EUR", True), ("HUF", True), ("JPY", True), ("ISK", True), ("UGX", False), ("RSD", False), ("KWD", False)],
)
def test_currencies_whose_decimals_differ_cannot_be_had(currency: str, *, had: bool) -> None:
    """Stripe's table is not CLDR's; Icelandic crowns are charged whole, so they can be had all the same."""
    assert fits(currency) is had
