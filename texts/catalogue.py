"""Message catalogues: gettext `.po` files read by Babel, one file per language and conversation.

A message id is a key (`intake.category.ask`), never a sentence, so that a text can be made neutral without
touching the code. `texts.check` proves that the languages agree. Parameters are filled with `str.format`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from gettext import c2py
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po

FALLBACK = "en"
"""The language of whoever speaks none of ours."""

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Language:
    """One language: its messages (plural messages have several forms) and how it chooses a form."""

    messages: Mapping[str, tuple[str, ...]]
    form: Callable[[int], int]


class Catalogue:
    """All languages of the program. Make it once with `load` and hand it on."""

    def __init__(self, languages: Mapping[str, Language]) -> None:
        self._languages = dict(languages)

    @property
    def languages(self) -> tuple[str, ...]:
        """The language codes, sorted."""
        return tuple(sorted(self._languages))

    def choose(self, code: str | None) -> str:
        """The nearest language to an IETF tag such as `ru-RU`; the fallback when there is none."""
        base = (code or "").lower().split("-")[0]
        return base if base in self._languages else FALLBACK

    def render(self, key: str, language: str, **params: Any) -> str:  # noqa: ANN401 - what str.format takes
        """The text of a key with its parameters; `n` chooses the plural form.

        Raises `KeyError` for a key that no catalogue knows: the check of the catalogues makes that impossible.
        """
        chosen = self._languages[self.choose(language)]
        forms = chosen.messages[key]
        text = forms[chosen.form(int(params["n"]))] if len(forms) > 1 else forms[0]
        return text.format(**params) if params else text


def languages_in(folder: Path = HERE) -> tuple[str, ...]:
    """The languages that have a catalogue below a folder."""
    return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and any(path.glob("*.po"))))


def load(folder: Path = HERE) -> Catalogue:
    """Read every `<language>/*.po` below a folder."""
    languages = {}
    for path in map(folder.joinpath, languages_in(folder)):
        messages: dict[str, tuple[str, ...]] = {}
        form: Callable[[int], int] = bool
        for file in sorted(path.glob("*.po")):
            with file.open("rb") as stream:
                read = read_po(stream, locale=path.name)
            form = c2py(read.plural_expr)
            messages.update(
                {
                    str(m.id if isinstance(m.id, str) else m.id[0]): (
                        (m.string,) if isinstance(m.string, str) else tuple(m.string or ())
                    )
                    for m in read
                    if m.id
                }
            )
        languages[path.name] = Language(messages, form)
    return Catalogue(languages)
