"""What tests of doubts and incidents do: say what was found, die, restore, withdraw."""

from uuid import UUID

import pytest
from sqlmodel import select

from bot.operations import doubt_payments
from models.attempt import Attempt
from models.case import Case, CaseStatus
from models.doubt import Found, Ground
from models.grant import GrantStatus, PayoutStatus
from models.unit import Unit
from payments.ledger import Purpose, balance
from services import submission, treasury_doubts
from services.access import Actor
from tests.unit.payments.carrier import Carrier, Crashed, Fault
from tests.unit.services.desk import RUB, Desk

P, G, C, F = PayoutStatus, GrantStatus, CaseStatus, Fault


async def never(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """It was never paid."""
    await treasury_doubts.say(unit, actor, payout_id, Found.NEVER, Ground.PROVIDER)


async def paid(unit: Unit, actor: Actor, payout_id: UUID) -> None:
    """It was paid, as R-9."""
    await treasury_doubts.say(unit, actor, payout_id, Found.PAID, Ground.STATEMENT, " R-9 ")


async def restored(desk: Desk, fault: Fault | None = None) -> UUID:
    """A payout whose attempt stood open in the backup that was put back."""
    payout_id = await desk.ordered("carrier")
    if fault is not None:
        await dies(desk, fault)
    await doubt_payments(desk.resources)
    desk.later(minutes=2)
    return payout_id


async def dies(desk: Desk, fault: Fault) -> None:
    """The process dies while it asks the carrier."""
    rail = desk.resources.rails["carrier"]
    assert isinstance(rail, Carrier)
    rail.faults.append(fault)
    with pytest.raises(Crashed):
        await desk.tick()


async def withdraw(desk: Desk) -> None:
    """The person takes their request back."""
    async with desk.resources.unit() as unit:
        case = (await unit.session.exec(select(Case))).one()
        await submission.withdraw(unit, await desk.actor(unit, "Applicant"), case)


async def attempt_of(desk: Desk) -> Attempt:
    """The one attempt."""
    async with desk.resources.unit() as unit:
        return (await unit.session.exec(select(Attempt))).one()


async def suspense(desk: Desk) -> int:
    """What stands in suspense, in kopecks."""
    async with desk.resources.unit() as unit:
        return (await balance(unit, Purpose.SUSPENSE, RUB)).amount
