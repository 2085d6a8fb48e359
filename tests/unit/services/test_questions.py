"""Stored answers in words that a person knows, and buttons that fit on a phone."""

import pytest

from bot.database import Resources
from models.errors import BadInput
from services.contact import Address, To
from services.questions import BY_KEY, LONGEST, QUESTIONS, Kind, read_choice
from services.screens import LABELS, question_screen
from services.speak import MESSAGE, units
from services.typed import read_hours
from texts.catalogue import load
from texts.formats import currency_name

TEXTS = load()


def test_any_hour_is_every_hour() -> None:
    """The button is what its typed form would be, the last hour of the day included."""
    assert read_choice(BY_KEY["hours"], "any") == "{}-{}".format(*read_hours("0-24")) == "0-24"


@pytest.mark.parametrize("language", TEXTS.languages)
async def test_an_answer_is_shown_whole_before_it_is_sent(resources: Resources, language: str) -> None:
    """What was typed is gone from the chat: its end can be read, and each of its lines."""
    story = "я" * 1700 + "\n\n" + "я" * 1700 + " the end"
    async with resources.unit() as unit:
        screen = question_screen(unit, To(Address(1), language), "story", now=story, correcting=True)
    assert TEXTS.render("intake.now", language, answer=story) in screen.text
    assert units(screen.text) <= MESSAGE


@pytest.mark.parametrize("language", TEXTS.languages)
async def test_an_answer_too_long_for_a_screen_says_so(resources: Resources, language: str) -> None:
    """Signs that are two units each may not fit: as much as fits is shown, whatever stands above."""
    problem = BadInput("intake.bad.long", limit=LONGEST, length=LONGEST + 1)
    async with resources.unit() as unit:
        to = To(Address(1), language)
        screen = question_screen(unit, to, "story", now="🙂" * (MESSAGE // 2 - 1), problem=problem)
    assert TEXTS.render("intake.now-cut", language, answer="🙂") in screen.text
    assert MESSAGE - 1 <= units(screen.text) <= MESSAGE


@pytest.mark.parametrize("language", TEXTS.languages)
async def test_the_amount_is_asked_for_in_the_currency_of_the_fund(resources: Resources, language: str) -> None:
    """A fund that counts in euros does not tell people that their number is roubles."""
    async with resources.unit() as unit:
        to = To(Address(1), language)
        unit.policy = unit.policy.model_copy(update={"currency": "EUR"})
        shown_text = question_screen(unit, to, "amount").text
    assert currency_name("EUR", language) in shown_text
    assert currency_name("RUB", language) not in shown_text
    assert "200 USD" in shown_text


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
