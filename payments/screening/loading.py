"""A list goes into the database beside the current one, batch by batch, and takes its place in one step.

Each function is one transaction's worth of work, so that a running bot waits for no more than a batch. Until
`finish`, nothing of the new list is looked at; when loading ends early, `sweep` removes what it left. What is
older than the current list, or has lost more than half of its entries, is refused. So is a second load while
one is under way, until that has ended or has not been heard of for `PATIENCE`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel, col, delete, func, insert, select, update

from models.audit import record
from models.policy import ListSource
from models.screening import (
    ListedAddress,
    ListedEntry,
    ListedName,
    ListStatus,
    QuestionStatus,
    SanctionsList,
    ScreeningQuestion,
)
from models.unit import Unit
from payments.screening.addresses import LONGEST, normal
from payments.screening.entries import Entry, Head, ListRefused, Programmes
from payments.screening.lists import current, label
from payments.screening.sounds import listen, store

BATCH: Final = 500
"""Entries of one transaction."""

ROWS: Final = 20_000
"""Rows removed in one transaction."""

AHEAD: Final = timedelta(days=2)
"""A list dated later than this has a wrong date, or this machine has."""

PATIENCE: Final = timedelta(minutes=5)
"""A load that has written nothing for so long is dead: a batch takes seconds."""

KEEP: Final = 2
"""A new list has at least one entry for so many of the current one's."""

NAME_LIMIT: Final = 1000
SWEPT: Final = "another load took this one for dead and swept it away; load it again"
PER_STATEMENT: Final = 2000


@dataclass(slots=True)
class Loading:
    """How far a load has come. `number` is the new list's id."""

    number: int
    source: ListSource
    entries: int = 0
    names: int = 0
    addresses: int = 0
    batch: list[Entry] = field(default_factory=list)

    @property
    def full(self) -> bool:
        """Whether it is time to write the batch."""
        return len(self.batch) >= BATCH


async def same(unit: Unit, sha256: str) -> SanctionsList | None:
    """The list in use that is this very file, if any; it counts as loaded anew, now."""
    listed = next((one for one in (await current(unit)).values() if one.sha256 == sha256), None)
    if listed is None:
        return None
    listed.loaded_at = unit.now
    await record(
        unit, "operator", "sanctions_list.seen_again", f"sanctions_list:{listed.id}", source=listed.source
    )
    return listed


async def begin(unit: Unit, head: Head) -> Loading:
    """Make room for a new list.

    Raises `ListRefused` when it is older than the current one or from the future, or another load is under way.
    """
    if head.dated > unit.now + AHEAD:
        raise ListRefused(f"it is dated {head.dated:%Y-%m-%d}, in the future")
    before = (await current(unit)).get(head.source)
    if before is not None and head.dated < before.dated:
        raise ListRefused(
            f"it is dated {head.dated:%Y-%m-%d}, older than the list of {before.dated:%Y-%m-%d} in use"
        )
    listed = SanctionsList(source=head.source, dated=head.dated, sha256="", loaded_at=unit.now)
    try:
        async with unit.attempt():
            unit.session.add(listed)
            await unit.session.flush()
    except IntegrityError:
        raise ListRefused(
            f"another list is being loaded; try again when it has ended, or in {PATIENCE.seconds // 60} minutes"
        ) from None
    if listed.id is None:
        raise LookupError("a list without an id")
    return Loading(listed.id, head.source)


async def write(unit: Unit, loading: Loading) -> None:
    """Write the batch of entries with their names and addresses, and empty it.

    Raises `ListRefused` when the load was taken for dead meanwhile.
    """
    alive = await unit.session.exec(
        update(SanctionsList)
        .where(col(SanctionsList.id) == loading.number, col(SanctionsList.status) == ListStatus.LOADING)
        .values(loaded_at=unit.now)
    )
    if alive.rowcount != 1:
        raise ListRefused(SWEPT)
    rows: dict[type[SQLModel], list[dict[str, Any]]] = {
        table: [] for table in (ListedEntry, ListedName, ListedAddress)
    }
    for entry in loading.batch:
        loading.entries += 1
        _add(rows, loading, entry)
    connection = await unit.session.connection()
    for table, values in rows.items():
        for start in range(0, len(values), PER_STATEMENT):
            await connection.execute(insert(table), values[start : start + PER_STATEMENT])
    loading.batch.clear()


async def write_programmes(unit: Unit, loading: Loading, found: Sequence[Programmes]) -> None:
    """Write under which programmes entries are listed, where a list says so apart from them."""
    connection = await unit.session.connection()
    for programmes in found:
        if programmes.programmes:
            await connection.execute(
                update(ListedEntry)
                .where(col(ListedEntry.list_id) == loading.number, col(ListedEntry.ref) == programmes.ref)
                .values(programmes=", ".join(programmes.programmes)[:NAME_LIMIT])
            )


async def finish(unit: Unit, loading: Loading, sha256: str, *, fewer: bool) -> SanctionsList:
    """Put the new list in the place of the current one. Raises `ListRefused` when it has lost half of it.

    `fewer` lets it be. Open questions about entries that are changed or gone lapse.
    """
    listed = await unit.session.get(SanctionsList, loading.number, with_for_update=True, populate_existing=True)
    names = select(func.count()).select_from(ListedName).where(col(ListedName.list_id) == loading.number)
    if listed is None or (await unit.session.exec(names)).one() != loading.names:
        raise ListRefused(SWEPT)
    before = (await current(unit)).get(listed.source)
    if before is not None and not fewer and loading.entries * KEEP < before.entries:
        raise ListRefused(f"it has {loading.entries} entries, and the list in use {before.entries}")
    if before is not None:
        if listed.dated < before.dated:
            raise ListRefused("a newer list has been loaded meanwhile")
        before.status = ListStatus.REPLACED
        await unit.session.flush()
    listed.status, listed.sha256, listed.loaded_at = ListStatus.CURRENT, sha256, unit.now
    listed.entries, listed.names, listed.addresses = loading.entries, loading.names, loading.addresses
    await unit.session.flush()
    lapsed = await _lapse(unit, listed)
    await record(
        unit, "operator", "sanctions_list.loaded", f"sanctions_list:{listed.id}",
        source=listed.source, version=label(listed), entries=listed.entries, lapsed=lapsed,
    )  # fmt: skip
    return listed


async def sweep(unit: Unit, ended: int | None = None) -> bool:
    """Remove some rows of replaced lists, of a load that ended early (`ended`) and of a dead one.

    True while any are left.
    """
    loading = col(SanctionsList.status) == ListStatus.LOADING
    over = loading & ((col(SanctionsList.id) == ended) | (col(SanctionsList.loaded_at) <= unit.now - PATIENCE))
    replaced = col(SanctionsList.status) == ListStatus.REPLACED
    found = await unit.session.exec(select(SanctionsList.id).where(replaced | over))
    for number in found.all():
        if await _remove_some(unit, number):
            return True
        await unit.session.exec(delete(ListedAddress).where(col(ListedAddress.list_id) == number))
        await unit.session.exec(delete(ListedEntry).where(col(ListedEntry.list_id) == number))
    await unit.session.exec(delete(SanctionsList).where(over))
    return False


async def _remove_some(unit: Unit, number: int | None) -> bool:
    of_list = col(ListedName.list_id) == number
    first = (await unit.session.exec(select(func.min(ListedName.number)).where(of_list))).one()
    if first is None:
        return False
    await unit.session.exec(delete(ListedName).where(of_list, col(ListedName.number) < first + ROWS))
    return True


async def _lapse(unit: Unit, listed: SanctionsList) -> int:
    open_ones = await unit.session.exec(
        select(ScreeningQuestion).where(
            ScreeningQuestion.status == QuestionStatus.OPEN, ScreeningQuestion.source == listed.source
        )
    )
    lapsed = 0
    for question in open_ones.all():
        stands = await unit.session.exec(
            select(ListedEntry.number).where(
                ListedEntry.list_id == listed.id,
                ListedEntry.ref == question.ref,
                ListedEntry.digest == question.digest,
            )
        )
        if stands.first() is None:
            question.status = QuestionStatus.LAPSED
            lapsed += 1
    await unit.session.flush()
    return lapsed


def _add(rows: dict[type[SQLModel], list[dict[str, Any]]], loading: Loading, entry: Entry) -> None:
    number = loading.entries
    own = {"list_id": loading.number}
    rows[ListedEntry].append(
        own | {
            "number": number, "ref": entry.ref[:64], "kind": entry.kind, "name": entry.names[0].text[:NAME_LIMIT],
            "facts": entry.facts.packed(), "programmes": ", ".join(entry.programmes)[:NAME_LIMIT],
            "digest": entry.digest,
        }
    )  # fmt: skip
    for name in entry.names:
        sounds = listen(name.text[:NAME_LIMIT])
        if not sounds:
            continue
        loading.names += 1
        rows[ListedName].append(
            own | {
                "number": loading.names, "entry": number, "name": name.text[:NAME_LIMIT], "sounds": store(sounds),
                "weak": name.weak,
            }
        )  # fmt: skip
    for address, currency in {
        normal(address)[:LONGEST]: currency for currency, address in entry.addresses
    }.items():
        loading.addresses += 1
        rows[ListedAddress].append(own | {"address": address, "entry": number, "currency": currency[:32]})
