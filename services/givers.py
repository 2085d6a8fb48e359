"""Givers who are screened: what came with a gift by itself, and what a treasurer says of money that came by hand.

Rules of the screening itself are in `payments.screening.givers`. When somebody has decided that a giver is listed,
treasurers and coordinators are told at once: they tell the operator, whose counsel says what happens to the gift.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlmodel import select

from models import audit
from models.donation import Donation
from models.errors import BadInput, ButtonGone
from models.funding import Funding, FundingSource, FundingStatus
from models.screening import GiverCheck
from models.unit import Unit
from models.volunteer import Role
from payments.screening import givers
from services.access import Act, Actor, require
from services.jobs import Job
from services.roles import tell_role
from services.speak import Button, Screen, show
from services.typed import clean
from vault.types import BlindIndex

SHORTEST: Final = 2
"""Characters of a name."""


async def given(unit: Unit, donation: Donation, name: str | None) -> None:
    """A gift has been paid: screen who gave it, by the name that the provider has of them."""
    await givers.look(unit, donation.id, name, donation.monthly_id)


async def ask_name(unit: Unit, actor: Actor, funding_id: UUID) -> None:
    """Ask who gave money that came by hand."""
    await _pending(unit, actor, funding_id)
    back = Button(
        unit.texts.render("screening.button.back", actor.language),
        "treasury.fund_open",
        {"funding": str(funding_id)},
    )
    await show(unit, actor.to, Screen(unit.texts.render("screening.ask-giver", actor.language), [[back]]))


async def name_giver(unit: Unit, actor: Actor, funding_id: UUID, typed: str) -> None:
    """Screen who gave money that came by hand, before it is confirmed. Raises `BadInput`, `ButtonGone`."""
    await _pending(unit, actor, funding_id)
    name = clean(typed)
    if not SHORTEST <= len(name) <= givers.LONGEST:
        raise BadInput("screening.bad.giver", least=SHORTEST, most=givers.LONGEST)
    await givers.look(unit, funding_id, name)


async def may_name(unit: Unit, row: Funding) -> bool:
    """Whether it may still be said who gave."""
    by_hand = row.source is FundingSource.HAND and row.status is FundingStatus.PENDING
    return by_hand and await unit.session.get(GiverCheck, row.id) is None


async def decided(unit: Unit, subject: BlindIndex) -> None:
    """Somebody has decided about a subject: go on with the gifts that wait for it."""
    found = await unit.session.exec(select(GiverCheck.id).where(GiverCheck.subject == subject))
    for gift in found.all():
        await _settle(unit, gift)


async def _settle(unit: Unit, gift: UUID) -> None:
    await audit.hold(unit)  # before the row: a gift that is paid comes to it with the chain's lock
    row = await unit.session.get(GiverCheck, gift, with_for_update=True, populate_existing=True)
    if row is not None and await givers.settle(unit, row):
        for role in (Role.TREASURER, Role.COORDINATOR):
            await tell_role(unit, role, "screening.told.giver")


async def _pending(unit: Unit, actor: Actor, funding_id: UUID) -> Funding:
    require(actor, Act.ENTER_MONEY)
    row = await unit.session.get(Funding, funding_id, with_for_update=True, populate_existing=True)
    if row is None or not await may_name(unit, row):
        raise ButtonGone
    return row


async def _find_due(unit: Unit) -> Sequence[UUID]:
    return await givers.due(unit)


JOBS: tuple[Job, ...] = (Job("screening.givers", timedelta(minutes=1), _find_due, _settle),)
