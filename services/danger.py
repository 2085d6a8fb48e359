"""Calls of those in danger: a coordinator is told at once, one takes the call, and lines pass without names.

- One open call per case; pressing again tells the coordinators again, at most every `PATIENCE`.
- Untaken, it is told again by the clock until somebody takes it. Whose access ends lets go of what they took, and
  the others are told at once. A pause ends nothing: who has taken a call keeps it.
- A coordinator sees the case code and the words passed on, never who it is; the person never sees who answers.
- Nobody takes the call of their own case.
- A call is never refused; lines after it are, when too many come at once (`services.limits`).
- Lines that pass are stored nowhere but sealed in the outbox until they are delivered.
- Who called and then just types is writing to those who were called: no button has to be found first. So it is
  for the coordinator who has taken the call, while they have no other. Only words pass, and a file is answered so.
- Once it is taken, the call goes from the chats of all others.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, update
from sqlmodel import col, select

from models.audit import about, record
from models.case import Case, CaseStatus
from models.errors import BadInput, ButtonGone, NotAllowed, Stale
from models.followup import DangerCall
from models.unit import Unit
from models.volunteer import Role, Volunteer
from services import limits
from services.access import Act, Actor, applicant_of, require
from services.contact import To, applicant, volunteer_recipient
from services.jobs import Job
from services.roles import holders, on_duty
from services.speak import NOTICE, Button, Life, Screen, clear_slot, notify, show, unfading, units

PATIENCE = timedelta(minutes=10)
"""How long coordinators are left in peace before they are told of the same untaken call again."""

BRIEF = Life(None, timedelta(minutes=5))
"""How long "passed on" stands."""

LONGEST = 3500
"""UTF-16 units of one passed line; the message around it has room (Bot API: 4096)."""


async def call(unit: Unit, case: Case) -> int:
    """Call the coordinators; returns how many are told or have been told, zero when there is nobody."""
    standing = await open_call(unit, case)
    if standing is None:
        standing = DangerCall(case_id=case.id, at=unit.now, told_at=unit.now)
        unit.session.add(standing)
        await unit.session.flush()
        await record(unit, applicant_of(case), "danger.called", about("case", case.id), call=str(standing.id))
    elif standing.told_at + PATIENCE > unit.now:
        return len(await _listeners(unit, case, standing))
    return await _tell(unit, case, standing)


async def call_from_case(unit: Unit, actor: Actor, case: Case) -> int:
    """Call for the person whose case it is. Raises `NotAllowed` for anybody else."""
    if case.chat != actor.chat:
        raise NotAllowed
    return await call(unit, case)


async def take(unit: Unit, actor: Actor, key: UUID) -> None:
    """Make the call the actor's. Raises `Stale` when another coordinator has it or it is closed."""
    case, standing = await _of(unit, key)
    volunteer = require(actor, Act.ANSWER_DANGER, case)
    if standing.taken_by != volunteer.id:
        await _take(unit, standing, volunteer)
        await _hush(unit, standing, volunteer)
        await record(unit, actor.name, "danger.taken", about("case", case.id), call=str(standing.id))
    await _show_taken(unit, actor, case, standing, several=len(await held_by(unit, volunteer)) > 1)


async def write(unit: Unit, actor: Actor, key: UUID, text: str) -> None:
    """Pass a line to the person. Raises `BadInput` for nothing or too much, `NotAllowed` for another's call."""
    case, standing = await held(unit, actor, key)
    screen = Screen(
        unit.texts.render("danger.line", case.language, text=_line(text)),
        [[Button(unit.texts.render("danger.button.reply", case.language), "danger.reply", {"call": str(key)})]],
    )
    await notify(unit, await applicant(unit, case), screen, case=case, urgent=True)
    await _say(unit, actor, "danger.sent")
    await record(unit, actor.name, "danger.written", about("case", case.id), call=str(standing.id))


async def reply(unit: Unit, actor: Actor, key: UUID, text: str) -> None:
    """Pass the person's line to the coordinator who has the call, or to all while nobody has."""
    case, standing = await asked(unit, actor, key)
    line = _line(text)
    await limits.spend(unit, actor.chat, limits.LINES)
    for volunteer in await _listeners(unit, case, standing):
        act = "write" if volunteer.id == standing.taken_by else "take"
        await _pass(unit, case, standing, await volunteer_recipient(unit, volunteer), line, act)
    await _say(unit, actor, "danger.sent")
    await record(unit, applicant_of(case), "danger.replied", about("case", case.id), call=str(standing.id))


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
        await _tell(unit, case, standing)


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


async def held_by(unit: Unit, volunteer: Volunteer) -> Sequence[tuple[DangerCall, Case]]:
    """The open calls that somebody has taken, the earliest first."""
    query = (
        select(DangerCall, Case)
        .join(Case, col(Case.id) == DangerCall.case_id)
        .where(DangerCall.taken_by == volunteer.id, col(DangerCall.closed_at).is_(None))
        .where(Case.status != CaseStatus.SHREDDED)
        .order_by(col(DangerCall.at))
    )
    return (await unit.session.exec(query)).all()


async def is_untaken(unit: Unit) -> ColumnElement[bool]:
    """The condition of an open call that nobody has, or somebody who may not answer it any more."""
    able = [one.id for one in await holders(unit, Role.COORDINATOR)]
    nobodys = or_(col(DangerCall.taken_by).is_(None), col(DangerCall.taken_by).not_in(able))
    return and_(col(DangerCall.closed_at).is_(None), nobodys)


async def open_call(unit: Unit, case: Case) -> DangerCall | None:
    """The call of a case that is not closed, if any."""
    query = select(DangerCall).where(DangerCall.case_id == case.id, col(DangerCall.closed_at).is_(None))
    return (await unit.session.exec(query)).first()


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


async def _take(unit: Unit, standing: DangerCall, volunteer: Volunteer) -> None:
    """Two coordinators may press at once, and exactly one wins; who has lost the role loses the call."""
    holder = standing.taken_by
    if holder in {one.id for one in await holders(unit, Role.COORDINATOR)}:
        raise Stale("danger.refused.taken")
    await unit.session.flush()
    taken = await unit.session.exec(
        update(DangerCall)
        .where(col(DangerCall.id) == standing.id, col(DangerCall.taken_by).is_not_distinct_from(holder))
        .values(taken_by=volunteer.id, taken_at=unit.now)
    )
    await unit.session.refresh(standing)
    if taken.rowcount != 1:
        raise Stale("danger.refused.taken")


async def _show_taken(unit: Unit, actor: Actor, case: Case, standing: DangerCall, *, several: bool) -> None:
    """What can be done with a call stands as long as it can: nothing but the desk leads back to it."""
    texts, which = unit.texts, {"call": str(standing.id)}
    rows = [
        [Button(texts.render(f"danger.button.{label}", actor.language), act, which)]
        for label, act in (("write", "danger.write"), ("close", "danger.close"))
    ]
    text = texts.render("danger.yours-several" if several else "danger.yours", actor.language, code=case.code)
    slot = f"{NOTICE}taken:{standing.id}"
    await show(unit, actor.to, Screen(text, rows), slot=slot, case=case, life=unfading(unit), anew=True)


async def _listeners(unit: Unit, case: Case, standing: DangerCall) -> Sequence[Volunteer]:
    """Who hears of a call: whoever has taken it and may still act, or else the coordinators but the person."""
    able = [one for one in await holders(unit, Role.COORDINATOR) if one.chat != case.chat]
    return [one for one in able if one.id == standing.taken_by] or on_duty(able)


async def _tell(unit: Unit, case: Case, standing: DangerCall) -> int:
    listeners = await _listeners(unit, case, standing)
    for volunteer in listeners:
        to = await volunteer_recipient(unit, volunteer)
        text = unit.texts.render("danger.called", to.language, code=case.code)
        button = Button(
            unit.texts.render("danger.button.take", to.language), "danger.take", {"call": str(standing.id)}
        )
        await show(unit, to, Screen(text, [[button]]), slot=_slot(standing), case=case, anew=True, urgent=True)
    standing.told_at = unit.now
    return len(listeners)


async def _hush(unit: Unit, standing: DangerCall, holder: Volunteer) -> None:
    for volunteer in await holders(unit, Role.COORDINATOR):
        if volunteer.id != holder.id:
            await clear_slot(unit, volunteer.chat, _slot(standing))


def _slot(standing: DangerCall) -> str:
    return f"{NOTICE}danger:{standing.id}"


async def _pass(unit: Unit, case: Case, standing: DangerCall, to: To, line: str, act: str) -> None:
    label = unit.texts.render(f"danger.button.{act}", to.language)
    text = unit.texts.render("danger.replied", to.language, code=case.code, text=line)
    button = Button(label, f"danger.{act}", {"call": str(standing.id)})
    await notify(unit, to, Screen(text, [[button]], protect=True), case=case, urgent=True)


async def _say(unit: Unit, actor: Actor, key: str) -> None:
    await notify(unit, actor.to, Screen(unit.texts.render(key, actor.language)), life=BRIEF)


def _line(text: str) -> str:
    line = text.strip()
    if not line or units(line) > LONGEST:
        raise BadInput("danger.refused.words", limit=LONGEST)
    return line


async def _untaken(unit: Unit) -> Sequence[UUID]:
    query = select(DangerCall.id).where(await is_untaken(unit), DangerCall.told_at <= unit.now - PATIENCE)
    return (await unit.session.exec(query)).all()


async def _tell_again(unit: Unit, key: UUID) -> None:
    if key not in await _untaken(unit):
        return
    standing = await unit.session.get_one(DangerCall, key)
    await _tell(unit, await unit.session.get_one(Case, standing.case_id), standing)


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


JOBS: tuple[Job, ...] = (
    Job("danger.end", timedelta(minutes=1), _orphaned, _end_orphaned),
    Job("danger.tell", timedelta(minutes=1), _untaken, _tell_again),
)
