"""Recovery phrases: made, typed with errors, guessed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.passwords import STRONG, Argon2Cost
from vault.phrase import LISTS, hash_phrase, new_phrase, normalised, phrase_matches, word_list
from vault.types import Secret


@pytest.mark.parametrize("language", LISTS)
def test_every_list_has_words_that_can_be_typed_and_stay_apart(language: str) -> None:
    """Normalising costs no bit of a phrase: no two words of a list become equal, none is damaged."""
    words = word_list(language)
    shown = {normalised(Secret(word)).reveal() for word in words}
    assert len(shown) == len(words) >= 2047
    assert all(word.isalpha() for word in shown)


@pytest.mark.parametrize(
    ("language", "listed"),
    [("ru", "ru"), ("ru-RU", "ru"), ("RU_ru", "ru"), ("en", "en"), ("kk", "en"), ("", "en")],
)
def test_the_list_follows_the_language(language: str, listed: str) -> None:
    """A tag's main part decides, and a language without a list gets the English one."""
    assert set(new_phrase(language).reveal().split(" ")) <= set(word_list(listed))


def test_phrases_are_six_words_and_differ() -> None:
    """Six words of 2048 are 66 bits; two phrases are never the same."""
    phrases = {new_phrase("ru") for _ in range(50)}
    assert len(phrases) == 50
    assert all(len(phrase.reveal().split(" ")) == 6 for phrase in phrases)


def typed(words: list[str], style: str) -> str:
    """The phrase as a person might type it."""
    styles = {
        "as shown": " ".join(words),
        "capitals": " ".join(words).upper(),
        "spaces": "  " + " \n\t ".join(words) + " ",
        "numbered": "\n".join(f"{number}. {word}" for number, word in enumerate(words, 1)),
        "commas": ", ".join(words) + ".",
        "decomposed": unicodedata.normalize("NFD", " ".join(words)),
        "ё for е": " ".join(words).replace("е", "ё"),
        "е for ё": " ".join(words).replace("ё", "е"),
    }
    return styles[style]


STYLES = ["as shown", "capitals", "spaces", "numbered", "commas", "decomposed", "ё for е", "е for ё"]


@pytest.mark.parametrize("style", STYLES)
async def test_a_phrase_matches_however_it_is_typed(style: str, cheap_argon2: Argon2Cost) -> None:
    """A frightened person on a borrowed phone gets in with the right words."""
    words = ["майка", "берег", "ёлка", "чайник", "сугроб", "январь"]
    hashed = await hash_phrase(Secret(" ".join(words)), cheap_argon2)
    assert await phrase_matches(Secret(typed(words, style)), hashed)


@pytest.mark.parametrize(
    "guess", ["", "one two three four five", "two one three four five six", "onetwo three four five six"]
)
async def test_a_wrong_phrase_does_not_match(guess: str, cheap_argon2: Argon2Cost) -> None:
    """Words, their order and their borders count."""
    hashed = await hash_phrase(Secret("one two three four five six"), cheap_argon2)
    assert not await phrase_matches(Secret(guess), hashed)


@pytest.mark.parametrize("hashed", ["", "text", "$argon2id$v=19$m=8,t=1,p=1$", "$2b$12$abc"])
async def test_a_malformed_hash_matches_nothing(hashed: str) -> None:
    """A damaged row refuses; it does not crash, and it lets nobody in."""
    assert not await phrase_matches(Secret("one two three four five six"), hashed)


async def test_hashes_are_salted_and_strong_by_default(cheap_argon2: Argon2Cost) -> None:
    """Equal phrases have different hashes, the words are not in them, and the default cost is the strong one."""
    phrase = Secret("one two three four five six")
    one, other = await hash_phrase(phrase, cheap_argon2), await hash_phrase(phrase, cheap_argon2)
    assert one != other
    assert "three" not in one
    assert f"$argon2id$v=19$m={STRONG.memory_kib},t={STRONG.passes},p={STRONG.lanes}$" in await hash_phrase(phrase)


@given(st.text(max_size=60))
def test_the_form_of_the_text_does_not_matter(text: str) -> None:
    """Composed, decomposed, or with spaces around, the same text is hashed; nothing typed makes it fail."""
    for form in ("NFC", "NFD"):
        typed_so = f"  {unicodedata.normalize(form, text)}\n"
        assert normalised(Secret(typed_so)) == normalised(Secret(text))
