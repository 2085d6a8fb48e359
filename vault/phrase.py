"""Recovery phrases: six words that move a case to a new account.

- Six words of a list of 2048 (BIP-39's lists, from the `mnemonic` package) are 66 random bits; with Argon2id
  a search through half of them is out of anyone's reach, even with the database in hand.
- Nothing is stored but a slow hash with a salt of its own: no blind index, no checksum, no hint of language.
  A person names the case by its code; the phrase only proves.
- The list is that of the language the person chose. Languages without a Latin or Cyrillic list here get the
  English one: its words are short, and can be typed on any phone.
- What people type is normalised: case, spaces, punctuation, numbering, accents, ё for е (but not й for и: the
  Russian list tells two words apart by it). No list has two words that become equal (a test holds it).
- Argon2 runs off the event loop. Callers slow and count guesses; each takes 64 MiB while it runs.
"""

import asyncio
import secrets
import unicodedata
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from mnemonic import Mnemonic

from vault.passwords import STRONG, Argon2Cost
from vault.types import Secret

WORDS: Final = 6

LISTS: Final = {
    "cs": "czech",
    "en": "english",
    "es": "spanish",
    "fr": "french",
    "it": "italian",
    "pt": "portuguese",
    "ru": "russian",
}
"""Word list by language; English for all others."""


_BREVE: Final = "\N{COMBINING BREVE}"


def word_list(language: str) -> list[str]:
    """Return the words (2048, or a few less) for a language tag such as `ru` or `pt-BR`, composed (NFC).

    A word that is not all letters is left out: version 0.21 of `mnemonic` ships one damaged Russian word, which
    nobody could type. A phrase of the other 2047 still has 65.99 bits.
    """
    primary = language.replace("_", "-").split("-")[0].lower()
    words = Mnemonic(LISTS.get(primary, LISTS["en"])).wordlist
    composed = (unicodedata.normalize("NFC", word) for word in words)
    return [word for word in composed if word.isalpha()]


def new_phrase(language: str) -> Secret:
    """Return six random words with spaces between; to be shown once and stored nowhere but as a hash."""
    words = word_list(language)
    return Secret(" ".join(secrets.choice(words) for _ in range(WORDS)))


def normalised(phrase: Secret) -> Secret:
    """Return the phrase as it is hashed: lower-case base letters, one space between words."""
    folded = unicodedata.normalize("NFKC", phrase.reveal()).casefold()
    parts = [part for part in unicodedata.normalize("NFKD", folded) if not _is_accent(part)]
    letters = "".join(part if part.isalpha() or part == _BREVE else " " for part in parts)
    return Secret(unicodedata.normalize("NFC", " ".join(letters.split())))


async def hash_phrase(phrase: Secret, cost: Argon2Cost = STRONG) -> str:
    """Return the Argon2id hash in PHC form, its fresh salt and cost inside. Only tests lower `cost`."""
    hasher = PasswordHasher(cost.passes, cost.memory_kib, cost.lanes, type=Type.ID)
    return await asyncio.to_thread(hasher.hash, normalised(phrase).reveal())


async def phrase_matches(phrase: Secret, hashed: str) -> bool:
    """Tell whether this is the phrase that `hashed` was made from; a malformed hash matches nothing."""
    try:
        return await asyncio.to_thread(PasswordHasher().verify, hashed, normalised(phrase).reveal())
    except (VerificationError, InvalidHashError):
        return False


def _is_accent(character: str) -> bool:
    """Tell whether it is a mark that may be left out: all but the one that makes й of и."""
    return unicodedata.combining(character) != 0 and character != _BREVE
