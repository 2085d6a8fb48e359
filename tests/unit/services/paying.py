"""What treasurers do by hand, for the tests of the payout desk."""

from uuid import UUID

from models.case import CaseStatus
from models.doubt import Found, Ground
from models.grant import GrantStatus, PayoutStatus, ReturnReason
from models.unit import Unit
from services import treasury, treasury_doubts, treasury_returns
from services.access import Actor

P, G, C = PayoutStatus, GrantStatus, CaseStatus


async def pay(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """It was paid, as R-77."""
    await treasury.pay(unit, actor, payout_id, "R-77")


async def never(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """It was never paid."""
    await treasury_doubts.say(unit, actor, payout_id, Found.NEVER, Ground.STATEMENT)


async def came_back(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """The bank sent it back."""
    await treasury_returns.came_back(unit, actor, payout_id, ReturnReason.REFUSED)
