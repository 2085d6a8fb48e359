"""Calls of those in danger: a coordinator is told at once, one takes the call, and lines pass without names.

- One open call per case; pressing again tells the coordinators again, at most every `PATIENCE`.
- Untaken, or taken and not answered, it is told again by the clock (`services.calls` says to whom); who was told
  may take it over from a holder who is silent. Whose access ends lets go of what they took, and the others are
  told at once. A pause ends nothing: who has taken a call, and answers, keeps it.
- A coordinator sees the case code and the words passed on, never who it is; the person never sees who answers.
- Nobody takes the call of their own case.
- A call is never refused; lines after it are, when too many come at once (`services.limits`).
- Lines that pass are stored nowhere but sealed in the outbox until they are delivered. Whoever has written one
  that could not be delivered is told so.
- Who called and then just types is writing to those who were called: no button has to be found first. So it is
  for the coordinator who has taken the call, while they have no other. Only words pass, and a file is answered so.
- Once it is taken, the call goes from the chats of all others.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col, func, select

from models.audit import about, record
from models.case import Case, CaseStatus
from models.errors import BadInput, ButtonGone, NotAllowed, Stale
from models.followup import DangerCall
from models.mail import Effect, EffectStatus
from models.unit import Unit
from models.volunteer import Role, Volunteer
from services import calls, limits
from services.access import Act, Actor, applicant_of, require
from services.calls import PATIENCE, held_by, open_call
from services.contact import To, applicant, volunteer_recipient
from services.jobs import Job
from services.roles import holders
from services.speak import NOTICE, Button, Life, Screen, notify, units

BRIEF = Life(None, timedelta(minutes=5))
"""How long "passed on" stands."""

LONGEST = 3500
"""UTF-16 units of one passed line; the message around it has room (Bot API: 4096)."""

LINE = "line:"
"""The topic of notices that are lines for the person."""


async def call(unit: Unit, case: Case) -> int:
    """Call the coordinators; returns how many are told or have been told, zero when there is nobody."""
    standing = await open_call(unit, case)
    if standing is None:
        standing = DangerCall(case_id=case.id, at=unit.now, told_at=unit.now, waits_since=unit.now)
        unit.session.add(standing)
        await unit.session.flush()
        await record(unit, applicant_of(case), "danger.called", about("case", case.id), call=str(standing.id))
        return await calls.tell(unit, case, standing)
    calls.begin_waiting(unit, standing)
    if standing.told_at + PATIENCE > unit.now:
        return len(await calls.listeners(unit, case, standing))
    return await calls.tell(unit, case, standing)


async def call_from_case(unit: Unit, actor: Actor, case: Case) -> int:
    """Call for the person whose case it is. Raises `NotAllowed` for anybody else."""
    if case.chat != actor.chat:
        raise NotAllowed
    return await call(unit, case)


async def take(unit: Unit, actor: Actor, key: UUID) -> None:
    """Make the call the actor's. Raises `Stale` when another coordinator answers it or it is closed."""
    case, standing = await _of(unit, key)
    volunteer = require(actor, Act.ANSWER_DANGER, case)
    if standing.taken_by != volunteer.id:
        before = await _take(unit, standing, volunteer)
        await calls.hush(unit, standing, volunteer)
        if before is not None:
            await calls.let_go(unit, case, standing, before)
        await record(unit, actor.name, "danger.taken", about("case", case.id), call=str(standing.id))
    await _show_taken(unit, actor, case, standing)


async def write(unit: Unit, actor: Actor, key: UUID, text: str) -> None:
    """Pass a line to the person. Raises `BadInput` for nothing or too much, `NotAllowed` for another's call."""
    case, standing = await held(unit, actor, key)
    screen = Screen(
        unit.texts.render("danger.line", case.language, text=_line(text)),
        [[Button(unit.texts.render("danger.button.reply", case.language), "danger.reply", {"call": str(key)})]],
    )
    await notify(unit, await applicant(unit, case), screen, case=case, urgent=True, topic=LINE)
    if calls.is_left_alone(standing):
        await calls.hush(unit, standing, require(actor, Act.ANSWER_DANGER, case))
        await _show_taken(unit, actor, case, standing, anew=False)
    await _say(unit, actor, "danger.sent")
    await record(unit, actor.name, "danger.written", about("case", case.id), call=str(standing.id))
    standing.waits_since = None


async def reply(unit: Unit, actor: Actor, key: UUID, text: str) -> None:
    """Pass the person's line to the coordinator who has the call, or to all while nobody answers it."""
    case, standing = await asked(unit, actor, key)
    line = _line(text)
    await limits.spend(unit, actor.chat, limits.LINES)
    for volunteer in await calls.listeners(unit, case, standing):
        to = await volunteer_recipient(unit, volunteer)
        await _pass(unit, case, standing, to, line, holds=volunteer.id == standing.taken_by)
    await _say(unit, actor, "danger.sent")
    await record(unit, applicant_of(case), "danger.replied", about("case", case.id), call=str(standing.id))
    calls.begin_waiting(unit, standing)


async def hear(unit: Unit, actor: Actor, text: str, *, is_file: bool = False) -> bool:
    """Pass on what was sent unasked; tells whether there is a call it belongs to. See `reply` and `write`.

    It belongs to the open call of the actor's own case, or to the call that they have taken. Raises `BadInput`
    when they have taken several. Of a file only the `text` that comes with it passes, and they are told so.
    """
    own = await open_call(unit, actor.case) if actor.case else None
    able = actor.volunteer if Role.COORDINATOR in actor.roles else None
    taken = await held_by(unit, able) if own is None and able is not None else []
    if own is None and not taken:
        return False
    if len(taken) > 1:
        raise BadInput("danger.refused.which")
    if is_file:
        await refuse_file(unit, actor)
    if text or not is_file:
        await (write(unit, actor, taken[0][0].id, text) if own is None else reply(unit, actor, own.id, text))
    return True


async def refuse_file(unit: Unit, actor: Actor) -> None:
    """Say in a message of its own that what was sent did not pass: the last line may still say that it did."""
    await _say(unit, actor, "danger.file")


async def release(unit: Unit, volunteer: Volunteer, actor: str) -> None:
    """Let go of the calls of somebody whose access has ended, and tell the others again."""
    for standing, case in await held_by(unit, volunteer):
        standing.taken_by = standing.taken_at = None
        await unit.session.flush()
        await record(unit, actor, "danger.released", about("case", case.id), call=str(standing.id))
        calls.begin_waiting(unit, standing)
        await calls.tell(unit, case, standing)


async def close(unit: Unit, actor: Actor, key: UUID) -> None:
    """End a call that the actor has taken."""
    case, standing = await held(unit, actor, key)
    standing.closed_at = unit.now
    await record(unit, actor.name, "danger.closed", about("case", case.id), call=str(standing.id))


async def held(unit: Unit, actor: Actor, key: UUID) -> tuple[Case, DangerCall]:
    """An open call that the actor has taken, and its case."""
    case, standing = await _of(unit, key)
    volunteer = require(actor, Act.ANSWER_DANGER, case)
    if standing.taken_by != volunteer.id:
        raise NotAllowed
    return case, standing


async def asked(unit: Unit, actor: Actor, key: UUID) -> tuple[Case, DangerCall]:
    """An open call of the actor's own case."""
    case, standing = await _of(unit, key)
    if case.chat != actor.chat:
        raise NotAllowed
    return case, standing


async def end_for(unit: Unit, case: Case, actor: str) -> None:
    """Close the call of a case that is erased: there is nobody left to write to."""
    standing = await open_call(unit, case)
    if standing is not None:
        standing.closed_at = unit.now
        await record(unit, actor, "danger.closed", about("case", case.id), call=str(standing.id))


async def _of(unit: Unit, key: UUID) -> tuple[Case, DangerCall]:
    standing = await unit.session.get(DangerCall, key)
    if standing is None:
        raise ButtonGone
    case = await unit.session.get_one(Case, standing.case_id)
    if standing.closed_at is not None or case.status is CaseStatus.SHREDDED:
        raise Stale("danger.refused.closed")
    return case, standing


async def _take(unit: Unit, standing: DangerCall, volunteer: Volunteer) -> Volunteer | None:
    """Make a call somebody's; returns from whom, if anybody had it who may still answer.

    Two coordinators may press at once, and exactly one wins; a line that is written at the same moment wins too.
    """
    able = [one for one in await holders(unit, Role.COORDINATOR) if one.id == standing.taken_by]
    if able and not calls.is_left_alone(standing):
        raise Stale("danger.refused.taken")
    await unit.session.flush()
    as_seen = (
        col(DangerCall.taken_by).is_not_distinct_from(standing.taken_by),
        col(DangerCall.waits_since).is_not_distinct_from(standing.waits_since),
    )
    taken = await unit.session.exec(
        update(DangerCall)
        .where(col(DangerCall.id) == standing.id, *as_seen)
        .values(taken_by=volunteer.id, taken_at=unit.now)
    )
    await unit.session.refresh(standing)
    if taken.rowcount != 1:
        raise Stale("danger.refused.taken")
    return able[0] if able else None


async def _show_taken(unit: Unit, actor: Actor, case: Case, standing: DangerCall, *, anew: bool = True) -> None:
    several = actor.volunteer is not None and len(await held_by(unit, actor.volunteer)) > 1
    key = "danger.yours-several" if several else "danger.yours"
    await calls.show_holder(unit, actor.to, case, standing, key, anew=anew)


async def _pass(unit: Unit, case: Case, standing: DangerCall, to: To, line: str, *, holds: bool) -> None:
    text = unit.texts.render("danger.replied", to.language, code=case.code, text=line)
    label = unit.texts.render("danger.button.write", to.language)
    write = Button(label, "danger.write", {"call": str(standing.id)})
    row = [write if holds else calls.take_button(unit, to, standing)]
    await notify(unit, to, Screen(text, [row], protect=True), case=case, urgent=True)


async def _say(unit: Unit, actor: Actor, key: str) -> None:
    await notify(unit, actor.to, Screen(unit.texts.render(key, actor.language)), life=BRIEF)


def _line(text: str) -> str:
    line = text.strip()
    if not line or units(line) > LONGEST:
        raise BadInput("danger.refused.words", limit=LONGEST)
    return line


async def _orphaned(unit: Unit) -> Sequence[UUID]:
    """Open calls of cases that have been erased."""
    query = (
        select(DangerCall.case_id)
        .join(Case, col(Case.id) == DangerCall.case_id)
        .where(col(DangerCall.closed_at).is_(None), Case.status == CaseStatus.SHREDDED)
    )
    return (await unit.session.exec(query)).all()


async def _end_orphaned(unit: Unit, key: UUID) -> None:
    await end_for(unit, await unit.session.get_one(Case, key), "system")


async def _lost(unit: Unit) -> dict[UUID, int]:
    """The last line of each taken call that Telegram would not deliver, and whose holder does not know that."""
    query = (
        select(DangerCall.id, func.max(Effect.id))
        .join(Case, col(Case.id) == DangerCall.case_id)
        .join(Effect, (col(Effect.case_id) == Case.id) & (col(Effect.lane) == Case.chat))
        .where(col(DangerCall.closed_at).is_(None), col(DangerCall.taken_by).is_not(None))
        .where(Effect.status == EffectStatus.FAILED, col(Effect.slot).startswith(f"{NOTICE}{LINE}"))
        .where(col(Effect.id) > DangerCall.undelivered)
        .group_by(col(DangerCall.id))
    )
    return {key: last for key, last in (await unit.session.exec(query)).all() if last is not None}


async def _undelivered(unit: Unit) -> Sequence[UUID]:
    return list(await _lost(unit))


async def _tell_undelivered(unit: Unit, key: UUID) -> None:
    """Who blocks the bot is told nothing more by it, and whoever writes to them must know that."""
    last = (await _lost(unit)).get(key)
    if last is None:
        return
    standing = await unit.session.get_one(DangerCall, key)
    case = await unit.session.get_one(Case, standing.case_id)
    await record(unit, "system", "danger.undelivered", about("case", case.id), call=str(key))
    standing.undelivered = last
    holder = await unit.session.get_one(Volunteer, standing.taken_by)
    if holder in await holders(unit, Role.COORDINATOR):
        to = await volunteer_recipient(unit, holder)
        text = unit.texts.render("danger.undelivered", to.language, code=case.code)
        await notify(unit, to, Screen(text), case=case, urgent=True)


JOBS: tuple[Job, ...] = (
    Job("danger.end", timedelta(minutes=1), _orphaned, _end_orphaned),
    Job("danger.tell", timedelta(minutes=1), calls.find_due, calls.tell_again),
    Job("danger.undelivered", timedelta(minutes=1), _undelivered, _tell_undelivered),
)
