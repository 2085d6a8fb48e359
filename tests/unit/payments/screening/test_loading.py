"""Lists go in whole or not at all: whatever a file is, the list in use stays until a better one is complete."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import SQLModel, col, func, select

from bot.database import Resources
from bot.problems import Problem
from bot.sanctions import load_list, xml_size
from models.audit import AuditEntry
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
from payments.screening import State, SubjectKind, loading
from payments.screening.entries import Head, ListRefused
from payments.screening.lists import stale
from sandbox.clock import TravelClock
from tests.unit.payments.screening.house import FIRM, HERO, TYPED, WALLET, ask, load_both, load_eu, load_sdn
from tests.unit.payments.screening.published import Eu, Party, Sdn, person, write

TABLES: tuple[type[SQLModel], ...] = (ListedEntry, ListedName, ListedAddress, SanctionsList)
MANY = [HERO, FIRM, *(person(100 + n, f"LAZAREV{n} Taras") for n in range(1300))]


async def rows(resources: Resources) -> tuple[int, ...]:
    """How many rows each table has, the lists' heads last."""
    async with resources.unit() as unit:
        counts = [await unit.session.exec(select(func.count()).select_from(table)) for table in TABLES]
        return tuple(count.one() for count in counts)


async def test_both_lists_are_loaded_and_looked_at(resources: Resources, tmp_path: Path) -> None:
    """What either publisher lists is found, by name and by address; what neither lists is not."""
    assert "1302 entries, 1303 names, 2 addresses" in await load_sdn(resources, tmp_path, MANY)
    assert "1 entries, 1 names, 0 addresses" in await load_eu(resources, tmp_path)
    assert (await ask(resources, SubjectKind.DONOR, TYPED)).state is State.POSSIBLE
    assert (await ask(resources, SubjectKind.WALLET, WALLET.lower())).state is State.BLOCKED
    verdict = await ask(resources, SubjectKind.PARTNER, "Иван Петров")
    assert verdict.clear
    assert verdict.lists.startswith("eu ")
    assert ", ofac " in verdict.lists
    async with resources.unit() as unit:
        entry = (await unit.session.exec(select(ListedEntry).where(ListedEntry.ref == "1"))).one()
        assert entry.programmes == "RUSSIA-EO14024"
        assert (await unit.session.exec(select(AuditEntry.act))).all().count("sanctions_list.loaded") == 2


async def test_a_newer_list_takes_the_place_of_the_old_one(resources: Resources, tmp_path: Path) -> None:
    """Rows of the old one go, its head stays, and only the new one is looked at."""
    await load_sdn(resources, tmp_path, [HERO, FIRM], days=3)
    before = await rows(resources)
    await load_sdn(resources, tmp_path, [FIRM, person(3, "LAZAREV Taras")], days=1)
    await load_eu(resources, tmp_path)
    assert (await ask(resources, SubjectKind.DONOR, TYPED)).clear
    assert (await ask(resources, SubjectKind.WALLET, WALLET)).clear
    assert not (await ask(resources, SubjectKind.DONOR, "Taras Lasarew")).clear
    after = await rows(resources)
    assert (after[0], after[-1]) == (before[0] + 1, before[-1] + 2)
    async with resources.unit() as unit:
        listed = (await unit.session.exec(select(SanctionsList.status).order_by(col(SanctionsList.id)))).all()
    assert listed == [ListStatus.REPLACED, ListStatus.CURRENT, ListStatus.CURRENT]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text[:-40], "cut off"),
        (lambda text: text[: len(text) * 3 // 4], "cut off"),
        (lambda text: text.replace("SDN List", "Consolidated List"), "another of OFAC's lists"),
        (lambda text: text.replace(">LAZAREV1299<", "><").replace(">Taras<", "><"), "has no name"),
    ],
)
async def test_a_spoilt_file_changes_nothing(
    resources: Resources, tmp_path: Path, spoil: Callable[[str], str], said: str
) -> None:
    """A fault at the very end, after batches were written, leaves the list in use and no row behind."""
    await load_sdn(resources, tmp_path, days=2)
    before = await rows(resources)
    today = resources.clock.now().date()
    path = write(tmp_path / "spoilt.xml", [spoil("".join(Sdn(MANY, issued=today)))])
    with pytest.raises(Problem, match=said) as problem:
        await load_list(resources, path)
    assert "the list in use stays" in str(problem.value)
    assert await rows(resources) == before
    assert (await ask(resources, SubjectKind.WALLET, WALLET)).state is State.BLOCKED


async def test_one_list_is_loaded_at_a_time(resources: Resources, tmp_path: Path, clock: TravelClock) -> None:
    """A second load is refused while one is heard of; once that is dead it is swept away, and refused."""
    await load_both(resources, tmp_path)
    before = await rows(resources)
    head = Head(ListSource.OFAC, resources.clock.now())
    async with resources.unit() as unit:
        first = await loading.begin(unit, head)
    clock.advance(timedelta(minutes=4))
    async with resources.unit() as unit:
        await loading.write(unit, first)
    clock.advance(timedelta(minutes=4))
    with pytest.raises(Problem, match="another list is being loaded"):
        await load_eu(resources, tmp_path, [FIRM, HERO])
    clock.advance(timedelta(minutes=1))
    await load_eu(resources, tmp_path, [FIRM, HERO])
    async with resources.unit() as unit:
        with pytest.raises(ListRefused, match="swept"):
            await loading.write(unit, first)
        with pytest.raises(ListRefused, match="swept"):
            await loading.finish(unit, first, "0" * 64, fewer=True)
    assert (await rows(resources))[-1] == before[-1] + 1


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_of_loads_at_once_one_goes_through(resources: Resources, tmp_path: Path) -> None:
    """Real transactions side by side: the others are told, and what is in use is whole."""
    for place in ("a", "b", "c"):
        (tmp_path / place).mkdir()

    async def load(place: str) -> str:
        try:
            return await load_sdn(resources, tmp_path / place, MANY, days=3)
        except Problem as refused:
            return str(refused)

    said = await asyncio.gather(load("a"), load("b"), load("c"))
    assert any("1302 entries" in line for line in said)
    assert all(any(part in line for part in ("1302 entries", "this very file", "another list")) for line in said)
    entries, names, _, _ = await rows(resources)
    assert (entries, names) == (len(MANY), len(MANY) + 1)


async def test_an_older_list_is_refused(resources: Resources, tmp_path: Path) -> None:
    """A list may not go back in time, nor be dated in the future."""
    await load_sdn(resources, tmp_path, days=2)
    with pytest.raises(Problem, match="older than the list"):
        await load_sdn(resources, tmp_path, [FIRM], days=3)
    with pytest.raises(Problem, match="in the future"):
        await load_sdn(resources, tmp_path, [FIRM], days=-5)


async def test_a_list_that_lost_half_of_itself_is_refused(resources: Resources, tmp_path: Path) -> None:
    """A well-formed file with almost nobody in it would clear everybody: only the operator may let it in."""
    await load_sdn(resources, tmp_path, MANY[:40], days=2)
    with pytest.raises(Problem, match="has 3 entries, and the list in use 40"):
        await load_sdn(resources, tmp_path, MANY[:3])
    assert "3 entries" in await load_sdn(resources, tmp_path, MANY[:3], fewer=True)


async def test_the_same_file_again_is_a_fresh_look(
    resources: Resources, tmp_path: Path, clock: TravelClock
) -> None:
    """An unchanged list is current for as long as it is fetched again; its own date bounds that."""
    await load_both(resources, tmp_path)
    clock.advance(timedelta(days=8))
    assert await _stale(resources) == [ListSource.OFAC, ListSource.EU]
    assert "this very file" in await load_list(resources, tmp_path / "sdn_advanced.xml")
    assert "this very file" in await load_list(resources, tmp_path / "eu.xml")
    assert await _stale(resources) == []
    clock.advance(timedelta(days=40))
    await load_list(resources, tmp_path / "sdn_advanced.xml")
    await load_list(resources, tmp_path / "eu.xml")
    assert await _stale(resources) == [ListSource.OFAC, ListSource.EU]


async def test_open_questions_lapse_with_their_entry(resources: Resources, tmp_path: Path) -> None:
    """Whoever is taken off the list is not asked about any more; who comes back is asked about again."""
    await load_both(resources, tmp_path)
    asked = await ask(resources, SubjectKind.DONOR, TYPED)
    await load_sdn(resources, tmp_path, [FIRM, person(3, "LAZAREV Taras")])
    assert (await ask(resources, SubjectKind.DONOR, TYPED)).clear
    async with resources.unit() as unit:
        question = await unit.session.get_one(ScreeningQuestion, asked.questions[0])
        assert question.status is QuestionStatus.LAPSED
    await load_sdn(resources, tmp_path, [FIRM, HERO])
    again = await ask(resources, SubjectKind.DONOR, TYPED)
    assert (again.state, again.questions) == (State.POSSIBLE, asked.questions)


async def test_progress_adds_up_to_the_size(resources: Resources, tmp_path: Path) -> None:
    """The bar of the command line ends full, for a file and for a zip."""
    for name in ("eu.xml", "eu.zip"):
        generated = (resources.clock.now() + timedelta(minutes=len(name))).isoformat()
        path = write(tmp_path / name, Eu([FIRM], generated=generated))
        steps: list[int] = []
        await load_list(resources, path, progress=steps.append)
        assert sum(steps) == xml_size(path)


async def test_a_vessel_is_an_entry_too(resources: Resources, tmp_path: Path) -> None:
    """Ships are listed by name, and a partner may be called like one: a human decides."""
    ship = Party(9, FIRM.names, "vessel")
    await load_sdn(resources, tmp_path, [ship])
    await load_eu(resources, tmp_path, [HERO])
    assert not (await ask(resources, SubjectKind.PARTNER, "Garantirex Europe")).clear


async def _stale(resources: Resources) -> list[ListSource]:
    async with resources.unit() as unit:
        return list(await stale(unit))
