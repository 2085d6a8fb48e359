"""Calls for help as rows: which stand open, who has them, and who hears of them.

- While nobody has a call, all coordinators on duty hear of it; once it is taken, whoever has it does.
- A person who has called or written, and had no line since, waits. When they call again, or have waited for
  `PATIENCE`, all on duty are told whoever has the call: a holder may have lost the phone, or have taken it to keep
  the others quiet. From then until the holder writes it is left alone: lines pass to all, one may take it over.
- Nobody hears of the call of their own case.
- A call that is not ended keeps its case open: whoever has one is reminded of it.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import col, select

from models.case import Case, CaseStatus
from models.followup import DangerCall
from models.unit import Unit
from models.volunteer import Role, Volunteer
from services.contact import To, volunteer_recipient
from services.roles import holders, on_duty
from services.speak import NOTICE, Button, Screen, clear_slot, show, unfading

PATIENCE = timedelta(minutes=10)
"""How long a person waits for a line, and coordinators are left in peace, before these are told (again)."""

REMINDED = timedelta(days=7)
"""How long a call may stand in which nobody waits before its holder is reminded to end it."""


async def open_call(unit: Unit, case: Case) -> DangerCall | None:
    """The call of a case that is not closed, if any."""
    query = select(DangerCall).where(DangerCall.case_id == case.id, col(DangerCall.closed_at).is_(None))
    return (await unit.session.exec(query)).first()


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


async def is_taken(unit: Unit) -> ColumnElement[bool]:
    """The condition of an open call that somebody has who may answer it."""
    able = [one.id for one in await holders(unit, Role.COORDINATOR)]
    return and_(col(DangerCall.closed_at).is_(None), col(DangerCall.taken_by).in_(able))


def begin_waiting(unit: Unit, call: DangerCall) -> None:
    """The person has called or written: from now on they wait for a line, if they did not before."""
    call.waits_since = call.waits_since or unit.now


def is_left_alone(call: DangerCall) -> bool:
    """Whether all were told that whoever has taken the call does not answer, and that one still has not."""
    if call.taken_at is None or call.waits_since is None:
        return False
    return call.told_at > call.taken_at and call.told_at >= call.waits_since


async def listeners(unit: Unit, case: Case, call: DangerCall) -> list[Volunteer]:
    """Who hears of a call: whoever has it and may still act, with the others or instead of them."""
    able = [one for one in await holders(unit, Role.COORDINATOR) if one.chat != case.chat]
    holding = [one for one in able if one.id == call.taken_by]
    if holding and not is_left_alone(call):
        return holding
    return holding + [one for one in on_duty(able) if one not in holding]


async def tell(unit: Unit, case: Case, call: DangerCall) -> int:
    """Tell everybody who is to hear of a call; returns how many those are."""
    call.told_at = unit.now
    told = await listeners(unit, case, call)
    signs = [one.call_sign for one in told if one.id == call.taken_by]
    for volunteer in told:
        to = await volunteer_recipient(unit, volunteer)
        if volunteer.id == call.taken_by:
            key = "danger.unanswered-yours" if call.waits_since else "danger.idle"
            await show_holder(unit, to, case, call, key, urgent=call.waits_since is not None)
        else:
            key = "danger.unanswered" if signs else "danger.called"
            text = unit.texts.render(key, to.language, code=case.code, sign="".join(signs))
            row = [take_button(unit, to, call)]
            await show(unit, to, Screen(text, [row]), slot=_slot(call), case=case, anew=True, urgent=True)
    return len(told)


def take_button(unit: Unit, to: To, call: DangerCall) -> Button:
    """What makes a call somebody's; a call that was left alone is taken over."""
    label = "take-over" if is_left_alone(call) else "take"
    return Button(unit.texts.render(f"danger.button.{label}", to.language), "danger.take", {"call": str(call.id)})


async def show_holder(
    unit: Unit, to: To, case: Case, call: DangerCall, key: str, *, anew: bool = True, urgent: bool = False
) -> None:
    """What can be done with a call stands with its holder as long as it can: only the desk leads back to it."""
    rows = [
        [Button(unit.texts.render(f"danger.button.{label}", to.language), act, {"call": str(call.id)})]
        for label, act in (("write", "danger.write"), ("close", "danger.close"))
    ]
    screen = Screen(unit.texts.render(key, to.language, code=case.code), rows)
    life = unfading(unit)
    await show(unit, to, screen, slot=_holders(call), case=case, life=life, anew=anew, urgent=urgent)


async def let_go(unit: Unit, case: Case, call: DangerCall, holder: Volunteer) -> None:
    """Another has taken a call over: what its holder could do with it goes, and they are told."""
    await clear_slot(unit, holder.chat, _holders(call))
    to = await volunteer_recipient(unit, holder)
    text = unit.texts.render("danger.taken-over", to.language, code=case.code)
    await show(unit, to, Screen(text), slot=_slot(call), case=case, anew=True)


async def hush(unit: Unit, call: DangerCall, answering: Volunteer) -> None:
    """Somebody answers the call: it goes from the chats of all others."""
    for volunteer in await holders(unit, Role.COORDINATOR):
        if volunteer.id != answering.id:
            await clear_slot(unit, volunteer.chat, _slot(call))


async def find_due(unit: Unit) -> Sequence[UUID]:
    """Calls to tell of again: untaken ones, those whose person waits, and those that lie and nobody waits."""
    lately = unit.now - PATIENCE
    taken, long_ago = await is_taken(unit), unit.now - REMINDED
    waiting = and_(taken, col(DangerCall.waits_since) <= lately, col(DangerCall.taken_at) <= lately)
    idle = and_(taken, col(DangerCall.waits_since).is_(None), col(DangerCall.taken_at) <= long_ago)
    query = select(DangerCall.id).where(
        or_(
            and_(or_(await is_untaken(unit), waiting), col(DangerCall.told_at) <= lately),
            and_(idle, col(DangerCall.told_at) <= long_ago),
        )
    )
    return (await unit.session.exec(query)).all()


async def tell_again(unit: Unit, key: UUID) -> None:
    """Tell again of a call that is still due."""
    if key in await find_due(unit):
        call = await unit.session.get_one(DangerCall, key)
        await tell(unit, await unit.session.get_one(Case, call.case_id), call)


def _slot(call: DangerCall) -> str:
    return f"{NOTICE}danger:{call.id}"


def _holders(call: DangerCall) -> str:
    return f"{NOTICE}taken:{call.id}"
