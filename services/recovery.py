"""Moving a case to another Telegram account with its code and its recovery phrase.

- The phrase is checked between two transactions (`bot.phrases`): counted in the first, settled in the second.
- Whatever is wrong, the answer is the same and costs the same: an unknown code is measured against a hash of
  nothing, so that nobody learns which codes exist.
- Failed guesses are counted on the account that guesses, which is locked for a while. A count must survive, so a
  wrong guess is an outcome here and not a refusal, which would be rolled back.
- A case is never locked: with 66 bits to guess it would protect nothing, and whoever has seen the code, on a card
  or on a seized phone, could keep the person from cutting that phone off. Guesses at it are on record.
- The old account is cut off in the same transaction: its screen, buttons and conversation go, its messages too.
- Cases of that account that have ended go with it: left behind they could be erased from the old account alone,
  which may be in other hands, while the person is told that all is gone. They are moved and not shredded, since
  nobody has asked for that, and whoever asks anew is still known for a possible repeat.
- A volunteer whose account a case was moved from or to is barred from it: nobody judges or pays their own case.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import col, delete, select

from models.audit import about, record
from models.case import ENDED, Case, CaseStatus, RecoveryGuess
from models.errors import BadInput, Stale
from models.unit import Unit
from models.volunteer import Volunteer
from services import panel
from services.access import Actor, applicant_of, refuse_second_case
from services.clearing import clear_chat
from services.contact import read_contact, write_contact
from services.intake import LETTERS
from services.jobs import Job
from services.typed import clean
from vault.keystore import LastHolder
from vault.phrase import WORDS, normalised
from vault.types import BlindIndex, CaseCode, Secret

NOTHING: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$CKRr+j2Vu+nU04ztbTeIuhOFzYqZE6/eNvW6ayzoJNI"
)
"""A hash as dear as every other, of no phrase that anybody is given."""

LOOKALIKES: Final = str.maketrans("СНКМРТХУ", "CHKMPTXY")
"""Cyrillic letters that a Russian keyboard gives for those of a code."""

CODE: Final = re.compile(rf"\W*([{LETTERS}]{{4}})[\s‐-―-]*([{LETTERS}]{{4}})\b")

FORGET_AFTER: Final = timedelta(days=1)
"""When an account's failed guesses are forgotten."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What came of a try: the case, now the actor's; or none, and until when the account must wait, if it must."""

    case: Case | None
    locked_until: datetime | None = None


def read_claim(text: str) -> tuple[CaseCode, Secret]:
    """Code and phrase from one message. Raises `BadInput` when it is not a code followed by six words."""
    cleaned = clean(text)
    found = CODE.match(cleaned.upper().translate(LOOKALIKES))
    if found is None:
        raise BadInput("case.bad.recovery")
    phrase = normalised(Secret(cleaned[found.end() :]))
    if len(phrase.reveal().split()) != WORDS:
        raise BadInput("case.bad.recovery")
    return CaseCode(f"{found[1]}-{found[2]}"), phrase


async def begin_guess(unit: Unit, actor: Actor) -> datetime | None:
    """Count a try before it is checked, so that nothing done meanwhile takes it back.

    Returns until when the account is locked, if it may not try now. Raises `Stale` when a request is under way.
    """
    if actor.case is not None:
        raise Stale("case.refused.has-case")
    guesses = await _guesses(unit, actor.chat)
    if guesses.locked_until is not None:
        return guesses.locked_until
    guesses.guesses += 1
    guesses.changed_at = unit.now
    if guesses.guesses >= unit.policy.recovery_guesses:
        guesses.guesses = 0
        guesses.locked_until = unit.now + timedelta(minutes=unit.policy.recovery_lock_minutes)
    await unit.session.flush()
    return None


async def hash_of(unit: Unit, code: CaseCode) -> str:
    """What the phrase of a case is checked against; a hash of nothing for a code that nobody has."""
    found = await unit.session.exec(select(Case.recovery_hash).where(Case.code == code))
    return found.first() or NOTHING


async def settle(unit: Unit, actor: Actor, code: CaseCode, hashed: str, *, matches: bool) -> Recovery:
    """Move the case to the actor's account and cut the old account off, when the phrase matched this hash.

    Raises `Stale` when this account has a request under way.
    """
    await refuse_second_case(unit, actor)
    guesses = await _guesses(unit, actor.chat)
    case = (await unit.session.exec(select(Case).where(Case.code == code).with_for_update())).first()
    known = case is not None and case.recovery_hash == hashed
    if case is None or not known or not matches or not _movable(case):
        return await _failed(unit, case, guesses)
    await unit.session.delete(guesses)
    await _move(unit, actor, case)
    return Recovery(case)


def _movable(case: Case) -> bool:
    return case.status not in ENDED and case.status is not CaseStatus.DRAFT


async def _move(unit: Unit, actor: Actor, case: Case) -> None:
    moved = (case, *await _left_behind(unit, case))
    for each in moved:
        await _bar_volunteers(unit, each, actor.chat)
    if case.chat is not None:
        await clear_chat(unit, case.chat, [each.id for each in moved])
    for each in moved:
        await write_contact(unit, each, replace(await read_contact(unit, each), address=actor.address))
        await unit.session.flush()
        await record(unit, applicant_of(each), "case.moved", about("case", each.id))
        await unit.vault.note_holder(each.id, LastHolder(each.chat, each.contact))


async def _left_behind(unit: Unit, case: Case) -> Sequence[Case]:
    """The ended cases of the account that a case leaves, whose keys are still there."""
    ended = col(Case.status).in_(ENDED - {CaseStatus.SHREDDED})
    query = select(Case).where(Case.chat == case.chat, Case.id != case.id, ended).order_by(col(Case.id))
    found = (await unit.session.exec(query.with_for_update().execution_options(populate_existing=True))).all()
    gone = await unit.vault.shredded([each.id for each in found]) if found else ()
    return [each for each in found if each.id not in gone]


async def move_again(unit: Unit, case: Case, holder: LastHolder) -> bool:
    """A backup brought back a case as it was before it moved: move it as it was moved then, and tell whether."""
    if holder.chat is None or holder.contact is None or case.chat in {None, holder.chat}:
        return False
    if case.status in {CaseStatus.DRAFT, CaseStatus.SHREDDED}:
        return False
    await _bar_volunteers(unit, case, holder.chat)
    if case.chat is not None:
        await clear_chat(unit, case.chat, [case.id])
    case.chat, case.contact = holder.chat, holder.contact
    await unit.session.flush()
    return True


async def _bar_volunteers(unit: Unit, case: Case, target: BlindIndex) -> None:
    """A volunteer from or to whose account a case moves judges and pays it no more, also when it moves on."""
    lanes = {target} if case.chat is None else {target, case.chat}
    found = await unit.session.exec(select(Volunteer).where(col(Volunteer.chat).in_(lanes)))
    for volunteer in found.all():
        await panel.bar(unit, case, volunteer)


async def _failed(unit: Unit, case: Case | None, guesses: RecoveryGuess) -> Recovery:
    if case is not None and _movable(case):
        await record(unit, "somebody", "case.guess", about("case", case.id))
    await unit.session.flush()
    return Recovery(None, guesses.locked_until)


async def _guesses(unit: Unit, person: BlindIndex) -> RecoveryGuess:
    row = await unit.session.get(RecoveryGuess, person, with_for_update=True)
    if row is None:
        row = RecoveryGuess(person=person, changed_at=unit.now)
        unit.session.add(row)
    elif row.locked_until is not None and row.locked_until <= unit.now:
        row.locked_until = None
    return row


async def _find_old(unit: Unit) -> Sequence[str]:
    before = unit.now - FORGET_AFTER
    found = await unit.session.exec(select(RecoveryGuess.person).where(RecoveryGuess.changed_at < before))
    return found.all()


async def _forget(unit: Unit, person: BlindIndex) -> None:
    before = unit.now - FORGET_AFTER
    await unit.session.exec(
        delete(RecoveryGuess).where(col(RecoveryGuess.person) == person, col(RecoveryGuess.changed_at) < before)
    )


JOBS: tuple[Job, ...] = (Job("recovery.forget", timedelta(hours=1), _find_old, _forget),)
