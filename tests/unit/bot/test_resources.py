"""What a process holds: a policy that this program cannot follow stops the start."""

from pathlib import Path

import pytest

from bot.problems import Problem
from bot.rails import build_rails
from bot.resources import read_policy
from models.policy import DEFAULT


def test_the_own_policy_opens_known_rails() -> None:
    """The policy that comes with the program can be followed."""
    assert set(read_policy(DEFAULT).rails) <= set(build_rails())


def test_an_unknown_rail_is_refused_in_one_line(tmp_path: Path) -> None:
    """A misspelt rail would leave approved money standing; the line names file, rail and the known ones."""
    path = tmp_path / "policy.toml"
    path.write_text(
        DEFAULT.read_text(encoding="utf-8").replace('rails = ["manual"]', 'rails = ["manual", "pigeon"]'),
        encoding="utf-8",
    )
    with pytest.raises(Problem) as caught:
        read_policy(path)
    known = ", ".join(sorted(build_rails()))
    assert str(caught.value) == f"PLECHO_POLICY: {path}: rails: there is no rail 'pigeon'; there is: {known}"


@pytest.mark.parametrize("currency", ["RSD", "UGX", "KWD", "ALL"])
def test_a_currency_that_stripe_counts_otherwise_stops_the_start(tmp_path: Path, currency: str) -> None:
    """A gift whose amount could not be entered in the books is not asked for."""
    path = tmp_path / "policy.toml"
    section = f"\n[donations.currencies.{currency}]\noffered = [1000]\nleast = 200\nmost = 1000000\n"
    path.write_text(DEFAULT.read_text(encoding="utf-8") + section, encoding="utf-8")
    with pytest.raises(Problem, match=f"{currency}: Stripe counts this currency otherwise"):
        read_policy(path)


def test_a_policy_that_is_wrong_is_refused(tmp_path: Path) -> None:
    """The line names the setting, so that the operator knows what to mend."""
    with pytest.raises(Problem, match=r"^PLECHO_POLICY: "):
        read_policy(tmp_path / "missing.toml")


@pytest.mark.parametrize("name", ["token", "cold_wallet"])
def test_a_mistyped_address_stops_the_start(tmp_path: Path, name: str) -> None:
    """One letter in the wrong case breaks the checksum, and money would go nowhere."""
    wrong = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB4F"
    path = tmp_path / "policy.toml"
    runbook = (DEFAULT.parents[1] / "docs" / "RUNBOOK.md").read_text(encoding="utf-8")
    section = runbook.partition("```toml\n")[2].partition("```")[0]
    right = next(line for line in section.splitlines() if line.startswith("token"))
    changed = (
        section.replace(right, f'token = "{wrong}"') if name == "token" else section + f'{name} = "{wrong}"\n'
    )
    path.write_text(DEFAULT.read_text(encoding="utf-8") + changed, encoding="utf-8")
    with pytest.raises(Problem, match=rf"stablecoin\.{name}: wrong checksum"):
        read_policy(path)
