"""Differences between books, payouts and attempts that nothing in the fund makes: each is found all the same."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from sqlmodel import select

from bot.database import Resources
from models.attempt import Attempt, AttemptStatus
from models.grant import Payout, PayoutStatus
from models.unit import Unit
from payments import ledger, reconcile
from payments.ledger import EntryKind, Purpose
from payments.money import Money
from payments.reconcile import Difference, Kind
from tests.unit.payments.carrier import Carrier
from tests.unit.services.desk import RUB, carried_desk
from tests.unit.services.fund import SMALL


async def _twice(unit: Unit, payout: UUID) -> Difference:
    done = (await unit.session.exec(select(Attempt))).one()
    unit.session.add(
        Attempt(
            payout_id=payout, rail=done.rail, status=AttemptStatus.DONE, amount=SMALL, currency=RUB,
            next_at=unit.now, made_at=unit.now, ended_at=unit.now,
        )
    )  # fmt: skip
    return Difference(Kind.TWICE, f"payout:{payout}", 2, 1)


async def _not_returned(unit: Unit, payout: UUID) -> Difference:
    (await unit.session.get_one(Payout, payout)).status = PayoutStatus.RETURNED
    return Difference(Kind.NOT_RETURNED, f"payout:{payout}", 0, SMALL)


async def _no_payout(unit: Unit, _: UUID) -> Difference:
    changes = {Purpose.FUND: Money(-1, RUB), Purpose.FEES: Money(1, RUB)}
    await ledger.post(unit, EntryKind.SETTLE, "settle:nobody", changes, actor="test")
    return Difference(Kind.NO_PAYOUT, f"ledger:{EntryKind.SETTLE}", 2, 1)


async def _suspense(unit: Unit, _: UUID) -> Difference:
    changes = {Purpose.FUND: Money(-SMALL, RUB), Purpose.SUSPENSE: Money(SMALL, RUB)}
    await ledger.post(unit, EntryKind.INCIDENT, "incident:nobody", changes, actor="test")
    return Difference(Kind.SUSPENSE, f"account:{Purpose.SUSPENSE}:{RUB}", SMALL, 0)


@pytest.mark.parametrize("make", [_twice, _not_returned, _no_payout, _suspense])
async def test_a_difference_is_found_alone_and_again(
    resources: Resources, make: Callable[[Unit, UUID], Awaitable[Difference]]
) -> None:
    """Beside a payment that agrees, whatever is put wrong by hand is the one difference, with its figures."""
    desk = await carried_desk(resources, Carrier())
    payout = await desk.ordered("carrier")
    await desk.tick()
    async with resources.unit() as unit:
        assert await reconcile.compare(unit) == []
        wrong = await make(unit, payout)
        await unit.session.flush()
        assert await reconcile.compare(unit) == [wrong]
        assert await reconcile.is_there(unit, wrong.kind, wrong.subject)
        for kind in Kind:
            assert kind == wrong.kind or not await reconcile.is_there(unit, kind, wrong.subject)
