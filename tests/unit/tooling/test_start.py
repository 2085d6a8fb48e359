"""What the start of a fund costs: libraries that only some funds need are not among it."""

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]

UNASKED: Final = (
    "web3",
    "eth_account",
    "stripe",
    "lxml",
    "rapidfuzz",
    "PIL",
    "pypdfium2",
    "pillow_heif",
    "sandbox",
)
"""Loaded where they are used, and not before: together they take seconds and a hundred megabytes."""


def test_the_start_loads_nothing_that_not_every_fund_needs() -> None:
    """A fund without a card, a chain or a sanctions list does not wait for their libraries."""
    code = f"import sys, bot.cli, bot.serve; print(*(name for name in {UNASKED!r} if name in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603 - our own words
    assert ran.stdout.split() == []
