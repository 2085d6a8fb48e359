"""Amounts between the fund's currency, the token's currency, the token and the chain's coin. Integers only.

A rate is decimal text and becomes an exact fraction. What a person gets is rounded down to the minor unit of the
token's currency, so that never more leaves than was granted; from there to the token nothing is rounded. What a
transfer costs is rounded up.
"""

from fractions import Fraction
from typing import Final

from models.errors import BadInput
from models.policy import Stablecoin
from payments.money import Money, digits

COIN: Final = 10**18
"""Wei in one coin of the chain, on every chain of this kind."""

GWEI: Final = 10**9


def exchanged(money: Money, rate: str, currency: str) -> Money:
    """What an amount of the fund's is in the token's currency; `rate`: units of the fund's for one token."""
    whole = Fraction(money.amount, 10 ** digits(money.currency)) / Fraction(rate)
    return Money(int(whole * 10 ** digits(currency)), currency)


def to_tokens(money: Money, decimals: int) -> int:
    """The token's smallest units that stand for an amount, exactly. Raises `BadInput` when none do."""
    tokens = Fraction(money.amount * 10**decimals, 10 ** digits(money.currency))
    if tokens <= 0 or tokens.denominator != 1:
        raise BadInput("stablecoin.bad.amount")
    return int(tokens)


def to_money(tokens: int, rules: Stablecoin) -> Money:
    """What the token's smallest units come to, in whole minor units of its currency, rounded down."""
    return Money(tokens * 10 ** digits(rules.currency) // 10**rules.decimals, rules.currency)


def worth(wei: int, coin_rate: str, currency: str) -> Money:
    """What an amount of the chain's coin costs the fund; `coin_rate`: units of its currency for one coin."""
    minor = Fraction(wei, COIN) * Fraction(coin_rate) * 10 ** digits(currency)
    return Money(-(-minor.numerator // minor.denominator), currency)
