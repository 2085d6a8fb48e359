"""The lock of the log's chain comes before a row that others come to with it: so nobody waits in a ring."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event
from sqlalchemy.exc import NoResultFound

from bot.database import Resources
from models.errors import ButtonGone
from models.unit import Unit
from models.volunteer import Role
from payments import breaker
from services import (
    donate_due,
    donate_gifts,
    donate_stars,
    donate_stripe,
    givers,
    screening,
    treasury_funding,
    vouchers,
)
from services.access import Actor
from tests.unit.services.fund import Fund

NOBODY = UUID(int=7)

Deed = Callable[[Unit, Actor], Awaitable[Any]]

DEEDS: dict[str, Deed] = {
    "a rail's health": lambda unit, _: breaker.worked(unit, "manual"),
    "a gift that is due": lambda unit, _: donate_due.locked(unit, NOBODY),
    "stars paid back": lambda unit, _: donate_stars.paid_back(unit, "charge"),
    "stars about to be paid": lambda unit, actor: donate_stars.check_payment(
        unit, actor, "1", str(NOBODY), "XTR", 1
    ),
    "a monthly gift that its giver stops": lambda unit, actor: donate_gifts.stop(unit, actor, NOBODY),
    "a monthly gift that Stripe has ended": lambda unit, _: donate_stripe.stopped(unit, NOBODY),
    "a gift taken back": lambda unit, actor: donate_gifts.take_back(unit, actor, NOBODY),
    "a giver looked up again": lambda unit, _: givers.JOBS[0].handle(unit, NOBODY),
    "old codes": lambda unit, _: vouchers.JOBS[0].handle(unit, NOBODY),
    "a possible match": lambda unit, actor: screening.check_may(unit, actor, NOBODY),
    "money that came in": lambda unit, actor: treasury_funding.refuse(unit, actor, NOBODY),
}


def locks_taken(resources: Resources) -> list[str]:
    """What every connection locks from now on, in order: the chain, or a row."""
    taken: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "pg_advisory_xact_lock" in statement:
            taken.append("chain")
        elif "FOR UPDATE" in statement:
            taken.append("row")

    event.listen(resources.engine.sync_engine, "before_cursor_execute", note)
    return taken


@pytest.mark.parametrize("what", DEEDS)
async def test_no_row_is_locked_before_the_chain(fund: Fund, what: str) -> None:
    """Whatever is locked, the chain of the log comes first (SQLite has one writer and locks nothing)."""
    await fund.confirmed("Thrush", Role.TREASURER)
    async with fund.resources.unit() as unit:
        actor = await fund.actor(unit, "Thrush")
        taken = locks_taken(fund.resources)
        with suppress(NoResultFound, ButtonGone):
            await DEEDS[what](unit, actor)
    assert taken[:1] == ([] if fund.resources.is_sqlite else ["chain"])
