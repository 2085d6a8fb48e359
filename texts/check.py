"""`python -m texts.check`: the catalogues agree with each other, with the code, with Telegram and with caution.

- Every language has the same keys with the same parameters, and as many plural forms as the language has.
- Nothing is empty, unsure (`fuzzy`), left over, double or longer than Telegram takes.
- Every key that the code takes exists, with its parameters given; every key that exists is used.
- What stays on an applicant's phone, or shows in a notification, holds none of the words of `LOUD`.

Each fault is one line, `file:key: what`, and the exit code says whether there was any. Translation is checked for
form only; whether it reads well is for people.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from gettext import c2py
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog, Message
from babel.messages.plurals import get_plural
from babel.messages.pofile import PoFileError, read_po

from texts.catalogue import FALLBACK, HERE
from texts.uses import KEY, Uses, find_uses

SOURCES = ("bot", "handlers", "services", "payments", "models", "web")
"""Packages whose strings are keys."""

TEXT_LIMIT, POPUP_LIMIT, BUTTON_LIMIT = 4096, 200, 64
"""Characters. Bot API: sendMessage 4096, answerCallbackQuery 200; a longer button is cut on a phone."""

POPUP_PARTS = frozenset({"refused", "popup"})
"""Parts of a key whose text is shown as a pop-up."""

BUTTON_PARTS = frozenset({"button", "buttons"})

QUIET = (
    *("pipeline.", "followup.", "relay.notice"),
    *("danger.line", "danger.button.reply", "danger.popup", "danger.sent"),
)
"""Beginnings of keys whose texts stay on an applicant's phone or come unasked."""

LOUD: Mapping[str, tuple[str, ...]] = {
    "en": (
        *(
            "war",
            "wars",
            "wartime",
            "anti-war",
            "army",
            "military",
            "mobiliz*",
            "mobilis*",
            "opposition*",
            "regime*",
        ),
        *(
            "politic*",
            "police*",
            "prison*",
            "jail*",
            "arrest*",
            "detain*",
            "detention",
            "court*",
            "trial*",
            "lawyer*",
        ),
        *(
            "protest*",
            "persecut*",
            "repress*",
            "criminal*",
            "refugee*",
            "asylum*",
            "kremlin*",
            "putin*",
            "ukrain*",
        ),
        *("navaln*", "activis*", "dissident*", "fund", "funds", "grant", "grants", "donor*", "donation*"),
    ),
    "ru": (
        *("войн*", "воен*", "антивоен*", "арми*", "мобилиз*", "оппозиц*", "режим*", "полити*", "полиц*", "тюр*"),
        *(
            "сизо",
            "колони*",
            "арест*",
            "задержан*",
            "обыск*",
            "суд",
            "суда",
            "суде",
            "суду",
            "судом",
            "суды",
            "судеб*",
        ),
        *("адвокат*", "протест*", "преслед*", "репресс*", "уголов*", "беженц*", "беженк*", "убежищ*", "кремл*"),
        *("путин*", "украин*", "навальн*", "активист*", "фонд*", "грант*", "донор*", "пожертв*"),
    ),
}
"""Words that would give a person away to whoever looks over their shoulder; `*` stands for any ending."""

PER_VALUE: Mapping[str, str] = {
    "followup.ask.": "FollowUpKind",
    "followup.done.": "Outcome",
    "mine.state.": "Turn",
    "review.category.": "Category",
    "review.reason.": "Reason",
    "review.told.": "Reason",
    "review.urgency.": "Urgency",
    "treasury.person.returned-": "ReturnReason",
    "treasury.reason.": "ReturnReason",
    "volunteers.role.": "Role",
    "volunteers.welcome.": "Role",
}
"""Beginnings of keys that must exist for each value of an enum."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of one language."""

    language: str
    file: str
    key: str
    forms: tuple[str, ...]
    plural: bool
    fuzzy: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong."""

    file: str
    key: str
    what: str

    def __str__(self) -> str:
        """The line that is printed."""
        return f"{self.file}:{self.key}: {self.what}"


Entries = Mapping[str, Mapping[str, Entry]]
"""Messages by language and key."""


def main() -> int:
    """Check the program's own catalogues; 1 when there is a fault."""
    root = HERE.parent
    files = [file for package in SOURCES for file in sorted((root / package).rglob("*.py"))]
    faults = check(HERE, find_uses(files, root))
    for fault in faults:
        print(fault)  # noqa: T201 - a command's output
    print(f"{len(faults)} faults" if faults else "the catalogues are whole")  # noqa: T201
    return 1 if faults else 0


def check(folder: Path, uses: Uses, per_value: Mapping[str, str] = PER_VALUE) -> list[Fault]:
    """All faults of the catalogues below a folder, given what the code uses."""
    entries, faults = read(folder)
    faults += _languages_agree(entries)
    for messages in entries.values():
        for entry in messages.values():
            faults += _whole(entry)
            faults += _short(entry)
            faults += _quiet(entry)
    known = entries.get(FALLBACK, {})
    faults += _exist(known, uses)
    faults += _each_value(known, uses, per_value)
    faults += _used(known, uses)
    return sorted(set(faults), key=str)


def read(folder: Path) -> tuple[dict[str, dict[str, Entry]], list[Fault]]:
    """Read every `<language>/*.po`; what is wrong with the files themselves comes as faults."""
    entries: dict[str, dict[str, Entry]] = {}
    faults: list[Fault] = []
    for file in sorted(folder.glob("*/*.po")):
        language, name = file.parent.name, str(file.relative_to(folder))
        mine = entries.setdefault(language, {})
        try:
            with file.open("rb") as stream:
                catalogue = read_po(stream, locale=language, abort_invalid=True)
        except PoFileError as error:
            faults.append(Fault(name, "*", f"cannot be read: {error}"))
            continue
        faults += _file_faults(file, name, catalogue)
        for message in catalogue:
            if not message.id:
                continue
            entry = _entry(message, language, name)
            if entry.key in mine:
                faults.append(Fault(name, entry.key, f"also in {mine[entry.key].file}"))
            mine[entry.key] = entry
    return entries, faults


def _file_faults(file: Path, name: str, catalogue: Catalog) -> Iterator[Fault]:
    ids = re.findall(r'^msgid "(.+)"$', file.read_text(encoding="utf-8"), re.MULTILINE)
    for key, times in Counter(ids).items():
        if times > 1:
            yield Fault(name, key, "twice in this file")
    for left in catalogue.obsolete.values():
        yield Fault(name, _key(left), "left over (#~)")
    rule = get_plural(file.parent.name)
    if catalogue.num_plurals != rule.num_plurals or not _choose_alike(catalogue.plural_expr, rule.plural_expr):
        yield Fault(name, "Plural-Forms", f"not the language's own: {rule}")


def _entry(message: Message, language: str, file: str) -> Entry:
    given = message.string
    forms = (given,) if isinstance(given, str) else tuple(given or ())
    return Entry(language, file, _key(message), forms, message.pluralizable, message.fuzzy)


def _key(message: Message) -> str:
    return message.id if isinstance(message.id, str) else str(message.id[0])


def _choose_alike(mine: str, theirs: str) -> bool:
    """Whether two rules choose the same forms; people write one rule in many ways."""
    a, b = c2py(mine), c2py(theirs)
    return all(int(a(n)) == int(b(n)) for n in range(1000))


def _languages_agree(entries: Entries) -> Iterator[Fault]:
    known = entries.get(FALLBACK, {})
    for language, messages in entries.items():
        for key in known.keys() - messages.keys():
            yield Fault(f"{language}/{Path(known[key].file).name}", key, f"missing, {FALLBACK} has it")
        for key in messages.keys() - known.keys():
            yield Fault(messages[key].file, key, f"unknown to {FALLBACK}")
        for key in messages.keys() & known.keys():
            yield from _alike(messages[key], known[key])


def _alike(entry: Entry, model: Entry) -> Iterator[Fault]:
    if entry.plural != model.plural:
        yield Fault(entry.file, entry.key, f"a plural in one language only, {model.language} or {entry.language}")
    mine, theirs = _parameters(entry), _parameters(model)
    if mine is not None and theirs is not None and mine != theirs:
        yield Fault(entry.file, entry.key, f"parameters {sorted(mine)}, {model.language} has {sorted(theirs)}")


def _whole(entry: Entry) -> Iterator[Fault]:
    if not KEY.fullmatch(entry.key):
        yield Fault(entry.file, entry.key, "not a key: lower-case parts joined by dots")
    if entry.fuzzy:
        yield Fault(entry.file, entry.key, "fuzzy")
    if not entry.forms or not all(form.strip() for form in entry.forms):
        yield Fault(entry.file, entry.key, "empty")
    if _parameters(entry) is None:
        yield Fault(entry.file, entry.key, "braces that do not make named parameters")
    elif entry.plural:
        yield from _plural(entry)


def _plural(entry: Entry) -> Iterator[Fault]:
    rule = get_plural(entry.language)
    if len(entry.forms) != rule.num_plurals:
        yield Fault(entry.file, entry.key, f"{len(entry.forms)} plural forms, not {rule.num_plurals}")
        return
    choose = c2py(rule.plural_expr)
    served = Counter(int(choose(n)) for n in range(200))
    everywhere = _parameters(entry) or frozenset()
    for number, form in enumerate(entry.forms):
        needed = everywhere if served[number] > 1 else everywhere - {"n"}
        lacking = needed - (_fields(form) or frozenset())
        if lacking:
            yield Fault(entry.file, entry.key, f"form {number} lacks {sorted(lacking)}")


def _short(entry: Entry) -> Iterator[Fault]:
    parts = set(entry.key.split("."))
    limit = BUTTON_LIMIT if parts & BUTTON_PARTS else POPUP_LIMIT if parts & POPUP_PARTS else TEXT_LIMIT
    longest = max((len(form) for form in entry.forms), default=0)
    if longest > limit:
        yield Fault(entry.file, entry.key, f"{longest} characters, {limit} at most")


def _quiet(entry: Entry) -> Iterator[Fault]:
    if not entry.key.startswith(QUIET):
        return
    words = {word for form in entry.forms for word in re.findall(r"[\w-]+", form.lower())}
    for word in sorted(words):
        if any(fnmatchcase(word, loud) for loud in LOUD.get(entry.language, ())):
            yield Fault(entry.file, entry.key, f"a word that gives away: {word}")


def _exist(known: Mapping[str, Entry], uses: Uses) -> Iterator[Fault]:
    for use in uses.taken:
        found = [entry for key, entry in known.items() if re.fullmatch(use.pattern, key)]
        if not found:
            yield Fault(f"{use.file}:{use.line}", use.shown, "no such text")
        for entry in found if use.filled is not None else ():
            lacking = (_parameters(entry) or frozenset()) - (use.filled or frozenset())
            if entry.plural:
                lacking |= {"n"} - (use.filled or frozenset())
            if lacking:
                yield Fault(f"{use.file}:{use.line}", entry.key, f"called without {sorted(lacking)}")


def _each_value(known: Mapping[str, Entry], uses: Uses, per_value: Mapping[str, str]) -> Iterator[Fault]:
    for prefix, enum in per_value.items():
        if enum not in uses.enums:
            yield Fault("texts/check.py", prefix, f"no enum {enum} in the code")
        for value in sorted(uses.enums.get(enum, ())):
            if prefix + value not in known:
                yield Fault(f"{FALLBACK}/{prefix.split('.')[0]}.po", prefix + value, f"missing, {enum} has it")


def _used(known: Mapping[str, Entry], uses: Uses) -> Iterator[Fault]:
    patterns = [re.compile(pattern) for pattern in uses.mentioned]
    plain = {pattern.replace("\\", "") for pattern in uses.mentioned}
    for key, entry in known.items():
        if key not in plain and not any(pattern.fullmatch(key) for pattern in patterns):
            yield Fault(entry.file, key, "used nowhere")


def _parameters(entry: Entry) -> frozenset[str] | None:
    """Parameters of all forms together; none when some braces make no named parameter."""
    found: set[str] = set()
    for form in entry.forms:
        fields = _fields(form)
        if fields is None:
            return None
        found |= fields
    return frozenset(found)


def _fields(form: str) -> frozenset[str] | None:
    try:
        names = [name for _, name, _, _ in Formatter().parse(form) if name is not None]
    except ValueError:
        return None
    return frozenset(names) if all(name.isidentifier() for name in names) else None


if __name__ == "__main__":
    sys.exit(main())
