"""A fund whose lists are loaded: what the tests of screening stand on."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Final

from bot.database import Resources
from bot.sanctions import load_list
from payments.screening import Subject, SubjectKind, Verdict, check
from tests.unit.payments.screening.published import Eu, Party, Sdn, person, write

WALLET: Final = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96"
BASE58: Final = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
HERO: Final = person(
    1,
    "KHODORYCHEV Yevgeny Fyodorovich",
    "Ходорычев Евгений Фёдорович",
    addresses=[("ETH", WALLET), ("XBT", BASE58)],
)
FIRM: Final = person(2, "GARANTIREX EUROPE OU", kind="entity")
TYPED: Final = "Jewgeni Chodorytschew"
"""How somebody else may write the first of them."""


async def load_sdn(
    resources: Resources,
    folder: Path,
    parties: Iterable[Party] = (HERO, FIRM),
    *,
    days: int = 0,
    fewer: bool = False,
) -> str:
    """Load an SDN list dated so many days ago."""
    issued = (resources.clock.now() - timedelta(days=days)).date()
    return await load_list(resources, write(folder / "sdn_advanced.xml", Sdn(parties, issued=issued)), fewer=fewer)


async def load_eu(resources: Resources, folder: Path, parties: Iterable[Party] = (FIRM,), *, days: int = 0) -> str:
    """Load an EU list generated so many days ago."""
    generated = (resources.clock.now() - timedelta(days=days)).isoformat()
    return await load_list(resources, write(folder / "eu.xml", Eu(parties, generated=generated)))


async def load_both(resources: Resources, folder: Path) -> None:
    """Both lists, of today."""
    await load_sdn(resources, folder)
    await load_eu(resources, folder)


async def ask(resources: Resources, kind: SubjectKind, text: str, **more: object) -> Verdict:
    """What the lists say, in a transaction of its own."""
    async with resources.unit() as unit:
        return await check(unit, Subject(kind, text, **more))  # type: ignore[arg-type] # fields by keyword
