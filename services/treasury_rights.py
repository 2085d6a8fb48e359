"""Who may act on a payout, who is called to it, and what is said when nobody can.

- Nobody pays, confirms or returns their own case, one they sat on the panel of (they may have read its story,
  whether they voted or not), decided in an emergency, or stepped aside from.
- Whoever is called to the desk can do what they are called for.
- That holds on when the case is cut off by erasing or withdrawing it: who they were is kept as keyed marks, until
  the payout has come to its end or, once it is paid, for the days in which money comes back (`PayoutBar`).
- A fund that has too few such treasurers says so to its coordinators, who alone can mend it.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import col, select

from models.case import Case
from models.destination import PayoutBar
from models.emergency import Emergency
from models.errors import NotAllowed, SteppedAside
from models.grant import PAYOUT_OVER, Grant, Payout, PayoutStatus
from models.panel import Recusal, Seat
from models.unit import Unit
from models.volunteer import Role, Volunteer
from payments import limits, payouts
from services.access import Act, Actor, has_stepped_aside, require
from services.contact import volunteer_recipient
from services.roles import holders, takes_work, tell_role
from services.speak import NOTICE, Button, Screen, clear_slot, notify, show
from vault.types import BlindIndex, IndexName

Held = tuple[Volunteer, Payout, Grant, Case | None]
"""The treasurer who acts, and what they act on."""


async def held(unit: Unit, actor: Actor, act: Act, payout_id: UUID) -> Held:
    """The payout that a treasurer acts on, or the refusal: no right, own case, on its panel, stepped aside."""
    require(actor, act)
    payout, grant, case = await payouts.load(unit, payout_id)
    volunteer = require(actor, act, case)
    if case is not None:
        if await has_stepped_aside(unit, case.id, volunteer.id):
            raise SteppedAside
        if await is_involved(unit, case, volunteer.id):
            raise NotAllowed("treasury.refused.voted")
    elif await _is_barred(unit, payout, volunteer):
        raise NotAllowed("treasury.refused.voted")
    return volunteer, payout, grant, case


async def is_involved(unit: Unit, case: Case, volunteer_id: UUID) -> bool:
    """Whether a volunteer sat on the panel of a case, decided on it in an emergency, or stepped aside from it."""
    sat = select(Seat.id).where(Seat.case_id == case.id, Seat.volunteer_id == volunteer_id)
    deciders = or_(col(Emergency.proposed_by) == volunteer_id, col(Emergency.agreed_by) == volunteer_id)
    decided = select(Emergency.id).where(Emergency.case_id == case.id, deciders)
    for query in (sat, decided):
        if (await unit.session.exec(query.limit(1))).first() is not None:
            return True
    return await has_stepped_aside(unit, case.id, volunteer_id)


async def able(unit: Unit, payout: Payout, case: Case | None, *, but: UUID | None = None) -> Sequence[Volunteer]:
    """The treasurers who may act on a payout, without the one who has acted already."""
    return [
        volunteer
        for volunteer in await holders(unit, Role.TREASURER)
        if volunteer.id != but and not await _has_part(unit, payout, case, volunteer)
    ]


async def to_call(unit: Unit, payout: Payout, case: Case | None, *, but: UUID | None = None) -> list[Volunteer]:
    """Those of them who are called: it is new work to all but the one who holds it."""
    may = await able(unit, payout, case, but=but)
    return [one for one in may if takes_work(one) or one.id == payout.claimed_by]


async def cut_off(unit: Unit, case: Case, grant: Grant) -> None:
    """Keep what is needed of a case that has just been cut off from its grant, as keyed marks; safe to repeat."""
    barred = await _barred(unit, case)
    for payout in (await unit.session.exec(select(Payout).where(Payout.grant_id == grant.id))).all():
        await limits.cut_off(unit, payout)
        if payout.status not in PAYOUT_OVER:
            for who in sorted(barred):
                await unit.session.merge(PayoutBar(payout_id=payout.id, mark=_mark(unit, payout, who)))
    await unit.session.flush()


def bars_over(unit: Unit) -> ColumnElement[bool]:
    """The condition of a bar whose payout has come to its end."""
    long_ago = unit.now - timedelta(days=unit.policy.limits.destination_days)
    paid = and_(col(Payout.status) == PayoutStatus.PAID, col(Payout.paid_at) <= long_ago)
    over = select(Payout.id).where(or_(col(Payout.status).in_(PAYOUT_OVER), paid))
    return col(PayoutBar.payout_id).in_(over)


async def call(
    unit: Unit,
    key: str,
    payout: Payout,
    case: Case | None,
    *,
    but: UUID | None = None,
    needed: int = 1,
    slot: str | None = None,
) -> None:
    """Call the treasurers who may act on a payout; coordinators learn when they are fewer than needed."""
    called = await to_call(unit, payout, case, but=but)
    for volunteer in called:
        await tell(unit, volunteer, key, payout, slot)
    if len(called) < needed:
        await tell_role(unit, Role.COORDINATOR, "treasury.told.too-few", missing=needed - len(called))


async def call_to_look(unit: Unit, payout: Payout, case: Case) -> None:
    """Call those who may look at a changed destination, of whom another one pays."""
    await call(unit, "treasury.told.changed", payout, case, needed=2, slot=_slot(payout))


async def call_to_take(unit: Unit, payout: Payout, case: Case, needed: int) -> None:
    """Call those who may take a payout that is new on the desk."""
    await call(unit, "treasury.told.queued", payout, case, needed=needed, slot=_slot(payout))


async def end_call(unit: Unit, payout: Payout) -> None:
    """One of them has looked, or the person has taken it back: the call goes from every chat."""
    for volunteer in await holders(unit, Role.TREASURER):
        await clear_slot(unit, volunteer.chat, _slot(payout))


def _slot(payout: Payout) -> str:
    return f"{NOTICE}payout:{payout.id}"


async def tell(unit: Unit, volunteer: Volunteer, key: str, payout: Payout, slot: str | None = None) -> None:
    """Tell one treasurer of a payout, with a button that opens it; in a slot of its own when none is named."""
    to = await volunteer_recipient(unit, volunteer)
    label = unit.texts.render("treasury.button.open", to.language)
    button = Button(label, "treasury.open", {"payout": str(payout.id)})
    screen = Screen(unit.texts.render(key, to.language), [[button]])
    if slot is None:
        await notify(unit, to, screen)
    else:
        await show(unit, to, screen, slot=slot)


async def _has_part(unit: Unit, payout: Payout, case: Case | None, volunteer: Volunteer) -> bool:
    if case is None:
        return await _is_barred(unit, payout, volunteer)
    return volunteer.chat == case.chat or await is_involved(unit, case, volunteer.id)


async def _is_barred(unit: Unit, payout: Payout, volunteer: Volunteer) -> bool:
    """Whether a volunteer had a part in the case that this payout was cut off from, or it was their own."""
    marks = [_mark(unit, payout, str(who)) for who in (volunteer.id, volunteer.chat)]
    found = await unit.session.exec(
        select(PayoutBar.mark).where(PayoutBar.payout_id == payout.id, col(PayoutBar.mark).in_(marks)).limit(1)
    )
    return found.first() is not None


async def _barred(unit: Unit, case: Case) -> set[str]:
    """Ids of all who had a part in a case, and its person's chat."""
    barred = {str(case.chat)} if case.chat is not None else set()
    for query in (
        select(Seat.volunteer_id).where(Seat.case_id == case.id),
        select(Recusal.volunteer_id).where(Recusal.case_id == case.id),
        select(Emergency.proposed_by).where(Emergency.case_id == case.id),
        select(Emergency.agreed_by).where(Emergency.case_id == case.id),
    ):
        barred |= {str(who) for who in (await unit.session.exec(query)).all() if who is not None}
    return barred


def _mark(unit: Unit, payout: Payout, who: str) -> BlindIndex:
    return unit.vault.index(IndexName.subject, f"bar {payout.id} {who}")
