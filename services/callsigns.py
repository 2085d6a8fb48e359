"""Call signs: what a volunteer is called, never a name.

A call sign is one word of letters of one script, so that no two look alike, and none carries a number that
tells who came when. It is chosen by the volunteer or drawn here; the Telegram names of its bearer are refused.
"""

import secrets
import unicodedata
from collections.abc import Collection

from sqlmodel import select

from models.errors import BadInput
from models.unit import Unit
from models.volunteer import Volunteer
from vault.types import CallSign

SHORTEST = 3
LONGEST = 20

ENGLISH = """
    Alder Aspen Badger Basalt Beacon Birch Bramble Breeze Cedar Chestnut Comet Crane Creek Cricket Curlew
    Delta Dune Ember Falcon Finch Fjord Flint Garnet Glacier Granite Grove Harbour Heron Kestrel Lagoon
    Lantern Larch Lichen Lotus Lynx Magnet Maple Marble Marten Meadow Meteor Moss Nettle Oak Onyx Osprey
    Otter Pebble Pine Plover Poplar Prairie Quartz Quill Raven Ridge Saffron Sorrel Sparrow Spruce Starling
    Stork Summit Swift Tern Thistle Thrush Tundra Umber Valley Walnut Yarrow Zephyr
"""
RUSSIAN = """
    Агат Айва Аист Барсук Берег Берёза Бриз Бук Василёк Верба Ветер Вяз Гавань Галька Гранит Грач Дельта
    Дрозд Дуб Дюна Ежевика Ель Жасмин Жемчуг Журавль Зарница Зяблик Иней Калина Камыш Каштан Кварц Кедр
    Клевер Клён Комета Коралл Крыжовник Кувшинка Ландыш Ласточка Липа Лишайник Лотос Луг Маяк Метеор
    Можжевельник Мох Нарцисс Облако Озеро Ольха Омут Орех Осина Осока Парус Песок Пихта Полынь Прибой
    Ракушка Река Рябина Сапсан Свиристель Сирень Скворец Снег Сойка Сосна Степь Стриж Тополь Тундра Туман
    Утёс Фонарь Хвощ Цапля Черёмуха Чибис Шиповник Щегол Эхо Яблоня Янтарь Ясень
"""
WORDS = {"en": tuple(ENGLISH.split()), "ru": tuple(RUSSIAN.split())}
"""Words of nature that are nobody's name."""


async def draw(unit: Unit, language: str) -> CallSign:
    """A free call sign drawn at random: one word, or two joined when the words run out."""
    words = WORDS.get(language, WORDS["en"])
    taken = await _taken(unit)
    free = [word for word in words if word.casefold() not in taken]
    if free:
        return CallSign(secrets.choice(free))
    pairs = [a + b.lower() for a in words for b in words if len(a + b) <= LONGEST]
    return CallSign(secrets.choice([pair for pair in pairs if pair.casefold() not in taken]))


async def check(unit: Unit, chosen: str, names: Collection[str]) -> CallSign:
    """The call sign as it is stored; raises `BadInput` with the exact reason.

    `names` are what the volunteer is called on Telegram: none of their words may be the call sign.
    """
    sign = unicodedata.normalize("NFC", chosen.strip())
    if not sign.isalpha() or not SHORTEST <= len(sign) <= LONGEST:
        raise BadInput("volunteers.call-sign-letters", shortest=SHORTEST, longest=LONGEST)
    if len({_script(letter) for letter in sign}) != 1 or _script(sign[0]) not in {"LATIN", "CYRILLIC"}:
        raise BadInput("volunteers.call-sign-script")
    if sign.casefold() in {word.casefold() for name in names for word in name.split()}:
        raise BadInput("volunteers.call-sign-name")
    if sign.casefold() in await _taken(unit):
        raise BadInput("volunteers.call-sign-taken")
    return CallSign(sign[0].upper() + sign[1:].lower())


def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").split()[0]


async def _taken(unit: Unit) -> set[str]:
    return {sign.casefold() for sign in (await unit.session.exec(select(Volunteer.call_sign))).all()}
