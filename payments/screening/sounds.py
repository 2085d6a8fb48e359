"""How a name sounds, written so that its spellings in other scripts and romanisations come out the same.

Russian has had many ways into Latin letters: BGN/PCGN and its English kin, the passports of each decade, ISO 9
and scholars' diacritics, Polish and Czech, German, French. The same letters mean different sounds in them: `ch`
is ч in English, ш in French, х in German. So a Latin word is read by each of four systems, and may have several
forms. Other scripts are first turned into Latin by anyascii (decision 11), whose Cyrillic is English-like.

A form is in small letters: `a e i o u`, and a letter for each class of consonants that systems confuse:

    b v(в, final ф) g(г х) d s(с з) w(ш ж дж) x(щ) q(ч) c(ц) k l m n p r t f

Glides, soft and hard signs and the second of two vowels are left out; ё is е. The key of a form is its consonants
(with `a` for a leading vowel): names are looked for by keys and compared by forms.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from anyascii import anyascii

Rules = Sequence[tuple[str, str]]
"""Pattern and what it becomes, tried in this order at each place. Capitals are consonants, done."""

COMMON: Final[Rules] = (
    ("shch", "X"), ("chtch", "X"), ("schtsch", "X"), ("szcz", "X"), ("šč", "X"), ("ŝ", "X"), ("щ", "X"),
    ("dzh", "W"), ("dsch", "W"), ("dž", "W"), ("sh", "W"), ("zh", "W"), ("š", "W"), ("ž", "W"),
    ("ż", "W"), ("tsch", "Q"), ("tch", "Q"), ("č", "Q"), ("ć", "Q"), ("kh", "G"), ("gh", "G"),
    ("ts", "C"), ("tz", "C"), ("ph", "F"), ("th", "T"), ("dh", "D"), ("ck", "K"), ("qu", "K"), ("q", "K"),
    ("ç", "S"), ("ß", "S"), ("ł", "L"), ("â", "ya"), ("û", "yu"),
)  # fmt: skip
"""What means the same in every system that has it."""

PLAIN: Final[Rules] = (
    *zip("bvgdlmnprtfkszhw", "BVGDLMNPRTFKSSGV", strict=True),
    *(("j", "y"), ("c", "K"), ("x", "KS"), ("q", "K")),
)
"""Letters by themselves, tried last."""

ENGLISH: Final[Rules] = (("dj", "W"), ("ch", "Q"), ("x", "KS"), ("j", "W"), ("c(?=[eiy])", "S"), ("c", "K"))
GERMAN: Final[Rules] = (("sch", "W"), ("ch", "G"), ("x", "KS"), ("z", "C"), ("j", "y"), ("c", "K"))
FRENCH: Final[Rules] = (
    ("dj", "W"), ("ch", "W"), ("gu(?=[eéiy])", "G"), ("j", "W"), ("x", "KS"), ("ou", "u"),
    ("ine$", "iN"), ("yne$", "iN"), ("c(?=[eiy])", "S"), ("c", "K"),
)  # fmt: skip
SCHOLARLY: Final[Rules] = (("ch", "G"), ("cz", "Q"), ("sz", "W"), ("x", "G"), ("j", "y"), ("c", "C"))
SYSTEMS: Final[tuple[Rules, ...]] = (ENGLISH, GERMAN, FRENCH, SCHOLARLY)

TAIL: Final[Rules] = (
    ("[iy]+o", "e"),  # ё: Fyodor, Piotr, Gorbatchiov
    ("[iy]+(?=[aeu])", ""),  # я, ю, є and their many spellings
    ("(?<=[WXQC])o", "e"),  # ё after a hissing sound: Chruschtschow
    ("[iy]+", "i"),  # -ий, -ый: -sky, -skii, -skij
    ("([aeiou])[aeiou]+", r"\1"),
    (r"([A-Z])\1+", r"\1"),
    ("T+(?=[QC])", ""),  # тч, тц: in tch and tz nobody can tell them from ч and ц
    ("[WS]Q", "X"),  # сч, шч: said and often written like щ
    ("(?<=.)F$", "V"),  # -off, -eff
)

VOWELS: Final = frozenset("aeiou")

TWINS: Final = ("асеорхукмнтвіј", "aceopxykmhtbij")
GREEK_TWINS: Final = ("αβεζηικμνορτυχ", "abezhikmnoptyx")
"""As capitals, which casefolding has made small."""
TO_LATIN: Final = str.maketrans("".join((TWINS[0], GREEK_TWINS[0])), "".join((TWINS[1], GREEK_TWINS[1])))
TO_CYRILLIC: Final = str.maketrans(TWINS[1], TWINS[0])
"""Letters that look the same, for words that mix alphabets to pass unseen: either may be the word's own."""

LOOK_ALIKE: Final = frozenset("".join(TWINS))

SIGNS: Final = re.compile("['’‘`´ʹʺʼʿʾ\"]")
"""Apostrophes and primes inside a word: soft and hard signs, and O'Brien."""

PARTS: Final = re.compile(r"[^\W_]+\.?")

INITIALS: Final[Mapping[str, str]] = {
    **dict.fromkeys("yi", "aeiou"), "j": "aeiouw", "c": "kscqwg", "s": "swx", "z": "swc", "k": "kg", "t": "tcq",
    "d": "dw", "x": "kg", "p": "pf",
}  # fmt: skip
"""What a Latin initial may begin, where that is more than its own sound: `Y.` is Yakov, Yuri or Yevgeny."""

ABBREVIATED: Final = 4
"""Letters of the longest initial: Shch."""

FEWEST: Final = 2
"""Consonants of a key; a form with fewer is its own key."""

LEGAL_FORMS: Final = """
    ooo oao zao pao ao nao too tov jsc ojsc cjsc pjsc llc llp ltd limited inc corp corporation co company plc
    gmbh ag kg sa sarl srl spa bv nv oy oyj ou kft doo dooel fze fzc fzco fzllc pte pty pvt
    ооо оао зао пао ао нао ип тоо тов
"""
PARTICLES: Final = "the of and for de der von van al el ul bin ibn"
EMPTY_WORDS: Final = frozenset(f"{LEGAL_FORMS} {PARTICLES}".split())
"""They tell little: half the listed companies share them."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a name: its forms, whether it is only an initial, and whether it tells anything."""

    forms: tuple[str, ...]
    initial: bool = False
    empty: bool = False

    @property
    def keys(self) -> frozenset[str]:
        """What the word is looked for under; none for an initial."""
        return frozenset() if self.initial else frozenset(key_of(form) for form in self.forms)


Sounds = tuple[Word, ...]
"""A whole name, its words in the order in which they stand."""


def listen(name: str) -> Sounds:
    """How a name sounds. Empty when it has no letter or digit."""
    return heard(parts_of(name))


def parts_of(name: str) -> list[str]:
    """The words of a name in small letters, initials with their dots."""
    bare = SIGNS.sub("", name)  # some would fall apart into a space and an accent
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", bare).casefold())
    visible = "".join(sign for sign in text if sign.isspace() or unicodedata.category(sign)[0] != "C")
    return PARTS.findall(SIGNS.sub("", visible))


def heard(parts: Iterable[str]) -> Sounds:
    """How the words of a name sound."""
    parts = list(parts)
    alphabets = [_alphabets(part) for part in parts]
    mixed = {"LATIN", "CYRILLIC"} <= set[str]().union(*alphabets)
    words = [word for part in parts if (word := _word(part, mixed and LOOK_ALIKE.issuperset(part))) is not None]
    if all(word.empty for word in words):
        return tuple(Word(word.forms, word.initial) for word in words)
    return tuple(words)


def store(sounds: Sounds) -> str:
    """A name's sounds as text: words apart by spaces, forms by `/`, initials with `.`, empty words with `-`."""
    return " ".join(("." if word.initial else "-" if word.empty else "") + "/".join(word.forms) for word in sounds)


def restore(text: str) -> Sounds:
    """What `store` wrote."""
    return tuple(stored_word(part) for part in text.split())


@lru_cache(maxsize=1 << 14)
def stored_word(part: str) -> Word:
    """One word of what `store` wrote."""
    return Word(tuple(part.lstrip(".-").split("/")), part.startswith("."), part.startswith("-"))


def key_of(form: str) -> str:
    """The consonants of a form, with `a` for a leading vowel; the form itself when there are too few."""
    consonants = "".join(letter for letter in form if letter not in VOWELS)
    if len(consonants) < FEWEST:
        return form
    return ("a" if form[0] in VOWELS else "") + consonants


@lru_cache(maxsize=4096)
def _word(part: str, veiled: bool) -> Word | None:  # noqa: FBT001 - cached by position
    """One word; none when nothing of it can be read. The cache holds words of public lists for the most part.

    A `veiled` one may be of the other alphabet than its letters: others of its name are.
    """
    dotted, letters = part.endswith("."), part.rstrip(".")
    forms = tuple(sorted({form for form in INITIALS.get(letters) or _readings(letters, veiled) if form}))
    if not forms:
        return None
    short = all(len(form) == 1 for form in forms) and not letters.isdecimal()
    alone = len(letters) == 1 and not letters.isdecimal()
    initial = alone or (dotted and short and len(letters) <= ABBREVIATED)
    return Word(forms, initial, letters in EMPTY_WORDS)


def _readings(letters: str, veiled: bool) -> list[str]:  # noqa: FBT001
    alphabets = _alphabets(letters)
    if not veiled and "LATIN" not in alphabets:
        return [_spoken(letters)]
    if not veiled and not alphabets & {"CYRILLIC", "GREEK"}:
        return [_sound(letters, system) for system in SYSTEMS]
    as_latin = [anyascii(letters).lower(), anyascii(letters.translate(TO_LATIN)).lower()]
    found = [_sound(one, system) for one in as_latin for system in SYSTEMS]
    return [*found, _spoken(letters.translate(TO_CYRILLIC))] if veiled or "CYRILLIC" in alphabets else found


def _alphabets(letters: str) -> set[str]:
    return {unicodedata.name(sign, "").partition(" ")[0] for sign in letters}


def _spoken(letters: str) -> str:
    """How letters that are not Latin sound, by their usual transcription."""
    return _sound(SIGNS.sub("", anyascii(letters)).lower(), ENGLISH)


def _sound(letters: str, system: Rules) -> str:
    said = _replace(letters, (*COMMON, *system))
    said = "".join(sign if sign.isascii() else anyascii(sign).lower() for sign in said)
    said = _replace(SIGNS.sub("", said), PLAIN)
    for pattern, becomes in TAIL:
        said = re.sub(pattern, becomes, said)
    return said.lower()


def _replace(letters: str, rules: Rules) -> str:
    pattern, becomes = _compiled(tuple(rules))
    return pattern.sub(lambda match: becomes[match.lastindex or 0], letters)


@lru_cache(maxsize=16)
def _compiled(rules: Rules) -> tuple[re.Pattern[str], Mapping[int, str]]:
    """One pattern for all rules, and what each group of it becomes."""
    pattern = re.compile("|".join(f"({pattern})" for pattern, _ in rules))
    return pattern, {number: becomes for number, (_, becomes) in enumerate(rules, 1)}
