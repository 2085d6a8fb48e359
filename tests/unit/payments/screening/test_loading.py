"""Lists go in whole or not at all."""

from datetime import timedelta
from pathlib import Path

from bot.database import Resources
from bot.sanctions import load_list
from payments.screening import State, Subject, SubjectKind, check
from tests.unit.payments.screening.published import Eu, Sdn, person, write

HERO = person(
    1,
    "KHODORYCHEV Yevgeny Fyodorovich",
    "Ходорычев Евгений Фёдорович",
    addresses=[("ETH", "0x098B716B8Aaf21512996dC57EB0615e2383E2f96")],
)


async def test_both_lists_are_loaded_and_looked_at(resources: Resources, tmp_path: Path) -> None:
    """What either publisher lists is found, by name and by address; what neither lists is not."""
    today = resources.clock.now()
    parties = [HERO, *(person(100 + n, f"Lazar{n} Testovich KHOROSHIN") for n in range(600))]
    sdn = Sdn(parties, issued=today.date() - timedelta(days=1))
    eu = Eu(parties, generated=(today - timedelta(hours=5)).isoformat())
    assert "601 entries, 602 names, 1 addresses" in await load_list(resources, write(tmp_path / "sdn.zip", sdn))
    assert "601 entries, 602 names, 0 addresses" in await load_list(resources, write(tmp_path / "eu.xml", eu))
    expected = {
        "Jewgeni Chodorytschew": State.POSSIBLE,
        "0x098b716b8aaf21512996dc57eb0615e2383e2f96": State.BLOCKED,
        "Ivan Petrov": State.CLEAR,
    }
    async with resources.unit() as unit:
        found = {text: (await check(unit, Subject(SubjectKind.DONOR, text))).state for text in expected}
    assert found == expected
