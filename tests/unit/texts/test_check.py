"""The check of the catalogues finds every kind of fault, and says where it is."""

import ast
from pathlib import Path

import pytest

from texts.check import LOUD, check
from texts.uses import HOLE, find_uses, pattern_of

HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Plural-Forms: {}\\n"\n\n'
ENGLISH = HEAD.format("nplurals=2; plural=(n != 1);")
RUSSIAN = HEAD.format(
    "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);"
)

GOOD = {
    "en/talk.po": ENGLISH
    + 'msgid "talk.hello"\nmsgstr "Hello, {name}"\n\n'
    + 'msgid "talk.days"\nmsgid_plural "talk.days"\nmsgstr[0] "A day"\nmsgstr[1] "{n} days"\n\n'
    + 'msgid "talk.kind.good"\nmsgstr "Good"\n\nmsgid "talk.kind.bad"\nmsgstr "Bad"\n\n'
    + 'msgid "talk.button.go"\nmsgstr "Go"\n\nmsgid "talk.refused.far"\nmsgstr "Too far"\n\n'
    + 'msgid "followup.ask"\nmsgstr "How are you?"\n',
    "ru/talk.po": RUSSIAN
    + 'msgid "talk.hello"\nmsgstr "Здравствуйте, {name}"\n\n'
    + 'msgid "talk.days"\nmsgid_plural "talk.days"\n'
    + 'msgstr[0] "{n} день"\nmsgstr[1] "{n} дня"\nmsgstr[2] "{n} дней"\n\n'
    + 'msgid "talk.kind.good"\nmsgstr "Хорошо"\n\nmsgid "talk.kind.bad"\nmsgstr "Плохо"\n\n'
    + 'msgid "talk.button.go"\nmsgstr "Вперёд"\n\nmsgid "talk.refused.far"\nmsgstr "Слишком далеко"\n\n'
    + 'msgid "followup.ask"\nmsgstr "Как ваша судьба?"\n',
}

CODE = """
class Kind(StrEnum):
    GOOD = "good"
    BAD = "bad"

class Refused(Exception): ...
class TooFar(Refused):
    key = "talk.refused.far"

def say(unit, key, **params): ...

def speak(unit, kind):
    unit.texts.render("talk.hello", "en", name="A")
    unit.texts.render("talk.days", "en", n=3)
    unit.texts.render(f"talk.kind.{kind}", "en")
    say(unit, "followup.ask")
    return [("talk.button.go", 1)]
"""


def faults(folder: Path, catalogues: dict[str, str], code: str) -> list[str]:
    """Write catalogues and code, and check them."""
    for name, content in catalogues.items():
        file = folder / "texts" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    source = folder / "code" / "talk.py"
    source.parent.mkdir()
    source.write_text(code, encoding="utf-8")
    uses = find_uses([source], folder / "code")
    return [str(fault) for fault in check(folder / "texts", uses, {"talk.kind.": "Kind"})]


def test_whole_catalogues_have_no_fault(tmp_path: Path) -> None:
    """A catalogue in order is not complained about, or nobody would heed the check."""
    assert faults(tmp_path, GOOD, CODE) == []


HELLO, DAYS = 'msgid "talk.hello"', 'msgid "talk.days"'

BROKEN = [
    ("ru", 'msgstr "Слишком далеко"', 'msgstr ""', "ru/talk.po:talk.refused.far: empty"),
    ("ru", 'msgid "talk.button.go"\nmsgstr "Вперёд"\n', "", "ru/talk.po:talk.button.go: missing, en has it"),
    ("en", 'msgid "talk.button.go"\nmsgstr "Go"\n', "", "ru/talk.po:talk.button.go: unknown to en"),
    ("ru", "{name}", "{nam}", "ru/talk.po:talk.hello: parameters ['nam'], en has ['name']"),
    ("ru", "{name}", "{name", "ru/talk.po:talk.hello: braces that do not make named parameters"),
    ("ru", "{name}", "{}", "ru/talk.po:talk.hello: braces that do not make named parameters"),
    ("ru", "{n} день", "день", "ru/talk.po:talk.days: form 0 lacks ['n']"),
    ("en", '"{n} days"', '"days"', "ru/talk.po:talk.days: parameters ['n'], en has []"),
    ("ru", 'msgstr[2] "{n} дней"\n', "", "ru/talk.po:talk.days: empty"),
    ("ru", 'msgstr[0] "{n} день"', 'msgst "{n} день"', "ru/talk.po:*: cannot be read"),
    ("en", 'msgstr[1] "{n} days"', 'msgstr[1] "{n} days"\nmsgstr[2] "x"', "en/talk.po:*: cannot be read"),
    ("ru", "nplurals=3", "nplurals=4", "ru/talk.po:Plural-Forms: not the language's own"),
    ("en", "plural=(n != 1)", "plural=(n > 1)", "en/talk.po:Plural-Forms: not the language's own"),
    ("ru", HELLO, "#, fuzzy\n" + HELLO, "ru/talk.po:talk.hello: fuzzy"),
    ("ru", HELLO, '#~ msgid "a.b"\n#~ msgstr "x"\n\n' + HELLO, "ru/talk.po:a.b: left over"),
    ("en", HELLO, HELLO + '\nmsgstr "x"\n\n' + HELLO, "en/talk.po:talk.hello: twice"),
    ("en", '"Too far"', f'"{"x" * 201}"', "en/talk.po:talk.refused.far: 201 characters, 200 at most"),
    ("en", '"Go"', f'"{"x" * 65}"', "en/talk.po:talk.button.go: 65 characters, 64 at most"),
    ("en", '"Bad"', f'"{"x" * 4097}"', "en/talk.po:talk.kind.bad: 4097 characters, 4096 at most"),
    ("en", '"How are you?"', '"Are you in prison?"', "en/talk.po:followup.ask: a word that gives away: prison"),
    ("ru", "судьба", "Война", "ru/talk.po:followup.ask: a word that gives away: война"),
    ("en", '"Bad"\n', '"Bad"\n\nmsgid "Talk Loud"\nmsgstr "x"\n', "en/talk.po:Talk Loud: not a key"),
    ("en", '"Bad"\n', '"Bad"\n\nmsgid "talk.more"\nmsgstr "x"\n', "en/talk.po:talk.more: used nowhere"),
    ("en", DAYS + '\nmsgid_plural "talk.days"\nmsgstr[0] "A day"\nmsgstr[1]', DAYS + "\nmsgstr",
     "ru/talk.po:talk.days: a plural in one language only"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "good", "bad", "fault"), BROKEN)
def test_each_fault_of_a_catalogue_is_found(
    tmp_path: Path, language: str, good: str, bad: str, fault: str
) -> None:
    """Each rule can fail: one break of a whole catalogue is found and named."""
    name = f"{language}/talk.po"
    assert good in GOOD[name]
    found = faults(tmp_path, GOOD | {name: GOOD[name].replace(good, bad, 1)}, CODE)
    assert any(line.startswith(fault) for line in found), found


def test_a_key_in_two_files_is_found(tmp_path: Path) -> None:
    """Two homes for one text are a fault: which one is read would hang on the order of files."""
    found = faults(tmp_path, GOOD | {"en/zoo.po": ENGLISH + 'msgid "talk.hello"\nmsgstr "{name}"\n'}, CODE)
    assert "en/zoo.po:talk.hello: also in en/talk.po" in found


MISUSED = [
    ('"talk.hello", "en", name="A"', '"talk.hullo", "en"', "talk.py:13:talk.hullo: no such text"),
    ('"talk.hello", "en", name="A"', '"talk.hello", "en"', "talk.py:13:talk.hello: called without ['name']"),
    ('"talk.days", "en", n=3', '"talk.days", "en"', "talk.py:14:talk.days: called without ['n']"),
    ('f"talk.kind.{kind}"', 'f"talk.sort.{kind}"', "talk.py:15:talk.sort.{...}: no such text"),
    ('say(unit, "followup.ask")', 'say(unit, key="followup.asked")', "talk.py:16:followup.asked: no such text"),
    ('key = "talk.refused.far"', 'key = "talk.refused.near"', "talk.py:8:talk.refused.near: no such text"),
    ("return [", 'raise TooFar("talk.refused.off")\n    return [', "talk.py:17:talk.refused.off: no such text"),
    ('BAD = "bad"', 'BAD = "worse"', "en/talk.po:talk.kind.worse: missing, Kind has it"),
    ("class Kind(", "class Sort(", "texts/check.py:talk.kind.: no enum Kind in the code"),
    ('[("talk.button.go", 1)]', "[]", "en/talk.po:talk.button.go: used nowhere"),
]


@pytest.mark.parametrize(("good", "bad", "fault"), MISUSED)
def test_each_misuse_in_the_code_is_found(tmp_path: Path, good: str, bad: str, fault: str) -> None:
    """A key that no catalogue knows, or a parameter left out, is found before a person meets it."""
    assert good in CODE
    assert fault in faults(tmp_path, GOOD, CODE.replace(good, bad, 1))


def test_a_name_with_two_meanings_is_taken_at_home_only(tmp_path: Path) -> None:
    """`tell(unit, key)` of one file does not make a key of what another file's `tell(unit, act)` takes."""
    other = tmp_path / "code" / "other.py"
    other.parent.mkdir()
    other.write_text('def say(unit, act): ...\n\ndef go(unit):\n    say(unit, "talk.open")\n', encoding="utf-8")
    home = tmp_path / "code" / "talk.py"
    home.write_text('def say(unit, key): ...\n\ndef go(unit):\n    say(unit, "talk.hullo")\n', encoding="utf-8")
    uses = find_uses([other, home], tmp_path / "code")
    assert [use.shown for use in uses.taken] == ["talk.hullo"]


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_language_has_loud_words(language: str) -> None:
    """A language without a list of loud words would pass the rule unseen."""
    assert LOUD[language]


@pytest.mark.parametrize(
    ("source", "pattern"),
    [
        ("'a.b-c'", r"a\.b\-c"),
        ("f'a.{x}.b'", rf"a\.{HOLE}\.b"),
        ("'words of a person.'", None),
        ("f'{x}.b'", None),
        ("'plain'", None),
        ("3", None),
    ],
)
def test_what_counts_as_a_key(source: str, pattern: str | None) -> None:
    """Only what begins as a key is one; an f-string's holes stand for parts of keys."""
    found = pattern_of(ast.parse(source, mode="eval").body)
    assert (found[0] if found else None) == pattern
