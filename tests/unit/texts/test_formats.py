"""Amounts, days and spans as people write them."""

from datetime import timedelta

import pytest

from texts.formats import span


@pytest.mark.parametrize(
    ("length", "language", "words"),
    [
        (timedelta(), "en", "1 minute"),
        (timedelta(seconds=40), "ru", "1 минута"),
        (timedelta(hours=5), "ru", "5 часов"),
        (timedelta(days=3), "en", "3 days"),
    ],
)
def test_a_span_counts_no_seconds(length: timedelta, language: str, words: str) -> None:
    """Nobody has waited for "0 seconds"."""
    assert span(length, language) == words
