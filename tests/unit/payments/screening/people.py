"""Invented people, and their names in the romanisations that documents and lists really use.

The tables follow the published standards letter by letter, apart from the code under test: BGN/PCGN 1947, ISO
9:1995, the passports of 1997 and since 2013 (ICAO Doc 9303), and the habits of German, French and Polish papers.
"""

import random
from collections.abc import Callable, Mapping
from typing import Final

_GIVEN = """
    Александр Алексей Анатолий Андрей Антон Аркадий Артём Борис Вадим Валентин Валерий Василий Виктор Виталий
    Владимир Владислав Вячеслав Геннадий Георгий Герман Григорий Даниил Денис Дмитрий Евгений Егор Захар Иван
    Игорь Илья Иннокентий Кирилл Константин Лев Леонид Макар Максим Марат Матвей Михаил Никита Николай Олег
    Павел Пётр Роман Руслан Святослав Семён Сергей Станислав Степан Тимофей Тимур Фёдор Филипп Эдуард Юлиан
    Юрий Яков Ярослав
"""
GIVEN: Final = tuple(_GIVEN.split())
_STEMS = """
    Абрам Аксён Бабич Балаш Бород Бубл Вавил Ведень Волох Гавр Горш Гриб Дегт Дуб Ерем Ёлк Жел Журав Завьял
    Зубар Игнат Ищ Каза Клим Козыр Крыл Кузьм Лап Лихач Лыс Мазур Мещер Мух Назар Нехорош Овсян Орл Пантел
    Перцев Плющ Рогож Рябин Савуш Сёмуш Скоробог Стрельч Тараб Тихомир Трош Удал Устюж Фадей Филат Хвост
    Хомяч Храп Царёк Цыпл Чеботар Чуд Шабаш Шелест Шульж Щегл Щур Эйх Юрась Якубенк Ястреб
"""
STEMS: Final = tuple(_STEMS.split())
ENDS: Final = ("ов", "ев", "ин", "ский", "енко", "чук", "ёв", "ицын", "овский")
FATHERS: Final = ("Иванович", "Петрович", "Сергеевич", "Андреевич", "Фёдорович", "Юрьевич", "Ильич", "Алексеевич")


def surname(chance: random.Random) -> str:
    """A family name that sounds possible."""
    stem, end = chance.choice(STEMS), chance.choice(ENDS)
    if end[0] in "оеёи" and stem[-1] in "ьй":
        stem = stem[:-1]
    return stem + end


def full_name(chance: random.Random) -> str:
    """Family name, given name, patronymic, in Cyrillic."""
    return f"{surname(chance)} {chance.choice(GIVEN)} {chance.choice(FATHERS)}"


def _table(letters: str) -> Mapping[str, str]:
    """From `а=a б=b ...`."""
    return dict(pair.split("=") for pair in letters.split())


_SAME = "а=a б=b в=v г=g д=d и=i к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f "
_BGN = _table(_SAME + "е=e ё=e ж=zh з=z й=y х=kh ц=ts ч=ch ш=sh щ=shch ъ=” ы=y ь=’ э=e ю=yu я=ya")
_ICAO = _table(_SAME + "е=e ё=e ж=zh з=z й=i х=kh ц=ts ч=ch ш=sh щ=shch ъ=ie ы=y ь= э=e ю=iu я=ia")
_P1997 = _table(_SAME + "е=e ё=yo ж=zh з=z й=y х=kh ц=ts ч=ch ш=sh щ=shch ъ= ы=y ь= э=e ю=yu я=ya")
_ISO9 = _table(_SAME + "е=e ё=ë ж=ž з=z й=j х=h ц=c ч=č ш=š щ=ŝ ъ=ʺ ы=y ь=ʹ э=è ю=û я=â")
_GERMAN = _table(
    "а=a б=b в=w г=g д=d е=e ё=jo ж=sch з=s и=i й=i к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=ch ц=z ч=tsch "
    "ш=sch щ=schtsch ъ= ы=y ь= э=e ю=ju я=ja"
)
_FRENCH = _table(
    "а=a б=b в=v г=g д=d е=e ё=io ж=j з=z и=i й=ï к=k л=l м=m н=n о=o п=p р=r с=s т=t у=ou ф=f х=kh ц=ts ч=tch "
    "ш=ch щ=chtch ъ= ы=y ь= э=e ю=iou я=ia"
)
_POLISH = _table(
    "а=a б=b в=w г=g д=d е=e ё=io ж=ż з=z и=i й=j к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=ch ц=c ч=cz ш=sz "
    "щ=szcz ъ= ы=y ь= э=e ю=ju я=ja"
)
VOWELS: Final = "аеёиоуыэюяъь"


def _spell(name: str, table: Mapping[str, str], ye: str = "e", endings: Mapping[str, str] | None = None) -> str:
    """Letter by letter; `ye` is е at the beginning and after vowels and signs."""
    text = name.lower()
    for end, becomes in (endings or {}).items():
        text = " ".join(word[: -len(end)] + becomes if word.endswith(end) else word for word in text.split())
    spelt, before = [], " "
    for letter in text:
        spelt.append(ye if letter == "е" and (before == " " or before in VOWELS) else table.get(letter, letter))
        before = letter
    return " ".join(part[:1].upper() + part[1:] for part in "".join(spelt).split())


ROMANISATIONS: Final[Mapping[str, Callable[[str], str]]] = {
    "cyrillic": lambda name: name,
    "bgn": lambda name: _spell(name, _BGN, "ye"),
    "plain English": lambda name: (
        _spell(name, _BGN, "e", {"ий": "y", "ый": "y"}).replace("’", "").replace("”", "")
    ),
    "passport 1997": lambda name: _spell(name, _P1997),
    "passport 2013": lambda name: _spell(name, _ICAO),
    "iso 9": lambda name: _spell(name, _ISO9),
    "german": lambda name: _spell(name, _GERMAN, "je", {"ий": "i"}),
    "french": lambda name: _spell(name, _FRENCH, "ie", {"ий": "i", "ин": "ine"}),
    "polish": lambda name: _spell(name, _POLISH, "je", {"ий": "i"}),
    "capitals": lambda name: _spell(name, _ICAO).upper(),
}
"""From Cyrillic into each way of writing."""
