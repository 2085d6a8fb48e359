"""XML read as a stream from a file that nobody vouches for: the one place of the fund that parses XML.

- A document type is refused with the first element, so that no entity is ever declared. libxml2 is told to resolve
  none, to load no DTD and to use no network all the same.
- Records are handed out when complete, and cleared at once with all that stood before them: memory is bounded by
  the largest of them, and that by `QUIET` and by libxml2's limits (10 MB for a text or an attribute, 256 levels).
- The file's SHA-256 is taken on the way, of the XML itself also when it lies in a zip.
- Whatever goes wrong is `ListRefused` with one line.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from lxml import etree

from payments.screening.entries import ListRefused

CHUNK: Final = 1 << 16
FIRST: Final = 1 << 9
"""Bytes at a time until the root is met, so that a document type is refused before anything may use it."""

QUIET: Final = 1 << 24
"""Bytes within which a record must begin or end. The largest published has some 100 kB; libxml2's push parser
would keep all of an endless attribute or comment."""

LARGEST: Final = 1 << 30
"""Bytes of XML. The largest list that is published has about 130 MB."""

Progress = Callable[[int], None]
"""Called with the bytes of XML read since the last call."""


class Stream:
    """The records of one XML file. Iterate `records` to its end, then `sha256` is known."""

    def __init__(self, file: BinaryIO, progress: Progress) -> None:
        self._file, self._progress = file, progress
        self._hash = hashlib.sha256()
        self._root: etree._Element | None = None

    @property
    def root(self) -> etree._Element:
        """The root element, with its attributes, once the first record is there."""
        if self._root is None:
            raise ListRefused("the file holds no XML element")
        return self._root

    @property
    def sha256(self) -> str:
        """Of what has been read, hexadecimal."""
        return self._hash.hexdigest()

    def records(
        self, root: str, tags: Sequence[str], check: Callable[[etree._Element], None]
    ) -> Iterator[etree._Element]:
        """The elements of these local names, each when complete, cleared after the caller's turn.

        `root` is the local name of the first element; `check` sees it before anything else and refuses what is not
        wanted. Raises `ListRefused`.
        """
        parser = _parser(root, *tags)
        try:
            for event, element in self._events(parser):
                if self._root is None:
                    self._meet(element.getroottree().getroot(), check)
                elif event == "end" and element is not self._root:
                    yield element
                    _forget(element)
        except etree.XMLSyntaxError as error:
            raise ListRefused(f"not well-formed XML, or cut off: {error.msg}") from None

    def _meet(self, root: etree._Element, check: Callable[[etree._Element], None]) -> None:
        if root.getroottree().docinfo.internalDTD is not None:
            raise ListRefused("it declares a document type, which no published list does")
        self._root = root
        check(root)

    def _events(self, parser: etree.XMLPullParser) -> Iterator[tuple[str, etree._Element]]:
        read = quiet = 0
        while chunk := self._file.read(CHUNK if self._root is not None else FIRST):
            read += len(chunk)
            if read > LARGEST:
                raise ListRefused(f"larger than {LARGEST >> 20} MiB of XML")
            self._hash.update(chunk)
            parser.feed(chunk)
            quiet += len(chunk)
            for event in _ready(parser):
                quiet = 0
                yield event
            if quiet > QUIET:
                raise ListRefused(f"one of its records is implausibly large: {QUIET >> 20} MiB and no end")
            self._progress(len(chunk))
        parser.close()
        yield from _ready(parser)


def root_of(path: Path) -> str:
    """The first element's name with its namespace. Raises `ListRefused` when the file does not begin like XML."""
    parser = _parser()
    with open_list(path) as (file, _):
        try:
            for _ in range(CHUNK // FIRST):
                parser.feed(file.read(FIRST))
                for _, element in _ready(parser):
                    return str(element.tag)
        except etree.XMLSyntaxError as error:
            raise ListRefused(f"not XML: {error.msg}") from None
    raise ListRefused("not XML: there is no element in its beginning")


def sha256_of(path: Path) -> str:
    """The SHA-256 of the XML in a file or a zip. Raises `ListRefused`."""
    taken, read = hashlib.sha256(), 0
    with open_list(path) as (file, _):
        while chunk := file.read(CHUNK):
            read += len(chunk)
            if read > LARGEST:
                raise ListRefused(f"larger than {LARGEST >> 20} MiB of XML")
            taken.update(chunk)
    return taken.hexdigest()


@contextmanager
def open_list(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """The XML in a file or in a zip with one XML file, and its size in bytes. Raises `ListRefused`."""
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                file.seek(0)
                yield file, path.stat().st_size
                return
            file.seek(0)
            with zipfile.ZipFile(file) as archive:
                inside = _only_xml(archive)
                with archive.open(inside) as member:
                    yield cast("BinaryIO", member), inside.file_size
    except OSError as error:
        raise ListRefused(f"{path}: cannot be read ({error.strerror or type(error).__name__})") from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise ListRefused(f"{path}: a damaged or unusable zip ({type(error).__name__})") from None


def local(element: etree._Element) -> str:
    """The name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def _parser(*names: str) -> etree.XMLPullParser:
    """A parser that tells the begin and the end of elements of these local names, of all when none is named."""
    return etree.XMLPullParser(
        events=("start", "end"), tag=[f"{{*}}{name}" for name in names] or None, resolve_entities=False,
        no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False, remove_comments=True,
        remove_pis=True, recover=False,
    )  # fmt: skip


def _ready(parser: etree.XMLPullParser) -> Iterator[tuple[str, etree._Element]]:
    events: Any = parser.read_events()
    yield from events


def _only_xml(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    files = [entry for entry in archive.infolist() if entry.filename.lower().endswith(".xml")]
    if len(files) != 1:
        raise ListRefused(f"the zip holds {len(files)} XML files, not one")
    return files[0]


def _forget(element: etree._Element) -> None:
    """Give back the memory of an element, of what stood before it, and of what stood before its section."""
    element.clear()
    section = element.getparent()
    for place in (element, section):
        around = place.getparent() if place is not None else None
        while around is not None and place is not None and place.getprevious() is not None:
            del around[0]
