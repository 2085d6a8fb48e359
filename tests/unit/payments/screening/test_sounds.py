"""A name sounds the same however it is spelt: in Cyrillic, or by any romanisation that documents use."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.screening.matching import compare, hear
from payments.screening.sounds import Sounds, Word, key_of, listen, restore, store
from tests.unit.payments.screening.people import FATHERS, GIVEN, ROMANISATIONS, STEMS, full_name

SAME = [
    "Хрущёв Khrushchev Khrushchyov Khrushchov Chruschtschow Chruschtschew Khrouchtchev Hruŝëv Chruszczow Hruščev",
    "Ходорковский Khodorkovsky Khodorkovskiy Chodorkowski Khodorkovski Hodorkovskij Chodorkovskij",
    "Жуков Zhukov Joukov Schukow Žukov Jukov Żukow",
    "Щербаков Shcherbakov Schtscherbakow Chtcherbakov Ŝerbakov Szczerbakow Ščerbakov",
    "Ельцин Yeltsin Eltsin Jelzin Eltsine Elʹcin Jelcyn El'tsin",
    "Чайковский Tchaikovsky Chaikovskiy Tschaikowski Tchaïkovski Čajkovskij Czajkowski",
    "Солженицын Solzhenitsyn Soljenitsyne Solschenizyn Solženicyn Sołżenicyn",
    "Счастливцев Schastlivtsev Shchastlivtsev Sčastlivcev",
    "Юрий Yuri Yuriy Iouri Juri Jurij Ûrij Iurii",
    "Михаил Mikhail Michail Mikhaïl Mihail Mixail",
    "Евгений Yevgeny Evgeniy Evgeny Jewgeni Evgueni Evgenij",
    "Сергей Sergei Sergey Serguei Sergej Sergueï",
    "Фёдор Fyodor Fedor Fiodor Fjodor Feodor",
    "Григорий Grigory Григорій Hryhoriy Hryhorii",
    "Пётр Pyotr Petr Piotr Pjotr",
    "Артём Artyom Artem Artjom Artiom",
    "Джамал Jamal Dzhamal Djamal Dschamal",
    "Ильич Ilyich Ilich Il'ich Iljitsch Ilitch",
]

SYSTEM = st.sampled_from(sorted(ROMANISATIONS))


@pytest.mark.parametrize("spellings", SAME)
def test_spellings_of_one_word_share_a_key_and_a_form(spellings: str) -> None:
    """Each way into Latin letters leads back to the same word, and to a key under which it is looked for."""
    first, *others = [listen(spelling)[0] for spelling in spellings.split()]
    for other in others:
        assert first.keys & other.keys, other
        assert near((first,), (other,)), other


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Иванов-Петров", 2),
        ("O’Brien", 1),
        ("  ", 0),
        ("…", 0),
        ("Nord Stream 2", 3),
        ("ООО «Ромашка»", 2),
        ("🙂", 0),
    ],
)
def test_a_name_falls_into_words(name: str, words: int) -> None:
    """Hyphens part words, apostrophes do not, and what cannot be said is no word."""
    assert len(listen(name)) == words


def test_initials_are_known_with_and_without_a_point() -> None:
    """`Ю.`, `Zh.` and a single letter stand for a name; a short name does not."""
    assert [word.initial for word in listen("Ю. Zh. X Щ. Ли")] == [True, True, True, True, False]


def test_lookalike_letters_do_not_hide_a_word() -> None:
    """A Cyrillic letter among Latin ones, seen by nobody, leads to the Latin word."""
    assert near(listen("Реtrоv"), listen("Petrov"))
    assert near(listen("Pet\u200brov"), listen("Petrov"))


def test_legal_forms_tell_nothing_unless_they_are_all() -> None:
    """Half the listed companies are an LLC: it is no key, but a name of legal forms alone is still looked for."""
    assert keys_of(listen("Romashka LLC")) == keys_of(listen("Romashka"))
    assert keys_of(listen("LLC Company"))


def keys_of(sounds: Sounds) -> frozenset[str]:
    """The keys of all words that tell something."""
    return frozenset(key for word in sounds if not word.empty for key in word.keys)


@given(st.text(max_size=60))
def test_whatever_is_typed_can_be_listened_to(name: str) -> None:
    """No text fails, and what is stored comes back."""
    sounds = listen(name)
    assert restore(store(sounds)) == sounds
    assert all(word.forms and all(word.forms) for word in sounds)
    assert all(len(key) <= len(form) + 1 for word in sounds for form in word.forms for key in [key_of(form)])


@settings(max_examples=300)
@given(st.integers(0, 2**32), SYSTEM, SYSTEM, st.data())
def test_a_listed_name_is_found_in_every_romanisation(
    seed: int, listed: str, typed: str, data: st.DataObject
) -> None:
    """Whoever is listed in one way of writing is found in any other, reordered, with initials, fatherless."""
    name = full_name(random.Random(seed))  # noqa: S311 - Hypothesis chooses the seed
    family, given_name, father = ROMANISATIONS[typed](name).split()
    ways = [
        f"{given_name} {father} {family}", f"{family}, {given_name}", f"{given_name} {family}",
        f"{family} {given_name[0]}.", f"{given_name[0]}. {family}", f"{given_name} {father[0]}. {family}",
    ]  # fmt: skip
    way = data.draw(st.sampled_from(ways))
    theirs, mine = listen(ROMANISATIONS[listed](name)), listen(way)
    assert keys_of(mine) & keys_of(theirs), (way, theirs)
    assert near(mine, theirs), (way, theirs)


@settings(max_examples=300)
@given(st.integers(0, 2**32), st.data())
def test_another_name_is_not_found(seed: int, data: st.DataObject) -> None:
    """Another family with another given name and another father is somebody else, however both are written."""
    chance = random.Random(seed)  # noqa: S311 - as above
    stems, names, fathers = chance.sample(STEMS, 2), chance.sample(GIVEN[::3], 2), chance.sample(FATHERS[::2], 2)
    mine, theirs = [f"{stems[n]}инский {names[n]} {fathers[n]}" for n in range(2)]
    ways = [data.draw(SYSTEM) for _ in range(2)]
    assert not near(listen(ROMANISATIONS[ways[0]](mine)), listen(ROMANISATIONS[ways[1]](theirs)))


def near(mine: Sounds, theirs: Sounds) -> int:
    """How near two names are, as `check` compares them."""
    forms = sorted({form for word in theirs for form in word.forms})

    def rare(_: Word) -> bool:
        return False

    return compare(
        mine, theirs, hear((form for word in mine for form in word.forms), forms), weak=False, rare=rare
    )
