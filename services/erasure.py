"""Erasing: everything of a case becomes unreadable, and the person is told exactly what could not be removed.

The order, which decides what a crash can leave behind:

1. All rows of the case go, in the open transaction, so that whatever the database refuses is refused first.
2. The keys are shredded, in their own database and for good: the point of no return.
3. The transaction commits, and the files are unlinked.

Between 2 and 3 a crash leaves rows that nobody can open: the event is handled again, and a job of the clock
finishes any case whose keys are gone. The books keep an amount, a date and a random number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlmodel import col, delete, func, select, update

from models.audit import about, record
from models.case import ALLOWED, Answer, Case, CaseStatus, Question
from models.fingerprint import Fingerprint
from models.followup import FollowUp
from models.grant import Grant
from models.panel import Recusal, Vote
from models.states import move
from models.unit import Unit
from payments import grants
from payments.screening import questions as screening_questions
from services import emergency, followup_words
from services.access import Actor, applicant_of
from services.attachments import delete_files
from services.clearing import clear_chat, erase_case_messages
from services.followup_court import AROUND_COURT
from services.intake import new_code
from services.jobs import Job
from services.submission import let_go


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done: cases shredded, messages deleted, those too old for it, grants in the books, money let go."""

    cases: int
    messages: int
    too_old: int
    grants: int
    money_moving: bool
    money_let_go: bool


async def erase(unit: Unit, actor: Actor) -> Erased:
    """Erase every case of the actor, under way or ended, and everything in their private chat.

    Also for who has no case: their chat and conversation are cleared all the same.
    """
    own = select(Case).where(Case.chat == actor.chat, Case.status != CaseStatus.SHREDDED).with_for_update()
    # As they are once they are held: what is blanked in memory alone stays in its row.
    cases = (await unit.session.exec(own.execution_options(populate_existing=True))).all()
    granted = await _grants_of(unit, cases)
    lets_go = await grants.may_let_go(unit, actor.chat)
    cleared = await clear_chat(unit, actor.chat, [case.id for case in cases])
    moving = False
    for case in cases:
        moving = await shred_case(unit, case, applicant_of(case)) or moving
    return Erased(len(cases), cleared.deleted, cleared.too_old, granted, moving, lets_go and not moving)


async def shred_case(unit: Unit, case: Case, actor_name: str) -> bool:
    """Delete all rows of one case, then its keys; tell whether money is on its way. Safe to repeat."""
    moving = await let_go(unit, case, actor_name)
    if case.chat is not None:
        await clear_chat(unit, case.chat, [case.id])
    await erase_case_messages(unit, case.id)
    await _delete_rows(unit, case)
    _blank(case)
    await unit.session.flush()
    if case.status is not CaseStatus.SHREDDED:
        if CaseStatus.SHREDDED not in ALLOWED[case.status]:
            await move(unit, case, CaseStatus.WITHDRAWN, ALLOWED, actor_name)
        await move(unit, case, CaseStatus.SHREDDED, ALLOWED, actor_name)
    await record(unit, actor_name, "case.erased", about("case", case.id))
    await unit.vault.shred(case.id)
    return moving


async def _delete_rows(unit: Unit, case: Case) -> None:
    await delete_files(unit, case)
    await unit.session.exec(delete(Answer).where(col(Answer.case_id) == case.id))
    await unit.session.exec(delete(Question).where(col(Question.case_id) == case.id))
    await unit.session.exec(delete(Fingerprint).where(col(Fingerprint.case_id) == case.id))
    await emergency.forget(unit, case)
    await screening_questions.forget(unit, case.id)
    await unit.session.exec(delete(Recusal).where(col(Recusal.case_id) == case.id))
    await unit.session.exec(update(Vote).where(col(Vote.case_id) == case.id).values(reason=None, amount=None))
    of_case = col(FollowUp.case_id) == case.id
    await followup_words.forget(unit, case)
    await unit.session.exec(delete(FollowUp).where(of_case, col(FollowUp.kind).in_(AROUND_COURT)))
    await unit.session.exec(update(FollowUp).where(of_case).values(words=None))


def _blank(case: Case) -> None:
    """The code goes too: a receipt that somebody kept must not find the case's row."""
    case.code = new_code()
    case.chat = case.contact = case.check_phrase = case.recovery_hash = None
    case.category = case.urgency = case.amount = case.expires_at = None
    case.possible_repeat = case.phrase_wanted = False


async def _grants_of(unit: Unit, cases: Sequence[Case]) -> int:
    found = await unit.session.exec(
        select(func.count()).select_from(Grant).where(col(Grant.case_id).in_([case.id for case in cases]))
    )
    return found.one()


async def _find_expired(unit: Unit) -> Sequence[UUID]:
    found = await unit.session.exec(
        select(Case.id).where(Case.status == CaseStatus.DRAFT, col(Case.expires_at) <= unit.now)
    )
    return found.all()


async def _expire(unit: Unit, case_id: UUID) -> None:
    """Shred a draft whose hours are over. Nothing is said: the person finds an empty start when they come back."""
    case = await unit.session.get(Case, case_id, with_for_update=True)
    if (
        case is None
        or case.status is not CaseStatus.DRAFT
        or case.expires_at is None
        or case.expires_at > unit.now
    ):
        return
    await shred_case(unit, case, "system")


async def _find_unfinished(unit: Unit) -> Sequence[UUID]:
    """Cases whose keys are gone and whose rows are still here."""
    living = (await unit.session.exec(select(Case.id).where(Case.status != CaseStatus.SHREDDED))).all()
    return list(await unit.vault.shredded(living)) if living else []


async def _finish(unit: Unit, case_id: UUID) -> None:
    """Shred what a crash left; of an erasure that had only not committed yet, nothing said must be dropped."""
    case = await unit.session.get(Case, case_id, with_for_update=True)
    if case is None or case.status is CaseStatus.SHREDDED:
        return
    if await unit.vault.shredded([case_id]):
        await shred_case(unit, case, "system")


JOBS: tuple[Job, ...] = (
    Job("intake.expire", timedelta(minutes=5), _find_expired, _expire),
    Job("erasure.finish", timedelta(minutes=1), _find_unfinished, _finish),
)
