"""What people type: each form that is promised, each refusal by its text, and nothing but `BadInput` ever."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import BadInput
from models.policy import load_policy
from services.questions import BY_KEY, QUESTIONS, Kind, Question, read_choice, read_typed, shown
from services.typed import (
    Bounds,
    When,
    clean,
    in_fund,
    read_amount,
    read_date,
    read_hours,
    read_text,
)
from texts.catalogue import load

TODAY = date(2026, 11, 23)
BOUNDS = Bounds(TODAY, load_policy(), "en")
TEXTS = load()


def refusal(act: Callable[[], object]) -> str:
    """The key of the text that an act is refused with."""
    with pytest.raises(BadInput) as refused:
        act()
    for language in TEXTS.languages:
        assert TEXTS.render(refused.value.text_key, language, **refused.value.params)
    return refused.value.text_key


@pytest.mark.parametrize(
    ("typed", "amount", "currency"),
    [
        ("15000", 1_500_000, "RUB"),
        ("15 000", 1_500_000, "RUB"),
        ("15\u00a0000 ₽", 1_500_000, "RUB"),
        ("15 000 руб.", 1_500_000, "RUB"),
        ("15к", 1_500_000, "RUB"),
        ("около 15 тысяч", 1_500_000, "RUB"),
        ("about 200 USD", 20_000, "USD"),
        ("1,5 тыс. рублей", 150_000, "RUB"),
        ("15,000", 1_500_000, "RUB"),
        ("15.000,50", 1_500_050, "RUB"),
        ("15,000.50", 1_500_050, "RUB"),
        ("0.01", 1, "RUB"),
        ("до 15000", 1_500_000, "RUB"),
        ("0,2 млн", 20_000_000, "RUB"),
        ("15000 ruble", 1_500_000, "RUB"),
        ("100 dollar", 10_000, "USD"),
        ("100 долларов США", 10_000, "USD"),
        ("100 долл. США", 10_000, "USD"),
        ("100 US dollars", 10_000, "USD"),
        ("15000 RUR", 1_500_000, "RUB"),
        ("15000 российских рублей", 1_500_000, "RUB"),
        ("15 тыс. российских рублей", 1_500_000, "RUB"),
        ("100 долл.", 10_000, "USD"),
        ("US$100", 10_000, "USD"),
        ("up to 100 $", 10_000, "USD"),
        ("≈ 15 000", 1_500_000, "RUB"),
        ("$200", 20_000, "USD"),
        ("200 usd", 20_000, "USD"),
        ("€150,50", 15_050, "EUR"),
        ("١٥٠٠٠", 1_500_000, "RUB"),
    ],
)
def test_an_amount_is_read_as_people_write_it(typed: str, amount: int, currency: str) -> None:
    """Spaces, dots, commas, thousands and signs of currencies mean what they mean to people."""
    assert read_amount(typed, BOUNDS) == (amount, currency)


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("", "number"),
        ("fifteen", "number"),
        ("1 2 3", "number"),
        ("1000-2000", "number"),
        ("1.2.3", "number"),
        ("9" * 40, "huge"),
        ("-5", "positive"),
        ("−5", "positive"),
        ("0", "positive"),
        ("0,00 $", "positive"),
        ("10,505", None),
        ("10.505", "unclear"),
        ("15.000 руб.", "unclear"),
        ("10.5055", "cents"),
        ("5 gbp", "currency"),
        ("15000 тугриков", "currency"),
        ("£200", "currency"),
        ("200 ₸", "currency"),
        ("15000 рублей на адвоката", "number"),
        ("100 рублей США", "number"),
        ("100 российских долларов", "number"),
        ("100 US", "number"),
        ("15000 for a lawyer", "number"),
        ("1 млн", "large"),
        ("500001", "large"),
        ("1234567890123", "huge"),
        ("6000 usd", "large"),
    ],
)
def test_what_is_no_amount_is_refused_exactly(typed: str, key: str | None) -> None:
    """Each way of being wrong has a text of its own; three digits after a dot are thousands."""
    if key is None:
        assert read_amount(typed, BOUNDS) == (1_050_500, "RUB")
    else:
        named = "refused.amount-unclear" if key == "unclear" else f"intake.bad.{key}"
        assert refusal(lambda: read_amount(typed, BOUNDS)) == named


@pytest.mark.parametrize(
    ("typed", "when", "day"),
    [
        ("05.12", When.FUTURE, date(2026, 12, 5)),
        ("05.12", When.PAST, date(2025, 12, 5)),
        ("5.12.26", When.FUTURE, date(2026, 12, 5)),
        ("5 декабря", When.FUTURE, date(2026, 12, 5)),
        ("5 дек. 2026 г.", When.FUTURE, date(2026, 12, 5)),
        ("December 5, 2026", When.FUTURE, date(2026, 12, 5)),
        ("5th of December", When.FUTURE, date(2026, 12, 5)),
        ("2026-12-05", When.FUTURE, date(2026, 12, 5)),
        ("2026/12/05", When.FUTURE, date(2026, 12, 5)),
        ("13/2", When.PAST, date(2026, 2, 13)),
        ("29.02", When.PAST, date(2024, 2, 29)),
        ("29.02", When.FUTURE, date(2028, 2, 29)),
        ("9 мая", When.PAST, date(2026, 5, 9)),
        ("завтра", When.FUTURE, TODAY + timedelta(days=1)),
        ("Yesterday", When.PAST, TODAY - timedelta(days=1)),
        ("сегодня", When.PAST, TODAY),
        ("today", When.FUTURE, TODAY),
    ],
)
def test_a_date_is_read_as_people_write_it(typed: str, when: When, day: date) -> None:
    """Typed forms of both languages, with the nearest year on the side that is asked for."""
    assert read_date(typed, TODAY, when) == day


@pytest.mark.parametrize(
    ("typed", "when", "key"),
    [
        ("", When.PAST, "date"),
        ("soon", When.FUTURE, "date"),
        ("31.11", When.PAST, "date-none"),
        ("29.02.2025", When.PAST, "date-none"),
        ("5", When.PAST, "date"),
        ("мая мая", When.PAST, "date"),
        ("1.1.1.1", When.PAST, "date"),
        ("99999.1", When.PAST, "date"),
        ("3/4", When.PAST, "date-unclear"),
        ("tomorrow", When.PAST, "date-future"),
        ("24.11.2026", When.PAST, "date-future"),
        ("вчера", When.FUTURE, "date-past"),
        ("22.11.2026", When.FUTURE, "date-past"),
        ("1.1.1950", When.PAST, "date-far"),
        ("1.1.2099", When.FUTURE, "date-far"),
    ],
)
def test_what_is_no_date_is_refused_exactly(typed: str, when: When, key: str) -> None:
    """An impossible, unclear, far or wrong-sided day is named as what it is."""
    assert refusal(lambda: read_date(typed, TODAY, when)) == f"intake.bad.{key}"


@pytest.mark.parametrize(
    ("typed", "hours"),
    [
        ("10-21", (10, 21)),
        ("с 10 до 21", (10, 21)),
        ("10:00–21:30", (10, 21)),
        ("22 - 6", (22, 6)),
        ("0-24", (0, 24)),
        ("24-6", (0, 6)),
        ("18-6", (18, 6)),
        ("16-2", (16, 2)),
        ("21-9", (21, 9)),
        ("с 9 вечера до 5 утра", (21, 5)),
        ("from 9 am to 5 am", (9, 5)),
        ("14 - 6 утра", (14, 6)),
        ("18-24", (18, 24)),
        ("10 am - 9 pm", (10, 21)),
        ("10am–9:30pm", (10, 21)),
        ("from 10 a.m. till 9 p.m.", (10, 21)),
        ("12 am - 12 pm", (0, 12)),
        ("с 10 утра до 9 вечера", (10, 21)),
        ("с 12 дня до 12 ночи", (12, 24)),
        ("с 1 дня до 11 ночи", (13, 23)),
        ("с 9 до 11 утра", (9, 11)),
        ("с 14 до 9 вечера", (14, 21)),
        ("с 10 часов до 21 ч.", (10, 21)),
    ],
)
def test_hours_are_read_as_people_write_them(typed: str, hours: tuple[int, int]) -> None:
    """Two hours in any of the usual forms, over midnight too."""
    assert read_hours(typed) == hours


@pytest.mark.parametrize(
    "typed",
    ["9-5", "с 9 утра до 6", "from 9 am to 5", "9 to 6", "9:00-5:00", "12-8", "14-6", "22-12", "18-12", "20-9"],
)
def test_a_day_is_not_taken_for_a_night(typed: str) -> None:
    """Hours of twelve that fit into one day are asked about: else messages would arrive all night."""
    assert refusal(lambda: read_hours(typed)) == "intake.bad.hours-night"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "10",
        "10-10",
        "25-3",
        "10-21-22",
        "day",
        "100-200",
        "8 - 10 pm",
        "с 10 до 9 вечера",
        "14 утра - 9 вечера",
        "after 10-21",
        "pm 10 9",
        "утром 10-12",
    ],
)
def test_what_is_no_pair_of_hours_is_refused(typed: str) -> None:
    """Anything but two different hours of a day asks for them; so does what could mean two windows."""
    assert refusal(lambda: read_hours(typed)) == "intake.bad.hours"


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "",
            "   ",
            "\u200b\u200b",
            "\u202e",
            "\n\t\n",
            "\x00\x07",
            "\u2066\u2069",
            "\u200e\u200f",
            "\u061c\u00ad",
        ),
        *("\u3164", "\u2800 \u2800", "\u115f", "\u200d", "\ufe0f", "\u034f"),
    ],
)
def test_an_invisible_text_is_empty(typed: str) -> None:
    """Characters that nobody sees do not make an answer."""
    assert refusal(lambda: read_text(typed, 10)) == "intake.bad.empty"


def test_a_long_text_is_refused_with_limit_and_length() -> None:
    """The person learns how much fits and how much they wrote."""
    with pytest.raises(BadInput) as refused:
        read_text("щ" * 3501, 3500)
    assert refused.value.params == {"limit": 3500, "length": 3501}
    assert read_text("щ" * 3500, 3500) == "щ" * 3500


@pytest.mark.parametrize(
    "typed", ["שלום עולם", "👩‍👩‍👧‍👦 помощь", "e\u0301", "a\u0300" * 20, "प्रणाम", "one\n\ntwo"]
)
def test_every_script_is_kept(typed: str) -> None:
    """Right-to-left text, joined emoji and accents stay what they are, composed."""
    assert clean(clean(typed)) == clean(typed)
    assert "\u200d" not in typed or "\u200d" in clean(typed)


@pytest.mark.parametrize("mark", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u00ad")
def test_no_mark_can_turn_the_text_around(mark: str) -> None:
    """Nobody can make reviewers read another text than was written."""
    assert clean(f"pay{mark}0001{mark} now") == "pay0001 now"


def test_a_joiner_stays_within_a_word_alone() -> None:
    """Persian and emoji need it; at the edge of a word it only hides."""
    assert clean("می\u200cخواهم\u200c 👩\u200d👧 \u200da") == "می\u200cخواهم 👩\u200d👧 a"


def outcome(question: Question, typed: str) -> str:
    """What the person sees: their answer in words, or a kind refusal."""
    try:
        return shown(question, read_typed(question, typed, BOUNDS), TEXTS, "ru")
    except BadInput as refused:
        return TEXTS.render(refused.text_key, "ru", **refused.params)


@given(st.text(max_size=200))
def test_nothing_but_bad_input_is_ever_raised(typed: str) -> None:
    """Whatever is typed to whatever question, the answer is a value or a kind refusal."""
    assert all(outcome(question, typed) for question in QUESTIONS)


numbers = st.from_regex(r"[$€-]?\d{1,14}([ .,']?\d{1,4}){0,3}( ?(usd|к|руб|тыс|x))?", fullmatch=True)
days = st.from_regex(r"\d{1,5}([ ./-]\d{1,3}){1,3}|\d{1,2} (мая|дек|may|sept)( \d{1,4})?", fullmatch=True)


@given(numbers | days)
def test_what_looks_right_is_taken_or_refused(typed: str) -> None:
    """Near misses of amounts, dates, hours and zones raise nothing but `BadInput` either."""
    assert all(outcome(question, typed) for question in QUESTIONS)


@given(st.integers(1, BOUNDS.policy.largest))
def test_an_amount_survives_being_written(minor: int) -> None:
    """What is shown back to the person, typed again, is the same amount."""
    value = f"{minor} RUB"
    for language in TEXTS.languages:
        written = shown(BY_KEY["amount"], value, TEXTS, language)
        assert read_amount(written, BOUNDS) == (minor, "RUB")


@given(st.dates(TODAY - timedelta(days=9000), TODAY))
def test_a_date_survives_being_written(day: date) -> None:
    """What is shown back to the person, typed again, is the same day."""
    for language in TEXTS.languages:
        written = shown(BY_KEY["when"], day.isoformat(), TEXTS, language)
        assert read_date(written, TODAY, When.PAST) == day


@given(st.integers(1, 10**9), st.sampled_from(sorted(BOUNDS.policy.rates)))
def test_a_converted_amount_is_positive(amount: int, currency: str) -> None:
    """However small, what is asked for is at least one minor unit of the fund's currency."""
    assert in_fund(amount, currency, BOUNDS.policy) >= 1


@pytest.mark.parametrize("language", TEXTS.languages)
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
def test_every_question_has_all_its_texts(question: Question, language: str) -> None:
    """Title, question, help and each choice exist in every language."""
    for part in ("title", "ask", "help"):
        assert TEXTS.render(f"intake.{part}.{question.key}", language)
    for name, value in (question.choices or {}).items():
        assert read_choice(question, name) == value
        assert shown(question, value, TEXTS, language)


def test_a_made_up_choice_is_refused() -> None:
    """A forged button cannot store a value that the question does not offer."""
    chosen = [question for question in QUESTIONS if question.kind is Kind.CHOICE]
    for question in chosen:
        assert refusal(lambda question=question: read_choice(question, "forged")) == "intake.bad.choice"  # type: ignore[misc]
