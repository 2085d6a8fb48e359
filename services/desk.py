"""The coordinator's desk: how the fund stands, in numbers; never a person, never a story.

A call sign with the number of open cases is the nearest that it comes to anybody.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Any

from sqlmodel import SQLModel, col, func, select

from models.audit import AuditCheckpoint, record
from models.case import OPEN, Case, CaseStatus
from models.followup import DangerCall
from models.grant import Grant, GrantStatus, Payout
from models.mail import Effect, EffectStatus, EventStatus, InboxEvent
from models.panel import SEATED, Seat
from models.unit import Unit
from models.volunteer import Role, Volunteer
from payments.ledger import Purpose, balance
from payments.money import Money
from services import calls, emergency, panel, treasury
from services.access import Act, Actor, require
from services.audit import latest
from services.reminders import count_silent
from services.roles import holders, takes_work
from services.speak import Button, Screen, show
from texts.formats import money, span

QUEUE = (
    *(CaseStatus.SUBMITTED, CaseStatus.IN_REVIEW, CaseStatus.NEEDS_ANSWER, CaseStatus.APPEALED),
    *(CaseStatus.APPROVED, CaseStatus.PAYING),
)
"""States in which somebody waits for the fund, in the order of a case's life."""

STUCK = timedelta(days=2)
"""How long a payout may lie before it counts as stuck."""

CALLS = 6
"""Most calls for help, and most emergencies, that the desk has buttons for."""


@dataclass(frozen=True, slots=True)
class Desk:
    """How the fund stands at one moment."""

    queue: Mapping[CaseStatus, int]
    usual_wait: timedelta | None
    """Median time since sending over all cases under review; none when there are none."""
    longest_wait: timedelta | None
    load: Sequence[tuple[str, int]]
    """Reviewers' call signs and how many open cases each holds."""
    stranded: int
    """Requests for whose panels there are too few reviewers."""
    free: Money
    reserved: Money
    short: int
    """Approved grants that wait for money."""
    silent: int
    """People with money set aside who were reminded and have not said how it is to reach them."""
    stuck: int
    failed: int
    dead: int
    checkpoint: AuditCheckpoint | None
    untaken: Sequence[tuple[DangerCall, Case]]
    taken: Sequence[tuple[DangerCall, Case, Volunteer]]
    """Calls that some coordinator has taken, and who; never one of this coordinator's own case."""
    held: Sequence[tuple[DangerCall, Case]]
    """Calls that this coordinator has taken, the earliest first."""
    proposed: Sequence[Case]
    """Emergencies that wait for this coordinator, or another, to agree; the one that has waited longest first."""


async def read_desk(unit: Unit, actor: Actor) -> Desk:
    """Count everything. Raises `NotAllowed` for everybody but a coordinator."""
    coordinator = require(actor, Act.SEE_DESK)
    await record(unit, actor.name, "desk.read", "desk")
    waits = await _waits(unit)
    oldest = unit.now - STUCK
    return Desk(
        queue=await _queue(unit),
        usual_wait=timedelta(seconds=median(wait.total_seconds() for wait in waits)) if waits else None,
        longest_wait=max(waits) if waits else None,
        load=await _load(unit),
        stranded=await panel.count_stranded(unit),
        free=await balance(unit, Purpose.FUND, unit.policy.currency),
        reserved=await balance(unit, Purpose.RESERVED, unit.policy.currency),
        short=await _count(unit, Grant, col(Grant.status) == GrantStatus.WAITING),
        silent=await count_silent(unit),
        stuck=await _count(
            unit,
            Payout,
            treasury.is_open_work(),
            func.coalesce(Payout.missing_at, Payout.created_at) < oldest,
        ),
        failed=await _count(unit, Effect, col(Effect.status) == EffectStatus.FAILED),
        dead=await _count(unit, InboxEvent, col(InboxEvent.status) == EventStatus.DEAD),
        checkpoint=await latest(unit),
        untaken=await _untaken(unit, actor),
        taken=await _taken(unit, actor),
        held=await calls.held_by(unit, coordinator),
        proposed=await emergency.proposed_to(unit, actor),
    )


async def show_desk(unit: Unit, actor: Actor) -> None:
    """Show the desk in the one screen of a coordinator's private chat."""
    desk = await read_desk(unit, actor)
    say = _sayer(unit, actor)
    buttons = [
        *(
            Button(say("desk.button.held", code=case.code), "danger.take", {"call": str(call.id)})
            for call, case in desk.held[:CALLS]
        ),
        *(
            Button(say("desk.button.call", code=case.code), "danger.take", {"call": str(call.id)})
            for call, case in desk.untaken[:CALLS]
        ),
        *(
            Button(say("desk.button.take-over", code=case.code), "danger.take", {"call": str(call.id)})
            for call, case in _left_alone(desk)[:CALLS]
        ),
        *(
            Button(say("desk.button.emergency", code=case.code), "emergency.look", {"case": str(case.id)})
            for case in desk.proposed[:CALLS]
        ),
        Button(say("desk.button.volunteers"), "volunteers.people"),
        Button(say("desk.button.refresh"), "desk.show"),
        Button(say("volunteers.button.back"), "volunteers.home"),
    ]
    await show(unit, actor.to, Screen(_text(unit, actor, desk), [[button] for button in buttons]))


def _text(unit: Unit, actor: Actor, desk: Desk) -> str:
    say, language = _sayer(unit, actor), actor.language
    lines = [say("desk.title"), ""]
    if desk.untaken or desk.taken:
        lines.append(say("desk.danger", untaken=len(desk.untaken), taken=len(desk.taken)))
        for call, case, holder in desk.taken[:CALLS]:
            key = "desk.left-alone" if calls.is_left_alone(call) else "desk.taken"
            lines.append(say(key, code=case.code, sign=holder.call_sign))
        lines.append("")
    if desk.proposed:
        lines += [say("desk.emergency", n=len(desk.proposed)), ""]
    lines += [say(f"desk.queue.{status}", count=count) for status, count in desk.queue.items()]
    if desk.usual_wait is not None and desk.longest_wait is not None:
        usual, longest = span(desk.usual_wait, language), span(desk.longest_wait, language)
        lines.append(say("desk.waits", usual=usual, longest=longest))
    lines += ["", say("desk.load" if desk.load else "desk.load-none")]
    lines += [say("desk.load-line", sign=sign, held=held, cap=unit.policy.panel.cap) for sign, held in desk.load]
    if desk.stranded:
        lines.append(say("desk.stranded", count=desk.stranded))
    lines += ["", say("desk.money", free=_money(desk.free, language), reserved=_money(desk.reserved, language))]
    lines += [say("desk.short", count=desk.short), say("desk.silent", count=desk.silent)]
    lines += [say("desk.stuck", count=desk.stuck), ""]
    lines += [
        say("desk.failed", count=desk.failed),
        say("desk.dead", count=desk.dead),
        _checked(unit, actor, desk),
    ]
    return "\n".join(lines)


def _checked(unit: Unit, actor: Actor, desk: Desk) -> str:
    say = _sayer(unit, actor)
    if desk.checkpoint is None:
        return say("desk.checkpoint-none")
    ago = span(unit.now - desk.checkpoint.at, actor.language)
    return say("desk.checkpoint", size=desk.checkpoint.size, ago=ago)


def _sayer(unit: Unit, actor: Actor) -> Callable[..., str]:
    def say(key: str, **params: str | int) -> str:
        return unit.texts.render(key, actor.language, **params)

    return say


def _money(amount: Money, language: str) -> str:
    return money(amount.amount, amount.currency, language)


async def _queue(unit: Unit) -> dict[CaseStatus, int]:
    query = select(Case.status, func.count()).where(col(Case.status).in_(QUEUE)).group_by(col(Case.status))
    counted = dict((await unit.session.exec(query)).all())
    return {status: counted.get(status, 0) for status in QUEUE}


async def _waits(unit: Unit) -> list[timedelta]:
    query = select(Case.submitted_at).where(col(Case.status).in_(OPEN))
    return [unit.now - sent for sent in (await unit.session.exec(query)).all() if sent is not None]


async def _load(unit: Unit) -> list[tuple[str, int]]:
    query = (
        select(Volunteer.call_sign, func.count())
        .join(Seat, col(Seat.volunteer_id) == Volunteer.id)
        .join(Case, col(Case.id) == Seat.case_id)
        .where(col(Seat.status).in_(SEATED), col(Case.status).in_(OPEN))
        .group_by(col(Volunteer.call_sign))
    )
    held = {str(sign): count for sign, count in (await unit.session.exec(query)).all()}
    resting = {str(one.call_sign): 0 for one in await holders(unit, Role.REVIEWER) if takes_work(one)}
    return sorted((resting | held).items())


async def _untaken(unit: Unit, actor: Actor) -> list[tuple[DangerCall, Case]]:
    """Open calls that nobody has taken who may answer, oldest first; never the actor's own."""
    query = (
        select(DangerCall, Case)
        .join(Case, col(Case.id) == DangerCall.case_id)
        .where(await calls.is_untaken(unit))
        .where(col(Case.chat).is_distinct_from(actor.chat))
        .order_by(col(DangerCall.at))
    )
    return list((await unit.session.exec(query)).all())


async def _taken(unit: Unit, actor: Actor) -> list[tuple[DangerCall, Case, Volunteer]]:
    """Open calls that somebody has taken who may answer, oldest first; never the actor's own."""
    query = (
        select(DangerCall, Case, Volunteer)
        .join(Case, col(Case.id) == DangerCall.case_id)
        .join(Volunteer, col(Volunteer.id) == DangerCall.taken_by)
        .where(await calls.is_taken(unit))
        .where(col(Case.chat).is_distinct_from(actor.chat))
        .order_by(col(DangerCall.at))
    )
    return list((await unit.session.exec(query)).all())


def _left_alone(desk: Desk) -> list[tuple[DangerCall, Case]]:
    """Calls that this coordinator may take over."""
    mine = {call.id for call, _ in desk.held}
    return [(call, case) for call, case, _ in desk.taken if calls.is_left_alone(call) and call.id not in mine]


async def _count(unit: Unit, table: type[SQLModel], *conditions: Any) -> int:  # noqa: ANN401 - SQLAlchemy's clauses
    return (await unit.session.exec(select(func.count()).select_from(table).where(*conditions))).one()
