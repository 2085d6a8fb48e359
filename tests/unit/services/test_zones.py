"""The time that a person lives by, as they name it."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from models.errors import BadInput
from services.questions import BY_KEY, ZONES, shown
from services.zones import read_zone, zone_name
from texts.catalogue import load

TEXTS = load()


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("+3", "Etc/GMT-3"),
        ("UTC-5", "Etc/GMT+5"),
        ("gmt + 10", "Etc/GMT-10"),
        ("+0", "Etc/GMT+0"),
        ("UTC", "Etc/GMT+0"),
    ],
)
def test_an_offset_becomes_a_zone(typed: str, zone: str) -> None:
    """Zones named after offsets count westwards, and that is turned around here."""
    assert read_zone(typed) == zone


@pytest.mark.parametrize(("typed", "minutes"), [("+5:30", 330), ("utc+545", 345), ("+03:30", 210)])
def test_an_offset_of_no_whole_hours_becomes_a_place_that_keeps_it(typed: str, minutes: int) -> None:
    """All year: a fixed offset does not follow clock changes."""
    zone = ZoneInfo(read_zone(typed))
    assert {datetime(2026, month, 1, tzinfo=zone).utcoffset() for month in (1, 7)} == {timedelta(minutes=minutes)}


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("Berlin", "Europe/Berlin"), ("берлин", "Europe/Berlin"), ("  Тбилиси ", "Asia/Tbilisi"),
        ("Нью-Йорк", "America/New_York"), ("new york", "America/New_York"), ("Europe/Vilnius", "Europe/Vilnius"),
        ("Алматы", "Asia/Almaty"), ("Белград", "Europe/Belgrade"), ("Киев", "Europe/Kiev"),
        ("Москва", "Europe/Moscow"), ("Армения", "Asia/Yerevan"), ("Санкт-Петербург", "Europe/Moscow"),
        ("мск+2", "Asia/Yekaterinburg"), ("–5", "Etc/GMT+5"), ("+5.30", "Asia/Kolkata"),
        ("Хабаровск", "Asia/Vladivostok"),
        ("Germany", "Europe/Berlin"),
        ("Сербия", "Europe/Belgrade"),
    ],
)  # fmt: skip
def test_a_place_becomes_its_zone(typed: str, zone: str) -> None:
    """In either language, so that hours hold in summer and in winter."""
    for month in (1, 7):
        noon = datetime(2026, month, 1, 12, tzinfo=UTC)
        assert noon.astimezone(ZoneInfo(read_zone(typed))).hour == noon.astimezone(ZoneInfo(zone)).hour


@pytest.mark.parametrize(
    ("country", "city"), [("Казахстан", "Алматы"), ("Кипр", "Никосия"), ("Узбекистан", "Ташкент")]
)
def test_a_country_is_shown_by_its_largest_city(country: str, city: str) -> None:
    """A person who has named a country recognises the place that is shown to them."""
    assert zone_name(read_zone(country), "ru") == city


@pytest.mark.parametrize(
    "typed", ["", "3", "+15", "-13", "+5:17", "Россия", "USA", "nowhere", "../etc/passwd", "я" * 999]
)
def test_what_names_no_time_is_refused(typed: str) -> None:
    """A country of several times, an offset that nobody lives by, and all else ask for a city or an offset."""
    with pytest.raises(BadInput, match=r"intake\.bad\.zone"):
        read_zone(typed)


@given(st.text())
def test_nothing_typed_breaks_it(typed: str) -> None:
    """Whatever is typed, the answer is a zone or that refusal."""
    with suppress(BadInput):
        ZoneInfo(read_zone(typed))


@pytest.mark.parametrize(
    ("typed", "english", "russian"),
    [
        ("+3", "UTC+3", "UTC+3"),
        ("UTC-5", "UTC-5", "UTC-5"),
        ("+0", "UTC", "UTC"),
        ("Тбилиси", "Tbilisi", "Тбилиси"),
    ],
)
def test_a_typed_zone_is_shown_as_people_write_it(typed: str, english: str, russian: str) -> None:
    """The zone's own name would be read as the wrong side of Greenwich, or not at all."""
    assert shown(BY_KEY["zone"], read_zone(typed), TEXTS, "en") == english
    assert shown(BY_KEY["zone"], read_zone(typed), TEXTS, "ru") == russian


@pytest.mark.parametrize("language", TEXTS.languages)
def test_every_place_that_is_taken_can_be_shown(language: str) -> None:
    """Whatever is read as a zone is a time that there is, and has a name on the page before sending."""
    locale = Locale(language)
    names = [str(dict(place).get("city", "")) for place in locale.time_zones.values()]
    for name in [*names, *locale.time_zones, *locale.territories.values(), "UTC", "gmt", "Etc/UTC", "Etc/Unknown"]:
        with suppress(BadInput):
            zone = read_zone(name)
            assert ZoneInfo(zone)
            assert all(shown(BY_KEY["zone"], zone, TEXTS, each) for each in TEXTS.languages)


def test_a_city_of_a_button_is_the_button() -> None:
    """Who types the name on a button has pressed it."""
    assert read_zone("Kaliningrad") == ZONES["utc2"]
