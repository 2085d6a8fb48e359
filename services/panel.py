"""The panel of a case: drawn at random, filled when short, its silent members replaced.

- Drawn from reviewers who are confirmed, active, below the cap, without a seat on any earlier panel of the case,
  who have not stepped aside, and never the applicant. Those who speak the case's language come first.
- Beside the panel at most one reviewer on probation is drawn, whose vote is compared and not counted.
- Too few eligible: as many as there are, and the coordinators are told; the clock fills the rest.
- A silent one leaves only for somebody who can take the seat. Whoever loses one after the other so is put on a
  pause (`services.silence`). Of a seat that decides nothing nobody is told that it cannot be filled.
- Whoever asks the applicant gains no time by it: the answer gives them what was left of theirs, and at least half.
"""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

from sqlmodel import col, select

from models.audit import about, hold, record
from models.case import OPEN, Case, CaseStatus, Question, Urgency
from models.panel import ALLOWED, SEATED, Recusal, Seat, SeatStatus, round_of
from models.states import move
from models.unit import Unit
from models.volunteer import Role, Volunteer
from services import card, silence
from services.contact import volunteer_recipient
from services.jobs import Job
from services.roles import holders, takes_work, tell_role
from services.seats import load_of, panel_size, seated
from services.speak import NOTICE, Button, Screen, clear_notices, clear_slot, notify, show

SYSTEM_RANDOM = secrets.SystemRandom()

IN_PANELS = frozenset({CaseStatus.IN_REVIEW, CaseStatus.NEEDS_ANSWER})
"""States in which a panel sits."""


def is_urgent(case: Case) -> bool:
    """Whether silence is counted in the policy's urgent hours."""
    return case.urgency == Urgency.TODAY


def reading_slot(case_id: UUID) -> str:
    """The slot in which a reviewer reads a case."""
    return f"reading:{case_id}"


async def eligible(unit: Unit, case: Case) -> list[Volunteer]:
    """Reviewers who may be drawn for a case now."""
    seen = select(Seat.volunteer_id).where(Seat.case_id == case.id)
    aside = select(Recusal.volunteer_id).where(Recusal.case_id == case.id)
    barred = {*(await unit.session.exec(seen)).all(), *(await unit.session.exec(aside)).all()}
    return [
        reviewer
        for reviewer in await holders(unit, Role.REVIEWER)
        if takes_work(reviewer)
        and reviewer.id not in barred
        and reviewer.chat != case.chat
        and await load_of(unit, reviewer) < unit.policy.panel.cap
    ]


async def draw_panel(unit: Unit, case: Case) -> list[Volunteer]:
    """Fill the panel's free seats at random; returns whom it drew. Safe to call again.

    Panels are filled one after the other: two at once would both see the last free place of a reviewer.
    """
    await hold(unit)
    sitting = await seated(unit, case)
    counting = [seat for seat, _ in sitting if seat.counts]
    pool = await eligible(unit, case)
    free = panel_size(unit.policy, case) - len(counting)
    drawn = _choose([v for v in pool if v.probation_left == 0], free, case.language)
    learners = [v for v in pool if v.probation_left > 0]
    if len(counting) == len(sitting):
        drawn += _choose(learners, 1, case.language)
    for volunteer in drawn:
        await _seat(unit, case, volunteer)
    return drawn


async def is_short(unit: Unit, case: Case) -> bool:
    """Whether fewer sit than must."""
    counting = [seat for seat, _ in await seated(unit, case) if seat.counts]
    return len(counting) < panel_size(unit.policy, case)


async def count_stranded(unit: Unit) -> int:
    """How many cases have too small a panel that nobody can be drawn for."""
    cases = (await unit.session.exec(select(Case).where(col(Case.status).in_(IN_PANELS)))).all()
    return sum([await is_short(unit, case) and not await eligible(unit, case) for case in cases])


async def begin(unit: Unit, case: Case) -> None:
    """Draw the panel of a round and post the card; coordinators learn of a shortage."""
    await draw_panel(unit, case)
    if await is_short(unit, case):
        await tell_role(unit, Role.COORDINATOR, "review.panel-short", code=case.code, urgent=is_urgent(case))
    await card.post(unit, case)


async def vacate(unit: Unit, case: Case, seat: Seat, volunteer: Volunteer, target: SeatStatus, actor: str) -> None:
    """Empty a seat: what its holder was reading or asked to read goes at once. The caller draws the seat anew."""
    await move(unit, seat, target, ALLOWED, actor)
    await clear_slot(unit, volunteer.chat, reading_slot(case.id))
    await clear_notices(unit, volunteer.chat, case.id)


async def bar(unit: Unit, case: Case, volunteer: Volunteer) -> None:
    """Keep somebody from a case for good, as if they had stepped aside: it is, or was, their own."""
    known = select(Recusal.id).where(Recusal.case_id == case.id, Recusal.volunteer_id == volunteer.id)
    if (await unit.session.exec(known)).first() is None:
        unit.session.add(Recusal(case_id=case.id, volunteer_id=volunteer.id, at=unit.now))
        await unit.session.flush()
    for seat, member in await seated(unit, case):
        if member.id == volunteer.id:
            await vacate(unit, case, seat, volunteer, SeatStatus.REPLACED, "system")
            await begin(unit, case)


async def sits(unit: Unit, volunteer: Volunteer) -> bool:
    """Whether a volunteer holds any seat."""
    return await load_of(unit, volunteer) > 0


async def release(unit: Unit, volunteer: Volunteer, actor: str) -> int:
    """Empty every seat of somebody whose access ends, and fill them. Returns how many there were."""
    found = await unit.session.exec(
        select(Seat, Case)
        .join(Case, col(Case.id) == Seat.case_id)
        .where(Seat.volunteer_id == volunteer.id, col(Seat.status).in_(SEATED))
    )
    held = found.all()
    for seat, case in held:
        await unit.session.refresh(case, with_for_update=True)
        await vacate(unit, case, seat, volunteer, SeatStatus.REPLACED, actor)
        if case.status in IN_PANELS:
            await begin(unit, case)
    return len(held)


async def ask_anew(unit: Unit, case: Case, answered: Question | None = None) -> None:
    """The case has changed: who had voted is asked again, and everybody's time starts anew (see `_term`)."""
    for seat, volunteer in await seated(unit, case):
        seat.due_at = unit.now + _term(unit, case, seat, answered)
        if seat.status == SeatStatus.VOTED:
            await move(unit, seat, SeatStatus.DRAWN, ALLOWED, "system")
        await clear_slot(unit, volunteer.chat, reading_slot(case.id))
        await clear_notices(unit, volunteer.chat, case.id)
        await tell_member(unit, case, volunteer, "review.changed", f"{NOTICE}changed:{case.id}")


async def go_on(unit: Unit, case: Case, question: Question) -> None:
    """No answer has come: votes stand, time starts anew (see `_term`), and they are told to decide without."""
    for seat, volunteer in await seated(unit, case):
        seat.due_at = unit.now + _term(unit, case, seat, question)
        await tell_member(unit, case, volunteer, "review.no-answer", f"{NOTICE}changed:{case.id}")


async def dismiss(unit: Unit, case: Case, actor: str) -> None:
    """Close every seat of a case that is no longer decided on, and end all reading of it."""
    for seat, volunteer in await seated(unit, case):
        await vacate(unit, case, seat, volunteer, SeatStatus.CLOSED, actor)


async def tell_member(unit: Unit, case: Case, volunteer: Volunteer, key: str, slot: str | None = None) -> None:
    """Tell a member of the panel something about the case, by its code alone; in a slot, however often, once."""
    to = await volunteer_recipient(unit, volunteer)
    rows = [[Button(unit.texts.render("review.button.read", to.language), "reading.show")]]
    text = unit.texts.render(key, to.language, code=case.code)
    slot = slot or f"{NOTICE}{uuid4()}"
    await show(unit, to, Screen(text, rows), slot=slot, case=case, urgent=is_urgent(case))


def _term(unit: Unit, case: Case, seat: Seat, question: Question | None) -> timedelta:
    """How long a seat's holder has after a change, or after this question: who asked without voting has less."""
    whole = unit.policy.silent_after(urgent=is_urgent(case))
    if question is None or question.volunteer_id != seat.volunteer_id or seat.status == SeatStatus.VOTED:
        return whole
    return min(max(seat.due_at - question.asked_at, whole / 2), whole)


def _choose(pool: Sequence[Volunteer], count: int, language: str) -> list[Volunteer]:
    if count <= 0:
        return []
    near = [v for v in pool if v.language == language]
    far = [v for v in pool if v.language != language]
    chosen = SYSTEM_RANDOM.sample(near, min(count, len(near)))
    return chosen + SYSTEM_RANDOM.sample(far, min(count - len(chosen), len(far)))


async def _seat(unit: Unit, case: Case, volunteer: Volunteer) -> None:
    due = unit.now + unit.policy.silent_after(urgent=is_urgent(case))
    seat = Seat(
        case_id=case.id, volunteer_id=volunteer.id, round=round_of(case), drawn_at=unit.now, due_at=due,
        counts=volunteer.probation_left == 0,
    )  # fmt: skip
    unit.session.add(seat)
    await unit.session.flush()
    await record(unit, "system", "seat.drawn", about("case", case.id), volunteer=volunteer.id, round=seat.round)
    await tell_member(unit, case, volunteer, "review.drawn")


async def _find_silent(unit: Unit) -> Sequence[UUID]:
    found = await unit.session.exec(
        select(Seat.id)
        .join(Case, col(Case.id) == Seat.case_id)
        .where(Seat.status == SeatStatus.DRAWN, Seat.due_at <= unit.now, Case.status == CaseStatus.IN_REVIEW)
    )
    return found.all()


async def _replace_silent(unit: Unit, seat_id: UUID) -> None:
    seat = await unit.session.get(Seat, seat_id)
    case = await unit.session.get(Case, seat.case_id) if seat else None
    if seat is None or case is None:
        return
    await unit.session.refresh(case, with_for_update=True)
    await unit.session.refresh(seat)
    if seat.status != SeatStatus.DRAWN or seat.due_at > unit.now or case.status != CaseStatus.IN_REVIEW:
        return
    volunteer = await unit.session.get_one(Volunteer, seat.volunteer_id)
    others = [v for v in await eligible(unit, case) if (v.probation_left == 0) == seat.counts]
    if not others:
        seat.due_at = unit.now + unit.policy.silent_after(urgent=is_urgent(case))
        if seat.counts:
            await tell_role(unit, Role.COORDINATOR, "review.nobody-to-replace", code=case.code)
        return
    await vacate(unit, case, seat, volunteer, SeatStatus.REPLACED, "system")
    to = await volunteer_recipient(unit, volunteer)
    await notify(unit, to, Screen(unit.texts.render("review.replaced", to.language, code=case.code)))
    await silence.lost_seat(unit, volunteer)
    await draw_panel(unit, case)
    await card.post(unit, case)


async def _find_short(unit: Unit) -> Sequence[UUID]:
    cases = (await unit.session.exec(select(Case).where(col(Case.status).in_(IN_PANELS)))).all()
    return [case.id for case in cases if await is_short(unit, case) and await eligible(unit, case)]


async def _fill(unit: Unit, case_id: UUID) -> None:
    case = await unit.session.get(Case, case_id)
    if case is None:
        return
    await unit.session.refresh(case, with_for_update=True)
    if case.status in IN_PANELS and case.status in OPEN and await draw_panel(unit, case):
        await card.post(unit, case)


JOBS: tuple[Job, ...] = (
    Job("panel.silent", timedelta(minutes=1), _find_silent, _replace_silent),
    Job("panel.fill", timedelta(minutes=1), _find_short, _fill),
)
