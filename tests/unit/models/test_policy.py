"""The policy: what comes with the program is good, and a bad one is refused whole, in one line."""

from pathlib import Path

import pytest

from models.policy import DEFAULT, PolicyWrong, load_policy

GOOD = DEFAULT.read_text(encoding="utf-8")


def test_quorums_of_the_own_policy_rise() -> None:
    """The policy that comes with the program is taken, and asks for more approvals for more money."""
    quorums = [tier.quorum for tier in load_policy().tiers]
    assert quorums == sorted(quorums)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("up_to = 3000000\nquorum = 2", "up_to = 3000000\nquorum = 3", "at least as many approvals"),
        ("up_to = 50000000\nquorum = 3", "up_to = 50000000\nquorum = 1", "at least as many approvals"),
        ("quorum = 3", "quorum = 4", "larger than the panel"),
        ("up_to = 15000000", "up_to = 3000000", "larger than the one before"),
        ("emergency_amount = 1000000", "emergency_amount = 3000001", "larger than the smallest tier"),
        ('currency = "RUB"', 'currency = "rouble"', "currency"),
        ("recovery_guesses = 5", "recovery_gueses = 5", "recovery_guesses"),
        ('version = "2026-11"', "version =", "not TOML"),
    ],
)
def test_a_bad_policy_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    """One line names the file and the fault; above all, more money never needs fewer approvals."""
    path = tmp_path / "policy.toml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PolicyWrong) as caught:
        load_policy(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
