"""The interview as data: which questions are asked, in which order, and where each answer is sealed.

- The order is the order asked. A key is the name of the stored answer and part of its texts' keys
  (`intake.title.<key>`, `intake.ask.<key>`, `intake.help.<key>`, `intake.button.<key>.<choice>`).
- An answer is stored as one canonical text: the value of a choice, an ISO date, `1500000 RUB` in minor units,
  `10-21`, an IANA zone. `services.typed` makes it from what was typed, and `shown` turns it back into words.
- A skipped question is stored as an empty text, so that it is not asked again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from models.case import Category, Urgency
from models.errors import BadInput
from services.typed import Bounds, When, read_amount, read_date, read_hours, read_text
from services.zones import read_zone, zone_name
from texts.catalogue import Catalogue
from texts.formats import day, money
from vault.types import Compartment

SKIPPED = ""
"""What is stored for a question that was skipped."""

DONE = "done"
"""What is stored when the person says that no more files will follow; which there are, only their rows say."""

LONGEST = 3500
"""Characters of one typed text."""

ZONES: Mapping[str, str] = {
    "utc2": "Europe/Kaliningrad",
    "utc3": "Europe/Moscow",
    "utc4": "Europe/Samara",
    "utc5": "Asia/Yekaterinburg",
    "utc6": "Asia/Omsk",
    "utc7": "Asia/Krasnoyarsk",
    "utc8": "Asia/Irkutsk",
    "utc9": "Asia/Yakutsk",
    "utc10": "Asia/Vladivostok",
    "utc11": "Asia/Magadan",
    "utc12": "Asia/Kamchatka",
}
"""Zones offered as buttons; any other is typed."""

HOURS: Mapping[str, str] = {"morning": "8-12", "day": "12-18", "evening": "18-22", "any": "0-24"}


class Kind(StrEnum):
    """What is typed or pressed."""

    CHOICE = "choice"
    TEXT = "text"
    AMOUNT = "amount"
    DATE = "date"
    ZONE = "zone"
    HOURS = "hours"
    DOCUMENTS = "documents"


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `choices` maps the name of a button to the value it stores."""

    key: str
    kind: Kind
    compartment: Compartment = Compartment.story
    choices: Mapping[str, str] | None = None
    skippable: bool = False
    when: When = When.PAST
    asked: bool = True
    """Part of the interview; otherwise offered afterwards."""
    limit: int = LONGEST
    """Most characters of a text; a screen holds 4096 with its title (Bot API)."""


def _plain(values: Sequence[str]) -> dict[str, str]:
    return {value: value for value in values}


DISTRICTS = ("central", "northwest", "south", "caucasus", "volga", "ural", "siberia", "far-east", "abroad")

QUESTIONS: tuple[Question, ...] = (
    Question("happened", Kind.CHOICE, choices=_plain([str(value) for value in Category])),
    Question("district", Kind.CHOICE, choices=_plain(DISTRICTS), skippable=True),
    Question("zone", Kind.ZONE, Compartment.contact, choices=ZONES),  # before any date: today is the person's own
    Question("when", Kind.DATE, when=When.PAST),
    Question("urgency", Kind.CHOICE, choices=_plain([str(value) for value in Urgency])),
    Question("deadline", Kind.DATE, when=When.FUTURE, skippable=True),
    Question("need", Kind.TEXT, limit=500),
    Question("amount", Kind.AMOUNT),
    Question("story", Kind.TEXT),
    Question("confirmation", Kind.TEXT, limit=1000, skippable=True),
    Question("documents", Kind.DOCUMENTS, skippable=True),
    Question("payout", Kind.TEXT, Compartment.payout, limit=500),
    Question("court", Kind.DATE, when=When.FUTURE, skippable=True),
    Question("hours", Kind.HOURS, Compartment.contact, choices=HOURS, skippable=True),
    Question("messages", Kind.CHOICE, Compartment.contact, choices=_plain(["yes", "no"])),
    Question("added", Kind.TEXT, skippable=True, asked=False),
)
"""Everything that may be answered, in the order in which it is asked and read."""

BY_KEY: Mapping[str, Question] = {question.key: question for question in QUESTIONS}

KEYS: tuple[str, ...] = tuple(question.key for question in QUESTIONS if question.asked)
"""The interview, in order."""


def question(key: str) -> Question:
    """The question of a key. Raises `BadInput` for a key of an interview that is no longer asked."""
    if key not in BY_KEY:
        raise BadInput("intake.bad.question")
    return BY_KEY[key]


def after(key: str) -> str | None:
    """The question after this one, or none at the end."""
    place = KEYS.index(key) + 1 if key in KEYS else len(KEYS)
    return KEYS[place] if place < len(KEYS) else None


def before(key: str) -> str | None:
    """The question before this one, or none at the start."""
    place = KEYS.index(key) if key in KEYS else 0
    return KEYS[place - 1] if place else None


def read_choice(asked: Question, name: str) -> str:
    """The value behind a button's name. Raises `BadInput` for any other name."""
    if asked.choices is None or name not in asked.choices:
        raise BadInput("intake.bad.choice")
    return asked.choices[name]


def read_typed(asked: Question, text: str, bounds: Bounds) -> str:
    """The canonical answer in what was typed. Raises `BadInput` whose key says exactly what is wanted."""
    match asked.kind:
        case Kind.TEXT:
            return read_text(text, asked.limit)
        case Kind.AMOUNT:
            amount, currency = read_amount(text, bounds)
            return f"{amount} {currency}"
        case Kind.DATE:
            return read_date(text, bounds.today, asked.when).isoformat()
        case Kind.ZONE:
            return read_zone(text)
        case Kind.HOURS:
            return "{}-{}".format(*read_hours(text))
        case Kind.CHOICE:
            raise BadInput("intake.bad.choice")
        case Kind.DOCUMENTS:
            raise BadInput("intake.bad.document-wanted")


def shown(asked: Question, value: str, texts: Catalogue, language: str) -> str:
    """A stored answer in the words of a language."""
    if value == SKIPPED:
        return texts.render("intake.skipped", language)
    named = next((name for name, choice in (asked.choices or {}).items() if choice == value), None)
    if named is not None:
        return texts.render(f"intake.button.{asked.key}.{named}", language)
    return _shown(asked.kind, value, language)


def _shown(kind: Kind, value: str, language: str) -> str:
    match kind:
        case Kind.AMOUNT:
            amount, currency = value.split()
            return money(int(amount), currency, language)
        case Kind.DATE:
            return day(date.fromisoformat(value), language)
        case Kind.HOURS:
            first, last = value.split("-")
            return f"{int(first):02}:00–{int(last):02}:00"
        case Kind.ZONE:
            return zone_name(value, language)
        case _:
            return value
