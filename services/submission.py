"""Sending a case, and what its person may do with it afterwards: add, correct, withdraw.

- A draft is on record as a whole when it is sent, not answer by answer (decision 16).
- Sending writes down the clear facts, orders the recovery phrase (made by `bot.phrases`, shown once, kept as a
  slow hash) and opens the review.
- A change of what the panel judges raises the version and asks for every vote anew. How the money can arrive and
  how the person can be reached change nothing that was voted on, unless the case becomes a possible repeat by it:
  then more approvals are needed, and every vote is asked anew (`services.repeats`).
- What is refused is refused before anything is written: whoever shows the refusal themselves commits what was.
- A withdrawn case is read by nobody any more; erasing it is another act.
"""

from collections.abc import Sequence
from functools import cache
from uuid import UUID

from sqlalchemy import Executable
from sqlmodel import col, func, select

from models.audit import about, record
from models.case import ALLOWED, OPEN, Attachment, Case, CaseStatus
from models.errors import BadInput, Stale
from models.states import move
from models.unit import Unit
from payments import grants
from services import followup, followup_court, followup_rows, limits, repeats, review, treasury_rights
from services.access import Actor, applicant_of
from services.contact import read_contact
from services.intake import (
    read_answer,
    read_answers,
    require_own,
    required_missing,
    set_contact,
    set_facts,
    write_answer,
)
from services.messages import erase_too_long
from services.questions import KEYS, SKIPPED, question
from services.typed import read_text
from vault.types import Compartment

ADDED_LIMIT = 20_000
"""Characters that may be added to one case in all."""

ADDED = "added"


async def give_answer(unit: Unit, actor: Actor, case: Case, key: str, value: str) -> None:
    """Store an answer of the actor's own case, sent or not.

    Raises `Stale` when it may no longer be changed, `BadInput` after too many changes of what the panel judges.
    That a case becomes a possible repeat is not counted: it happens once.
    """
    require_own(actor, case)
    await hold(unit, case)
    if key not in changeable(case) and key != await asked_again(unit, case):
        raise Stale("case.refused.fixed")
    is_put_off = key == followup_court.COURT and (await read_answer(unit, case, key) or "") != value
    compartment = question(key).compartment
    is_judged = compartment is Compartment.story
    if is_judged and case.status in OPEN:
        await limits.spend(unit, actor.chat, limits.CHANGES)
    await write_answer(unit, case, key, value)
    await erase_too_long(unit, actor.chat)
    if case.status is CaseStatus.DRAFT:
        return
    if compartment is Compartment.contact:
        allowed = (await read_contact(unit, case)).may_write
        await set_contact(unit, case, await read_answers(unit, case, Compartment.contact))
        if not allowed:
            await followup.resume(unit, case)
    if is_put_off:
        await followup_court.put_off(unit, case)
    await record(unit, applicant_of(case), "case.corrected", about("case", case.id), question=key)
    has_become_repeat = key in repeats.SOURCES and await repeats.note(unit, case)
    if is_judged or has_become_repeat:
        await content_changed(unit, case)


async def hold(unit: Unit, case: Case) -> None:
    """Hold a case that was sent until the commit, and see it as it is then: what its person changes is voted on.

    Whoever votes holds it before they take the chain of the audit log; so must whoever changes it.
    """
    if case.status is not CaseStatus.DRAFT:
        await unit.session.flush()
        await unit.session.refresh(case, with_for_update=True)


def changeable(case: Case) -> Sequence[str]:
    """Questions whose answers the person may change now; what was decided on stays as it was.

    A day in court may be put off at any time, and nobody decides by it: it says when to ask.
    """
    if case.status is CaseStatus.DRAFT:
        return KEYS
    if case.status in OPEN:
        return (*KEYS, ADDED)
    return [key for key in KEYS if key == followup_court.COURT or question(key).compartment is Compartment.contact]


async def asked_again(unit: Unit, case: Case) -> str | None:
    """The question that is asked anew after the decision, because its answer was of no use."""
    if case.status is not CaseStatus.APPROVED:
        return None
    return None if await read_answer(unit, case, "payout") else "payout"


async def submit(unit: Unit, actor: Actor, case: Case) -> None:
    """Send a draft to review and order its recovery phrase.

    Raises `Stale` when it was sent before, `BadInput` while a question is open.
    """
    require_own(actor, case)
    if case.status is not CaseStatus.DRAFT:
        raise Stale("intake.refused.sent")
    answers = await read_answers(unit, case)
    if required_missing(answers):
        raise BadInput("intake.bad.unfinished")
    await limits.spend(unit, actor.chat, limits.SENDINGS)
    set_facts(case, answers, unit)
    await set_contact(unit, case, answers)
    case.submitted_at, case.expires_at = unit.now, None
    case.policy_version = unit.policy.version
    await order_phrase(unit, actor, case)
    await repeats.note(unit, case)
    sent = {"answers": sum(value != SKIPPED for value in answers.values()), "pages": await count_pages(unit, case)}
    await move(unit, case, CaseStatus.SUBMITTED, ALLOWED, applicant_of(case), **sent)
    await review.open_review(unit, case)


async def count_pages(unit: Unit, case: Case) -> int:
    """How many pages of documents and photos a case has."""
    query = select(func.count()).select_from(Attachment).where(Attachment.case_id == case.id)
    return (await unit.session.exec(query)).one()


async def order_phrase(unit: Unit, actor: Actor, case: Case) -> None:
    """Have a recovery phrase made and shown in a moment; from then on the old one moves nothing any more."""
    require_own(actor, case)
    case.phrase_wanted, case.recovery_hash = True, None
    await unit.session.flush()


async def waiting_for_phrase(unit: Unit) -> Sequence[UUID]:
    """Cases whose recovery phrase is to be made."""
    return (await unit.run(_wanted())).scalars().all()


@cache
def _wanted() -> Executable:
    wanted = select(Case.id).where(col(Case.phrase_wanted), col(Case.chat).is_not(None))
    return wanted.order_by(col(Case.id)).limit(20)


async def phrase_language(unit: Unit, case_id: UUID) -> str | None:
    """In which language the phrase of a case is to be; none when it waits for none."""
    case = await unit.session.get(Case, case_id)
    return case.language if case is not None and case.phrase_wanted else None


async def set_phrase(unit: Unit, case_id: UUID, hashed: str) -> Case | None:
    """Keep the hash of a phrase just made and return its case; none when it waits for none any more."""
    case = await unit.session.get(Case, case_id, with_for_update=True)
    if case is None or not case.phrase_wanted or case.chat is None:
        return None
    case.phrase_wanted, case.recovery_hash = False, hashed
    await unit.session.flush()
    await record(unit, applicant_of(case), "case.phrase", about("case", case.id))
    return case


async def add(unit: Unit, actor: Actor, case: Case, text: str) -> None:
    """Add words to a case under review. Raises `BadInput` when empty or too long, `Stale` once it is decided."""
    more = read_text(text, question(ADDED).limit)
    earlier = await read_answer(unit, case, ADDED)
    whole = f"{earlier}\n\n{more}" if earlier else more
    if len(whole) > ADDED_LIMIT:
        raise BadInput("intake.bad.long", limit=ADDED_LIMIT, length=len(whole))
    await give_answer(unit, actor, case, ADDED, whole)


async def content_changed(unit: Unit, case: Case) -> None:
    """The panel would now read something else: raise the version and ask for every vote anew."""
    if case.status not in OPEN:
        return
    set_facts(case, await read_answers(unit, case, Compartment.story), unit)
    case.version += 1
    await unit.session.flush()
    await review.case_changed(unit, case)


async def withdraw(unit: Unit, actor: Actor, case: Case) -> None:
    """Take a case back: nobody reads, votes, pays or asks after it any more. Raises `Stale` when it has ended."""
    require_own(actor, case)
    await _end(unit, case, applicant_of(case))


async def lapse(unit: Unit, case: Case) -> None:
    """Take a case back for a person who has been silent for so long that nobody counts on them any more."""
    await _end(unit, case, "system")


async def _end(unit: Unit, case: Case, actor_name: str) -> None:
    await move(unit, case, CaseStatus.WITHDRAWN, ALLOWED, actor_name)
    case.closed_at = unit.now
    await let_go(unit, case, actor_name)


async def let_go(unit: Unit, case: Case, actor_name: str) -> bool:
    """End what others still do for a case; tell whether money is already on its way. Safe to repeat."""
    await review.close_for_erasure(unit, case)
    grant = await grants.grant_of(unit, case)
    moving = await grants.cancel_for_case(unit, case, actor_name)
    if grant is not None:
        await treasury_rights.cut_off(unit, case, grant)
    await followup_rows.cancel(unit, case)
    await unit.session.flush()
    return moving is not None
