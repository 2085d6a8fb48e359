"""Addresses, amounts, fees and verdicts: what is decided without asking anybody."""

import subprocess
import sys
from datetime import date
from fractions import Fraction

import pytest
from eth_utils.address import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from models.errors import BadInput
from models.policy import Stablecoin
from payments.chain.address import checked
from payments.chain.amounts import GWEI, exchanged, to_tokens, worth
from payments.chain.signing import RAISES, address_of, fees, raised, sign, transfer
from payments.chain.values import Fees, FeeTooHigh, Moved, Receipt
from payments.chain.verdict import Asked, Judgement, Sighting, Verdict, agreed, judge
from payments.money import Money

TOKEN = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
PERSON = "0x52908400098527886E0F7030069857D2E4169EE7"
OTHER = "0xde709f2102306220921060314715629080e2fb77"
RULES = Stablecoin(
    chain_id=1, token=TOKEN, symbol="USDC", decimals=6, currency="USD", rate="80", rate_at=date(2026, 11, 20),
    rate_days=7, rate_low="60", rate_high="120", coin_rate="300000", daily_cap=1_000_00, confirmations=3, final=6,
    block_seconds=12, max_fee_gwei=50, max_priority_gwei=5, gas_limit=120_000, stuck_minutes=10,
)  # fmt: skip
ASKED = Asked(Moved(PERSON, 100, TOKEN), 7)

AMOUNTS = st.integers(min_value=1, max_value=10**15)
RATES = st.decimals(min_value="0.0001", max_value="100000", places=4).map(str)


@given(st.binary(min_size=20, max_size=20).filter(any))
def test_every_way_to_write_an_address(raw: bytes) -> None:
    """With its checksum, in small letters, in capitals and between spaces an address is the same one."""
    right = to_checksum_address(raw)
    for typed in (right, right.lower(), "0x" + right[2:].upper(), f"  {right}\n"):
        assert checked(typed, (TOKEN,)) == right


@given(st.integers(min_value=0, max_value=39))
def test_one_letter_in_the_wrong_case(index: int) -> None:
    """A mixed-case address whose checksum is wrong was mistyped or altered."""
    digits = TOKEN[2:]
    swapped = digits[:index] + digits[index].swapcase() + digits[index + 1 :]
    if swapped != digits:
        with pytest.raises(BadInput) as refused:
            checked("0x" + swapped, ())
        assert refused.value.text_key == "stablecoin.bad.checksum"


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("", "address"),
        ("0x1234", "address"),
        (TOKEN + "0", "address"),
        (TOKEN[2:], "address"),
        ("0x" + "g" * 40, "address"),
        ("T" + "1" * 33, "address"),
        ("0x" + "0" * 40, "nobody"),
        (TOKEN, "own"),
        (TOKEN.lower(), "own"),
    ],
)
def test_what_is_no_destination(typed: str, key: str) -> None:
    """Each refusal says what is wrong."""
    with pytest.raises(BadInput) as refused:
        checked(typed, (TOKEN,))
    assert refused.value.text_key == f"stablecoin.bad.{key}"


@given(AMOUNTS, RATES)
def test_never_more_than_was_granted(amount: int, rate: str) -> None:
    """What reaches the person is worth at most the grant, and less by under one cent."""
    cents = exchanged(Money(amount, "RUB"), rate, "USD").amount
    exact = Fraction(amount) / Fraction(rate)
    assert cents <= exact < cents + 1


@given(AMOUNTS, st.integers(min_value=2, max_value=36))
def test_tokens_are_exact(cents: int, decimals: int) -> None:
    """Nothing is rounded between the amount told to the person and the token."""
    assert Fraction(to_tokens(Money(cents, "USD"), decimals), 10**decimals) == Fraction(cents, 100)


@pytest.mark.parametrize(("cents", "decimals"), [(0, 6), (-5, 6), (155, 1), (1, 0)])
def test_amounts_that_the_token_cannot_pay(cents: int, decimals: int) -> None:
    """Nothing, less than nothing, and what falls between two units of the token are refused."""
    with pytest.raises(BadInput):
        to_tokens(Money(cents, "USD"), decimals)


@given(st.integers(min_value=1, max_value=10**19), RATES)
def test_a_cost_is_rounded_up(wei: int, rate: str) -> None:
    """No cost is told as less than it is."""
    cost = worth(wei, rate, "RUB").amount
    assert cost - 1 < Fraction(wei, 10**18) * Fraction(rate) * 100 <= cost


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_fees_stay_within_the_policy(base: int, priority: int) -> None:
    """Never above the caps; above them nothing is signed."""
    try:
        paid = fees(base, priority, RULES)
    except FeeTooHigh:
        assert base + min(priority, 5 * GWEI) > 50 * GWEI
        return
    assert paid.priority <= 5 * GWEI
    assert base + paid.priority <= paid.most <= 50 * GWEI


@given(st.integers(0, 30 * 10**9), st.integers(0, 10**12))
def test_what_is_signed_first_can_be_raised(base: int, priority: int) -> None:
    """However dear the tip is that the chain suggests, a stuck transaction can be replaced more than once."""
    paid = fees(base, priority, RULES)
    for _ in range(RAISES):
        paid = raised(paid, fees(base, priority, RULES), RULES)
    assert paid.priority <= 5 * GWEI


@given(st.integers(1, 10**11), st.integers(1, 10**10), st.integers(1, 10**11), st.integers(1, 10**10))
def test_a_replacement_pays_a_tenth_more(most: int, priority: int, new_most: int, new_priority: int) -> None:
    """Of both fees, since nodes refuse any other."""
    last = Fees(max(most, priority), priority)
    try:
        paid = raised(last, Fees(max(new_most, new_priority), new_priority), RULES)
    except FeeTooHigh:
        return
    assert paid.most * 10 >= last.most * 11
    assert paid.priority * 10 >= last.priority * 11
    assert paid.priority <= paid.most <= 50 * GWEI


def test_signing_is_deterministic() -> None:
    """The same transaction gives the same bytes, so that a repeat is a repeat."""
    secret = bytes([3]) * 32
    unsigned = transfer(RULES, 4, Moved(PERSON, 10, TOKEN), 60_000, Fees(9, 1))
    assert sign(unsigned, secret) == sign(unsigned, secret)
    assert sign(unsigned, secret) != sign({**unsigned, "nonce": 5}, secret)


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32, b"short"])
def test_no_key(secret: bytes) -> None:
    """What is no key of the curve is refused, and the error does not quote it."""
    with pytest.raises(ValueError, match=r"^not a key of secp256k1$"):
        address_of(secret)


MOVES = st.lists(
    st.builds(Moved, st.sampled_from([PERSON, OTHER]), st.sampled_from([0, 99, 100, 101]), st.just(TOKEN)),
    max_size=2,
).map(tuple)
RECEIPTS = st.builds(Receipt, st.integers(80, 100), st.booleans(), MOVES)
SIGHTINGS = st.builds(
    Sighting, st.just(100), st.none() | RECEIPTS, st.booleans(), st.booleans(), st.integers(5, 10)
)


@given(SIGHTINGS)
def test_a_verdict_is_never_hasty(seen: Sighting) -> None:
    """Done needs the exact event, deep enough; failed needs that nothing moved, for good."""
    found = judge(ASKED, seen, RULES)
    receipt = seen.receipt
    depth = 0 if receipt is None else seen.head - receipt.block + 1
    if found.verdict in {Verdict.DONE, Verdict.FINAL}:
        assert receipt
        assert receipt.succeeded
        assert receipt.moved == (ASKED.moved,)
        assert depth >= (6 if found.verdict == Verdict.FINAL else 3)
    if found.verdict == Verdict.FAILED and receipt is not None:
        assert depth >= 6
        assert seen.cancels or not receipt.succeeded or not receipt.moved
    if found.verdict == Verdict.FAILED and receipt is None:
        assert seen.spent > 7
    if receipt is None and seen.spent <= 7:
        assert found.verdict in {Verdict.WAIT, Verdict.LOST}


@given(st.lists(st.sampled_from(Verdict), min_size=1, max_size=4))
def test_all_nodes_must_agree(verdicts: list[Verdict]) -> None:
    """What moves or frees money is the word of every node."""
    found = agreed([Judgement(verdict, head=number) for number, verdict in enumerate(verdicts)]).verdict
    if found == Verdict.FAILED:
        assert set(verdicts) == {Verdict.FAILED}
    if found == Verdict.FINAL:
        assert set(verdicts) == {Verdict.FINAL}
    if found == Verdict.DONE:
        assert set(verdicts) <= {Verdict.DONE, Verdict.FINAL}


def test_the_libraries_of_the_chain_leave_the_recursion_limit() -> None:
    """Deeply nested JSON is refused, and does not overflow the stack, in a process that pays on the chain."""
    script = (
        "import json, sys; import payments.chain.node, payments.chain.signing\n"
        "try: json.loads('[' * 100_000)\n"
        "except RecursionError: print('refused')"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert ended.stdout == "refused\n"
