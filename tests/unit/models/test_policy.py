"""The policy: what comes with the program is good, and a bad one is refused whole, in one line."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from models.policy import DEFAULT, Policy, PolicyWrong, load_policy

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
        ("per_day = 200000000", "per_day = 49999999", "limits.per_day is less than the largest tier"),
        ("per_destination = 60000000", "per_destination = 49999999", "limits.per_destination is less than"),
        ('currency = "RUB"', 'currency = "rouble"', "currency"),
        ("recovery_guesses = 5", "recovery_gueses = 5", "recovery_guesses"),
        ('Bybit = ["', 'Bybitt = ["', "spellings of Bybitt"),
        ('version = "2026-11"', "version =", "not TOML"),
        ('USD = "90"', 'USD = "ninety"', "rates.USD: Value error, must be a decimal number above zero"),
        ('USD = "90"', 'USD = "NaN"', "rates.USD"),
        ('USD = "90"', 'USD = "Infinity"', "rates.USD"),
        ('USD = "90"', 'USD = "0"', "rates.USD"),
        ('USD = "90"', 'USD = "-90"', "rates.USD"),
        ('USD = "90"', 'usd = "90"', "rates.usd"),
        ('RUB = "1"\n', "", 'rates must name the own currency as RUB = "1"'),
        ('RUB = "1"', 'RUB = "2"', 'rates must name the own currency as RUB = "1"'),
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


def test_a_policy_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """An editor's own encoding is named in one line, and is no fault of the program."""
    path = tmp_path / "policy.toml"
    path.write_bytes("# правила\n".encode("cp1251") + DEFAULT.read_bytes())
    with pytest.raises(PolicyWrong, match="not UTF-8"):
        load_policy(path)


def stablecoin() -> str:
    """The section of the rail `stablecoin` as the runbook shows it."""
    runbook = (Path(__file__).parents[3] / "docs" / "RUNBOOK.md").read_text(encoding="utf-8")
    return runbook.partition("```toml\n")[2].partition("```")[0]


def keys(model: type[BaseModel] = Policy) -> Iterator[str]:
    """The names of all keys that a policy may have, sections included."""
    for name, field in model.model_fields.items():
        yield name
        for part in (field.annotation, *parts_of(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from keys(part)


def parts_of(annotation: object) -> Iterator[object]:
    """What an annotation is made of, to any depth."""
    for part in get_args(annotation):
        yield part
        yield from parts_of(part)


@pytest.mark.parametrize("key", sorted(set(keys())))
def test_every_key_is_explained(key: str) -> None:
    """Where an operator writes a key, it stands what it means: beside it, above it, or above its section."""
    runbook = (Path(__file__).parents[3] / "docs" / "RUNBOOK.md").read_text(encoding="utf-8")
    beside = rf"^ *(# )?{key} = .*\S +# \S"
    above = rf"^# +(\w+, )*{key}(, \w+)*: "
    section = rf"^(# .*\n|```toml\n)\[+(\w+\.)?{key}(\.\w+)?\]|^ +\[{key}\]$"
    assert re.search(f"{beside}|{above}|{section}", GOOD + runbook, re.MULTILINE)


def test_the_section_of_the_runbook_is_good(tmp_path: Path) -> None:
    """What an operator copies from the runbook opens the rail."""
    path = tmp_path / "policy.toml"
    path.write_text(GOOD.replace('rails = ["manual"', 'rails = ["stablecoin", "manual"') + stablecoin(), "utf-8")
    rules = load_policy(path).stablecoin
    assert rules is not None
    assert rules.decimals == 6


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('rate = "80.00"', 'rate = "800.00"', "between rate_low and rate_high"),
        ('rate = "80.00"', "rate = 80.0", "rate"),
        ('rate = "80.00"', 'rate = "0"', "rate"),
        ("final = 96", "final = 3", "final must not be less"),
        ('"0xA0b8', '"0xZ0b8', "token"),
        ("daily_cap = 200000", "daily_cap = 0", "daily_cap"),
        ("rate_at = 2026-11-20", 'rate_at = "yesterday"', "rate_at"),
        ("decimals = 6", "decimals = 60", "decimals"),
        ("stuck_minutes", "stuk_minutes", "stuck_minutes"),
    ],
)
def test_a_bad_section_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    """A rate out of its bounds, a float, a slip in an address: the whole policy is refused."""
    path, section = tmp_path / "policy.toml", stablecoin()
    assert old in section
    path.write_text(GOOD + section.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PolicyWrong, match=said):
        load_policy(path)


def test_the_rail_needs_its_section(tmp_path: Path) -> None:
    """A policy that opens the rail and says nothing of it is refused."""
    path = tmp_path / "policy.toml"
    path.write_text(GOOD.replace('rails = ["manual"', 'rails = ["stablecoin", "manual"'), encoding="utf-8")
    with pytest.raises(PolicyWrong, match="stablecoin"):
        load_policy(path)
