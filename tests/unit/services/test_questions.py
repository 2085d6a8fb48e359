"""Stored answers in words that a person knows, and buttons that fit on a phone."""

import pytest

from bot.database import Resources
from services.contact import Address, To
from services.questions import BY_KEY, QUESTIONS, Kind, read_choice, shown
from services.screens import LABELS, question_screen
from services.typed import read_hours, read_zone
from texts.catalogue import load

TEXTS = load()


@pytest.mark.parametrize(("typed", "words"), [("+3", "UTC+3"), ("UTC-5", "UTC-5"), ("+0", "UTC")])
def test_a_typed_zone_is_shown_as_people_write_it(typed: str, words: str) -> None:
    """The zone's own name counts westwards and would be read as the wrong side of Greenwich."""
    assert shown(BY_KEY["zone"], read_zone(typed), TEXTS, "en") == words


def test_any_hour_is_every_hour() -> None:
    """The button is what its typed form would be, the last hour of the day included."""
    assert read_choice(BY_KEY["hours"], "any") == "{}-{}".format(*read_hours("0-24")) == "0-24"


@pytest.mark.parametrize("language", TEXTS.languages)
async def test_no_row_is_crowded(resources: Resources, language: str) -> None:
    """Three buttons beside each other would be cut on a phone, whatever was answered before."""
    async with resources.unit() as unit:
        to = To(Address(1), language)
        for asked in QUESTIONS:
            now = None if asked.kind is Kind.DOCUMENTS else next(iter((asked.choices or {}).values()), None)
            for correcting in (False, True):
                screen = question_screen(unit, to, asked.key, now=now, correcting=correcting)
                assert all(len(row) <= LABELS for row in screen.rows), asked.key
