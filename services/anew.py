"""Asking for something new while the last case is still followed: after help, or after a refusal that is final.

- Its person closes the case themselves, after one question that says what ends with it; the draft begins in the
  same transaction. One case is under way per person, as ever.
- Not while a call for help is open, for what they write then is passed on by that case; and not while the money
  is said to be missing or to have come back, for nobody would wait for it any more, and it would be set free.
- The closed case is kept as every other, and still counts for a possible repeat.
"""

from dataclasses import replace

from models.case import ALLOWED, Case, CaseStatus
from models.errors import Stale
from models.states import move
from models.unit import Unit
from payments import grants
from services import calls, followup_rows, intake, news
from services.access import Actor, applicant_of
from services.submission import hold


def may_close(case: Case) -> bool:
    """Whether nothing more is decided about a case: its money was sent, or it was refused twice."""
    return case.status in followup_rows.ASKABLE or (case.status is CaseStatus.DECLINED and case.appealed)


async def check(unit: Unit, actor: Actor) -> Case:
    """The actor's case, which they may close to ask anew. Raises `Stale` with the text that says why not."""
    case = intake.own(actor)
    intake.require_own(actor, case)
    await hold(unit, case)
    if not may_close(case):
        raise Stale("case.refused.has-case")
    if await calls.open_call(unit, case):
        raise Stale("case.refused.anew-call")
    if await grants.is_disputed(unit, case):
        raise Stale("case.refused.anew-money")
    return case


async def begin(unit: Unit, actor: Actor) -> Case:
    """Close the actor's case and begin a draft. Raises `Stale` as `check` does."""
    case = await check(unit, actor)
    await followup_rows.cancel(unit, case, applicant_of(case))
    await news.drop(unit, case)
    await move(unit, case, CaseStatus.CLOSED, ALLOWED, applicant_of(case))
    case.closed_at = unit.now
    await unit.session.flush()
    return await intake.begin(unit, replace(actor, case=None))
