"""What a person makes of a screen: which text of the catalogue it is, in their own language.

People go by what they see. Nothing here looks into the fund: a screen is known by its words, a button by its
label, and what stands in a text's gaps is read out of it.
"""

import re
from collections.abc import Mapping
from functools import cache

from services.questions import QUESTIONS, Kind, Question
from texts.catalogue import Catalogue, load

GAP = re.compile(r"\{(\w+)\}")


@cache
def catalogue() -> Catalogue:
    """All texts, read once."""
    return load()


@cache
def pattern(key: str, language: str) -> re.Pattern[str]:
    """A text as a pattern with a group for each of its gaps."""
    pieces = GAP.split(catalogue().render(key, language))
    seen: set[str] = set()
    built = ""
    for number, piece in enumerate(pieces):
        if number % 2 == 0:
            built += re.escape(piece)
        else:
            built += f"(?P={piece})" if piece in seen else f"(?P<{piece}>.+?)"
            seen.add(piece)
    return re.compile(built + "$" if pieces[-1] == "" else built, re.DOTALL | re.MULTILINE)


def read(text: str, key: str, language: str) -> Mapping[str, str] | None:
    """What stands in the gaps of the catalogue's text, or none when the screen does not say it."""
    found = pattern(key, language).search(text)
    return found.groupdict() if found else None


def says(text: str, key: str, language: str) -> bool:
    """Whether the screen holds the catalogue's text."""
    return read(text, key, language) is not None


def label(key: str, language: str) -> str:
    """The words on a button."""
    return catalogue().render(key, language)


def asked(text: str, language: str) -> Question | None:
    """The question of the interview that a screen asks."""
    return next((each for each in QUESTIONS if says(text, f"intake.ask.{each.key}", language)), None)


def choice(question: Question, name: str, language: str) -> str:
    """The label of a question's button."""
    return label(f"intake.button.{question.key}.{name}", language)


def is_choice(question: Question) -> bool:
    """Whether it can only be answered by a button."""
    return question.kind is Kind.CHOICE
