"""Time zones as people name them: an offset, a city, or a country that lives by one time.

A city is better than an offset: its clock changes are followed. Names are CLDR's, in every language of the fund.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.core import get_global

from models.errors import BadInput
from services.typed import clean
from texts.catalogue import languages_in

WEST, EAST = -12, 14
"""The farthest offsets from UTC that anybody lives by."""

BROKEN: Final[Mapping[timedelta, str]] = {
    timedelta(hours=3, minutes=30): "Asia/Tehran",
    timedelta(hours=4, minutes=30): "Asia/Kabul",
    timedelta(hours=5, minutes=30): "Asia/Kolkata",
    timedelta(hours=5, minutes=45): "Asia/Kathmandu",
    timedelta(hours=6, minutes=30): "Asia/Yangon",
    timedelta(hours=9, minutes=30): "Australia/Darwin",
}
"""Offsets that are no whole hours, with a place that keeps each all year (tz database)."""

KNOWN: Final[Mapping[str, str]] = {
    "Europe/Moscow": "Санкт-Петербург, Петербург, СПб, Saint Petersburg, St Petersburg, Казань, Kazan, Воронеж, "
    "Нижний Новгород, Краснодар, Сочи, Ростов-на-Дону, Ростов, Махачкала, Грозный, Ярославль, Тула, Мск, Msk",
    "Asia/Yekaterinburg": "Уфа, Ufa, Пермь, Perm, Челябинск, Chelyabinsk, Тюмень, Tyumen, Оренбург, Сургут",
    "Europe/Samara": "Тольятти, Ижевск",
    "Asia/Vladivostok": "Хабаровск, Khabarovsk",
    "Asia/Sakhalin": "Южно-Сахалинск",
    "Asia/Tashkent": "Фергана, Fergana, Андижан",
    "Asia/Nicosia": "Лимасол, Limassol, Ларнака, Larnaca, Пафос, Paphos",
    "Asia/Tbilisi": "Батуми, Batumi",
    "Asia/Jerusalem": "Тель-Авив, Tel Aviv, Хайфа",
    "Europe/Istanbul": "Анталья, Antalya, Анкара",
    "Asia/Almaty": "Астана, Astana, Шымкент",
    "Europe/Kiev": "Kiev, Львов, Одесса, Харьков",
    "Europe/Berlin": "Мюнхен, Гамбург",
    "Europe/Madrid": "Барселона, Barcelona",
}
"""Large cities that give no zone its name, where those who ask live."""

MOSCOW: Final = timedelta(hours=3)
"""What `мск+2` counts from."""

NAME: Final = 60
"""Characters of a place's name; more is none."""


def read_zone(text: str) -> str:
    """An IANA zone from an offset such as `+3` or `UTC+5:30`, or from a place. Raises `BadInput` for neither."""
    typed = re.sub("[−–—]", "-", clean(text).casefold())[: NAME + 1]
    typed = "+0" if typed in {"utc", "gmt"} else typed
    found = re.fullmatch(r"(utc|gmt|мск|msk)?\s*([+-])\s*(\d{1,2})(?:[:.]?([0-5]\d))?", typed)
    zone = _places().get(_fold(typed)) if found is None else _by_offset(*found.groups())
    if zone is None or not _is_known(zone):
        raise BadInput("intake.bad.zone")
    return zone


def zone_name(zone: str, language: str) -> str:
    """A zone as people write it: a city, or `UTC+3`, where the name of the zone counts westwards (`Etc/GMT-3`)."""
    if not _is_place(zone):
        hours = -int(zone.removeprefix("Etc/GMT"))
        return f"UTC{hours:+d}" if hours else "UTC"
    return _city(Locale(language), zone)


def _by_offset(name: str | None, sign: str, hours: str, minutes: str | None) -> str | None:
    offset = (-1 if sign == "-" else 1) * timedelta(hours=int(hours), minutes=int(minutes or 0))
    offset += MOSCOW if name in {"мск", "msk"} else timedelta()
    whole, rest = divmod(offset, timedelta(hours=1))
    if rest:
        return BROKEN.get(offset)
    return f"Etc/GMT{-whole:+d}" if WEST <= whole <= EAST else None  # the Etc zones count westwards


@cache
def _places() -> Mapping[str, str]:
    """Names of places, folded, with their zones: cities, and countries with one time."""
    zones: Mapping[str, str] = get_global("zone_territories")
    places: dict[str, str] = {}
    for language in languages_in():
        locale = Locale(language)
        for zone in filter(_is_place, (*zones, *locale.time_zones)):
            places.setdefault(_fold(_city(locale, zone)), zone)
    for zone in filter(_is_place, zones):
        places.setdefault(_fold(zone), zone)
    for zone, cities in KNOWN.items():
        places.update({_fold(city): zone for city in cities.split(",")})
    for country, zone in _one_time(zones).items():
        for language in languages_in():
            places.setdefault(_fold(Locale(language).territories.get(country, country)), zone)
    return places


def _is_place(zone: str) -> bool:
    return not zone.startswith("Etc/")


def _one_time(zones: Mapping[str, str]) -> Mapping[str, str]:
    """Countries in which all clocks show the same, with a zone of each: one of `KNOWN` if it can."""
    by_country: dict[str, list[str]] = {}
    for zone, country in zones.items():
        if country.isalpha() and _is_known(zone):
            by_country.setdefault(country, []).append(zone)
    return {
        country: next((zone for zone in found if zone in KNOWN), found[0])
        for country, found in by_country.items()
        if len({*map(_clock, found)}) == 1
    }


def _clock(zone: str) -> tuple[timedelta | None, ...]:
    """What a zone's clock shows in each month of this year, against UTC."""
    year = datetime.now(UTC).year
    return tuple(datetime(year, month, 15, tzinfo=ZoneInfo(zone)).utcoffset() for month in range(1, 13))


def _city(locale: Locale, zone: str) -> str:
    named: Mapping[str, str] = locale.time_zones.get(zone, {})
    return named.get("city") or zone.rpartition("/")[2].replace("_", " ")


def _fold(name: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", name.casefold().replace("ё", "е")))


def _is_known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True
