"""A name is found whose words are written together, or apart, in another way than on the list."""

from pathlib import Path

import pytest

from bot.database import Resources
from models.screening import SubjectKind
from payments.screening.checking import State
from tests.unit.payments.screening.house import ask, load_eu, load_sdn
from tests.unit.payments.screening.published import person

LISTED = (
    person(1, "KHODORYCHEV Yevgeny Fyodorovich"),
    person(2, "ALFA-BANK", kind="entity"),
    person(3, "PROMSVYAZBANK", kind="entity"),
    person(4, "KIM Jong Un"),
    person(5, "ABD AL-RAHMAN Ahmad"),
    person(6, "ABDULAZIZ Yusuf"),
)


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        (SubjectKind.DONOR, "YevgenyKhodorychev"),
        (SubjectKind.DONOR, "ходорычевевгений"),
        (SubjectKind.DONOR, "Y e v g e n y K h o d o r y c h e v"),
        (SubjectKind.PARTNER, "Alfabank"),
        (SubjectKind.PARTNER, "ООО «Альфабанк»"),
        (SubjectKind.PARTNER, "Promsvyaz Bank"),
        (SubjectKind.DONOR, "Kim Jongun"),
        (SubjectKind.DONOR, "Kimjongun"),
        (SubjectKind.DONOR, "ходорычевевгенийфёдорович"),
        (SubjectKind.DONOR, "Ahmad Abdulrahman"),
        (SubjectKind.DONOR, "Ahmad Abdurrahman"),
        (SubjectKind.DONOR, "Yusuf Abd al-Aziz"),
    ],
)
async def test_a_space_more_or_less_hides_nobody(
    resources: Resources, tmp_path: Path, kind: SubjectKind, typed: str
) -> None:
    """Neither the usual spellings of banks, of Arabic and Korean names, nor a space left out on purpose."""
    await load_sdn(resources, tmp_path, LISTED)
    await load_eu(resources, tmp_path)
    assert (await ask(resources, kind, typed)).state is State.POSSIBLE


@pytest.mark.parametrize(
    "typed", ["Kim Jongsu", "Alfa", "Svyazbank", "Yevgeny Petrov", "Abdulrahman Saleh", "a " * 200, "ю" * 400]
)
async def test_a_name_that_shares_a_piece_is_nobody_else(resources: Resources, tmp_path: Path, typed: str) -> None:
    """Dividing and joining words makes no namesakes of people who share a given name or a firm's trade."""
    await load_sdn(resources, tmp_path, LISTED)
    await load_eu(resources, tmp_path)
    assert (await ask(resources, SubjectKind.DONOR, typed)).state is State.CLEAR
