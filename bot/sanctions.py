"""`plecho sanctions load`: a list goes from its file into the database, in the place of the one in use.

Many short transactions, so that a running bot waits for none of them long. Whatever goes wrong, the list that is
in use stays, and what was half loaded is removed.
"""

from collections.abc import Callable
from pathlib import Path

from bot.database import Resources
from bot.problems import Problem
from payments.screening import loading
from payments.screening.entries import Entry, Head, ListRefused, Programmes
from payments.screening.lists import label
from payments.screening.reading import Reading, reading
from payments.screening.stream import open_list, sha256_of


def xml_size(path: Path) -> int:
    """Bytes of XML in a file or a zip: what `progress` adds up to. Raises `Problem`."""
    try:
        with open_list(path) as (_, size):
            return size
    except ListRefused as refused:
        raise Problem(f"{path.name} is not loaded: {refused}") from None


async def load_list(
    resources: Resources, path: Path, *, fewer: bool = False, progress: Callable[[int], None] = lambda _: None
) -> str:
    """Load a list and say what was loaded. `progress` is told the bytes read. Raises `Problem`."""
    try:
        sha256 = sha256_of(path)
        await _sweep(resources)
        async with resources.unit() as unit:
            if (listed := await loading.same(unit, sha256)) is not None:
                return f"{label(listed)}: the list in use is this very file; it counts as loaded today."
        with reading(path, progress) as found:
            return await _load(resources, found, sha256, fewer=fewer)
    except ListRefused as refused:
        raise Problem(f"{path.name} is not loaded, and the list in use stays: {refused}") from None


async def _load(resources: Resources, found: Reading, sha256: str, *, fewer: bool) -> str:
    """Read the head, then all the rest. Whatever happens, nothing half loaded stays."""
    head = next(found.items, None)
    if not isinstance(head, Head):
        raise ListRefused("it does not begin with its date")
    async with resources.unit() as unit:
        under_way = await loading.begin(unit, head)
    try:
        return await _fill(resources, found, under_way, sha256, fewer=fewer)
    finally:
        await _sweep(resources, under_way.number)


async def _fill(
    resources: Resources, found: Reading, under_way: loading.Loading, sha256: str, *, fewer: bool
) -> str:
    programmes: list[Programmes] = []
    for item in found.items:
        if isinstance(item, Entry):
            under_way.batch.append(item)
            if under_way.full:
                async with resources.unit() as unit:
                    await loading.write(unit, under_way)
        elif isinstance(item, Programmes):
            programmes.append(item)
            if len(programmes) >= loading.BATCH:
                await _flush(resources, under_way, programmes)
    if found.stream.sha256 != sha256:
        raise ListRefused("the file was changed while it was read")
    await _flush(resources, under_way, programmes)
    async with resources.unit() as unit:
        listed = await loading.finish(unit, under_way, sha256, fewer=fewer)
        return f"{label(listed)}: {listed.entries} entries, {listed.names} names, {listed.addresses} addresses."


async def _flush(resources: Resources, under_way: loading.Loading, programmes: list[Programmes]) -> None:
    async with resources.unit() as unit:
        await loading.write(unit, under_way)
        await loading.write_programmes(unit, under_way, programmes)
    programmes.clear()


async def _sweep(resources: Resources, ended: int | None = None) -> None:
    left = True
    while left:
        async with resources.unit() as unit:
            left = await loading.sweep(unit, ended)
