"""A file is read by the reader of its schema, known by its first element."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from payments.screening import eu, ofac
from payments.screening.entries import Item, ListRefused
from payments.screening.stream import Progress, Stream, open_list, root_of

Reader = Callable[[Stream], Iterator[Item]]

READERS: Final[dict[str, Reader]] = {
    **{f"{{{namespace}}}{ofac.ROOT}": ofac.read for namespace in ofac.NAMESPACES},
    f"{{{eu.NAMESPACE}}}{eu.ROOT}": eu.read,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A file being read: iterate `items` to the end, then `stream.sha256` is that of the whole."""

    items: Iterator[Item]
    stream: Stream
    size: int
    """Bytes of XML."""


@contextmanager
def reading(path: Path, progress: Progress) -> Iterator[Reading]:
    """Read a list's file or zip. Raises `ListRefused`, at once or while its items are taken."""
    root = root_of(path)
    reader = READERS.get(root)
    if reader is None:
        raise ListRefused(
            f"its first element is {root[:120]}: neither OFAC's ADVANCED schema nor the EU's list 1.1"
        )
    with open_list(path) as (file, size):
        stream = Stream(file, progress)
        yield Reading(reader(stream), stream, size)
