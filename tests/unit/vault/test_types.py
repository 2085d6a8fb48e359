"""Secrets do not show themselves."""

import copy
import pickle

import pytest

from vault.types import Secret

CANARY = "canary-4410"


@pytest.mark.parametrize(
    "shown", [repr, str, "{}".format, "{!r:>40}".format, lambda s: repr([s]), lambda s: f"{s}"]
)
def test_a_secret_is_not_shown(shown: object) -> None:
    """No usual way of turning a value into text gives it away."""
    assert callable(shown)
    assert CANARY not in shown(Secret(CANARY))


@pytest.mark.parametrize("act", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_is_not_pickled_or_copied(act: object) -> None:
    """It cannot slip into a file or a job store."""
    assert callable(act)
    with pytest.raises(TypeError):
        act(Secret(CANARY))


def test_a_secret_reveals_and_compares() -> None:
    """It is useful when asked, equal by value, and false when empty."""
    assert Secret(CANARY).reveal() == CANARY
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(CANARY) != Secret("other")
    assert Secret(CANARY) != CANARY
    assert len({Secret(CANARY), Secret(CANARY)}) == 1
    assert Secret(CANARY)
    assert not Secret("")
