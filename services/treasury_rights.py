"""Who may act on a payout, who is called to it, and what is said when nobody can.

- Nobody pays, confirms or returns their own case, one they sat on the panel of (they may have read its story,
  whether they voted or not), decided in an emergency, or stepped aside from.
- Whoever is called to the desk can do what they are called for.
- A fund that has too few such treasurers says so to its coordinators, who alone can mend it.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import or_
from sqlmodel import col, select

from models.case import Case
from models.emergency import Emergency
from models.errors import NotAllowed, SteppedAside
from models.grant import Grant, Payout
from models.panel import Seat
from models.unit import Unit
from models.volunteer import Role, Volunteer
from payments import payouts
from services.access import Act, Actor, has_stepped_aside, require
from services.contact import volunteer_recipient
from services.roles import holders, tell_role
from services.speak import Button, Screen, notify

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


async def able(unit: Unit, case: Case | None, *, but: UUID | None = None) -> Sequence[Volunteer]:
    """The treasurers who may act on a payout of this case, without the one who has acted already."""
    return [
        volunteer
        for volunteer in await holders(unit, Role.TREASURER)
        if volunteer.id != but
        and (case is None or (volunteer.chat != case.chat and not await is_involved(unit, case, volunteer.id)))
    ]


async def call(
    unit: Unit, key: str, payout: Payout, case: Case | None, *, but: UUID | None = None, needed: int = 1
) -> None:
    """Call the treasurers who may act on a payout; coordinators learn when they are fewer than needed."""
    called = await able(unit, case, but=but)
    for volunteer in called:
        await tell(unit, volunteer, key, payout)
    if len(called) < needed:
        await tell_role(unit, Role.COORDINATOR, "treasury.told.too-few", missing=needed - len(called))


async def tell(unit: Unit, volunteer: Volunteer, key: str, payout: Payout) -> None:
    """Tell one treasurer of a payout, with a button that opens it."""
    to = await volunteer_recipient(unit, volunteer)
    label = unit.texts.render("treasury.button.open", to.language)
    button = Button(label, "treasury.open", {"payout": str(payout.id)})
    await notify(unit, to, Screen(unit.texts.render(key, to.language), [[button]]))
