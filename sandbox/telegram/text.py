"""Text as Telegram reads it: HTML into text with entities, commands and links found in plain text.

Offsets and lengths of entities count UTF-16 code units (core.telegram.org/bots/api#messageentity). Only the HTML
parse mode is spoken; any other is refused.
"""

import re
from html.parser import HTMLParser
from typing import Final

from sandbox.telegram.wire import JsonDict, bad_request

_TAGS: Final = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "code": "code", "pre": "pre",
    "a": "text_link", "blockquote": "blockquote", "tg-spoiler": "spoiler", "span": "spoiler",
}  # fmt: skip
_FOUND: Final = re.compile(
    r"(?P<bot_command>(?<![\w/])/[A-Za-z0-9_]{1,32}(?:@\w{3,32})?)"
    r"|(?P<url>https?://[^\s<>\"]+)"
    r"|(?P<mention>(?<!\w)@[A-Za-z]\w{3,31})"
)


def utf16(text: str) -> int:
    """Return the length of `text` in UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def found_entities(text: str) -> list[JsonDict]:
    """Return the commands, links and mentions that Telegram's clients mark by themselves."""
    if not any(mark in text for mark in "/@"):
        return []
    return [
        {"type": match.lastgroup, "offset": utf16(text[: match.start()]), "length": utf16(match.group())}
        for match in _FOUND.finditer(text)
    ]


def parsed(text: str, parse_mode: str | None, entities: list[JsonDict] | None) -> tuple[str, list[JsonDict]]:
    """Return what a reader sees: text without outer blanks, and its entities.

    Raises the 400 refusal for markup that cannot be parsed.
    """
    if parse_mode and parse_mode.lower() != "html":
        what = "unsupported parse_mode"
        raise bad_request(what)
    marked = entities or []
    if parse_mode and ("<" in text or "&" in text):
        parser = _Html()
        parser.feed(text)
        parser.close()
        text, marked = parser.result()
    bare = text.strip()
    if bare != text:
        marked = _shifted(marked, utf16(text[: len(text) - len(text.lstrip())]), utf16(bare))
    return bare, sorted([*marked, *found_entities(bare)], key=lambda entity: int(entity["offset"]))


def _shifted(entities: list[JsonDict], cut: int, length: int) -> list[JsonDict]:
    kept = []
    for entity in entities:
        start = max(0, entity["offset"] - cut)
        end = min(length, entity["offset"] + entity["length"] - cut)
        if end > start:
            kept.append(entity | {"offset": start, "length": end - start})
    return kept


class _Html(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._length = 0
        self._open: list[tuple[str, int, str | None]] = []
        self._entities: list[JsonDict] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            what = f'can\'t parse entities: Unsupported start tag "{tag}" at byte offset {self.getpos()[1]}'
            raise bad_request(what)
        self._open.append((tag, self._length, dict(attrs).get("href")))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            what = f"can't parse entities: Unexpected end tag at byte offset {self.getpos()[1]}"
            raise bad_request(what)
        _, start, href = self._open.pop()
        if self._length == start:
            return
        entity: JsonDict = {"type": _TAGS[tag], "offset": start, "length": self._length - start}
        if tag == "a":
            if not href:
                return
            entity["url"] = href
        self._entities.append(entity)

    def handle_data(self, data: str) -> None:
        self._parts.append(data)
        self._length += utf16(data)

    def result(self) -> tuple[str, list[JsonDict]]:
        if self._open:
            what = f"can't parse entities: Can't find end tag corresponding to start tag \"{self._open[-1][0]}\""
            raise bad_request(what)
        return "".join(self._parts), self._entities
