"""How many examples a long search of Hypothesis's takes: in the gate, whose time is bounded, half of them."""

import os


def examples(most: int) -> int:
    """So many, or half as many where `CI` is set."""
    return most // 2 if os.environ.get("CI") else most
