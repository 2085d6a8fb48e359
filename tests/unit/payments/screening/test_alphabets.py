"""A name finds itself, in Cyrillic or Latin letters or in both at once: Russian, Ukrainian, Belarusian.

Words are drawn letter by letter, so that no list of known names decides what is tried. The tables are those of the
passports: KMU 55 of 2010 for Ukrainian, the Belarusian Ministry's of 2008, ICAO Doc 9303 for Russian.
"""

from collections.abc import Mapping
from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from payments.screening.index import Index
from payments.screening.search import _best
from payments.screening.sounds import listen, store


def _table(letters: str) -> Mapping[str, str]:
    return {pair[0]: pair[2:] for pair in letters.split()}


UKRAINIAN: Final = _table(
    "а=a б=b в=v г=h ґ=g д=d е=e є=ie ж=zh з=z и=y і=i ї=i й=i к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=kh "
    "ц=ts ч=ch ш=sh щ=shch ь= ю=iu я=ia ʼ="
)
BELARUSIAN: Final = _table(
    "а=a б=b в=v г=h д=d е=e ё=io ж=zh з=z і=i й=i к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ў=u ф=f х=kh ц=ts ч=ch "
    "ш=sh ы=y ь= э=e ю=iu я=ia ʼ="
)
RUSSIAN: Final = _table(
    "а=a б=b в=v г=g д=d е=e ё=e ж=zh з=z и=i й=i к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=kh ц=ts ч=ch ш=sh "
    "щ=shch ъ=ie ы=y ь= э=e ю=iu я=ia"
)
FIRST: Final = {"є": "ye", "ї": "yi", "й": "y", "ю": "yu", "я": "ya"}
"""At the beginning of a Ukrainian word."""

LANGUAGES: Final = {"russian": RUSSIAN, "ukrainian": UKRAINIAN, "belarusian": BELARUSIAN}
APOSTROPHES: Final = "'’ʼ`‘´"
LATIN_TWINS: Final = dict(zip("асеорху", "aceopxy", strict=True))
CYRILLIC_TWINS: Final = {latin: cyrillic for cyrillic, latin in LATIN_TWINS.items()}


def words(language: str) -> st.SearchStrategy[str]:
    """Words of two or three syllables and a last consonant, as names have them."""
    letters = LANGUAGES[language]
    vowels = [letter for letter in letters if letter in "аеєёиіїоуыэюя"]
    consonants = [letter for letter in letters if letter in "бвгґджзклмнпрстфхцчшщ"]
    syllable = st.builds(str.__add__, st.sampled_from(consonants), st.sampled_from(vowels))
    inside = st.lists(syllable, min_size=2, max_size=3).map("".join)
    return st.builds(str.__add__, inside, st.sampled_from(consonants))


def romanised(text: str, language: str) -> str:
    """Into Latin letters, as in a passport."""
    table = LANGUAGES[language]
    first = FIRST if language == "ukrainian" else {}
    spelt = [
        "".join(first.get(sign, table.get(sign, sign)) if at == 0 else table.get(sign, sign) for at, sign in each)
        for each in (list(enumerate(word)) for word in text.split())
    ]
    return " ".join(word.title() for word in spelt)


def finds(typed: str, listed: str) -> bool:
    """Whether a typed name is found among the listed, by its keys and its sounds."""
    index = Index()
    index.add(1, 1, store(listen(listed)), weak=False)
    return bool(_best(listen(typed), index, index.frequencies))


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@given(data=st.data())
def test_either_alphabet_finds_the_other(language: str, data: st.DataObject) -> None:
    """Whatever the letters: a passport's name finds the name at home, and the other way round, in either order."""
    family, own = data.draw(words(language)), data.draw(words(language))
    home, abroad = f"{family} {own}", romanised(f"{own} {family}", language)
    assert finds(home, abroad), (home, abroad)
    assert finds(abroad, home), (home, abroad)
    assert finds(abroad.upper(), home.title()), (home, abroad)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@given(data=st.data())
def test_initials_and_fathers_may_be_missing(language: str, data: st.DataObject) -> None:
    """Given name and patronymic in full, as initials in either alphabet, or without a father."""
    family, own, father = (data.draw(words(language)) for _ in range(3))
    ends = {"russian": "ович", "ukrainian": "ович", "belarusian": "авіч"}
    listed = f"{family} {own} {father}{ends[language]}"
    abroad = romanised(listed, language).split()
    for typed in (
        f"{own} {family}", f"{own[0]}. {father[0]}. {family}", f"{abroad[1]} {abroad[0]}",
        f"{abroad[0]}, {abroad[1][0]}.", f"{abroad[1]} {abroad[2][0]}. {abroad[0]}",
    ):  # fmt: skip
        assert finds(typed, listed), (typed, listed)


@given(first=words("ukrainian"), second=words("belarusian"), own=words("russian"), dash=st.sampled_from("-‐‑–—"))
def test_a_double_name_is_found_with_any_dash(first: str, second: str, own: str, dash: str) -> None:
    """Joined by any dash, apart, or with only one of its halves beside the given name."""
    listed = f"{first}-{second} {own}"
    for typed in (f"{own} {first}{dash}{second}", f"{first} {second} {own}", f"{own} {second}"):
        assert finds(typed, listed), (typed, listed)


@given(words("ukrainian"), words("ukrainian"), st.sampled_from(APOSTROPHES), st.integers(1, 4))
def test_an_apostrophe_changes_nothing(family: str, own: str, sign: str, at: int) -> None:
    """The sign inside a Ukrainian or Belarusian word is written in many ways, or left out."""
    assert finds(f"{family[:at]}{sign}{family[at:]} {own}", f"{family} {own}")


@given(words("russian"), words("russian"), st.data())
def test_twins_of_another_alphabet_hide_nobody(family: str, own: str, data: st.DataObject) -> None:
    """Letters that look the same, put in from the other alphabet to pass unseen, lead back to the name."""
    for name, twins in (
        (f"{family} {own}", LATIN_TWINS),
        (romanised(f"{family} {own}", "russian"), CYRILLIC_TWINS),
    ):
        places = [at for at, sign in enumerate(name) if sign in twins]
        assume(places)
        chosen = data.draw(st.sets(st.sampled_from(places), min_size=1))
        mixed = "".join(twins[sign] if at in chosen else sign for at, sign in enumerate(name))
        assert finds(mixed, name), (mixed, name)
        assert finds(mixed.upper(), romanised(f"{own} {family}", "russian")), (mixed, name)
