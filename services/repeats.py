"""Possible repeats: cases that name the same person, court case or payout destination as another of late.

- Only keyed fingerprints are kept and compared; nobody, reviewers least of all, learns of whom a case is a repeat.
- Fingerprints are of what cannot be another's by chance: numbers of cards, accounts and phones, handles, addresses
  of mail and wallets; the unique number of a court case or of a criminal case, or a court's own number when the
  answer names the court too. Anything else makes none: a false match would burden an honest person.
- They follow the answers: a corrected answer replaces its fingerprints. What was found once stays found, so that
  nobody tries until no match is left. Erasing the case deletes them.
"""

import re
import unicodedata
from collections.abc import Collection
from datetime import timedelta
from typing import Final

from sqlalchemy import and_, or_
from sqlmodel import col, delete, exists, select

from models.audit import about, hold, record
from models.case import Case, CaseStatus
from models.fingerprint import Fingerprint, FingerprintKind
from models.unit import Unit
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

FOREIGN: Final = range(8, 16)
"""How many digits a phone's number has that begins with + (ITU-T E.164)."""

NUMBER = re.compile(r"(?<![\w.@])(\+?)(\d(?:[ \-()]{0,3}\d)+)(?![\w@])")
MAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
HANDLE = re.compile(r"(?:(?<![\w.+-])@|(?:t|paypal)\.me/)([a-z0-9_]{4,32})\b")
BARE_HANDLE = re.compile(r"(?=.*[0-9_])[a-z][a-z0-9_]{4,31}")
SERVICE = re.compile(r"wallet|send|.*bot")
"""Handles of services that many people are paid by."""
WALLET = re.compile(r"\b(?=\w*[0-9])(?=\w*[a-z])[a-z0-9]{20,}\b")
"""Addresses of wallets, and bank accounts that begin with letters (IBAN)."""

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


def destinations(text: str) -> Collection[str]:
    """What in an answer names where money goes, in one spelling."""
    plain = _plain(text)
    found = {number for sign, digits in NUMBER.findall(plain) if (number := _number(sign, digits))}
    found |= {mail.rstrip(".") for mail in MAIL.findall(plain)}
    found |= {handle for handle in HANDLE.findall(plain) if not SERVICE.fullmatch(handle)}
    found |= set(WALLET.findall(plain))
    bare = plain.strip()
    return found or ({bare} if BARE_HANDLE.fullmatch(bare) else set())


def court_cases(text: str) -> Collection[str]:
    """What in an answer names one court case among all courts, in one spelling."""
    plain = _plain(text)
    found = {*UNIQUE_COURT_NUMBER.findall(plain), *CRIMINAL_CASE.findall(plain)}
    courts = set(COURT.findall(plain))
    if len(courts) == 1:
        found |= {f"{court}:{_full_year(number)}" for court in courts for number in COURT_NUMBER.findall(plain)}
    return {value.translate(CYRILLIC) for value in found}


def _plain(text: str) -> str:
    """One spelling of what looks the same: no invisible signs, one kind of dash, no capitals."""
    seen = "".join(sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    return re.sub(r"[‐‑‒–—−]", "-", seen.casefold())


def _found(kind: FingerprintKind, text: str) -> Collection[str]:
    return destinations(text) if kind is FingerprintKind.DESTINATION else court_cases(text)


def _number(sign: str, typed: str) -> str | None:
    """A phone, card or account as digits; none for a bank's own numbers, dates and amounts."""
    digits = re.sub(r"\D", "", typed)
    match len(digits):
        case 10 if digits[0] == "9" and not sign:
            return f"7{digits}"
        case 11 if digits[0] in "78" and digits[1] == "9":
            return f"7{digits[1:]}"
        case length if sign and length in FOREIGN:
            return digits
        case 16 | 17 | 18 | 19:
            return digits
        case 20 if not digits.startswith("301"):  # a bank's correspondent account is the same for all its clients
            return digits
    return None


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
