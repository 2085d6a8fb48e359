"""Possible repeats: cases that name the same person, court case or payout destination as another of late.

- Only keyed fingerprints are kept and compared; nobody, reviewers least of all, learns of whom a case is a repeat.
- Fingerprints are of what cannot be another's by chance: what names a destination (`payments.destinations`); the
  unique number of a court case or of a criminal case, or a court's own number when the answer names the court too.
  Anything else makes none: a false match would burden an honest person.
- They follow the answers: a corrected answer replaces its fingerprints. What was found once stays found, so that
  nobody tries until no match is left. Erasing the case deletes them.
"""

import re
from collections.abc import Collection
from datetime import timedelta
from typing import Final

from sqlalchemy import and_, or_
from sqlmodel import col, delete, exists, select

from models.audit import about, hold, record
from models.case import Case, CaseStatus
from models.fingerprint import Fingerprint, FingerprintKind
from models.unit import Unit
from payments.destinations import named, plain
from services.intake import read_answer
from vault.types import IndexName

WITHIN: Final = timedelta(days=365)
"""How far back another case counts, from its sending. Cases erased earlier count no more."""

SOURCES: Final = {"payout": FingerprintKind.DESTINATION, "confirmation": FingerprintKind.COURT_CASE}
"""Questions whose answers leave fingerprints."""

INDEXES: Final = {
    FingerprintKind.DESTINATION: IndexName.destination,
    FingerprintKind.COURT_CASE: IndexName.court_case,
}

UNIQUE_COURT_NUMBER = re.compile(r"\b\d{2}[a-zа-я]{2}\d{4}-\d{2}-\d{4}-\d{6}-\d{2}\b")
"""The unique identifier that every case in a Russian court has since 2019, as `77RS0021-02-2026-000123-45`."""

CRIMINAL_CASE = re.compile(r"(?<!\d)1\d{16}(?!\d)")
"""The number of a criminal case in Russia: 1, the year, and fourteen digits more."""

COURT_NUMBER = re.compile(r"(?<![\w/-])\d{1,2}[а-яa-z]?-\d{1,6}(?:/\d{1,4})?/(?:20)?\d{2}(?![\w/-])")
COURT = re.compile(
    r"\b(\w+?)ск(?:ий|ой|ого|ому|им|ом)\s+(?:\w+\s+)?"
    r"(?:район|межрайон|город|област|краев|гарнизон|окруж)\w*\s+суд"
)
"""A court by the stem of its name, whatever the case it is written in."""

CYRILLIC: Final = str.maketrans("\u0430\u0441\u0435\u043e\u0440\u0445\u0443", "aceopxy")
"""Letters that look the same: a court's number is typed with either."""


async def note(unit: Unit, case: Case) -> bool:
    """Write down a case's fingerprints as its answers are now; tell whether it has become a possible repeat."""
    await unit.session.exec(select(Case.id).where(Case.id == case.id).with_for_update())
    await hold(unit)  # of two cases that come at once the second sees the first
    await unit.session.exec(delete(Fingerprint).where(col(Fingerprint.case_id) == case.id))
    for key, kind in SOURCES.items():
        text = await read_answer(unit, case, key) or ""
        for value in sorted(_found(kind, text)):
            index = unit.vault.index(INDEXES[kind], value)
            unit.session.add(Fingerprint(case_id=case.id, kind=kind, value=index))
    await unit.session.flush()
    if case.possible_repeat or not await _is_repeat(unit, case):
        return False
    case.possible_repeat = True
    await unit.session.flush()
    await record(unit, "system", "case.possible_repeat", about("case", case.id))
    return True


def court_cases(text: str) -> Collection[str]:
    """What in an answer names one court case among all courts, in one spelling."""
    shown = plain(text)
    found = {*UNIQUE_COURT_NUMBER.findall(shown), *CRIMINAL_CASE.findall(shown)}
    courts = set(COURT.findall(shown))
    if len(courts) == 1:
        found |= {f"{court}:{_full_year(number)}" for court in courts for number in COURT_NUMBER.findall(shown)}
    return {value.translate(CYRILLIC) for value in found}


def _found(kind: FingerprintKind, text: str) -> Collection[str]:
    return named(text) if kind is FingerprintKind.DESTINATION else court_cases(text)


def _full_year(number: str) -> str:
    head, _, year = number.rpartition("/")
    return f"{head}/{year[-2:]}"


async def _is_repeat(unit: Unit, case: Case) -> bool:
    """Whether another case sent of late has a fingerprint in common with this one, or the same chat.

    One that was taken back before it was decided does not count.
    """
    mine = await unit.session.exec(
        select(Fingerprint.kind, Fingerprint.value).where(Fingerprint.case_id == case.id)
    )
    common = [
        exists().where(
            col(Fingerprint.case_id) == Case.id, col(Fingerprint.kind) == kind, col(Fingerprint.value) == value
        )
        for kind, value in mine.all()
    ]
    found = await unit.session.exec(
        select(Case.id)
        .where(Case.id != case.id, col(Case.submitted_at) > unit.now - WITHIN)
        .where(or_(col(Case.status) != CaseStatus.WITHDRAWN, col(Case.decided_at).is_not(None)))
        .where(or_(and_(col(Case.chat).is_not(None), col(Case.chat) == case.chat), *common))
        .limit(1)
    )
    return found.first() is not None
