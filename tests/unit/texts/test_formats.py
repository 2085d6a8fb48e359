"""Amounts, days and spans as people write them."""

from datetime import timedelta
from pathlib import Path

import pytest

import texts
from texts.formats import money, span


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


@pytest.mark.parametrize(
    ("amount", "currency", "language", "words"),
    [
        (1_500_050, "RUB", "en", "15,000.50\xa0RUB"),
        (1_500_000, "RUB", "en", "15,000\xa0RUB"),
        (1_500_050, "RUB", "ru", "15\xa0000,50\xa0₽"),
        (1_250, "EUR", "en", "12.50\xa0€"),
        (1_250, "JPY", "en", "1,250\xa0¥"),
        (50, "XTR", "en", "50 ⭐"),
    ],
)
def test_an_amount_has_one_form(amount: int, currency: str, language: str, words: str) -> None:
    """With a fraction and without, the currency stands behind."""
    assert money(amount, currency, language) == words


def test_no_full_stop_follows_a_russian_day() -> None:
    """A Russian day ends with one already (`2026 г.`): no text puts a second one after it."""
    catalogues = (Path(texts.__file__).parent / "ru").glob("*.po")
    assert [path.name for path in catalogues if "{day}." in path.read_text()] == []
